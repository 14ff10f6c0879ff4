"""Forms in Adaptive Cards: what stands in them, what they wait for, and that what comes back is what was there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot import cards as neutral
from bot.card import Card, Choice, Field, Form, Text
from bot.teams import cards, clicks
from bot.teams.inputs import Hits
from engine.documentation import Documentation
from engine.session import Status
from tests.bot.card_views import OPEN_STEP, SESSION, view
from tests.bot.teams.drawing import (
    LONG_NASTY,
    NASTY,
    asked,
    assert_card,
    of_every_card,
    of_type,
    pressable,
    texts,
    titles,
    values,
    with_forms,
)
from tests.bot.test_cards import HIT

Json = dict[str, Any]
HITS: Hits = ((4711, "#4711 Printer offline"), (4690, "#4690 same error"))


def form(*fields: Field, **of_card: Any) -> Card:
    args = of_card.pop("args", {"session": "s"})
    return Card("form", of_card.pop("title", "A form"), form=Form("resolve", fields, "Save", args), **of_card)


def drawn(*fields: Field, hits: Hits | None = None) -> Json:
    found: Json = cards.attachment(form(*fields), hits=hits)["content"]
    assert_card("form", found)
    return found


def element(field: Field) -> Json:
    (found,) = of_type(drawn(field), "Input.Text", "Input.ChoiceSet", "Input.Toggle")
    return found


def submitted(content: Json, number: str, given: dict[str, str] | None = None) -> clicks.Pressed:
    """The form's button as Teams sends it, with untouched inputs as they stood."""
    sent = [
        each["data"]
        for each in of_type(content, "Action.Execute")
        if each["data"]["fp"].get("form") == number
    ]
    (data,) = sent
    pressed = clicks.read({"action": {"data": {**values(content), **(given or {}), **data}}})
    assert pressed is not None
    return pressed


# ── The inputs ──────────────────────────────────────────────────────────────────────────────────────────────


def test_every_kind_of_field_has_its_input_with_its_label_and_what_was_filled_in() -> None:
    found = drawn(
        Field("words", "Words", value="x", hint="Here"),
        Field("lines", "Lines", "long_text", "a\nb", required=True),
        Field("few", "Few", "choice", "b", (("a", "A"), ("b", "B"))),
        Field("many", "Many", "choice", "v7", tuple((f"v{n}", f"V{n}") for n in range(9))),
        Field("on", "On", "tick", "yes"),
        Field("off", "Off", "tick"),
        Field("at", "At", "time", hint="15:00"),
        Field("place", "Channel", "channel", "t|19:esc"),
        Field("files", "Files", "file"),
    )
    by_id = {each["id"]: each for each in of_type(found, "Input.Text", "Input.ChoiceSet", "Input.Toggle")}
    kinds = {name.removeprefix("f0:"): (each["type"], each.get("value")) for name, each in by_id.items()}
    assert kinds == {
        "words": ("Input.Text", "x"),
        "lines": ("Input.Text", "a\nb"),
        "few": ("Input.ChoiceSet", "b"),
        "many": ("Input.ChoiceSet", "v7"),
        "on": ("Input.Toggle", "yes"),
        "off": ("Input.Toggle", ""),
        "at": ("Input.Text", None),
        "place": ("Input.Text", "t|19:esc"),
    }
    assert by_id["f0:lines"]["isMultiline"] is True
    assert (by_id["f0:lines"]["isRequired"], by_id["f0:lines"]["errorMessage"]) == (
        True,
        "Please fill this in.",
    )
    assert "isRequired" not in by_id["f0:words"]
    assert [by_id[f"f0:{name}"]["style"] for name in ("few", "many")] == ["expanded", "compact"]
    said = texts(found).splitlines()
    assert "Here" in said and "15:00" in said
    assert "To add files, attach them to a message in this chat." in said


def test_options_that_markdown_could_be_read_in_stand_in_a_menu_where_they_are_letters() -> None:
    for label in ("*a*", "a_b_", "[x](https://evil.example)", "1. one", "<b>"):
        field = Field("to", "To", "choice", "", (("a", label), ("b", "B")))
        assert element(field)["style"] == "compact"
        assert element(field)["choices"][0]["title"] == label


def test_what_is_chosen_is_shown_even_beyond_a_hundred_options() -> None:
    found = element(Field("to", "To", "choice", "v130", tuple((f"v{n}", f"L{n}") for n in range(150))))
    assert len(found["choices"]) == 100
    assert found["value"] == "v130"


def test_a_choice_without_options_can_still_be_typed() -> None:
    assert element(Field("to", "To", "choice", "x"))["type"] == "Input.Text"


def test_channels_that_are_known_stand_in_a_menu() -> None:
    found = element(Field("place", "Channel", "channel", "t|b", (("t|a", "General"), ("t|b", "Escalations"))))
    assert (found["type"], found["value"]) == ("Input.ChoiceSet", "t|b")


def test_a_ticket_is_chosen_from_those_at_hand_or_searched_for() -> None:
    own = Field(
        "ticket", "Ticket", "ticket", options=(("4711", "#4711 Printer offline"),), hint="Yours first"
    )
    found = drawn(own)
    (menu,) = of_type(found, "Input.ChoiceSet")
    (typed,) = of_type(found, "Input.Text")
    assert (menu["id"], typed["id"]) == ("f0:ticket", "f0:ticket~search")
    assert (menu["label"], typed["label"]) == ("Ticket", "Or another ticket")
    search = next(each for each in of_type(found, "Action.Execute") if each["title"] == "Search tickets")
    assert search["data"]["fp"] == {"verb": "search_tickets", "args": {"session": "s", "form": "0"}}
    assert search["associatedInputs"] == "auto"
    without = drawn(Field("ticket", "Ticket", "ticket"))
    assert not of_type(without, "Input.ChoiceSet")
    assert of_type(without, "Input.Text")[0]["label"] == "Ticket"


def test_what_a_search_found_stands_in_the_menu_and_what_was_chosen_stays_chosen() -> None:
    found = drawn(Field("ticket", "Ticket", "ticket", "4600", (("4600", "#4600 Old"),)), hits=HITS)
    (menu,) = of_type(found, "Input.ChoiceSet")
    assert [each["title"] for each in menu["choices"]] == ["#4600 Old", *(label for _, label in HITS)]
    assert menu["value"] == "4600"


def test_foreign_words_in_a_form_stay_words_and_values_stay_as_they_are() -> None:
    options = tuple((f"{n}", NASTY) for n in range(3))
    kinds = ("text", "long_text", "choice", "tick", "time", "ticket", "channel", "file")
    fields = (Field(kind, NASTY, kind, NASTY, options, hint=NASTY) for kind in kinds)  # type: ignore[arg-type]
    found = drawn(*fields)
    assert values(found)["f0:long_text"] == NASTY
    assert {each["title"] for each in of_type(found, "Input.Toggle")} == {"Yes"}


# ── What comes back ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_form_nobody_touched_comes_back_as_it_stood() -> None:
    looked_at = set()
    for name, card in of_every_card(Status.ACTIVE):
        if card.form is None or repr(card.form) in looked_at or name.endswith("with forms"):
            continue
        looked_at.add(repr(card.form))
        found = cards.attachment(card)["content"]
        pressed = submitted(found, "0")
        assert (pressed.verb, pressed.args, pressed.submitted) == (card.form.verb, dict(card.form.args), True)
        stood = {each.name: each.value for each in card.form.fields if each.kind != "file"}
        assert pressed.fields == stood, name


def test_a_resolve_form_comes_back_as_its_documentation() -> None:
    draft = Documentation(
        "Printer offline", "New driver", "Prints", customer="We fixed it", technical="T" * 2_800
    )
    found = cards.attachment(neutral.resolve_form(view(), draft))["content"]
    sent = submitted(found, "0", {"f0:fix": "Other driver"})
    assert (sent.fields["summary"], sent.fields["fix"]) == ("Printer offline", "Other driver")
    assert sent.fields["technical"] == "T" * 2_800


# ── Inside a card ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_form_opens_inside_the_card_and_is_known_by_the_place_of_its_button() -> None:
    card = with_forms(neutral.step_card(view(), OPEN_STEP), view())
    found = cards.attachment(card)["content"]
    assert_card("step", found)
    place = next(n for n, each in enumerate(card.choices, 1) if each.verb == "pause")
    (opening,) = [each for each in of_type(found, "Action.ShowCard") if each["title"] == "Pause"]
    assert asked(opening["card"], str(place)) == {"waiting_for", "reason", "remind_at"}
    sent = submitted(opening["card"], str(place), {f"f{place}:reason": "call back", "say": "beside it"})
    assert (sent.verb, sent.args, sent.form) == ("pause", {"session": str(SESSION)}, str(place))
    assert sent.fields == {"waiting_for": "customer", "reason": "call back", "remind_at": ""}
    assert cards.form_of(card, str(place)) == neutral.pause_form(view())
    assert cards.form_of(card, "0") is None
    assert cards.form_of(card, "99") is None


def test_forms_under_more_open_inside_more_and_no_two_inputs_are_called_the_same() -> None:
    card = with_forms(neutral.step_card(view(), OPEN_STEP), view())
    found = cards.attachment(card)["content"]
    assert_card("step", found)
    (more,) = [each for each in of_type(found, "Action.ShowCard") if each["title"] == "More"]
    inner = [each["title"] for each in of_type(more["card"], "Action.ShowCard")]
    assert len(inner) >= 4
    assert all("actions" not in each for each in of_type(found, "AdaptiveCard"))


def test_the_forms_of_the_first_row_come_before_those_under_more() -> None:
    card = with_forms(neutral.session_card(view()), view())
    found = cards.attachment(card)["content"]
    assert_card("session", found)
    opening = {each["title"] for each in of_type(found, "Action.ShowCard")}
    assert {c.label for c in card.choices if c.form and not c.more} <= opening


def test_a_form_that_asks_first_says_so_above_its_inputs() -> None:
    ask = Choice("Link", "link", {"session": "s"}, confirm="Sure?", form=neutral.link_form(view(), [HIT]))
    found = cards.attachment(Card("session", "T", choices=(ask,)))["content"]
    (opening,) = of_type(found, "Action.ShowCard")
    assert texts(opening["card"]).startswith("Sure?")


def test_beside_a_form_that_requires_something_no_other_form_opens_inside() -> None:
    """Its submit would wait for what the outer form requires."""
    other = Choice("Pause", "pause", {"session": "s"}, form=neutral.pause_form(view()))
    found = cards.attachment(form(Field("a", "A", required=True), choices=(other,)))["content"]
    assert_card("beside", found)
    assert not of_type(found, "Action.ShowCard")
    free = cards.attachment(form(Field("a", "A"), choices=(other,)))["content"]
    assert_card("free", free)
    assert of_type(free, "Action.ShowCard")


def test_choices_of_a_form_that_opens_inside_are_buttons_below_it() -> None:
    inner = form(Field("a", "A"), choices=(Choice("Edit it", "edit_text", {"text": "technical"}),))
    found = cards.attachment(Card("session", "T", choices=(Choice("Resolve", "resolve", form=inner),)))[
        "content"
    ]
    assert_card("inner", found)
    assert ("edit_text", (("text", "technical"),)) in pressable(found)


def test_a_form_can_stand_open_instead_of_behind_its_button() -> None:
    card = with_forms(neutral.step_card(view(), OPEN_STEP), view())
    place = next(n for n, each in enumerate(card.choices, 1) if each.verb == "link")
    found = cards.attachment(card, opened=str(place), hits=HITS)["content"]
    assert_card("opened", found)
    own = [each for each in found["body"] if each["type"] == "Input.ChoiceSet"]
    assert [each["title"] for each in own[0]["choices"]] == [label for _, label in HITS]
    assert "Send" not in titles(found)
    assert {verb for verb, _ in pressable(found)} >= {each.verb for each in card.choices}


# ── Too large ───────────────────────────────────────────────────────────────────────────────────────────────


def test_forms_that_have_no_room_are_the_buttons_they_stand_behind_and_the_primary_keeps_its_own_longest() -> (
    None
):
    # Two forms of 9,000 bytes fit beside a short body, the third does not.
    def choice(verb: str, style: Any = "plain") -> Choice:
        args = {"session": verb}
        inner = Card(
            "form", verb, form=Form(verb, (Field("text", "T", "long_text", "x" * 9_000),), "Go", args)
        )
        return Choice(verb.title(), verb, args, style, form=inner)

    card = Card("session", "T", choices=(choice("pause"), choice("note"), choice("resolve", "primary")))
    found = cards.attachment(card)["content"]
    assert_card("crowded", found)
    assert [each["title"] for each in of_type(found, "Action.ShowCard")] == ["Pause", "Resolve"]
    assert pressable(found) == {(verb, (("session", verb),)) for verb in ("pause", "note", "resolve")}


def test_forms_take_room_from_a_long_body_but_leave_it_its_most_important_words() -> None:
    long = tuple(Text(f"{n} " + "word " * 300, "muted") for n in range(12))
    card = with_forms(
        replace(neutral.session_card(view()), blocks=(*long, Text("Careful", "warning"))), view()
    )
    found = cards.attachment(card)["content"]
    assert_card("long", found)
    said = texts(found)
    assert "Careful" in said
    assert "Shortened here" in said
    assert "…" in said
    assert of_type(found, "Action.ShowCard")


def test_a_form_that_no_card_can_hold_says_so_and_keeps_its_choices() -> None:
    edit = Choice("Edit it", "edit_text", {"text": "technical"})
    card = form(*(Field(f"n{n}", "N", "long_text", LONG_NASTY) for n in range(4)), choices=(edit,))
    found = cards.attachment(card)["content"]
    assert_card("huge", found)
    assert "more text than Teams can show" in texts(found)
    assert pressable(found) == {("edit_text", (("text", "technical"),))}


# ── Alone ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("back", [True, False])
def test_one_form_alone_has_what_was_found_and_the_way_back(back: bool) -> None:
    found = cards.focused(neutral.link_form(view(), [HIT]), HITS, back, number="4")
    assert_card("focused", found)
    assert [each["title"] for each in of_type(found, "Input.ChoiceSet")[0]["choices"]] == [
        label for _, label in HITS
    ]
    assert asked(found, "4") == {"ticket", "number"}
    assert ("Go back" in titles(found)) is back
    pressed = [clicks.read({"action": each}) for each in of_type(found, "Action.Execute")]
    assert {each.form for each in pressed if each} == {"4"}
    assert {each.verb for each in pressed if each} == {"link", "search_tickets", *(["back"] if back else [])}
