"""Finds where a card belongs: the threads of a Session, the escalation channel, or one person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bot import cards
from bot.card import Card, to_json
from bot.cards_escalation import picked_up
from bot.delivery import Shown, root_first
from bot.viewing import view_of
from bot.views import SessionView
from bot.voices import UNOPENED, Voice
from engine.effects import Show
from engine.session import Session, Status
from storage.places import Message, Place
from storage.store import Store, Unit


@dataclass(frozen=True, slots=True)
class Found(Shown):
    """`stands`: the card that was shown there last, as it is stored."""

    stands: Mapping[str, Any] | None = None


class Finding:
    """`voices` by platform; where several would do, the first one is taken."""

    def __init__(self, store: Store, voices: Mapping[str, Voice]) -> None:
        self._store = store
        self._voices = voices

    async def in_thread(self, unit: Unit, view: SessionView, key: str, card: Card) -> list[Shown]:
        known = list(await unit.places.threads(view.session.id, key))
        if not known and (opened := await self._opened(unit, view.session)) is not None:
            known = [(opened, await unit.places.message(opened.id, key))]
        found = [_shown(place, key, card, before) for place, before in known]
        return root_first(found, lambda: cards.session_card(view))

    async def in_channel(self, unit: Unit, view: SessionView, key: str, card: Card) -> list[Shown]:
        """The escalation channel on each platform; where one has none, the threads it has there."""
        shown: list[Shown] = []
        for platform, voice in self._voices.items():
            place = await voice.channel(unit)
            if place is not None:
                shown.append(await self._known(unit, place, key, card))
                continue
            here = [p for p in await threads(unit, view.session.id) if p.platform == platform]
            shown += [await self._known(unit, thread, key, card) for thread in here]
        return root_first(shown, lambda: cards.session_card(view))

    async def to_person(
        self,
        unit: Unit,
        user: UUID,
        session_id: UUID,
        key: str,
        card: Card,
        platform: str = "",
        workspace: str = "",
    ) -> list[Shown]:
        """One place of his: on `platform`, else where the Session lives, else the first where he is known; in
        `workspace` or the Session's own, if he is known in it.
        """
        lives = {place.platform: place.workspace for place in await threads(unit, session_id)}
        if platform and workspace:
            lives[platform] = workspace
        wanted = [p for p in dict.fromkeys((platform, *lives, *self._voices)) if p in self._voices]
        for each in wanted:
            place = await self._voices[each].direct(unit, user, lives.get(each, ""))
            if place is not None:
                return [await self._known(unit, place, key, card)]
        return []

    async def where_he_asked(self, unit: Unit, effect: Show, key: str, card: Card) -> list[Shown]:
        place = await unit.places.get(effect.place)
        if place is None:
            return []
        if place.kind != "direct":
            return await self.to_person(
                unit, effect.to, effect.to, key, card, place.platform, place.workspace
            )
        return [await self._known(unit, place, key, card)]

    async def discussed(self, account: UUID, session_id: UUID) -> str:
        """A link for the escalation card: to where the work goes on, if those who read the card can go there."""
        async with self._store.transaction(account) as unit:
            view = await view_of(unit, session_id, whole=True)
            own = await threads(unit, session_id)
            fresh = (
                await unit.places.begun_fresh(session_id)
                if view and view.session.status is Status.ESCALATED
                else None
            )
        places = [
            p
            for p in (own if fresh is None else fresh)
            if p.kind == "thread" and p.platform in self._voices and p.platform != "console"
        ]
        if view is None or not places:
            return ""
        if fresh is not None or picked_up(view):
            places = places[-1:]
        for place in places:
            unlinked = not place.link or place.thread.startswith(UNOPENED)
            if not unlinked and await self._voices[place.platform].opens(account, place):
                return place.link
        return ""

    async def makes_reachable(self, account: UUID, view: SessionView, *, briefing: bool) -> bool:
        """Whoever takes a Session over gets a Place he sees. True where one was added or moved."""
        if not (briefing or view.session.parent_id):
            return False
        async with self._store.transaction(account) as unit:
            places = await threads(unit, view.session.id)
        handed_over = briefing or (
            view.session.parent_id and any(p.thread.startswith(UNOPENED) for p in places)
        )
        if not handed_over:
            return False
        changed = False
        for platform, voice in (await self._asked_of(account, view.session, places)).items():
            found = await voice.elsewhere(account, view.session)
            if found is not None:
                changed = True
                await self._add(account, view.session, found, [p for p in places if p.platform == platform])
        return changed

    async def _asked_of(self, account: UUID, session: Session, places: list[Place]) -> dict[str, Voice]:
        """Where its Places are; and where there are none of them, but the owner is and either its request for help
        stands there too or he is nowhere else.
        """
        here = {place.platform: self._voices[place.platform] for place in places}
        async with self._store.transaction(account) as unit:
            known = {platform for platform, _, _ in await unit.accounts.identities_of(session.owner_id)}
            others = {p: v for p, v in self._voices.items() if p in known and p not in here}
            asking = {p: v for p, v in others.items() if await _asks_for_help(unit, v, session)}
        if known & here.keys() or asking:
            return here | asking
        return here | dict(list(others.items())[:1])

    async def _add(self, account: UUID, session: Session, found: Place, places: list[Place]) -> None:
        """A thread that is not open yet moves there; beside an open one, which others follow, stands another."""
        async with self._store.transaction(account) as unit:
            unopened = next((p for p in places if p.thread.startswith(UNOPENED)), None)
            if unopened is not None:
                await unit.places.settle(unopened.id, found.channel, found.thread, found.workspace)
                return
            await unit.places.ensure(
                "thread", found.platform, found.workspace, found.channel, found.thread, session.id
            )

    async def _opened(self, unit: Unit, session: Session) -> Place | None:
        """A place for a Session that has none: on its parent's platform, else wherever its owner is known."""
        parents = await threads(unit, session.parent_id) if session.parent_id else []
        for platform in dict.fromkeys((*(p.platform for p in parents), *self._voices)):
            if (voice := self._voices.get(platform)) is None:
                continue
            place = await voice.thread(unit, session)
            if place is not None:
                return place
        return None

    async def _known(self, unit: Unit, place: Place, key: str, card: Card) -> Shown:
        return _shown(place, key, card, await unit.places.message(place.id, key))


def _shown(place: Place, key: str, card: Card, before: Message | None) -> Shown:
    ref = before.external_ref if before else None
    stands = before.card if before else None
    return Found(place, key, card, ref, ref is not None and stands == to_json(card), stands)


async def _asks_for_help(unit: Unit, voice: Voice, session: Session) -> bool:
    """Whether its escalation card stands in a channel of this platform, where it was sent as a message."""
    place = await voice.channel(unit)
    for asked in (session.id, session.parent_id):
        posted = await unit.places.message(place.id, f"escalation:{asked}") if place and asked else None
        if posted is not None and posted.external_ref:
            return True
    return False


async def threads(unit: Unit, session_id: UUID) -> list[Place]:
    return [p for p in await unit.places.of_session(session_id) if p.kind == "thread"]
