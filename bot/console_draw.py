"""Draws cards for a terminal: soberly framed with rich, or as plain lines where there is nothing to draw with."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterable

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.style import Style
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text as Line

from bot.card import Block, Bullets, Card, Code, Fields, Text
from bot.console_keys import Key, keys_of

WIDEST, NARROWEST = 104, 40
TONES = {"plain": "", "muted": "dim", "warning": "yellow", "good": "green"}
BORDERS = {
    "session": "blue",
    "step": "cyan",
    "escalation": "magenta",
    "form": "green",
    "list": "bright_black",
    "notice": "bright_black",
    "step_done": "bright_black",
}
STARS = re.compile(r"(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])")
UNSEEN = {"Cc", "Cf", "Cs", "Co"}


def harmless(text: str) -> str:
    """The text without what would steer a terminal or hide from its reader."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in UNSEEN)


def drawn(card: Card, width: int, *, colour: bool) -> str:
    """The whole card as text with a line break at its end; colours and links as the terminal reads them."""
    if not colour:
        return "\n".join(plain(card)) + "\n"
    paper = io.StringIO()
    wide = max(NARROWEST, min(width, WIDEST))
    Console(
        file=paper, width=wide, force_terminal=True, color_system="256", highlight=False, emoji=False
    ).print(_card(card))
    return paper.getvalue()


def styled(text: str, style: str, *, colour: bool) -> str:
    """One line in a style; cut nowhere."""
    if not colour:
        return harmless(text)
    paper = io.StringIO()
    Console(
        file=paper, width=1000, force_terminal=True, color_system="256", highlight=False, emoji=False
    ).print(Line(harmless(text), style), end="", soft_wrap=True)
    return paper.getvalue()


# ── Framed ──────────────────────────────────────────────────────────────────────────────────────────────────


def _card(card: Card) -> RenderableType:
    title = Line(harmless(card.title), "bold" if card.kind != "step_done" else TONES[card.tone] or "green")
    if card.kind == "step_done":
        return Padding(title, (0, 1))
    body = [_block(block) for block in card.blocks]
    keys = keys_of(card)
    if keys:
        body.append(_keys(keys))
    if card.kind == "notice":
        return _notice(card, title, body)
    border = "yellow" if card.tone == "warning" else BORDERS[card.kind]
    inside = Group(*_spaced(body)) if body else Line("")
    return Panel(
        inside, title=title, title_align="left", border_style=border, box=box.ROUNDED, padding=(0, 1)
    )


def _notice(card: Card, title: Line, body: list[RenderableType]) -> RenderableType:
    """A sentence with a mark at its left, not a box."""
    said: list[RenderableType] = [title] if title.plain.strip() else []
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=1)
    grid.add_column(ratio=1)
    mark = {"warning": "yellow", "good": "green"}.get(card.tone, "blue")
    grid.add_row(Line("▌", mark), Group(*said, *body))
    return grid


def _spaced(parts: list[RenderableType]) -> Iterable[RenderableType]:
    """A blank line between blocks that are more than a paragraph."""
    for at, part in enumerate(parts):
        if at and not (isinstance(part, Line) and isinstance(parts[at - 1], Line)):
            yield Line("")
        yield part


def _block(block: Block) -> RenderableType:
    match block:
        case Text():
            return _emphasised(block.text, TONES[block.tone])
        case Fields():
            return _fields(block)
        case Bullets():
            rows = [Line.assemble("• ", _emphasised(item, "")) for item in block.items]
            return Group(Line(harmless(block.title), "bold"), *rows) if block.title else Group(*rows)
        case Code():
            return _code(block)


def _emphasised(text: str, style: str) -> Line:
    line = Line(style=style, overflow="fold")
    at, given = 0, harmless(text)
    for found in STARS.finditer(given):
        line.append(given[at : found.start()])
        line.append(found[1], "bold")
        at = found.end()
    line.append(given[at:])
    return line


def _fields(block: Fields) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    for label, value in block.pairs:
        shown = _emphasised(value, "")
        for text, url in block.links.items():
            if re.fullmatch(r"https?://[!-~]{1,480}", url):
                shown.highlight_words([harmless(text)], Style(link=url, underline=True))
        grid.add_row(harmless(label), shown)
    return grid


def _code(block: Code) -> RenderableType:
    text = harmless(block.text)
    code = Syntax(
        text, block.language or "text", theme="ansi_dark", background_color="default", word_wrap=True
    )
    risky = "green" if block.risk.startswith("Reads only") else "yellow"
    title = Line.assemble((harmless(block.language), "dim"))
    risk = Line(harmless(block.risk), risky) if block.risk else None
    return Panel(
        code,
        title=title,
        title_align="right",
        subtitle=risk,
        subtitle_align="left",
        border_style="dim",
        box=box.SQUARE,
    )


def _keys(keys: tuple[Key, ...]) -> RenderableType:
    """Numbers on lines of their own; the first row's words with their labels; the rest as words."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="bold cyan", no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    for key in keys:
        if key.is_number:
            grid.add_row(key.typed, harmless(key.choice.label))
    said = Line()
    for row, label in ((False, "or type  "), (True, "more  ")):
        words = [key for key in keys if not key.is_number and key.choice.more is row]
        if words:
            said.append("\n" if said.plain else "")
            said.append(label, "dim")
            said.append_text(Line(" · ", "dim").join([_word(key) for key in words]))
    return Group(*([grid] if grid.row_count else []), *([said] if said.plain else []))


def _word(key: Key) -> Line:
    style = "red" if key.choice.style == "danger" else "cyan"
    label = harmless(key.choice.label)
    line = Line(key.typed, style)
    if not key.choice.more and label.casefold() != key.typed:
        line.append(f" ({label})", "dim")
    return line


# ── Plain ───────────────────────────────────────────────────────────────────────────────────────────────────


def plain(card: Card) -> list[str]:
    """The card as lines without any colour, frame or control mark."""
    lines = [] if card.kind in ("step_done", "notice") else [f"== {card.title}"]
    if card.kind in ("step_done", "notice") and card.title:
        lines = [card.title]
    for block in card.blocks:
        lines += _plain_block(block)
    keys = keys_of(card)
    lines += [f"  {key.typed}) {key.choice.label}" for key in keys if key.is_number]
    for row, label in ((False, "or type"), (True, "more")):
        words = [key.typed for key in keys if not key.is_number and key.choice.more is row]
        if words:
            lines.append(f"  {label}: {' · '.join(words)}")
    return [harmless(line) for line in lines]


def _plain_block(block: Block) -> list[str]:
    match block:
        case Text():
            return [STARS.sub(r"\1", block.text)]
        case Fields():
            return [f"{label}: {value}" for label, value in block.pairs]
        case Bullets():
            title = [f"{block.title}:"] if block.title else []
            return [*title, *("  - " + STARS.sub(r"\1", item) for item in block.items)]
        case Code():
            risk = [f"[{block.risk}]"] if block.risk else []
            return [*risk, *(f"    {line}" for line in block.text.splitlines())]
