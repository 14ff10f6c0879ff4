"""The session card: which buttons fit a status, and what it tells of the ticket, the work and the posts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot import cards
from bot.card import Fields
from engine.documentation import Documentation
from engine.ports import PostState
from engine.psa_settings import PsaSettings
from engine.session import (
    Escalation,
    Fact,
    Hypothesis,
    HypothesisState,
    Intake,
    IntakeType,
    Interval,
    Pause,
    Status,
    StepKind,
    Target,
    Turn,
    WaitingFor,
)
from tests.bot.card_views import (
    JANE,
    NOW,
    OPEN_STEP,
    answered,
    button,
    hostile_posts,
    minutes,
    post,
    row,
    session,
    ticket,
    view,
    words,
)


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
def test_never_more_than_three_verbs_stand_in_the_first_row(
    status: Status, posts: tuple[object, ...]
) -> None:
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
    for shown in (
        view(ticket_id=None),
        view(psa_connected=False),
        view(settings=PsaSettings(auto_push="off")),
    ):
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
    bare = ticket(
        contact=None, notes=(), recent=(), configurations=(), site=None, missing=("notes", "recent")
    )
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
    assert "A briefing for Jane Doe" in words(
        cards.session_card(view(turn=Turn(4, open=True, briefing=True)))
    )


def test_a_pause_names_what_it_waits_for_and_when_it_reminds() -> None:
    said = words(cards.session_card(view(Status.PAUSED)))
    assert "waiting for the customer: call back. Reminder at Wed 4 Nov, 10:05." in said


def test_who_waits_for_himself_is_named_in_the_thread_and_you_to_himself() -> None:
    shown = view(Status.PAUSED, pause=Pause(WaitingFor.ME, "", NOW - minutes(5)))
    assert "waiting for Jane Doe. No reminder is set." in words(cards.session_card(shown))
    assert "waiting for Jane Doe" in words(cards.notice("paused", shown))
    assert "waiting for you" in words(cards.notice("paused_reminder", shown))
    assert "waits for you" in words(cards.mine([shown]))


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
            post(
                "status",
                PostState.FAILED,
                problem="You cannot close it.",
                content={"status_name": "Completed"},
            ),
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


def test_the_area_is_told_in_words() -> None:
    assert "Active Directory" in words(cards.session_card(view(problem_domain="active_directory")))
    assert "Microsoft 365" in words(cards.session_card(view(problem_domain="m365")))


@pytest.mark.parametrize(
    ("summary", "written", "title"),
    [
        ("#4711 VPN drops", "", "#4711 VPN drops"),
        ("VPN drops", "", "#4711 VPN drops"),
        ("", "#4711", "Ticket #4711"),
        ("", "look at ticket 4711 please, it is offline", "#4711 look at ticket 4711 please, it is offline"),
    ],
)
def test_the_number_of_the_ticket_stands_once_before_the_problem(
    summary: str, written: str, title: str
) -> None:
    intake = Intake(IntakeType.FREE_TEXT, written)
    shown = view(problem_summary=summary, intake=intake, on=ticket(summary=""))
    assert cards.session_card(shown).title == title


def test_an_ended_session_is_not_said_to_go_on_without_its_ticket() -> None:
    ended = words(cards.session_card(view(Status.RESOLVED, ticket_problem="ConnectWise does not answer.")))
    assert "goes on" not in ended
    assert "ConnectWise does not answer. What was done here is kept" in ended
