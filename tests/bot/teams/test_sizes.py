"""However much is written, and in whatever letters, a card stays within what Teams takes and loses no choice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args
from uuid import UUID

import pytest

from bot import cards as neutral
from bot.card import Block, Bullets, Card, Choice, Code, Field, Fields, Form, Kind, Text
from bot.inbound import storable
from bot.teams import cards
from bot.views import PersonLine
from engine.session import Status
from tests.bot.card_views import hostile_view
from tests.bot.teams.drawing import (
    LONG_NASTY,
    assert_activity,
    assert_card,
    lost,
    of_type,
    pressable,
    size,
    texts,
    values,
    with_forms,
)

Json = dict[str, Any]
ARGS = {"session": "00000000-0000-0000-0000-00000000004d", "step": "12"}
WILD = {
    "markdown": "**bold** _it_ `code` [a](https://evil.example) # head\n- item\n> quote\n|a|b|\n",
    "html": "<b>bold</b><script>alert(1)</script>&lt;at&gt;<at>Everybody</at><img src=x onerror=x>",
    "quotes": '"\'\\\\"\\u0041\\n',
    "emoji": "🧯👩‍💻🏳️‍🌈",
    "right to left": "\u202egpj.exe\u202c \u200f\u200eשלום مرحبا",
    "nothing": "\x00\x00a",
    "line ends": "a\r\nb\rc\n\u2028d",
    "half letters": "x\ud83dy\udc00",
    "all of it": LONG_NASTY,
}
FIELD_KINDS = ("text", "long_text", "choice", "tick", "time", "ticket", "channel", "file")


def wild(how: str) -> str:
    """Ten thousand characters as they come out of the inbox."""
    return storable((WILD[how] * (10_000 // len(WILD[how]) + 1))[:10_000])


def form_of(text: str, value: str) -> Card:
    options = tuple((f"{kind}{n}", text) for n, kind in enumerate(FIELD_KINDS * 2))
    fields = tuple(Field(kind, text, kind, value, options, required=True, hint=text) for kind in FIELD_KINDS)  # type: ignore[arg-type]
    return Card("form", text, (Text(text),), form=Form("resolve", fields, text, ARGS))


def of_kind(kind: Kind, text: str) -> Iterator[Card]:
    """With a form of its own and without, with forms behind its buttons and without."""
    blocks: tuple[Block, ...] = (
        *(Text(text, tone) for tone in ("plain", "muted", "warning", "good")),
        Fields(
            ((text, text), ("Ticket", text)),
            {text: f"https://x.example/{text}", text[:20]: "https://x.example"},
        ),
        Bullets(text, (text,) * 5),
        Code(text, text, text),
    )
    calls = (("teams", "t", "a" * 36),) * 2
    for inside in (None, form_of(text, text[:300])):
        choices = (
            *(Choice(text, "answer", {**ARGS, "option": str(n)}, form=inside) for n in range(3)),
            *(Choice(text, "open", {"session": str(n)}, "primary", confirm=text[:300]) for n in range(9)),
            *(Choice(text, "note", {"session": str(n)}, "danger", more=True, form=inside) for n in range(10)),
        )
        yield Card(kind, text, blocks, choices, calls=calls, box=ARGS, ai=True)
        yield Card(kind, text, blocks, choices, form_of(text, text[:300]).form, calls=calls, box=ARGS)


def pressed(card: Card) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    return {(each.verb, tuple(sorted(each.args.items()))) for each in card.choices}


@pytest.mark.parametrize(
    ("kind", "how"), [*(("session", how) for how in WILD), *((kind, "html") for kind in get_args(Kind))]
)
def test_ten_thousand_wild_characters_everywhere_make_a_card_that_teams_takes(kind: Kind, how: str) -> None:
    for card in of_kind(kind, wild(how)):
        drawn = cards.activity(card, note=wild(how)[:200], names={"a" * 36: wild(how)})
        assert_activity(f"{kind} {how}", drawn)
        assert lost(card, drawn) == set()
        assert_activity(f"spent {kind} {how}", cards.spent(card, wild(how)))


@pytest.mark.parametrize("how", WILD)
def test_a_form_alone_stays_within_what_teams_takes(how: str) -> None:
    hits = tuple((n, wild(how)) for n in range(200))
    card = form_of(wild(how), wild(how)[:300])
    found = cards.focused(card, hits, True, number="12")
    assert_card(how, found)
    assert any(each["id"] == "f12:ticket~search" for each in of_type(found, "Input.Text"))


@pytest.mark.parametrize("status", Status)
def test_a_session_in_which_everything_is_too_long_keeps_every_choice_and_its_first_form(
    status: Status,
) -> None:
    shown = hostile_view(status)
    for card in (neutral.session_card(shown), neutral.escalation_card(shown)):
        full = with_forms(card, shown, "Plain words")
        drawn = cards.activity(full)
        assert_activity(str(status), drawn)
        assert lost(full, drawn) == set()
        first = next((c for c in full.choices if c.form and c.style == "primary"), None)
        if first is not None:
            assert first.label in {each["title"] for each in of_type(drawn, "Action.ShowCard")}


def test_a_hundred_people_each_keep_the_button_that_changes_them() -> None:
    for name in ("Jane Doe", "🧯" * 60, '"\\' * 40):
        lines = [
            PersonLine(uuid, name, None, ("technician",), (), None)
            for uuid in (UUID(int=n) for n in range(120))
        ]
        card = neutral.people(lines)
        found = cards.attachment(card)["content"]
        assert_card(name, found)
        assert len(pressable(found)) == len(card.choices) == 105 or len(pressable(found)) == len(
            pressed(card)
        )


def test_what_is_filled_in_is_never_cut() -> None:
    value = storable('"\\\n' * 700)
    fields = tuple(Field(f"n{n}", "N" * 150, "long_text", value, hint="h" * 300) for n in range(4))
    card = Card("form", "T", (Text("w" * 9_000),), form=Form("resolve", fields, "Save"))
    found = cards.attachment(card)["content"]
    assert_card("filled", found)
    assert set(values(found).values()) == {value}


def test_a_script_stays_whole_where_words_are_cut() -> None:
    card = Card(
        "step",
        "T",
        (Code("c" * 2_900, "powershell", "Reads only."), *(Text("p " * 1_400) for _ in range(9))),
        box=ARGS,
    )
    full = Card(
        card.kind,
        card.title,
        card.blocks,
        tuple(Choice(f"C{n}", "open", form=form_of("F", "v" * 900)) for n in range(9)),
    )
    for each in (card, full):
        found = cards.attachment(each)["content"]
        assert_card("script", found)
        assert "c" * 2_900 in texts(found)
        assert "Shortened here" in texts(found)


def test_the_same_card_is_always_drawn_in_the_same_way() -> None:
    for card in of_kind("session", wild("markdown")):
        assert json.dumps(cards.activity(card)) == json.dumps(cards.activity(card))


def test_a_card_that_has_room_is_not_shortened() -> None:
    card = Card("session", "T", tuple(Text("p " * 700) for _ in range(8)), (Choice("Note", "note", ARGS),))
    found = cards.attachment(card)["content"]
    assert 12_000 < size(found) < 25_000
    assert "Shortened here" not in texts(found)
