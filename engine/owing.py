"""Gathers what a write-up needs beside the Session: open intervals, earlier posts, work elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from engine.ports import UnitPort
from engine.session import Interval, Session
from engine.time_entries import day_totals


@dataclass(frozen=True, slots=True)
class Owing:
    """`unowed`: the engineer's intervals no entry covers yet; `overlaps`: his work on other Sessions; `already`:
    per local day (worked, billed) on this ticket; `posted_texts`: what stands there or is on its way.
    """

    unowed: tuple[Interval, ...]
    overlaps: tuple[Interval, ...]
    already: Mapping[date, tuple[timedelta, timedelta]]
    posted_texts: tuple[str, ...]


async def gather(
    unit: UnitPort, session: Session, engineer: UUID, intervals: Sequence[Interval] | None = None
) -> Owing:
    """`intervals`: the Session's as they will be, for a form shown while the clock runs."""
    spans = session.intervals if intervals is None else intervals
    open_starts = await unit.posts.unbound_intervals(session.id, engineer)
    stored = {i.start for i in session.intervals}
    unowed = tuple(
        i for i in spans if i.engineer == engineer and (i.start in open_starts or i.start not in stored)
    )
    since = min((i.start for i in unowed), default=session.created_at)
    if session.ticket_id is None:
        before = await unit.posts.of_session(session.id)
    else:
        before = await unit.posts.on_ticket(session.ticket_id)
    return Owing(
        unowed,
        await unit.posts.elsewhere(session.id, engineer, since),
        day_totals((p.content for p in before if p.kind == "time"), engineer),
        tuple(str(p.content[k]) for p in before for k in ("text", "notes") if p.content.get(k)),
    )
