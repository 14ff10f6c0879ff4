"""Finds ConnectWise ticket numbers in what a person wrote: links, `#4711`, `ticket 4711`, `SR 4711`,
`CW4711`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

_LINK = re.compile(r"<?(https?://[^\s<>|]{4,2000})(?:\|[^<>\n]{0,300})?>?")
_ROUTES = frozenset({"", "servicefv", "serviceticketfv", "serviceticket"})
_RECORDS = ("service_recid", "srrecid", "recid")
_ROUTE_IN_FRAGMENT = re.compile(r"service(?:ticket|fv)\D{0,40}?(\d{1,9})(?!\d)", re.IGNORECASE)
_REST_PATH = re.compile(r"/service/tickets/(\d{1,9})(?!\d)", re.IGNORECASE)

_AROUND = " \t\r\n,;:.-–#"
"""What may stand between a reference and the words it stands before or after."""
_END = r"(?![\w%]|[-./:]\d|,\d{3})"
_NOT_A_TICKET = re.compile(
    r"\b(?:error|event|code|id|port|line|room|suite|apt|unit|ext|extension|phone|tel|fax|call"
    r"|invoice|po|order|asset|serial"
    r"|build|version|kb|bug|issue|pr|page|step|vlan|printer|channel|colou?r|hex|background|fill"
    r"|rgb|top|number)"
    r"s?[ \t.:=]{0,3}$",
    re.IGNORECASE,
)
_A_MEASURE = re.compile(
    r"[ \t]{0,3}(?:days?|weeks?|months?|years?|hours?|hrs?|min|mins|minutes?|sec|seconds?|users?"
    r"|people|times?|pcs?"
    r"|devices?|mailboxes|GB|MB|TB|%)\b",
    re.IGNORECASE,
)
_HASH = re.compile(rf"(?<![\w#&/=])#(\d{{3,9}}){_END}")
_WORD = re.compile(
    rf"\b(?:[Tt]ickets?|TICKETS?|[Tt]kt|TKT|[Ss]ervice [Tt]icket|[Ss]ervice [Rr]equest|SR|[Cc][Ww][Mm]?)"
    rf"(?:[ \t](?:no\.?|nr\.?|number|id|is)){{0,2}}[ \t:\-]{{0,3}}(?:#[ \t]?(\d{{1,9}})|(\d{{3,9}})){_END}"
)
_NEXT = re.compile(rf"[ \t]{{0,3}}(?:,|/|\+|&|;|and|or)[ \t]{{0,3}}#?(\d{{3,9}}){_END}")
_ALONE = re.compile(r"[\s<]*#?(\d{3,9})[\s>.!?]*")
_SMALL_ALONE = re.compile(r"\s*#(\d{1,2})\s*")
_LIST_ALONE = re.compile(r"\s*#?\d{3,9}(?:(?:\s?[,;&\n]\s?|\sand\s)#?\d{3,9}){1,19}\s*")


@dataclass(frozen=True, slots=True)
class TicketRef:
    """A ticket number, the host of the link it came from, and where it stands in the text."""

    number: int
    host: str | None
    start: int
    end: int


def find_tickets(text: str) -> tuple[TicketRef, ...]:
    """All references in order of appearance, each number once; links count before bare numbers.

    Deliberately not tickets: `#1` in a sentence, hex codes and colours, event ids, "error 4711", phone
    numbers.
    """
    links = [ref for ref in map(_from_link, _LINK.finditer(text)) if ref]
    hidden = _LINK.sub(lambda found: " " * len(found[0]), text)
    words = sorted([*_from_words(hidden), *_from_hashes(hidden)], key=lambda ref: ref.start)
    found: dict[int, TicketRef] = {}
    for ref in [*links, *(words or _alone(hidden))]:
        if ref.number > 0:
            found.setdefault(ref.number, ref)
    return tuple(found.values())


def without_tickets(text: str) -> str:
    """The text with every reference taken out, repeated ones too."""
    spans = [found.span() for found in _LINK.finditer(text) if _from_link(found)]
    hidden = _LINK.sub(lambda found: " " * len(found[0]), text)
    refs = [*_from_words(hidden), *_from_hashes(hidden)] or list(_alone(hidden))
    spans += [(ref.start, ref.end) for ref in refs]
    for start, end in spans:  # the same length, because "ticket #4711" is found twice
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def without_edge_tickets(text: str) -> str:
    """The text without references at its start and end; one that stands between words is part of what they say."""
    spans = [found.span() for found in _LINK.finditer(text) if _from_link(found)]
    hidden = _LINK.sub(lambda found: " " * len(found[0]), text)
    refs = [*_from_words(hidden), *_from_hashes(hidden)] or list(_alone(hidden))
    spans += [(ref.start, ref.end) for ref in refs]
    start, end, found = 0, len(text), True
    while found:
        begin, stop = start, end
        while begin < stop and text[begin] in _AROUND:
            begin += 1
        while stop > begin and text[stop - 1] in _AROUND:
            stop -= 1
        ahead = [b for a, b in spans if a <= begin < b]
        behind = [a for a, b in spans if a < stop <= b]
        found = bool(ahead or behind)
        start, end = max([start, *ahead]), min([end, *behind])
        if start >= end:
            return ""
    return text[start:end].strip(_AROUND if (start, end) != (0, len(text)) else None)


def _from_link(found: re.Match[str]) -> TicketRef | None:
    number_and_host = read_link(found[1])
    return TicketRef(*number_and_host, found.start(), found.end()) if number_and_host else None


def read_link(link: str) -> tuple[int, str] | None:
    """Ticket number and host of a ConnectWise link, or None; links to time entries and companies are
    not tickets.
    """
    try:
        parts = urlsplit(html.unescape(link).rstrip(".,;)!?"))
        host = parts.hostname
    except ValueError:
        return None
    path = parts.path.lower()
    if not host or not ("v4_6_release" in path or "connectwise.aspx" in path or "myconnectwise" in host):
        return None
    query = {name.lower(): value for name, value in parse_qsl(parts.query)}
    if query.get("routeto", "").lower() in _ROUTES:
        for name in _RECORDS:
            if re.fullmatch(r"[0-9]{1,9}", query.get(name, "")):
                return int(query[name]), host
    found = _REST_PATH.search(path) or _ROUTE_IN_FRAGMENT.search(unquote(parts.fragment))
    return (int(found[1]), host) if found else None


def _from_words(text: str) -> Iterator[TicketRef]:
    for found in _WORD.finditer(text):
        if _A_MEASURE.match(text, found.end()):
            continue
        yield TicketRef(int(found[1] or found[2]), None, found.start(), found.end())
        more = _NEXT.match(text, found.end())
        while more and not _A_MEASURE.match(text, more.end()):
            yield TicketRef(int(more[1]), None, more.start(), more.end())
            more = _NEXT.match(text, more.end())


def _from_hashes(text: str) -> Iterator[TicketRef]:
    for found in _HASH.finditer(text):
        if not _NOT_A_TICKET.search(text, max(0, found.start() - 20), found.start()):
            yield TicketRef(int(found[1]), None, found.start(), found.end())


def _alone(text: str) -> Iterator[TicketRef]:
    """A message that is nothing but a number, or numbers with commas between them."""
    found = _ALONE.fullmatch(text) or _SMALL_ALONE.fullmatch(text)
    if found:
        yield TicketRef(int(found[1]), None, found.start(1), found.end(1))
    elif _LIST_ALONE.fullmatch(text):
        for number in re.finditer(r"\d+", text):
            yield TicketRef(int(number[0]), None, number.start(), number.end())
