"""The JSON schema that a turn's answer follows, and the words it may choose from."""

from __future__ import annotations

from engine.session import HypothesisState, Json, Risk, StepKind

SCHEMA_VERSION = "turn-1"
DOMAINS = (
    "active_directory", "m365", "networking", "endpoint", "hardware", "printing", "security", "backup", "telephony",
    "line_of_business", "other",
)  # fmt: skip
KINDS = tuple(kind.value for kind in StepKind if kind is not StepKind.BRIEFING)
MEANS = ("yes", "no", "no_change", "fixed", "other")
MOVES = ("follow", "leave", "none")
LANGUAGES = ("", "powershell", "cmd", "bash", "python", "sql", "other")
RISKS = ("", *(risk.value for risk in Risk))
CONFIDENCES = tuple(range(0, 101, 10))

_TEXT: Json = {"type": "string"}
_STEP: Json = {"type": "integer"}


def _one_of(*values: object) -> Json:
    return {"type": "integer" if isinstance(values[0], int) else "string", "enum": list(values)}


def _object(**properties: Json) -> Json:
    """Every field is required: an optional one costs the vendor's grammar, an empty one does not."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list_of(items: Json) -> Json:
    return {"type": "array", "items": items}


_FACT = _object(text=_TEXT, step=_STEP)

TURN: Json = _object(
    say=_TEXT,
    kind=_one_of(*KINDS),
    why=_TEXT,
    rests_on=_TEXT,
    say_to_user=_TEXT,
    options=_list_of(_object(label=_TEXT, means=_one_of(*MEANS))),
    script=_object(language=_one_of(*LANGUAGES), text=_TEXT, risk=_one_of(*RISKS), rollback=_TEXT),
    facts=_list_of(_FACT),
    ruled_out=_list_of(_object(cause=_TEXT, step=_STEP)),
    hypotheses=_list_of(
        _object(
            cause=_TEXT, state=_one_of(*(state.value for state in HypothesisState)), evidence=_list_of(_FACT)
        )
    ),
    confidence=_one_of(*CONFIDENCES),
    problem_summary=_TEXT,
    problem_domain=_one_of(*DOMAINS, ""),
    flow=_object(move=_one_of(*MOVES), node=_TEXT, reason=_TEXT),
    saw=_TEXT,
    asks_interface={"type": "boolean"},
)
"""One answer of the guide. `say` comes first, because it is shown while it grows."""
