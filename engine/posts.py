"""What is owed to the PSA when a part of the work ends, what is held and why, and how a part becomes a write."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from engine import time_entries
from engine.customer_text import private_words
from engine.documentation import Documentation, compose, edited, readers, request_texts, typed_texts
from engine.history import History
from engine.note_text import one_line, storable
from engine.post_writes import note_write as note_write
from engine.post_writes import owner_write as owner_write
from engine.post_writes import status_write as status_write
from engine.post_writes import time_write as time_write
from engine.psa import BoardStatus, Ticket, Visibility
from engine.psa_settings import PsaSettings
from engine.redact import mask_secrets
from engine.remarks import remarks
from engine.session import Interval, Json, Status
from engine.time_entries import DayTotals, Entry, plain, rounding_line
from engine.timekeeping import LONGEST_UNCONFIRMED, overlaps
from engine.typed import secrets_of

WITH_A_FORM = frozenset({"escalation", "resolution"})
NOTE_OCCASIONS = frozenset({"escalation", "resolution", "escalated", "abandoned"})
TIME_OCCASIONS = NOTE_OCCASIONS | {"handover", "time"}


@dataclass(frozen=True, slots=True)
class PostDraft:
    """One part owed. `key` is unique within the Session, `content` is JSON and all that the write needs.

    `held_because` is the key of a sentence: no_ticket, no_connection, unmapped, auto_push_off, over_4h,
    time_draft, review, closing_unconfirmed, time_first, owner_unmapped.
    """

    key: str
    kind: str
    occasion: str
    engineer: UUID | None
    content: Json
    held_because: str | None = None


@dataclass(frozen=True, slots=True)
class ForecastLine:
    """One part as the form shows it before it is posted. `held_because` "gap" is time nobody decided about."""

    key: str
    kind: str
    text: str
    readers: str
    held_because: str | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Case:
    history: History
    occasion: str
    engineer: UUID
    settings: PsaSettings
    ticket: Ticket | None
    connected: bool
    members: Mapping[UUID, tuple[int, str]]
    statuses: Sequence[BoardStatus]
    zone: ZoneInfo
    reviewed: Mapping[str, Any] | None
    unowed: Sequence[Interval]
    others: Sequence[Interval] = ()
    already: DayTotals = field(default_factory=dict)
    posted_texts: Collection[str] = ()
    link: str = ""
    secrets: Sequence[str] = ()

    @property
    def ticket_id(self) -> int | None:
        return self.history.session.ticket_id or (self.ticket.id if self.ticket else None)

    @property
    def member_id(self) -> int | None:
        member = self.members.get(self.engineer)
        return member[0] if member else None

    def confirmed(self, what: str) -> bool:
        return self.reviewed is not None and self.reviewed.get(what) is True


def owed(
    history: History,
    occasion: str,
    engineer: UUID,
    settings: PsaSettings,
    ticket: Ticket | None,
    connected: bool,
    members: Mapping[UUID, tuple[int, str]],
    statuses: Sequence[BoardStatus],
    zone: ZoneInfo,
    reviewed: Mapping[str, Any] | None,
    unowed: Sequence[Interval],
    overlaps: Sequence[Interval] = (),
    already: DayTotals | None = None,
    posted_texts: Collection[str] = (),
    link: str = "",
    secrets: Sequence[str] = (),
) -> tuple[PostDraft, ...]:
    """The parts owed, in the order note, customer note, time, owner, status.

    `occasion` is one of WriteUp's, `time`, or `owner` (asked for by a click, so held only where it cannot be
    done). `reviewed` is not None when a person saw and submitted the form: Documentation fields he edited,
    `status_confirmed` and `long_time_confirmed` (ticks, True), `post_time` (False: not now), `minutes` (entry
    key → whole minutes). `unowed` are the engineer's intervals no entry covers yet, `overlaps` his intervals in
    other Sessions, `already` and `posted_texts` what stands on the ticket from before, `link` the thread,
    `secrets` the values that are masked in this Session. Asked again with the same facts it gives the same keys, so
    parts that were held can be looked at anew.
    """
    exact = secrets_of(history, ticket, secrets)
    case = _Case(
        history, occasion, engineer, settings, ticket, connected, members, statuses, zone, reviewed, unowed,
        overlaps, already or {}, posted_texts, link, exact,
    )  # fmt: skip
    if occasion == "owner":
        return _owner(case)
    doc = documentation_for(history, ticket, occasion, reviewed, exact)
    notes = _notes(case, doc)
    taken = {plain(t) for t in posted_texts} | {plain(str(n.content["text"])) for n in notes}
    times = _times(case, doc.customer, taken)
    return (*notes, *times, *_status(case, times))


def documentation_for(
    history: History,
    ticket: Ticket | None,
    occasion: str,
    reviewed: Mapping[str, Any] | None = None,
    secrets: Sequence[str] = (),
) -> Documentation:
    """What is posted: composed from the record, then as the engineer stored it, then as he submits it now."""
    if occasion == "escalation":
        return request_texts(history, ticket, reviewed, secrets)
    doc = compose(history, ticket, occasion, secrets)
    if occasion == "resolution" and history.session.documentation is not None:
        doc = edited(doc, history.session.documentation)
    return edited(doc, reviewed or {})


# ── Why a part waits ────────────────────────────────────────────────────────────────────────────────────────


def _unreachable(case: _Case) -> str | None:
    if case.ticket_id is None:
        return "no_ticket"
    return None if case.connected else "no_connection"


def _pushes(case: _Case) -> bool:
    """`on_resolve` pushes when a Session ends with its work done or given up, not when it changes hands."""
    if case.settings.auto_push == "on_resolve":
        ended = case.history.session.status in (Status.RESOLVED, Status.ABANDONED)
        return case.occasion in ("resolution", "abandoned") or (case.occasion == "time" and ended)
    return case.settings.auto_push == "on_resolve_and_escalate"


def _held(case: _Case) -> str | None:
    if reason := _unreachable(case):
        return reason
    if not _pushes(case):
        return "auto_push_off"
    # Where there is no form there is nothing to review: those notes are always Internal.
    unseen = case.reviewed is None and case.occasion in WITH_A_FORM
    return "review" if case.settings.review_before_push and unseen else None


def _time_held(case: _Case, entry: Entry) -> str | None:
    if reason := _unreachable(case):
        return reason
    if case.member_id is None:
        return "unmapped"
    if not _pushes(case):
        return "auto_push_off"
    if max(entry.billed, entry.stretch.worked) > LONGEST_UNCONFIRMED and not case.confirmed(
        "long_time_confirmed"
    ):
        return "over_4h"
    if case.reviewed is not None:
        return "time_draft" if case.reviewed.get("post_time") is False else None
    if case.settings.time_entries == "draft":
        return "time_draft"
    return "review" if case.settings.review_before_push and case.occasion in WITH_A_FORM else None


# ── The parts ───────────────────────────────────────────────────────────────────────────────────────────────


def _prefix(case: _Case) -> str:
    """A Session may be escalated several times, so each request has its own key."""
    escalation = case.history.session.escalation
    if case.occasion == "escalation" and escalation is not None:
        return f"escalation:{escalation.requested_at.astimezone(UTC):%Y%m%dT%H%M%S}"
    return case.occasion


def _about(case: _Case) -> dict[str, object]:
    record_type = case.ticket.record_type if case.ticket else "ServiceTicket"
    return {"ticket_id": case.ticket_id, "record_type": record_type}


def _notes(case: _Case, doc: Documentation) -> tuple[PostDraft, ...]:
    """The internal note, and the customer's own where the account shows notes to customers."""
    if case.occasion not in NOTE_OCCASIONS:
        return ()
    found = [_note(case, "note", doc.technical, "internal")]
    if case.occasion == "resolution" and case.settings.note_visibility != "internal" and doc.customer:
        found.append(_note(case, "customer_note", doc.customer, case.settings.note_visibility))
    taken = {"", *(plain(t) for t in case.posted_texts)}
    return tuple(d for d in found if plain(str(d.content["text"])) not in taken)


def _note(case: _Case, kind: str, text: str, visibility: Visibility) -> PostDraft:
    """Without a member of his own the technician is named in the text."""
    name = "" if case.member_id is not None else one_line(case.history.name(case.engineer), 80)
    content = _about(case) | {
        "text": mask_secrets(storable(text), case.secrets), "visibility": visibility, "member_id": case.member_id, "technician": name,
    }  # fmt: skip
    if visibility == "internal" and case.link:
        content["link"] = case.link
    return PostDraft(f"{_prefix(case)}:{kind}", kind, case.occasion, case.engineer, content, _held(case))


def _entries(case: _Case) -> tuple[Entry, ...]:
    chosen = (case.reviewed or {}).get("minutes")
    minutes = {
        str(key): value
        for key, value in (chosen.items() if isinstance(chosen, Mapping) else ())
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 24 * 60
    }
    unit = case.settings.time_rounding_minutes
    return time_entries.entries(case.unowed, case.engineer, case.zone, unit, case.already, minutes)


def _times(case: _Case, customer: str, taken: set[str]) -> tuple[PostDraft, ...]:
    if case.settings.time_entries == "off" or case.occasion not in TIME_OCCASIONS:
        return ()
    found: list[PostDraft] = []
    for entry in _entries(case):
        notes = mask_secrets(storable(time_entries.bill_text(entry, customer, taken)), case.secrets)
        taken.add(plain(notes))
        overlap = overlaps((_span(entry),), case.others)
        content = _about(case) | {
            "member_id": case.member_id,
            "engineer": str(case.engineer),
            "start": entry.start.isoformat(),
            "end": entry.end.isoformat(),
            "day": entry.day.isoformat(),
            "worked_seconds": int(entry.stretch.worked.total_seconds()),
            "billed_minutes": entry.billed // timedelta(minutes=1),
            "rounding": rounding_line(entry.stretch.worked, entry.billed),
            "overlap_minutes": overlap // timedelta(minutes=1),
            "notes": notes,
            "internal_notes": mask_secrets(
                storable(time_entries.detail(case.history, entry, case.zone, overlap)), case.secrets
            ),
        }
        held = _time_held(case, entry)
        found.append(PostDraft(entry.key, "time", case.occasion, case.engineer, content, held))
    return tuple(found)


def _span(entry: Entry) -> Interval:
    return Interval(entry.stretch.engineer, entry.start, entry.end)


def _owner(case: _Case) -> tuple[PostDraft, ...]:
    """Nothing where he owns the ticket already."""
    if case.ticket and case.ticket.owner and case.ticket.owner.id == case.member_id:
        return ()
    held = _unreachable(case) or ("owner_unmapped" if case.member_id is None else None)
    content = _about(case) | {"member_id": case.member_id}
    return (PostDraft(f"owner:{case.engineer}", "owner", "owner", case.engineer, content, held),)


def _status(case: _Case, times: Sequence[PostDraft]) -> tuple[PostDraft, ...]:
    """The status the account chose for this board; a ticket that has it already is left alone."""
    chosen = {"resolution": case.settings.resolved_status, "escalation": case.settings.escalated_status}
    by_board = chosen.get(case.occasion, {})
    board = case.ticket.board.id if case.ticket and case.ticket.board else None
    status_id = by_board.get(board) if board is not None else None
    if not by_board or (case.ticket is not None and status_id is None):
        return ()
    if case.ticket and case.ticket.status and case.ticket.status.id == status_id:
        return ()
    known = next((s for s in case.statuses if s.id == status_id), None)
    confirmed = case.confirmed("status_confirmed")
    content = _about(case) | {
        "status_id": status_id,
        "status_name": one_line(known.name, 50) if known else "",
        # None: the statuses could not be read. Whether it closes is looked up again when it is written.
        "closing": known.closed if known else None,
        "confirmed": confirmed,
        "by_board": {} if status_id else {str(each): status for each, status in by_board.items()},
    }
    held = _held(case) or ("no_connection" if status_id is None else None)
    if not held and content["closing"] and not confirmed:
        held = "closing_unconfirmed"
    if not held and known and known.time_entry_not_allowed and any(t.held_because for t in times):
        held = "time_first"
    return (PostDraft(f"{_prefix(case)}:status", "status", case.occasion, case.engineer, content, held),)


# ── What the form shows ─────────────────────────────────────────────────────────────────────────────────────


def forecast(
    history: History,
    occasion: str,
    engineer: UUID,
    settings: PsaSettings,
    ticket: Ticket | None,
    connected: bool,
    members: Mapping[UUID, tuple[int, str]],
    statuses: Sequence[BoardStatus],
    zone: ZoneInfo,
    reviewed: Mapping[str, Any] | None,
    unowed: Sequence[Interval],
    overlaps: Sequence[Interval] = (),
    already: DayTotals | None = None,
    posted_texts: Collection[str] = (),
    secrets: Sequence[str] = (),
) -> tuple[ForecastLine, ...]:
    """What submitting the form would do: each part, its text, who reads it, and what is held and why."""
    if occasion == "escalation":
        # As in request_draft: what an earlier request left behind is not part of this one.
        history = replace(history, session=replace(history.session, package=None, escalation=None))
    drafts = owed(
        history, occasion, engineer, settings, ticket, connected, members, statuses, zone, reviewed or {},
        unowed, overlaps, already, posted_texts, secrets=secrets,
    )  # fmt: skip
    private = private_words(ticket, history.session.hypotheses)
    drawn = documentation_for(
        replace(history, session=replace(history.session, documentation=None)),
        ticket,
        occasion,
        None,
        secrets,
    )
    people = {name.split()[0] for name in history.names.values() if name.strip()}
    given = {**(history.session.documentation or {}), **(reviewed or {})}
    typed = typed_texts(history, ticket, drawn, given)
    lines = [
        ForecastLine(
            draft.key,
            draft.kind,
            _text_of(draft, zone),
            readers(draft.kind, settings, ticket, str(draft.content.get("status_name", ""))),
            draft.held_because,
            remarks(draft.kind, draft.content, occasion, private, typed, people, secrets),
        )
        for draft in drafts
    ]
    time_is_owed = settings.time_entries != "off" and occasion in TIME_OCCASIONS
    return (*lines, *(_gap_line(gap, zone) for gap in (_gaps(unowed, engineer) if time_is_owed else ())))


def _gaps(unowed: Sequence[Interval], engineer: UUID) -> list[Interval]:
    return [i for i in unowed if i.engineer == engineer and i.confirmed is None]


def _gap_line(gap: Interval, zone: ZoneInfo) -> ForecastLine:
    text = f"{_clock(gap.start, gap.end, zone)}, {time_entries.span(gap.length)} without activity"
    return ForecastLine(
        f"gap:{gap.engineer}:{gap.start.isoformat()}", "time", text, "Nobody: it is not posted.", "gap"
    )


def _clock(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    first, last = start.astimezone(zone), end.astimezone(zone)
    return f"{first.day} {first:%B, %H:%M}–{last:%H:%M}"


def _text_of(draft: PostDraft, zone: ZoneInfo) -> str:
    content = draft.content
    match draft.kind:
        case "time":
            start, end = (datetime.fromisoformat(str(content[name])) for name in ("start", "end"))
            return f"{_clock(start, end, zone)}, {content['rounding']}. {content['notes']}"
        case "status":
            return str(content["status_name"]) or "The status chosen for this board"
        case "owner":
            return "You become the owner of the ticket."
        case _:
            return str(content["text"])
