"""Reading flows: every problem is named, nothing dangerous is loaded; showing the path; reading what was tried."""

from typing import Any

import pytest
import yaml

from engine.flows import (
    BUILT_IN_SIZE,
    FlowInvalid,
    FlowState,
    NodeKind,
    Outcome,
    Problem,
    Risk,
    find_tried,
    outline,
    parse_flow,
    split_tried,
)

GOOD = """
id: lamp
title: The lamp is dark
domain: building
summary: A desk lamp gives no light.
symptoms: [My lamp is dark, The light does not go on]
keywords: [lamp, light]
state: validated
start: plug
nodes:
  - id: plug
    kind: question
    text: Is the lamp plugged in? Look behind the desk.
    why: Unplugged lamps are dark.
    say_to_user: Please look at the plug.
    already: [checked the plug]
    options:
      - {id: yes, label: Yes, to: bulb, outcome: yes, fact: It is plugged in., rules_out: No power}
      - {id: no, label: No, to: check, outcome: fixed, suspects: No power, confidence: 80}
      - {id: burnt, label: Smells burnt, to: escalate, outcome: other}
  - id: bulb
    kind: script
    text: Change the bulb.
    why: Bulbs wear out.
    already: [changed bulb, replaced the light bulb]
    script: {language: powershell, risk: destructive, text: Set-Bulb -New, rollback: Put the old bulb back.}
    options:
      - {id: lit, label: It is lit, to: check, outcome: fixed}
      - {id: dark, label: Still dark, to: plug, outcome: no_change}
  - id: check
    kind: verification
    text: Switch it off and on.
    why: It must last.
    options:
      - {id: good, label: Lit, to: done, outcome: fixed}
      - {id: bad, label: Dark, to: escalate, outcome: no}
  - id: done
    kind: resolution_suggestion
    text: The lamp is lit.
    cause: No power or a worn bulb.
    fix: Plugged in or bulb changed.
"""


def problems(text: str, size: tuple[int, int] = (2, 80)) -> list[Problem]:
    with pytest.raises(FlowInvalid) as caught:
        parse_flow(text, "lamp.yaml", size)
    assert all(problem.source == "lamp.yaml" for problem in caught.value.problems)
    return list(caught.value.problems)


def found(text: str, size: tuple[int, int] = (2, 80)) -> set[tuple[str, str]]:
    return {(problem.node, problem.field) for problem in problems(text, size)}


def changed(**nodes: dict[str, Any] | None) -> str:
    """GOOD with fields of its nodes replaced; a None value removes the field."""
    raw = yaml.load(GOOD, Loader=yaml.BaseLoader)  # noqa: S506 - builds texts only
    for node in raw["nodes"]:
        for field, value in (nodes.get(node["id"]) or {}).items():
            node.pop(field, None) if value is None else node.__setitem__(field, value)
    return yaml.safe_dump(raw, sort_keys=False)


def options(*targets: str) -> list[dict[str, str]]:
    return [{"id": f"o{number}", "label": f"Answer {number}", "to": to} for number, to in enumerate(targets)]


def test_a_good_flow_is_read_whole() -> None:
    flow = parse_flow(GOOD, "lamp.yaml")
    assert (flow.id, flow.start, flow.state, flow.source) == (
        "lamp",
        "plug",
        FlowState.VALIDATED,
        "lamp.yaml",
    )
    assert list(flow.nodes) == ["plug", "bulb", "check", "done"]
    plug, bulb, done = flow.nodes["plug"], flow.nodes["bulb"], flow.nodes["done"]
    assert plug.kind is NodeKind.QUESTION and plug.say_to_user == "Please look at the plug."
    assert bulb.script is not None and bulb.script.risk is Risk.DESTRUCTIVE
    assert bulb.script.rollback == "Put the old bulb back."
    assert (done.cause, done.options) == ("No power or a worn bulb.", ())
    assert [option.confidence for option in plug.options] == [None, 80, None]


def test_yes_and_no_stay_words() -> None:
    first, second, _ = parse_flow(GOOD, "lamp.yaml").nodes["plug"].options
    assert (first.label, first.outcome) == ("Yes", Outcome.YES)
    assert (second.id, second.label) == ("no", "No")


def test_a_read_flow_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        parse_flow(GOOD, "lamp.yaml").nodes["new"] = None  # type: ignore[index]


def test_state_start_and_outcome_have_defaults() -> None:
    text = GOOD.replace("state: validated\n", "").replace("start: plug\n", "").replace(", outcome: other", "")
    flow = parse_flow(text, "lamp.yaml")
    assert (flow.state, flow.start) == (FlowState.NOT_VALIDATED, "plug")
    assert flow.nodes["plug"].options[2].outcome is Outcome.OTHER


def test_an_unknown_target_is_named() -> None:
    (problem,) = problems(changed(check={"options": options("done", "nowhere")}))
    assert (problem.node, problem.field) == ("check", "options.to")
    assert "nowhere" in problem.message
    assert str(problem).startswith("lamp.yaml, step “check”, options.to: ")


def test_a_start_that_is_no_step_is_named() -> None:
    assert found(GOOD.replace("start: plug", "start: socket")) == {("", "start")}


def test_a_step_nobody_reaches_is_named() -> None:
    assert found(changed(plug={"options": options("check", "escalate")})) == {("bulb", "id")}


def test_an_id_used_twice_is_named() -> None:
    assert ("plug", "id") in found(GOOD.replace("- id: bulb", "- id: plug"))


def test_a_key_given_twice_is_named() -> None:
    assert ("", "title") in found(GOOD + "title: Another\n")


def test_missing_texts_are_all_named_at_once() -> None:
    text = changed(plug={"text": None}, bulb={"text": "  "}).replace("title: The lamp is dark\n", "")
    assert found(text) == {("plug", "text"), ("bulb", "text"), ("", "title")}


def test_a_circle_without_exit_is_named() -> None:
    text = changed(plug={"options": options("bulb", "check")}, bulb={"options": options("bulb", "bulb")})
    assert found(text) == {("bulb", "options.to")}


def test_a_circle_with_an_exit_is_allowed() -> None:
    assert parse_flow(GOOD, "lamp.yaml").nodes["bulb"].options[1].to == "plug"


def test_a_flow_that_never_resolves_is_named() -> None:
    text = changed(check={"options": options("escalate", "plug")})
    assert ("", "nodes") in found(text)


def test_a_resolution_reached_past_the_verification_is_named() -> None:
    assert found(changed(bulb={"options": options("check", "done")})) == {("done", "kind")}


def test_a_script_without_risk_is_named() -> None:
    assert found(changed(bulb={"script": {"language": "cmd", "text": "dir"}})) == {("bulb", "script.risk")}


def test_a_destructive_script_without_rollback_is_named() -> None:
    script = {"language": "cmd", "text": "del x", "risk": "destructive"}
    assert found(changed(bulb={"script": script})) == {("bulb", "script.rollback")}


def test_a_script_step_without_a_script_is_named() -> None:
    assert found(changed(bulb={"script": None})) == {("bulb", "script")}


@pytest.mark.parametrize("count", [0, 1, 6])
def test_too_few_or_too_many_options_are_named(count: int) -> None:
    assert ("check", "options") in found(changed(check={"options": options(*["done"] * count)}))


def test_an_option_that_leads_nowhere_is_named() -> None:
    listed = [*options("done"), {"id": "end", "label": "End"}]
    assert found(changed(check={"options": listed})) == {("check", "options[end].to")}


def test_two_options_with_one_id_are_named_once() -> None:
    listed = options("done", "escalate")
    listed[1]["id"] = listed[0]["id"]
    assert [problem.field for problem in problems(changed(check={"options": listed}))] == ["options[o0].id"]


@pytest.mark.parametrize(
    ("node", "field", "length", "fits"),
    [("plug", "text", 600, True), ("plug", "text", 601, False), ("bulb", "why", 301, False)],
)
def test_texts_have_a_longest_length(node: str, field: str, length: int, fits: bool) -> None:
    text = changed(**{node: {field: "x" * length}})
    assert parse_flow(text, "lamp.yaml") if fits else found(text) == {(node, field)}


def test_a_label_must_fit_a_button() -> None:
    listed = options("done", "escalate")
    listed[0]["label"] = "x" * 76
    assert found(changed(check={"options": listed})) == {("check", "options[o0].label")}


def test_packaged_flows_have_eight_to_twenty_five_steps() -> None:
    assert found(GOOD, BUILT_IN_SIZE) == {("", "nodes")}


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("kind: script", "kind: magic", ("bulb", "kind")),
        ("state: validated", "state: great", ("", "state")),
        ("outcome: other", "outcome: perhaps", ("plug", "options[burnt].outcome")),
        ("confidence: 80", "confidence: 101", ("plug", "options[no].confidence")),
        ("confidence: 80", "confidence: high", ("plug", "options[no].confidence")),
        ("risk: destructive", "risk: none", ("bulb", "script.risk")),
        ("say_to_user:", "say_to_usr:", ("plug", "say_to_usr")),
        ("id: lamp", "id: The Lamp", ("", "id")),
        ("keywords: [lamp, light]", "keywords: lamp", ("", "keywords")),
        ("text: Change the bulb.", "text: [Change]", ("bulb", "text")),
        ("text: Change the bulb.", "text: Change the bulb.\n    cause: worn", ("bulb", "cause")),
    ],
)
def test_slips_are_named_where_they_are(old: str, new: str, where: tuple[str, str]) -> None:
    assert old in GOOD
    assert found(GOOD.replace(old, new, 1)) == {where}


def test_escalate_is_no_name_for_a_step() -> None:
    assert ("escalate", "id") in found(GOOD.replace("bulb", "escalate"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just words",
        "- a\n- b",
        "a: [",
        "a: b: c",
        "\x00",
        "? [a, b]\n: c",
        "!!python/object/apply:os.system [ls]",
        "&a [*a]",
    ],
)
def test_what_is_no_flow_is_refused_in_words(text: str) -> None:
    assert {field for _, field in found(text)} & {"file", "id", "nodes"}


def test_aliases_are_refused_before_they_unfold() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(12)
    )
    (problem,) = problems(bomb)
    assert "aliases" in problem.message


def test_huge_and_deep_texts_are_refused() -> None:
    assert "256 KB" in problems("a: " + "x" * 300_000)[0].message
    assert "nested" in problems("[" * 50_000)[0].message


def test_the_outline_shows_the_main_path_first_and_each_step_once() -> None:
    lines = outline(parse_flow(GOOD, "lamp.yaml"), "plug")
    assert lines == (
        "1. Is the lamp plugged in?",
        "2. Change the bulb",
        "3. Switch it off and on",
        "4. The lamp is lit",
    )


def test_the_outline_starts_where_the_technician_is_and_names_side_branches() -> None:
    text = changed(plug={"options": options("check", "bulb")})
    assert outline(parse_flow(text, "lamp.yaml"), "check") == (
        "1. Switch it off and on",
        "2. The lamp is lit",
    )
    assert outline(parse_flow(text, "lamp.yaml"), "plug")[3] == "4. If step 1 is “Answer 1”: Change the bulb"


@pytest.mark.parametrize(
    ("text", "items"),
    [
        (
            "rebooted, no change; flushed dns: fixed it for an hour",
            ("rebooted, no change", "flushed dns: fixed it for an hour"),
        ),
        ("- cleared queue\n- new driver (no luck)\n\n", ("cleared queue", "new driver (no luck)")),
        ("1. pinged it 2. swapped cable", ("pinged it", "swapped cable")),
        ("restarted spooler and reinstalled driver", ("restarted spooler", "reinstalled driver")),
        ("checked user name and password", ("checked user name and password",)),
        ("Already tried: rebooting. It did not help", ("rebooting, It did not help",)),
        (
            "ran sfc, new profile, none of it helped",
            ("ran sfc, none of it helped", "new profile, none of it helped"),
        ),
        ("reset 10.0.0.1, pinged 8.8.8.8", ("reset 10.0.0.1", "pinged 8.8.8.8")),
        ("", ()),
        (" , ;\n- ", ()),
    ],
)
def test_a_list_is_split_and_results_stay_with_their_item(text: str, items: tuple[str, ...]) -> None:
    assert split_tried(text) == items


@pytest.mark.parametrize(
    ("phrase", "outcome"),
    [
        ("changed bulb", None),
        ("changed bulb: no change", "no_change"),
        ("changed bulb, didn't help", "no_change"),
        ("changed the bulb but still dark", "no_change"),
        ("changed bulb - fixed it", "fixed"),
        ("changed bulb, it worked", "fixed"),
        ("changed bulb: worked for an hour", "other"),
        ("changed bulb, failed", "no"),
        ("changed bulb: could not open it", "no"),
        ("changed bulb, no errors", "yes"),
        ("changed bulb -> ok", "yes"),
        ("changed bulb, none of it helped", "no_change"),
        ("replaced the light bulb, same problem", "no_change"),
    ],
)
def test_what_came_of_a_check_is_read(phrase: str, outcome: str | None) -> None:
    assert find_tried(parse_flow(GOOD, "lamp.yaml"), [phrase]) == {"bulb": (phrase, outcome)}


@pytest.mark.parametrize(
    "phrase", ["changed desk", "bulb", "lamp is dark", "", "no change", "!!!", "the lamp is lit"]
)
def test_other_words_mark_no_check(phrase: str) -> None:
    assert find_tried(parse_flow(GOOD, "lamp.yaml"), [phrase]) == {}


def test_a_phrase_that_tells_the_result_wins_over_one_that_does_not() -> None:
    marked = find_tried(
        parse_flow(GOOD, "lamp.yaml"), ["changed bulb", "changed bulb: no change", "changed bulb: ok"]
    )
    assert marked == {"bulb": ("changed bulb: no change", "no_change")}


def test_a_hostile_list_is_cut_to_a_bounded_number_of_items() -> None:
    items = split_tried("a, " * 20_000 + "and " * 20_000 + "- " * 20_000 + "still " * 20_000)
    assert len(items) == 40
    assert find_tried(parse_flow(GOOD, "lamp.yaml"), items) == {}
