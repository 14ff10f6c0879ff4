"""Understands what came from Teams: who it is, where he spoke, which Session it belongs to, and what he wants."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from bot.commands import Command, parse
from bot.console_reading import session_of
from bot.inbound import Inbound, number
from bot.saying import MOST_OPTIONS
from bot.starting import started_by
from bot.teams import addresses, asked, members, said
from bot.teams.fetching import Fetching, WantsChannels
from bot.teams.pressing import press
from bot.teams.said import Word
from bot.teams.scene import Scene, home, inbound, moved, notice, origin, unless_refused
from bot.teams.threads import Around, around, concerns_us, escalation_at, latest, of_message, thread_of
from engine.intake import quick_answer
from engine.ports import Act, Received
from engine.replies import is_small_talk
from engine.session import Session
from storage.feedback import Reaction, keep_feedback
from storage.places import Place
from storage.store import Unit

NEEDS_NO_SESSION = frozenset(
    {"mine", "queue", "time", "help", "tickets", "open", "people", "settings", "connect", "status", "path",
     "catch_up", "receipt", "start_anyway"}
)  # fmt: skip
"""Commands that mean something where no Session is open."""


class TeamsReader:
    def __init__(self, fetching: Fetching) -> None:
        self._fetching = fetching

    async def fetch(self, received: Received, wanted: object) -> object:
        return await self._fetching.fetch(wanted)

    async def read(self, received: Received, unit: Unit) -> Inbound | Sequence[Act] | None:
        """Raises Fetch for what has to be asked of Teams first."""
        word = said.read(received.payload)
        if word is None or not word.tenant or not word.conversation:
            return None
        space = await members.tenant(received, unit, word)
        if space is None:
            return None
        if space.account_id is None:
            return await members.unlinked(received, unit, word)
        await unit.enter(space.account_id)
        seen = around(received.payload)
        if word.kind == "gone":
            await unit.references.forget(word.tenant, word.team)
            return None
        if word.kind in ("installed", "joined"):
            await _came(received, unit, word, seen)
            return None
        await _reached(unit, word, seen)
        if word.kind == "message" and not await concerns_us(unit, word, seen):
            return None
        return await self._of_member(received, unit, word, seen)

    async def _of_member(
        self, received: Received, unit: Unit, word: Word, seen: Around
    ) -> Inbound | Sequence[Act] | None:
        found = await members.person(received, unit, word)
        if found is None:
            if word.kind in ("press", "extension"):  # he was told already that we have it
                members.say_to(received, word, "teams.guest", alone=True)
            return None
        person, new = found
        if word.kind_of_conversation == "personal":
            await members.keep(unit, word)
        scene = Scene(received, unit, word, seen, person, await members.own_place(unit, word))
        follows: Inbound | Sequence[Act] | None = await _KINDS[word.kind](scene)
        if not new:
            return follows
        if isinstance(follows, Inbound):
            return replace(follows, also=(*follows.also, members.mapping(person)))
        return (*(follows or ()), members.mapping(person))


# ── Where ───────────────────────────────────────────────────────────────────────────────────────────────────


async def _reached(unit: Unit, word: Word, seen: Around) -> None:
    """How the conversation is reached, and whether we hear there what is not said to us. A personal chat is kept once
    it is known whose it is; where others read along nothing is ever shown, and a message extension speaks from where we
    may not be.
    """
    if word.kind == "extension" or word.kind_of_conversation == "personal" or seen.shared:
        return
    await members.keep(unit, word)
    if word.kind == "message" and not word.mentioned:
        await unit.references.hears(word.tenant, word.conversation)


async def _came(received: Received, unit: Unit, word: Word, seen: Around) -> None:
    """We were added: a team's channels are kept, and whoever did it hears once how to begin."""
    if seen.shared:
        return
    if word.kind_of_conversation == "personal" and not await members.may_use(received, unit, word):
        return
    if await unit.references.get(word.tenant, word.conversation) is None:
        members.say_to(received, word, "teams.hello")
    if word.kind_of_conversation == "channel":
        for channel, name in members.fetched(received, WantsChannels(members.at(word)), tuple) or ():
            await members.keep_channel(unit, word, channel, name)
            await unit.places.reopen(addresses.PLATFORM, word.tenant, channel)
        await unit.places.reopen(addresses.PLATFORM, word.tenant, word.conversation)
    await members.keep(unit, word)


# ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────


async def _message(scene: Scene) -> Inbound | Sequence[Act] | None:
    word, text = scene.word, scene.word.text.strip()
    if members.CODE.match(text):
        return notice(scene, "teams_linked_already")
    if await scene.unit.sessions.get(started_by(origin(word, word.activity))) is not None:
        return None  # it was troubleshot from the message's own menu already
    command = parse(text) if not word.files else None
    if command is not None and command.verb == "start":
        return await _begun(scene, text)
    if begins := _START.match(text):  # with files, or too long for a command
        return await _begun(scene, begins.group(1))
    place, session = await _spoken_in(scene, command)
    if command is not None and command.verb == "follow_up":
        return await _begun(scene, text, place, session)
    if place is not None or session is not None:
        if not text and not word.files:
            return await inbound(scene, "click", verb="status", place=place, session=session)
        return unless_refused(await inbound(scene, "say", text=text, place=place, session=session))
    if not text and not word.files:
        await _asked(scene)
        return await inbound(scene, "click", verb="start_form")
    if not word.files and is_small_talk(text):
        alone = word.kind_of_conversation == "personal"
        return await inbound(scene, "click", verb="help") if alone else None
    return await _begun(scene, text)


_START = re.compile(r"start\s*[:\-]\s*(.+)$", re.IGNORECASE | re.DOTALL)
_TICKET = re.compile(r"\s*(?:ticket\s*#?|#)\s*(\d{1,9})\b[\s.,:;!?-]*(.*)$", re.IGNORECASE | re.DOTALL)


async def _begun(
    scene: Scene, text: str, place: Place | None = None, session: Session | None = None
) -> Inbound | Sequence[Act]:
    """Words that a Session may start from."""
    address, thread, why = await _asked(scene)
    found = await inbound(
        scene, "say", text=text, place=place, session=session, home=address, home_thread=thread,
        origin=origin(scene.word, scene.word.activity),
    )  # fmt: skip
    return unless_refused(moved(scene, found, why))


async def _asked(scene: Scene) -> tuple[tuple[str, str, str], str, str]:
    """Where he asks. It may be a button in his own chat that starts it."""
    address, thread, why = await home(scene)
    await asked.keep(scene.unit, scene.person.id, address, thread)
    return address, thread, why


async def _spoken_in(scene: Scene, command: Command | None) -> tuple[Place | None, Session | None]:
    """The Session his words belong to, and its thread: that of the channel's thread, of the message he quotes, or the
    latest of the chat.
    """
    word, unit = scene.word, scene.unit
    if word.kind_of_conversation == "channel":
        place = await thread_of(unit, word)
        if place is None:
            return None, await escalation_at(unit, word)
        return place, await session_of(unit, place, None)
    place = await of_message(unit, word, scene.seen.quotes)
    if place is not None:
        return place, await session_of(unit, place, None)
    place = await _latest(scene, command)
    session = await session_of(unit, place, None) if place is not None else None
    if session is None or (command is None and _is_another_problem(scene, session)):
        return None, None
    return place, session


def _is_another_problem(scene: Scene, session: Session) -> bool:
    """In a chat without threads: what a colleague says without quoting a card is his own, and so is a ticket that is
    named together with words, or beside one that is linked already.
    """
    text = scene.word.text
    if session.owner_id != scene.person.id:
        return bool(scene.word.files) or not (is_small_talk(text) or quick_answer(text, MOST_OPTIONS))
    named = _TICKET.match(text)
    if named is None or session.ticket_id == int(named.group(1)):
        return False
    return session.ticket_id is not None or bool(named.group(2).strip())


async def _latest(scene: Scene, command: Command | None) -> Place | None:
    """Words go to what is open; a command that only makes sense afterwards to what has ended."""
    word, unit, person = scene.word, scene.unit, scene.person.id
    verb = command.verb if command is not None else ""
    if verb == "follow_up":
        return await latest(unit, word, person, ended=True)
    found = await latest(unit, word, person)
    if found is None and verb and verb not in NEEDS_NO_SESSION:
        return await latest(unit, word, person, ended=True)
    return found


# ── Somebody's message, and thumbs ──────────────────────────────────────────────────────────────────────────


async def _extension(scene: Scene) -> Inbound | Sequence[Act] | None:
    """A Session from somebody's message. His words are no command of whoever asked for it, whatever they are."""
    word, unit = scene.word, scene.unit
    starts = origin(word, word.about)
    begun = await unit.sessions.get(started_by(starts))
    if begun is not None:
        return await inbound(scene, "click", verb="status", session=begun)
    address, thread, why = await _asked(scene)
    found = await inbound(
        scene, "click", verb="start", fields={"text": word.text}, home=address, home_thread=thread,
        origin=starts,
    )  # fmt: skip
    return moved(scene, found, why)


async def _thumbs(scene: Scene) -> None:
    """On the Step that the message shows; on anything else they say nothing we could keep."""
    word, unit = scene.word, scene.unit
    ref = addresses.ref(word.conversation, word.reply_to)
    found = await unit.places.by_ref(addresses.PLATFORM, word.tenant, ref) if word.reply_to else None
    if found is None or found[0].session_id is None:
        return
    kind, _, given = found[1].key.partition(":")
    step = number(given)
    if kind == "step" and step is not None:
        reaction = cast("Reaction", word.reaction)
        await keep_feedback(unit, found[0].session_id, step, scene.person.id, reaction, word.text)


_KINDS: dict[str, Any] = {
    "message": _message,
    "press": press,
    "extension": _extension,
    "thumbs": _thumbs,
}
