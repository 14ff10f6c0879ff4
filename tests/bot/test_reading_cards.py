"""What a person reads on the cards: nothing twice, nothing cut inside a word, and no button that would refuse him."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot import cards
from bot.card import Bullets, Card, Fields
from bot.cards_parts import Shortener
from bot.views import ConnectionView, PersonLine
from engine.ports import PostState
from engine.psa import TicketHit, TicketNote
from engine.session import Intake, IntakeType, Note, NoteKind, Status
from tests.bot.card_views import (
    BEN,
    JANE,
    NOW,
    OPEN_STEP,
    SESSION,
    ZONE,
    minutes,
    post,
    row,
    ticket,
    view,
    words,
)


def bullets(card: Card, title: str) -> tuple[str, ...]:
    return next((b.items for b in card.blocks if isinstance(b, Bullets) and b.title == title), ())


def pairs(card: Card) -> dict[str, str]:
    return {label: value for b in card.blocks if isinstance(b, Fields) for label, value in b.pairs}


# ── The session card ────────────────────────────────────────────────────────────────────────────────────────


def test_the_step_on_the_table_stands_first_and_the_ticket_last() -> None:
    read = words(cards.session_card(view()))
    places = [
        read.index(each) for each in ("*Step 3:*", "Status: Active", "What we know", "Board: Help Desk")
    ]
    assert places == sorted(places)


def test_the_card_in_its_own_thread_has_no_link_to_it_and_the_short_answer_has() -> None:
    assert "Thread" not in pairs(cards.session_card(view()))
    assert pairs(cards.status(view()))["Thread"] == "Go to the discussion"


def test_what_the_title_says_is_not_said_again() -> None:
    assert pairs(cards.session_card(view()))["Ticket"] == "#4711"
    other = cards.session_card(view(problem_summary="Spooler hangs"))
    assert pairs(other)["Ticket"] == "#4711 Printer offline"
    intake = Intake(IntakeType.FREE_TEXT, "Spooler hangs\nsince this morning")
    read = words(cards.session_card(view(ticket_id=None, problem_summary="Spooler hangs", intake=intake)))
    assert read.count("Spooler hangs") == 1
    assert "*Reported:* since this morning" in read


def test_a_note_that_is_the_description_is_not_listed_again() -> None:
    text = "The printer on the second floor is offline since this morning."
    notes = (
        TicketNote(1, text.replace(" is ", "\nis "), "Mia Klein"),
        TicketNote(2, "Called back.", "Ben Carter"),
    )
    listed = bullets(cards.session_card(view(on=ticket(notes=notes))), "Last notes")
    assert len(listed) == 1
    assert "Called back." in listed[0]


def test_to_fresh_eyes_our_own_notes_on_the_ticket_are_not_shown() -> None:
    notes = (
        TicketNote(1, "Possible: broken driver [fp:12ab34cd]", "Api"),
        TicketNote(2, "Called back.", "Mia"),
    )
    on = ticket(notes=notes)
    assert len(bullets(cards.session_card(view(on=on)), "Last notes")) == 2
    fresh = view(on=on, parent_id=SESSION, stand={"fresh": True})
    assert "broken driver" not in words(cards.session_card(fresh))
    assert "Called back." in words(cards.session_card(fresh))


def test_a_posted_status_is_the_tickets_status() -> None:
    content = {"status_name": "Completed"}
    done = post("status", PostState.POSTED, content=content)
    assert pairs(cards.session_card(view(Status.RESOLVED, posts=(done,))))["Ticket status"] == "Completed"
    for other in (post("status", content=content), replace(done, ticket_id=4600)):
        assert (
            pairs(cards.session_card(view(Status.RESOLVED, posts=(other,))))["Ticket status"] == "In Progress"
        )


def test_parts_that_are_posted_share_a_line_and_the_others_have_their_own() -> None:
    posts = (
        post("note", PostState.POSTED),
        post("note", PostState.POSTED),
        post("time", PostState.POSTED, content={"billed_minutes": 30}),
        post("status", PostState.FAILED, problem="No such status."),
    )
    listed = bullets(cards.session_card(view(Status.RESOLVED, posts=posts)), "ConnectWise")
    assert listed == ("Status: failed. ConnectWise says: No such status.", "Note ×2 · Time, 30 min: posted")


def test_of_a_log_the_lines_that_read_like_trouble_come_first() -> None:
    digest = "22 lines.\nKinds of lines, by first line:\n[info] L1 start\n[info] L2 ok\n[info] L3 ok\n[error] L11 no route"
    intake = replace(view().session.intake, log_digest=digest)
    listed = bullets(cards.session_card(view(intake=intake)), "What the log says")
    assert listed[0] == "22 lines."
    assert "[error] L11 no route" in listed[:3]


# ── Asking for help ─────────────────────────────────────────────────────────────────────────────────────────


def test_there_are_never_more_than_three_verbs_beside_more() -> None:
    for status in Status:
        seen = view(status)
        if seen.session.escalation is not None:
            seen = view(status, escalation=replace(seen.session.escalation, advice_open=True))
        card = cards.session_card(seen)
        assert len(row(card)) <= 3, status
        assert not [c for c in card.choices if c.more and c.confirm], status


def test_the_escalation_card_tells_the_advice_and_what_is_missing_and_its_title_once() -> None:
    asked = view(Status.REQUESTING_ESCALATION)
    assert asked.session.escalation is not None
    escalation = replace(asked.session.escalation, advice_open=True, declined_by=frozenset({BEN}))
    missing = Note(NoteKind.NOTE, "Needs more first: Which driver?", BEN, NOW - minutes(1), 3)
    history = replace(asked.history, notes=(*asked.history.notes, missing))
    card = cards.escalation_card(
        replace(asked, history=history, session=replace(asked.session, escalation=escalation))
    )
    read = words(card)
    assert "Advice from Ben Carter: Look at the port." in read
    assert "Ben Carter needs more first: Which driver?" in read
    assert "cannot take it" not in read
    assert not [line for line in bullets(card, "In brief") if line.rstrip(".") == "Printer offline"]


def test_advice_that_was_not_read_is_still_announced_on_the_session_card() -> None:
    asked = view(Status.REQUESTING_ESCALATION)
    assert asked.session.escalation is not None
    made = replace(asked.session, escalation=replace(asked.session.escalation, advice_open=True))
    bare = replace(asked, session=made, history=replace(asked.history, notes=()))
    assert "There is advice in the thread. Jane Doe decides" in words(cards.session_card(bare))


def test_the_pick_up_window_says_the_reason_once() -> None:
    assert words(cards.pick_up_form(view(Status.REQUESTING_ESCALATION))).count("The queue stays stuck") == 1


# ── Lists ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_ticket_in_a_list_says_first_when_it_is_due_and_whether_that_has_passed() -> None:
    hit = TicketHit(4711, "Printer offline", "Contoso", owner="Jane Doe", goal=NOW - minutes(5))
    own = pairs(cards.tickets([hit], ZONE, NOW, own=True))
    assert own == {"#4711 Printer offline": "goal 14:00 (passed) · Contoso"}
    assert "Jane Doe" in pairs(cards.tickets([hit], ZONE, NOW))["#4711 Printer offline"]


def test_the_step_on_the_table_is_not_also_still_ahead() -> None:
    card = cards.path(view(), (f"1. {OPEN_STEP.text}", "2. Replace the driver."))
    assert bullets(card, "Still ahead") == ("2. Replace the driver.",)


def test_who_is_no_admin_reads_settings_and_people_without_buttons() -> None:
    line = PersonLine(JANE, "Jane Doe", None, ("technician",), (), None)
    assert cards.people([line]).choices
    assert not cards.people([line], admin=False).choices
    assert cards.settings(ConnectionView()).choices
    assert not cards.settings(ConnectionView(), admin=False).choices


# ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("Restart the print spooler", 25, "Restart the print spooler"),
        ("Restart the print spooler", 21, "Restart the print …"),
        ("C:\\Windows\\System32\\spool\\PRINTERS\\00002.SPL", 30, "C:\\Windows\\System32\\spool\\PRI…"),
    ],
)
def test_a_line_is_cut_between_words_and_only_a_long_name_inside(text: str, limit: int, shown: str) -> None:
    assert Shortener().line(text, limit) == shown


def test_a_quoted_sentence_gets_no_second_full_stop() -> None:
    assert Shortener().sentence('It said: "Nothing here."', 100) == 'It said: "Nothing here."'
