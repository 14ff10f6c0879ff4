"""The offline guide: proposes the next Step without a model, from flows, from triage, or from what the person writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from engine import triage, walking
from engine.events import GuideReply
from engine.flows import ESCALATE, Flow, NodeKind, outline
from engine.history import History
from engine.matching import OFFER, SUGGEST, Match
from engine.proposing import (
    IT_IS_FIXED,
    NONE,
    NOTHING,
    WORDS_OPTION,
    Taught,
    View,
    ask_node,
    begin,
    check,
    choice,
    ended,
    follow,
    offer,
    read_stand,
    with_names,
    words,
)
from engine.psa import Ticket
from engine.session import Fact, Manner, Step, StepKind
from engine.tried import read_result


def propose(
    history: History, flows: Mapping[str, Flow], matches: Sequence[Match], ticket: Ticket | None
) -> GuideReply:
    """The next Step after an answer, after evidence, or at the start.

    `history.session` is loaded after the answer was recorded. `matches` are of all text so far, best first;
    `flows` holds every flow that may be followed, by id. Step numbers and times are set by the lifecycle.
    """
    session = history.session
    view = View(history, flows, tuple(matches), ticket, read_stand(session, flows))
    step = session.current
    if step is not None and step.outcome is None:
        return _after_evidence(view, step)
    if step is None or not view.stand.at:
        return begin(view)
    if not step.counts or step.kind is StepKind.BRIEFING:
        return _again(view)
    return _READERS[view.stand.at](view, step)


def jump_to(history: History, flows: Mapping[str, Flow], node_id: str) -> GuideReply:
    """The step of the flow followed now that an expert asks for. Raises KeyError where there is no such step."""
    stand = read_stand(history.session, flows)
    view = View(history, flows, (), None, stand)
    flow, step = view.flow or flows.get(history.session.flow_id or ""), history.session.current
    if flow is None or node_id not in flow.nodes:
        raise KeyError(node_id)
    taught = _taught_by(view, step) if step is not None and stand.at == "node" else NOTHING
    return ask_node(view, flow, flow.nodes[node_id], taught)


def path(history: History, flows: Mapping[str, Flow]) -> tuple[str, ...]:
    """The steps still ahead as short lines, the one on the table first; empty where nothing is laid out."""
    stand = read_stand(history.session, flows)
    flow = flows.get(stand.flow or "")
    if stand.at == "node" and flow is not None and stand.node:
        return outline(flow, stand.node)
    if stand.at != "triage":
        return ()
    asked = [key for key in stand.asked if key != stand.key]
    ahead = [question.text for question in triage.QUESTIONS if question.key not in asked]
    return tuple(f"{number}. {text}" for number, text in enumerate(ahead, start=1))


# ── Reading the answer, by what was asked ───────────────────────────────────────────────────────────────────


def _read_node(view: View, step: Step) -> GuideReply:
    flow = view.flow
    if flow is None or view.stand.node is None:
        return begin(view)
    node = flow.nodes[view.stand.node]
    if node.kind is NodeKind.RESOLUTION_SUGGESTION:
        if _is_fixed(step) is False:
            return ended(view, flow)
        return ask_node(view, flow, node, opening="Kept. Is it fixed?")
    option = walking.read(node, step)
    if option is not None:
        taught = _taught_by(view, step)
        return (
            follow(view, flow.id, option.to, taught) if option.to != ESCALATE else ended(view, flow, taught)
        )
    if step.outcome is not None and step.outcome.manner is Manner.CANNOT_DO:
        to = walking.around(flow, node)
        if to is not None:
            return follow(view, flow.id, to)
        why = "The way from here hangs on this step, so only you can say which way is the likelier."
        return choice(view, "This step cannot be done. How do you want to go on?", why)
    already = step.outcome is not None and step.outcome.manner is Manner.ALREADY_TRIED
    opening = "You tried this before. What was the result?" if already else "Kept. Which of these fits?"
    return ask_node(view, flow, node, opening=opening)


def _taught_by(view: View, step: Step) -> Taught:
    node = view.flow.nodes.get(view.stand.node or "") if view.flow else None
    option = walking.read(node, step) if node else None
    return Taught(*walking.lesson(option, step.number)) if option else NOTHING


def _is_fixed(step: Step) -> bool | None:
    """What an answer to a resolution says; None where it says neither."""
    chosen = step.outcome.option if step.outcome else None
    if chosen is not None:
        return chosen == walking.FIXED.id
    result = read_result(step.outcome.text) if step.outcome else None
    if step.outcome and step.outcome.manner is Manner.CANNOT_DO:
        return None
    return False if result in ("no_change", "no") else None


def _read_triage(view: View, step: Step) -> GuideReply:
    question = triage.question(view.stand.key)
    fact = triage.learned_from(question, step) if question and step.outcome else ""
    cannot = step.outcome is not None and step.outcome.manner is Manner.CANNOT_DO
    return begin(view, Taught((Fact(fact, step.number),)) if fact and not cannot else NOTHING)


def _read_offer(view: View, step: Step) -> GuideReply:
    offered = tuple(
        option.id.removeprefix("flow:") for option in step.options if option.id.startswith("flow:")
    )
    chosen = _chosen(step)
    if chosen in offered and chosen in view.flows:
        return follow(view, chosen, None)
    refusing = replace(view, stand=replace(view.stand, refused=with_names(view.stand.refused, *offered)))
    before = view.flow.nodes.get(view.stand.node or "") if view.flow else None
    if chosen == NONE and view.flow is not None and before is not None:
        return ask_node(refusing, view.flow, before)
    best = next(iter(view.open_matches()), None)
    if chosen is None and best is not None and best.score >= SUGGEST:
        return follow(view, best.flow_id, None)
    return begin(refusing)


def _chosen(step: Step) -> str | None:
    """The id of the option taken, without `flow:`; a free answer counts where it names one of them."""
    if step.outcome is None or step.outcome.manner is Manner.CANNOT_DO:
        return None
    taken = step.outcome.option
    if taken is None:
        taken = walking.labelled(step.outcome.text, [(option.id, option.label) for option in step.options])
    return taken.removeprefix("flow:") if taken else None


def _read_choice(view: View, step: Step) -> GuideReply:
    chosen = _chosen(step) or ""
    if view.flow is not None and chosen.removeprefix("go:") in view.flow.nodes:
        return follow(view, view.flow.id, chosen.removeprefix("go:"))
    if chosen in view.flows:
        return follow(view, chosen, None)
    if chosen == ESCALATE:
        return words(view, "Open Escalate to hand it over, or write what you do next.")
    first = "What do you try next, and what does it show?"
    return words(view, first if chosen == WORDS_OPTION.id else f"Kept. {first}")


def _read_words(view: View, step: Step) -> GuideReply:
    if step.outcome is not None and step.outcome.option == IT_IS_FIXED.id:
        return check(view)
    best = next(iter(view.open_matches()), None)
    if best is not None and best.score >= OFFER:
        # The person leads here, so even a good match is only offered.
        left = replace(view, stand=replace(view.stand, flow=None, node=None))
        return offer(left, "Kept. With what you wrote, does one of these fit?")
    return words(view, "Kept. What do you try next, and what does it show?")


def _read_check(view: View, step: Step) -> GuideReply:
    if _is_fixed(step) is False:
        return words(view, "Kept. What do you try next, and what does it show?")
    return check(view)


_READERS: dict[str, Callable[[View, Step], GuideReply]] = {
    "node": _read_node,
    "triage": _read_triage,
    "offer": _read_offer,
    "choice": _read_choice,
    "words": _read_words,
    "check": _read_check,
}


# ── Evidence and hand-over ──────────────────────────────────────────────────────────────────────────────────


def _after_evidence(view: View, step: Step) -> GuideReply:
    """New text may bring a flow in where there was none; a step of a flow stands unless another fits far better."""
    best = next(iter(view.open_matches()), None)
    if best is None or step.kind in (StepKind.BRIEFING, StepKind.RESOLUTION_SUGGESTION):
        return _standing(view)
    if view.stand.at == "node":
        own = max((m.score for m in view.matches if m.flow_id == view.stand.flow), default=0.0)
        if best.score >= SUGGEST and own < OFFER:
            return offer(view, "With what you added, another flow fits better. Change to it?")
        return _standing(view)
    if view.stand.at in ("", "triage") and best.score >= OFFER:
        return begin(view)
    if view.stand.at == "offer" and best.score >= SUGGEST and view.flow is None:
        return follow(view, best.flow_id, None)
    return _standing(view)


def _standing(view: View) -> GuideReply:
    """The Step on the table stands, and with it everything the Session holds."""
    session = view.session
    return GuideReply(
        step=None,
        hypotheses=session.hypotheses,
        confidence=session.confidence,
        flow_id=session.flow_id,
        match_score=session.match_score,
        stand=session.stand,
    )


def _again(view: View) -> GuideReply:
    """Ask once more what was on the table when the Session changed hands."""
    stand, flow = view.stand, view.flow
    if stand.at == "node" and flow is not None and stand.node:
        return ask_node(view, flow, flow.nodes[stand.node])
    if stand.at == "triage":
        return begin(
            replace(view, stand=replace(stand, asked=tuple(k for k in stand.asked if k != stand.key)))
        )
    if stand.at == "choice" and flow is not None:
        return choice(
            view, f"“{flow.title}” led no further. How do you want to go on?", "It was left open here."
        )
    if stand.at == "check":
        return check(view)
    return begin(view) if stand.at == "offer" else words(view, "What do you try next, and what does it show?")
