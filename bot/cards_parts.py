"""The small parts cards are made of: shortened texts, local times and links, and the bounds every card keeps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.card import Block, Bullets, Card, Choice, Code, Field, Fields, Form, Text
from bot.words import say
from engine.note_text import one_line, without_unseen
from engine.psa import Ticket

BLOCKS = 50
CHARACTERS = 10_000
TITLE = 150
FORM_TITLE = 24
LABEL = 75
CHOICES = 25
BLOCK_TEXT = 2_900
EDITABLE = 2_900
"""A text longer than this cannot be edited in a chat form, so it is shown but never prefilled."""
_LINK = 500
_SQUEEZES = (1_500, 800, 500, 300, 200, 140, 100, 70, 50)


@dataclass(slots=True)
class Shortener:
    """Cuts texts for display and remembers whether it had to, so that the card says where the whole is."""

    cut: bool = False

    def line(self, text: object, limit: int) -> str:
        """One line without control marks, at most `limit` characters."""
        given = str(text).strip()
        shown = by_word(one_line(given, limit))
        if len(given) > limit * 8 and not shown.endswith("…"):
            shown = f"{shown[: limit - 1]}…"
        self.cut = self.cut or (shown.endswith("…") and not given.endswith("…"))
        return shown

    def sentence(self, text: object, limit: int) -> str:
        """One line that ends like a sentence; empty stays empty."""
        shown = self.line(text, limit - 1)
        return shown if not shown or re.search(r"""[.?!…:]["”’']?$""", shown) else f"{shown}."

    def lines(self, text: object, limit: int) -> str:
        """A text with its line breaks, at most `limit` characters, without control marks."""
        given = str(text).strip()
        plain = re.sub(r"\n{3,}", "\n\n", seen(given[: limit + 200])).strip()
        if len(plain) <= limit and len(given) <= limit + 200:
            return plain
        self.cut = True
        return by_word(plain[: limit - 1].rstrip() + "…")


_LONG_WORD = 25
"""A longer one is no word: an address, a path, a key. It is cut where the room ends."""


def by_word(shown: str) -> str:
    """A text cut with “…”, without the piece of a word before it."""
    if not shown.endswith("…"):
        return shown
    kept, space, piece = shown[:-1].rpartition(" ")
    return f"{kept.rstrip(' ,;:(')} …" if space and kept.strip() and 0 < len(piece) <= _LONG_WORD else shown


def seen(text: str) -> str:
    """The text as it is, without what a reader cannot see: direction marks could make a script read as another."""
    return without_unseen(text, "\n\t")


def local(moment: datetime, zone: ZoneInfo, now: datetime) -> str:
    """`14:05` today, `Tue 3 Nov, 14:05` this year, else with the year."""
    there, today = moment.astimezone(zone), now.astimezone(zone)
    clock = f"{there:%H:%M}"
    if there.date() == today.date():
        return clock
    month = say("months").split()[there.month - 1]
    if there.year != today.year:
        return say("time.year", day=there.day, month=month, year=there.year, clock=clock)
    weekday = say("days").split()[there.weekday()]
    return say("time.day", weekday=weekday, day=there.day, month=month, clock=clock)


def stretch(start: datetime, end: datetime, zone: ZoneInfo, now: datetime) -> str:
    """`14:05–14:40`, with the day where it is not today."""
    return f"{local(start, zone, now)}–{end.astimezone(zone):%H:%M}"


def span(length: timedelta) -> str:
    """`23 min`, `1 h 05 min`, `3 d 4 h`; seconds are dropped."""
    minutes = int(length.total_seconds()) // 60
    if minutes < 1:
        return say("time.none")
    if minutes < 60:
        return say("time.minutes", minutes=minutes)
    if minutes < 48 * 60:
        return say("time.hours", hours=minutes // 60, minutes=minutes % 60)
    return say("time.days", days=minutes // 1440, hours=minutes % 1440 // 60)


def safe_url(url: str | None) -> str:
    """The address if a link can be made of it without surprises, else nothing."""
    given = (url or "").strip()
    return given if len(given) <= _LINK and re.fullmatch(r"https?://[^\s<>|\"\\]+", given) else ""


def ticket_url(ticket: Ticket | None, number: int) -> str:
    """The link to a ticket of the same PSA, made from the one we have; empty when that is not certain."""
    if ticket is None:
        return ""
    url = safe_url(ticket.url)
    if number == ticket.id or not url:
        return url
    own = re.compile(rf"(?<!\d){ticket.id}(?!\d)")
    return own.sub(str(number), url) if len(own.findall(url)) == 1 else ""


def fields(pairs: Sequence[tuple[str, str]], links: Mapping[str, str] | None = None) -> tuple[Block, ...]:
    """A table of the pairs that have a value; nothing where none has. A link is (text in a value) → address."""
    kept = tuple((label, value) for label, value in pairs if value)
    told = {text: url for text, url in (links or {}).items() if url}
    return (Fields(kept, told),) if kept else ()


def bullets(title: str, items: Sequence[str]) -> tuple[Block, ...]:
    kept = tuple(item for item in items if item)
    return (Bullets(title, kept),) if kept else ()


def texts(*said: str, tone: str = "plain") -> tuple[Block, ...]:
    match tone:
        case "muted":
            return tuple(Text(t, "muted") for t in said if t)
        case "warning":
            return tuple(Text(t, "warning") for t in said if t)
        case "good":
            return tuple(Text(t, "good") for t in said if t)
        case _:
            return tuple(Text(t) for t in said if t)


# ── The bounds ──────────────────────────────────────────────────────────────────────────────────────────────


def size(card: Card) -> int:
    """All characters a reader could see, options and prefilled values included."""
    shown = sum(len(c.label) + len(c.confirm) for c in card.choices) + len(card.title)
    shown += sum(sum(map(len, _strings(block))) for block in card.blocks)
    if card.form is not None:
        shown += len(card.form.submit)
        for f in card.form.fields:
            shown += len(f.label) + len(f.value) + len(f.hint) + sum(len(label) for _, label in f.options)
    return shown


def _strings(block: Block) -> list[str]:
    match block:
        case Text():
            return [block.text]
        case Fields():
            return [each for pair in block.pairs for each in pair]
        case Bullets():
            return [block.title, *block.items]
        case Code():
            return [block.text, block.language, block.risk]


def bounded(card: Card, whole: str = "", *, cut: bool = False, choices: int = CHOICES) -> Card:
    """The card within the bounds every platform can draw: 50 blocks, 10,000 characters, 25 choices.

    `whole` is the sentence that says where the whole text is; it is added when anything was cut. `choices`: more
    of them may be where those beyond the first stand in a menu.
    """
    short = Shortener(cut)
    card = replace(
        card,
        title=short.line(card.title, FORM_TITLE if card.kind == "form" else TITLE),
        choices=tuple(_labelled(c) for c in card.choices[:choices]),
        form=_form(card.form) if card.form else None,
    )
    blocks = tuple(_within(block, BLOCK_TEXT, short) for block in card.blocks)
    if len(blocks) > BLOCKS - 1:
        blocks, short.cut = blocks[: BLOCKS - 1], True
    room = CHARACTERS - len(whole)
    fitting = replace(card, blocks=blocks)
    for limit in _SQUEEZES:
        if size(fitting) <= room:
            break
        fitting = replace(card, blocks=tuple(_within(block, limit, short) for block in blocks))
    while size(fitting) > room and fitting.blocks:
        fitting, short.cut = replace(fitting, blocks=fitting.blocks[:-1]), True
    if short.cut and whole:
        fitting = replace(fitting, blocks=(*fitting.blocks, Text(whole, "muted")))
    return fitting


def _labelled(choice: Choice) -> Choice:
    return replace(choice, label=one_line(choice.label, LABEL), confirm=one_line(choice.confirm, 300))


def _form(form: Form) -> Form:
    return replace(
        form, submit=one_line(form.submit, FORM_TITLE), fields=tuple(_field(f) for f in form.fields)
    )


def _field(given: Field) -> Field:
    """Labels and hints are cut; a value never is, because what is submitted would lose the rest."""
    once = {value: one_line(label, LABEL) or "–" for value, label in reversed(given.options[:100])}
    options = tuple((value, once[value]) for value in dict.fromkeys(v for v, _ in given.options[:100]))
    return replace(given, label=one_line(given.label, 150), hint=one_line(given.hint, 300), options=options)


def _within(block: Block, limit: int, short: Shortener) -> Block:
    """The block with no text longer than `limit` and not more than one platform block can hold."""
    match block:
        case Text():
            return replace(block, text=short.lines(block.text, limit))
        case Fields():
            rows = block.pairs[:20]
            pairs = tuple((short.line(a, min(limit, 100)), short.line(b, min(limit, 800))) for a, b in rows)
            kept = {t: url for t, url in block.links.items() if any(t in a or t in b for a, b in pairs)}
            return replace(block, pairs=pairs, links=kept)
        case Bullets():
            items, left = [], BLOCK_TEXT
            for item in block.items[:40]:
                shown = short.line(item, min(limit, 800))
                if len(shown) + 3 > left:
                    short.cut = True
                    break
                items.append(shown)
                left -= len(shown) + 3
            return replace(block, title=short.line(block.title, 150), items=tuple(items))
        case Code():
            # Never squeezed: half a script is worse than none, so whoever makes the block keeps it small.
            short.cut = short.cut or len(block.text) > BLOCK_TEXT
            return replace(block, text=block.text[:BLOCK_TEXT], risk=short.line(block.risk, 200))
