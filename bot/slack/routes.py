"""The way back to a person in Slack: where he clicked, the window that waits, the address that takes an answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from bot.slack.said import HOME, Word
from storage.store import Unit

RESPONSE_LASTS = timedelta(minutes=28)
"""Slack takes answers there for 30."""
OPENING = timedelta(seconds=5)
"""Slack opens a window within three seconds or not at all."""


@dataclass(frozen=True, slots=True)
class Route:
    """`at` is when he did it, as iso text. `thread` is the root of what he touched, `answer_thread` a thread that
    exists; both "" where there is none.
    """

    team: str
    user: str
    channel: str
    thread: str
    response_url: str
    view: str
    direct: bool
    in_home: bool
    command: bool
    at: str
    answer_thread: str = ""

    def opening(self, now: datetime) -> bool:
        """Whether the window he asked for may still be on its way."""
        return now - datetime.fromisoformat(self.at) < OPENING

    def takes_answers(self, now: datetime) -> bool:
        return bool(self.response_url) and now - datetime.fromisoformat(self.at) < RESPONSE_LASTS

    @property
    def order(self) -> str:
        """What a window that opens here belongs to."""
        if self.channel and self.thread and not self.direct:
            return f"slack:{self.team}:{self.channel}:{self.thread}"
        return f"slack:{self.team}:{self.user}"

    @property
    def origin(self) -> str:
        """What a window carries to know where it was opened."""
        if self.channel:
            return f"{self.channel}/{self.thread}/{self.answer_thread}"
        return HOME if self.in_home else ""


async def keep_route(unit: Unit, person: UUID, word: Word) -> str:
    """Kept encrypted, because whoever has the answering address can speak there; gives the effects' `via`."""
    route = Route(
        word.team,
        word.user,
        word.channel,
        word.thread,
        word.response_url,
        word.view,
        word.direct,
        word.in_home or word.kind == "home",
        word.kind == "command",
        unit.now.isoformat(),
        word.answer_thread,
    )
    draft = await unit.drafts.keep(person, "route", asdict(route))
    return f"slack:{draft}"


async def route_of(unit: Unit, way: str, person: UUID) -> Route | None:
    """None once it expired."""
    try:
        found: dict[str, Any] | None = await unit.drafts.get(UUID(way), person)
    except ValueError:
        return None
    return Route(**found) if found else None
