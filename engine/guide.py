"""From a checked answer of the model to what the guide proposes: here code decides what the model may not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from engine import guide_stand, triage, walking
from engine.events import GuideReply
from engine.flows import Flow, NodeKind
from engine.guide_answers import Checked, Ground, Move, Rests
from engine.guide_news import whole
from engine.guide_schemas import DOMAINS
from engine.guide_stand import followed as followed
from engine.guide_stand import resumed as resumed
from engine.guide_stand import state_of as state_of
from engine.guide_stand import view_of as view_of
from engine.guide_stand import without_beside as without_beside
from engine.guide_text import INTERFACE
from engine.history import History
from engine.matching import SUGGEST
from engine.note_text import sentence
from engine.session import Fact, Hypothesis, HypothesisState, Option, Session, Step, StepKind

GUI = Option("gui", "Graphical interface")
CLI = Option("cli", "Command line")
EITHER = Option("either", "Either is fine")
RIGHT = Option("right", "Yes, that is right", "yes")
WRONG = Option("wrong", "No, it says something else", "no")
DONE = (
    Option("works", "Done, and it works now", "fixed"),
    Option("no_change", "Done, no change", "no_change"),
)
SEEN = (Option("yes", "It works", "yes"), Option("no", "It does not work", "no"))
USUAL = {StepKind.ACTION: DONE, StepKind.SCRIPT: DONE, StepKind.VERIFICATION: SEEN}
"""The answers of a step for which the model offered none."""
LONGEST_WHY = 400
"""Of the model's own words: what the step rests on follows them, and a card shows both."""
MOST_HYPOTHESES = 16
LEFT_FLOW = "guide_left_flow"
DEEDS = frozenset({StepKind.ACTION, StepKind.SCRIPT})
ASKED_BY = 3
"""The interface is asked at the latest in place of the model's third step with something to do."""


def proposal(checked: Checked, history: History, flows: Mapping[str, Flow], base: GuideReply) -> GuideReply:
    """What becomes of an answer. `base` is what the offline guide proposes for the same turn; `checked` was checked
    against `view_of` of the same record.
    """
    history = whole(history)
    session = history.session
    flow, legal = guide_stand.followed(history, flows, base)
    on_flow = flow if checked.move is not Move.LEAVE else None
    score = (base.match_score or session.match_score or SUGGEST) if on_flow else None
    sure = confidence(checked, score, len(history.done))
    follows = checked.move is Move.FOLLOW and flow is not None and checked.node in legal
    if follows and flow is not None:
        step = _of_node(checked, session, flow, base)
    else:
        step = _of_its_own(checked, session, base, flow)
    number = session.step_count + 1 + len(base.tried)
    if _interface_first(checked, step, history):
        checked, follows = _asking_interface(checked), False
        step = _of_its_own(checked, session, base, flow)
    step = replace(
        step,
        number=number,
        proposed_at=session.updated_at,
        why=_why(checked),
        confidence=sure,
        guide="claude",
        aside=LEFT_FLOW if checked.move is Move.LEAVE else "",
    )
    summary, domain = _named(checked, history, base, flow.domain if follows and flow is not None else "")
    ruled_out = _ruled_out(checked, history, base)
    return GuideReply(
        step=step,
        tried=tuple(replace(each, confidence=sure) for each in base.tried),
        learned=_facts((*base.learned, *confirmed_picture(history), *checked.facts)),
        ruled_out=ruled_out,
        hypotheses=_hypotheses(checked, history, flows, base, step if follows else None, ruled_out),
        confidence=sure,
        problem_summary=summary,
        problem_domain=domain,
        flow_id=on_flow.id if on_flow else None,
        match_score=score,
        stand=step.stand,
    )


def fallback(base: GuideReply, aside: str, history: History) -> GuideReply:
    """The offline guide's turn, with what the Session keeps for the model's next one. `aside` may be empty."""
    stand = {**guide_stand.staying(history.session), **base.stand}
    step = replace(base.step, stand=stand, aside=aside) if base.step is not None else None
    learned = _facts((*base.learned, *confirmed_picture(history)))
    return replace(base, step=step, stand=stand, learned=learned)


def confidence(checked: Checked, score: float | None, done: int) -> float:
    """Model / 100 × (0.7 + 0.3 × match of the flow followed) × (0.7 + 0.05 × steps that count, six at most), 0–1.

    Without a flow the match is 0: no number of the model alone makes a Session guided.
    """
    match = min(1.0, max(0.0, score or 0.0))
    return round(checked.confidence / 100 * (0.7 + 0.3 * match) * (0.7 + 0.05 * min(6, done)), 2)


# ── The step ────────────────────────────────────────────────────────────────────────────────────────────────


def _of_node(checked: Checked, session: Session, flow: Flow, base: GuideReply) -> Step:
    """A step of the flow in the model's words; answers, script and kind are the flow's."""
    node = flow.nodes[checked.node]
    step = walking.step_for(session, node, flow.title)
    return replace(
        step,
        text=checked.say or step.text,
        say_to_user=checked.say_to_user or step.say_to_user,
        stand=guide_stand.node_stand(session, base, flow, node.id),
    )


def _of_its_own(checked: Checked, session: Session, base: GuideReply, flow: Flow | None) -> Step:
    """A step of the model. A new picture is read back and the interface asked in code's words and options."""
    left = (flow.id,) if flow is not None and checked.move is Move.LEAVE else ()
    # Where the technician went on in his own words, the flow behind him is not followed, nor begun anew.
    idle = (base.flow_id,) if flow is None and base.flow_id else ()
    stand = guide_stand.free_stand(session, base, None if left else flow, *left, *idle)
    step = Step(0, checked.kind, checked.say, session.updated_at, say_to_user=checked.say_to_user)
    if checked.saw:
        came = guide_stand.between(session)
        stand |= {"saw": checked.saw} | ({"between": came} if came else {})
        text = f"I read this in the screenshot: “{checked.saw}” Is that right?"
        return replace(
            step, kind=StepKind.QUESTION, text=text, say_to_user="", options=(RIGHT, WRONG), stand=stand
        )
    if checked.asks_interface:
        stand |= {"asks": "interface", "interface": "asked"}
        return replace(step, kind=StepKind.QUESTION, options=(GUI, CLI, EITHER), stand=stand)
    if flow is not None and not left:
        stand |= {"between": guide_stand.between(session) + 1}
    ends = checked.kind is StepKind.RESOLUTION_SUGGESTION
    options = (walking.FIXED, walking.NOT_FIXED) if ends else checked.options or USUAL.get(checked.kind, ())
    return replace(step, options=options, script=checked.script, stand=stand)


def _interface_first(checked: Checked, step: Step, history: History) -> bool:
    """Whether code asks for the interface now: the model had its chances, and the question is asked once in any case."""
    if checked.asks_interface or checked.move is Move.LEAVE or step.kind not in DEEDS:
        return False
    before = [each for each in history.done if each.guide == "claude" and each.kind in DEEDS]
    return len(before) + 1 >= ASKED_BY and not guide_stand.interface_of(history.session)


def _asking_interface(checked: Checked) -> Checked:
    return replace(
        checked,
        kind=StepKind.QUESTION,
        say=INTERFACE,
        say_to_user="",
        why="So that the next steps are worded for the way you work.",
        move=Move.NONE,
        node="",
        script=None,
        asks_interface=True,
    )


def _why(checked: Checked) -> str:
    """Why this step, ending with what it rests on."""
    if checked.saw:
        return "Nothing is built on a screenshot before somebody has confirmed what stands in it. Rests on the screenshot."
    parts = [checked.reason, checked.why] if checked.move is Move.LEAVE else [checked.why]
    said = " ".join(sentence(part, LONGEST_WHY) for part in parts if part)
    return f"{triage.clipped(said, LONGEST_WHY)} {rests_on(checked.rests)}"


def rests_on(rests: Rests) -> str:
    match rests.on:
        case Ground.STEP:
            return f"Rests on step {rests.step}."
        case Ground.LOG:
            return f"Rests on the log line “{triage.clipped(rests.line, 140)}”."
        case Ground.TICKET:
            return "Rests on the ticket."
        case Ground.PICTURE:
            return "Rests on the screenshot."
        case Ground.INTAKE:
            return "Rests on what was reported."


def _named(checked: Checked, history: History, base: GuideReply, of_flow: str) -> tuple[str, str]:
    """Problem and field, on the model's first turn; the flow followed knows its field best."""
    if not guide_stand.is_first(history) or checked.saw:
        return base.problem_summary, base.problem_domain
    fields = (of_flow, checked.problem_domain, base.problem_domain)
    return (
        triage.clipped(checked.problem_summary, triage.SUMMARY_LENGTH) or base.problem_summary,
        next((field for field in fields if field in DOMAINS), ""),
    )


# ── What is known now ───────────────────────────────────────────────────────────────────────────────────────


def confirmed_picture(history: History) -> tuple[Fact, ...]:
    """What was read in a picture, as a fact of the step that asked whether it is right; nothing unless it is."""
    step = history.session.current
    if step is None or not step.counts or step.outcome is None or step.outcome.option != RIGHT.id:
        return ()
    saw = step.stand.get("saw")
    return (
        (Fact(triage.clipped(f"Seen in the screenshot: {saw}", 300), step.number),)
        if isinstance(saw, str)
        else ()
    )


def _facts(found: Iterable[Fact]) -> tuple[Fact, ...]:
    kept: dict[str, Fact] = {}
    for fact in found:
        kept.setdefault(fact.text.casefold(), fact)
    return tuple(kept.values())


def _ruled_out(checked: Checked, history: History, base: GuideReply) -> tuple[str, ...]:
    """Causes that the answer given last excludes; those of earlier answers only close their hypothesis."""
    last = history.session.current
    own = (
        fact.text
        for fact in checked.ruled_out
        if last is not None and last.counts and fact.step == last.number
    )
    known = {fact.text.casefold() for fact in history.ruled_out}
    return tuple({c.casefold(): c for c in (*base.ruled_out, *own) if c.casefold() not in known}.values())


def _hypotheses(
    checked: Checked,
    history: History,
    flows: Mapping[str, Flow],
    base: GuideReply,
    followed_step: Step | None,
    ruled_out: tuple[str, ...],
) -> tuple[Hypothesis, ...]:
    """The flow's own causes and the model's. What was ruled out or confirmed by a flow stays, whatever the model says."""
    found = {h.cause.casefold(): h for h in _of_flow(history, flows, base, followed_step)}
    out = {fact.text.casefold() for fact in history.ruled_out} | {cause.casefold() for cause in ruled_out}
    for said in checked.hypotheses:
        held = found.get(said.cause.casefold())
        if said.cause.casefold() in out and said.state is not HypothesisState.RULED_OUT:
            continue
        if held is None and len(found) < MOST_HYPOTHESES:
            found[said.cause.casefold()] = said
        elif held is not None and held.state is HypothesisState.OPEN:
            evidence = tuple(dict.fromkeys((*held.evidence, *said.evidence)))
            found[said.cause.casefold()] = replace(held, state=said.state, evidence=evidence)
    for fact in checked.ruled_out:
        held = found.get(fact.text.casefold())
        if held is not None and held.state is not HypothesisState.CONFIRMED:
            evidence = _with_step(held.evidence, fact, history)
            found[fact.text.casefold()] = replace(held, state=HypothesisState.RULED_OUT, evidence=evidence)
    return tuple(found.values())


def _with_step(evidence: tuple[Fact, ...], by: Fact, history: History) -> tuple[Fact, ...]:
    if any(fact.step == by.step for fact in evidence):
        return evidence
    step = next((step for step in history.done if step.number == by.step), None)
    return (*evidence, Fact(triage.clipped(step.result or by.text, 200), by.step)) if step else evidence


def _of_flow(
    history: History, flows: Mapping[str, Flow], base: GuideReply, step: Step | None
) -> tuple[Hypothesis, ...]:
    """Worked out anew where the model does not take the very step that the offline guide weighed."""
    if step is not None and base.step is not None and base.step.flow_node == step.flow_node:
        return base.hypotheses
    flow = flows.get(base.flow_id or "") if step is not None else None
    node = flow.nodes.get(step.flow_node or "") if flow and step else None
    ends_at = node if node is not None and node.kind is NodeKind.RESOLUTION_SUGGESTION else None
    return walking.hypotheses(history.session.hypotheses, (*history.done, *base.tried), flows, ends_at)
