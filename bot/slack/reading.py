"""Understands what came from Slack: who it is, where he spoke, which Session it belongs to, and what he wants."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import UUID, uuid4

from bot.commands import parse
from bot.console_reading import session_of
from bot.inbound import Inbound
from bot.slack import members, said
from bot.slack.api import FileRefused
from bot.slack.fetching import (
    Fetching,
    SlackChannel,
    WantsChannel,
    WantsFile,
    WantsGone,
    WantsPrompts,
    WantsSpent,
)
from bot.slack.payloads import ADD, TROUBLESHOOT
from bot.slack.reach import chosen_in
from bot.slack.routes import keep_route
from bot.slack.said import Word
from bot.slack.text import mentions
from bot.slack.threads import concerns_us, escalation_at, thread_of
from bot.starting import started_by
from bot.words import say
from engine.effects import Show, Tell
from engine.intake import Attachment
from engine.ports import Act, Fetch, Received
from engine.replies import is_small_talk
from engine.session import OPEN, Person, Session
from storage.places import Place
from storage.store import Unit
from storage.workspaces import Workspace

T = TypeVar("T")
STARTS = frozenset({"start", "start_anyway", "follow_up"})
"""Clicks and forms after which a Session may begin."""
ANSWERED_PRIVATELY = ("told:", "shown:", "form:")


@dataclass(frozen=True, slots=True)
class Scene:
    """Who speaks where, as far as it is known."""

    received: Received
    unit: Unit
    word: Word
    space: Workspace
    person: Person
    own: Place

    def fetched(self, wanted: Any, kind: type[T]) -> T | None:
        return members.fetched(self.received, wanted, kind)


class SlackReader:
    def __init__(self, fetching: Fetching) -> None:
        self._fetching = fetching

    async def fetch(self, received: Received, wanted: object) -> object:
        return await self._fetching.fetch(wanted)

    async def read(self, received: Received, unit: Unit) -> Inbound | Sequence[Act] | None:
        """Raises Fetch for what has to be asked of Slack first."""
        word = said.read(received.payload)
        if word is None or not word.team:
            return None
        if word.kind == "gone":
            members.fetched(received, WantsGone(word.team, int(word.ts or 0)), object)
            return None
        space = await unit.workspace("slack", word.team)
        if space is None or not word.user:
            return None
        if word.kind == "joined":
            await members.joined(received, unit, word, space)
            return None
        if word.user == space.bot_user_id or members.from_elsewhere(word):
            return None
        if space.account_id is None:
            return await members.unlinked(received, unit, word, space)
        await unit.enter(space.account_id)
        if word.kind == "message" and not await concerns_us(unit, word, space):
            return None
        return await self._of_member(received, unit, word, space)

    async def _of_member(
        self, received: Received, unit: Unit, word: Word, space: Workspace
    ) -> Inbound | Sequence[Act] | None:
        found = await members.person(received, unit, word)
        if found is None:
            if word.view:  # his window would wait for ever
                members.say_to(received, word, "slack.guest")
            return None
        person, new = found
        own = await unit.places.ensure("direct", "slack", word.team, word.user)
        scene = Scene(received, unit, word, space, person, own)
        inbound: Inbound | Sequence[Act] | None = await _KINDS[word.kind](scene)
        if not new:
            return inbound
        if isinstance(inbound, Inbound):
            return replace(inbound, also=(*inbound.also, members.mapping(person)))
        return (*(inbound or ()), members.mapping(person))


# ── Where ───────────────────────────────────────────────────────────────────────────────────────────────────


async def _home(scene: Scene) -> tuple[tuple[str, str, str], str]:
    """Where a Session that starts here lives, and the key of the sentence that says why it is somewhere else."""
    word = scene.word
    direct = ("slack", word.team, word.user)
    if not word.channel:
        return direct, ""
    if word.kind == "message":
        # An event comes only from where we are; it says itself whether others read along.
        return (direct, "shared_channel") if word.shared else (("slack", word.team, word.channel), "")
    channel = scene.fetched(WantsChannel(word.team, word.channel), SlackChannel)
    if channel is None or not channel.here:
        return direct, "" if word.direct else "invite_me"
    if channel.shared:
        return direct, "shared_channel"
    return ("slack", word.team, word.channel), ""


async def _inbound(scene: Scene, kind: Any, **given: Any) -> Inbound:
    """With the way back to him, and the files he sent."""
    word, unit = scene.word, scene.unit
    place = given.pop("place", None) or await thread_of(unit, word) or scene.own
    files, refused = _files(scene)
    via = await keep_route(unit, scene.person.id, word)
    also = tuple(given.pop("also", ()))
    if refused:
        told = tuple(Tell(to=scene.person.id, what=f"file:{say(f'slack.file.{why}')}") for why in refused)
        also = (*also, Act(scene.person.id, effects=told))
    return Inbound(unit, scene.person, place, kind, files=files, via=via, also=also, **given)


def _files(scene: Scene) -> tuple[tuple[Attachment, ...], list[str]]:
    kept: list[Attachment] = []
    refused: list[str] = []
    for file in scene.word.files:
        wanted = WantsFile(scene.word.team, file)
        if wanted not in scene.received.fetched:
            raise Fetch(wanted)
        match scene.received.fetched[wanted]:
            case Attachment() as one:
                kept.append(one)
            case FileRefused(reason=reason):
                refused.append(reason)
    return tuple(kept), refused


# ── What ────────────────────────────────────────────────────────────────────────────────────────────────────


async def _message(scene: Scene) -> Inbound | Sequence[Act] | None:
    word, unit = scene.word, scene.unit
    origin = f"slack:{word.team}:{word.channel}:{word.ts}"
    begun = await unit.sessions.get(started_by(origin), lock=True)
    if begun is not None:
        # The same message comes twice where we are mentioned; its files may be in the second one only.
        return _unless_refused(await _inbound(scene, "say", session=begun)) if word.files else None
    text = await members.words(scene.unit, scene.word, scene.space)
    place = await thread_of(unit, word)
    session = await session_of(unit, place, None) if place is not None else await escalation_at(unit, word)
    if place is not None or session is not None:
        if await _heard_before(scene):
            text = ""
            if not word.files:
                return None
        return _unless_refused(await _inbound(scene, "say", text=text, place=place, session=session))
    if members.CODE.match(text):
        return await _notice(scene, "slack_linked_already")
    if not word.files and is_small_talk(text):
        return await _inbound(scene, "click", verb="help") if word.direct else None
    home, why = await _home(scene)
    return _unless_refused(_moved(await _inbound(scene, "say", text=text, home=home, origin=origin), why))


def _unless_refused(inbound: Inbound) -> Inbound | Sequence[Act]:
    """Where every file was refused and there are no words, nothing follows but why."""
    if inbound.text or inbound.files or not inbound.also:
        return inbound
    return [
        replace(act, answers=(inbound.person.id, inbound.via)) for act in inbound.also if act.save is None
    ]


async def _heard_before(scene: Scene) -> bool:
    """Whether the other copy of this message, which comes where we are mentioned, was taken already."""
    if not mentions(scene.word.text, scene.space.bot_user_id):
        return False
    kind = f"heard:{scene.word.channel}:{scene.word.ts}"
    if await scene.unit.drafts.latest(scene.person.id, kind) is not None:
        return True
    await scene.unit.drafts.keep(scene.person.id, kind, {})
    return False


def _moved(inbound: Inbound, why: str) -> Inbound:
    """A Session that starts elsewhere says so where it was asked for."""
    if not why:
        return inbound
    person, origin = inbound.person.id, inbound.origin
    shown = Show(to=person, what=f"notice:{why}", place=inbound.place.id, via=inbound.via)

    async def once_started(unit: Unit) -> None:
        """Words may turn out to be no start: a command, or a ticket that has a Session already."""
        if await unit.sessions.get(started_by(origin)) is not None:
            await unit.outbox.owe(person, (shown,))

    return replace(inbound, also=(*inbound.also, Act(person, save=once_started)))


async def _command(scene: Scene) -> Inbound | Sequence[Act] | None:
    word, text = scene.word, await members.words(scene.unit, scene.word, scene.space)
    if not text:
        return await _inbound(scene, "click", verb="start_form")
    if members.CODE.match(text):
        return await _notice(scene, "slack_linked_already")
    if is_small_talk(text):
        return await _inbound(scene, "click", verb="help")
    command = parse(text)
    if command is not None and command.verb not in STARTS:
        return await _inbound(scene, "say", text=text)
    home, why = await _home(scene)
    origin = f"slack:{word.team}:{word.ts}"
    return _moved(await _inbound(scene, "say", text=text, home=home, origin=origin), why)


async def _click(scene: Scene) -> Inbound | Sequence[Act] | None:
    word, unit = scene.word, scene.unit
    await _spent(scene)
    origin = _origin(word)
    begun = await unit.sessions.get(started_by(origin)) if origin else None
    if begun is not None:
        return await _inbound(scene, "click", verb="status", session=begun)
    home, why = await _home(scene) if origin else (None, "")
    place = await thread_of(unit, word)
    session = await session_of(unit, place or scene.own, word.args.get("session"))
    inbound = await _inbound(
        scene, "click", verb=word.verb, args=word.args, session=session, home=home, place=place, origin=origin
    )
    if word.in_home:
        inbound = replace(inbound, also=(*inbound.also, _home_again(scene)))
    return _moved(inbound, why)


def _origin(word: Word) -> str:
    """Words that were kept start one Session, however often their button is pressed."""
    return f"slack:{word.team}:{word.args.get('draft') or uuid4()}" if word.verb in STARTS else ""


def _home_again(scene: Scene) -> Act:
    return Act(scene.person.id, effects=(Show(to=scene.person.id, what="home", place=scene.own.id),))


async def _spent(scene: Scene) -> None:
    """Buttons of a private answer vanish once one is used; those of a window that may be closed again stay."""
    word = scene.word
    if word.view or not word.ts:
        return
    if word.ephemeral:
        scene.fetched(WantsSpent(word.team, word.channel, word.ts, word.response_url, "", word.label), object)
        return
    found = await scene.unit.places.by_ref("slack", word.team, f"{word.channel}:{word.ts}")
    if found is not None and found[1].key.startswith(ANSWERED_PRIVATELY):
        card = json.dumps(found[1].card, sort_keys=True)
        scene.fetched(WantsSpent(word.team, word.channel, word.ts, "", card, word.label), object)


async def _submit(scene: Scene) -> Inbound | Sequence[Act] | None:
    word, unit = scene.word, scene.unit
    origin = _origin(word)
    home, why = await _home(scene) if origin else (None, "")
    if word.verb == "add_to":
        return await _added(scene, await session_of(unit, scene.own, word.fields.get("session")))
    place = await thread_of(unit, word)
    session = await session_of(unit, place or scene.own, word.args.get("session"))
    fields = await chosen_in(unit, word.team, word.fields) if word.verb == "settings" else word.fields
    inbound = await _inbound(
        scene, "submit", verb=word.verb, args=word.args, fields=fields, session=session, home=home, place=place,
        origin=origin,
    )  # fmt: skip
    if word.in_home:
        inbound = replace(inbound, also=(*inbound.also, _home_again(scene)))
    return _moved(inbound, why)


async def _shortcut(scene: Scene) -> Inbound | Sequence[Act] | None:
    """Both open a window at once, so both say in it what became of them."""
    word, unit = scene.word, scene.unit
    text = await members.words(scene.unit, scene.word, scene.space)
    if word.verb == TROUBLESHOOT:
        origin = f"slack:{word.team}:{word.channel}:{word.ts}"
        begun = await unit.sessions.get(started_by(origin))
        if begun is not None:
            return await _inbound(scene, "click", verb="status", session=begun)
        home, why = await _home(scene)
        # Somebody else's words are no command of his, whatever they are.
        inbound = await _inbound(
            scene, "click", verb="start", fields={"text": text}, home=home, origin=origin
        )
        return _moved(inbound, why or "slack_started")
    if word.verb != ADD:
        return None
    place = await thread_of(unit, word)
    if place is not None:
        return await _added(scene, await session_of(unit, place, None))
    mine = [
        s
        for i in await unit.sessions.of(scene.person.id)
        if (s := await unit.sessions.get(i)) and s.status in OPEN
    ]
    if not mine:
        return await _notice(scene, "slack_none_to_add_to")
    if len(mine) == 1:
        return await _added(scene, mine[0])
    kept = {"text": text, "files": list(word.files)}
    draft = await unit.drafts.keep(scene.person.id, "addition", kept)
    via = await keep_route(unit, scene.person.id, word)
    shown = Show(to=scene.person.id, what="form:add_to", place=scene.own.id, draft=draft)
    return (Act(scene.person.id, effects=(shown,), answers=(scene.person.id, via)),)


async def _added(scene: Scene, session: Session | None) -> Inbound | Sequence[Act] | None:
    """The message as evidence; from the form's submission it is still in the draft."""
    word, unit = scene.word, scene.unit
    text = await members.words(scene.unit, scene.word, scene.space)
    if draft := word.args.get("draft"):
        kept = await unit.drafts.get(UUID(draft), scene.person.id)
        if kept is None:
            return await _notice(scene, "form_expired")
        scene = replace(scene, word=replace(word, files=tuple(kept["files"])))
        text = str(kept["text"])
    if session is None:
        return await _notice(scene, "gone")
    shown = Show(to=scene.person.id, what="notice:evidence_kept", place=scene.own.id, session=session.id)
    told = (Act(scene.person.id, effects=(shown,)),) if session.status in OPEN else ()
    return await _inbound(scene, "click", verb="evidence", fields={"text": text}, session=session, also=told)


async def _notice(scene: Scene, key: str) -> Sequence[Act]:
    via = await keep_route(scene.unit, scene.person.id, scene.word)
    shown = Show(to=scene.person.id, what=f"notice:{key}", place=scene.own.id)
    return (Act(scene.person.id, effects=(shown,), answers=(scene.person.id, via)),)


async def _home_opened(scene: Scene) -> Sequence[Act]:
    via = await keep_route(scene.unit, scene.person.id, scene.word)
    return (replace(_home_again(scene), answers=(scene.person.id, via)),)


async def _prompts(scene: Scene) -> None:
    scene.fetched(WantsPrompts(scene.word.team, scene.word.channel), object)


async def _stopped(scene: Scene) -> Inbound | None:
    place = await thread_of(scene.unit, scene.word)
    if place is None:
        return None
    return await _inbound(
        scene, "click", verb="stop", place=place, session=await session_of(scene.unit, place, None)
    )


async def _failed(scene: Scene) -> Sequence[Act]:
    return await _notice(scene, "slack_view_failed")


_KINDS: dict[str, Any] = {
    "message": _message,
    "command": _command,
    "click": _click,
    "submit": _submit,
    "shortcut": _shortcut,
    "home": _home_opened,
    "prompts": _prompts,
    "stopped": _stopped,
    "failed": _failed,
}
