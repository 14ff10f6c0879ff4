"""Builds ConnectWise `conditions` so that no text a person typed can become part of the query's grammar.

How to escape a quote inside a value is not documented, so nothing is escaped: field names and operators come
from fixed lists, numbers pass through `int`, and free text keeps only characters known to be harmless.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

Field = Literal[
    "id",
    "closedFlag",
    "summary",
    "company/name",
    "contact/name",
    "contact/id",
    "owner/id",
    "resources",
    "lastUpdated",
    "inactiveFlag",
    "resolutionFlag",
    "detailDescriptionFlag",
    "chargeToId",
    "chargeToType",
]
FIELDS: frozenset[str] = frozenset(Field.__args__)  # type: ignore[attr-defined]
MAX_TEXT = 60
MAX_WORDS = 6
# Besides letters, marks and digits of every script: the punctuation of names, addresses and error codes.
_HARMLESS = frozenset(" -_.@#&+/:")


def plain_text(typed: str, limit: int = MAX_TEXT) -> str:
    """What of a typed text may stand between double quotes: no quote, backslash, bracket or wildcard."""
    folded = unicodedata.normalize("NFC", typed)
    kept = "".join(c if _is_harmless(c) else " " for c in folded)
    return re.sub(r" +", " ", kept)[:limit].strip()


def _is_harmless(character: str) -> bool:
    return character in _HARMLESS or unicodedata.category(character)[0] in "LMN"


def equals(field: Field, value: int | bool) -> str:
    """`field=7` or `field=True`; only whole numbers and truth values."""
    _known(field)
    return f"{field}={value}" if isinstance(value, bool) else f"{field}={int(value)}"


def is_word(field: Field, value: str) -> str:
    """`field="Word"` for one of ConnectWise's own words."""
    _known(field)
    if re.fullmatch(r"[A-Za-z]{1,40}", value) is None:
        raise ValueError("not a plain word")
    return f'{field}="{value}"'


def contains(field: Field, typed: str) -> str:
    """`field contains "…"`; ValueError when nothing of the typed text may be used."""
    _known(field)
    safe = plain_text(typed)
    if not safe:
        raise ValueError("nothing to look for")
    return f'{field} contains "{safe}"'


def since(field: Field, moment: datetime) -> str:
    """`field>=[2026-08-20T18:04:26Z]`; the moment needs a time zone."""
    _known(field)
    return f"{field}>=[{moment_text(moment)}]"


def all_of(parts: Iterable[str]) -> str:
    return " AND ".join(parts)


def any_of(parts: Iterable[str]) -> str:
    return "(" + " OR ".join(parts) + ")"


def words_of(typed: str) -> tuple[str, ...]:
    """The first words of a search text that say something, without repeats."""
    words = plain_text(typed, 200).split()
    telling = [word for word in words if any(c.isalnum() for c in word) and len(word) > 1]
    return tuple(dict.fromkeys(telling))[:MAX_WORDS]


def moment_text(moment: datetime) -> str:
    """UTC with seconds and `Z`; ConnectWise refuses milliseconds."""
    if moment.utcoffset() is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _known(field: str) -> None:
    if field not in FIELDS:
        raise ValueError(f"{field} is not a field we ask about")
