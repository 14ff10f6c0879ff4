"""Draws the forms of a Session, filled in with everything that is known beforehand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

from bot import cards, text_drafts
from bot.card import Card
from bot.cards_texts import UnderWay
from bot.open_tickets import open_tickets
from bot.opening import shut
from bot.psa_door import Doors
from bot.text_drafts import Kept
from bot.text_verbs import mark
from bot.viewing import view_of
from bot.views import SessionView
from engine import posts, timekeeping
from engine.documentation import Documentation
from engine.owing import Owing, gather
from engine.ports import PsaView
from engine.psa import BoardStatus, PsaFailure, TicketHit
from engine.session import Person
from storage.store import Store, Unit

T = TypeVar("T")
Wanted = tuple[str, UUID | None]
"""A form and who is going to read it; None is nobody in particular."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What one transaction finds out for all the forms that are wanted of a Session."""

    view: SessionView
    owing: Owing
    teams: Mapping[UUID, str]
    people: Mapping[UUID, Person]
    shut: Mapping[Wanted, str]
    kept: Mapping[Wanted, Kept]


class NotKnown(Exception):
    """The PSA did not say in time what a form inside a card needs."""


class Recent:
    """What the PSA said within a minute, or that it said nothing: the forms inside a card are drawn with every Step."""

    SECONDS = 60.0
    PATIENCE = 2.0
    MOST = 500

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._said: dict[object, tuple[float, Any]] = {}

    async def get(self, key: object, ask: Callable[[], Awaitable[tuple[T, ...]]]) -> tuple[T, ...]:
        """Raises NotKnown."""
        at, answer = self._said.get(key, (0.0, None))
        if key not in self._said or self._clock() - at >= self.SECONDS:
            try:
                async with asyncio.timeout(self.PATIENCE):
                    answer = await ask()
            except (PsaFailure, TimeoutError):
                answer = None
            if len(self._said) >= self.MOST:
                self._said.clear()
            self._said[key] = (self._clock(), answer)
        if answer is None:
            raise NotKnown
        found: tuple[T, ...] = answer
        return found


class Forms:
    def __init__(self, store: Store, doors: Doors) -> None:
        self._store = store
        self._doors = doors
        self._recent = Recent()

    async def draw(self, name: str, account: UUID, session_id: UUID, reader: UUID) -> Card | None:
        """The form `name` for one person, or why it is shut for him by now; None where the Session is gone."""
        read = await self._read(account, session_id, ((name, reader),))
        return await Drawing(self._doors, account, read).draw(name, reader) if read is not None else None

    async def drawing(self, account: UUID, session_id: UUID, wanted: Collection[Wanted]) -> Drawing | None:
        """Several forms of one Session from one reading; None where it is gone. What the PSA said a moment ago counts."""
        read = await self._read(account, session_id, wanted)
        return Drawing(self._doors, account, read, self._recent) if read is not None else None

    async def _read(self, account: UUID, session_id: UUID, wanted: Collection[Wanted]) -> _Read | None:
        async with self._store.transaction(account) as unit:
            view = await view_of(unit, session_id, whole=True)
            if view is None:
                return None
            shut = await _shut(unit, view, wanted)
            stopped = timekeeping.stop(view.session, view.now)
            owing = await gather(unit, view.session, view.session.owner_id, stopped.intervals)
            return _Read(
                view,
                owing,
                await unit.accounts.teams(),
                {u.id: u.person for u in await unit.accounts.users()},
                shut,
                {each: await _kept(unit, session_id, *each) for each in wanted if each not in shut},
            )


class Drawing:
    """Draws forms of one Session. Its PSA is opened once, and only for a form that needs it."""

    def __init__(self, doors: Doors, account: UUID, read: _Read, recent: Recent | None = None) -> None:
        self._doors = doors
        self._account = account
        self._read = read
        self._recent = recent
        self._opened: PsaView | None = None

    async def draw(self, name: str, reader: UUID | None) -> Card | None:
        """One of the forms this was read for, or why it is shut for that reader. Raises NotKnown inside a card."""
        view, people = self._read.view, self._read.people
        if why := self._read.shut.get((name, reader)):
            return cards.notice(why, view)
        kept = self._read.kept[name, reader]
        by = people.get(reader) if reader is not None else None
        match name.partition(":")[0]:
            case "resolve":
                return await self._resolve(view, kept)
            case "escalate":
                return await self._escalate(view, kept, by)
            case "part":
                return await _part(view, kept, *name.split(":")[1:])
            case "link":
                return cards.link_form(view, await self._open_tickets(view, reader))
            case "already_tried":
                step = view.session.current
                table = step is not None and step.outcome is None
                return cards.already_tried_form(view, step) if step and table else cards.status(view)
            case "decline":
                return cards.decline_form(view, by)
            case "rate":
                # After the end everybody is asked once; who rated in the form already is not asked again.
                rated = view.session.rating is not None and name == "rate"
                return None if rated else cards.rate_form(view)
            case _:
                drawn = _SHORT.get(name)
                return drawn(view) if drawn else None

    async def _resolve(self, view: SessionView, kept: Kept) -> Card:
        forecast = await self._forecast(view, "resolution", kept)
        composed = await asyncio.to_thread(text_drafts.composed, view.history, "resolution", kept.secrets)
        draft, under_way = _under_way(composed, kept)
        return cards.resolve_form(view, draft, forecast, under_way)

    async def _escalate(self, view: SessionView, kept: Kept, by: Person | None) -> Card:
        forecast = await self._forecast(view, "escalation", kept)
        composed = await asyncio.to_thread(text_drafts.composed, view.history, "escalation", kept.secrets)
        draft, under_way = _under_way(composed, kept)
        return cards.escalate_form(
            view,
            forecast,
            teams=tuple(self._read.teams.items()),
            people=tuple(self._read.people.values()),
            by=by,
            draft=draft,
            under_way=under_way,
        )

    async def _forecast(self, view: SessionView, occasion: str, kept: Kept) -> tuple[posts.ForecastLine, ...]:
        """What submitting would post, to whom, and what would wait and why."""
        session, owing = view.session, self._read.owing
        door = await self._door(session.connection_id)
        return posts.forecast(
            view.history,
            occasion,
            session.owner_id,
            door.settings,
            view.ticket,
            connected=door.psa is not None,
            members=door.members,
            statuses=await self._statuses(door, view),
            zone=door.zone,
            reviewed=None,
            unowed=owing.unowed,
            overlaps=owing.overlaps,
            already=owing.already,
            posted_texts=owing.posted_texts,
            secrets=kept.secrets,
        )

    # ── What the PSA says ─────────────────────────────────────────────────────────────────────────────────────

    async def _door(self, connection_id: UUID | None) -> PsaView:
        if self._opened is None:
            self._opened = await self._doors.open(self._account, connection_id)
        return self._opened

    async def _statuses(self, door: PsaView, view: SessionView) -> tuple[BoardStatus, ...]:
        wanted = {**door.settings.resolved_status, **door.settings.escalated_status}
        board = view.ticket.board if view.ticket else None
        if door.psa is None or board is None or board.id not in wanted:
            return ()
        psa, board_id = door.psa, board.id
        if self._recent is not None:
            key = ("statuses", door.connection_id, board_id)
            return await self._recent.get(key, lambda: psa.statuses(board_id))
        try:
            return await psa.statuses(board_id)
        except PsaFailure:
            return ()

    async def _open_tickets(self, view: SessionView, reader: UUID | None) -> tuple[TicketHit, ...]:
        if not view.psa_connected or reader is None:
            return ()
        if self._recent is None:
            return (await open_tickets(self._doors, self._account, reader)).hits
        return await self._recent.get(("tickets", self._account, reader), lambda: self._hits(reader))

    async def _hits(self, reader: UUID) -> tuple[TicketHit, ...]:
        """None where the PSA is away: the form has a search beside them and takes a number."""
        seconds = Recent.PATIENCE / 2
        return (await open_tickets(self._doors, self._account, reader, seconds=seconds)).hits


async def _shut(unit: Unit, view: SessionView, wanted: Collection[Wanted]) -> dict[Wanted, str]:
    """Which of them are shut for their reader, and why. For nobody in particular nothing is."""
    found = {reader: await unit.accounts.user(reader) for reader in {r for _, r in wanted} if reader}
    why = {
        (name, reader): shut(name, view.session, by.person, view.now)
        for name, reader in wanted
        if reader is not None and (by := found[reader]) is not None
    }
    return {each: key for each, key in why.items() if key}


async def _kept(unit: Unit, session_id: UUID, name: str, reader: UUID | None) -> Kept:
    occasion = _OCCASIONS.get(name) or (name.split(":")[3] if name.startswith("part:") else "")
    if not occasion or reader is None:
        return Kept()
    return await text_drafts.kept(unit, reader, session_id, occasion)


def _under_way(composed: Documentation, kept: Kept) -> tuple[Documentation, UnderWay]:
    """The texts with his edits in them, and what became of edits that do not fit the record any more."""
    valid = kept.valid(composed)
    changed = (*kept.stale(composed), *kept.told())
    return replace(composed, **valid), UnderWay(tuple(valid), changed, kept.fields)


async def _part(
    view: SessionView, kept: Kept, text: str, number: str, occasion: str, changed: str = ""
) -> Card | None:
    """One part of a text, with his edits so far; the first one where the wanted one is not there any more."""
    if text not in text_drafts.TEXTS[occasion]:
        return None
    composed = await asyncio.to_thread(text_drafts.composed, view.history, occasion, kept.secrets)
    parts = kept.parts(text, composed)
    at = int(number) if 1 <= int(number) <= len(parts) else 1
    fresh = text in (*kept.stale(composed), *kept.told())
    typed = kept.texts[text].typed if changed and text in kept.texts else ""
    return cards.part_form(
        view, text, parts, at, occasion, mark(parts[at - 1]), changed=bool(changed) or fresh, typed=typed
    )


_OCCASIONS = {"resolve": "resolution", "escalate": "escalation"}
_SHORT: dict[str, Callable[[SessionView], Card]] = {
    "pick_up": cards.pick_up_form,
    "advise": cards.advise_form,
    "postpone": cards.postpone_form,
    "pause": cards.pause_form,
    "take_over": cards.take_over_form,
    "abandon": cards.abandon_form,
    "note": cards.note_form,
}
