"""The package: every sentence rests on something that happened, and no negative finding is lost."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.escalation import PARTS, UNAVAILABLE, brief, briefing, checked, package, sbar_note
from engine.history import History
from engine.session import (
    Escalation,
    Fact,
    Hypothesis,
    HypothesisState,
    Intake,
    IntakeType,
    Manner,
    NoteKind,
    Option,
    Step,
    StepKind,
    Target,
)
from tests.engine.record import ANA, ANSWERS, BEN, NOON, TICKET, history, note, step

ASKED = Escalation(
    ANA, NOON, "Out of ideas", Target(), blockers="no firewall rights", promised="call back by five"
)
STUCK = history(
    step(1, "Who cannot print?", None, "Only Jane", StepKind.QUESTION, learned=("Only Jane cannot print",)),
    step(2, "Power cycle the printer", ruled_out=("Paper jam",)),
    step(3, "Restart the print spooler"),
    step(4, "Open the firewall", None, "no rights", manner=Manner.CANNOT_DO),
    notes=(note("Jane hears a clicking noise", ANA, NoteKind.EVIDENCE),),
    escalation=ASKED,
    hypotheses=(
        Hypothesis("Broken driver", evidence=(Fact("Only Jane cannot print", 1),)),
        Hypothesis("Wrong port"),
        Hypothesis("Paper jam", HypothesisState.RULED_OUT),
    ),
    current=Step(5, StepKind.ACTION, "Reinstall the driver", NOON, options=ANSWERS),
)


def sentences(made: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for part in PARTS for each in made[part]]


def said(made: dict[str, Any], part: str) -> list[str]:
    return [each["text"] for each in made[part]]


def test_the_package_is_sbar_with_steps_results_observations_tickets_and_promises() -> None:
    made = package(STUCK, TICKET)
    assert said(made, "situation")[0] == "Cannot print to the printer upstairs."
    assert "Out of ideas" in said(made, "situation")[-1]
    assert {"text": "Only Jane cannot print.", "cites": [1]} in made["background"]
    assert {"text": "Ruled out: Paper jam.", "cites": [2]} in made["background"]
    assert said(made, "assessment") == ["Still possible: Broken driver, because Only Jane cannot print."]
    assert "Still to do, Open the firewall: could not be done, no rights." in said(made, "recommendation")
    assert {"text": "Next on the table: Reinstall the driver.", "cites": [5]} in made["recommendation"]
    assert made["blockers"] == "no firewall rights"
    assert made["promised"] == "call back by five"
    assert made["recent_tickets"] == ["#4690 same error (Closed, solved by Ben: renewed the token)."]
    assert any("clicking noise" in each["text"] for each in made["observations"])
    assert len(made["steps"]) == 4


def test_every_sentence_cites_something_that_happened() -> None:
    made = package(STUCK, TICKET)
    assert all(each["cites"] for each in sentences(made))
    assert {n for each in sentences(made) for n in each["cites"]} <= {0, 1, 2, 3, 4, 5}


def test_a_hypothesis_without_evidence_is_named_as_such_and_asserted_nowhere() -> None:
    made = package(STUCK, TICKET)
    assert not any("Wrong port" in each["text"] for each in sentences(made))
    assert "Possible, without evidence yet: Wrong port." in sbar_note(made)


def test_with_nothing_to_go_on_the_assessment_is_unavailable_and_says_so() -> None:
    made = package(history(), None)
    assert made["assessment_state"] == "unavailable"
    assert UNAVAILABLE in sbar_note(made).split("\n")
    assert UNAVAILABLE in briefing(history(step(1, option="fixed")), None, None, fresh=False)[0].split("\n")
    assert "Steps: None yet." in sbar_note(made)


def test_with_every_cause_ruled_out_the_last_result_is_the_assessment() -> None:
    made = package(history(step(1), step(2, "Swap the cable")), None)
    assert said(made, "assessment") == [
        "No cause is left standing; the last result was Swap the cable: No change."
    ]


def test_the_package_is_json() -> None:
    made = package(STUCK, TICKET)
    assert json.loads(json.dumps(made)) == made


# ── The check ───────────────────────────────────────────────────────────────────────────────────────────────


def written(text: str, *cites: int, part: str = "background") -> dict[str, Any]:
    return {**package(STUCK, TICKET), part: [{"text": text, "cites": list(cites)}]}


@pytest.mark.parametrize(
    ("text", "cites"),
    [
        ("The printer was power cycled without any change", [2]),
        ("Only Jane cannot print", [1]),
        ("Jane cannot print since this morning", [0]),
        ("A paper jam was ruled out", [2]),
    ],
)
def test_a_sentence_that_rests_on_its_step_is_kept(text: str, cites: list[int]) -> None:
    assert text in said(checked(written(text, *cites), STUCK, TICKET), "background")


@pytest.mark.parametrize(
    ("text", "cites", "why"),
    [
        ("Only Jane cannot print", [], "it cites nothing"),
        ("Only Jane cannot print", [9], "there is no such step"),
        ("Only Jane cannot print", [1, 9], "one of its steps does not exist"),
        ("The DNS server was replaced", [2], "nobody did that"),
        ("Restarting the print spooler fixed it", [3], "the step says no change"),
        ("The printer at 10.1.2.3 was power cycled", [2], "the address stands nowhere"),
        ("The printer has a paper jam", [2], "that was ruled out"),
        ("Only Jane cannot print", [3], "it is another step's finding"),
    ],
)
def test_a_sentence_is_dropped_when_its_step_does_not_carry_it(text: str, cites: list[int], why: str) -> None:
    assert text not in said(checked(written(text, *cites), STUCK, TICKET), "background"), why


@pytest.mark.parametrize(
    "broken", [None, "text", [None], [{"text": 1, "cites": [1]}], [{"text": "x", "cites": ["1"]}], [{}]]
)
def test_a_part_of_the_wrong_shape_is_dropped_whole(broken: object) -> None:
    made = checked({**package(STUCK, TICKET), "situation": broken}, STUCK, TICKET)
    assert made["situation"] == []


def test_an_answer_that_was_corrected_carries_nothing() -> None:
    corrected = history(replace(step(1, "Check the cable", "yes"), corrected_by=2))
    made = {"background": [{"text": "Check the cable: Yes", "cites": [1]}]}
    assert checked(made, corrected)["background"] == []


def test_negative_findings_come_back_when_somebody_left_them_out() -> None:
    made = checked({part: [] for part in PARTS}, STUCK)
    assert said(made, "background") == [
        "Ruled out: Paper jam.", "Power cycle the printer: No change.", "Restart the print spooler: No change.",
    ]  # fmt: skip
    assert made["ruled_out"] == [{"text": "Paper jam", "step": 2}]


words = some.sampled_from(
    ["Paper jam", "driver 12", "works", "not", "Restart it", "x" * 900, "10.0.0.5 down", "\n\x00", "ok"]
)
options = some.sampled_from([None, "fixed", "no_change", "yes", "no"])
manners = some.sampled_from(list(Manner))
kinds = some.sampled_from([k for k in StepKind if k is not StepKind.BRIEFING])
drawn = some.lists(some.tuples(words, options, words, kinds, manners, words, words), max_size=6)


@given(drawn)
def test_the_check_keeps_all_that_the_rules_wrote_and_checking_twice_is_once(
    rows: list[tuple[Any, ...]],
) -> None:
    steps = [
        step(n, text, option, answer, kind, manner, learned=(fact,), ruled_out=(cause,))
        for n, (text, option, answer, kind, manner, fact, cause) in enumerate(rows, 1)
    ]
    record = history(
        *steps, hypotheses=tuple(Hypothesis(f.text, evidence=(f,)) for s in steps for f in s.learned)
    )
    made = package(record, TICKET)
    assert checked(made, record, TICKET) == made
    assert [each["step"] for each in made["ruled_out"]] == [f.step for f in record.ruled_out]
    background = said(made, "background")
    short = [f.text for f in record.ruled_out if f.text.strip("\n\x00") and len(f.text) < 300]
    assert all(any(cause in each for each in background) for cause in short)


# ── What is read ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_note_carries_every_result_with_its_step_and_reads_on_one_line() -> None:
    text = sbar_note(package(STUCK, TICKET))
    assert [line.partition(":")[0] for line in text.split("\n")] == [
        *("Situation", "Background", "Assessment", "Recommendation", "Ruled out", "Blocked by"),
        *(
            "Promised to the user",
            "Possible, without evidence yet",
            "Steps",
            "Observations",
            "Other tickets of the contact, 14 days",
        ),
    ]
    assert "Still possible: Broken driver, because Only Jane cannot print (step 1)." in text
    assert "Step 3, Restart the print spooler: No change." in text
    assert "Cannot print to the printer upstairs (intake)." in text
    assert all(line.endswith((".", "…")) for line in text.split("\n"))


def test_two_hundred_steps_keep_every_result_in_the_note() -> None:
    many = history(*(step(n, f"Check number {n}", None, f"result {n}") for n in range(1, 201)))
    text = sbar_note(package(many, None))
    assert all(f"result {n}" in text for n in range(1, 201))
    assert len(text) < 30_000


def test_the_card_gets_a_few_short_lines() -> None:
    found = brief(package(STUCK, TICKET))
    assert found[:4] == (
        "Cannot print to the printer upstairs.", "Why: Out of ideas.", "4 steps done.", "Ruled out: Paper jam.",
    )  # fmt: skip
    assert len(found) == 7
    assert all(len(line) <= 240 for line in found)
    assert brief(package(history(), None)) == (
        "Jane cannot print since this morning.",
        "No step done yet.",
        UNAVAILABLE,
    )


# ── The briefing ────────────────────────────────────────────────────────────────────────────────────────────


def test_continue_shows_everything_in_fifteen_hundred_characters() -> None:
    text, facts, ruled_out = briefing(STUCK, TICKET, package(STUCK, TICKET), fresh=False)
    assert "Broken driver" in text
    assert "call back by five" in text
    assert "Restart the print spooler: No change." in text
    assert facts == (Fact("Only Jane cannot print", 1),)
    assert ruled_out == ("Paper jam",)


def test_fresh_shows_facts_ruled_out_causes_and_what_was_done_but_no_belief() -> None:
    text, facts, ruled_out = briefing(STUCK, TICKET, package(STUCK, TICKET), fresh=True)
    assert "Only Jane cannot print" in text
    assert "Paper jam" in text
    assert "Power cycle the printer: No change." in text
    assert "call back by five" in text
    assert facts == (Fact("Only Jane cannot print", 1),)
    assert ruled_out == ("Paper jam",)
    for belief in ("Broken driver", "Wrong port", "Assessment", "Out of ideas", "Still possible"):
        assert belief not in text


def believed(cause: str, **more: Any) -> History:
    """A record in which the cause stands wherever words can stand."""
    asked = replace(ASKED, reason=f"I think {cause}", blockers=f"{cause}, no rights", promised=f"fix {cause}")
    return history(
        step(1, f"Check whether {cause.upper()} is it", "no_change", f"not {cause}", learned=(f"{cause} seen at noon",)),
        step(2, "Look", None, f"maybe {cause.replace(' ', '  ')}?", why=cause, ruled_out=(f"{cause} too", "Paper jam")),
        notes=(note(f"It is {cause}"),),
        intake=Intake(IntakeType.FREE_TEXT, f"Jane says {cause}"),
        problem_summary=f"Caused by {cause}",
        escalation=asked,
        hypotheses=(
            Hypothesis(cause, evidence=(Fact(f"{cause} seen at noon", 1),)), Hypothesis("Paper jam", HypothesisState.RULED_OUT),
        ),
        **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    "cause", ["Spooler is stuck", "DNS", "C:\\spool full (again)", "Größe 2 überschritten"]
)
def test_fresh_shows_no_hypothesis_anywhere_however_it_was_written(cause: str) -> None:
    record = believed(cause)
    ticket = replace(TICKET, summary=f"Printing fails, {cause}")
    text, facts, ruled_out = briefing(record, ticket, package(record, ticket), fresh=True)
    everything = " ".join([text, *(f.text for f in facts), *ruled_out]).casefold()
    assert cause.casefold() not in " ".join(everything.split())
    assert "paper jam" in everything
    assert "seen at noon" in everything


@given(some.text(alphabet="abcdefgh ", min_size=3, max_size=30).filter(lambda t: len(t.split()) >= 2))
def test_fresh_never_shows_any_hypothesis(cause: str) -> None:
    text, facts, ruled_out = briefing(believed(cause), None, None, fresh=True)
    everything = re.sub(r"\W+", " ", " ".join([text, *(f.text for f in facts), *ruled_out]).casefold())
    assert f" {' '.join(cause.split())} " not in f" {everything} "


def test_fresh_blanks_a_belief_in_the_label_that_was_clicked() -> None:
    clicked = replace(step(1, "Look", "yes"), options=(Option("yes", "Yes, broken driver"),))
    record = history(clicked, hypotheses=(Hypothesis("Broken driver"),))
    assert "Look: Yes, …" in briefing(record, None, None, fresh=True)[0]


@pytest.mark.parametrize("fresh", [True, False])
def test_the_briefing_of_a_huge_record_stays_short_and_says_what_it_leaves_out(fresh: bool) -> None:
    steps = [
        step(
            n,
            "Check " + "x" * 2_000,
            "no_change",
            learned=(f"fact {n} " + "y" * 500,),
            ruled_out=(f"cause {n}",),
        )
        for n in range(1, 120)
    ]
    record = history(*steps, intake=Intake(IntakeType.FREE_TEXT, "z" * 100_000), escalation=ASKED)
    text, facts, ruled_out = briefing(record, None, None, fresh=fresh)
    assert len(text) <= 1_500
    assert "more." in text
    assert len(facts) == len(ruled_out) == 119


def test_a_briefing_without_any_record_says_so() -> None:
    empty = history(intake=Intake(IntakeType.SCREENSHOT))
    assert briefing(empty, None, None, fresh=True) == ("Nothing was recorded before you.", (), ())


def test_the_note_tells_each_answer_once() -> None:
    asked = step(1, "Who cannot print?", None, "Only Jane, on the second floor", StepKind.QUESTION)
    assert sbar_note(package(history(asked), None)).count("second floor") == 1


def test_the_engineer_before_is_named_in_the_observations() -> None:
    record = history(notes=(note("The light blinks", BEN, NoteKind.EVIDENCE),))
    assert package(record, None)["observations"] == [{"text": "Ben Example: The light blinks", "step": 1}]
