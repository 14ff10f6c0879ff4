"""Ticket, flow and what a Step brought, as the model reads them."""

from __future__ import annotations

from collections.abc import Iterator

from engine.flows import Flow, FlowOption, Node
from engine.guide_quoting import Quoting
from engine.psa import Ticket, TicketNote
from engine.session import Step

TICKET = 14_000
MOST_NOTES = 10


def ticket_block(ticket: Ticket, quoting: Quoting) -> str:
    """A ticket as ONE block, the first time it is told."""
    text = "\n".join(line for line in _ticket_lines(ticket) if line)
    return f"The linked ticket:\n{quoting.block('ticket', text, TICKET)}"


def _ticket_lines(ticket: Ticket) -> Iterator[str]:
    yield f"Ticket {ticket.id}: {ticket.summary}"
    for name, value in (
        ("Company", ticket.company.name if ticket.company else ""),
        ("Contact", ticket.contact.name if ticket.contact else ""),
        ("Site", ticket.site),
        ("Priority", ticket.priority.name if ticket.priority else ""),
        ("Status", ticket.status.name if ticket.status else ""),
    ):
        yield f"{name}: {value}" if value else ""
    yield f"Description:\n{ticket.description[:5_000]}" if ticket.description else ""
    for device in ticket.configurations[:8]:
        parts = (device.name, device.type, device.operating_system, device.ip_address, device.last_login)
        yield "Device: " + ", ".join(part for part in parts if part)
    for note in newest_first(ticket)[:MOST_NOTES]:
        yield f"Note ({note.visibility}): {note.text[:1_200]}"
    for recent in ticket.recent[:5]:
        solved = f"; solved by: {recent.resolution_line}" if recent.resolution_line else ""
        yield f"Recent ticket {recent.id}: {recent.summary} ({recent.status or 'status unknown'}){solved}"


def newest_first(ticket: Ticket) -> list[TicketNote]:
    """The notes that say something; those without a time come last, as they stand in the ticket."""
    dated = [(note.at, note) for note in ticket.notes if note.at is not None and note.text]
    newest = [note for _, note in sorted(dated, key=lambda each: each[0], reverse=True)]
    return newest + [note for note in ticket.notes if note.at is None and note.text]


def flow_block(flow: Flow, quoting: Quoting) -> str:
    """The outline of a flow: each node with its answers and where they lead."""
    lines = [
        f"The flow “{quoting.line(flow.title, 150)}” ({flow.id}): {quoting.line(flow.summary, 400)}",
        f"It starts at node {flow.start}. Its nodes:",
    ]
    for node in flow.nodes.values():
        lines += _node_lines(node, quoting)
    return "\n".join(lines)


def _node_lines(node: Node, quoting: Quoting) -> Iterator[str]:
    yield f"- {node.id} ({node.kind.value}): {quoting.line(node.text, 400)}"
    if node.why:
        yield f"  why: {quoting.line(node.why, 250)}"
    if node.script is not None:
        script = node.script
        yield f"  script ({script.language}, {script.risk.value}): {quoting.line(script.text, 300)}"
    if node.cause:
        yield f"  cause: {quoting.line(node.cause, 200)} fix: {quoting.line(node.fix or '', 300)}"
    for option in node.options:
        yield f"  * {_option(option, quoting)}"


def _option(option: FlowOption, quoting: Quoting) -> str:
    told = [f"{quoting.line(option.label, 90)} ({option.outcome.value}) → {option.to or 'solved'}"]
    told += [f"fact: {quoting.line(option.fact, 150)}"] if option.fact else []
    told += [f"rules out: {quoting.line(option.rules_out, 100)}"] if option.rules_out else []
    told += [f"suspects: {quoting.line(option.suspects, 100)}"] if option.suspects else []
    return "; ".join(told)


def briefing_text(step: Step) -> str:
    """What a briefing says, and the facts and causes it handed down from the Session before."""
    facts = [f"Known already: {fact.text}" for fact in step.learned]
    return "\n".join([step.text, *facts, *(f"Ruled out already: {cause}" for cause in step.ruled_out)])
