"""Draws the forms of a Session, filled in with everything that is known beforehand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
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
from storage.store import Store


class Forms:
    def __init__(self, store: Store, doors: Doors) -> None:
        self._store = store
        self._doors = doors

    async def draw(self, name: str, account: UUID, session_id: UUID, reader: UUID) -> Card | None:
        """The form `name` for one person, or why it is shut for him by now; None where the Session is gone."""
        async with self._store.transaction(account) as unit:
            view = await view_of(unit, session_id, whole=True)
            if view is None:
                return None
            by = await unit.accounts.user(reader)
            if by is not None and (why := shut(name, view.session, by.person, view.now)):
                return cards.notice(why, view)
            stopped = timekeeping.stop(view.session, view.now)
            owing = await gather(unit, view.session, view.session.owner_id, stopped.intervals)
            occasion = _OCCASIONS.get(name) or (name.split(":")[3] if name.startswith("part:") else "")
            kept = await text_drafts.kept(unit, reader, session_id, occasion) if occasion else Kept()
            teams = await unit.accounts.teams()
            people = {u.id: u.person for u in await unit.accounts.users()}
        match name.partition(":")[0]:
            case "resolve":
                return await self._resolve(view, account, owing, kept)
            case "escalate":
                asks = people.get(reader)
                return await self._escalate(view, account, owing, kept, teams, people, asks)
            case "part":
                return await _part(view, kept, *name.split(":")[1:])
            case "link":
                return cards.link_form(view, await self._open_tickets(view, account, reader))
            case "already_tried":
                step = view.session.current
                table = step is not None and step.outcome is None
                return cards.already_tried_form(view, step) if step and table else cards.status(view)
            case "decline":
                return cards.decline_form(view, people.get(reader))
            case "rate":
                # After the end everybody is asked once; who rated in the form already is not asked again.
                rated = view.session.rating is not None and name == "rate"
                return None if rated else cards.rate_form(view)
            case _:
                drawn = _SHORT.get(name)
                return drawn(view) if drawn else None

    async def _resolve(self, view: SessionView, account: UUID, owing: Owing, kept: Kept) -> Card:
        forecast = await self._forecast(view, account, owing, "resolution", kept)
        composed = await asyncio.to_thread(text_drafts.composed, view.history, "resolution", kept.secrets)
        draft, under_way = _under_way(composed, kept)
        return cards.resolve_form(view, draft, forecast, under_way)

    async def _escalate(
        self,
        view: SessionView,
        account: UUID,
        owing: Owing,
        kept: Kept,
        teams: Mapping[UUID, str],
        people: Mapping[UUID, Person],
        by: Person | None,
    ) -> Card:
        forecast = await self._forecast(view, account, owing, "escalation", kept)
        composed = await asyncio.to_thread(text_drafts.composed, view.history, "escalation", kept.secrets)
        draft, under_way = _under_way(composed, kept)
        return cards.escalate_form(
            view,
            forecast,
            teams=tuple(teams.items()),
            people=tuple(people.values()),
            by=by,
            draft=draft,
            under_way=under_way,
        )

    async def _forecast(
        self, view: SessionView, account: UUID, owing: Owing, occasion: str, kept: Kept
    ) -> tuple[posts.ForecastLine, ...]:
        """What submitting would post, to whom, and what would wait and why."""
        session = view.session
        door = await self._doors.open(account, session.connection_id)
        return posts.forecast(
            view.history,
            occasion,
            session.owner_id,
            door.settings,
            view.ticket,
            connected=door.psa is not None,
            members=door.members,
            statuses=await _statuses(door, view),
            zone=door.zone,
            reviewed=None,
            unowed=owing.unowed,
            overlaps=owing.overlaps,
            already=owing.already,
            posted_texts=owing.posted_texts,
            secrets=kept.secrets,
        )

    async def _open_tickets(self, view: SessionView, account: UUID, reader: UUID) -> tuple[TicketHit, ...]:
        if not view.psa_connected:
            return ()
        return (await open_tickets(self._doors, account, reader)).hits


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


async def _statuses(door: PsaView, view: SessionView) -> tuple[BoardStatus, ...]:
    wanted = {**door.settings.resolved_status, **door.settings.escalated_status}
    board = view.ticket.board if view.ticket else None
    if door.psa is None or board is None or board.id not in wanted:
        return ()
    try:
        return await door.psa.statuses(board.id)
    except PsaFailure:
        return ()


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
