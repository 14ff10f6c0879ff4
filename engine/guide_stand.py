"""Where a Session stands when the model leads: the flow it is on, the moves that are legal, what stays with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from engine import proposing, timekeeping, walking
from engine.events import GuideReply
from engine.flows import Flow
from engine.guide_answers import AnswerView
from engine.guide_news import State, whole
from engine.history import History
from engine.matching import Match
from engine.psa import Ticket
from engine.redact import Masks
from engine.session import Json, Manner, Session, Step

MOST_BETWEEN = 2
"""So many questions of the model may come between two steps of a flow."""
INTERFACES = ("gui", "cli", "either")
_OF_ONE_STEP = frozenset(
    {
        *("at", "flow", "node", "key", "asked", "refused", "jump"),
        *("saw", "asks", "between", "preview"),
    }
)
_CLI = re.compile(
    r"\b(?:command|commands|cli|power ?shell|terminal|shell|cmd|console|scripts?)\b", re.IGNORECASE
)
_GUI = re.compile(r"\b(?:gui|graphical|window|mouse|click\w*|menus?|settings)\b", re.IGNORECASE)


def followed(
    history: History, flows: Mapping[str, Flow], base: GuideReply
) -> tuple[Flow | None, tuple[str, ...]]:
    """The flow that the offline guide would follow, and the nodes of it that may be asked now, its own first."""
    flow = flows.get(base.flow_id or "")
    if flow is None or flow.id in names(base.stand.get("refused")):
        return None, ()
    at, node = base.stand.get("at"), flow.nodes.get(str(base.stand.get("node")))
    if node is None or at not in ("node", "choice", "offer", None):
        return None, ()
    step = history.session.current
    again = (
        step is not None and step.counts and step.flow_node == node.id and step.stand.get("flow") == flow.id
    )
    cannot = step is not None and step.outcome is not None and step.outcome.manner is Manner.CANNOT_DO
    own = () if at == "choice" else (node.id,)
    if at == "choice" or (again and cannot):
        return flow, (*own, *walking.onward(flow, node))
    if again:
        # The answer was in the technician's own words; which option they mean is the model's to read.
        targets = (option.to for option in node.options if option.to in flow.nodes)
        return flow, tuple(dict.fromkeys((*own, *(str(to) for to in targets))))
    return flow, own


def view_of(
    history: History,
    ticket: Ticket | None,
    flows: Mapping[str, Flow],
    base: GuideReply,
    masks: Masks = (),
    new_pictures: int = 0,
    *,
    seen_pictures: bool = False,
) -> AnswerView:
    """What the model's answer to this turn is checked against. `base` is what the offline guide proposes."""
    flow, legal = followed(history, flows, base)
    return AnswerView(
        history=whole(history),
        ticket=ticket,
        masks=masks,
        flow=flow,
        legal=legal,
        may_detour=between(history.session) < MOST_BETWEEN or not legal,
        may_ask_interface=not interface_of(history.session),
        new_pictures=new_pictures,
        seen_pictures=seen_pictures,
    )


def state_of(history: History, flows: Mapping[str, Flow], base: GuideReply, now: datetime) -> State:
    """The state lines of the next user turn."""
    flow, legal = followed(history, flows, base)
    session = history.session
    return State(
        now=now,
        active_minutes=int(timekeeping.active(session, now).total_seconds() // 60),
        next_step=session.step_count + len(base.tried) + 1,
        flow=flow,
        legal=tuple((node, flow.nodes[node].text) for node in legal) if flow else (),
        may_detour=between(session) < MOST_BETWEEN or not legal,
        interface=interface_of(session),
        first=is_first(history),
    )


def resumed(
    history: History, flows: Mapping[str, Flow], matches: Sequence[Match] = (), ticket: Ticket | None = None
) -> GuideReply | None:
    """Back to the flow after a question in between: what the offline guide, which knows no such questions, would
    have to propose. None where the Session is not at one; then `offline.propose` says how to go on.
    """
    session, kept = history.session, history.session.stand
    flow = flows.get(str(kept.get("flow")))
    node = flow.nodes.get(str(kept.get("node"))) if flow else None
    if "at" in kept or "jump" in kept or flow is None or node is None:
        return None
    if session.current is not None and session.current.outcome is None:
        return GuideReply(
            None,
            hypotheses=session.hypotheses,
            confidence=session.confidence,
            flow_id=session.flow_id,
            match_score=session.match_score,
            stand=kept,
        )
    asked, refused = names(kept.get("asked")), names(kept.get("refused"))
    stand = proposing.Stand("node", flow.id, node.id, asked=asked, refused=refused)
    return proposing.ask_node(proposing.View(history, flows, tuple(matches), ticket, stand), flow, node)


def without_beside(history: History) -> History:
    """The record as if FlowPilot had asked nothing about itself: the last step of the work is the one answered."""
    session = history.session
    if session.current is None or not session.current.beside:
        return history
    real = [step for step in whole(history).steps if not step.beside]
    last, earlier = (real[-1] if real else None), (real[-2] if len(real) > 1 else None)
    stand = {**staying(session), **(last.stand if last else {})}
    previous = earlier if earlier is not None and earlier.counts else None
    return replace(history, session=replace(session, current=last, previous=previous, stand=stand))


def between(session: Session) -> int:
    """How many questions of the model came since the last step of the flow."""
    kept = session.stand.get("between")
    return kept if isinstance(kept, int) and not isinstance(kept, bool) else 0


def is_first(history: History) -> bool:
    """Whether the model has not named the problem yet: of a picture nobody has confirmed it names nothing.

    One that was picked up from another Session keeps the name it has.
    """
    if history.session.problem_summary and history.session.parent_id is not None:
        return False
    spoken = (s for s in whole(history).steps if s.guide == "claude" and not s.beside)
    return not any("saw" not in step.stand for step in spoken)


def interface_of(session: Session) -> str:
    """Empty until the question was put; then `gui`, `cli` or `either`, or `asked` while nobody said."""
    step = session.current
    if step is not None and step.stand.get("asks") == "interface":
        return _wish(step) or "asked"
    kept = str(session.stand.get("interface") or "")
    return kept if kept in (*INTERFACES, "asked") else ""


def _wish(step: Step) -> str:
    if step.outcome is None or not step.counts:
        return ""
    if step.outcome.option in INTERFACES:
        return str(step.outcome.option)
    cli, gui = _CLI.search(step.outcome.text), _GUI.search(step.outcome.text)
    return "either" if cli and gui else "cli" if cli else "gui" if gui else ""


def staying(session: Session) -> dict[str, object]:
    """What goes with the Session from one stand to the next, whichever guide takes the turn."""
    kept = {name: value for name, value in session.stand.items() if name not in _OF_ONE_STEP}
    interface = interface_of(session)
    return {**kept, "interface": interface} if interface else kept


def free_stand(session: Session, base: GuideReply, flow: Flow | None, *extra: str) -> dict[str, object]:
    """The stand of a step outside any flow: no `at`, so that the offline guide reads nothing into its answer.

    With a flow it remembers the node to come back to; `extra` are flows not to be offered again.
    """
    refused = proposing.with_names(names(base.stand.get("refused")), *extra)
    asked = names(session.stand.get("asked"))
    stand = staying(session)
    stand |= {"asked": list(asked)} if asked else {}
    stand |= {"refused": list(refused)} if refused else {}
    node = base.stand.get("node")
    return stand | {"flow": flow.id, "node": node} if flow is not None and node else stand


def node_stand(session: Session, base: GuideReply, flow: Flow, node: str) -> dict[str, object]:
    """The stand of a step of a flow: the offline guide's own, so that it can take over at once."""
    asked, refused = names(base.stand.get("asked")), names(base.stand.get("refused"))
    own: Json = proposing.Stand("node", flow.id, node, asked=asked, refused=refused).to_json()
    return {**staying(session), **own}


def names(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()
