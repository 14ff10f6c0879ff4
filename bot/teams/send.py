"""Shows cards in Teams: posts and edits messages, opens threads and personal chats, and says where nothing can be shown."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import quote, urlencode
from uuid import UUID

from bot.card import Card, Text
from bot.teams import addresses, cards, reach, refusals
from bot.teams.port import Away, Connector, Reference, Refused
from bot.teams.ways import NotThere, Ways
from bot.voices import UNOPENED, PlaceClosed, Posted, VoiceAway
from bot.words import say
from engine.session import Session
from storage.places import Place
from storage.store import Store, Unit

log = logging.getLogger("flowpilot.teams")

GONE_SECONDS = (3.0, 30.0)
"""How often to look whether a tenant that is gone is connected again: at first, and after some minutes."""
LINK = "https://teams.microsoft.com/l/message"
Activity = Mapping[str, Any]
T = TypeVar("T")


class TeamsVoice:
    """`store` for Places and how they are reached; everything said goes through the connector.

    A bot cannot read in Teams what stands in a conversation. So a message whose end nobody saw is posted again where
    its id is not known, and the first copy may stand there too: nobody edits it any more, but its buttons carry
    Session and Step, so pressing them does the same or is refused as answered. One whose id is known is only edited.
    """

    inline_forms = True

    def __init__(self, store: Store, connector: Connector) -> None:
        self._store = store
        self._connector = connector
        self._ways = Ways(store, connector)
        self._gone_since: dict[str, float] = {}

    # ── Places ────────────────────────────────────────────────────────────────────────────────────────────────

    async def direct(self, unit: Unit, user: UUID, prefer: str = "") -> Place | None:
        known = [
            (tenant, person)
            for platform, tenant, person in await unit.accounts.identities_of(user)
            if platform == addresses.PLATFORM
        ]
        if not known:
            return None
        tenant, person = next((each for each in known if each[0] == prefer), known[0])
        return await unit.places.ensure("direct", addresses.PLATFORM, tenant, addresses.direct(person))

    async def thread(self, unit: Unit, session: Session) -> Place | None:
        """Beside its parent, where it has one in Teams; else in its owner's personal chat."""
        beside = ""
        if session.parent_id is not None:
            for parent in await _threads(unit, session.parent_id):
                beside = beside or parent.workspace
                if not addresses.person_of(parent.channel):
                    return await _unopened(unit, session, parent)
        own = await self.direct(unit, session.owner_id, beside)
        return await _unopened(unit, session, own) if own is not None else None

    async def channel(self, unit: Unit) -> Place | None:
        tenant, channel = await reach.escalation_channel(unit)
        if not tenant:
            return None
        place = await unit.places.ensure("escalations", addresses.PLATFORM, tenant, channel)
        return place if place.kind == "escalations" else None

    # ── Messages ──────────────────────────────────────────────────────────────────────────────────────────────

    async def show(
        self, place: Place, key: str, card: Card, ref: str | None, *, again: bool
    ) -> Posted | None:
        """Raises VoiceAway, and PlaceClosed where nothing can be said there any more. `again`: see above."""
        try:
            at = await self._way(place)
            drawn = await self._drawn(at, place, card)
            posted = await self._shown(at, place, drawn, ref)
        except NotThere as nowhere:
            raise self._not_there(place.workspace, nowhere.log_safe) from nowhere
        except Away as away:
            raise VoiceAway(away.retry_after, away.log_safe, sure=not away.unsure) from away
        except Refused as refused:
            self._closed(place, refused)
            return None
        self._gone_since.pop(place.workspace, None)
        return posted

    async def _way(self, place: Place) -> Reference:
        try:
            return await self._ways.to(place)
        except Away as away:  # whether or not the chat was opened, nothing was said in it
            raise VoiceAway(away.retry_after, away.log_safe, sure=True) from away

    async def _drawn(self, at: Reference, place: Place, card: Card) -> tuple[Activity, ...]:
        """The card; and for a conversation that does not take it so, in short and as plain text."""
        names: dict[str, str] = {}
        called = tuple(each for each in card.calls if each[:2] == (addresses.PLATFORM, place.workspace))
        card = replace(card, calls=called)
        if called or card.form is not None:
            async with self._ways.within(place.workspace) as unit:
                card = await reach.offered_in(unit, place.workspace, card)
                names = await _names(unit, called)
        unheard = at.kind != "personal" and not at.hears
        note = say("teams.use_box") if unheard and card.kind == "step" and card.box else ""
        short = _short(card)
        return (
            cards.activity(card, note=note, names=names),
            cards.activity(short, note=note),
            {"type": "message", "textFormat": "plain", "text": _plain(short)},
        )

    async def _shown(self, at: Reference, place: Place, drawn: Sequence[Activity], ref: str | None) -> Posted:
        base, known = addresses.from_ref(ref or "")
        if known and base == at.conversation and await self._edit(at, place, drawn, known):
            return _posted(at, place, known)
        return _posted(at, place, await self._post(at, place, drawn))

    async def _edit(self, at: Reference, place: Place, drawn: Sequence[Activity], known: str) -> bool:
        """False where the message is gone: somebody deleted it, so it is posted anew."""
        root = (_root(place) or known) if at.kind == "channel" else ""
        try:
            await _fitting(drawn, lambda each: self._connector.update(at, known, each, root))
        except Refused as refused:
            if refusals.lost(refused):
                return False
            raise
        return True

    async def _post(self, at: Reference, place: Place, drawn: Sequence[Activity]) -> str:
        """In a channel whatever is no reply begins a thread of its own."""
        root = _root(place) if at.kind == "channel" else ""
        if at.kind == "channel" and not root:
            return await _fitting(drawn, lambda each: self._connector.open_thread(at, each))
        return await _fitting(drawn, lambda each: self._connector.post(at, each, root))

    def _closed(self, place: Place, refused: Refused) -> None:
        if refusals.ours(refused):
            raise self._not_there(place.workspace, refused.log_safe) from refused
        why = refusals.closed(refused)
        if why and place.kind == "direct":
            log.info("somebody cannot be written to: %s", refused.log_safe)
            return
        if why:
            raise PlaceClosed(place, why) from refused
        raise refused

    def _not_there(self, tenant: str, why: str) -> VoiceAway:
        first, longest = GONE_SECONDS
        since = self._gone_since.setdefault(tenant, monotonic())
        return VoiceAway(min(max(first, (monotonic() - since) / 4), longest), why, sure=True)

    # ── To one person ─────────────────────────────────────────────────────────────────────────────────────────

    async def answer(self, account: UUID, to: UUID, way: str, card: Card) -> bool:
        """Nothing is seen by one person alone but his personal chat, where it is posted as any other card."""
        return False

    async def home(self, account: UUID, to: UUID, way: str, cards: Sequence[Card]) -> None:
        """There is no such page in Teams."""

    async def elsewhere(self, account: UUID, session: Session) -> Place | None:
        """Under the escalation card, or in his personal chat, where he is in none of the Session's conversations."""
        async with self._store.transaction(account) as unit:
            places = await _threads(unit, session.id)
            card = await self._escalation_card(unit, session)
            near = [p.workspace for p in (*places, *((card,) if card else ()))]
            known = {tenant: await self.direct(unit, session.owner_id, tenant) for tenant in (*near, "")}
        mine = {tenant: own for tenant, own in known.items() if own is not None and own.workspace == tenant}
        fallback = next((mine[tenant] for tenant in near if tenant in mine), known[""])
        if fallback is None:
            return None
        for place in places:
            own = mine.get(place.workspace)
            if own is not None and (place.channel == own.channel or await self._sees(place, own)):
                return None
        if card is not None and card.workspace in mine:
            return card
        return replace(fallback, kind="thread", thread=f"{UNOPENED}{session.id}")

    async def _escalation_card(self, unit: Unit, session: Session) -> Place | None:
        place = await self.channel(unit)
        if place is None:
            return None
        for asked in (session.id, session.parent_id):
            posted = await unit.places.message(place.id, f"escalation:{asked}") if asked else None
            if posted is not None and posted.external_ref:
                base, root = addresses.from_ref(posted.external_ref)
                return replace(place, kind="thread", channel=base, thread=root)
        return None

    async def _sees(self, place: Place, own: Place) -> bool:
        """Whether he is in the roster there: for a standard channel that is his team's."""
        if addresses.person_of(place.channel):
            return False
        found = await self._asked(
            place, lambda at: self._connector.member(at, addresses.person_of(own.channel))
        )
        return found is not None

    async def opens(self, account: UUID, place: Place) -> bool:
        """Only where all who read the escalation channel are in that conversation as well."""
        if addresses.person_of(place.channel):
            return False
        async with self._store.transaction(account) as unit:
            tenant, channel = await reach.escalation_channel(unit)
        if not tenant or (tenant, channel) == (place.workspace, place.channel):
            return True
        if tenant != place.workspace:
            return False
        there = replace(place, channel=channel)
        readers = await self._asked(there, self._connector.members)
        inside = await self._asked(place, self._connector.members) if readers else None
        return inside is not None and _people(readers) <= _people(inside)

    async def _asked(self, place: Place, ask: Callable[[Reference], Awaitable[Any]]) -> Any:
        """None where nobody can say."""
        try:
            return await ask(await self._ways.to(place))
        except NotThere as nowhere:
            raise self._not_there(place.workspace, nowhere.log_safe) from nowhere
        except Away as away:
            raise VoiceAway(away.retry_after, away.log_safe, sure=True) from away
        except Refused as refused:
            if refusals.ours(refused):
                raise self._not_there(place.workspace, refused.log_safe) from refused
            log.info("nobody can say who reads there: %s", refused.log_safe)
        return None


async def _threads(unit: Unit, session: UUID) -> list[Place]:
    found = await unit.places.of_session(session)
    return [p for p in found if p.platform == addresses.PLATFORM and p.kind == "thread"]


async def _unopened(unit: Unit, session: Session, near: Place) -> Place:
    thread = f"{UNOPENED}{session.id}"
    return await unit.places.ensure(
        "thread", addresses.PLATFORM, near.workspace, near.channel, thread, session.id
    )


async def _names(unit: Unit, called: Sequence[tuple[str, str, str]]) -> dict[str, str]:
    """What those who are called are named here, by their ids there."""
    found = {}
    for platform, tenant, person in called:
        known = await unit.identity(platform, tenant, person)
        user = await unit.accounts.user(known[1]) if known else None
        if user is not None:
            found[person] = user.name
    return found


def _root(place: Place) -> str:
    """The root of the thread a card goes into, "" where it begins one."""
    opened = place.kind == "thread" and not place.thread.startswith(UNOPENED)
    return place.thread if opened else ""


def _posted(at: Reference, place: Place, activity: str) -> Posted:
    """A thread that was not open has its address now; one in a channel gets its link with the first message."""
    ref = addresses.ref(at.conversation, activity)
    if place.kind != "thread" or (_root(place) and (place.link or at.kind != "channel")):
        return Posted(ref)
    opened = replace(place, thread=_root(place) or activity)
    return Posted(ref, opened, _link(at, opened.thread) if at.kind == "channel" else "")


def _link(at: Reference, root: str) -> str:
    given = {"tenantId": at.tenant, "groupId": _group(at), "parentMessageId": root}
    asked = urlencode({name: value for name, value in given.items() if value})
    return f"{LINK}/{quote(at.conversation, safe='')}/{quote(root, safe='')}?{asked}"


def _group(at: Reference) -> str:
    """The team's id in the directory, where it is known; its conversation's id is not that."""
    return at.team if at.team and ":" not in at.team else ""


def _people(members: Sequence[Any]) -> set[str]:
    return {each.person for each in members if each.full and each.person}


def _short(card: Card) -> Card:
    """The start of its words and its buttons, which open their forms when they are pressed."""
    told = [Text(block.text[:1_500], block.tone) for block in card.blocks if isinstance(block, Text)][:1]
    choices = tuple(replace(choice, form=None) for choice in card.choices)
    too_large = Text(say("teams.too_large"), tone="muted")
    return replace(card, blocks=(*told, too_large), choices=choices, form=None, calls=())


def _plain(card: Card) -> str:
    said = [card.title, *(block.text for block in card.blocks if isinstance(block, Text))]
    return "\n\n".join(each for each in said if each.strip())


async def _fitting(drawn: Sequence[Activity], call: Callable[[Activity], Awaitable[T]]) -> T:
    """What Teams finds too large or malformed is said in short with its buttons, else as text, rather than not at all."""
    for each in drawn[:-1]:
        try:
            return await call(each)
        except Refused as refused:
            if not refusals.too_much(refused):
                raise
            log.warning("a card was refused and is shown shorter: %s", refused.log_safe)
    return await call(drawn[-1])
