"""What a person did, as every platform's reader gives it to the front."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from bot.pictures import Prepared
from engine.intake import Attachment
from engine.ports import Act
from engine.session import Person, Session
from storage.places import Place
from storage.store import Unit

WORD = 40_000_000
"""Characters a text may have; more than the body limit lets through."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """`session` is the one the words belong to: named by the button, or living in the place.

    `via` is the way back to the person (see `effects.by_way_of`); `home` the address, as platform, workspace and
    channel, of a Session that starts here, and `home_thread` the thread there where it is open already; `origin` names
    what starts it, so that it starts once; `also` goes with it.
    Once `pictures` are prepared, `files` only names them.
    """

    unit: Unit
    person: Person
    place: Place
    kind: Literal["say", "click", "submit"]
    text: str = ""
    verb: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    files: tuple[Attachment, ...] = ()
    session: Session | None = None
    via: str = ""
    home: tuple[str, str, str] | None = None
    home_thread: str = ""
    origin: str = ""
    also: tuple[Act, ...] = ()
    pictures: tuple[Prepared, ...] = ()

    @property
    def session_id(self) -> UUID | None:
        return self.session.id if self.session else None


@dataclass(frozen=True, slots=True)
class ConsoleWord:
    """The console's payload, read."""

    external_id: str
    place: UUID | None
    kind: Literal["say", "click", "submit"]
    text: str
    verb: str
    args: dict[str, str]
    fields: dict[str, str]
    files: tuple[Attachment, ...]


class UnreadableFile(ValueError):
    """A file that did not arrive as the console sends files."""


def read_console(payload: bytes) -> ConsoleWord:
    """Raises ValueError for a payload the console cannot have sent."""
    whole: dict[str, Any] = json.loads(payload)
    body = whole["body"]
    kind, files = body.get("kind"), body.get("files") or []
    if kind not in ("say", "click", "submit"):
        raise ValueError("unknown kind")
    if not isinstance(files, list):
        raise UnreadableFile("files that are no list")
    return ConsoleWord(
        external_id=str(whole["from"]),
        place=_uuid(body.get("place")),
        kind=kind,
        text=storable(str(body.get("text") or "")[:WORD]),
        verb=str(body.get("verb") or "")[:40],
        args=_strings(body.get("args")),
        fields=_strings(body.get("fields")),
        files=tuple(_file(f) for f in files[:10]),
    )


def number(text: str, digits: int = 9) -> int | None:
    """The number a text is, of at most so many digits; None for anything else, "²" and "٤" too."""
    bare = text.strip()
    return int(bare) if bare.isascii() and bare.isdecimal() and len(bare) <= digits else None


def _uuid(given: Any) -> UUID | None:
    try:
        return UUID(str(given)) if given else None
    except ValueError:
        return None


def _strings(given: Any) -> dict[str, str]:
    if not isinstance(given, dict):
        return {}
    return {
        storable(str(k)[:120]): "" if v is None else storable(str(v)) for k, v in list(given.items())[:60]
    }


def storable(text: str) -> str:
    """Without NULs and lone surrogates, which no database text holds. Pasted UTF-16 is full of NULs."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _file(given: Any) -> Attachment:
    try:
        content = base64.b64decode(str(given.get("content") or ""), validate=True)
    except (ValueError, AttributeError) as wrong:
        raise UnreadableFile("a file that is not base64") from wrong
    return Attachment(storable(str(given.get("name") or "file")[:200]), str(given.get("type") or ""), content)
