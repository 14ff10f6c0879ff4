"""Every card in every status, from hostile, empty and plain texts: always small enough to draw, always calm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from uuid import UUID

import pytest

from bot import cards
from bot.card import Card, from_json, to_json
from bot.cards_parts import seen
from bot.text_parts import split
from bot.views import ConnectionView, PersonLine, SessionView, Spending, TimeLine
from engine.documentation import Documentation
from engine.posts import ForecastLine
from engine.psa import Board, BoardStatus, TicketHit
from engine.psa_settings import PsaSettings
from engine.session import (
    Manner,
    Outcome,
    Person,
    Status,
    StepKind,
)
from tests.bot.calls import CALLS
from tests.bot.card_views import (
    BEN,
    HOSTILE,
    JANE,
    NOW,
    OPEN_STEP,
    ZONE,
    hostile_step,
    hostile_view,
    minutes,
    post,
    row,
    view,
    words,
)

HIT = TicketHit(4711, "Printer offline", "Contoso", "Mia Klein", "In Progress", goal=NOW + minutes(60))
VERBS = {
    "answer", "already_tried", "cannot_do", "undo", "evidence", "note", "link", "pause", "resume", "escalate",
    "withdraw", "advise", "take_advice", "decline_advice", "pick_up", "pick_up_fresh", "postpone", "decline",
    "take_over", "resolve", "abandon", "rate", "retry", "count_time", "drop_time", "status", "path", "catch_up",
    "mine", "queue", "time", "people", "settings", "connect", "help", "start", "start_anyway", "open",
    "ask_to_take", "follow_up", "jump", "copy", "receipt", "start_form", "edit_text", "keep_text",
}  # fmt: skip


def forecast(text: str) -> tuple[ForecastLine, ...]:
    kinds = (
        ("note", None), ("customer_note", None), ("time", "time_draft"), ("time", "over_4h"), ("time", "gap"),
        ("status", "closing_unconfirmed"), ("owner", "owner_unmapped"), ("note", text),
    )  # fmt: skip
    return tuple(
        ForecastLine(f"{kind}:{n}", kind, text, text, held, (text,) * 9)
        for n, (kind, held) in enumerate(kinds * 3)
    )


def every_card(shown: SessionView, text: str) -> Iterator[tuple[str, Card]]:
    """Each card this room can draw, from one view and one text for everything else."""
    people = [Person(UUID(int=n), text) for n in range(300)]
    teams = [(UUID(int=n), text) for n in range(300)]
    draft = Documentation(text, text, text, text, text, text)
    hits = [replace(HIT, summary=text, company=text, contact=text, owner=text)] * 40
    table = shown.session.current or OPEN_STEP
    yield "session", cards.session_card(shown)
    yield "status", cards.status(shown)
    yield "escalation", cards.escalation_card(shown, text)
    yield "step", cards.step_card(shown, replace(table, outcome=None))
    for manner in Manner:
        done = replace(table, outcome=Outcome(manner, text, JANE, NOW, "o1"))
        yield f"collapsed {manner}", cards.collapsed_step(done, shown.history.names)
        yield (
            f"corrected {manner}",
            cards.collapsed_step(replace(done, corrected_by=41), {JANE: text, BEN: text}),
        )
    for what in (
        "advice",
        "push_parked",
        "unposted",
        "catch_up",
        "ticket_unreadable",
        "more_needed",
        "unclaimed_mention",
    ):
        names, lines = (text,) * 40, (text,) * 40
        yield (
            what,
            cards.notice(what, shown, text, post=post(problem=text), names=names, lines=lines, error_id=text),
        )
    yield "resolve", cards.resolve_form(shown, draft, forecast(text), UNDER_WAY)
    yield "escalate", cards.escalate_form(shown, forecast(text), teams=teams, people=people)
    yield "escalate again", cards.escalate_form(shown, forecast(text), draft=draft, under_way=UNDER_WAY)
    for name in ("technical", "customer", "summary", "fix", "verification"):
        parts = split(seen(text) * 30)
        yield f"part of {name}", cards.part_form(shown, name, parts, len(parts), "resolution", "0123456789abcdef",
                                                 changed=True, typed=text)  # fmt: skip
    yield "pick up", cards.pick_up_form(shown)
    yield "fresh", cards.pick_up_form(shown, fresh=True)
    for form in ("advise", "postpone", "decline", "pause", "take_over", "abandon", "note", "rate"):
        draw: Callable[[SessionView], Card] = getattr(cards, f"{form}_form")
        yield form, draw(shown)
    yield "link", cards.link_form(shown, hits)
    yield "tried", cards.already_tried_form(shown, table)
    yield from every_list(shown, text)


@cache
def cards_of(status: Status, how: str) -> tuple[tuple[str, Card], ...]:
    """Every card of a status, from plain words, from nothing or from ten thousand hostile characters; made once."""
    text = {"plain": "Plain words", "empty": "", "hostile": HOSTILE}[how]
    return tuple(every_card(hostile_view(status) if how == "hostile" else view(status), text))


UNDER_WAY = cards.UnderWay(
    ("technical",), ("customer", "summary"), {"fix": "Driver", "rating": "5", "to": "no one"}
)


def every_list(shown: SessionView, text: str) -> Iterator[tuple[str, Card]]:
    person = PersonLine(JANE, text, text, (text,) * 9, (text,) * 9, text)
    link = ConnectionView(text, text, text, text, PsaSettings(), {"business_hours": text, "time_zone": text})
    spent = Spending((text,) * 9, 10**12, own=True, tokens=10**12, microdollars=10**12)
    line = TimeLine(
        shown.session, minutes(50), minutes(500), shown.posts, ((NOW, NOW + minutes(20)),) * 9, minutes(9)
    )
    draft = Documentation(text, text, text, text, text, text)
    hits = [replace(HIT, summary=text, company=text, contact=text, owner=text)] * 40
    board, statuses = Board(1, text), [BoardStatus(n, text, 1, closed=True) for n in range(200)]
    yield "mine", cards.mine([shown] * 40)
    yield "queue", cards.queue([shown] * 40)
    yield "time", cards.time([line] * 40, NOW, ZONE)
    yield "path", cards.path(shown, (text,) * 40, [("node", text)] * 40)
    calls = [replace(each, model=text or "m", masked={text or "IP": [text]}) for each in CALLS * 9]
    yield "receipt", cards.receipt(shown, calls, 2)
    yield "no receipt", cards.receipt(shown, ())
    yield "copy", cards.copy(shown, draft)
    yield "script", cards.copy(shown, None, step=1)
    yield "duplicate", cards.duplicate_ticket(shown, JANE)
    yield "tickets", cards.tickets(hits, ZONE, NOW)
    yield "help", cards.help_card(admin=True)
    yield "start form", cards.start_form(hits, problem=text)
    yield "start form without a PSA", cards.start_form(connected=False)
    yield "home", cards.home_start()
    yield "home of somebody new", cards.home_new()
    yield "home, sessions", cards.home_sessions([shown] * 40)
    yield "home, no sessions", cards.home_sessions([])
    yield "home, tickets", cards.home_tickets(hits, ZONE, NOW)
    yield "home, no tickets", cards.home_tickets((), ZONE, NOW)
    yield "home, tickets away", cards.home_tickets((), ZONE, NOW, text or "Away.")
    yield "home, admin", cards.home_admin(link, spent)
    yield "people", cards.people([person] * 40)
    yield (
        "person",
        cards.person_form(person, [(UUID(int=n), text) for n in range(300)], [(n, text) for n in range(300)]),
    )
    yield "settings", cards.settings(link, [board] * 40, spending=spent)
    yield "settings form", cards.settings_form(link)
    yield "board", cards.board_form(board, statuses, PsaSettings())
    yield "connect", cards.connect_form(link)
    yield "error", cards.error(text)


def assert_drawable(name: str, card: Card) -> None:
    assert len(card.blocks) <= 50, name
    assert cards.size(card) <= 10_000, (name, cards.size(card))
    assert len(card.title) <= (24 if card.kind == "form" else 150), name
    assert "\n" not in card.title, name
    # Beyond the first few, people stand in one menu.
    assert len(card.choices) <= (105 if name == "people" else 25), name
    assert len([c for c in card.choices if not c.more]) <= 25, name
    for choice in card.choices:
        assert 0 < len(choice.label) <= 75, (name, choice)
        assert choice.verb in VERBS, (name, choice)
        assert len(choice.confirm) <= 300, name
    for block in card.blocks:
        if block.block in ("text", "code"):
            assert 0 < len(block.text) <= 3_000, name
        if block.block == "bullets":
            assert sum(len(item) + 3 for item in block.items) <= 3_000, name
    if card.form is not None:
        assert 0 < len(card.form.submit) <= 24, name
        assert card.form.verb in VERBS, name
        for each in card.form.fields:
            assert len(each.value) <= 3_000, name
            assert len(each.options) <= 100, name
            values = [value for value, _ in each.options]
            assert all(0 < len(value) <= 75 for value in values), name
            assert len(values) == len(set(values)), name
            assert all(0 < len(label) <= 75 for _, label in each.options), name
    assert "\u202e" not in words(card), name
    assert "\x00" not in words(card), name
    assert from_json(to_json(card)) == card, name


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("kind", StepKind)
def test_ten_thousand_hostile_characters_everywhere_still_make_a_drawable_card(
    status: Status, kind: StepKind
) -> None:
    shown = hostile_view(status, kind)
    assert_drawable("session", cards.session_card(shown))
    assert_drawable("step", cards.step_card(shown, hostile_step(40, kind)))
    assert len(row(cards.step_card(shown, hostile_step(40, kind)))) <= 3


@pytest.mark.parametrize("status", Status)
def test_every_card_of_every_status_can_be_drawn_whatever_people_wrote(status: Status) -> None:
    for name, card in cards_of(status, "hostile"):
        assert_drawable(name, card)


@pytest.mark.parametrize("status", Status)
def test_every_card_can_be_drawn_from_empty_texts(status: Status) -> None:
    for name, card in cards_of(status, "empty"):
        assert_drawable(name, card)


@pytest.mark.parametrize("status", Status)
def test_a_card_of_a_plain_session_is_calm_and_not_shortened(status: Status) -> None:
    for name, card in cards_of(status, "plain"):
        assert "!" not in words(card), name
        assert "Shortened" not in words(card) or name == "catch_up", name  # its 40 lines are too many
        assert "{" not in words(card), name


def test_what_was_shortened_says_where_the_whole_is() -> None:
    said = words(cards.session_card(hostile_view(Status.ACTIVE)))
    assert "…" in said
    assert "Shortened here" in said
    assert "ConnectWise" in said.split("Shortened here")[1]
    assert "copy" in [c.verb for c in cards.session_card(hostile_view(Status.ACTIVE)).choices]
