"""The verbs that start a Session: from the form, from a ticket's button, from words kept before, as a follow-up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

from bot.acts import Acts, show, tell
from bot.event_logs import read
from bot.inbound import Inbound, number
from bot.starting import begin, start
from engine.intake import Reading


async def _start_form(asked: Inbound) -> Acts:
    return show(asked, "form:start")


async def _start(asked: Inbound) -> Acts:
    """Words, a ticket, files and what was tried, in any mix; the form where nothing of it was given."""
    words, chosen, tried = (asked.fields.get(name, "").strip() for name in ("text", "ticket", "tried"))
    ticket = number(asked.args.get("ticket", "") or chosen.removeprefix("#"))
    if chosen and ticket is None:
        words = f"{chosen}\n{words}".strip()  # a link, or words that he would miss
    if not (words or ticket or asked.files):
        words = tried  # what was tried tells of the problem too
    if not (words or ticket or asked.files):
        return show(asked, "help" if asked.kind == "click" else "form:start")
    # A log in the form or a file may be megabytes: reading it is not work for the loop.
    reading = await asyncio.to_thread(read, words, asked.files)
    return await begin(asked, on_ticket(reading, ticket), tried)


def on_ticket(reading: Reading, ticket: int | None) -> Reading:
    """The ticket he chose counts before one that his words name."""
    if ticket is None:
        return reading
    more = reading.text or reading.log or reading.images
    others = (*((reading.ticket_id,) if reading.ticket_id else ()), *reading.other_ticket_ids)
    return replace(
        reading,
        type="combined" if more else "psa_ticket",
        ticket_id=ticket,
        other_ticket_ids=tuple(dict.fromkeys(n for n in others if n != ticket)),
    )


async def _from_draft(asked: Inbound) -> Acts:
    """Start anyway and "Follow-up": the words he gave before are still there."""
    try:
        draft_id = UUID(asked.args.get("draft", ""))
    except ValueError:
        return await _follow_up(asked)
    content = await asked.unit.drafts.get(draft_id, asked.person.id)
    if content is None:
        return tell(asked, "form_expired")
    parent = asked.session if asked.verb == "follow_up" else None
    return (start(asked, content, parent),)


async def _follow_up(asked: Inbound) -> Acts:
    """A new Session on what came back after one that ended."""
    if asked.session is None or asked.verb != "follow_up":
        return tell(asked, "no_session_here")
    before = asked.session
    content: dict[str, Any] = {
        "type": "psa_ticket" if before.ticket_id else "free_text",
        "text": before.problem_summary or before.intake.text,
        "images": [],
        "log": "",
        "digest": "",
        "ticket_id": before.ticket_id,
        "tried": [],
    }
    return (start(asked, content, before),)


VERBS = {
    "start": _start,
    "start_form": _start_form,
    "start_anyway": _from_draft,
    "follow_up": _from_draft,
}
