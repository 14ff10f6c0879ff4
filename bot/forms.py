"""Draws the forms of a Session, filled in with everything that is known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from bot import cards
from bot.card import Card
from bot.psa_door import Doors
from bot.viewing import view_of
from bot.views import SessionView
from engine import posts, timekeeping
from engine.documentation import Documentation, request_draft
from engine.owing import Owing, gather
from engine.ports import PsaView
from engine.psa import BoardStatus, PsaFailure, TicketHit
from storage.store import Store


class Forms:
    def __init__(self, store: Store, doors: Doors) -> None:
        self._store = store
        self._doors = doors

    async def draw(self, name: str, account: UUID, session_id: UUID, reader: UUID) -> Card | None:
        """The form `name` for one person; None where the Session is gone."""
        async with self._store.transaction(account) as unit:
            view = await view_of(unit, session_id, whole=True)
            if view is None:
                return None
            stopped = timekeeping.stop(view.session, view.now)
            owing = await gather(unit, view.session, view.session.owner_id, stopped.intervals)
            teams = await unit.accounts.teams()
            people = {u.id: u.person for u in await unit.accounts.users()}
        match name:
            case "resolve":
                return await self._resolve(view, account, owing)
            case "escalate":
                forecast = await self._forecast(view, account, owing, "escalation")
                by = people.get(reader)
                return cards.escalate_form(
                    view,
                    forecast,
                    teams=tuple(teams.items()),
                    people=tuple(people.values()),
                    by=by,
                    draft=request_draft(view.history, view.ticket),
                )
            case "link":
                return cards.link_form(view, await self._open_tickets(account, reader))
            case "already_tried":
                step = view.session.current
                return cards.already_tried_form(view, step) if step and step.outcome is None else None
            case "decline":
                return cards.decline_form(view, people.get(reader))
            case _:
                drawn = _SHORT.get(name)
                return drawn(view) if drawn else None

    async def _resolve(self, view: SessionView, account: UUID, owing: Owing) -> Card:
        forecast = await self._forecast(view, account, owing, "resolution")
        return cards.resolve_form(view, self._documentation(view), forecast)

    def _documentation(self, view: SessionView) -> Documentation:
        return posts.documentation_for(view.history, view.ticket, "resolution", None)

    async def _forecast(
        self, view: SessionView, account: UUID, owing: Owing, occasion: str
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
        )

    async def _open_tickets(self, account: UUID, reader: UUID) -> tuple[TicketHit, ...]:
        """The person's open tickets by SLA; none where the PSA is away or he has no Member."""
        door = await self._doors.open(account, None)
        member = door.members.get(reader)
        if door.psa is None or member is None:
            return ()
        try:
            return await door.psa.my_open(member[0])
        except PsaFailure:
            return ()


async def _statuses(door: PsaView, view: SessionView) -> tuple[BoardStatus, ...]:
    wanted = {**door.settings.resolved_status, **door.settings.escalated_status}
    board = view.ticket.board if view.ticket else None
    if door.psa is None or board is None or board.id not in wanted:
        return ()
    try:
        return await door.psa.statuses(board.id)
    except PsaFailure:
        return ()


_SHORT: dict[str, Callable[[SessionView], Card]] = {
    "pick_up": cards.pick_up_form,
    "advise": cards.advise_form,
    "postpone": cards.postpone_form,
    "pause": cards.pause_form,
    "take_over": cards.take_over_form,
    "abandon": cards.abandon_form,
    "rate": cards.rate_form,
    "note": cards.note_form,
}
