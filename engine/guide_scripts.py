"""The script of an answer, and commands where none may stand: the model's label is only ever raised."""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.guide_json import Unusable
from engine.risk import commands_in, floor
from engine.session import Risk, Script, StepKind

LONGEST = 6_000
LONGEST_ROLLBACK = 1_500
RUNNING = frozenset({StepKind.SCRIPT, StepKind.ACTION, StepKind.VERIFICATION})
"""The kinds a script may belong to."""
_ORDER = tuple(Risk)
_DOWNLOADS = re.compile(
    r"\bDownload(?:String|File|Data)\b|\bStart-BitsTransfer\b|\bbitsadmin\b|\bcertutil\b[^\n]*-urlcache"
    r"|\b(?:iwr|irm|curl|wget|Invoke-(?:WebRequest|RestMethod))\b[^\n]*"
    r"(?:\|\s*(?:iex|Invoke-Expression|(?:ba|z)?sh|python3?)\b|-OutFile\b|\s-[oO]\b|--output\b)"
    r"|\b(?:iex|Invoke-Expression)\b[^\n]*\b(?:iwr|irm|Invoke-(?:WebRequest|RestMethod)|Net\.WebClient)\b",
    re.IGNORECASE,
)


def changes(text: str) -> bool:
    """Whether a command that changes something stands in a text for reading."""
    return bool(commands_in(text))


def read(kind: StepKind, found: Mapping[str, str]) -> Script | None:
    """The script with the higher of both risks; None where there is none. Raises Unusable."""
    text, rollback = found["text"], found["rollback"]
    if not text:
        if kind is StepKind.SCRIPT:
            raise Unusable("the kind is script, but script.text is empty.")
        return None
    if kind not in RUNNING:
        raise Unusable(
            "script.text is filled, but only the kinds script, action and verification have a script."
        )
    if len(text) > LONGEST or len(rollback) > LONGEST_ROLLBACK:
        raise Unusable(
            f"the script is longer than {LONGEST:,} characters or its rollback than {LONGEST_ROLLBACK:,}."
        )
    if not found["language"]:
        raise Unusable("script.language is empty.")
    if _DOWNLOADS.search(text) or _DOWNLOADS.search(rollback):
        raise Unusable("the script downloads something; a script of yours never does.")
    claimed = Risk(found["risk"]) if found["risk"] else Risk.READ_ONLY
    highest = max(claimed, Risk(floor(text, found["language"])), key=_ORDER.index)
    if highest is Risk.DESTRUCTIVE and not rollback:
        raise Unusable(
            "the script can destroy something and script.rollback is empty; say how to undo it, or that nothing can."
        )
    return Script(found["language"], text, highest, rollback)
