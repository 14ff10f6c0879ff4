"""Timers that went off: whether they still hold, when they may speak, and what they say to whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from bot import cards
from bot.card import Card
from bot.views import SessionView
from engine.business_hours import next_open, parse
from engine.effects import RemindIdle, RemindPaused, RemindUnclaimed, RemindUnposted
from engine.events import Abandoned, Event, Reminded
from engine.ports import OwedRow, PostState
from engine.session import FINAL, Role, Session, Status
from engine.working import IDLE
from storage.accounts import User
from storage.store import Unit

EVENING = time(16, 30)


@dataclass(frozen=True, slots=True)
class Due:
    """What to show: in the thread, in the escalation channel, to people; or not before `later`."""

    thread: tuple[tuple[str, Card], ...] = ()
    channel: tuple[tuple[str, Card], ...] = ()
    people: tuple[tuple[UUID, str, Card], ...] = ()
    events: tuple[Event, ...] = ()
    later: datetime | None = None
    again: Callable[[Unit], Awaitable[None]] | None = None


class Reminders:
    async def decide(self, unit: Unit, row: OwedRow, view: SessionView) -> Due:
        """A timer of an older epoch is void: whatever it was about is over."""
        effect, session = row.effect, view.session
        if getattr(effect, "epoch", session.epoch) != session.epoch:
            return Due()
        match effect:
            case RemindUnclaimed(number=number):
                return await self._unclaimed(unit, row, view, number)
            case RemindPaused():
                return _paused(row, view)
            case RemindIdle(number=number):
                return await self._idle(unit, row, view, number)
            case RemindUnposted():
                return _unposted(row, view)
            case _:
                return Due()

    async def _unclaimed(self, unit: Unit, row: OwedRow, view: SessionView, number: int) -> Due:
        """First in the thread, then the target or the Leads by name, in business hours only."""
        asked = view.session.escalation
        if view.session.status is not Status.REQUESTING_ESCALATION or asked is None:
            return Due()
        if asked.postponed_until is not None and asked.postponed_until > view.now:
            return Due(later=asked.postponed_until)
        hours = parse(str((await unit.accounts.settings()).get("business_hours") or ""))
        opens = next_open(hours, view.now, view.zone)
        if opens > view.now:
            return Due(later=opens)
        reminded = (Reminded("RemindUnclaimed", number, view.session.epoch),)
        key = f"reminder:{row.id}"
        if number == 1:
            return Due(thread=((key, cards.notice("unclaimed", view, "")),), events=reminded)
        people = _asked(await unit.accounts.users(), view.session)
        what = "unclaimed_mention" if people else "unclaimed_no_lead"
        card = cards.notice(what, view, names=[user.name for user in people])
        called = [identity for user in people for identity in await unit.accounts.identities_of(user.id)]
        card = replace(card, calls=tuple(each for each in called if each[0] != "console"))
        told = tuple((user.id, key, card) for user in people)
        return Due(channel=((key, card),), people=told, events=reminded)

    async def _idle(self, unit: Unit, row: OwedRow, view: SessionView, number: int) -> Due:
        session = view.session
        if session.status in FINAL or session.status is Status.REQUESTING_ESCALATION:
            return Due()
        last = last_activity(session)
        ripe = last + IDLE[number - 1]
        if view.now < ripe:
            return Due(again=_from_the_start(session, last)) if number > 1 else Due(later=ripe)
        key, reminded = f"reminder:{row.id}", (Reminded("RemindIdle", number, session.epoch),)
        if number == 1:
            return Due(
                people=((session.owner_id, key, cards.notice("idle_owner", view, "")),), events=reminded
            )
        if number == 2:
            leads = [u for u in await unit.accounts.users() if Role.LEAD in u.roles]
            card = cards.notice("idle_lead", view, "")
            return Due(people=tuple((lead.id, key, card) for lead in leads), events=reminded)
        return Due(events=(Abandoned(None, "idle"),))


def last_activity(session: Session) -> datetime:
    """When somebody last did something, or when a pause was meant to end."""
    moments = [session.created_at, *(i.end for i in session.intervals if i.confirmed is not None)]
    if session.clock is not None:
        moments.append(session.clock.last_activity)
    if session.pause is not None:
        moments += [session.pause.at, session.pause.remind_at or session.pause.at]
    return max(moments)


def _from_the_start(session: Session, last: datetime) -> Callable[[Unit], Awaitable[None]]:
    async def again(unit: Unit) -> None:
        timer = RemindIdle(number=1, epoch=session.epoch, due=last + IDLE[0])
        await unit.outbox.owe(session.id, (timer,))

    return again


def _paused(row: OwedRow, view: SessionView) -> Due:
    if view.session.status is not Status.PAUSED:
        return Due()
    card = cards.notice("paused_reminder", view, "")
    return Due(people=((view.session.owner_id, f"reminder:{row.id}", card),))


def _unposted(row: OwedRow, view: SessionView) -> Due:
    """Once, at 16:30 of the local day on which the Session ended, or of the next where that has passed."""
    evening = _evening_after(row.created_at, view.zone)
    if view.now < evening:
        return Due(later=evening)
    if not view.posts or all(post.state is PostState.POSTED for post in view.posts):
        return Due()
    card = cards.notice("unposted", view, "")
    return Due(people=((view.session.owner_id, f"reminder:{row.id}", card),))


def _evening_after(moment: datetime, zone: ZoneInfo) -> datetime:
    local = moment.astimezone(zone)
    evening = datetime.combine(local.date(), EVENING, zone)
    if evening <= local:
        evening += timedelta(days=1)
    return evening.astimezone(UTC)


def _asked(users: tuple[User, ...], session: Session) -> list[User]:
    """The one who was named, else the members of the Team, else the Leads; never the requester."""
    asked = session.escalation
    if asked is None:
        return []
    if asked.to.user is not None and asked.to.user not in asked.declined_by:
        found = [u for u in users if u.id == asked.to.user]
    elif asked.to.team is not None:
        found = [u for u in users if asked.to.team in u.team_ids]
    else:
        found = [u for u in users if Role.LEAD in u.roles]
    return [u for u in found if u.id != asked.requested_by]
