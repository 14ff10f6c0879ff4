"""The ways a language model's API fails, switched on by rule: which request, what happens, how often."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from demo.model_refusals import Json

# kind → what happens
KINDS: Mapping[str, str] = {
    "status": "`status` with `type`, `message`, `headers`, `retry_after` (seconds) and the JSON of an error",
    "html": "an HTML page with `status` (502)",
    "stall": "nothing for `seconds`: before the headers, or after `after` events",
    "error_event": "after `after` events an `event: error` (`type`, overloaded_error); 529 where nothing is streamed",
    "reset": "a TCP reset after `after` events, 0: before the headers",
    "cut": "the stream ends cleanly after `after` events, without message_stop",
    "cut_body": "200 and half of the JSON body; of a stream, half of the event after `after`",
    "json_to_stream": "one JSON body although a stream was asked for",
    "refusal": "stop_reason refusal; the text is `text`, or the first third of the answer",
    "max_tokens": "stop_reason max_tokens, the JSON cut in half",
    "malformed": "the answer's text is `text`, or no valid JSON",
    "unknown_block": "a content block of a type nobody knows comes first",
    "thinking_first": "a thinking block comes first",
    "answer": "`answer` is laid over the answer as it is, whether or not it follows the schema",
    "hostile": "`variant`: confidence, options, ids, mention, long, types or all",
}
HOSTILE: Mapping[str, Json] = {
    "confidence": {"confidence": 9.0},
    "options": {"options": [{"label": f"Option {n} " + "x" * 80, "means": "other"} for n in range(1, 51)]},
    "ids": {
        "rests_on": ["step 9999", "log: a line that stands nowhere"],
        "facts": [{"text": "The server was replaced.", "step": 9999}],
        "ruled_out": [{"cause": "Everything", "step": 9999}],
        "flow": {"move": "follow", "node": "no_such_node", "reason": ""},
    },
    "mention": {"say": "<!channel> <@U0> look here <https://example.org|click> *now*"},
    "long": {"say": "word " * 2_000, "why": "because " * 1_250},
    "types": {"say": 7, "options": "none", "facts": None, "script": [], "confidence": "high"},
}
START_OF_TEXT = 3


@dataclass(slots=True)
class Fault:
    """One rule. `when` is text that must stand in the prompt, `purpose` what the call must be for; "" is any.

    It hits `times` requests (None: all until it is removed), the first `skip` that fit excepted.
    """

    kind: str
    id: int = 0
    when: str = ""
    purpose: str = ""
    times: int | None = 1
    skip: int = 0
    active: bool = True
    status: int = 500
    type: str = ""
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    after: int | None = None
    seconds: float = 60.0
    text: str = ""
    answer: Json = field(default_factory=dict)
    variant: str = "all"
    hits: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind {self.kind!r}; one of {', '.join(KINDS)}")
        if self.kind == "hostile" and self.variant not in {*HOSTILE, "all"}:
            raise ValueError(f"unknown variant {self.variant!r}; one of all, {', '.join(HOSTILE)}")

    @property
    def breaks_at(self) -> int:
        """After so many events it happens."""
        return START_OF_TEXT if self.after is None else self.after

    def takes(self, prompt: str, purpose: str) -> bool:
        """Whether this rule hits; counts the hit."""
        if not self.active or (self.times is not None and self.hits >= self.times):
            return False
        if self.when not in prompt or self.purpose not in {"", purpose}:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.hits += 1
        return True

    def spoilt(self, text: str) -> str:
        """The text of the answer as this fault leaves it."""
        match self.kind:
            case "refusal":
                return self.text or text[: len(text) // 3]
            case "max_tokens":
                return text[: len(text) // 2]
            case "malformed":
                return self.text or text[:-1] + ',"say" "twice",}'
            case "answer":
                return _laid_over(text, self.answer)
            case "hostile":
                chosen = HOSTILE if self.variant == "all" else {self.variant: HOSTILE[self.variant]}
                merged = {name: value for one in chosen.values() for name, value in one.items()}
                return _laid_over(text, merged)
            case _:
                return text

    def as_json(self) -> Json:
        return asdict(self)


def _laid_over(text: str, wish: Json) -> str:
    """The JSON object with these values in place of its own; any other text as it is."""
    try:
        answer = json.loads(text)
    except json.JSONDecodeError:
        return text
    return json.dumps({**answer, **wish}, ensure_ascii=False) if isinstance(answer, dict) else text


class Faults:
    """The rules in force, asked in order; the first that hits decides."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._next = 1

    def add(self, **words: Any) -> Fault:
        """Adds one rule; see `Fault` for the words. Raises ValueError or TypeError for others."""
        words.pop("hits", None)
        fault = Fault(**{**words, "id": self._next})
        self._next += 1
        self._rules.append(fault)
        return fault

    def replace(self, rules: list[Json]) -> None:
        """Puts new rules in place of all old ones, or changes nothing when one of them is no rule."""
        old, self._rules = self._rules, []
        try:
            for words in rules:
                self.add(**words)
        except (TypeError, ValueError):
            self._rules = old
            raise

    def remove(self, number: int) -> bool:
        before = len(self._rules)
        self._rules = [rule for rule in self._rules if rule.id != number]
        return len(self._rules) < before

    def clear(self) -> None:
        self._rules = []

    def pick(self, prompt: str, purpose: str) -> Fault | None:
        return next((rule for rule in self._rules if rule.takes(prompt, purpose)), None)

    def as_json(self) -> list[Json]:
        return [rule.as_json() for rule in self._rules]
