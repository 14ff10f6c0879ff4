"""Making the next proposal without a model: a step of a flow, flows to choose from, a triage question, an open ear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from engine import triage, walking
from engine.events import GuideReply
from engine.flows import ESCALATE, Flow, Node, NodeKind
from engine.history import History
from engine.matching import OFFER, SUGGEST, Match
from engine.psa import Ticket
from engine.session import Fact, Hypothesis, Json, Option, Session, Step, StepKind

MOST_OFFERED = 3
UNRELATED = 0.03
"""Below it a match says that the flow has nothing to do with the text."""
LOST = 0.2
"""The confidence where no flow leads any more."""
LABEL_LENGTH = 75

ESCALATE_OPTION = Option(ESCALATE, "Escalate")
WORDS_OPTION = Option("words", "Go on in my own words")
IT_IS_FIXED = Option("fixed", "It is fixed", "fixed")
NONE = "none"
AT = frozenset({"node", "triage", "offer", "choice", "words", "check"})


@dataclass(frozen=True, slots=True)
class Stand:
    """What the Step on the table is about; kept with the Session and each Step as JSON.

    `at`: `node` of a flow, `triage` question `key`, `offer` of flows, `choice` of how to go on, own `words`,
    `check` whether it is fixed. `asked` are triage keys put already, `refused` flows not to be offered again.
    """

    at: str = ""
    flow: str | None = None
    node: str | None = None
    key: str = ""
    asked: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def to_json(self) -> Json:
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items() if v}


def read_stand(session: Session, flows: Mapping[str, Flow]) -> Stand:
    """Where the Session stands; another guide's stand is read through the flow step it named, if it named one."""
    kept, step = session.stand, session.current
    foreign = "at" not in kept
    flow = flows.get(str(session.flow_id if foreign else kept.get("flow")))
    asked, refused = (tuple(map(str, _listed(kept.get(name)))) for name in ("asked", "refused"))
    at, node = str(kept.get("at") or ""), str(kept.get("node") or "")
    if foreign and flow and step and step.flow_node in flow.nodes:
        at, node = "node", str(step.flow_node)
    if at not in AT or (at == "node" and (flow is None or node not in flow.nodes)):
        return Stand(asked=asked, refused=refused)
    return Stand(at, flow.id if flow else None, node or None, str(kept.get("key") or ""), asked, refused)


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


@dataclass(frozen=True, slots=True)
class View:
    """All that a proposal is made from."""

    history: History
    flows: Mapping[str, Flow]
    matches: tuple[Match, ...]
    ticket: Ticket | None
    stand: Stand

    @property
    def session(self) -> Session:
        return self.history.session

    @property
    def flow(self) -> Flow | None:
        return self.flows.get(self.stand.flow or "")

    def open_matches(self) -> tuple[Match, ...]:
        """The flows that may be proposed, best first: neither refused nor the one followed now."""
        closed = {*self.stand.refused, self.stand.flow}
        return tuple(m for m in self.matches if m.flow_id in self.flows and m.flow_id not in closed)

    def score_of(self, flow_id: str) -> float:
        """At least 0.7: a flow is followed because it matched so well, or because a person chose it."""
        return max([SUGGEST, *(m.score for m in self.matches if m.flow_id == flow_id)])


@dataclass(frozen=True, slots=True)
class Taught:
    """What the answer given last brought."""

    facts: tuple[Fact, ...] = ()
    ruled_out: tuple[str, ...] = ()


NOTHING = Taught()


# ── Where there is no flow yet ──────────────────────────────────────────────────────────────────────────────


def begin(view: View, taught: Taught = NOTHING) -> GuideReply:
    """Follow what matches well, offer what may fit, else ask the next triage question, else listen."""
    best = next(iter(view.open_matches()), None)
    if best is not None and best.score >= SUGGEST:
        return follow(view, best.flow_id, None, taught)
    if best is not None and best.score >= OFFER:
        return offer(view, "Does one of these fit?", taught)
    return _triage(view, taught)


def _triage(view: View, taught: Taught = NOTHING) -> GuideReply:
    # After other steps were done, the standard questions would only repeat them.
    late = not view.stand.asked and any(_worked_on(step) for step in walking.done(view.history))
    asked = triage.KEYS if late else view.stand.asked
    question = triage.next_question(view.history, view.ticket, asked)
    if question is None:
        return words(view, "No flow fits so far. What do you try next, and what does it show?", taught)
    step = _step(view, question.kind, question.text, question.why, question.options)
    step = replace(step, say_to_user=question.say_to_user)
    stand = replace(view.stand, at="triage", key=question.key, asked=(*asked, question.key))
    return _reply(view, stand, step, taught)


def _worked_on(step: Step) -> bool:
    return step.kind is not StepKind.BRIEFING and step.stand.get("at") not in ("offer", "triage")


def offer(view: View, text: str, taught: Taught = NOTHING) -> GuideReply:
    """The best three flows by title. Where one is followed already, none of them means to stay with it."""
    found = [m for m in view.open_matches() if m.score >= UNRELATED][:MOST_OFFERED]
    flow = view.flow
    none = f"Stay with “{flow.title}”" if flow else "None of these"
    options = (
        *(_flow_option(view.flows[m.flow_id]) for m in found),
        Option(NONE, triage.clipped(none, LABEL_LENGTH)),
    )
    why = "These flows are the nearest to what was written so far, and none is near enough to be sure."
    step = _step(view, StepKind.QUESTION, text, why, options)
    return _reply(view, replace(view.stand, at="offer"), step, taught)


def _flow_option(flow: Flow) -> Option:
    return Option(f"flow:{flow.id}", triage.clipped(flow.title, LABEL_LENGTH))


def words(view: View, text: str, taught: Taught = NOTHING) -> GuideReply:
    """The person leads; each of his texts is kept as a step with its result."""
    why = "What you try and see is kept in order, for the note and for whoever may take over."
    options = (IT_IS_FIXED, ESCALATE_OPTION)
    step = _step(view, StepKind.INFORMATION_REQUEST, text, why, options)
    return _reply(view, replace(view.stand, at="words", asked=triage.KEYS), step, taught)


def check(view: View) -> GuideReply:
    why = "A resolution is what the user confirmed, not only what should work."
    options = (walking.FIXED, walking.NOT_FIXED)
    step = _step(view, StepKind.RESOLUTION_SUGGESTION, "Did the user confirm that it works?", why, options)
    return _reply(view, replace(view.stand, at="check"), step)


def choice(
    view: View, text: str, why: str, taught: Taught = NOTHING, tried: tuple[Step, ...] = ()
) -> GuideReply:
    """How to go on where the flow does not say: hand over, another flow, own words."""
    node = view.flow.nodes.get(view.stand.node or "") if view.flow else None
    around = walking.onward(view.flow, node)[:2] if view.flow and node and view.stand.at == "node" else ()
    skips = tuple(Option(f"go:{to}", _skip_label(view.flow, to)) for to in around if view.flow)
    others = tuple(_flow_option(view.flows[m.flow_id]) for m in view.open_matches() if m.score >= OFFER)
    room = walking.MOST_OPTIONS - 2
    options = (*(*skips, *others)[:room], WORDS_OPTION, ESCALATE_OPTION)
    step = _step(view, StepKind.QUESTION, text, why, options)
    return _reply(view, replace(view.stand, at="choice"), step, taught, tried)


def _skip_label(flow: Flow, to: str) -> str:
    return triage.clipped(f"Skip to: {flow.nodes[to].text}", LABEL_LENGTH)


# ── Following a flow ────────────────────────────────────────────────────────────────────────────────────────


def follow(
    view: View, flow_id: str, node_id: str | None, taught: Taught = NOTHING, opening: str = ""
) -> GuideReply:
    flow = view.flows[flow_id]
    view = replace(view, stand=replace(view.stand, at="node", flow=flow_id, node=node_id))
    arrival = walking.arrive(view.history, flow, node_id or flow.start)
    if arrival.node is None:
        return ended(view, flow, taught, arrival.tried)
    if arrival.said:
        opening = f"You said you tried this (“{triage.clipped(arrival.said, 80)}”): what was the result?"
    return ask_node(view, flow, arrival.node, taught, arrival.tried, opening)


def ask_node(
    view: View,
    flow: Flow,
    node: Node,
    taught: Taught = NOTHING,
    tried: tuple[Step, ...] = (),
    opening: str = "",
) -> GuideReply:
    step = walking.step_for(view.session, node, flow.title, opening)
    stand = replace(view.stand, at="node", flow=flow.id, node=node.id)
    return _reply(view, stand, step, taught, tried)


def ended(view: View, flow: Flow, taught: Taught = NOTHING, tried: tuple[Step, ...] = ()) -> GuideReply:
    stand = replace(view.stand, at="choice", node=None, refused=with_names(view.stand.refused, flow.id))
    text = f"“{flow.title}” ends here. How do you want to go on?"
    why = "The answers so far lead to no further step of this flow. Whoever takes over sees all of them."
    return choice(replace(view, stand=stand), text, why, taught, tried)


def with_names(names: tuple[str, ...], *more: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*names, *more)))


# ── The reply ───────────────────────────────────────────────────────────────────────────────────────────────


def _step(view: View, kind: StepKind, text: str, why: str, options: tuple[Option, ...]) -> Step:
    session = view.session
    return Step(session.step_count + 1, kind, text, session.updated_at, why=why, options=options)


def _reply(
    view: View, stand: Stand, step: Step, taught: Taught = NOTHING, tried: tuple[Step, ...] = ()
) -> GuideReply:
    """The step with its stand, and what the Session knows now."""
    session, flow = view.session, view.flows.get(stand.flow or "")
    node = flow.nodes.get(stand.node or "") if flow and stand.at == "node" else None
    ends_at = node if node and node.kind is NodeKind.RESOLUTION_SUGGESTION else None
    steps = (*walking.done(view.history), *tried)
    weighed = walking.hypotheses(session.hypotheses, steps, view.flows, ends_at)
    sure = _confidence(view, stand, steps, node, weighed)
    newly = flow is not None and flow.id != session.flow_id
    told = triage.told(view.history, view.ticket)
    first = not session.problem_summary
    return GuideReply(
        step=replace(step, number=step.number + len(tried), stand=stand.to_json(), confidence=sure),
        tried=tuple(replace(s, confidence=sure) for s in tried),
        learned=taught.facts,
        ruled_out=taught.ruled_out,
        hypotheses=weighed,
        confidence=sure,
        problem_summary=triage.summary_of(view.history, view.ticket) if first else "",
        problem_domain=flow.domain if flow and newly else triage.domain_of(told) if first else "",
        flow_id=flow.id if flow else None,
        match_score=view.score_of(flow.id) if flow and newly else session.match_score if flow else None,
        stand=stand.to_json(),
    )


def _confidence(
    view: View, stand: Stand, steps: Sequence[Step], node: Node | None, weighed: Sequence[Hypothesis]
) -> float:
    """On a flow as `walking.confidence` says; before one, the best match; where the flow led no further, little."""
    flow = view.flows.get(stand.flow or "")
    if stand.at == "node" and flow is not None:
        return walking.confidence(flow, view.score_of(flow.id), steps, node, weighed)
    if stand.at in ("offer", "triage"):
        return max((m.score for m in view.open_matches()), default=0.0)
    return view.session.confidence if stand.at == "check" else LOST
