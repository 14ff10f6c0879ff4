"""The sign of life in a Slack thread: a status line, the answer as it grows, and a Stop button; all of it taken away."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bot.card import Card, Choice, Text
from bot.live import SHOWN, Keep, Watched, ending
from bot.slack import blocks
from bot.slack.api import Api, Away, Refused
from bot.slack.markup import escaped
from bot.slack.tokens import Apis
from bot.voices import UNOPENED
from bot.words import say
from storage.places import Place

log = logging.getLogger("flowpilot.slack")

CALL_SECONDS = 5.0
LONGEST_WAIT = 10.0
"""How long the end waits for Slack before it asks a second and last time."""
_GONE = frozenset({"message_not_found", "channel_not_found", "thread_not_found"})


@dataclass(frozen=True, slots=True)
class Tempo:
    """Seconds, from the moment the Guide was asked or between two calls. Slack forgets a status after 120, allows 100
    appends and 50 edits a minute, and a stream takes no button: a long one goes on as an edited message that has one.
    """

    status_every: float = 60.0
    stream_after: float = 2.0
    stream_every: float = 0.7
    stream_for: float = 10.0
    message_after: float = 5.0
    update_every: float = 1.5
    count_every: float = 10.0
    unconnected: float = 30.0


class SlackLives:
    """Begins the sign of a thread. A workspace whose app is no agent is asked once."""

    def __init__(self, apis: Apis, tempo: Tempo | None = None) -> None:
        self.apis = apis
        self.tempo = tempo or Tempo()
        self.no_agents: set[str] = set()

    def begin(self, place: Place, watched: Watched, keep: Keep) -> SlackSign | None:
        """None while the thread's first message is not posted."""
        if not place.thread or place.thread.startswith(UNOPENED):
            return None
        return SlackSign(self, place, watched, keep)


class SlackSign:
    """One Turn in one thread; at most one message of it at a time. `_ts` is that message, `_streaming` its state."""

    def __init__(self, lives: SlackLives, place: Place, watched: Watched, keep: Keep) -> None:
        self._lives = lives
        self._tempo = lives.tempo
        self._place = place
        self._watched = watched
        self._keep = keep
        self._quiet_until = 0.0
        self._status_due = 0.0
        self._has_status = False
        self._is_agent = False
        # What a process that died left there is this Turn's message now; it may be a stream that nobody ended.
        channel, _, left = watched.left.partition(":")
        self._ts = left if channel == place.channel else ""
        self._streaming = bool(self._ts)
        self._streamable = bool(watched.reader) or self._direct
        self._silent = False
        self._stream_ends = 0.0
        self._sent = 0
        self._update_due = 0.0
        self._count_due = 0.0
        self._drawn_text: str | None = None

    @property
    def _direct(self) -> bool:
        return self._place.channel.startswith("D")

    async def draw(self, elapsed: float, text: str) -> float:
        if elapsed < self._quiet_until:
            return self._quiet_until - elapsed
        api = await self._lives.apis.of(self._place.workspace)
        if api is None:
            return self._tempo.unconnected
        try:
            await self._status(api, elapsed)
            if not self._silent:
                await self._message(api, elapsed, text)
        except Away as away:
            log.debug("sign of life: %s", away.log_safe)
            self._quiet_until = elapsed + max(away.retry_after, 1.0)
        return self._tempo.update_every if self._ts and not self._streaming else self._tempo.stream_every

    # ── The status line ───────────────────────────────────────────────────────────────────────────────────────

    async def _status(self, api: Api, elapsed: float) -> None:
        if elapsed < self._status_due:
            return
        self._status_due = elapsed + self._tempo.status_every
        self._has_status = True  # also where nobody knows whether it arrived
        try:
            await self._set_status(api, say("slack.live.status"))
        except Refused as refused:
            log.debug("sign of life: %s", refused.log_safe)
            self._has_status, self._status_due = False, math.inf
        if self._direct and not self._is_agent:
            await self._begin_agent(api)

    async def _begin_agent(self, api: Api) -> None:
        team = self._place.workspace
        if team in self._lives.no_agents:
            return
        self._is_agent = True
        try:
            await self._set_agent(api, "processing")
        except Refused as refused:
            log.debug("sign of life: %s", refused.log_safe)
            self._is_agent = False
            self._lives.no_agents.add(team)

    async def _set_status(self, api: Api, status: str) -> None:
        place = self._place
        await api.call(
            "assistant.threads.setStatus",
            timeout=CALL_SECONDS,
            channel_id=place.channel,
            thread_ts=place.thread,
            status=status,
        )

    async def _set_agent(self, api: Api, status: str) -> None:
        place = self._place
        await api.call(
            "agents.sessions.setStatus",
            timeout=CALL_SECONDS,
            channel_id=place.channel,
            thread_ts=place.thread,
            status=status,
        )

    # ── The one message ───────────────────────────────────────────────────────────────────────────────────────

    async def _message(self, api: Api, elapsed: float, text: str) -> None:
        tempo = self._tempo
        if self._streaming:
            await self._go_on(api, elapsed, text)
        elif self._ts:
            await self._update(api, elapsed, text)
        elif text and elapsed >= tempo.stream_after:
            if not (self._streamable and len(text) <= SHOWN and await self._stream(api, elapsed, text)):
                await self._post(api, elapsed, text)
        elif elapsed >= tempo.message_after:
            await self._post(api, elapsed, text)

    async def _stream(self, api: Api, elapsed: float, text: str) -> bool:
        """False where Slack streams nothing here."""
        first = literal(text)
        whom = {"recipient_team_id": self._place.workspace, "recipient_user_id": self._watched.reader}
        try:
            self._ts = await self._new(
                api, "chat.startStream", markdown_text=first, **(whom if self._watched.reader else {})
            )
        except Refused as refused:
            log.debug("sign of life: %s", refused.log_safe)
            self._streamable = False
            return False
        self._streaming, self._sent = True, len(first)
        self._stream_ends = elapsed + self._tempo.stream_for
        return True

    async def _post(self, api: Api, elapsed: float, text: str) -> None:
        shown = blocks.message(self._card(elapsed, text))
        try:
            self._ts = await self._new(
                api, "chat.postMessage", unfurl_links=False, unfurl_media=False, **shown
            )
        except Refused as refused:
            log.debug("sign of life: %s", refused.log_safe)
            self._silent = True
            return
        self._was_drawn(elapsed, text)

    async def _new(self, api: Api, method: str, **arguments: Any) -> str:
        """The new message's ts. One that may have been posted under a ts nobody knows stays the only one."""
        place = self._place
        try:
            answer = await api.call(
                method, timeout=CALL_SECONDS, channel=place.channel, thread_ts=place.thread, **arguments
            )
        except Away as away:
            self._silent = away.unsure
            raise
        ts = str(answer.get("ts") or "")
        self._silent = not ts
        if ts:
            await self._keep(f"{place.channel}:{ts}")
        return ts

    async def _go_on(self, api: Api, elapsed: float, text: str) -> None:
        """The next words of the stream; once it ended, or when it has to, the message is edited instead."""
        whole = literal(text)
        if elapsed >= self._stream_ends or len(text) > SHOWN:
            await self._stop_stream(api)
            await self._update(api, elapsed, text)
            return
        if len(whole) == self._sent:
            return
        try:
            await self._change(api, "chat.appendStream", markdown_text=whole[self._sent :])
        except Refused as refused:
            log.debug("sign of life: %s", refused.log_safe)
            self._streaming = False
            await self._update(api, elapsed, text)
            return
        except Away as away:
            if away.unsure:  # the same words must not stand there twice
                self._stream_ends = elapsed
            raise
        self._sent = len(whole)

    async def _stop_stream(self, api: Api) -> None:
        try:
            await self._change(api, "chat.stopStream")
        except Refused as refused:  # it ended by itself
            log.debug("sign of life: %s", refused.log_safe)
        self._streaming = False

    async def _update(self, api: Api, elapsed: float, text: str) -> None:
        new = text != self._drawn_text
        if elapsed < (self._update_due if new else self._count_due):
            return
        try:
            await self._change(api, "chat.update", **blocks.message(self._card(elapsed, text)))
        except Refused as refused:
            log.debug("sign of life: %s", refused.log_safe)
            self._silent = True
            if refused.code in _GONE:
                self._ts = ""
                await self._keep("")
            return
        self._was_drawn(elapsed, text)

    def _was_drawn(self, elapsed: float, text: str) -> None:
        self._drawn_text = text
        self._update_due = elapsed + self._tempo.update_every
        # Words are shown soon after they are said; a mere count of seconds changes seldom.
        self._count_due = elapsed + self._tempo.count_every

    async def _change(self, api: Api, method: str, **arguments: Any) -> None:
        await api.call(method, timeout=CALL_SECONDS, channel=self._place.channel, ts=self._ts, **arguments)

    def _card(self, elapsed: float, text: str) -> Card:
        said = say("slack.live.working", seconds=int(elapsed))
        told = (Text(ending(text)),) if text else ()
        args = {"session": str(self._watched.session), "turn": str(self._watched.turn)}
        stop = Choice(say("verb.stop"), "stop", args)
        return Card("notice", "", (*told, Text(said, tone="muted")), (stop,))

    # ── The end ───────────────────────────────────────────────────────────────────────────────────────────────

    async def end(self) -> None:
        api = await self._lives.apis.of(self._place.workspace)
        if api is None:
            return
        if self._ts and await _at_last(lambda: self._take_away(api)):
            await self._keep("")
        if self._has_status:
            await _at_last(lambda: self._set_status(api, ""))
        if self._is_agent:
            await _at_last(lambda: self._set_agent(api, "active"))

    async def _take_away(self, api: Api) -> None:
        """Deleted, or else one muted line without a button: the Step itself is another message."""
        if self._streaming:
            await self._stop_stream(api)
        try:
            await self._change(api, "chat.delete")
        except Refused as refused:
            if refused.code in _GONE:  # whoever pressed Stop saw it go
                return
            line = Card("notice", "", (Text(say("slack.live.over"), tone="muted"),))
            await self._change(api, "chat.update", **blocks.message(line))


async def _at_last(step: Callable[[], Awaitable[None]]) -> bool:
    """Once more where Slack does not answer. False: it may still stand there, for the next call to take away."""
    for last in (False, True):
        try:
            await step()
        except Refused as refused:
            log.debug("sign of life: %s", refused.log_safe)
        except Away as away:
            log.debug("sign of life: %s", away.log_safe)
            if last:
                return False
            await asyncio.sleep(min(away.retry_after, LONGEST_WAIT))
            continue
        break
    return True


def literal(text: str) -> str:
    """For a stream, which takes markdown only: nothing mentions anybody, and no words hide an address. What was made
    of a text stays as it is when more comes after it.
    """
    return escaped(text).replace("](", "] (")
