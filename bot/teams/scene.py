"""One thing somebody did in Teams: who he is and where, where a Session of his would live, and what answers him."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from bot.inbound import Inbound
from bot.starting import started_by
from bot.teams import addresses, files, members
from bot.teams.fetching import WantsFile
from bot.teams.port import FileRefused
from bot.teams.said import Word
from bot.teams.threads import Around, channel_of
from bot.words import say
from engine.effects import Show, Tell
from engine.intake import Attachment
from engine.ports import Act, Fetch, Received
from engine.session import Person
from storage.places import Place
from storage.store import Unit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scene:
    """Who speaks where, as far as it is known."""

    received: Received
    unit: Unit
    word: Word
    seen: Around
    person: Person
    own: Place

    def fetched(self, wanted: Any, kind: type[T]) -> T | None:
        return members.fetched(self.received, wanted, kind)

    @property
    def alone(self) -> tuple[str, str, str]:
        """Where a Session lives that only he sees."""
        return (addresses.PLATFORM, self.word.tenant, addresses.direct(self.word.person))

    @property
    def here(self) -> tuple[str, str, str]:
        return (addresses.PLATFORM, self.word.tenant, channel_of(self.word))


async def home(scene: Scene) -> tuple[tuple[str, str, str], str, str]:
    """Where a Session that starts here lives: address, thread, and the key of the sentence that says why it is
    somewhere else.
    """
    word, unit = scene.word, scene.unit
    if word.kind_of_conversation == "personal":
        return scene.alone, "", ""
    if scene.seen.shared:
        return scene.alone, "", "teams_shared"
    if word.kind != "extension":
        # The thread that a card stands in has a Session already.
        return scene.here, word.root if word.kind == "message" else "", ""
    if await unit.references.get(word.tenant, word.conversation) is None:
        return scene.alone, "", "teams_not_here"
    return scene.here, word.root, ""


def origin(word: Word, message: str) -> str:
    """A message starts one Session, whichever way it is asked for."""
    return f"{addresses.PLATFORM}:{word.tenant}:{word.conversation}:{message}"


async def inbound(scene: Scene, kind: Any, **given: Any) -> Inbound:
    """With the files he sent. What answers him alone is shown in his own chat."""
    place = given.pop("place", None) or scene.own
    kept, refused = _files(scene)
    also = tuple(given.pop("also", ()))
    if refused:
        told = tuple(Tell(to=scene.person.id, what=f"file:{say(f'teams.file.{why}')}") for why in refused)
        also = (*also, Act(scene.person.id, effects=told))
    return Inbound(scene.unit, scene.person, place, kind, files=kept, via=members.WAY, also=also, **given)


def _files(scene: Scene) -> tuple[tuple[Attachment, ...], list[str]]:
    kept: list[Attachment] = []
    refused: list[str] = []
    for file in scene.word.files:
        if not files.is_file(json.loads(file)):
            continue
        wanted = WantsFile(members.at(scene.word), file)
        if wanted not in scene.received.fetched:
            raise Fetch(wanted)
        match scene.received.fetched[wanted]:
            case Attachment() as one:
                kept.append(one)
            case FileRefused(reason=reason):
                refused.append(reason)
    return tuple(kept), refused


def unless_refused(inbound: Inbound) -> Inbound | Sequence[Act]:
    """Where every file was refused and there are no words, nothing follows but why."""
    if inbound.text or inbound.files or not inbound.also:
        return inbound
    return [
        replace(act, answers=(inbound.person.id, inbound.via)) for act in inbound.also if act.save is None
    ]


def moved(scene: Scene, inbound: Inbound, why: str) -> Inbound:
    """A Session that starts elsewhere says so there."""
    if not why:
        return inbound
    person, origin = inbound.person.id, inbound.origin
    shown = Show(to=person, what=f"notice:{why}", place=scene.own.id, via=inbound.via)

    async def once_started(unit: Unit) -> None:
        """Words may turn out to be no start: a command, or a ticket that has a Session already."""
        if await unit.sessions.get(started_by(origin)) is not None:
            await unit.outbox.owe(person, (shown,))

    return replace(inbound, also=(*inbound.also, Act(person, save=once_started)))


def notice(scene: Scene, key: str) -> Sequence[Act]:
    shown = Show(to=scene.person.id, what=f"notice:{key}", place=scene.own.id)
    return (Act(scene.person.id, effects=(shown,), answers=(scene.person.id, members.WAY)),)
