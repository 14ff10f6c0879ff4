"""Steps open and answered, the card in the escalation channel, and the sentences of notices."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot import cards
from bot.card import Fields
from engine.catch_up import catch_up
from engine.ports import PostState
from engine.session import (
    Escalation,
    Fact,
    Hypothesis,
    Interval,
    Manner,
    Option,
    Risk,
    Script,
    Status,
    StepKind,
    Target,
    Turn,
)
from tests.bot.card_views import (
    BEN,
    JANE,
    LEA,
    NAMES,
    NOW,
    OPEN_STEP,
    answered,
    button,
    minutes,
    post,
    row,
    view,
    words,
)


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
    assert not {"answer", "already_tried"} & {
        c.verb for c in cards.step_card(view(status), OPEN_STEP).choices
    }


def test_a_step_that_waits_offers_only_what_ends_the_waiting() -> None:
    paused = cards.step_card(view(Status.PAUSED), OPEN_STEP)
    assert [c.verb for c in paused.choices] == ["resume"]
    assert "The session is paused, so this step waits." in words(paused)
    asking = cards.step_card(view(Status.REQUESTING_ESCALATION), OPEN_STEP)
    assert asking.choices == ()
    assert words(asking).count("so this step waits") == 1
    assert "Type" not in words(asking)


def test_a_step_that_is_no_longer_on_the_table_has_no_answers() -> None:
    assert "answer" not in [c.verb for c in cards.step_card(view(), replace(OPEN_STEP, number=2)).choices]


@pytest.mark.parametrize(
    ("risk", "said"), [(Risk.READ_ONLY, "changes nothing"), (Risk.DESTRUCTIVE, "Destructive")]
)
def test_a_script_stands_whole_with_its_risk_in_words(risk: Risk, said: str) -> None:
    text = "Get-PrintJob |\n    Remove-PrintJob\n\n\n\nexit 0"
    scripted = replace(
        OPEN_STEP, kind=StepKind.SCRIPT, script=Script("powershell", text, risk, "Print again.")
    )
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
        (
            answered(1, "Open port.", "no rights", Manner.CANNOT_DO),
            "– Open port: could not be done, no rights",
        ),
        (answered(1, "Ping it.", "", Manner.WITHDRAWN), "✗ Ping it: withdrawn"),
        (answered(1, "Ping it.", "works", corrected_by=4), "↶ Ping it: works, corrected in step 4"),
        (answered(1, "Read.", "", kind=StepKind.BRIEFING), "✓ Briefing read and confirmed"),
    ],
)
def test_an_answered_step_is_one_line(done: object, said: str) -> None:
    card = cards.collapsed_step(done, {JANE: "Jane Doe"})  # type: ignore[arg-type]
    assert (card.title, card.blocks, card.choices) == (said, (), ())


def test_the_line_of_a_step_names_its_engineer_where_several_worked() -> None:
    assert (
        cards.collapsed_step(answered(1, "Ping it.", "works"), NAMES).title == "✓ Ping it: works · Jane Doe"
    )


def test_the_escalation_card_tells_who_asks_for_whom_and_what_was_found() -> None:
    card = cards.escalation_card(view(Status.REQUESTING_ESCALATION))
    said = words(card)
    assert "Asked by: Jane Doe" in said
    assert "For: Ben Carter" in said
    assert "Waiting: 12 min, since 13:53" in said
    assert "Priority: Priority 2" in said
    assert "Ruled out: A broken cable." in said
    assert row(card) == ["pick_up", "advise"]
    assert {"postpone", "decline"} <= {c.verb for c in card.choices if c.more}


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


def test_the_owners_step_offers_no_take_over_where_nobody_is_a_lead() -> None:
    with_lead, without = (view(has_lead=each) for each in (True, False))
    assert "take_over" in {c.verb for c in cards.step_card(with_lead, OPEN_STEP).choices}
    assert "take_over" not in {c.verb for c in cards.step_card(without, OPEN_STEP).choices}
    assert "take_over" in {c.verb for c in cards.session_card(without).choices}
