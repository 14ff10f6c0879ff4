"""The guide with a model, told as dialogues: what code decides, whatever the model answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine import guide, offline
from engine.events import AnswerCorrected, EvidenceAdded
from engine.session import Fact, Hypothesis, HypothesisState, Manner, Option, Risk, Step, StepKind
from tests.engine.led import Led, answer, follow, leave, on_the_printer_flow
from tests.engine.playbook import ANNA, MONDAY
from tests.engine.record import TICKET
from tests.engine.talk import PRINTER, fits

# ── With a flow ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_followed_step_has_the_flows_answers_and_the_models_words() -> None:
    led = on_the_printer_flow()
    assert (led.step.text, led.step.flow_node, led.step.guide) == (
        "Who is it that cannot print?",
        "scope",
        "claude",
    )
    assert led.offered == ["one", "all"]
    assert led.step.why == "The queue decides where to look. Rests on what was reported."
    assert (led.story.it.flow_id, led.story.it.match_score) == ("printer", 0.9)
    assert led.story.it.problem_domain == "printing"


def test_the_script_of_a_followed_step_is_the_flows_whatever_the_model_writes() -> None:
    evil = {"language": "powershell", "text": "Format-Volume C", "risk": "read_only", "rollback": ""}
    led = (
        on_the_printer_flow()
        .click("one")
        .model(follow("spooler", kind="script", script=evil, rests_on="step 1"))
    )
    assert led.step.script is not None
    assert led.step.script.text == "Restart-Service Spooler"
    assert led.step.script.risk is Risk.CHANGES_STATE
    assert led.story.history().facts == (Fact("Only one user cannot print.", 1),)
    assert [fact.text for fact in led.story.history().ruled_out] == ["Print server"]


def test_where_a_flow_names_a_command_its_own_words_stand() -> None:
    nodes = {
        **PRINTER.nodes,
        "spooler": replace(PRINTER.nodes["spooler"], text="Run ipconfig /flushdns on the PC."),
    }
    led = (
        Led(fits(0.9), flows={"printer": replace(PRINTER, nodes=nodes)})
        .start("Nothing prints")
        .model(follow("scope"))
    )
    led.click("one").model(follow("spooler", say="Run ipconfig /release and /renew.", rests_on="step 1"))
    assert led.step.text == "Run ipconfig /flushdns on the PC."


def test_only_the_node_that_the_answer_leads_to_may_be_followed() -> None:
    led = on_the_printer_flow().click("one")
    assert led.refused(follow("done", rests_on="step 1")) == "flow.node must be one of: spooler."
    assert "- spooler: Restart the print spooler" in led.told


def test_an_answer_in_own_words_lets_the_model_read_which_option_was_meant() -> None:
    led = on_the_printer_flow().say("It seems to be the whole second floor, maybe more")
    led.model(follow("cable", rests_on="step 1"))
    assert led.step.flow_node == "cable"


def test_a_step_that_cannot_be_done_never_leads_to_a_resolution() -> None:
    led = on_the_printer_flow().click("all").model(follow("cable", rests_on="step 1"))
    led.say("I have no access", Manner.CANNOT_DO)
    assert led.refused(follow("done", rests_on="step 2")).startswith("flow.node must be one of: ")
    assert "done" not in led.refused(follow("done", rests_on="step 2"))


def test_the_offline_guide_takes_over_from_a_followed_step_at_once() -> None:
    led = on_the_printer_flow().click("one").away()
    assert (led.step.flow_node, led.step.guide, led.step.aside) == ("spooler", "offline", "guide_away")


def test_a_question_in_between_comes_back_to_the_step_that_was_next() -> None:
    led = on_the_printer_flow().click("one").model(answer(rests_on="step 1"))
    assert (led.step.flow_node, led.offered) == (None, ["o1", "o2"])
    assert led.story.it.flow_id == "printer"
    led.click("o1").model(follow("spooler", rests_on="step 2"))
    assert led.step.flow_node == "spooler"


def test_the_offline_guide_comes_back_from_a_question_in_between_too() -> None:
    led = on_the_printer_flow().click("one").model(answer(rests_on="step 1")).click("o1").away()
    assert led.step.flow_node == "spooler"


def test_evidence_beside_a_question_in_between_leaves_the_flow_where_it_is() -> None:
    led = on_the_printer_flow().click("one").model(answer(rests_on="step 1"))
    led.story >> EvidenceAdded(ANNA, "It is the big one on the second floor")
    led.model(follow("spooler", rests_on="step 1"))
    assert led.step.flow_node == "spooler"


def test_after_two_questions_in_between_the_flow_goes_on() -> None:
    led = on_the_printer_flow().click("one")
    for number in (1, 2):
        led.model(answer(rests_on=f"step {number}")).click("o1")
    assert "enough questions in between" in led.refused(answer(rests_on="step 3"))
    led.model(follow("spooler", rests_on="step 3"))
    assert led.story.it.stand.get("between") is None


def test_between_two_steps_of_a_flow_nothing_is_done_on_the_side() -> None:
    led = on_the_printer_flow().click("one")
    assert "room for a question only" in led.refused(answer(kind="action", rests_on="step 1"))


def test_a_flow_is_left_with_a_reason_that_rests_on_a_step() -> None:
    led = on_the_printer_flow().click("one")
    assert "only with a reason" in led.refused(leave("Everybody can print now", rests_on="intake"))
    assert "only with a reason" in led.refused(leave("no", rests_on="step 1"))
    led.model(leave("The user prints from a Mac, which this flow does not cover", rests_on="step 1"))
    assert (led.step.aside, led.step.flow_node, led.story.it.flow_id) == ("guide_left_flow", None, None)
    assert led.step.why == (
        "The user prints from a Mac, which this flow does not cover. The queue decides where to look. Rests on step 1."
    )
    assert led.story.it.match_score is None
    led.click("o1").away()
    assert led.story.it.flow_id is None, "a flow that was left is not proposed again"


def test_a_resolution_of_a_flow_asks_whether_it_is_fixed() -> None:
    led = on_the_printer_flow().click("all").model(follow("cable", rests_on="step 1")).click("silent")
    led.model(follow("verify", rests_on="step 2")).click("works").model(follow("done", rests_on="step 3"))
    assert led.step.kind is StepKind.RESOLUTION_SUGGESTION
    assert led.offered == ["fixed", "not_fixed"]
    confirmed = [h.cause for h in led.story.it.hypotheses if h.state is HypothesisState.CONFIRMED]
    assert confirmed == []


def test_what_was_tried_before_is_kept_when_the_model_follows() -> None:
    led = Led(fits(0.9)).start("Only one user cannot print", "restarted the print spooler, no change")
    led.model(follow("scope")).click("one").model(follow("driver", rests_on="step 1"))
    assert [step.flow_node for step in led.story.history().done] == ["scope", "spooler"]
    assert led.step.number == 3


# ── Without a flow ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_free_step_has_options_whose_ids_are_codes() -> None:
    led = Led().start().model(answer(options=[
        {"label": "Yes", "means": "yes"}, {"label": "Escalate to a colleague", "means": "other"},
        {"label": "No", "means": "no"},
    ]))  # fmt: skip
    assert led.step.options == (Option("o1", "Yes"), Option("escalate", "Escalate"), Option("o3", "No"))
    assert [option.outcome for option in led.step.options] == ["yes", "", "no"]
    assert "at" not in led.story.it.stand


@pytest.mark.parametrize(
    ("kind", "ids"), [("action", ["works", "no_change"]), ("verification", ["yes", "no"])]
)
def test_a_thing_to_do_always_has_answers(kind: str, ids: list[str]) -> None:
    assert Led().start().model(answer(kind=kind, options=[])).offered == ids


def test_the_first_turn_names_the_problem_and_later_ones_do_not() -> None:
    led = Led().start("my thing is broken").model(answer(problem_summary="x" * 300, problem_domain="m365"))
    assert (len(led.story.it.problem_summary), led.story.it.problem_domain) == (120, "m365")
    led.click("o1").model(answer(problem_summary="Another one", problem_domain="backup", rests_on="step 1"))
    assert led.story.it.problem_domain == "m365"
    assert led.story.it.problem_summary.startswith("xxx")


def test_where_the_model_names_nothing_the_record_does() -> None:
    led = Led().start("Outlook asks for a password again and again").model(answer())
    assert led.story.it.problem_summary == "Outlook asks for a password again and again"
    assert led.story.it.problem_domain == "m365"


def test_the_model_names_the_problem_when_it_comes_back() -> None:
    led = Led().start("my thing is broken").away().say("Outlook closes when I print")
    led.model(answer(problem_summary="Outlook closes on printing", problem_domain="m365", rests_on="step 1"))
    assert (led.story.it.problem_summary, led.story.it.problem_domain) == (
        "Outlook closes on printing",
        "m365",
    )


def test_a_free_resolution_asks_whether_it_is_fixed() -> None:
    led = Led().start().model(answer()).click("o1")
    led.model(answer(kind="resolution_suggestion", rests_on="step 1", options=[]))
    assert led.offered == ["fixed", "not_fixed"]


def test_no_number_of_the_model_alone_makes_a_session_guided() -> None:
    led = Led().start().model(answer(confidence=100))
    assert led.story.it.confidence == pytest.approx(0.49)
    for number in range(1, 10):
        led.click("o1").model(answer(confidence=100, rests_on=f"step {number}"))
    assert led.story.it.confidence == pytest.approx(0.7)


def test_with_a_flow_confidence_grows_with_the_match_and_the_steps() -> None:
    led = Led(fits(0.9)).start().model(follow("scope", confidence=100))
    assert led.story.it.confidence == pytest.approx(0.68)
    assert led.step.confidence == led.story.it.confidence
    led.click("one").model(follow("spooler", confidence=100, rests_on="step 1"))
    assert led.story.it.confidence == pytest.approx(0.73)


@pytest.mark.parametrize(
    ("rests_on", "said"),
    [
        ("ticket", "Rests on the ticket."),
        ("intake", "Rests on what was reported."),
        ("log: spooler terminated unexpectedly", "Rests on the log line “spooler terminated unexpectedly”."),
    ],
)
def test_every_step_says_what_it_rests_on(rests_on: str, said: str) -> None:
    led = Led(ticket=TICKET).start(digest="Errors:\n[error] L3 The Print Spooler terminated unexpectedly.")
    assert led.model(answer(rests_on=rests_on)).step.why.endswith(said)


# ── What is known ───────────────────────────────────────────────────────────────────────────────────────────


def test_facts_come_from_the_answer_given_last_and_in_its_words() -> None:
    led = Led().start().model(answer()).say("The queue of the printer upstairs holds 40 jobs")
    facts = [
        {"text": "The queue upstairs holds 40 jobs", "step": 1},
        {"text": "The queue upstairs holds 90 jobs", "step": 1},
        {"text": "The firewall blocks port 9100", "step": 1},
        {"text": "The queue upstairs holds 40 jobs", "step": 7},
        {"text": "Nothing prints", "step": 0},
    ]
    led.model(answer(facts=facts, rests_on="step 1"))
    assert led.story.history().facts == (Fact("The queue upstairs holds 40 jobs", 1),)


def test_a_no_is_not_made_a_yes() -> None:
    options = [{"label": "Yes", "means": "yes"}, {"label": "No", "means": "no"}]
    led = Led().start().model(answer(say="Does the printer show as online?", options=options)).click("o2")
    facts = [
        {"text": "The printer shows as online", "step": 1},
        {"text": "The printer does not show as online", "step": 1},
    ]
    led.model(answer(facts=facts, rests_on="step 1"))
    assert led.story.history().facts == (Fact("The printer does not show as online", 1),)


def test_a_cause_is_ruled_out_by_an_answered_step_and_stays_so() -> None:
    led = Led().start().model(answer(hypotheses=[_open("Stuck job")])).say("The queue is empty, no stuck job")
    led.model(answer(ruled_out=[{"cause": "Stuck job", "step": 1}], rests_on="step 1"))
    assert [fact.text for fact in led.story.history().ruled_out] == ["Stuck job"]
    assert [(h.cause, h.state) for h in led.story.it.hypotheses] == [("Stuck job", HypothesisState.RULED_OUT)]
    led.click("o1").model(answer(hypotheses=[_open("Stuck job"), _open("stuck JOB")], rests_on="step 2"))
    assert [(h.cause, h.state) for h in led.story.it.hypotheses] == [("Stuck job", HypothesisState.RULED_OUT)]


def test_a_cause_of_nobody_and_one_of_an_undone_step_are_not_ruled_out() -> None:
    led = Led().start().model(answer()).say("I cannot reach the site", Manner.CANNOT_DO)
    out = [
        {"cause": "Which printer", "step": 1},
        {"cause": "Sunspots", "step": 1},
        {"cause": "Printer", "step": 9},
    ]
    led.model(answer(ruled_out=out, rests_on="step 1"))
    assert led.story.history().ruled_out == ()


def test_a_hypothesis_without_an_answered_step_stays_open() -> None:
    said = {
        "cause": "Damaged driver",
        "state": "confirmed",
        "evidence": [{"text": "It is the driver", "step": 4}],
    }
    led = Led().start().model(answer(hypotheses=[said]))
    assert led.story.it.hypotheses == (Hypothesis("Damaged driver"),)


def test_an_undo_takes_the_models_evidence_back() -> None:
    said = {
        "cause": "Damaged driver",
        "state": "confirmed",
        "evidence": [{"text": "The driver is damaged", "step": 1}],
    }
    led = Led().start().model(answer()).say("Event log: the driver is damaged")
    led.model(answer(hypotheses=[said], rests_on="step 1"))
    assert [h.state for h in led.story.it.hypotheses] == [HypothesisState.CONFIRMED]
    led.story >> AnswerCorrected(ANNA)
    assert led.story.it.hypotheses == ()


def test_a_cause_that_the_model_does_not_repeat_stays_with_its_evidence() -> None:
    said = {
        "cause": "Damaged driver",
        "state": "open",
        "evidence": [{"text": "The driver is damaged", "step": 1}],
    }
    led = Led().start().model(answer()).say("Event log: the driver is damaged")
    led.model(answer(hypotheses=[said, _open("Stuck job")], rests_on="step 1")).say("No idea")
    before = led.story.it.hypotheses
    led.model(answer(hypotheses=[_open("Print server")], rests_on="step 1"))
    assert led.story.it.hypotheses == (*before, Hypothesis("Print server"))


def _open(cause: str) -> dict[str, object]:
    return {"cause": cause, "state": "open", "evidence": []}


# ── The offline guide's turn ────────────────────────────────────────────────────────────────────────────────


def test_a_fallback_says_why_and_keeps_what_the_session_remembers() -> None:
    led = Led().start()
    led.checked(answer())
    history = led.story.history()
    agreed = replace(history, session=replace(history.session, stand={"agreed": True, "at": "preview"}))
    reply = guide.fallback(led.base, "guide_budget", agreed)
    assert reply.step is not None
    assert (reply.step.aside, reply.stand["agreed"], reply.stand["at"]) == ("guide_budget", True, "triage")
    assert reply.step.stand == reply.stand


def test_a_question_about_flowpilot_itself_leaves_the_work_where_it_was() -> None:
    led = on_the_printer_flow().click("one")
    history = led.story.history()
    assert guide.without_beside(history) is history
    asked = Step(
        2,
        StepKind.QUESTION,
        "4 values are masked",
        MONDAY,
        stand={"at": "preview", "agreed": True},
        beside=True,
    )
    it = replace(
        history.session, current=asked, previous=history.session.current, stand=asked.stand, step_count=2
    )
    read = guide.without_beside(replace(history, session=it, steps=(*history.steps, asked)))
    assert read.session.current == history.session.current
    assert read.session.stand == {**history.session.stand, "agreed": True}
    base = offline.propose(read, led.flows, led.matches, None)
    assert base.step is not None
    assert base.step.flow_node == "spooler"
