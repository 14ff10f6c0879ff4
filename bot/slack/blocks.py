"""Draws a neutral Card as the blocks of a Slack message: pure, and always within what Slack takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from bot.card import Block, Bullets, Card, Choice, Code, Fields, Text
from bot.slack import actions
from bot.slack.fitting import fitting
from bot.slack.markup import (
    Json,
    channel_of,
    fallback,
    https,
    labelled,
    live,
    plain,
    runs,
    runs_as_written,
    section,
    unstarred,
)
from bot.words import say

BLOCKS = 50
HEADER = 150
BUTTON = 75
CONFIRM, CONFIRM_BUTTON = 300, 30
_ROW = 25
"""Elements of one actions block."""
_OPTIONS = 100
_PAIRS = 10
_SHORT = 80
"""A longer value does not stand in half a column."""
_INTERACTIVE = frozenset({"actions", "context_actions", "input"})


def message(card: Card) -> Json:
    """`{"text", "blocks"}`: the text is what a notification shows. A form is told without its inputs."""
    return {"text": summary(card), "blocks": drawn(card, count()) or nothing()}


def drawn(card: Card, numbers: Iterator[int]) -> list[Json]:
    """At most 50 blocks. `numbers` makes every action_id unique and may run on over several cards."""
    head, pressed = title(card), controls(card, numbers)
    body = fitting(card.blocks, drawn_block, BLOCKS - len(head) - len(pressed), beside=[*head, *pressed])
    return [*head, *body, *pressed]


def nothing() -> list[Json]:
    """What stands where a card has nothing to show: Slack takes no empty message and no empty view."""
    return [_context(say("slack.name"))]


def summary(card: Card) -> str:
    """One escaped line: the title and the first words below it."""
    said = " – ".join(each for each in (card.title, _first_words(card.blocks)) if each.strip())
    return fallback(said) or say("slack.name")


def _first_words(blocks: Sequence[Block]) -> str:
    for block in blocks:
        match block:
            case Text() if block.text.strip():
                return block.text
            case Bullets() if block.items:
                return f"{block.title}: {block.items[0]}" if block.title else block.items[0]
            case _:
                continue
    return ""


def title(card: Card) -> list[Json]:
    """A header; a Step that is done steps back into one quiet line."""
    if not card.title.strip():
        return []
    if card.kind == "step_done":
        return drawn_block(Text(card.title, "muted" if card.tone == "muted" else "plain"))
    if len(card.title) > HEADER:
        return [_rich(section(*runs(card.title, bold=True)))]
    return [{"type": "header", "text": plain(card.title, HEADER)}]


def spent(blocks: Sequence[Mapping[str, Any]], label: str) -> list[Json]:
    """The blocks after a click: nothing left to press, and what was chosen. At most 50."""
    kept = [
        {name: part for name, part in block.items() if name != "accessory"}
        for block in blocks
        if block.get("type") not in _INTERACTIVE
    ]
    return [*kept[: BLOCKS - 1], _context(say("slack.spent", label=label))]


# ── Blocks ──────────────────────────────────────────────────────────────────────────────────────────────────


def drawn_block(block: Block) -> list[Json]:
    """None for a block without words."""
    match block:
        case Text():
            return _paragraph(block) if block.text.strip() else []
        case Fields():
            return _fields(block)
        case Bullets():
            items = [section(*runs(item)) for item in block.items if item.strip()]
            head = [section(*runs(block.title, bold=True))] if block.title.strip() else []
            rows = [{"type": "rich_text_list", "style": "bullet", "elements": items}] if items else []
            return [_rich(*head, *rows)] if head or rows else []
        case Code():
            return _code(block) if block.text.strip() else []


def _paragraph(block: Text) -> list[Json]:
    match block.tone:
        case "muted":
            return [_context(block.text)]
        case "warning":
            return [_rich(section(*runs(say("slack.warning"), bold=True), *runs(f" {block.text}")))]
        case "good":
            return [_rich(section(*runs(say("slack.good"), bold=True), *runs(f" {block.text}")))]
        case "plain":
            return [_rich(section(*runs(block.text)))]


def _rich(*elements: Json) -> Json:
    return {"type": "rich_text", "elements": list(elements)}


def _context(text: str) -> Json:
    return {"type": "context", "elements": [plain(unstarred(text))]}


def _fields(block: Fields) -> list[Json]:
    """Two columns where every value is short and plain, but for the last, which may have a line of its own."""
    pairs = [(label, value) for label, value in block.pairs if label.strip() or value.strip()]
    links = {text: url for text, url in block.links.items() if https(url)}
    in_columns = pairs if not pairs or _column(*pairs[-1]) else pairs[:-1]
    if not in_columns or not all(_column(*pair) for pair in in_columns):
        return [_rows(pairs, links)] if pairs else []
    columns = [labelled(label, value, links) for label, value in in_columns]
    tables: list[Json] = [
        {"type": "section", "fields": columns[at : at + _PAIRS]} for at in range(0, len(columns), _PAIRS)
    ]
    rest = pairs[len(in_columns) :]
    return [*tables, _rows(rest, links)] if rest else tables


def _column(label: str, value: str) -> bool:
    if not label.strip() or "\n" in label + value or live(label) or live(value):
        return False
    return len(label) <= _SHORT and len(value) <= _SHORT


def _rows(pairs: Sequence[tuple[str, str]], links: Mapping[str, str]) -> Json:
    """One under the other: the label bold, a long value below it. The line ends are written, because sections of
    rich text that follow each other need not stand on lines of their own.
    """
    below = any(len(value) > _SHORT for _, value in pairs)
    found = []
    for number, (label, value) in enumerate(pairs, 1):
        between = runs("\n" if below else ": ", bold=not below) if label.strip() and value.strip() else []
        end = runs("\n") if number < len(pairs) else []
        channel = channel_of(label, value)
        told = [{"type": "channel", "channel_id": channel}] if channel else runs(value, links)
        found.append(section(*runs(label, links, bold=True), *between, *told, *end))
    return _rich(*found)


def _code(block: Code) -> list[Json]:
    """Its language and its risk in words above it. Preformatted rich text has no end a script could write."""
    said = [*runs(block.language), *runs(" · " if block.language and block.risk else "")]
    head = [*said, *runs(block.risk, bold=True)]
    script = {"type": "rich_text_preformatted", "elements": runs_as_written(block.text)}
    return [_rich(*([section(*head)] if head else []), script)]


# ── What can be pressed ─────────────────────────────────────────────────────────────────────────────────────


def controls(card: Card, numbers: Iterator[int]) -> list[Json]:
    """The answers of a Step in a row of their own, then the verbs and More. None for a card without choices."""
    first = [c for c in card.choices if not c.more]
    answers = [_button(c, numbers) for c in first if c.verb == "answer"]
    verbs = [_button(c, numbers) for c in first if c.verb != "answer"]
    # An option of a menu cannot ask before it counts, so what must be asked is a button.
    verbs += [_button(c, numbers) for c in card.choices if c.more and c.confirm]
    verbs += _menus([c for c in card.choices if c.more and not c.confirm], numbers)
    return [
        {"type": "actions", "elements": row[at : at + _ROW]}
        for row in (answers, verbs)
        for at in range(0, len(row), _ROW)
    ]


def _button(choice: Choice, numbers: Iterator[int]) -> Json:
    made: Json = {
        "type": "button",
        "text": plain(choice.label, BUTTON),
        "action_id": actions.action_id(choice.verb, next(numbers)),
        "value": actions.value(choice),
    }
    if choice.style != "plain":
        made["style"] = choice.style
    if choice.confirm:
        made["confirm"] = _confirm(choice)
    return made


def _confirm(choice: Choice) -> Json:
    asked: Json = {
        "title": plain(choice.label, BUTTON),
        "text": plain(choice.confirm, CONFIRM),
        "confirm": plain(say("slack.yes"), CONFIRM_BUTTON),
        "deny": plain(say("slack.no"), CONFIRM_BUTTON),
    }
    return asked | {"style": "danger"} if choice.style == "danger" else asked


def _menus(choices: Sequence[Choice], numbers: Iterator[int]) -> list[Json]:
    """One menu; more only beyond a hundred options."""
    options = {
        actions.value(c): {"text": plain(c.label, BUTTON), "value": actions.value(c)}
        for c in reversed(choices)
    }
    listed = list(reversed(options.values()))
    return [
        {
            "type": "static_select",
            "placeholder": plain(say("slack.more"), 150),
            "action_id": f"{actions.MORE}:{next(numbers)}",
            "options": listed[at : at + _OPTIONS],
        }
        for at in range(0, len(listed), _OPTIONS)
    ]
