"""The sign of life in Teams: in a personal chat the answer as it grows, elsewhere one card that says FlowPilot works."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.card import Card, Choice, Text
from bot.live import Keep, Watched
from bot.teams import addresses, cards
from bot.teams.port import Away, Connector, Reference, Refused
from bot.teams.ways import NotThere, Ways
from bot.voices import UNOPENED
from bot.words import say
from storage.places import Place
from storage.store import Store

log = logging.getLogger("flowpilot.teams")

SHOWN = 4_000
"""Characters of an answer that are shown; of a longer one the end."""


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
    """One Turn in one place; at most one message of it at a time. `_id` is that message, or the stream."""

    def __init__(self, lives: TeamsLives, place: Place, watched: Watched, keep: Keep) -> None:
        self._lives = lives
        self._place = place
        self._watched = watched
        self._keep = keep
        self._at: Reference | None = None
        # What a process that died left there is this Turn's message now.
        self._id = addresses.from_ref(watched.left)[1] if watched.left else ""
        self._personal = bool(addresses.person_of(place.channel))
        self._streams = self._personal and not self._id
        self._sequence = 0
        self._shown: str | None = None
        self._count_due = 0.0

    async def draw(self, elapsed: float, text: str) -> float:
        tempo = self._lives.tempo
        try:
            at = await self._where()
            if self._streams:
                await self._stream(at, elapsed, text)
            elif elapsed >= tempo.card_after:
                await self._card(at, elapsed, text)
        except NotThere as gone:
            log.debug("sign of life: %s", gone.log_safe)
            return tempo.unconnected
        except Refused as refused:
            log.debug("sign of life: %s", refused.log_safe)
            if self._streams:  # this client takes no stream, or it ended: a card does as well
                await self._leave_stream()
                return tempo.card_every
            return tempo.unconnected
        except Away as away:
            log.debug("sign of life: %s", away.log_safe)
            return max(away.retry_after, tempo.card_every)
        return tempo.stream_every if self._streams else tempo.card_every

    async def end(self) -> None:
        """The Step is another message: whatever was shown of it is taken away."""
        if not self._id:
            return
        try:
            at = await self._where()
            if self._streams:
                await self._finish(at)
            await self._lives.connector.delete(at, self._id, self._root)
        except (Refused, Away, NotThere) as trouble:
            log.debug("sign of life: %s", trouble.log_safe)
            if isinstance(trouble, Away):
                return  # it may still stand there, for the next call to take away
        await self._keep("")

    # ── In a personal chat ────────────────────────────────────────────────────────────────────────────────────

    async def _stream(self, at: Reference, elapsed: float, text: str) -> None:
        if elapsed >= self._lives.tempo.stream_for:
            await self._leave_stream()
            return
        shown = ending(text)
        if shown and shown == self._shown:
            return
        kind = "streaming" if shown else "informative"
        if not shown and self._sequence:
            return
        self._sequence += 1
        said = self._piece(kind, shown or say("teams.live.status"))
        posted = await self._lives.connector.post(at, said)
        self._shown = shown
        if not self._id and posted:
            self._id = posted
            await self._keep(addresses.ref(at.conversation, posted))

    def _piece(self, kind: str, text: str) -> Mapping[str, Any]:
        entity: dict[str, Any] = {"type": "streaminfo", "streamType": kind}
        if self._id:
            entity["streamId"] = self._id
        if kind != "final":
            entity["streamSequence"] = self._sequence
        return {
            "type": "message" if kind == "final" else "typing",
            "text": text,
            "textFormat": "plain",
            "entities": [entity],
        }

    async def _finish(self, at: Reference) -> None:
        self._streams = False
        await self._lives.connector.post(at, self._piece("final", say("teams.live.over")))

    async def _leave_stream(self) -> None:
        """A stream that may not go on is a message like any other from now on."""
        at, self._streams = await self._where(), False
        if not self._id:
            return
        try:
            await self._finish(at)
            await self._lives.connector.delete(at, self._id)
        except (Refused, Away) as trouble:
            log.debug("sign of life: %s", trouble.log_safe)
        self._id = ""
        await self._keep("")

    # ── Everywhere else ───────────────────────────────────────────────────────────────────────────────────────

    async def _card(self, at: Reference, elapsed: float, text: str) -> None:
        if text == self._shown and elapsed < self._count_due:
            return
        activity = cards.activity(self._drawn(elapsed, text))
        if self._id:
            await self._lives.connector.update(at, self._id, activity, self._root)
        else:
            self._id = await self._lives.connector.post(at, activity, self._root)
            await self._keep(addresses.ref(at.conversation, self._id))
        self._shown, self._count_due = text, elapsed + self._lives.tempo.count_every

    def _drawn(self, elapsed: float, text: str) -> Card:
        told = (Text(ending(text)),) if text else ()
        args = {"session": str(self._watched.session), "turn": str(self._watched.turn)}
        working = Text(say("teams.live.working", seconds=int(elapsed)), tone="muted")
        return Card("notice", "", (*told, working), (Choice(say("verb.stop"), "stop", args),))

    @property
    def _root(self) -> str:
        """Only a channel has threads."""
        at = self._at
        return self._place.thread if at is not None and at.kind == "channel" else ""

    async def _where(self) -> Reference:
        if self._at is None:
            self._at = await self._lives.ways.to(self._place)
        return self._at


def ending(text: str) -> str:
    """At most 4,000 characters: of a longer text the last ones, from a whole line or word."""
    if len(text) <= SHOWN:
        return text
    kept = text[-(SHOWN - 1) :]
    edge = min((at for at in (kept.find("\n"), kept.find(" ")) if 0 <= at < 200), default=-1)
    return "…" + kept[edge + 1 :]
