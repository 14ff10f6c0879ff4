"""How a stored part becomes a write to the PSA: markers and links added by code, long texts cut visibly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from engine.note_text import one_line
from engine.psa import (
    NoteWrite,
    OwnerWrite,
    StatusWrite,
    Ticket,
    TimeWrite,
    Visibility,
    marker_for,
    public_ref_for,
    with_marker,
)
from engine.redact import mask_secrets
from engine.session import Json

LIMIT = 30_000
CONTINUED = "… (continued in FlowPilot)"
_TEXTS = ("text", "notes", "internal_notes")


def note_write(content: Json, post_id: UUID, *, link: str = "", limit: int = LIMIT) -> NoteWrite:
    """The note with its marker, which code appends after people have edited the text and which is never cut.

    `link` leads back to the thread and stands on internal notes only. ValueError while no ticket is known.
    """
    visibility = cast(Visibility, content["visibility"])
    internal = visibility == "internal"
    marker = marker_for(post_id) if internal else public_ref_for(post_id)
    name = str(content.get("technician") or "")
    signed = (f"Technician: {name}, who has no ConnectWise member yet." if internal else name) if name else ""
    thread = f"Thread: {one_line(link, 500)}" if link and internal else ""
    text = _ending(mask_secrets(str(content["text"])), (signed, thread, marker), limit)
    ticket_id, record_type = _ticket(content)
    return NoteWrite(
        ticket_id, record_type, text, visibility, cast("int | None", content["member_id"]), marker
    )


def time_write(content: Json, post_id: UUID, *, limit: int = LIMIT) -> TimeWrite:
    """The time entry: the customer text ends in its reference, the details in the marker. ValueError unmapped."""
    ticket_id, record_type = _ticket(content)
    if content["member_id"] is None:
        raise ValueError("a time entry needs a member")
    marker = marker_for(post_id)
    return TimeWrite(
        ticket_id,
        record_type,
        cast(int, content["member_id"]),
        datetime.fromisoformat(str(content["start"])),
        datetime.fromisoformat(str(content["end"])),
        _ending(mask_secrets(str(content["notes"])), (public_ref_for(post_id),), limit),
        _ending(mask_secrets(str(content["internal_notes"])), (marker,), limit),
        marker,
    )


def masked(content: Json, secrets: Sequence[str]) -> dict[str, object]:
    """Stored content without the secrets that are known by now, in each of its texts."""
    texts = {name: mask_secrets(str(content[name]), secrets) for name in _TEXTS if content.get(name)}
    return {**content, **texts}


def status_write(content: Json) -> StatusWrite:
    """ValueError while the ticket or its board is unknown, or a closing status has no tick."""
    ticket_id, record_type = _ticket(content)
    if content["status_id"] is None:
        raise ValueError("the ticket's board was not known")
    if content.get("closing") and not content.get("confirmed"):
        raise ValueError("the status closes the ticket and nobody ticked that")
    return StatusWrite(ticket_id, record_type, cast(int, content["status_id"]))


def owner_write(content: Json) -> OwnerWrite:
    """ValueError when the engineer has no member."""
    ticket_id, record_type = _ticket(content)
    if content["member_id"] is None:
        raise ValueError("an owner needs a member")
    return OwnerWrite(ticket_id, record_type, cast(int, content["member_id"]))


def completed(content: Json, ticket: Ticket) -> dict[str, object]:
    """Stored content with the ticket as it was read just now: its number, its kind, its board's status."""
    known = dict(content) | {"ticket_id": ticket.id, "record_type": ticket.record_type}
    by_board = content.get("by_board")
    if ticket.board and isinstance(by_board, Mapping) and content.get("status_id") is None:
        known["status_id"] = by_board.get(str(ticket.board.id))
    return known


def _ticket(content: Json) -> tuple[int, str]:
    if content["ticket_id"] is None:
        raise ValueError("no ticket is linked")
    return cast(int, content["ticket_id"]), str(content["record_type"])


def _ending(text: str, ends: Sequence[str], limit: int) -> str:
    """The text and its last lines within `limit` characters; what is too long is cut visibly, the ends never."""
    *before, marker = ends
    tail = "\n".join(line for line in (*before, marker) if line)
    room = limit - len(tail) - 1
    if len(text) > room:
        text = (
            f"{text[: max(0, room - len(CONTINUED) - 1)].rstrip()} {CONTINUED}"
            if room > len(CONTINUED)
            else ""
        )
    return with_marker("\n".join(line for line in (text.rstrip(), *before) if line), marker, limit)
