"""Draws cards for a terminal: soberly framed with rich, or as plain lines where there is nothing to draw with."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.rule import Rule
from rich.style import Style
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text as Line

from bot.card import Block, Bullets, Card, Code, Fields, Text
from bot.console_keys import Key, keys_of
from bot.words import say

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
STARS = re.compile(r"(?<![\w*])\*(?![.\\/,;*])(\S(?:[^*\n]*\S)?)\*(?![\w*]|[.\\/]\w)")
UNSEEN = {"Cc", "Cf", "Cs", "Co"}
MOST_WORDS = 25
"""Of a row; what is not shown can be typed all the same."""


def harmless(text: str) -> str:
    """The text without what would steer a terminal or hide from its reader."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in UNSEEN)


def drawn(card: Card, width: int, *, colour: bool) -> str:
    """The whole card as text with a line break at its end; colours and links as the terminal reads them."""
    if not colour:
        return "\n".join(plain(card)) + "\n"
    paper = io.StringIO()
    wide = max(NARROWEST, min(width, WIDEST))
    desk = Console(
        file=paper, width=wide, force_terminal=True, color_system="256", highlight=False, emoji=False
    )
    for part in _card(card):
        # A script is broken by the terminal alone, so that it can be copied as it is.
        desk.print(part, soft_wrap=isinstance(part, Script))
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


class Script(Line):
    """Lines to copy: neither framed nor indented nor wrapped."""


# ── Framed ──────────────────────────────────────────────────────────────────────────────────────────────────


def _card(card: Card) -> Iterable[RenderableType]:
    """A rule with the title, the blocks, what can be typed, and a thin rule."""
    if card.kind == "step_done":
        yield Line(harmless(card.title), TONES[card.tone] or "green")
        return
    title = Line(harmless(card.title), "bold")
    keys = keys_of(card)
    if card.kind == "notice":
        yield _notice(card, title, [part for block in card.blocks for part in _block(block)], keys)
        return
    border = "yellow" if card.tone == "warning" else BORDERS[card.kind]
    yield Rule(title, align="left", style=border)
    yield from _spaced(card.blocks)
    if keys:
        yield Line("")
        yield _keys(keys)
    yield Rule(style="bright_black")


def _notice(card: Card, title: Line, body: list[RenderableType], keys: tuple[Key, ...]) -> RenderableType:
    """A sentence with a mark at its left."""
    said: list[RenderableType] = [title] if title.plain.strip() else []
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=1)
    grid.add_column(ratio=1)
    mark = {"warning": "yellow", "good": "green"}.get(card.tone, "blue")
    grid.add_row(Line("▌", mark), Group(*said, *body, *([_keys(keys)] if keys else [])))
    return grid


def _spaced(blocks: tuple[Block, ...]) -> Iterable[RenderableType]:
    """A blank line between blocks, but not between paragraphs."""
    for at, block in enumerate(blocks):
        if at and not (isinstance(block, Text) and isinstance(blocks[at - 1], Text)):
            yield Line("")
        yield from _block(block)


def _block(block: Block) -> list[RenderableType]:
    match block:
        case Text():
            return [_emphasised(block.text, TONES[block.tone])]
        case Fields():
            return [_fields(block)]
        case Bullets():
            rows = [Line.assemble("• ", _emphasised(item, "")) for item in block.items]
            return [*([Line(harmless(block.title), "bold")] if block.title else []), *rows]
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


def _code(block: Code) -> list[RenderableType]:
    """Its risk in a line above; read-only is the only green one."""
    safe = block.risk == say("risk.read_only")
    head = Line.assemble(
        (harmless(block.language), "dim"), ("  ▲ " if block.risk and not safe else "  ", "yellow")
    )
    head.append(harmless(block.risk), "green" if safe else "bold yellow")
    syntax = Syntax("", block.language or "text", theme="ansi_dark", background_color="default")
    script = Script()
    script.append_text(syntax.highlight(harmless(block.text)))
    script.rstrip()
    return [head, script]


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
            said.append_text(Line(" · ", "dim").join([_word(key) for key in words[:MOST_WORDS]]))
    return Group(*([grid] if grid.row_count else []), *([said] if said.plain else []))


def _word(key: Key) -> Line:
    style = "red" if key.choice.style == "danger" else "cyan"
    label = harmless(key.choice.label)
    line = Line(harmless(key.typed), style)
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
            lines.append(f"  {label}: {' · '.join(words[:MOST_WORDS])}")
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
