"""What the practice model remembers: its settings, its clock, the cache, and every request it got."""

from __future__ import annotations

import json
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from demo.model_cache import PromptCache, Usage
from demo.model_refusals import Json

JOURNAL_KEPT = 5_000  # requests
BYTES_KEPT = 256 * 1024 * 1024  # of their bodies; the oldest go first
SECRET_HEADERS = frozenset({"authorization", "x-api-key", "cookie"})


@dataclass(frozen=True, slots=True)
class Settings:
    """`latency_seconds` pass before the first event, `event_seconds` before each further one. `obedient`: injections
    in what the prompt quotes are obeyed. `smallest_cached`: prompts of fewer tokens are not cached (the real one
    wants at least 1,024; 0 ignores that). `picture_text` is what is read in any picture.
    """

    latency_seconds: float = 0.0
    event_seconds: float = 0.0
    obedient: bool = False
    smallest_cached: int = 0
    largest_body: int = 32 * 1024 * 1024
    picture_text: str = "0x8000ffff in Outlook"


class Clock:
    """Seconds since 1970. Goes with the computer's until it is set; then it moves only by `forward`."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._still: float | None = None

    def __call__(self) -> float:
        return self._ahead + (time.time() if self._still is None else self._still)

    def set(self, at: datetime | float) -> None:
        self._still = at.timestamp() if isinstance(at, datetime) else float(at)
        self._ahead = 0.0

    def forward(self, seconds: float) -> None:
        self._ahead += seconds


@dataclass(slots=True)
class Entry:
    """One request. `usage` is what the caller was last told, so that its books can be compared with these.

    `ended`: answered | refused (a 4xx of our own) | fault | hung_up | open. `answered`: the whole answer went out.
    """

    number: int
    at: str
    method: str
    path: str
    headers: dict[str, str]
    request_id: str
    raw: bytes = b""
    status: int = 0
    model: str = ""
    purpose: str = ""
    stream: bool = False
    fault: str = ""
    ended: str = "open"
    text: str = ""
    message_id: str = ""
    stop_reason: str = ""
    usage: Usage = field(default_factory=Usage)

    @property
    def answered(self) -> bool:
        return self.ended == "answered"

    @property
    def body(self) -> Any:
        """The parsed body; None when it was no JSON."""
        try:
            return json.loads(self.raw)
        except (UnicodeDecodeError, json.JSONDecodeError):
            return None

    def as_json(self, *, body: bool = True) -> Json:
        names = ("number", "at", "method", "path", "headers", "request_id", "status", "model", "purpose")
        more = ("stream", "fault", "ended", "answered", "text", "message_id", "stop_reason")
        shown = {name: getattr(self, name) for name in (*names, *more)}
        shown["usage"] = self.usage.as_json()
        return {**shown, "body": self.body} if body else shown


class Room:
    """`totals` counts every request, also those the journal has let go."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock()
        self.cache = PromptCache()
        self.journal: deque[Entry] = deque(maxlen=JOURNAL_KEPT)
        self.requests = 0
        self.totals = Usage()
        self._bytes = 0
        self._tag = secrets.token_hex(4)

    def open(self, method: str, path: str, headers: dict[str, str]) -> Entry:
        """A new entry, written at once, so that a request under way can be seen."""
        self.requests += 1
        kept = {name: value for name, value in headers.items() if name.lower() not in SECRET_HEADERS}
        at = datetime.fromtimestamp(self.clock(), UTC).isoformat()
        if len(self.journal) == JOURNAL_KEPT:
            self._bytes -= len(self.journal[0].raw)
        entry = Entry(self.requests, at, method, path, kept, f"req_{self._tag}{self.requests:08d}")
        self.journal.append(entry)
        return entry

    def keep(self, entry: Entry, raw: bytes) -> None:
        """The body as it came. Of the oldest requests the bodies are let go when all are too much."""
        entry.raw = raw
        self._bytes += len(raw)
        for old in self.journal:
            if self._bytes <= BYTES_KEPT or old is entry:
                break
            self._bytes -= len(old.raw)
            old.raw = b""

    def name_message(self, entry: Entry) -> str:
        entry.message_id = f"msg_{self._tag}{entry.number:08d}"
        return entry.message_id

    def told(self, entry: Entry, usage: Usage) -> None:
        """The caller was told this usage, in place of what he was told before."""
        before, entry.usage = entry.usage, usage
        self.totals = Usage(
            *(
                getattr(self.totals, name) - getattr(before, name) + getattr(usage, name)
                for name in ("input", "read", "written_5m", "written_1h", "output")
            )
        )

    def forget(self) -> None:
        self.journal.clear()
        self._bytes = 0
        self.totals = Usage()
