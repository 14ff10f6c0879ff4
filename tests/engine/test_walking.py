"""Following a flow without a model: how answers are read, what they teach, what was tried before."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import engine
from engine import events, walking
from engine.events import StepAnswered
from engine.flows import parse_flow
from engine.matching import Match
from engine.session import (
    HypothesisState,
    Manner,
    StepKind,
    Tier,
    tier_of,
)
from tests.engine.playbook import ANNA
from tests.engine.talk import Talk, fits, printing

# ── Following a flow ────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_moves_on_and_teaches() -> None:
    talk = printing().click("one")
    assert talk.step.flow_node == "spooler"
    assert talk.step.script is not None
    assert talk.step.script.rollback == "Start-Service Spooler"
    assert talk.facts() == ["Only one user cannot print."]
    assert talk.causes() == {"Print server": HypothesisState.RULED_OUT}
    assert talk.story.steps[1].ruled_out == ("Print server",)
    assert talk.step.why


def test_suspicions_are_open_until_an_answer_rules_them_out() -> None:
    talk = printing().click("all")
    assert talk.causes() == {"Network cable": HypothesisState.OPEN}
    assert talk.step.say_to_user == "Please look whether the cable is plugged in."
    talk.click("answers")
    (cable,) = talk.story.it.hypotheses
    assert cable.state is HypothesisState.RULED_OUT
    assert [fact.step for fact in cable.evidence] == [1, 2]


def test_a_solved_problem_ends_in_fixed_or_not_fixed_with_its_cause_confirmed() -> None:
    talk = printing().click("one").click("fixed").click("works")
    assert (talk.step.kind, talk.offered) == (StepKind.RESOLUTION_SUGGESTION, ["fixed", "not_fixed"])
    assert talk.causes()["Stuck job"] is HypothesisState.CONFIRMED
    assert tier_of(talk.story.it.confidence) is not Tier.DISCOVERY


def test_a_resolution_with_a_cause_of_its_own_confirms_that() -> None:
    talk = Talk(fits(vpn=0.9)).start("VPN").click("a").click("works")
    (cause,) = talk.story.it.hypotheses
    assert (cause.cause, cause.state) == ("The password had expired.", HypothesisState.CONFIRMED)
    assert cause.evidence[0].step == 2


def test_not_fixed_offers_the_next_flow_or_the_escalation_and_confirms_nothing() -> None:
    talk = Talk(fits(0.9, 0.4)).start().click("one").click("fixed").click("works").click("not_fixed")
    assert talk.offered == ["flow:vpn", "words", "escalate"]
    assert talk.causes()["Stuck job"] is HypothesisState.OPEN
    assert talk.click("flow:vpn").step.flow_node == "code"


def test_a_flow_that_runs_out_says_so() -> None:
    talk = printing().click("one").click("no_change").click("no_change")
    assert talk.step.kind is StepKind.QUESTION
    assert talk.offered == ["words", "escalate"]
    assert "Printer is offline" in talk.step.text
    assert talk.story.it.tier is Tier.DISCOVERY
    assert talk.causes()["Printer driver"] is HypothesisState.RULED_OUT
    assert talk.click("words").story.it.stand["at"] == "words"


@pytest.mark.parametrize(
    ("said", "leads_to"),
    [
        ("only one user, Mrs. Berg", "spooler"),
        ("everyone", "cable"),
    ],
)
def test_a_free_answer_that_names_an_option_is_read(said: str, leads_to: str) -> None:
    assert printing().say(said).step.flow_node == leads_to


@pytest.mark.parametrize(
    "said", ["I asked her", "maybe only one user", "not only one user", "one user or everyone?"]
)
def test_a_free_answer_that_may_mean_anything_is_kept_and_asked_about(said: str) -> None:
    talk = printing().say(said)
    assert talk.step.flow_node == "scope"
    assert talk.step.text == "Kept. Which of these fits? Who cannot print?"
    assert talk.story.steps[1].result == said
    assert talk.click("one").step.flow_node == "spooler"
    assert talk.facts() == ["Only one user cannot print."]


@pytest.mark.parametrize(
    ("said", "leads_to"),
    [
        ("restarted it, no change", "driver"),
        ("that solved it", "verify"),
        ("cannot log in to that PC", "spooler"),
        ("no change here but the other PC prints", "spooler"),
        ("does not print", "spooler"),
        ("it prints garbage", "spooler"),
        ("it prints, finally", "verify"),
    ],
)
def test_a_result_in_a_free_answer_is_read_with_care(said: str, leads_to: str) -> None:
    assert printing().click("one").say(said).step.flow_node == leads_to


def test_already_tried_reads_the_result_or_asks_for_it() -> None:
    talk = printing().click("one").say("restarted it twice, still the same", Manner.ALREADY_TRIED)
    assert talk.step.flow_node == "driver"
    talk.say("", Manner.ALREADY_TRIED)
    assert talk.step.text == "You tried this before. What was the result? Reinstall the printer driver."
    assert talk.click("fixed").step.flow_node == "verify"


def test_what_cannot_be_done_goes_the_way_of_no_change_and_teaches_nothing() -> None:
    talk = printing().click("one").say("no rights", Manner.CANNOT_DO)
    assert talk.step.flow_node == "driver"
    assert "Stuck job" not in talk.causes()


def test_where_the_way_hangs_on_what_cannot_be_done_the_person_chooses() -> None:
    talk = printing().say("user is away", Manner.CANNOT_DO)
    assert talk.offered == ["go:spooler", "go:cable", "words", "escalate"]
    assert talk.click("go:cable").step.flow_node == "cable"
    assert talk.story.it.hypotheses == ()


def test_nothing_is_called_solved_by_leaving_the_verification_out() -> None:
    talk = printing().click("one").click("fixed").say("user left", Manner.CANNOT_DO)
    assert talk.offered == ["words", "escalate"]


# ── Already tried ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_check_tried_before_with_a_clear_result_is_walked_past_and_kept() -> None:
    talk = printing("restarted the spooler, no change").click("one")
    assert talk.step.flow_node == "driver"
    kept = talk.story.steps[2]
    assert kept.outcome is not None
    assert (kept.outcome.manner, kept.outcome.text) == (
        Manner.ALREADY_TRIED,
        "restarted the spooler, no change",
    )
    assert (kept.outcome.by, kept.outcome.at) == (ANNA.id, talk.story.it.created_at)
    assert talk.causes()["Stuck job"] is HypothesisState.RULED_OUT
    assert talk.step.number == 3


def test_several_checks_tried_before_are_walked_past_together() -> None:
    talk = printing("restarted spooler, no change", "reinstalled driver, no change").click("one")
    assert [step.flow_node for step in talk.story.history().done] == ["scope", "spooler", "driver"]
    assert "escalate" in talk.offered


def test_a_check_tried_before_without_a_clear_result_is_asked_about() -> None:
    talk = printing("restarted the spooler").click("one")
    assert talk.step.flow_node == "spooler"
    assert talk.step.text.startswith(
        "You said you tried this (“restarted the spooler”): what was the result?"
    )
    assert talk.click("no_change").step.flow_node == "driver"


def test_what_fixed_it_before_is_asked_about_because_it_did_not_last() -> None:
    assert printing("restarted the spooler, fixed it").click("one").step.flow_node == "spooler"


def test_a_check_recognised_once_is_not_recorded_again_after_an_undo() -> None:
    talk = Talk(fits(0.9)).start("Nothing prints", "pinged printer, fine").click("all")
    assert talk.step.flow_node == "driver"
    talk.story >> events.AnswerCorrected(ANNA)
    talk.story >> StepAnswered(ANNA, talk.step.number, option="answers")
    talk.guided()
    assert [s.flow_node for s in talk.story.history().done].count("cable") == 1
    assert talk.step.flow_node == "driver"


# ── The built-in flows ──────────────────────────────────────────────────────────────────────────────────────

BUILT_IN = {
    flow.id: flow
    for path in sorted((Path(engine.__file__).parent / "flow_library").glob("*.yaml"))
    for flow in [parse_flow(path.read_text(encoding="utf-8"), path.name)]
}


@settings(max_examples=60, deadline=None)
@given(some.sampled_from(sorted(BUILT_IN)), some.lists(some.integers(0, 6), min_size=1, max_size=25))
def test_every_built_in_flow_can_be_walked_whatever_is_answered(name: str, picks: list[int]) -> None:
    flow = BUILT_IN[name]
    talk = Talk((Match(name, flow.title, 0.9),), flows=BUILT_IN).start(flow.symptoms[0])
    for pick in picks:
        step = talk.step
        assert step.why
        assert 0 < len(step.options) <= 5
        assert 0 <= step.confidence <= 1
        offered = [option for option in talk.offered if option not in ("escalate", "fixed")]
        if pick == 6:
            talk.say("not now", Manner.CANNOT_DO)
        elif pick == 5 or not offered:
            talk.say("I looked at it")
        else:
            talk.click(offered[pick % len(offered)])
        cited = {fact.step for cause in talk.story.it.hypotheses for fact in cause.evidence}
        assert cited <= {done.number for done in talk.story.history().done}


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_every_label_of_a_built_in_flow_is_read_as_itself(name: str) -> None:
    for node in BUILT_IN[name].nodes.values():
        labels = [(option.id, option.label) for option in node.options]
        for option_id, label in labels:
            assert walking.labelled(label, labels) == option_id
