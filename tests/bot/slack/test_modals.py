"""Forms as Slack windows: what stands in them, what comes back, and what is said below an input."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot import cards
from bot.card import Card, Choice, Field, Form, Text
from bot.console_asking import Asking
from bot.slack import actions, inputs, modals
from engine.documentation import Documentation
from engine.session import Status
from tests.bot.card_views import SESSION, view
from tests.bot.slack.drawing import NASTY, assert_modal, of_every_card, of_type, state_of, texts

Json = dict[str, Any]


def form(*fields: Field, args: dict[str, str] | None = None, **of_card: Any) -> Card:
    return Card(
        "form", of_card.pop("title", "A form"), form=Form("resolve", fields, "Save", args or {}), **of_card
    )


def drawn(*fields: Field) -> Json:
    found = modals.view(form(*fields))
    assert_modal("form", found)
    return found


def element(field: Field) -> Json:
    (block,) = drawn(field)["blocks"]
    found: Json = block["element"]
    return found


looked_at: set[tuple[str, str]] = set()


@pytest.mark.parametrize("status", Status)
def test_every_card_of_every_status_is_a_window_that_slack_takes(status: Status) -> None:
    for name, card in of_every_card(status):
        found = modals.view(card, "fp-1", "session:7")
        if (key := (json.dumps(found), repr(card.form))) in looked_at:
            continue  # most cards are the same in several statuses
        looked_at.add(key)
        assert_modal(name, found)
        assert ("submit" in found) is (card.form is not None), name
        carried = actions.from_metadata(found["private_metadata"])
        assert carried.order == "session:7", name
        if card.form is not None:
            untouched = modals.fields(state_of(found))
            assert (carried.verb, carried.args) == (card.form.verb, dict(card.form.args)), name
            assert untouched == {f.name: f.value for f in card.form.fields}, name


# ── The window ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_loading_window_is_named_so_that_the_worker_finds_it() -> None:
    found = modals.loading("fp-abc", "session:7")
    assert_modal("loading", found)
    assert found["external_id"] == "fp-abc"
    assert found["title"]["text"] == "One moment"
    assert "getting this ready" in texts(found["blocks"])
    assert "submit" not in found
    assert actions.from_metadata(found["private_metadata"]) == actions.Metadata("", {}, "session:7")


def test_a_form_carries_its_verb_its_arguments_and_its_order() -> None:
    found = modals.view(cards.pause_form(view()), "fp-1", "session:7")
    assert found["title"]["text"] == "Pause"
    assert actions.from_metadata(found["private_metadata"]) == actions.Metadata(
        "pause", {"session": str(SESSION)}, "session:7"
    )
    assert found["blocks"][0]["type"] == "context"
    assert [block["block_id"] for block in of_type(found["blocks"], "input")] == [
        "f:waiting_for",
        "f:reason",
        "f:remind_at",
    ]


def test_a_window_of_a_card_without_a_form_is_read_and_closed_and_keeps_its_long_title() -> None:
    found = modals.view(cards.session_card(view(problem_summary="A long name of a problem here")))
    assert "submit" not in found and found["close"]["text"] == "Close"
    assert "external_id" not in found
    assert found["title"]["text"] == "FlowPilot"
    assert found["blocks"][0]["text"]["text"] == "#4711 A long name of a problem here"
    assert of_type(found["blocks"], "button")


def test_choices_of_a_form_are_buttons_below_its_inputs() -> None:
    beside = (Choice("Other", "link", {"session": "1"}), Choice("Far", "path", {"session": "1"}, more=True))
    found = modals.view(form(Field("a", "A"), choices=beside))
    assert_modal("choices", found)
    assert [block["type"] for block in found["blocks"]] == ["input", "actions"]


def test_arguments_too_long_for_a_window_are_said_and_not_cut() -> None:
    modals.view(form(args={"draft": "x" * 2_900}))
    with pytest.raises(ValueError, match="carries 3000"):
        modals.view(form(args={"draft": "x" * 3_000}))


def test_more_inputs_than_a_window_holds_are_said_and_not_cut() -> None:
    hundred = tuple(Field(f"n{n}", "N") for n in range(100))
    assert_modal("hundred", modals.view(form(*hundred)))
    with pytest.raises(ValueError, match="101 inputs"):
        modals.view(form(*hundred, Field("one", "more")))


def test_of_too_many_paragraphs_some_are_cut_and_no_input() -> None:
    found = modals.view(
        form(*(Field(f"n{n}", "N") for n in range(90)), blocks=tuple(Text(f"p{n}") for n in range(40)))
    )
    assert_modal("crowded", found)
    assert len(of_type(found["blocks"], "input")) == 90
    assert len(found["blocks"]) == 100


# ── The inputs ──────────────────────────────────────────────────────────────────────────────────────────────


def test_few_options_are_seen_at_once_and_many_stand_in_a_menu() -> None:
    few = element(Field("to", "To", "choice", "b", tuple((each, each.upper()) for each in "abcde")))
    assert few["type"] == "radio_buttons"
    assert few["initial_option"]["value"] == "b"
    many = element(Field("to", "To", "choice", "", tuple((each, each.upper()) for each in "abcdef")))
    assert many["type"] == "static_select"
    assert "initial_option" not in many


def test_what_is_chosen_is_shown_even_beyond_a_hundred_options() -> None:
    found = element(Field("to", "To", "choice", "v130", tuple((f"v{n}", f"L{n}") for n in range(150))))
    assert len(found["options"]) == 100
    assert found["initial_option"]["value"] == "v130"


def test_an_option_that_slack_cannot_carry_is_said_and_not_cut() -> None:
    for value in ("", "x" * 151):
        with pytest.raises(ValueError, match="1 to 150"):
            modals.view(form(Field("to", "To", "choice", options=((value, "L"),))))


def test_a_choice_without_options_can_still_be_typed() -> None:
    assert element(Field("to", "To", "choice", "x"))["type"] == "plain_text_input"


@pytest.mark.parametrize("name", ["a~2", "b" * 300])
def test_a_name_that_would_not_come_back_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="does not come back"):
        modals.view(form(Field(name, "A")))


def test_a_tick_is_one_box() -> None:
    assert element(Field("a", "A", "tick", "yes"))["initial_options"][0]["value"] == "yes"
    assert "initial_options" not in element(Field("a", "A", "tick"))


def test_a_needed_field_is_not_optional_and_the_hint_stands_below() -> None:
    needed, free = drawn(Field("at", "At", "time", required=True, hint="15:00"), Field("b", "B"))["blocks"]
    assert (needed["optional"], needed["hint"]["text"], needed["element"]["type"]) == (
        False,
        "15:00",
        "plain_text_input",
    )
    assert free["optional"] is True
    assert "hint" not in free


def test_a_ticket_is_searched_for_and_may_be_there_already() -> None:
    found = element(Field("number", "Ticket", "ticket"))
    assert (found["type"], found["action_id"]) == ("external_select", "fp:ticket_search")
    assert found["min_query_length"] == 1
    assert "initial_option" not in found
    assert element(Field("number", "T", "ticket", "4690"))["initial_option"]["text"]["text"] == "#4690"
    known = element(Field("number", "T", "ticket", "4711", (("4711", "#4711 Printer"),)))
    assert known["initial_option"]["text"]["text"] == "#4711 Printer"


def test_tickets_of_ones_own_are_shown_before_a_letter_is_typed() -> None:
    found = element(Field("number", "Ticket", "ticket", options=(("4711", "#4711 Printer"),)))
    assert found["min_query_length"] == 0
    assert "options" not in found


def test_a_channel_is_one_of_this_workspace_alone() -> None:
    found = element(Field("place", "Channel", "channel", "C0ESC"))
    assert found["initial_conversation"] == "C0ESC"
    assert found["filter"]["include"] == ["public", "private"]
    assert found["filter"]["exclude_external_shared_channels"] is True
    assert "initial_conversation" not in element(Field("place", "Channel", "channel", "#escalations"))


def test_up_to_ten_files_of_the_kinds_we_read() -> None:
    found = element(Field("files", "Files", "file"))
    assert (found["type"], found["max_files"]) == ("file_input", 10)
    assert {"log", "evtx", "png"} <= set(found["filetypes"])


def test_the_same_fields_in_a_terminal_are_typed_and_files_are_left_out() -> None:
    own = (("4711", "#4711 Printer"),)
    fields = (
        Field("files", "F", "file"),
        Field("number", "T", "ticket", options=own),
        Field("place", "P", "channel"),
    )
    asking = Asking(Form("start", fields, "Go"))
    assert asking.question.lines == ("1 of 2  T", "  #4711 Printer")
    for typed in ("4711", "escalations", ""):
        asking.give(typed)
    assert asking.done
    assert asking.values == {"files": "", "number": "4711", "place": "escalations"}


def test_foreign_words_in_a_form_stay_words() -> None:
    options = tuple((f"{n}", NASTY) for n in range(3))
    fields = tuple(
        Field(kind, NASTY, kind, NASTY, options, hint=NASTY)
        for kind in ("text", "long_text", "choice", "tick", "time")
    )
    found = modals.view(form(*fields, title="T"))
    assert_modal("nasty", found)
    assert modals.fields(state_of(found))["long_text"] == NASTY


# ── What comes back ─────────────────────────────────────────────────────────────────────────────────────────

LINES = st.lists(st.text(max_size=900), max_size=30).map("\n".join)


@given(LINES)
@example("x" * 3_000)
@example("x" * 3_001)
@example("\n" * 9_001)
@example(("line " * 500 + "\n") * 12)
def test_a_text_nobody_touched_comes_back_letter_by_letter(text: str) -> None:
    found = modals.view(form(Field("note", "Note", "long_text", text), Field("b", "B", value="b")))
    assert_modal("long", found)
    assert modals.fields(state_of(found)) == {"note": text, "b": "b"}


def test_a_long_text_is_cut_at_line_ends_and_says_which_part_is_which() -> None:
    text = "".join(f"{n} {'word ' * 20}\n" for n in range(120))
    found = drawn(Field("note", "Note", "long_text", text, required=True, hint="Who reads it"))["blocks"]
    assert [block["block_id"] for block in found] == [
        f"f:note{part}" for part in ("", "~2", "~3", "~4", "~5", "~6")
    ][: len(found)]
    assert found[1]["label"]["text"] == f"Note (2 of {len(found)})"
    assert all(block["element"]["initial_value"].endswith("\n") for block in found)
    assert [block["optional"] for block in found] == [False] + [True] * (len(found) - 1)
    assert ["hint" in block for block in found] == [False] * (len(found) - 1) + [True]


def test_a_text_of_more_than_nine_parts_is_joined_in_its_order() -> None:
    assert len(inputs.parts("x" * 40_000)) == 16
    text = "".join(f"{n:09} " for n in range(4_000))
    assert modals.fields(state_of(modals.view(form(Field("a", "A", "long_text", text)))))["a"] == text


def test_what_was_filled_in_is_read_from_every_kind_of_input() -> None:
    found = drawn(
        Field("words", "W"), Field("menu", "M", "choice", "", tuple((each, each) for each in "abcdef")),
        Field("radio", "R", "choice", "a", (("a", "A"), ("b", "B"))), Field("on", "O", "tick"), Field("off", "O", "tick", "yes"),
        Field("ticket", "T", "ticket"), Field("place", "P", "channel"), Field("files", "F", "file"), Field("none", "N"),
    )  # fmt: skip
    filled = {
        "f:words": {"value": "a & <b> &amp; *c*"},
        "f:menu": {"selected_option": {"value": "f"}},
        "f:radio": {"selected_option": {"value": "b"}},
        "f:on": {"selected_options": [{"value": "yes"}]},
        "f:off": {"selected_options": []},
        "f:ticket": {"selected_option": {"value": "4711"}},
        "f:place": {"selected_conversation": "C0HELP"},
        "f:files": {"files": [{"id": "F1"}, {"id": "F2"}]},
    }
    submitted = state_of(found, filled)
    submitted["state"]["values"]["foreign"] = {"x": {"type": "plain_text_input", "value": "not ours"}}
    assert modals.fields(submitted) == {
        "words": "a & <b> &amp; *c*", "menu": "f", "radio": "b", "on": "yes", "off": "", "ticket": "4711",
        "place": "C0HELP", "files": "F1,F2", "none": "",
    }  # fmt: skip


def test_a_view_without_a_state_has_no_fields() -> None:
    assert modals.fields({"type": "modal"}) == {}
    assert modals.fields({"state": {"values": None}}) == {}


def test_a_resolve_form_comes_back_as_its_documentation() -> None:
    draft = Documentation(
        "Printer offline", "New driver", "Prints", customer="We fixed it", technical="T" * 2_800
    )
    found = modals.fields(state_of(modals.view(cards.resolve_form(view(), draft))))
    assert (found["summary"], found["technical"]) == ("Printer offline", "T" * 2_800)


# ── What does not fit ───────────────────────────────────────────────────────────────────────────────────────


def test_an_error_stands_below_its_input() -> None:
    shown = drawn(Field("a", "A"), Field("b", "B", "long_text", "x" * 4_000))
    assert modals.errors({"b": "Too long."}, shown) == {
        "response_action": "errors",
        "errors": {"f:b": "Too long."},
    }


def test_an_error_of_no_input_stands_below_the_first_one() -> None:
    shown = modals.view(form(Field("a", "A"), blocks=(Text("Above"),)))
    found = modals.errors({"a": "Needed.", "": "It is paused."}, shown)
    assert found["errors"] == {"f:a": "Needed. It is paused."}


def test_an_error_in_a_window_without_inputs_takes_its_place() -> None:
    found = modals.errors({"x": "It is paused."}, modals.view(form()))
    assert found["response_action"] == "update"
    assert_modal("told", found["view"])
    assert "It is paused." in texts(found["view"]["blocks"])


def test_a_hint_says_neither_optional_twice_nor_shows_stars_and_a_picker_asks_for_no_id() -> None:
    (block,) = drawn(Field("a", "Why", hint="Optional. Rules on *Completed* may e-mail."))["blocks"]
    assert block["hint"]["text"] == "Rules on Completed may e-mail."
    (block,) = drawn(Field("a", "Why", hint="Optional."))["blocks"]
    assert "hint" not in block
    (block,) = drawn(Field("a", "Where", "channel", hint="By its id (C…)."))["blocks"]
    assert "id" not in block["hint"]["text"].split()


def test_a_form_is_cancelled_and_anything_else_closed() -> None:
    assert modals.view(cards.pause_form(view()))["close"]["text"] == "Cancel"
    assert modals.loading("fp-1")["close"]["text"] == "Close"
