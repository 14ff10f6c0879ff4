"""The plain page that shows the practice ConnectWise to a person: tickets, notes, time, e-mails."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import Any

from demo.psa_conditions import read_date
from demo.psa_refusals import Json
from demo.psa_room import Room

STYLE = """
:root { --ink: #1d2733; --soft: #5b6875; --line: #dde3e9; }
:root { --paper: #fff; --ground: #f4f6f8; --accent: #1f5f8b; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); }
body { font: 15px/1.5 system-ui, "Segoe UI", sans-serif; }
header { background: var(--ink); color: #fff; padding: .8rem 1.5rem; }
header a { color: #fff; text-decoration: none; font-weight: 600; }
header span { color: #b8c4cf; margin-left: .8rem; }
main { max-width: 72rem; margin: 1.2rem auto; padding: 0 1rem; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 6px; }
section { padding: .9rem 1.2rem; margin: 0 0 1rem; }
h1 { font-size: 1.3rem; margin: .2rem 0 .6rem; } h2 { font-size: 1rem; margin: 0 0 .6rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .6rem .35rem 0; vertical-align: top; }
th { color: var(--soft); font-weight: 500; border-bottom: 1px solid var(--line); }
td { border-bottom: 1px solid #eef1f4; }
a { color: var(--accent); } .soft { color: var(--soft); } .closed td { color: var(--soft); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); }
dl { gap: .4rem 1.5rem; margin: 0; }
dt { color: var(--soft); font-size: .85rem; } dd { margin: 0; }
article { border-left: 4px solid #9aa7b3; padding: .2rem 0 .2rem .9rem; margin: 0 0 1rem; }
article.discussion { border-color: #2f7d4f; } article.resolution { border-color: #6b4fa0; }
article.internal { border-color: #c58a17; }
article p { margin: .2rem 0 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.tag { font-size: .8rem; border: 1px solid var(--line); border-radius: 3px; padding: 0 .4rem; }
.late { color: #a3261f; }
"""
PLACES = (
    ("internalAnalysisFlag", "internal", "Internal, staff only"),
    ("detailDescriptionFlag", "discussion", "Discussion, the client sees it"),
    ("resolutionFlag", "resolution", "Resolution, the client sees it"),
)


def ticket_list(room: Room) -> str:
    """All tickets: open ones first, newest first."""
    rows = sorted(room.state.all("ticket"), key=lambda one: (bool(one.get("closedFlag")), -int(one["id"])))
    now = room.clock()
    cells = "".join(_list_row(row, now) for row in rows)
    head = _cells(
        "th", "Ticket", "Summary", "Status", "Board", "Priority", "Company", "Contact", "Owner", "Due"
    )
    emails = f"<p class='soft'>E-mails sent so far: {len(room.state.all('email'))}</p>"
    return _page(
        "Tickets", f"<section><h1>Tickets</h1><table><tr>{head}</tr>{cells}</table>{emails}</section>"
    )


def ticket_page(room: Room, number: int) -> str | None:
    """One ticket with everything on it; None when there is no such ticket."""
    ticket = room.state.get("ticket", number)
    if ticket is None:
        return None
    now = room.clock()
    notes = [note for note in room.state.all("note") if note["ticketId"] == number]
    entries = [one for one in room.state.all("timeEntry") if one.get("chargeToId") == number]
    emails = [one for one in room.state.all("email") if one["ticketId"] == number]
    body = _facts(ticket, now)
    body += _section(
        "Notes", "".join(_note(note, now) for note in sorted(notes, key=_entered)), "No notes yet."
    )
    body += _section(
        "Time",
        _table(
            ("Member", "Start", "End", "Hours", "Notes", "Internal notes"),
            [_time_row(one) for one in entries],
        ),
        "No time yet.",
    )
    body += _section(
        "E-mails sent",
        _table(("At", "To", "Why"), [(o["at"], o["to"], o["reason"]) for o in emails]),
        "None. Nobody was e-mailed.",
    )
    return _page(f"#{number} {ticket['summary']}", body)


def _page(title: str, body: str) -> str:
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><meta http-equiv='refresh' content='3'>"
        f"<meta name='viewport' content='width=device-width'><title>{escape(title)}</title>"
        f"<style>{STYLE}</style></head>"
        "<body><header><a href='/'>Practice ConnectWise</a><span>nothing here leaves this computer</span>"
        "</header>"
        f"<main>{body}</main></body></html>"
    )


def _list_row(ticket: Json, now: datetime) -> str:
    link = f"<a href='/ticket/{int(ticket['id'])}'>#{int(ticket['id'])}</a>"
    names = [_name(ticket, part) for part in ("status", "board", "priority", "company", "contact", "owner")]
    due = "" if ticket.get("closedFlag") else _due(ticket, now)
    shown = "closed" if ticket.get("closedFlag") else ""
    return f"<tr class='{shown}'><td>{link}</td>{_cells('td', ticket['summary'], *names)}<td>{due}</td></tr>"


def _facts(ticket: Json, now: datetime) -> str:
    devices = ", ".join(
        str(one["deviceIdentifier"]) for one in ticket.get("_practice", {}).get("configuration", [])
    )
    rows = [
        ("Status", _name(ticket, "status") + (" (closed)" if ticket.get("closedFlag") else "")),
        ("Owner", _name(ticket, "owner") or "nobody"),
        ("Board", _name(ticket, "board")),
        ("Priority", _name(ticket, "priority")),
        ("Company", _name(ticket, "company")),
        ("Contact", f"{_name(ticket, 'contact')} {ticket.get('contactPhoneNumber', '')}"),
        ("Resources", ticket.get("resources", "")),
        ("Devices", devices),
        ("Hours", f"{ticket.get('actualHours', 0):.2f}"),
    ]
    if parent := ticket.get("mergedParentTicket"):
        rows.append(("Merged into", f"#{parent['id']}"))
    pairs = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(str(value)) or '-'}</dd></div>" for name, value in rows
    )
    pairs += f"<div><dt>Due</dt><dd>{_due(ticket, now) or '-'}</dd></div>"
    return f"<section><h1>#{int(ticket['id'])} {escape(ticket['summary'])}</h1><dl>{pairs}</dl></section>"


def _note(note: Json, now: datetime) -> str:
    tags = [(css, words) for flag, css, words in PLACES if note.get(flag)]
    author = _name(note, "member") or f"{_name(note, 'contact')} (client)"
    shown = "".join(f"<span class='tag'>{escape(words)}</span> " for _, words in tags)
    css = tags[0][0] if tags else ""
    when = _ago(str(_entered(note)), now)
    head = f"<b>{escape(author)}</b> <span class='soft'>{when}</span> {shown}"
    return f"<article class='{css}'>{head}<p>{escape(str(note['text']))}</p></article>"


def _time_row(entry: Json) -> tuple[Any, ...]:
    return (
        _name(entry, "member"),
        entry["timeStart"],
        entry.get("timeEnd", ""),
        f"{entry['actualHours']:.2f}",
        entry.get("notes", ""),
        entry.get("internalNotes", ""),
    )


def _section(title: str, body: str, otherwise: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body or f'<p class=soft>{escape(otherwise)}</p>'}</section>"


def _table(heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    if not rows:
        return ""
    lines = "".join(f"<tr>{_cells('td', *row)}</tr>" for row in rows)
    return f"<table><tr>{_cells('th', *heads)}</tr>{lines}</table>"


def _cells(tag: str, *texts: Any) -> str:
    return "".join(f"<{tag}>{escape(str(text))}</{tag}>" for text in texts)


def _name(record: Json, part: str) -> str:
    return str((record.get(part) or {}).get("name", ""))


def _entered(note: Json) -> str:
    return str(note["_info"]["dateEntered"])


def _ago(text: str, now: datetime) -> str:
    then = read_date(text)
    if then is None:
        return escape(text)
    minutes = int((now.astimezone(UTC) - then).total_seconds() // 60)
    return f"{_span(abs(minutes))} ago" if minutes >= 0 else f"in {_span(-minutes)}"


def _due(ticket: Json, now: datetime) -> str:
    goal = ticket.get("resolutionGoalUTC")
    if not goal:
        return ""
    words = _ago(goal, now)
    return f"<span class='late'>{words}</span>" if words.endswith("ago") else words


def _span(minutes: int) -> str:
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 2880 else f"{minutes // 1440} days"
