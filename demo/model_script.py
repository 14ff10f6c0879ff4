"""Written conversations: which one a prompt belongs to, and what comes next in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.model_prompt import Prompt
from demo.model_reading import Reading
from demo.model_refusals import Json

FOLDER = Path(__file__).with_name("model_scripts")
FIELDS = frozenset({"about", "when", "first", "nodes", "turns", "resolution", "texts"})


@dataclass(frozen=True, slots=True)
class Script:
    """One conversation. `when` stands in the prompt.

    `turns`: the answers in order; one may be a list of answers, of which the first is taken whose `if` (a regular
    expression) is found in the newest answer, or that has none. `nodes`: what is laid over the answer that follows a
    node of a flow; `first`: over the first answer; `resolution`: over the one that says it is solved. `texts`: whole
    answers for other purposes. `repairs_count`: an answer that was sent back uses its turn up.
    """

    when: str
    turns: tuple[Any, ...] = ()
    first: Json = field(default_factory=dict)
    nodes: Mapping[str, Json] = field(default_factory=dict)
    resolution: Json = field(default_factory=dict)
    texts: Mapping[str, Json] = field(default_factory=dict)
    purpose: str = "turn"
    repairs_count: bool = True

    def answer(self, prompt: Prompt, own: Json) -> Json | None:
        """The answer, or None where this script has nothing to say; `own` is the brain's."""
        if prompt.purpose != self.purpose:
            return dict(self.texts[prompt.purpose]) if prompt.purpose in self.texts else None
        reading = Reading(prompt)
        if prompt.pictures and not self.repairs_count:
            return None
        node = str((own.get("flow") or {}).get("node") or "")
        if node in self.nodes:
            return {**own, **self._opening(reading), **self.nodes[node]}
        if own.get("kind") == "resolution_suggestion" and self.resolution:
            return {**own, **self.resolution}
        turn = self._turn(prompt, reading)
        if turn is None:
            return {**own, **self.first} if reading.first and self.first else None
        return turn if self.repairs_count else {**own, **_STEP, **self._opening(reading), **turn}

    def _opening(self, reading: Reading) -> Json:
        return self.first if reading.first else {}

    def _turn(self, prompt: Prompt, reading: Reading) -> Json | None:
        at = prompt.exchange - (0 if self.repairs_count else reading.repairs)
        if at >= len(self.turns):
            return None
        found = self.turns[at]
        said = reading.answered.words if reading.answered else ""
        for one in found if isinstance(found, list) else [found]:
            if re.search(one.get("if", ""), said, re.IGNORECASE):
                turn = {name: value for name, value in one.items() if name != "if"}
                return turn if self.repairs_count else _placed(turn, reading)
        return None


def _placed(value: Any, reading: Reading) -> Any:
    """Written values with the newest answer where `"step": "last"` and `"text": "answer"` stand."""
    if isinstance(value, list):
        return [_placed(one, reading) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("step") != "last":
        return {name: _placed(inner, reading) for name, inner in value.items()}
    last = reading.answered
    said = last.words if last and value.get("text") == "answer" else value.get("text", "")
    return {**value, "step": last.number if last else 0, **({"text": said} if "text" in value else {})}


# A written step takes nothing of the brain's own step but what the answers so far have taught.
_STEP: Json = {"say_to_user": "", "options": [], "asks_interface": False}


class Scripts:
    """Those of a test come before those of the folder; the newest one that has an answer decides."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._added: list[Script] = []
        self._written = tuple(read_folder(folder))

    def add(self, turns: Sequence[Any], *, when: str = "", purpose: str = "turn") -> None:
        """Answers as they are, by the number of answers given before; missing fields get plain values."""
        self._added.insert(0, Script(when, tuple(turns), purpose=purpose))

    def clear(self) -> None:
        self._added = []

    def answer(self, prompt: Prompt, own: Json) -> Json | None:
        text = prompt.text.encode().lower()  # of bytes it is many times faster, and a prompt is long
        fitting = (one for one in (*self._added, *self._written) if one.when.encode().lower() in text)
        return next((found for one in fitting if (found := one.answer(prompt, own)) is not None), None)


def read_folder(folder: Path) -> Iterator[Script]:
    """Raises ValueError for a file that is no script."""
    for path in sorted(folder.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or set(found) - FIELDS or not found.get("when"):
            raise ValueError(
                f"{path.name} is no script; it has `when` and some of {', '.join(sorted(FIELDS))}"
            )
        yield Script(
            found["when"],
            tuple(found.get("turns", ())),
            found.get("first", {}),
            found.get("nodes", {}),
            found.get("resolution", {}),
            found.get("texts", {}),
            repairs_count=False,
        )
