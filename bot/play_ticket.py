"""The practice ConnectWise as a case uses it: its faults, and a ticket as it holds it now, read over its API."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from bot.practice import PracticeError
from bot.practice_account import psa_get, psa_headers

NOTE_FLAGS = {
    "internalAnalysisFlag": "internal",
    "detailDescriptionFlag": "discussion",
    "resolutionFlag": "resolution",
}


async def set_fault(psa: str, fault: dict[str, Any] | None) -> None:
    """One fault instead of all others; None takes them away."""
    async with aiohttp.ClientSession(base_url=psa, timeout=aiohttp.ClientTimeout(total=10)) as client:
        sent = client.put("/_practice/faults", json=[fault]) if fault else client.delete("/_practice/faults")
        async with sent as reply:
            if reply.status >= 400:
                raise PracticeError(
                    f"The practice ConnectWise does not take this fault: {await reply.text()}"
                )


async def read_ticket(psa: str, number: int) -> dict[str, Any]:
    """The ticket's own JSON with `notes` and `timeEntries` added, each as ConnectWise lists it."""
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(headers=psa_headers(), timeout=timeout) as client:
        ticket, notes, times = await asyncio.gather(
            psa_get(client, psa, f"service/tickets/{number}", {}),
            psa_get(client, psa, f"service/tickets/{number}/notes", {"pageSize": "200"}),
            psa_get(client, psa, "time/entries", {"conditions": f"chargeToId={number}", "pageSize": "200"}),
        )
    return {**ticket, "notes": notes, "timeEntries": times}


def told(ticket: dict[str, Any]) -> str:
    """The ticket for a reader."""
    owner = (ticket.get("owner") or {}).get("name", "nobody")
    lines = [
        f"Ticket #{ticket['id']} as ConnectWise holds it now",
        f"  {ticket['summary']}",
        f"  status {ticket['status']['name']} · owner {owner}",
    ]
    for note in ticket["notes"]:
        kinds = ", ".join(word for flag, word in NOTE_FLAGS.items() if note.get(flag)) or "no flag"
        by = (note.get("member") or note.get("contact") or {}).get("name") or note.get(
            "createdBy", "somebody"
        )
        lines += ["", f"  Note {note['id']} · {kinds} · {by}", *_indented(note.get("text", ""))]
    for entry in ticket["timeEntries"]:
        by = (entry.get("member") or {}).get("name", "somebody")
        lines += [
            "",
            f"  Time {entry['id']} · {entry.get('actualHours')} h · {by}",
            *_indented(entry.get("notes", "")),
        ]
        if entry.get("internalNotes"):
            lines += ["    internal:", *_indented(entry["internalNotes"])]
    return "\n".join(lines)


def _indented(text: str | None) -> list[str]:
    return [f"    {line}" for line in (text or "").splitlines()]
