"""The offline guide, told as dialogues: what it proposes, how it reads answers, what it keeps."""

from __future__ import annotations

import pytest

from engine import events, offline
from engine.events import EvidenceAdded, SessionStarted
from engine.psa import Ticket
from engine.session import (
    Fact,
    Hypothesis,
    HypothesisState,
    Intake,
    IntakeType,
    Option,
    Status,
    Step,
    StepKind,
    Target,
)
from tests.engine.playbook import ACCOUNT, ANNA, BEN, FRESH, SESSION, briefed
from tests.engine.talk import FLOWS, Talk, fits, printing

# ── The first turn ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_good_match_is_followed_from_its_start() -> None:
    talk = printing()
    assert (talk.step.flow_node, talk.step.why) == ("scope", "One user points to his PC.")
    it = talk.story.it
    assert it.flow_id == "printer"
    assert it.problem_domain == "printing"
    assert it.match_score == 0.9
    assert it.problem_summary == "Nothing prints since today"


def test_a_fair_match_is_offered_with_none_of_these() -> None:
    talk = Talk(fits(0.5, 0.31)).start()
    assert talk.offered == ["flow:printer", "flow:vpn", "none"]
    assert talk.step.options[0] == Option("flow:printer", "Printer is offline")
    assert talk.story.it.flow_id is None
    talk.click("flow:vpn")
    assert talk.step.flow_node == "code"
    assert talk.story.it.flow_id == "vpn"


def test_a_typed_title_chooses_the_flow() -> None:
    assert Talk(fits(0.5, 0.4)).start().say("the vpn does not connect").step.flow_node == "code"


def test_a_poor_match_asks_the_standard_questions() -> None:
    talk = Talk(fits(0.2)).start("It is broken")
    keys = []
    for answer in ("Nothing opens", "Since today", "New router", "Only this user"):
        keys.append(str(talk.story.it.stand["key"]))
        talk.say(answer)
    assert [*keys, talk.story.it.stand["key"]] == ["what", "since", "changed", "who", "error"]
    assert talk.facts() == [
        "Symptom: Nothing opens",
        "Since: Since today",
        "Changed before: New router",
        "Affected: Only this user",
    ]


def test_questions_the_intake_answers_are_not_asked() -> None:
    told = (
        'Since yesterday only Mrs. Berg gets the message "The stub received bad data" when she opens the shared'
        " calendar of the sales team, after the update of her laptop"
    )
    talk = Talk().start(told)
    assert talk.story.it.stand["at"] == "words"


def test_an_answer_may_answer_the_next_question_too() -> None:
    talk = Talk().start("It is broken").say("Since Monday it closes by itself")
    assert talk.story.it.stand["key"] == "changed"


def test_what_does_not_fit_at_all_is_not_offered() -> None:
    assert Talk(fits(0.5, 0.001)).start().offered == ["flow:printer", "none"]


def test_a_pasted_log_answers_what_the_error_says() -> None:
    talk = Talk().start(
        "It is broken since today, only one user, after the update", digest="First error: 7031"
    )
    assert (
        talk.say("The window closes by itself when she opens a second calendar").story.it.stand["at"]
        == "words"
    )


def test_an_unknown_answer_teaches_nothing() -> None:
    talk = Talk().start("It is broken").say("Nothing opens").click("unknown")
    assert talk.facts() == ["Symptom: Nothing opens"]


def test_none_of_these_goes_on_with_questions_and_never_offers_them_again() -> None:
    talk = Talk(fits(0.6, 0.5)).start("It is broken").click("none")
    assert talk.story.it.stand["at"] == "triage"
    talk.matches = fits(0.95, 0.5)
    assert talk.say("Nothing prints").story.it.stand["at"] == "triage"


def test_a_match_found_by_an_answer_is_followed() -> None:
    talk = Talk().start("It is broken")
    talk.matches = fits(0.8)
    talk.say("The printer prints nothing")
    assert talk.step.flow_node == "scope"
    assert talk.facts() == ["Symptom: The printer prints nothing"]


def test_without_any_flow_the_session_stays_useful() -> None:
    talk = Talk(flows={}).start("It is broken")
    while talk.story.it.stand["at"] == "triage":
        talk.say("Cannot tell")
    assert talk.step.kind is StepKind.INFORMATION_REQUEST
    assert "escalate" in talk.offered
    talk.say("Rebooted the switch, no change").say("Swapped the cable")
    assert [step.result for step in talk.story.history().done][-2:] == [
        "Rebooted the switch, no change",
        "Swapped the cable",
    ]
    talk.click("fixed")
    assert talk.offered == ["fixed", "not_fixed"]
    assert talk.click("not_fixed").story.it.stand["at"] == "words"


@pytest.mark.parametrize(
    ("text", "ticket", "summary"),
    [
        ("#4711", Ticket(4711, "Scanner is dead"), "Scanner is dead"),
        ("ticket 4711 Outlook hangs on start. It did so before.", None, "Outlook hangs on start"),
        ("", None, "Not described yet"),
    ],
)
def test_the_summary_is_the_persons_own_words_or_the_tickets(
    text: str, ticket: Ticket | None, summary: str
) -> None:
    assert Talk(ticket=ticket).start(text).story.it.problem_summary == summary


def test_a_long_summary_is_cut_between_words() -> None:
    talk = Talk().start("Outlook hangs " * 20)
    assert len(talk.story.it.problem_summary) <= 120
    assert talk.story.it.problem_summary.endswith("hangs…") or talk.story.it.problem_summary.endswith(
        "Outlook…"
    )


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("VPN and DNS fail", "networking"),
        ("Outlook shows no mailbox", "m365"),
        ("Suspicious phishing mail", "security"),
        ("It is broken", "other"),
    ],
)
def test_the_domain_is_guessed_from_the_words(text: str, domain: str) -> None:
    assert Talk().start(text).story.it.problem_domain == domain


# ── Undo ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_undone_answer_leaves_no_trace_in_what_is_known() -> None:
    talk = printing().click("all")
    talk.story >> events.AnswerCorrected(ANNA)
    assert talk.step.flow_node == "scope"
    assert talk.story.it.hypotheses == ()
    talk.click("one")
    assert talk.step.flow_node == "spooler"
    assert talk.causes() == {"Print server": HypothesisState.RULED_OUT}


def test_an_undone_choice_of_flow_is_asked_again() -> None:
    talk = Talk(fits(0.5, 0.4)).start().click("flow:vpn")
    talk.story >> events.AnswerCorrected(ANNA)
    assert talk.offered == ["flow:printer", "flow:vpn", "none"]
    assert talk.click("flow:printer").step.flow_node == "scope"
    assert talk.story.it.flow_id == "printer"


# ── Evidence ────────────────────────────────────────────────────────────────────────────────────────────────


def test_evidence_leaves_the_step_of_a_flow_standing() -> None:
    talk = printing().click("one")
    before = talk.story.it
    talk.story >> EvidenceAdded(BEN, "A photo of the printer")
    talk.guided()
    assert talk.reply.step is None
    after = talk.story.it
    assert (after.stand, after.flow_id, after.hypotheses) == (before.stand, before.flow_id, before.hypotheses)
    assert (after.confidence, after.match_score, after.current) == (before.confidence, 0.9, before.current)


def test_evidence_that_fits_a_flow_proposes_it_where_there_was_none() -> None:
    talk = Talk().start("It is broken")
    talk.matches = fits(0.85)
    talk.story >> EvidenceAdded(BEN, "The printer is offline")
    assert talk.guided().step.flow_node == "scope"


def test_evidence_that_fits_another_flow_far_better_offers_the_change() -> None:
    talk = printing().click("one")
    talk.matches = fits(0.1, 0.9)
    talk.story >> EvidenceAdded(BEN, "It is the VPN, error 691")
    talk.guided()
    assert talk.offered == ["flow:vpn", "none"]
    assert talk.step.options[-1].label == "Stay with “Printer is offline”"
    talk.click("none")
    assert talk.step.flow_node == "spooler"
    talk.story >> EvidenceAdded(BEN, "Still the VPN")
    assert talk.guided().reply.step is None


def test_own_words_that_fit_a_flow_only_offer_it() -> None:
    talk = Talk(flows=dict(FLOWS)).start("It is broken")
    while talk.story.it.stand["at"] == "triage":
        talk.say("Cannot tell")
    talk.matches = fits(0.9)
    assert talk.say("The printer shows offline").offered == ["flow:printer", "none"]
    assert talk.click("none").story.it.stand["at"] == "words"


# ── Handing over ────────────────────────────────────────────────────────────────────────────────────────────


def test_after_the_briefing_the_diagnosis_goes_on_where_it_stood() -> None:
    talk = printing().click("one")
    talk.story >> events.EscalationRequested(ANNA, "Stuck", Target())
    talk.story >> events.PickedUp(BEN)
    briefed(talk.story).answer("have_it", by=BEN)
    talk.guided()
    assert talk.step.flow_node == "spooler"
    assert talk.facts() == ["Only one user cannot print.", "It is on"]


def test_a_fresh_session_matches_anew_and_asks_nothing_its_parent_knows() -> None:
    talk = Talk(fits(0.9))
    intake = Intake(IntakeType.FREE_TEXT, "Nothing prints")
    talk.story >> SessionStarted(FRESH, ACCOUNT, BEN, intake, parent_id=SESSION, briefed=True)
    facts = (Fact("Only one user cannot print.", 0),)
    talk.story >> events.BriefingWritten(talk.story.turn, "Known", facts, ("Stuck job",))
    talk.story.answer("have_it", by=BEN)
    talk.guided()
    assert talk.step.flow_node == "driver"
    assert talk.story.it.hypotheses == ()


# ── Another guide, path, jump ───────────────────────────────────────────────────────────────────────────────


def test_where_another_guide_left_off_the_flow_step_it_named_is_gone_on_from() -> None:
    talk = Talk(fits(0.9))
    talk.story >> SessionStarted(SESSION, ACCOUNT, ANNA, Intake(IntakeType.FREE_TEXT, "Nothing prints"))
    theirs = Step(
        0, StepKind.QUESTION, "Who?", talk.story.now, flow_node="scope", stand={"messages": 4}, guide="claude"
    )
    other = Hypothesis("Solar flare")
    reply = events.GuideReply(theirs, flow_id="printer", stand={"messages": 4}, hypotheses=(other,))
    talk.story >> events.GuideReplied(1, reply)
    talk.say("everyone")
    assert talk.step.flow_node == "cable"
    assert other in talk.story.it.hypotheses


def test_where_another_guide_left_off_without_a_flow_the_person_leads() -> None:
    talk = Talk()
    talk.story >> SessionStarted(SESSION, ACCOUNT, ANNA, Intake(IntakeType.FREE_TEXT, "Nothing opens"))
    theirs = Step(0, StepKind.QUESTION, "Who?", talk.story.now, guide="claude")
    talk.story >> events.GuideReplied(1, events.GuideReply(theirs))
    assert talk.say("everyone").story.it.stand["at"] == "words"


def test_a_flow_that_is_gone_from_the_library_stops_nothing() -> None:
    talk = printing()
    talk.flows = {}
    talk.matches = ()
    talk.story.answer("one")
    assert talk.guided().story.it.stand["at"] == "words"


def test_the_path_shows_what_is_ahead() -> None:
    talk = printing().click("one")
    ahead = offline.path(talk.story.history(), FLOWS)
    assert ahead[0] == "1. Restart the print spooler on the PC"
    assert len(ahead) == 4
    triage = offline.path(Talk().start("It is broken").story.history(), FLOWS)
    assert triage[0].startswith("1. What exactly happens")
    assert len(triage) == 5
    assert offline.path(Talk(fits(0.5)).start().story.history(), FLOWS) == ()


def test_an_expert_jumps_to_any_step_of_his_flow() -> None:
    talk = printing()
    talk.story >> events.StepJumped(ANNA, "driver")
    talk.story >> events.GuideReplied(talk.story.turn, offline.jump_to(talk.story.history(), FLOWS, "driver"))
    assert talk.step.flow_node == "driver"
    assert talk.click("no_change").causes() == {"Printer driver": HypothesisState.RULED_OUT}
    with pytest.raises(KeyError):
        offline.jump_to(talk.story.history(), FLOWS, "moon")


# ── Confidence and form ─────────────────────────────────────────────────────────────────────────────────────


def test_confidence_grows_with_the_way_and_falls_with_contradiction() -> None:
    talk = printing()
    first = talk.story.it.confidence
    assert first == pytest.approx(0.9 * 0.85, abs=0.01)
    suspected = talk.click("all").story.it.confidence
    assert suspected > first
    assert talk.click("answers").story.it.confidence < suspected


@pytest.mark.parametrize("score", [0.31, 0.69, 0.7, 1.0])
def test_every_step_has_a_reason_at_most_five_options_and_an_honest_confidence(score: float) -> None:
    talk = Talk(fits(score, 0.3)).start("It is broken")
    for _ in range(12):
        step = talk.step
        assert step.why
        assert len(step.options) <= 5
        assert len({option.id for option in step.options}) == len(step.options)
        assert all(len(option.label) <= 75 for option in step.options)
        assert 0 <= step.confidence <= 1
        assert step.stand == talk.story.it.stand
        pick = [o for o in talk.offered if o not in ("escalate", "fixed")]
        talk = talk.click(pick[-1]) if pick else talk.say("Something else")
    assert talk.story.status is Status.ACTIVE
