"""Cards: what they say in every status, which buttons they carry, and that no text makes one too large to draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from bot import cards
from bot.card import Card, Choice, Fields, from_json, to_json
from bot.views import ConnectionView, PersonLine, SessionView, TimeLine
from engine.catch_up import catch_up
from engine.documentation import Documentation
from engine.ports import PostState
from engine.posts import ForecastLine
from engine.psa import Board, BoardStatus, TicketHit
from engine.psa_settings import PsaSettings
from engine.session import (
    Escalation,
    Fact,
    Hypothesis,
    HypothesisState,
    Interval,
    Manner,
    Option,
    Outcome,
    Person,
    Risk,
    Script,
    Status,
    StepKind,
    Target,
    Turn,
)
from tests.bot.card_views import (
    BEN,
    HOSTILE,
    JANE,
    LEA,
    NAMES,
    NOW,
    OPEN_STEP,
    ZONE,
    answered,
    hostile_posts,
    hostile_step,
    hostile_view,
    minutes,
    post,
    session,
    ticket,
    view,
)

HIT = TicketHit(4711, "Printer offline", "Contoso", "Mia Klein", "In Progress", goal=NOW + minutes(60))
VERBS = {
    "answer", "already_tried", "cannot_do", "undo", "evidence", "note", "link", "pause", "resume", "escalate",
    "withdraw", "advise", "take_advice", "decline_advice", "pick_up", "pick_up_fresh", "postpone", "decline",
    "take_over", "resolve", "abandon", "rate", "retry", "count_time", "drop_time", "status", "path", "catch_up",
    "mine", "queue", "time", "people", "settings", "connect", "help", "start", "start_anyway", "open",
    "ask_to_take", "follow_up", "jump", "copy",
}  # fmt: skip


def words(card: Card) -> str:
    """All a reader sees, on one line each."""
    found = [card.title]
    for block in card.blocks:
        match block.block:
            case "text" | "code":
                found.append(block.text)
            case "fields":
                found += [f"{label}: {value}" for label, value in block.pairs]
            case "bullets":
                found += [block.title, *block.items]
    found += [c.label for c in card.choices]
    if card.form is not None:
        found += [card.form.submit]
        for each in card.form.fields:
            found += [each.label, each.value, each.hint, *(label for _, label in each.options)]
    return "\n".join(found)


def row(card: Card) -> list[str]:
    return [c.verb for c in card.choices if not c.more and c.verb != "answer"]


def button(card: Card, verb: str) -> Choice:
    return next(c for c in card.choices if c.verb == verb)


# ── Bounds ──────────────────────────────────────────────────────────────────────────────────────────────────


def forecast(text: str) -> tuple[ForecastLine, ...]:
    kinds = (
        ("note", None), ("customer_note", None), ("time", "time_draft"), ("time", "over_4h"), ("time", "gap"),
        ("status", "closing_unconfirmed"), ("owner", "owner_unmapped"), ("note", text),
    )  # fmt: skip
    return tuple(
        ForecastLine(f"{kind}:{n}", kind, text, text, held, (text,) * 9) for n, (kind, held) in enumerate(kinds * 3)
    )


def every_card(
    shown: SessionView, text: str
) -> Iterator[tuple[str, Card]]:
    """Each card this room can draw, from one view and one text for everything else."""
    people = [Person(UUID(int=n), text) for n in range(300)]
    teams = [(UUID(int=n), text) for n in range(300)]
    person = PersonLine(JANE, text, text, (text,) * 9, (text,) * 9, text)
    link = ConnectionView(text, text, text, text, PsaSettings(), {"business_hours": text, "time_zone": text})
    board, statuses = Board(1, text), [BoardStatus(n, text, 1, closed=True) for n in range(200)]
    draft = Documentation(text, text, text, text, text, text)
    line = TimeLine(
        shown.session, minutes(50), minutes(500), shown.posts, ((NOW, NOW + minutes(20)),) * 9, minutes(9)
    )
    hits = [replace(HIT, summary=text, company=text, contact=text, owner=text)] * 40
    table = shown.session.current or OPEN_STEP
    yield "session", cards.session_card(shown)
    yield "status", cards.status(shown)
    yield "escalation", cards.escalation_card(shown, text)
    yield "step", cards.step_card(shown, replace(table, outcome=None))
    for manner in Manner:
        done = replace(table, outcome=Outcome(manner, text, JANE, NOW, "o1"))
        yield f"collapsed {manner}", cards.collapsed_step(done, shown.history.names)
        yield f"corrected {manner}", cards.collapsed_step(replace(done, corrected_by=41), {JANE: text, BEN: text})
    for what in ("advice", "push_parked", "unposted", "catch_up", "ticket_unreadable", "more_needed", "unclaimed_mention"):
        names, lines = (text,) * 40, (text,) * 40
        yield what, cards.notice(what, shown, text, post=post(problem=text), names=names, lines=lines, error_id=text)
    yield "resolve", cards.resolve_form(shown, draft, forecast(text))
    yield "escalate", cards.escalate_form(shown, forecast(text), teams=teams, people=people)
    yield "pick up", cards.pick_up_form(shown)
    yield "fresh", cards.pick_up_form(shown, fresh=True)
    for form in ("advise", "postpone", "decline", "pause", "take_over", "abandon", "note", "rate"):
        draw: Callable[[SessionView], Card] = getattr(cards, f"{form}_form")
        yield form, draw(shown)
    yield "link", cards.link_form(shown, hits)
    yield "tried", cards.already_tried_form(shown, table)
    yield "mine", cards.mine([shown] * 40)
    yield "queue", cards.queue([shown] * 40)
    yield "time", cards.time([line] * 40, NOW, ZONE)
    yield "path", cards.path(shown, (text,) * 40, [("node", text)] * 40)
    yield "copy", cards.copy(shown, draft)
    yield "script", cards.copy(shown, None, step=1)
    yield "duplicate", cards.duplicate_ticket(shown, JANE)
    yield "tickets", cards.tickets(hits, ZONE, NOW)
    yield "help", cards.help_card(admin=True)
    yield "people", cards.people([person] * 40)
    yield "person", cards.person_form(person, teams, [(n, text) for n in range(300)])
    yield "settings", cards.settings(link, [board] * 40)
    yield "settings form", cards.settings_form(link)
    yield "board", cards.board_form(board, statuses, PsaSettings())
    yield "connect", cards.connect_form(link)
    yield "error", cards.error(text)


def assert_drawable(name: str, card: Card) -> None:
    assert len(card.blocks) <= 50, name
    assert cards.size(card) <= 10_000, (name, cards.size(card))
    assert len(card.title) <= (24 if card.kind == "form" else 150), name
    assert "\n" not in card.title, name
    assert len(card.choices) <= 25, name
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
def test_ten_thousand_hostile_characters_everywhere_still_make_a_drawable_card(status: Status, kind: StepKind) -> None:
    shown = hostile_view(status, kind)
    assert_drawable("session", cards.session_card(shown))
    assert_drawable("step", cards.step_card(shown, hostile_step(40, kind)))
    assert len(row(cards.step_card(shown, hostile_step(40, kind)))) <= 3


@pytest.mark.parametrize("status", Status)
def test_every_card_of_every_status_can_be_drawn_whatever_people_wrote(status: Status) -> None:
    for name, card in every_card(hostile_view(status), HOSTILE):
        assert_drawable(name, card)


@pytest.mark.parametrize("status", Status)
def test_every_card_can_be_drawn_from_empty_texts(status: Status) -> None:
    for name, card in every_card(view(status), ""):
        assert_drawable(name, card)


@pytest.mark.parametrize("status", Status)
def test_a_card_of_a_plain_session_is_calm_and_not_shortened(status: Status) -> None:
    for name, card in every_card(view(status), "Plain words"):
        assert "!" not in words(card), name
        assert "Shortened" not in words(card) or name == "catch_up", name  # its 40 lines are too many
        assert "{" not in words(card), name


def test_what_was_shortened_says_where_the_whole_is() -> None:
    said = words(cards.session_card(hostile_view(Status.ACTIVE)))
    assert "…" in said
    assert "Shortened here" in said
    assert "ConnectWise" in said.split("Shortened here")[1]
    assert "copy" in [c.verb for c in cards.session_card(hostile_view(Status.ACTIVE)).choices]


# ── Verbs ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Status.ACTIVE, ["resolve", "pause", "escalate"]),
        (Status.PAUSED, ["resume", "escalate", "resolve"]),
        (Status.REQUESTING_ESCALATION, ["pick_up", "advise", "withdraw"]),
        (Status.RESOLVED, ["follow_up", "rate"]),
        (Status.ABANDONED, ["follow_up"]),
        (Status.ESCALATED, []),
    ],
)
def test_the_first_row_fits_the_status(status: Status, expected: list[str]) -> None:
    assert row(cards.session_card(view(status))) == expected


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("posts", [(), hostile_posts()], ids=["nothing owed", "everything owed"])
def test_never_more_than_three_verbs_stand_in_the_first_row(status: Status, posts: tuple[object, ...]) -> None:
    for linked in (4711, None):
        shown = view(status, posts=posts, ticket_id=linked)
        assert len(row(cards.session_card(shown))) <= 3
        assert len(row(cards.step_card(shown, OPEN_STEP))) <= 3


def test_every_button_of_a_session_names_it() -> None:
    for status in Status:
        card = cards.session_card(view(status))
        assert all(c.args["session"] == str(session().id) for c in card.choices)


def test_buttons_know_the_ticket_they_will_update() -> None:
    card = cards.session_card(view())
    assert button(card, "resolve").label == "Resolve and update #4711"
    assert button(card, "escalate").label == "Escalate and update #4711"


def test_buttons_promise_no_update_that_will_not_happen() -> None:
    on_resolve = cards.session_card(view(settings=PsaSettings(auto_push="on_resolve")))
    assert button(on_resolve, "resolve").label == "Resolve and update #4711"
    assert button(on_resolve, "escalate").label == "Escalate"
    for shown in (view(ticket_id=None), view(psa_connected=False), view(settings=PsaSettings(auto_push="off"))):
        assert button(cards.session_card(shown), "resolve").label == "Resolve"


def test_undo_names_the_step_it_takes_back_and_is_missing_where_there_is_none() -> None:
    assert button(cards.session_card(view()), "undo").args["step"] == "2"
    assert "undo" not in [c.verb for c in cards.session_card(view(previous=None)).choices]
    briefing = replace(OPEN_STEP, kind=StepKind.BRIEFING)
    assert "undo" not in [c.verb for c in cards.session_card(view(current=briefing)).choices]


def test_advice_that_waits_is_answered_in_the_first_row() -> None:
    asked = Escalation(JANE, NOW - minutes(5), "stuck", Target(), advice_open=True)
    card = cards.session_card(view(Status.REQUESTING_ESCALATION, escalation=asked))
    assert row(card) == ["take_advice", "decline_advice", "pick_up"]
    assert "Look at the port." in words(card)


def test_resolved_without_a_ticket_offers_to_link_and_post_or_to_copy() -> None:
    card = cards.session_card(view(Status.RESOLVED, ticket_id=None, posts=(post(held="no_ticket"),)))
    assert row(card) == ["link", "copy", "follow_up"]
    assert button(card, "link").label == "Link and post"
    assert "not posted, because no ticket is linked" in words(card)


def test_a_failed_post_can_be_retried_in_any_status() -> None:
    failed = post(state=PostState.FAILED, problem="The period is closed.")
    for status in Status:
        assert "retry" in [c.verb for c in cards.session_card(view(status, posts=(failed,))).choices]


def test_posting_a_closing_status_asks_before_it_counts() -> None:
    card = cards.session_card(view(Status.RESOLVED, posts=(post("status", held="closing_unconfirmed"),)))
    retry = button(card, "retry")
    assert retry.args["closing"] == "yes"
    assert "closes the ticket" in retry.confirm


# ── The session card ────────────────────────────────────────────────────────────────────────────────────────


def test_the_session_card_tells_the_ticket_and_its_context_in_local_time() -> None:
    said = words(cards.session_card(view()))
    assert "#4711 Printer offline" in said
    assert "SLA goal: 17:05" in said
    assert "Phone: +49 30 123456" in said
    assert "Mia Klein has 3 others of the last 14 days" in said
    assert "#4690 same error: Completed, solved by Ben Carter" in said
    assert "Ben Carter, 12:05 (internal): Called back, no answer." in said


def test_ticket_numbers_are_links() -> None:
    fields = [b for b in cards.session_card(view()).blocks if isinstance(b, Fields)]
    assert any(b.links.get("#4711", "").endswith("service_recid=4711") for b in fields)


def test_a_link_that_is_no_address_is_not_drawn() -> None:
    for url in ("javascript:alert(1)", "https://x y", "https://x|y", "ftp://x", None):
        card = cards.session_card(view(on=ticket(url=url), thread_link=url or ""))
        assert all(not b.links for b in card.blocks if isinstance(b, Fields))


def test_missing_parts_of_a_ticket_are_said_to_be_missing() -> None:
    bare = ticket(contact=None, notes=(), recent=(), configurations=(), site=None, missing=("notes", "recent"))
    said = words(cards.session_card(view(on=bare)))
    assert "ConnectWise did not give: last notes, other tickets of the contact." in said
    assert "Site: not given" in said
    assert "no notes yet" not in said


def test_an_unread_ticket_is_told_with_what_was_kept_and_what_to_do() -> None:
    said = words(cards.session_card(view(ticket_id=None, ticket_problem="ConnectWise has no ticket #4712.")))
    assert "ConnectWise has no ticket #4712. The session goes on" in said
    assert "nothing is lost" in said
    assert "Link the right ticket" in said


def test_a_ticket_of_an_earlier_number_is_not_shown_for_the_new_one() -> None:
    said = words(cards.session_card(view(ticket_id=5000, on=ticket())))
    assert "Contoso" not in said
    assert "#5000 is being read" in said


def test_a_merged_ticket_offers_to_link_the_one_it_went_into() -> None:
    card = cards.session_card(view(on=ticket(merged_into=4600)))
    assert "merged into #4600" in words(card)
    link = next(c for c in card.choices if c.args.get("ticket") == "4600")
    assert (link.verb, link.label) == ("link", "Link #4600 instead")


def test_a_closed_ticket_is_pointed_out() -> None:
    said = words(cards.session_card(view(on=ticket(closed=True))))
    assert "#4711 is closed in ConnectWise (In Progress)" in said


def test_the_card_says_what_is_known_and_ruled_out_with_its_step() -> None:
    said = words(cards.session_card(view()))
    assert "The spooler runs. (step 1)" in said
    assert "A broken cable (step 2)" in said


def test_only_the_last_eight_facts_stand_on_the_card() -> None:
    many = tuple(answered(n, "Look.", "seen", learned=(Fact(f"fact {n} ", n),)) for n in range(1, 13))
    shown = view()
    card = cards.session_card(replace(shown, history=replace(shown.history, steps=many)))
    assert "the last 8 of 12" in words(card)
    assert "fact 4 " not in words(card)
    assert "fact 5 " in words(card)


def test_ruled_out_causes_are_no_longer_possible_ones() -> None:
    guesses = (Hypothesis("The driver"), Hypothesis("The cable", HypothesisState.RULED_OUT))
    said = words(cards.session_card(view(hypotheses=guesses)))
    assert "Still possible\nThe driver" in said
    assert "The cable" not in said.split("Still possible")[1]


def test_the_step_line_says_when_flowpilot_is_working() -> None:
    assert "*Step 3:* Does the test page print?" in words(cards.session_card(view()))
    assert "working out the next step" in words(cards.session_card(view(turn=Turn(4, open=True))))
    assert "A briefing for Jane Doe" in words(cards.session_card(view(turn=Turn(4, open=True, briefing=True))))


def test_a_pause_names_what_it_waits_for_and_when_it_reminds() -> None:
    said = words(cards.session_card(view(Status.PAUSED)))
    assert "waiting for the customer: call back. Reminder at Wed 4 Nov, 10:05." in said


def test_an_unmapped_member_is_warned_of_before_anything_is_posted() -> None:
    assert "no ConnectWise member yet" in words(cards.session_card(view(owner_mapped=False)))
    assert "no ConnectWise member yet" in words(cards.resolve_form(view(owner_mapped=False), Documentation()))
    done = view(Status.RESOLVED, owner_mapped=False, posts=(post(state=PostState.POSTED),))
    assert "no ConnectWise member yet" not in words(cards.session_card(done))


def test_no_lead_yet_is_said_where_somebody_is_asked() -> None:
    assert "no Lead yet" in words(cards.session_card(view(Status.REQUESTING_ESCALATION, has_lead=False)))
    assert "no Lead yet" in words(cards.escalation_card(view(Status.REQUESTING_ESCALATION, has_lead=False)))
    assert "no Lead yet" in words(cards.escalate_form(view(has_lead=False)))
    assert "no Lead yet" not in words(cards.session_card(view(has_lead=False)))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (post(), "Note: waiting to be posted"),
        (post(state=PostState.POSTED), "Note: posted"),
        (
            post(attempts=1, next_attempt_at=NOW + minutes(5), problem="ConnectWise is busy."),
            "Note: trying again at 14:10. ConnectWise is busy.",
        ),
        (post("time", PostState.SENDING, content={"billed_minutes": 30}), "Time, 30 min: being posted"),
        (
            post("status", PostState.FAILED, problem="You cannot close it.", content={"status_name": "Completed"}),
            "Status to Completed: failed. ConnectWise says: You cannot close it.",
        ),
        (post("owner", PostState.UNKNOWN), "Check the ticket, then press Retry"),
        (post("time", held="over_4h"), "Time: not posted, because it is longer than 4 hours"),
        (post(held="something_new"), "not posted, because it waits for a person (something_new)"),
    ],
)
def test_each_part_shows_its_state(given: object, said: str) -> None:
    assert said in words(cards.session_card(view(Status.RESOLVED, posts=(given,))))


def test_undecided_time_is_pointed_out_once_the_part_is_over() -> None:
    gap = (Interval(JANE, NOW - minutes(60), NOW - minutes(25), None),)
    card = cards.session_card(view(Status.RESOLVED, intervals=gap))
    assert "Jane Doe has 35 min without activity (13:05–13:40)" in words(card)
    assert button(card, "count_time").args["start"] == (NOW - minutes(60)).isoformat()
    assert button(card, "drop_time").label == "Drop 35 min, 13:05–13:40"


def test_a_resolved_session_tells_the_problem_and_the_fix() -> None:
    said = words(cards.session_card(view(Status.RESOLVED)))
    assert "*Solved:* Printer offline." in said
    assert "*What fixed it:* New driver." in said


# ── Steps ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_step_carries_its_answers_the_three_verbs_and_the_rest_under_more() -> None:
    card = cards.step_card(view(), OPEN_STEP)
    answers = [c for c in card.choices if c.verb == "answer"]
    assert [c.args["option"] for c in answers] == ["yes", "no"]
    assert all(c.args["step"] == "3" and not c.more for c in answers)
    assert row(card) == ["resolve", "pause", "escalate"]
    assert {"already_tried", "cannot_do", "undo"} <= {c.verb for c in card.choices if c.more}
    assert "*Say to the user:* I send a page to your printer now." in words(card)


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.ACTIVE])
def test_a_step_cannot_be_answered_unless_the_session_is_active(status: Status) -> None:
    assert not {"answer", "already_tried"} & {c.verb for c in cards.step_card(view(status), OPEN_STEP).choices}


def test_a_step_that_is_no_longer_on_the_table_has_no_answers() -> None:
    assert "answer" not in [c.verb for c in cards.step_card(view(), replace(OPEN_STEP, number=2)).choices]


@pytest.mark.parametrize(("risk", "said"), [(Risk.READ_ONLY, "changes nothing"), (Risk.DESTRUCTIVE, "Destructive")])
def test_a_script_stands_whole_with_its_risk_in_words(risk: Risk, said: str) -> None:
    text = "Get-PrintJob |\n    Remove-PrintJob\n\n\n\nexit 0"
    scripted = replace(OPEN_STEP, kind=StepKind.SCRIPT, script=Script("powershell", text, risk, "Print again."))
    card = cards.step_card(view(current=scripted), scripted)
    code = next(b for b in card.blocks if b.block == "code")
    assert code.text == text
    assert said in code.risk
    assert "*The way back:* Print again." in words(card)
    confirmed = [c.confirm for c in card.choices if c.verb == "answer"]
    assert all(confirmed) if risk is Risk.DESTRUCTIVE else not any(confirmed)


def test_a_script_too_long_to_show_is_not_offered_to_run_in_part() -> None:
    scripted = replace(OPEN_STEP, script=Script("bash", "echo 1\n" * 1_000, Risk.CHANGES_STATE))
    card = cards.step_card(view(current=scripted), scripted)
    assert "Do not run the part shown" in words(card)
    assert button(card, "copy").args["step"] == "3"


def test_a_briefing_is_only_confirmed() -> None:
    briefing = replace(OPEN_STEP, kind=StepKind.BRIEFING, options=(Option("have_it", "I have it"),))
    card = cards.step_card(view(current=briefing), briefing)
    assert [c.label for c in card.choices if c.verb == "answer"] == ["I have it"]
    assert not {"already_tried", "cannot_do", "undo"} & {c.verb for c in card.choices}


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (answered(1, "Restarted spooler", "no change"), "✓ Restarted spooler: no change"),
        (answered(1, "Swap the cable.", "same", Manner.ALREADY_TRIED), "✓ Swap the cable: done before, same"),
        (answered(1, "Open port.", "no rights", Manner.CANNOT_DO), "– Open port: could not be done, no rights"),
        (answered(1, "Ping it.", "", Manner.WITHDRAWN), "✗ Ping it: withdrawn"),
        (answered(1, "Ping it.", "works", corrected_by=4), "↶ Ping it: works, corrected in step 4"),
        (answered(1, "Read.", "", kind=StepKind.BRIEFING), "✓ Briefing read and confirmed"),
    ],
)
def test_an_answered_step_is_one_line(done: object, said: str) -> None:
    card = cards.collapsed_step(done, {JANE: "Jane Doe"})  # type: ignore[arg-type]
    assert (card.title, card.blocks, card.choices) == (said, (), ())


def test_the_line_of_a_step_names_its_engineer_where_several_worked() -> None:
    assert cards.collapsed_step(answered(1, "Ping it.", "works"), NAMES).title == "✓ Ping it: works · Jane Doe"


# ── Escalation ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_escalation_card_tells_who_asks_for_whom_and_what_was_found() -> None:
    card = cards.escalation_card(view(Status.REQUESTING_ESCALATION))
    said = words(card)
    assert "Asked by: Jane Doe" in said
    assert "For: Ben Carter" in said
    assert "Waiting: 12 min, since 13:53" in said
    assert "Priority: Priority 2" in said
    assert "Ruled out: A broken cable." in said
    assert row(card) == ["pick_up", "advise"]
    assert {"pick_up_fresh", "postpone", "decline"} <= {c.verb for c in card.choices if c.more}


ASKED = Escalation(JANE, NOW - minutes(12), "stuck", Target())


def test_after_a_pickup_the_card_says_who_has_it_and_links_the_thread() -> None:
    card = cards.escalation_card(view(owner_id=BEN, escalation=ASKED, turn=Turn(4, open=True, briefing=True)))
    assert "Ben Carter has it." in words(card)
    assert card.choices == ()
    assert any(b.links for b in card.blocks if isinstance(b, Fields))


def test_a_withdrawn_request_says_who_carries_on() -> None:
    assert "withdrawn. Jane Doe carries on" in words(cards.escalation_card(view(escalation=ASKED)))


def test_a_leads_request_for_somebody_elses_session_is_not_taken_for_a_pickup_when_withdrawn() -> None:
    worked = (Interval(JANE, NOW - minutes(40), NOW - minutes(20)),)
    by_lead = replace(ASKED, requested_by=LEA)
    said = words(cards.escalation_card(view(escalation=by_lead, intervals=worked)))
    assert "withdrawn. Jane Doe carries on" in said


def test_a_fresh_pickup_and_an_early_end_are_told_apart() -> None:
    assert "Ben has it, with fresh eyes" in words(cards.escalation_card(view(Status.ESCALATED), "Ben"))
    assert "resolved before anybody" in words(cards.escalation_card(view(Status.RESOLVED, escalation=ASKED)))


def test_the_form_for_fresh_eyes_hides_the_guesses() -> None:
    guess = Hypothesis("The driver is broken", evidence=(Fact("The spooler runs.", 1),))
    shown = view(Status.REQUESTING_ESCALATION, hypotheses=(guess,))
    with_guesses, fresh = cards.pick_up_form(shown), cards.pick_up_form(shown, fresh=True)
    assert "The driver is broken" in words(with_guesses)
    assert "The driver is broken" not in words(fresh)
    assert "A broken cable" in words(fresh)


# ── Notices ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_parked_push_tells_connectwises_sentence_what_is_kept_and_offers_retry() -> None:
    failed = post("time", PostState.FAILED, problem="The time sheet was submitted.")
    card = cards.notice("push_parked", view(Status.RESOLVED, posts=(failed,)), post=failed)
    assert "Time for #4711 is not posted. ConnectWise says: The time sheet was submitted." in words(card)
    assert "kept" in words(card)
    assert row(card) == ["retry"]


def test_a_push_with_an_unknown_end_says_to_check_the_ticket() -> None:
    unknown = post(state=PostState.UNKNOWN, problem="No answer in time.")
    assert "Check the ticket" in words(cards.notice("push_parked", view(Status.RESOLVED), post=unknown))


def test_a_failed_guide_keeps_everything_and_gives_the_number() -> None:
    said = words(cards.notice("guide_failed", view(), error_id="E-1234ABCD"))
    assert "kept" in said
    assert "E-1234ABCD" in said


def test_the_catch_up_shows_the_lines_made_from_the_record() -> None:
    shown = view(Status.PAUSED)
    card = cards.notice("catch_up", shown, lines=catch_up(shown.history, shown.ticket, NOW))
    assert "The spooler runs." in words(card)


def test_a_refusal_names_the_people_it_is_about() -> None:
    assert "Only Jane Doe" in words(cards.notice("refused.same_engineer", view(Status.PAUSED)))
    said = words(cards.notice("refused.named_team_later", view(Status.REQUESTING_ESCALATION)))
    assert "Ben Carter by name" in said
    assert "14:23" in said


def test_an_unclaimed_request_mentions_its_target_by_name() -> None:
    said = words(cards.notice("unclaimed_mention", view(Status.REQUESTING_ESCALATION), names=("Ben Carter",)))
    assert said.startswith("\nBen Carter: “#4711 Printer offline” has waited 12 min")


# ── Forms ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_resolve_form_shows_who_reads_each_text_and_how_time_is_rounded() -> None:
    lines = (
        ForecastLine("resolution:note", "note", "Fix: new driver.", "Internal analysis: only your team sees it."),
        ForecastLine("time:1", "time", "3 November, 13:25–13:55, 23 → 30 min. Solved.", "Can stand on the invoice."),
        ForecastLine("gap:1", "time", "3 November, 12:00–12:40, 40 min without activity", "Nobody.", "gap"),
        ForecastLine("s", "status", "Completed", "Rules may e-mail the contact.", "closing_unconfirmed"),
    )
    card = cards.resolve_form(view(), Documentation("Offline", "Driver", "Printed", "Fix: driver", "Solved."), lines)
    assert card.form is not None
    fields = {f.name: f for f in card.form.fields}
    assert fields["technical"].value == "Fix: driver"
    assert "only your team" in fields["technical"].hint
    assert "23 → 30 min" in fields["time:1"].label
    assert [value for value, _ in fields["gap:1"].options] == ["later", "count", "drop"]
    assert fields["status_confirmed"].kind == "tick"
    assert fields["status_confirmed"].value == ""
    assert {"summary", "fix", "verification", "customer", "started_earlier", "post_time"} <= set(fields)
    assert card.form.submit == "Resolve and post"


def test_a_text_too_long_for_a_form_is_shown_and_never_prefilled_in_part() -> None:
    long = "word " * 2_000
    card = cards.resolve_form(view(), Documentation("Offline", "Driver", "", long, "Solved."))
    assert card.form is not None
    assert "technical" not in {f.name for f in card.form.fields}
    assert "posted whole" in words(card)


def test_a_prefilled_text_is_exactly_the_draft() -> None:
    text = "Fix: driver.\nTried: nothing.\n\n\nEnd\u00ad."
    card = cards.resolve_form(view(), Documentation(technical=text))
    assert card.form is not None
    assert next(f for f in card.form.fields if f.name == "technical").value == text


def test_nobody_can_escalate_to_himself_or_to_the_owner() -> None:
    people = [Person(JANE, "Jane Doe"), Person(BEN, "Ben Carter"), Person(LEA, "Lea Stern")]
    card = cards.escalate_form(view(), teams=[(UUID(int=5), "Network")], people=people, by=people[2])
    assert card.form is not None
    to = next(f for f in card.form.fields if f.name == "to")
    assert [label for _, label in to.options] == ["Anyone", "Team: Network", "Ben Carter"]


def test_a_form_is_submitted_with_the_verb_that_opened_it() -> None:
    pause = cards.pause_form(view()).form
    assert pause is not None
    assert (pause.verb, pause.args) == ("pause", {"session": str(session().id)})
    assert [value for value, _ in pause.fields[0].options] == ["customer", "vendor", "parts", "me"]


def test_keys_are_never_shown_again() -> None:
    form = cards.connect_form(ConnectionView("na.example.net", "contoso", "ready")).form
    assert form is not None
    assert {f.name: f.value for f in form.fields if "key" in f.name} == {"public_key": "", "private_key": ""}


# ── Lists ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_time_shows_the_fix_beside_each_line() -> None:
    failed = post("time", PostState.FAILED, content={"billed_minutes": 30}, problem="The period is closed.")
    gap = ((NOW - minutes(60), NOW - minutes(25)),)
    card = cards.time([TimeLine(session(), minutes(50), minutes(200), (failed,), gap)], NOW, ZONE)
    said = words(card)
    assert "*Today 50 min, this week 3 h 20 min.*" in said
    assert "failed 30 min (The period is closed.)" in said
    assert "unconfirmed 35 min" in said
    assert [c.verb for c in card.choices] == ["count_time", "drop_time", "retry"]


def test_the_queue_puts_the_longest_waiting_first() -> None:
    later = view(Status.REQUESTING_ESCALATION, ticket_id=None, problem_summary="Newer", escalation=replace(ASKED, requested_at=NOW))
    card = cards.queue([later, view(Status.REQUESTING_ESCALATION)])
    assert words(card).index("#4711 Printer offline") < words(card).index("Newer")
    assert "12 min · Priority 2 · Jane Doe asks Ben Carter: The queue stays stuck." in words(card)


def test_a_ticket_with_an_open_session_offers_three_ways() -> None:
    card = cards.duplicate_ticket(view())
    assert [c.verb for c in card.choices] == ["open", "ask_to_take", "start_anyway"]
    assert [c.verb for c in cards.duplicate_ticket(view(), yours=True).choices] == ["open", "start_anyway"]
    assert next(c.verb for c in cards.duplicate_ticket(view(Status.RESOLVED)).choices) == "follow_up"


def test_the_path_shows_what_was_done_and_lets_an_expert_jump() -> None:
    card = cards.path(view(), ("1. Print a test page", "2. New driver"), [("new-driver", "New driver")])
    assert "✓ Swap the cable: same error" in words(card)
    assert "2. New driver" in words(card)
    assert button(card, "jump").args["node"] == "new-driver"


def test_a_failure_says_what_happened_what_was_kept_and_what_to_do() -> None:
    said = words(cards.error("E-1A2B3C4D"))
    assert "could not finish" in said
    assert "kept" in said
    assert "try again" in said
    assert "E-1A2B3C4D" in said


def test_a_whole_script_can_be_copied_in_pieces() -> None:
    text = "".join(f"echo {n}\n" for n in range(1_500))
    assert "\n".join(cards.pieces(text)) == text.rstrip("\n")


def test_people_without_a_lead_are_told_so() -> None:
    line = PersonLine(JANE, "Jane Doe", None, ("technician",), (), None)
    assert "No Lead yet" in words(cards.people([line]))
    assert "No Lead yet" not in words(cards.people([replace(line, roles=("lead",))]))


@pytest.mark.parametrize(
    ("length", "said"),
    [(0, "under a minute"), (23, "23 min"), (65, "1 h 05 min"), (60 * 50, "2 d 2 h")],
)
def test_lengths_are_said_in_whole_minutes_hours_and_days(length: int, said: str) -> None:
    assert cards.span(timedelta(minutes=length)) == said


def test_times_carry_the_day_only_where_it_is_needed() -> None:
    assert cards.local(NOW, ZONE, NOW) == "14:05"
    assert cards.local(NOW + timedelta(days=1), ZONE, NOW) == "Wed 4 Nov, 14:05"
    assert cards.local(NOW - timedelta(days=365), ZONE, NOW) == "3 Nov 2025, 14:05"
    late = NOW.replace(hour=23, minute=30)
    assert cards.local(late, ZONE, NOW) == "Wed 4 Nov, 00:30"
