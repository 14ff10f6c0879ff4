"""What a form says beside a part before it is posted: what a reader should not have to find in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from engine.customer_text import concerns
from engine.note_lint import Lint, lint
from engine.redact import SECRET
from engine.replies import looks_like_secret

MASKED = f"A password in it stands as {SECRET}. Keep it where your team keeps passwords."


def remarks(
    kind: str,
    content: Mapping[str, Any],
    occasion: str,
    private: Collection[str] = (),
    typed: Sequence[str] = (),
    people: Collection[str] = (),
    secrets: Sequence[str] = (),
) -> tuple[str, ...]:
    """As sentences. `content` is the part's; `typed` what a person wrote for it; `people` who may not be blamed;
    `secrets` the values that are masked in its Session.
    """
    match kind:
        case "note":
            found = _of({"technical": str(content["text"])}, occasion, people, secrets)
            masked = (MASKED,) if any(looks_like_secret(text) for text in typed) else ()
        case "customer_note":
            text = str(content["text"])
            found, masked = (*concerns(text, private), *_of({"customer": text}, "", people, secrets)), ()
        case "time":
            texts = {name: str(content[name]) for name in ("notes", "internal_notes")}
            minutes = cast(int, content["overlap_minutes"])
            overlap = (f"{minutes} min overlap with your other sessions.",) if minutes else ()
            found = (*concerns(texts["notes"], private), *_of(texts, "", people, secrets), *overlap)
            masked = ()
        case _:
            return ()
    return tuple(dict.fromkeys((*masked, *found)))


def _of(
    texts: Mapping[str, str], occasion: str, people: Collection[str], secrets: Sequence[str]
) -> tuple[str, ...]:
    hidden = (MASKED,) if any(SECRET in text for text in texts.values()) else ()
    return (*hidden, *(_sentence(each) for each in lint(texts, occasion, by_people=people, secrets=secrets)))


def _sentence(found: Lint) -> str:
    match found.kind:
        case "password":
            return MASKED
        case "blame":
            return f"It blames somebody: “{found.excerpt}”"
        case "missing_result":
            return f"A result is missing: “{found.excerpt}”"
        case "missing_verification":
            return "It does not say how it was seen to work."
