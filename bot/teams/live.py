"""The sign of life in Teams: in a personal chat the answer as it grows, elsewhere one card that says FlowPilot works."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.card import Card, Choice, Text
from bot.live import SHOWN, Keep, Watched, ending
from bot.teams import addresses, cards, refusals
from bot.teams.port import Away, Connector, Reference, Refused
from bot.teams.ways import NotThere, Ways
from bot.voices import UNOPENED
from bot.words import say
from storage.places import Place
from storage.store import Store

log = logging.getLogger("flowpilot.teams")


@dataclass(frozen=True, slots=True)
class Tempo:
    """Seconds, from the moment the Guide was asked or between two calls. Teams takes one piece of a stream a second and
    ends a stream after two minutes; elsewhere a card is edited every two seconds at most.
    """

    stream_every: float = 1.1
    stream_for: float = 110.0
    card_after: float = 2.0
    card_every: float = 2.0
    count_every: float = 10.0
    unconnected: float = 30.0


class TeamsLives:
    """Begins the sign of a place in Teams."""

    def __init__(self, connector: Connector, store: Store, tempo: Tempo | None = None) -> None:
        self.connector = connector
        self.ways = Ways(store, connector)
        self.tempo = tempo or Tempo()

    def begin(self, place: Place, watched: Watched, keep: Keep) -> TeamsSign | None:
        """None while the Session's first message is not posted."""
        if not place.thread or place.thread.startswith(UNOPENED):
            return None
        return TeamsSign(self, place, watched, keep)


class TeamsSign:
    """One Turn in one place; at most one message of it at a time. `_id` is that message, `_streams` its state."""

    def __init__(self, lives: TeamsLives, place: Place, watched: Watched, keep: Keep) -> None:
        self._connector = lives.connector
        self._ways = lives.ways
        self._tempo = lives.tempo
        self._place = place
        self._watched = watched
        self._keep = keep
        self._at: Reference | None = None
        self._id = ""
        self._streams = bool(addresses.person_of(place.channel)) and not watched.left
        self._sequence = 0
        self._said = ""
        self._quiet_until = 0.0
        self._refusals = 0
        self._drawn_text: str | None = None
        self._update_due = 0.0
        self._count_due = 0.0

    async def draw(self, elapsed: float, text: str) -> float:
        if elapsed < self._quiet_until:
            return min(self._quiet_until - elapsed, self._tempo.unconnected)
        try:
            at = await self._where()
            if self._streams:
                await self._stream(at, elapsed, text)
            elif elapsed >= self._tempo.card_after:
                await self._card(at, elapsed, text)
        except NotThere as nowhere:
            return self._quiet(elapsed, self._tempo.unconnected, nowhere.log_safe)
        except Away as away:
            return self._quiet(elapsed, max(away.retry_after, self._tempo.card_every), away.log_safe)
        return self._tempo.stream_every if self._streams else self._tempo.card_every

    def _quiet(self, elapsed: float, seconds: float, why: str) -> float:
        log.debug("sign of life: %s", why)
        self._quiet_until = max(self._quiet_until, elapsed + seconds)
        return seconds

    async def _where(self) -> Reference:
        """And what a process that died left there is this Turn's message now; it may be a stream that nobody ended."""
        if self._at is None:
            self._at = await self._ways.to(self._place)
            base, left = addresses.from_ref(self._watched.left)
            self._id = left if base == self._at.conversation else ""
        return self._at

    def _root(self, at: Reference) -> str:
        """Only a channel has threads."""
        return self._place.thread if at.kind == "channel" else ""

    # ── In a personal chat ────────────────────────────────────────────────────────────────────────────────────

    async def _stream(self, at: Reference, elapsed: float, text: str) -> None:
        """The next words. A stream only grows, so one that would not goes on as a message that is edited."""
        if elapsed >= self._tempo.stream_for or len(text) > SHOWN or not text.startswith(self._said):
            await self._finish(at, self._said or say("teams.live.status"))
            await self._card(at, elapsed, text)
            return
        if self._sequence and text == self._said:
            return
        self._sequence += 1
        kind = "streaming" if text else "informative"
        try:
            posted = await self._new(at, self._piece(kind, text or say("teams.live.status")))
        except (
            Refused
        ) as refused:  # this client takes no stream, or he stopped it there: a card has a Stop that counts
            log.debug("sign of life: %s", refused.log_safe)
            self._streams = False
            return
        self._said = text
        if not self._id and posted:
            await self._is(at, posted)

    def _piece(self, kind: str, text: str) -> dict[str, Any]:
        entity: dict[str, Any] = {"type": "streaminfo", "streamType": kind}
        if self._id:
            entity["streamId"] = self._id
        if kind != "final":
            entity["streamSequence"] = self._sequence
        made = {"type": "message" if kind == "final" else "typing", "textFormat": "plain", "text": text}
        return {**made, "entities": [entity]}

    async def _finish(self, at: Reference, text: str) -> None:
        """The last piece; from then on it is a message like any other."""
        self._streams = False
        if not self._id:
            return
        try:
            await self._connector.post(at, self._piece("final", text))
        except Refused as refused:  # it ended by itself
            log.debug("sign of life: %s", refused.log_safe)

    # ── The one message ───────────────────────────────────────────────────────────────────────────────────────

    async def _card(self, at: Reference, elapsed: float, text: str) -> None:
        if elapsed < (self._count_due if text == self._drawn_text else self._update_due):
            return
        drawn = cards.activity(self._working(elapsed, text))
        try:
            if self._id:
                await self._connector.update(at, self._id, drawn, self._root(at))
            else:
                await self._is(at, await self._new(at, drawn, self._root(at)))
        except Refused as refused:
            await self._refused(at, elapsed, refused)
            return
        self._drawn_text = text
        # Words are shown soon after they are said; a mere count of seconds changes seldom.
        self._update_due = elapsed + self._tempo.card_every
        self._count_due = elapsed + self._tempo.count_every

    async def _new(self, at: Reference, activity: Mapping[str, Any], root: str = "") -> str:
        """Its id. One that may have been posted under an id nobody knows stays the only one."""
        try:
            return await self._connector.post(at, activity, root)
        except Away as away:
            if away.unsure and not self._id:
                self._streams, self._quiet_until = False, math.inf
            raise

    async def _is(self, at: Reference, message: str) -> None:
        self._id = message
        await self._keep(addresses.ref(at.conversation, message) if message else "")

    async def _refused(self, at: Reference, elapsed: float, refused: Refused) -> None:
        """A message that cannot be edited is taken away, and once another takes its place."""
        log.debug("sign of life: %s", refused.log_safe)
        self._refusals += 1
        if self._id and await self._take_away(at):
            await self._is(at, "")
        if self._refusals > 1 or self._id:
            self._quiet_until = math.inf

    def _working(self, elapsed: float, text: str) -> Card:
        said = say("teams.live.working", seconds=int(elapsed))
        told = (Text(ending(text)),) if text else ()
        args = {"session": str(self._watched.session), "turn": str(self._watched.turn)}
        stop = Choice(say("verb.stop"), "stop", args)
        return Card("notice", "", (*told, Text(said, tone="muted")), (stop,))

    # ── The end ───────────────────────────────────────────────────────────────────────────────────────────────

    async def end(self) -> None:
        """The Step is another message, so this one goes. What stays because Teams is away the next call takes away."""
        at = self._at
        if at is None or not self._id:
            return
        try:
            if self._streams:
                await self._finish(at, self._said or say("teams.live.status"))
            if not await self._take_away(at):
                line = Card("notice", "", (Text(say("teams.live.over"), tone="muted"),))
                await self._connector.update(at, self._id, cards.activity(line), self._root(at))
        except Away as away:
            log.debug("sign of life: %s", away.log_safe)
            return
        except Refused as refused:
            log.debug("sign of life: %s", refused.log_safe)
        await self._is(at, "")

    async def _take_away(self, at: Reference) -> bool:
        """False where it stands there and may not be deleted."""
        try:
            await self._connector.delete(at, self._id, self._root(at))
        except Refused as refused:
            log.debug("sign of life: %s", refused.log_safe)
            return refusals.lost(refused)
        return True
