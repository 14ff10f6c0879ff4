"""What a decision tree's shape must satisfy, whatever its steps say."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

ESCALATE = "escalate"
RESOLUTION = "resolution_suggestion"
VERIFICATION = "verification"

Edges = Mapping[str, tuple[str, ...]]


class Finding(NamedTuple):
    """One thing wrong: the step (empty for the flow itself), the field, and a sentence for its author."""

    node: str
    field: str
    message: str


def shape_findings(start: str, kinds: Mapping[str, str], edges: Edges) -> Iterator[Finding]:
    """Everything wrong with the shape of a tree.

    `kinds` maps a step to its kind; `edges` maps it to the targets of its options in order (`escalate` included).
    Unknown targets are reported and then ignored, so that one slip does not hide the next.
    """
    yield from _unknown_targets(kinds, edges)
    if start not in kinds:
        yield Finding("", "start", f"The flow starts at “{start}”, but no step has that id.")
        return
    known = {node: tuple(to for to in edges.get(node, ()) if to in kinds) for node in kinds}
    reached = _reachable(start, known)
    for node in kinds:
        if node not in reached:
            yield Finding(node, "id", "No answer leads to this step. Point an option at it, or delete it.")
    if not any(kinds[node] == RESOLUTION for node in reached):
        yield Finding(
            "", "nodes", "No path leads to a resolution. End at least one path with a resolution_suggestion."
        )
    yield from _traps(kinds, edges, known)
    yield from _unverified(start, kinds, known)


def _unknown_targets(kinds: Mapping[str, str], edges: Edges) -> Iterator[Finding]:
    for node, targets in edges.items():
        for target in dict.fromkeys(targets):
            if target not in kinds and target != ESCALATE:
                yield Finding(node, "options.to", f"An option leads to “{target}”, but no step has that id.")


def _traps(kinds: Mapping[str, str], edges: Edges, known: Edges) -> Iterator[Finding]:
    """Steps inside a circle from which neither a resolution nor an escalation can be reached."""
    ends = {node for node in kinds if kinds[node] == RESOLUTION or ESCALATE in edges.get(node, ())}
    for node in kinds:
        onward = set().union(*(_reachable(to, known) for to in known[node])) if known[node] else set()
        if node in onward and not ends & onward:
            yield Finding(
                node,
                "options.to",
                "This step is part of a circle with no way out. Add an option that leaves it.",
            )


def _unverified(start: str, kinds: Mapping[str, str], known: Edges) -> Iterator[Finding]:
    """A resolution that can be reached without passing a verification, found by closing every verification."""
    if kinds[start] == VERIFICATION:
        return
    closed = {
        node: tuple(to for to in targets if kinds[to] != VERIFICATION)
        for node, targets in known.items()
    }  # fmt: skip
    for node in sorted(_reachable(start, closed)):
        if kinds[node] == RESOLUTION:
            yield Finding(
                node, "kind", "A path reaches this resolution without a verification before it. Add one."
            )


def _reachable(start: str, edges: Edges) -> AbstractSet[str]:
    seen, waiting = {start}, [start]
    while waiting:
        for target in edges.get(waiting.pop(), ()):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen
