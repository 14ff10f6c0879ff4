"""Fetches from Slack what a payload does not bring: who somebody is, what a channel is, a file; outside any transaction."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.card import Card, Text, from_json
from bot.slack import blocks, files, home, modals
from bot.slack.api import Api, Away, FileRefused, Refused
from bot.slack.refusals import CLOSED_VIEW, GONE
from bot.slack.tokens import Apis
from bot.words import say
from engine.intake import Attachment
from engine.ports import PutOff

log = logging.getLogger("flowpilot.slack")

GONE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class WantsPerson:
    team: str
    user: str


@dataclass(frozen=True, slots=True)
class WantsChannel:
    team: str
    channel: str


@dataclass(frozen=True, slots=True)
class WantsFile:
    """`file` is Slack's file object as JSON."""

    team: str
    file: str


@dataclass(frozen=True, slots=True)
class WantsGone:
    """The app was uninstalled at this epoch second: its keys are deleted, unless it was installed again since."""

    team: str
    at: int


@dataclass(frozen=True, slots=True)
class WantsSaid:
    """A sentence to somebody who belongs to no Account yet. `key` is its words' key; `view` a window that waits."""

    team: str
    user: str
    channel: str
    key: str
    response_url: str = ""
    view: str = ""
    in_home: bool = False


@dataclass(frozen=True, slots=True)
class WantsPrompts:
    team: str
    channel: str


@dataclass(frozen=True, slots=True)
class WantsSpent:
    """The buttons of this message were used; `card` is what stands there, as JSON, or "" for a private message."""

    team: str
    channel: str
    ts: str
    response_url: str
    card: str
    label: str


NEEDED = (WantsPerson, WantsChannel, WantsFile)
"""What nobody can be understood without; the others are only said."""
Wanted = WantsPerson | WantsChannel | WantsFile | WantsGone | WantsSaid | WantsPrompts | WantsSpent


@dataclass(frozen=True, slots=True)
class SlackPerson:
    """`full`: a full member of this workspace, neither guest nor bot nor from elsewhere."""

    full: bool
    name: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class SlackChannel:
    """`here`: we can post in it. `shared`: other organisations read it. `direct`: our own direct messages."""

    here: bool
    shared: bool = False
    direct: bool = False
    name: str = ""


STRANGE = 300.0
WINDOW_TRIES, WINDOW_SECONDS = 12, 0.25
MOST_STRANGERS = 5_000


class Fetching:
    def __init__(self, apis: Apis, clock: Callable[[], float] = time.monotonic) -> None:
        self._apis = apis
        self._clock = clock
        self._strangers: OrderedDict[WantsPerson, float] = OrderedDict()

    async def fetch(self, wanted: object) -> object:
        """Raises PutOff while Slack is away."""
        if isinstance(wanted, WantsGone):
            when = datetime.fromtimestamp(wanted.at, UTC) if wanted.at else None
            await self._apis.revoke(wanted.team, when)
            return True
        if (
            isinstance(wanted, WantsPerson)
            and self._clock() - self._strangers.get(wanted, -STRANGE) < STRANGE
        ):
            return SlackPerson(False)
        team = str(getattr(wanted, "team", ""))
        try:
            api = await self._apis.of(team)
            if api is not None:
                return await self._from(api, wanted)
        except Away as away:
            raise PutOff(away.retry_after, away.log_safe) from away
        except Refused as refused:
            if refused.code not in GONE:
                raise
            self._apis.forget(team)
        if isinstance(wanted, NEEDED):
            # Installed again soon, what he said counts; until then nobody could be answered anyway.
            raise PutOff(GONE_SECONDS, "the app is not installed")
        return None

    def _remember(self, stranger: WantsPerson) -> None:
        """Guests talk too: Slack is not asked about each of their messages."""
        self._strangers[stranger] = self._clock()
        while len(self._strangers) > MOST_STRANGERS:
            self._strangers.popitem(last=False)

    async def _from(self, api: Api, wanted: object) -> object:
        match wanted:
            case WantsPerson(team=team, user=user):
                found = await _person(api, team, user)
                if not found.full:
                    self._remember(wanted)
                return found
            case WantsChannel(channel=channel):
                return await _channel(api, channel)
            case WantsFile(file=file):
                return await _file(api, json.loads(file))
            case WantsSaid() as said:
                return await _say(api, said)
            case WantsPrompts(channel=channel):
                return await _decoration(_prompts(api, channel))
            case WantsSpent() as spent:
                return await _decoration(_spend(api, spent))
        raise TypeError(f"nobody fetches {type(wanted).__name__}")


async def _person(api: Api, team: str, user: str) -> SlackPerson:
    try:
        found: dict[str, Any] = (await api.call("users.info", user=user))["user"]
    except Refused as refused:
        if refused.code in ("user_not_found", "user_not_visible", "users_not_found"):
            return SlackPerson(False)
        raise
    teams = {found.get("team_id"), *((found.get("enterprise_user") or {}).get("teams") or ())}
    barred = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger", "is_workflow_bot")
    full = not any(found.get(name) for name in barred) and team in teams and user != "USLACKBOT"
    profile = found.get("profile") or {}
    name = profile.get("real_name") or found.get("real_name") or found.get("name") or user
    return SlackPerson(full, str(name)[:120], str(profile.get("email") or "")[:200])


async def _channel(api: Api, channel: str) -> SlackChannel:
    try:
        found: dict[str, Any] = (await api.call("conversations.info", channel=channel))["channel"]
    except Refused as refused:
        if refused.code in (
            "channel_not_found",
            "not_in_channel",
            "method_not_supported_for_channel_type",
            "missing_scope",
        ):
            return SlackChannel(False)
        raise
    direct = bool(found.get("is_im"))
    here = direct or bool(found.get("is_member"))
    shared = bool(found.get("is_ext_shared") or found.get("is_pending_ext_shared"))
    return SlackChannel(
        here and not found.get("is_archived"), shared, direct, str(found.get("name") or "")[:80]
    )


async def _file(api: Api, file: Mapping[str, Any]) -> Attachment | FileRefused:
    """The file, or why it cannot be had; what is wrong with one file keeps nobody from the rest."""
    try:
        return await files.download(api, file)
    except FileRefused as refused:
        return refused
    except Refused as refused:
        log.warning("a file was refused: %s", refused.log_safe)
        return FileRefused("unreadable")


async def _say(api: Api, said: WantsSaid) -> bool:
    """Privately, by the first way that is open; one who cannot be reached by any has closed them all himself."""
    card = Card("notice", say(f"{said.key}.title"), (Text(say(f"{said.key}.text")),))
    if said.in_home:
        return await _tried(api, "views.publish", user_id=said.user, view=home.view((card,)))
    if said.view and await _in_window(api, said.view, card):
        return True
    drawn = blocks.message(card)
    if said.response_url:
        try:
            await api.respond(said.response_url, {"response_type": "ephemeral", **drawn})
        except Refused as refused:
            log.info("an answer could not be given: %s", refused.log_safe)
        else:
            return True
    if said.channel and not said.channel.startswith("D"):
        args = {"channel": said.channel, "user": said.user, **drawn}
        if await _tried(api, "chat.postEphemeral", **args):
            return True
    return await _tried(api, "chat.postMessage", channel=said.user, **drawn)


async def _in_window(api: Api, external_id: str, card: Card) -> bool:
    """Slack may need longer to open a window than a worker to come here."""
    for _ in range(WINDOW_TRIES):
        try:
            await api.call("views.update", external_id=external_id, view=modals.view(card, external_id))
        except Refused as refused:
            if refused.code not in CLOSED_VIEW:
                log.info("a window could not be filled: %s", refused.log_safe)
                return False
            await asyncio.sleep(WINDOW_SECONDS)
        else:
            return True
    return False


async def _tried(api: Api, method: str, **args: Any) -> bool:
    try:
        await api.call(method, **args)
    except Refused as refused:
        log.info("an answer could not be given: %s", refused.log_safe)
        return False
    return True


async def _spend(api: Api, spent: WantsSpent) -> None:
    """A private message vanishes, another one loses its buttons."""
    if not spent.card:
        await api.respond(spent.response_url, {"delete_original": True})
        return
    card = from_json(json.loads(spent.card))
    drawn = blocks.message(card)
    left = blocks.spent(drawn["blocks"], spent.label)
    await api.call("chat.update", channel=spent.channel, ts=spent.ts, text=drawn["text"], blocks=left)


async def _prompts(api: Api, channel: str) -> None:
    """What one can begin with, where somebody opens our direct messages."""
    prompts = [
        {"title": say(f"slack.prompt.{name}"), "message": say(f"slack.prompt.{name}_message")}
        for name in ("tickets", "mine", "queue", "help")
    ]
    title = say("slack.prompt.title")
    await api.call("assistant.threads.setSuggestedPrompts", channel_id=channel, title=title, prompts=prompts)


async def _decoration(work: Any) -> bool:
    """What is nice to have: without it everything goes on."""
    try:
        await work
    except (Refused, Away) as trouble:
        log.debug("left out: %s", trouble.log_safe)
        return False
    return True
