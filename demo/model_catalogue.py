"""The models the practice Messages API offers, and what each of them refuses."""

from __future__ import annotations

from dataclasses import dataclass

from demo.model_refusals import Json, Refused

CREATED = "2026-09-15T00:00:00Z"
LARGEST_PROMPT = 1_000_000  # tokens
LARGEST_ANSWER = 128_000  # tokens
EFFORTS = ("low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class Offered:
    """One model. `thinking` are the values of `thinking.type` it takes."""

    id: str
    name: str
    line: str
    thinking: frozenset[str]
    forced_tools: bool = False

    def as_json(self) -> Json:
        def can(supported: bool) -> Json:
            return {"supported": supported}

        every = ("adaptive", "between_tools", "disabled", "enabled")
        return {
            "type": "model",
            "id": self.id,
            "display_name": self.name,
            "created_at": CREATED,
            "lifecycle": "active",
            "line": self.line,
            "deprecated_at": None,
            "retires_at": None,
            "max_input_tokens": LARGEST_PROMPT,
            "max_tokens": LARGEST_ANSWER,
            "capabilities": {
                **{name: can(True) for name in ("batch", "citations", "image_input", "pdf_input")},
                **{name: can(True) for name in ("structured_outputs",)},
                "code_execution": can(False),
                "context_management": can(False),
                "effort": {"supported": True, **{name: can(True) for name in EFFORTS}},
                "server_tools": {"supported": False, "code_execution": can(False), "web_search": can(False)},
                "thinking": {"supported": True, "types": {n: can(n in self.thinking) for n in every}},
            },
        }


CATALOGUE = {
    one.id: one
    for one in (
        Offered("claude-sonnet-5-5", "Claude Sonnet 5.5", "sonnet", frozenset({"adaptive", "between_tools"})),
        Offered("claude-haiku-5-5", "Claude Haiku 5.5", "haiku", frozenset({"adaptive", "disabled"}), True),
        Offered("claude-opus-5-5", "Claude Opus 5.5", "opus", frozenset({"adaptive"})),
    )
}


def offered(name: str) -> Offered:
    """Raises Refused (404) for a model nobody offers."""
    if name not in CATALOGUE:
        raise Refused(404, f"model: {name}")
    return CATALOGUE[name]


def model_list(limit: int = 20, after: str = "") -> Json:
    """One page, those behind the model `after`."""
    names = list(CATALOGUE)
    if after and after not in names:
        raise Refused(400, f"after_id: {after} is no model")
    rows = [CATALOGUE[name].as_json() for name in names[names.index(after) + 1 if after else 0 :]]
    shown = rows[:limit]
    return {
        "data": shown,
        "has_more": len(shown) < len(rows),
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }
