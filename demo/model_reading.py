"""What the newest turn of a diagnosis says: answers, allowed nodes, state; and what the flow's outline says of them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property

from demo.model_prompt import UNTRUSTED, Prompt
from demo.model_refusals import Json

STEP = re.compile(
    r"^Step (?P<number>\d+) \((?P<kind>[a-z_]+)(?:, proposed without you)?\): “(?P<text>[^\n]*)”\n"
    r"(?P<manner>Answered|Was tried before already|(?:Cannot|Could not) be done, says the technician)"
    r"(?:: \[(?P<label>[^\n]*)\])?"
    r'(?:\n<(?P<tag>untrusted-[\w-]+) source="answer">\n(?P<said>.*?)\n</(?P=tag)>)?',
    re.MULTILINE | re.DOTALL,
)
NEXT = re.compile(r"Your answer becomes step (\d+)")
ALLOWED = re.compile(r"Nodes allowed now:\n((?:- .*(?:\n|$))*)")
NODE = re.compile(r"^- (?P<id>[\w-]+): (?P<text>.*)$", re.MULTILINE)
OPTION = re.compile(r"^  \* (?P<label>.*?) \((?P<means>\w+)\) → (?P<to>[\w-]+)(?P<rest>.*)$", re.MULTILINE)
OPENING = re.compile(r"^- (?P<id>[\w-]+) \((?P<kind>[a-z_]+)\): (?P<text>.*)$", re.MULTILINE)
FIXED = re.compile(
    r"\b(?:fixed|solved|resolved|sorted|works (?:again|now)|working again|(?:is|are|it'?s) gone|prints (?:again|now))\b",
    re.IGNORECASE,
)
NOT_FIXED = re.compile(r"\b(?:not|n'?t|still|never|no|cannot|keeps?|came back|comes back)\b", re.IGNORECASE)
NO_CHANGE = re.compile(r"\b(?:no (?:change|difference|luck)|same|still|did ?n'?t help)\b", re.IGNORECASE)
REPAIR = "This answer could not be used"


@dataclass(frozen=True, slots=True)
class Answered:
    """A step that came to an outcome. `label` is the option chosen, `said` the technician's own words."""

    number: int
    kind: str
    text: str
    label: str
    said: str
    manner: str

    @property
    def impossible(self) -> bool:
        return self.manner.endswith("says the technician")

    @property
    def words(self) -> str:
        return " – ".join(part for part in (self.label, self.said) if part)


@dataclass(frozen=True, slots=True)
class Outlined:
    """An option of a flow's node as the outline shows it."""

    label: str
    means: str
    to: str
    fact: str = ""
    rules_out: str = ""
    suspects: str = ""


class Reading:
    """One newest turn, read only as far as it is asked for."""

    def __init__(self, prompt: Prompt) -> None:
        self.prompt = prompt

    @cached_property
    def answered(self) -> Answered | None:
        """The step answered last."""
        found = answered_steps(self.prompt.turn)
        return found[-1] if found else None

    @cached_property
    def next_step(self) -> int:
        found = NEXT.search(self.prompt.around)
        return int(found[1]) if found else self.prompt.exchange + 1

    @cached_property
    def legal(self) -> dict[str, str]:
        """The flow's nodes that may be asked now."""
        found = ALLOWED.search(self.prompt.around)
        return {node["id"]: node["text"] for node in NODE.finditer(found[1])} if found else {}

    @property
    def flow_followed(self) -> bool:
        return ALLOWED.search(self.prompt.around) is not None

    @property
    def must_decide(self) -> bool:
        return "No further question in between" in self.prompt.around

    @property
    def first(self) -> bool:
        return "This is the first turn" in self.prompt.around

    @property
    def may_ask_interface(self) -> bool:
        return "Interface: not asked yet" in self.prompt.around

    @property
    def is_repair(self) -> bool:
        return self.prompt.turn.startswith(REPAIR)

    @cached_property
    def repairs(self) -> int:
        """How many answers of this conversation were sent back."""
        return sum(1 for block in self.prompt.blocks if str(block.content.get("text", "")).startswith(REPAIR))

    @cached_property
    def own(self) -> list[Json]:
        """The answers given so far, those that were JSON objects."""
        found = []
        for block in self.prompt.blocks:
            if block.role == "assistant" and block.content.get("type") == "text":
                try:
                    answer = json.loads(block.content["text"])
                except json.JSONDecodeError:
                    continue
                found += [answer] if isinstance(answer, dict) else []
        return found

    @cached_property
    def own_last(self) -> Json:
        return self.own[-1] if self.own else {}

    def outline(self, node: str) -> list[Outlined]:
        """The options of a node, from the flow's outline."""
        start = self._at(node)
        if start < 0:
            return []
        text = self.prompt.text
        end = text.find("\n- ", start + 1)
        return [_outlined(found) for found in OPTION.finditer(text, start, end if end > 0 else len(text))]

    def node_text(self, node: str) -> tuple[str, str]:
        """(kind, text) of a node; the text as the outline has it, which is longer than in the list of nodes."""
        start = self._at(node)
        found = OPENING.search(self.prompt.text, start + 1) if start >= 0 else None
        return (found["kind"], found["text"]) if found else ("question", self.legal.get(node, ""))

    def _at(self, node: str) -> int:
        return self.prompt.text.find(f"\n- {node} (")

    @property
    def chosen(self) -> Outlined | None:
        """The option of the flow's node answered last, when its label was chosen."""
        node = str((self.own_last.get("flow") or {}).get("node") or "")
        label = self.answered.label if self.answered else ""
        found = self.outline(node) if node and label else []
        return next((one for one in found if one.label.casefold() == label.casefold()), None)

    @property
    def means(self) -> str:
        """What the answer given last means: yes, no, no_change, fixed or other; "" where there is none."""
        last = self.answered
        if last is None:
            return ""
        if self.chosen is not None:
            return self.chosen.means
        for option in self.own_last.get("options") or ():
            if isinstance(option, dict) and option.get("label") == last.label and last.label:
                return str(option.get("means") or "other")
        return result_of(last.words)


def result_of(words: str) -> str:
    """What free words report: fixed, no_change or other."""
    if FIXED.search(words) and not NOT_FIXED.search(words):
        return "fixed"
    return "no_change" if NO_CHANGE.search(words) else "other"


def answered_steps(text: str) -> list[Answered]:
    """The steps a text tells with their answers; of quoted text only answers are looked at."""
    told = UNTRUSTED.sub(lambda m: m[0] if 'source="answer"' in m[0][:200] else "", text)
    return [
        Answered(
            int(found["number"]),
            found["kind"],
            found["text"],
            found["label"] or "",
            found["said"] or "",
            found["manner"],
        )
        for found in STEP.finditer(told)
    ]


def _outlined(found: re.Match[str]) -> Outlined:
    parts = dict([*part.strip().split(": ", 1), ""][:2] for part in found["rest"].split(";") if ": " in part)
    return Outlined(
        found["label"],
        found["means"],
        found["to"],
        parts.get("fact", ""),
        parts.get("rules out", ""),
        parts.get("suspects", ""),
    )
