"""A press as it comes back from Teams: ours in full, somebody else's not at all, and a hostile one bounded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.inbound import storable
from bot.teams.clicks import LONGEST_FIELD, MOST_ARGS, MOST_FIELDS, Pressed, read
from tests.bot.teams.activities import carries, press

STEP = {"session": "5f0c", "step": "2"}


def test_a_button_is_its_verb_and_its_arguments() -> None:
    pressed = Pressed("answer", {**STEP, "option": "yes"})
    assert read(press(carries("answer", {**STEP, "option": "yes"}))["value"]) == pressed
    assert read(carries("answer", {**STEP, "option": "yes"})) == pressed


def test_a_form_brings_its_own_fields_and_no_other_forms() -> None:
    carried = carries("pause", STEP, "2", reason="Waits for the vendor") | {
        "f1:reason": "x",
        "say": "y",
        "f22:reason": "z",
    }
    assert read(carried) == Pressed("pause", STEP, {"reason": "Waits for the vendor"}, True, "2")


def test_the_form_of_the_card_itself_has_number_nought() -> None:
    assert read(carries("start", {}, "0", text="No mail")) == Pressed(
        "start", {}, {"text": "No mail"}, True, "0"
    )


def test_a_tick_is_yes_or_empty() -> None:
    pressed = read(carries("resolve", {}, "1", a=True, b=False, c="yes", d="", e=None))
    assert pressed is not None
    assert pressed.fields == {"a": "yes", "b": "", "c": "yes", "d": "", "e": ""}


def test_a_number_is_taken_as_its_digits() -> None:
    pressed = read(
        carries("rate", {"session": 7}, "1", rating=4, minutes=1.5, endless=float("inf"), large=10**400)
    )
    assert pressed is not None
    assert pressed.args == {"session": "7"}
    assert pressed.fields == {"rating": "4", "minutes": "1.5", "endless": "", "large": ""}


def test_what_was_typed_to_look_for_a_ticket_counts_only_where_none_was_chosen() -> None:
    typed = {"f1:ticket~search": "4711"}
    assert read(carries("link", {}, "1", ticket="12") | typed) == Pressed(
        "link", {}, {"ticket": "12"}, True, "1"
    )
    assert read(carries("link", {}, "1", ticket="") | typed) == Pressed(
        "link", {}, {"ticket": "4711"}, True, "1"
    )
    assert read(carries("link", {}, "1") | typed) == Pressed("link", {}, {"ticket": "4711"}, True, "1")
    assert read(carries("link", {}, "1") | {"f1:ticket~search": " "}) == Pressed("link", {}, {}, True, "1")


def test_a_search_brings_its_words_and_submits_nothing() -> None:
    carried = carries("search_tickets", {"session": "s", "form": "1"}) | {
        "f1:ticket": "12",
        "f1:ticket~search": "printer",
    }
    found = read(carried)
    assert found == Pressed(
        "search_tickets", {"session": "s", "form": "1"}, {"ticket": "12", "search": "printer"}, False, "1"
    )


def test_words_typed_into_the_box_are_its_text() -> None:
    assert read(carries("say", STEP) | {"say": "It beeps"}) == Pressed("say", STEP, {"text": "It beeps"})
    assert read(carries("say", STEP)) == Pressed("say", STEP, {"text": ""})


@pytest.mark.parametrize(
    "value",
    [
        None, "fp", 7, [], {}, {"fp": "answer"}, {"fp": {}}, {"fp": {"verb": 7}}, {"fp": {"verb": ""}},
        {"fp": {"verb": "Answer"}}, {"fp": {"verb": "a" * 41}}, {"fp": {"verb": "a\n"}}, {"action": {"data": "fp"}},
        {"action": "fp"}, {"action": {"data": {"other": 1}}}, {"msteams": {"type": "task/fetch"}},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_none_of_ours_is_nothing(value: Any) -> None:
    assert read(value) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    ["fp", "action", "data", "verb", "args", "form", "say", "f1:ticket", "f1:ticket~search"]
)
HOSTILE = st.dictionaries(KEYS, JSON | st.just("answer"), max_size=6)


@settings(max_examples=60, deadline=None)
@given(inner=HOSTILE, outer=HOSTILE, verb=st.sampled_from(["answer", "say", "search_tickets", "link"]))
def test_no_value_breaks_it_and_all_it_gives_can_be_stored(
    inner: dict[str, Any], outer: dict[str, Any], verb: str
) -> None:
    for value in (
        inner,
        outer,
        {**outer, "fp": {**inner, "verb": verb}},
        {"action": {"data": {**outer, "fp": inner}}},
    ):
        found = read(value)
        if found is not None:
            for name, text in (*found.args.items(), *found.fields.items()):
                assert storable(name) == name
                assert storable(text) == text
                json.dumps(text).encode()


def test_a_huge_value_is_bounded() -> None:
    args = {f"a{n}": "x" * 5_000 for n in range(200)}
    carried = carries("start", args, "1", **{f"n{n}": "y" * (LONGEST_FIELD + 5) for n in range(200)})
    found = read(carried | {"f1:" + "k" * 4_000: "deep", "f1:nested": {"a": [1]}})
    assert found is not None
    assert len(found.args) == MOST_ARGS
    assert len(found.fields) == MOST_FIELDS
    assert max(map(len, found.args.values())) == 2_000
    assert max(map(len, found.fields.values())) == LONGEST_FIELD


def test_what_no_database_holds_is_left_out() -> None:
    found = read(carries("note", {"session": "a\x00b"}, "1", text="x\x00\ud800y"))
    assert found == Pressed("note", {"session": "ab"}, {"text": "x?y"}, True, "1")


@pytest.mark.parametrize("form", ["-1", "1a", "٤", "9999", True, 1.0, [], {}, None, ""])
def test_a_form_without_a_number_of_its_own_is_a_button(form: Any) -> None:
    carried = {"fp": {"verb": "pause", "args": {}, "form": form}, "f1:reason": "x"}
    assert read(carried) == Pressed("pause")
