"""Fetches from Teams what an activity does not bring: who somebody is, a file, a team's channels; outside any transaction."""

from __future__ import annotations

import json
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from bot.card import Card, Text, from_json
from bot.teams import cards, files
from bot.teams.addresses import PLATFORM
from bot.teams.port import Away, Connector, ConversationKind, FileRefused, Member, Reference, Refused
from bot.words import say
from engine.intake import Attachment
from engine.ports import PutOff
from storage.workspaces import Workspaces

log = logging.getLogger("flowpilot.teams")

FRESH_SECONDS = 600.0
MOST_REMEMBERED = 5_000
MOST_CHANNELS = 500
NOT_THERE = frozenset({403, 404})
"""Statuses of a roster that we cannot read: we are not in that conversation, or it is gone."""


@dataclass(frozen=True, slots=True)
class At:
    """A conversation as it came in; `raw` its reference as JSON."""

    tenant: str
    conversation: str
    kind: ConversationKind
    raw: str = field(repr=False)
    person: str = ""
    team: str = ""

    @property
    def reference(self) -> Reference:
        raw: dict[str, Any] = json.loads(self.raw)
        return Reference(self.tenant, self.conversation, self.kind, raw, self.person, self.team)


@dataclass(frozen=True, slots=True)
class WantsMember:
    """Whoever has this id, in the directory or on the wire."""

    at: At
    person: str


@dataclass(frozen=True, slots=True)
class WantsTenant:
    """A tenant that we hear of for the first time; `bot` is our own id there."""

    tenant: str
    bot: str


@dataclass(frozen=True, slots=True)
class WantsFile:
    """`file` is the attachment as JSON."""

    at: At
    file: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WantsSaid:
    """A sentence to somebody who belongs to no Account, or a welcome. `key` is its words' key; `alone`: in the chat
    with this person, and nowhere else.
    """

    at: At
    person: str
    key: str
    root: str = ""
    alone: bool = False


@dataclass(frozen=True, slots=True)
class WantsSpent:
    """The buttons of this private answer were used; `card` is what stands there, as JSON."""

    at: At
    activity: str
    card: str = field(repr=False)
    label: str = ""


@dataclass(frozen=True, slots=True)
class WantsChannels:
    """The channels of the conversation's team."""

    at: At


Wanted = WantsMember | WantsTenant | WantsFile | WantsSaid | WantsSpent | WantsChannels
Channels = tuple[tuple[str, str], ...]
STRANGER = Member("", "", full=False)


class Fetching:
    def __init__(
        self, connector: Connector, workspaces: Workspaces, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._connector = connector
        self._workspaces = workspaces
        self._clock = clock
        self._members: OrderedDict[tuple[str, str, str], tuple[float, Member]] = OrderedDict()

    async def fetch(self, wanted: object) -> object:
        """Raises PutOff while Teams is away."""
        try:
            return await self._from(wanted)
        except Away as away:
            raise PutOff(away.retry_after, away.log_safe) from away

    async def _from(self, wanted: object) -> object:
        match wanted:
            case WantsMember():
                return await self._member(wanted)
            case WantsTenant(tenant=tenant, bot=bot):
                app = bot.removeprefix("28:")
                return await self._workspaces.install(PLATFORM, tenant, tenant, bot, app, app, {})
            case WantsFile(at=at, file=file):
                return await self._file(at.reference, json.loads(file))
            case WantsSaid():
                return await self._say(wanted)
            case WantsSpent():
                return await _decoration(self._spend(wanted))
            case WantsChannels(at=at):
                return await self._channels(at.reference)
        raise TypeError(f"nobody fetches {type(wanted).__name__}")

    # ── Who ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _member(self, wanted: WantsMember) -> Member:
        """Guests talk too: Teams is not asked about each of their messages."""
        key = (wanted.at.tenant, wanted.at.conversation, wanted.person)
        known = self._members.get(key)
        if known is not None and self._clock() - known[0] < FRESH_SECONDS:
            return known[1]
        found = await self._looked_up(wanted.at.reference, wanted.person) or STRANGER
        self._members[key] = (self._clock(), found)
        self._members.move_to_end(key)
        while len(self._members) > MOST_REMEMBERED:
            self._members.popitem(last=False)
        return found

    async def _looked_up(self, at: Reference, person: str) -> Member | None:
        """In the conversation; where we are not in it, in our own chat with him, which is there if the app is."""
        try:
            return await self._connector.member(at, person)
        except Refused as refused:
            if refused.status not in NOT_THERE:
                raise
        try:
            return await self._connector.member(await self._connector.open_chat(at, person), person)
        except Refused as refused:
            log.info("somebody cannot be looked up: %s", refused.log_safe)
            return None

    # ── What ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _file(self, at: Reference, attachment: dict[str, Any]) -> Attachment | FileRefused:
        """The file, or why it cannot be had; what is wrong with one file keeps nobody from the rest."""
        try:
            return await files.download(self._connector, at, attachment)
        except FileRefused as refused:
            return refused
        except Refused as refused:
            log.warning("a file was refused: %s", refused.log_safe)
            return FileRefused("unreadable")

    async def _channels(self, at: Reference) -> Channels:
        try:
            found = await self._connector.channels(at)
        except Refused as refused:
            log.info("the channels of a team cannot be read: %s", refused.log_safe)
            return ()
        return tuple((channel, name) for channel, name in list(found)[:MOST_CHANNELS] if channel)

    async def _say(self, said: WantsSaid) -> bool:
        card = Card("notice", say(f"{said.key}.title"), (Text(say(f"{said.key}.text")),))
        at, root = said.at.reference, said.root
        try:
            if said.alone and at.kind != "personal":
                at, root = await self._connector.open_chat(at, said.person), ""
            await self._connector.post(at, cards.activity(card), root)
        except Refused as refused:
            log.info("an answer could not be given: %s", refused.log_safe)
            return False
        return True

    async def _spend(self, spent: WantsSpent) -> None:
        drawn = cards.spent(from_json(json.loads(spent.card)), spent.label)
        await self._connector.update(spent.at.reference, spent.activity, drawn)


async def _decoration(work: Awaitable[None]) -> bool:
    """What is nice to have: without it everything goes on."""
    try:
        await work
    except (Refused, Away) as trouble:
        log.debug("left out: %s", trouble.log_safe)
        return False
    return True
