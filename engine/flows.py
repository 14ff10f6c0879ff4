"""Decision trees: their nouns, reading them from text with every problem named, and showing the path ahead."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from engine import flow_text
from engine.flow_rules import ESCALATE
from engine.tried import match_tried, split_tried

__all__ = [
    "ANY_SIZE", "BUILT_IN_SIZE", "ESCALATE", "Flow", "FlowInvalid", "FlowOption", "FlowScript", "FlowState", "Node",
    "NodeKind", "Outcome", "Problem", "Risk", "find_tried", "outline", "parse_flow", "split_tried",
]  # fmt: skip

ANY_SIZE = (2, 80)
BUILT_IN_SIZE = (8, 25)
OUTLINE_LINE = 110


class FlowState(StrEnum):
    """How far a flow may be trusted; only the middle two are ever offered."""

    WIP = "wip"
    NOT_VALIDATED = "not_validated"
    VALIDATED = "validated"
    ARCHIVED = "archived"


class NodeKind(StrEnum):
    """What a step asks of the technician."""

    QUESTION = "question"
    ACTION = "action"
    VERIFICATION = "verification"
    SCRIPT = "script"
    INFORMATION_REQUEST = "information_request"
    RESOLUTION_SUGGESTION = "resolution_suggestion"


class Outcome(StrEnum):
    """What an answer means, whatever its label says."""

    YES = "yes"
    NO = "no"
    NO_CHANGE = "no_change"
    FIXED = "fixed"
    OTHER = "other"


class Risk(StrEnum):
    """What running a script can do."""

    READ_ONLY = "read_only"
    CHANGES_STATE = "changes_state"
    DESTRUCTIVE = "destructive"


@dataclass(frozen=True, slots=True)
class FlowScript:
    """Commands to run by hand; `rollback` says how to undo them (always there when destructive)."""

    language: str
    text: str
    risk: Risk
    rollback: str | None


@dataclass(frozen=True, slots=True)
class FlowOption:
    """One answer: where it leads, what it means and what it taught.

    `to` is a node id, `escalate`, or None on a resolution (the session is resolved). `confidence` is how sure
    the suspected cause is after this answer, 0–100.
    """

    id: str
    label: str
    to: str | None
    outcome: Outcome
    fact: str | None = None
    rules_out: str | None = None
    suspects: str | None = None
    confidence: int | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One step. `already` holds phrases that mean it was done before; `cause` and `fix` stand on resolutions only."""

    id: str
    kind: NodeKind
    text: str
    why: str
    say_to_user: str | None
    script: FlowScript | None
    options: tuple[FlowOption, ...]
    already: tuple[str, ...] = ()
    cause: str | None = None
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """A troubleshooting decision tree; `source` names the file or record it was read from."""

    id: str
    title: str
    domain: str
    summary: str
    symptoms: tuple[str, ...]
    keywords: tuple[str, ...]
    state: FlowState
    start: str
    nodes: Mapping[str, Node]
    source: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a flow's text; `node` is empty when it is about the flow itself."""

    source: str
    node: str
    field: str
    message: str

    def __str__(self) -> str:
        where = (
            f"{self.source}, step “{self.node}”, {self.field}"
            if self.node
            else f"{self.source}, {self.field}"
        )
        return f"{where}: {self.message}"


class FlowInvalid(ValueError):
    """This flow cannot be used; every problem is listed, not only the first."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def parse_flow(text: str, source: str, size: tuple[int, int] = ANY_SIZE) -> Flow:
    """Read one flow from YAML text of at most 256 KB; `size` is the least and the most steps.

    Raises FlowInvalid with every problem found.
    """
    raw, findings = flow_text.read(text, size)
    if findings or raw is None:
        raise FlowInvalid(tuple(Problem(source, *finding) for finding in findings))
    nodes = {str(node["id"]): _node(node) for node in raw["nodes"]}
    return Flow(
        id=raw["id"],
        title=raw["title"],
        domain=raw["domain"],
        summary=raw["summary"],
        symptoms=tuple(raw.get("symptoms", ())),
        keywords=tuple(raw.get("keywords", ())),
        state=FlowState(raw.get("state") or FlowState.NOT_VALIDATED),
        start=raw.get("start") or next(iter(nodes)),
        nodes=MappingProxyType(nodes),
        source=source,
    )


def outline(flow: Flow, from_node: str) -> tuple[str, ...]:
    """The steps still ahead as short numbered lines; see `outline_steps`."""
    return tuple(line for _, line in outline_steps(flow, from_node))


def outline_steps(flow: Flow, from_node: str) -> tuple[tuple[str, str], ...]:
    """(node id, short numbered line) of the steps still ahead, `from_node` first.

    The main path (each step's first option that leads on) comes first; side branches follow, each opened by the answer that
    leads into it. Raises KeyError for an unknown node.
    """
    lines: list[tuple[str, str]] = []
    numbers: dict[str, int] = {}
    waiting: list[tuple[str, str]] = [(from_node, "")]
    while waiting:
        node_id, opening = waiting.pop()
        if node_id in numbers:
            continue
        node = flow.nodes[node_id]
        numbers[node_id] = len(numbers) + 1
        text = _short(node.text, OUTLINE_LINE - len(opening))
        lines.append((node_id, f"{numbers[node_id]}. {opening}{text}"))
        onward = [option for option in node.options if option.to in flow.nodes]
        number = numbers[node_id]
        waiting.extend(
            (str(option.to), f"If step {number} is “{_short(option.label, 40)}”: ")
            for option in reversed(onward[1:])
        )
        if onward:
            waiting.append((str(onward[0].to), ""))
    return tuple(lines)


def find_tried(flow: Flow, phrases: Iterable[str]) -> Mapping[str, tuple[str, str | None]]:
    """Which steps a technician's “already tried” items cover: node id → (his words, outcome or None).

    Resolutions are never marked: they are conclusions, not checks.
    """
    checks = {
        node.id: (node.already, _first_sentence(node.text))
        for node in flow.nodes.values()
        if node.kind is not NodeKind.RESOLUTION_SUGGESTION
    }
    return match_tried(checks, phrases)


def _node(raw: flow_text.Raw) -> Node:
    return Node(
        id=raw["id"],
        kind=NodeKind(raw["kind"]),
        text=raw["text"],
        why=raw.get("why") or "",
        say_to_user=raw.get("say_to_user"),
        script=_script(raw.get("script")),
        options=tuple(_option(option) for option in raw.get("options", ())),
        already=tuple(raw.get("already", ())),
        cause=raw.get("cause"),
        fix=raw.get("fix"),
    )


def _script(raw: flow_text.Raw | None) -> FlowScript | None:
    if raw is None:
        return None
    return FlowScript(raw["language"], raw["text"], Risk(raw["risk"]), raw.get("rollback"))


def _option(raw: flow_text.Raw) -> FlowOption:
    confidence = raw.get("confidence")
    return FlowOption(
        id=raw["id"],
        label=raw["label"],
        to=raw.get("to"),
        outcome=Outcome(raw.get("outcome") or Outcome.OTHER),
        fact=raw.get("fact"),
        rules_out=raw.get("rules_out"),
        suspects=raw.get("suspects"),
        confidence=None if confidence is None else int(confidence),
    )


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.?])\s", text.strip(), maxsplit=1)[0]


def _short(text: str, width: int) -> str:
    sentence = " ".join(_first_sentence(text).split()).rstrip(".")
    if len(sentence) <= width:
        return sentence
    return sentence[: width - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"
