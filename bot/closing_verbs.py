"""The verbs that end a Session and settle its documentation and time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.inbound import Inbound, number
from bot.psa_door import zone_of
from bot.when import TimeUnclear, read_time
from engine import events
from engine.documentation import compose, edited
from engine.effects import ShowForm, Tell
from engine.ports import Act
from engine.psa import ticket_from_json
from engine.session import Session

_YES = ("yes", "true", "1", "on")
_TEXTS = ("summary", "fix", "verification", "technical", "customer")


def _ticked(asked: Inbound, name: str) -> bool:
    return asked.fields.get(name, "").strip().casefold() in _YES


async def _resolve(asked: Inbound, session: Session) -> Sequence[Act]:
    """The form is the review: what is submitted is what is posted."""
    given = asked.fields
    if not given.get("summary", "").strip() and not given.get("fix", "").strip():
        return (Act(session.id, effects=(ShowForm(to=asked.person.id, form="resolve"),)),)
    decided = await time_decisions(asked, session)
    if isinstance(decided, str):
        return (Act(session.id, effects=(Tell(to=asked.person.id, what=decided),)),)
    resolved = events.Resolved(
        asked.person,
        given.get("summary", "").strip(),
        given.get("fix", "").strip(),
        await _documented(asked, session),
    )
    return (*decided, Act(session.id, resolved))


async def _documented(asked: Inbound, session: Session) -> dict[str, Any]:
    """The texts as he left them: what he changed stands, and the texts he did not touch follow his changes."""
    history = await asked.unit.sessions.history(session.id)
    if history is None:
        return reviewed(asked)
    ticket = ticket_from_json(session.ticket) if session.ticket else None
    drawn = await asyncio.to_thread(compose, history, ticket, "resolution")
    return {**reviewed(asked), **edited(drawn, asked.fields).to_json()}


def reviewed(asked: Inbound) -> dict[str, Any]:
    """The submitted form as the documentation keeps it: edited texts, ticks, and minutes per time entry."""
    given = asked.fields
    minutes = {
        name: found
        for name, value in given.items()
        if name.startswith("time:") and (found := number(value, 4)) is not None
    }
    return {
        **{name: given[name] for name in _TEXTS if name in given},
        "status_confirmed": _ticked(asked, "status_confirmed"),
        "long_time_confirmed": _ticked(asked, "long_time_confirmed"),
        "post_time": _ticked(asked, "post_time") if "post_time" in given else True,
        "minutes": minutes,
    }


async def time_decisions(asked: Inbound, session: Session) -> list[Act] | str:
    """Gaps counted or dropped in the form, and an earlier start; a sentence's key where a time is unclear."""
    found = []
    for name, value in asked.fields.items():
        if name.startswith("gap:") and value in ("count", "drop"):
            start = _moment(name.split(":", 2)[-1])
            if start is not None:
                found.append(Act(session.id, events.TimeConfirmed(asked.person, start, value == "count")))
    earlier = asked.fields.get("started_earlier", "").strip()
    if earlier:
        zone = zone_of(await asked.unit.accounts.settings())
        try:
            start = read_time(earlier, session.created_at.replace(hour=0, minute=0), zone)
        except TimeUnclear:
            return "time_unclear"
        found.append(Act(session.id, events.TimeConfirmed(asked.person, start, True, started_earlier=True)))
    return found


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


async def _abandon(asked: Inbound, session: Session) -> Sequence[Act]:
    if "reason" not in asked.fields:
        return (Act(session.id, effects=(ShowForm(to=asked.person.id, form="abandon"),)),)
    return (Act(session.id, events.Abandoned(asked.person, asked.fields["reason"].strip())),)


async def _rate(asked: Inbound, session: Session) -> Sequence[Act]:
    rating = number(asked.fields.get("rating", "") or asked.args.get("rating", ""))
    if rating is None:
        return (Act(session.id, effects=(ShowForm(to=asked.person.id, form="rate"),)),)
    feedback = asked.fields.get("feedback", "").strip()
    return (Act(session.id, events.Rated(asked.person, rating, feedback)),)


async def _retry(asked: Inbound, session: Session) -> Sequence[Act]:
    return (Act(session.id, events.PushRetried(asked.person, closing=bool(asked.args.get("closing")))),)


async def _decide_time(asked: Inbound, session: Session) -> Sequence[Act]:
    start = _moment(asked.args.get("start", ""))
    if start is None:
        return (Act(session.id, effects=(Tell(to=asked.person.id, what="refused.no_such_gap"),)),)
    return (Act(session.id, events.TimeConfirmed(asked.person, start, asked.verb == "count_time")),)


VERBS = {
    "resolve": _resolve,
    "abandon": _abandon,
    "rate": _rate,
    "retry": _retry,
    "count_time": _decide_time,
    "drop_time": _decide_time,
}
