"""Following one flow: what an answer means, where it leads, what it teaches, and which checks were done before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.flows import Flow, FlowOption, Node, NodeKind, find_tried
from engine.flows import Outcome as Means
from engine.history import History
from engine.session import (
    Fact,
    Hypothesis,
    HypothesisState,
    Manner,
    Option,
    Outcome,
    Risk,
    Script,
    Session,
    Step,
    StepKind,
)
from engine.terms import terms
from engine.tried import read_result

FIXED = Option("fixed", "That fixed it", "fixed")
NOT_FIXED = Option("not_fixed", "Not fixed", "no")
MOST_OPTIONS = 5
CLEAR_ENOUGH = 0.75
"""The share of a label's words that a free answer must hold to be read as that option."""
EXTRA_WORDS = 3
SHORT_ANSWER = 9
"""Up to this many words a free answer is taken for a result and nothing more."""

_NEGATED = re.compile(
    r"\b(?:no|not|never|none|nothing|nobody|without|cannot|still|fail\w*"
    r"|(?:do|does|did|is|are|was|were|has|have|had|ca|could|wo|would|should)n?['’]?t)\b",
    re.IGNORECASE,
)
_UNSURE = re.compile(
    r"\?|\b(?:maybe|perhaps|not sure|unsure|i think|might|probably|sometimes|but|although|either|or|if)\b",
    re.IGNORECASE,
)


# ── Steps ───────────────────────────────────────────────────────────────────────────────────────────────────


def step_for(session: Session, node: Node, title: str, opening: str = "") -> Step:
    """The node as the next Step; the caller gives it its stand. A resolution always asks whether it is fixed."""
    ends = node.kind is NodeKind.RESOLUTION_SUGGESTION
    listed = tuple(Option(o.id, o.label, o.outcome.value) for o in node.options[:MOST_OPTIONS])
    text = f"{node.text} Fix: {node.fix}" if ends and node.fix else node.text
    return Step(
        number=session.step_count + 1,
        kind=StepKind(node.kind.value),
        text=f"{opening} {text}" if opening else text,
        proposed_at=session.updated_at,
        why=node.why or (f"Cause: {node.cause}" if node.cause else f"The next step of “{title}”."),
        say_to_user=node.say_to_user or "",
        options=(FIXED, NOT_FIXED) if ends else listed,
        script=_script(node),
        flow_node=node.id,
    )


def _script(node: Node) -> Script | None:
    if node.script is None:
        return None
    script = node.script
    return Script(script.language, script.text, Risk(script.risk.value), script.rollback or "")


# ── What an answer means ────────────────────────────────────────────────────────────────────────────────────


def read(node: Node, step: Step) -> FlowOption | None:
    """The option that was chosen, or that a free answer surely means; None where it may mean another."""
    outcome = step.outcome
    if outcome is None or outcome.manner in (Manner.CANNOT_DO, Manner.WITHDRAWN):
        return None
    chosen = next((o for o in node.options if o.id == outcome.option), None)
    if chosen is not None:
        return chosen
    said = outcome.text if outcome.option is None else step.result
    by_label = labelled(said, [(option.id, option.label) for option in node.options])
    if by_label is not None:
        return next(o for o in node.options if o.id == by_label)
    tried = outcome.manner is Manner.ALREADY_TRIED
    return by_result(node, _result_in(said, tried=tried), tried=tried)


def labelled(said: str, labels: Sequence[tuple[str, str]]) -> str | None:
    """The id of the one label that a text names: nearly all its words, the same yes or no, no rival near."""
    for option_id, label in labels:
        if _plain(said) == _plain(label):
            return option_id
    if _UNSURE.search(said):
        return None
    shares = sorted(((_share(said, label), option_id, label) for option_id, label in labels), reverse=True)
    share, option_id, label = shares[0] if shares else (0.0, "", "")
    rival = shares[1][0] if len(shares) > 1 else 0.0
    if share < CLEAR_ENOUGH or rival >= share / 2:
        return None
    # “does not print” holds every word of “Prints”.
    return option_id if bool(_NEGATED.search(said)) == bool(_NEGATED.search(label)) else None


def _share(said: str, label: str) -> float:
    """How much of a label an answer names; a label beside other words counts only where a comma sets it apart."""
    if any(_plain(clause) == _plain(label) for clause in re.split(r"[,.;:()–\n]", said)):
        return 1.0
    words, wanted = set(terms(said)), set(terms(label))
    shared = len(words & wanted)
    # “prints garbage” holds every word of “Prints”.
    if not wanted or (shared < 2 and words != wanted) or len(words - wanted) > EXTRA_WORDS:
        return 0.0
    return shared / len(wanted)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _result_in(said: str, *, tried: bool) -> str | None:
    """The result named in a short answer.

    Of a Step done just now only “fixed” and “no change” are taken: words like “cannot” may as well speak of
    the person as of the machine.
    """
    if _UNSURE.search(said) or len(said.split()) > SHORT_ANSWER * (2 if tried else 1):
        return None
    result = read_result(said)
    return result if tried or result in ("fixed", "no_change") else None


def by_result(node: Node, result: str | None, *, tried: bool) -> FlowOption | None:
    """The one option that means this result. What was tried and "fixed" it did not last, or nobody would ask."""
    fixes = _only(node, Means.FIXED)
    match result:
        case "fixed":
            if not tried:
                return fixes
            return _only(node, Means.YES) if not any(o.outcome is Means.FIXED for o in node.options) else None
        case "no_change":
            return _only(node, Means.NO_CHANGE) or (_only(node, Means.NO) if tried else None)
        case "no":
            return _only(node, Means.NO) or _only(node, Means.NO_CHANGE)
        case "yes":
            return _only(node, Means.YES)
    return None


def _only(node: Node, outcome: Means) -> FlowOption | None:
    found = [option for option in node.options if option.outcome is outcome]
    return found[0] if len(found) == 1 else None


def around(flow: Flow, node: Node) -> str | None:
    """Where to go on when this step cannot be done: the answer that means “other”, else that of no change."""
    for outcome in (Means.OTHER, Means.NO_CHANGE):
        option = _only(node, outcome)
        if option is not None and option.to in onward(flow, node):
            return option.to
    return None


def onward(flow: Flow, node: Node) -> tuple[str, ...]:
    """The steps this one may lead to, resolutions excepted: nothing is solved by leaving a step out."""
    targets = dict.fromkeys(option.to for option in node.options if option.to in flow.nodes)
    ends = NodeKind.RESOLUTION_SUGGESTION
    return tuple(to for to in targets if to and to != node.id and flow.nodes[to].kind is not ends)


# ── Where it leads ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Arrival:
    """The node to ask, None where the flow ends; `tried` were walked past, `said` was tried with no clear result."""

    node: Node | None
    tried: tuple[Step, ...] = ()
    said: str = ""


def arrive(history: History, flow: Flow, node_id: str | None) -> Arrival:
    """Walk on from a node past what was done before: named as tried with a clear result, or known from the parent.

    Verifications and resolutions are always asked: they are about now.
    """
    claimed = find_tried(flow, history.session.intake.tried)
    answered = {step.flow_node: step for step in done(history) if step.stand.get("flow") == flow.id}
    tried: list[Step] = []
    seen: set[str] = set()
    while node_id is not None and node_id in flow.nodes:
        node = flow.nodes[node_id]
        if node_id in seen or node.kind in (NodeKind.VERIFICATION, NodeKind.RESOLUTION_SUGGESTION):
            return Arrival(node, tuple(tried))
        seen.add(node_id)
        option = _inherited(history, node) or _recorded(node, answered.get(node_id))
        if option is None:
            if node_id in answered or node_id not in claimed:
                return Arrival(node, tuple(tried))
            words, result = claimed[node_id]
            option = by_result(node, result, tried=True)
            if option is None:
                return Arrival(node, tuple(tried), words)
            tried.append(_tried_step(history.session, flow, node, option, words, len(tried)))
        node_id = option.to
    return Arrival(None, tuple(tried))


def _recorded(node: Node, step: Step | None) -> FlowOption | None:
    """What was recognised as tried stays walked past when an undo leads by here again."""
    was_tried = step is not None and step.outcome is not None and step.outcome.at < step.proposed_at
    return read(node, step) if step is not None and was_tried else None


def _inherited(history: History, node: Node) -> FlowOption | None:
    """The answer a fresh Session knows from its parent, when exactly one option taught that fact or cause."""
    if history.session.parent_id is None:
        return None
    briefings = [step for step in done(history) if step.kind is StepKind.BRIEFING]
    facts = {fact.text.casefold() for step in briefings for fact in step.learned}
    causes = {cause.casefold() for step in briefings for cause in step.ruled_out}
    known = [
        option
        for option in node.options
        if (option.fact or "").casefold() in facts or (option.rules_out or "").casefold() in causes
    ]
    return known[0] if len(known) == 1 else None


def _tried_step(
    session: Session, flow: Flow, node: Node, option: FlowOption, words: str, before: int
) -> Step:
    step = step_for(session, node, flow.title)
    number = step.number + before
    outcome = Outcome(Manner.ALREADY_TRIED, words, session.owner_id, session.created_at, option.id)
    learned, ruled_out = lesson(option, number)
    stand = {"at": "node", "flow": flow.id, "node": node.id}
    return replace(
        step, number=number, script=None, stand=stand, outcome=outcome, learned=learned, ruled_out=ruled_out
    )


# ── What it teaches ─────────────────────────────────────────────────────────────────────────────────────────


def lesson(option: FlowOption, number: int) -> tuple[tuple[Fact, ...], tuple[str, ...]]:
    """The facts and the ruled-out causes of an answer to Step `number`."""
    facts = (Fact(option.fact, number),) if option.fact else ()
    return facts, (option.rules_out,) if option.rules_out else ()


def done(history: History) -> tuple[Step, ...]:
    """The Steps really done, the one answered just now included, in order."""
    steps = {step.number: step for step in history.steps}
    session = history.session
    steps |= {step.number: step for step in (session.previous, session.current) if step is not None}
    return tuple(step for _, step in sorted(steps.items()) if step.counts)


def answers(steps: Sequence[Step], flows: Mapping[str, Flow]) -> Iterator[tuple[Step, Node, FlowOption]]:
    """Each Step of a flow with the option it came to; the others are passed over."""
    for step in steps:
        flow = flows.get(str(step.stand.get("flow")))
        node = flow.nodes.get(step.flow_node or "") if flow else None
        option = read(node, step) if node else None
        if node is not None and option is not None and node.kind is not NodeKind.RESOLUTION_SUGGESTION:
            yield step, node, option


def hypotheses(
    known: Sequence[Hypothesis], steps: Sequence[Step], flows: Mapping[str, Flow], ends_at: Node | None
) -> tuple[Hypothesis, ...]:
    """Causes with their evidence, worked out anew from every answer, so that a corrected one leaves no trace.

    `known` are causes from elsewhere; they stay. `ends_at` is the resolution now proposed: its cause is
    confirmed, or, where it only points back (“See the confirmed step”), what the fixing answer taught.
    """
    found: dict[str, Hypothesis] = {}
    fixed_by: tuple[str, Fact] | None = None
    for step, node, option in answers(steps, flows):
        evidence = Fact(option.fact or step.result, step.number)
        if option.suspects:
            _weigh(found, option.suspects, HypothesisState.OPEN, evidence)
        if option.rules_out:
            _weigh(found, option.rules_out, HypothesisState.RULED_OUT, evidence)
        if option.outcome is Means.FIXED and node.kind is not NodeKind.VERIFICATION:
            fixed_by = (option.suspects or option.fact or node.text, evidence)
    if ends_at is not None:
        cause = ends_at.cause or ""
        last = steps[-1] if steps else None
        if cause and not cause.casefold().startswith("see "):
            proof = fixed_by[1] if fixed_by else Fact(last.result if last else "", last.number if last else 0)
            _weigh(found, cause, HypothesisState.CONFIRMED, proof)
        elif fixed_by is not None:
            _weigh(found, fixed_by[0], HypothesisState.CONFIRMED, fixed_by[1])
    followed = [
        flows[name] for name in dict.fromkeys(str(s.stand.get("flow")) for s in steps) if name in flows
    ]
    from_elsewhere = tuple(h for h in known if h.cause.casefold() not in found and not _of_flows(h, followed))
    return (*from_elsewhere, *found.values())


def _weigh(found: dict[str, Hypothesis], cause: str, state: HypothesisState, evidence: Fact) -> None:
    before = found.get(cause.casefold())
    held = before.evidence if before else ()
    found[cause.casefold()] = Hypothesis(
        before.cause if before else cause, state, tuple(dict.fromkeys((*held, evidence)))
    )


def _of_flows(hypothesis: Hypothesis, flows: Sequence[Flow]) -> bool:
    """Whether the cause is one of these flows' own; then only the answers say whether it stands."""
    nodes = [node for flow in flows for node in flow.nodes.values()]
    named = {node.cause for node in nodes} | {node.text for node in nodes}
    for option in (option for node in nodes for option in node.options):
        named |= {option.suspects, option.rules_out, option.fact}
    return hypothesis.cause in named


def confidence(
    flow: Flow, score: float, steps: Sequence[Step], node: Node | None, weighed: Sequence[Hypothesis]
) -> float:
    """How sure the guide is while it follows a flow, 0–1.

    score × max(0.85 + 0.15 × progress, belief) × (1 − 0.3 × contradiction), where `score` is the match (at
    least 0.7: a flow is followed because it matched or because a person chose it), progress the share of the
    way to the nearest resolution already gone, belief the confidence of the last suspicion still open, and
    contradiction the ruled-out share of all causes considered.
    """
    taken = [(step, option) for step, _, option in answers(steps, {flow.id: flow})]
    gone = len({step.flow_node for step, _ in taken})
    ahead = distance(flow, node.id) if node else 1
    progress = gone / (gone + ahead) if gone + ahead else 1.0
    still_open = {h.cause.casefold() for h in weighed if h.state is not HypothesisState.RULED_OUT}
    beliefs = [o.confidence for _, o in taken if o.confidence and (o.suspects or "").casefold() in still_open]
    belief = beliefs[-1] / 100 if beliefs else 0.0
    out = sum(1 for h in weighed if h.state is HypothesisState.RULED_OUT)
    contradiction = out / len(weighed) if weighed else 0.0
    sure = score * max(0.85 + 0.15 * progress, belief) * (1 - 0.3 * contradiction)
    return round(min(1.0, max(0.0, sure)), 2)


def distance(flow: Flow, node_id: str) -> int:
    """Steps from a node to the nearest resolution, 0 for one; the number of all steps where none can be reached."""
    waiting, seen = [(node_id, 0)], {node_id}
    for here, far in waiting:
        if flow.nodes[here].kind is NodeKind.RESOLUTION_SUGGESTION:
            return far
        for option in flow.nodes[here].options:
            if option.to in flow.nodes and option.to not in seen:
                seen.add(str(option.to))
                waiting.append((str(option.to), far + 1))
    return len(flow.nodes)
