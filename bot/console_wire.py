"""The console's side of the contract with web: one word in, everything drawn back, over HTTP on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self
from uuid import uuid4

import aiohttp

from bot.card import Card, from_json

LONGEST_WAIT = 25.0
AWAY_FOR_NOW = (502, 503, 504)
LARGEST_FILE = 25 * 1024 * 1024


class Unreachable(Exception):
    """Nobody answered, or not in a way that says whether it was kept: the same word is sent again."""


class Failed(Unreachable):
    """Web was reached and broke on this: worth a few more attempts, not endless ones. `sentence` is web's own."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(f"FlowPilot answers {status}")
        self.sentence = sentence


class Turned(Exception):
    """The word was refused for good; the message says why."""


def _fresh_id() -> str:
    return str(uuid4())


@dataclass(frozen=True, slots=True)
class Word:
    """What a person did. `id` makes a repeat harmless; `files` are {"name", "content" (base64)}."""

    kind: Literal["say", "click", "submit"]
    place: str = ""
    text: str = ""
    verb: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    files: tuple[Mapping[str, str], ...] = ()
    id: str = field(default_factory=_fresh_id)


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as it is drawn now. `kind` of its place: direct, thread or escalations."""

    id: int
    place: str
    kind: str
    session: str | None
    key: str
    card: Card
    change: int


@dataclass(frozen=True, slots=True)
class Heard:
    change: int
    name: str
    messages: tuple[Shown, ...]


class Wire:
    """Talks for one person. `url` may change when the desk comes back elsewhere. Open as a context."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._token = token
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self._token}"}
        self._http = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=10))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()

    async def send(self, word: Word) -> None:
        """Returns once it is committed. Raises Unreachable (send the same again) or Turned (do not)."""
        await self._ask("POST", "/console", json=asdict(word))

    async def follow(self, since: int, wait: float = LONGEST_WAIT) -> Heard:
        """What was drawn since then; waits for it. Raises Unreachable or Turned."""
        query = {"since": str(since), "wait": str(min(wait, LONGEST_WAIT))}
        timeout = aiohttp.ClientTimeout(total=wait + 10)
        found = await self._ask("GET", "/console/follow", params=query, timeout=timeout)
        return _heard(found)

    async def session(self, session_id: str) -> dict[str, Any] | None:
        """`{"session": …, "pushes": […]}`; None where there is no such Session. Raises Unreachable."""
        try:
            found: dict[str, Any] = await self._ask("GET", f"/console/session/{session_id}")
        except Turned:
            return None
        return found

    async def _ask(self, method: str, path: str, **given: Any) -> Any:
        if self._http is None:
            raise RuntimeError("open the wire before use")
        try:
            async with self._http.request(method, self.url + path, **given) as reply:
                if reply.status in AWAY_FOR_NOW:
                    raise Unreachable(f"FlowPilot answers {reply.status}")
                if reply.status >= 500:
                    raise Failed(reply.status, _why(reply.status, await reply.text()))
                if reply.status >= 400:
                    raise Turned(_why(reply.status, await reply.text()))
                return await reply.json()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as away:
            raise Unreachable(f"FlowPilot does not answer ({type(away).__name__})") from away


def _why(status: int, said: str) -> str:
    if status == 413:
        return "That is larger than 25 MB, so it was not taken. Send the part around the error."
    return said.strip()[:300] or f"FlowPilot did not take that ({status})."


def _heard(found: dict[str, Any]) -> Heard:
    messages = tuple(
        Shown(m["id"], m["place"], m["kind"], m.get("session"), m["key"], from_json(m["card"]), m["change"])
        for m in found["messages"]
    )
    return Heard(found["change"], found["me"].get("name", ""), messages)
