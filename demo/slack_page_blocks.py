"""Blocks and their elements as HTML, close to how Slack shows them."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from demo.slack_page_text import emoji, link, markdown, mrkdwn, rich_text, text_of
from demo.slack_refusals import Json
from demo.slack_world import World

Values = dict[str, dict[str, Json]]
Draw = Callable[[World, Json, Values, dict[str, str]], str]
CHOSEN = (
    "value", "selected_date", "selected_time", "selected_user", "selected_conversation", "selected_channel",
)  # fmt: skip


def draw(
    world: World, blocks: list[Json], values: Values | None = None, errors: dict[str, str] | None = None
) -> str:
    """All blocks; `values` is state.values of a window, `errors` its messages by block_id."""
    return "".join(
        f"<div class='block {escape(str(one.get('type')))}'>{_block(world, one, values or {}, errors or {})}</div>"
        for one in blocks
    )


def _block(world: World, block: Json, values: Values, errors: dict[str, str]) -> str:
    found = DRAWN.get(str(block.get("type")))
    return found(world, block, values, errors) if found else escape(f"[{block.get('type')}]")


def _section(world: World, block: Json, values: Values, _: dict[str, str]) -> str:
    words = f"<div>{text_of(world, block['text'])}</div>" if block.get("text") else ""
    fields = "".join(f"<div>{text_of(world, one)}</div>" for one in block.get("fields") or [])
    grid = f"<div class='fields'>{fields}</div>" if fields else ""
    beside = (
        element(world, block["accessory"], _state(values, block, block["accessory"]))
        if block.get("accessory")
        else ""
    )
    return f"<div class='row'><div class='grow'>{words}{grid}</div>{beside}</div>"


def _header(world: World, block: Json, *_: Any) -> str:
    return f"<h3>{text_of(world, block['text'])}</h3>"


def _context(world: World, block: Json, *_: Any) -> str:
    parts = [
        picture(one) if one.get("type") == "image" else f"<span>{text_of(world, one)}</span>"
        for one in block["elements"]
    ]
    return f"<div class='small'>{' '.join(parts)}</div>"


def _divider(*_: Any) -> str:
    return "<hr>"


def _actions(world: World, block: Json, values: Values, _: dict[str, str]) -> str:
    parts = "".join(element(world, one, _state(values, block, one)) for one in block["elements"])
    return f"<div class='buttons'>{parts}</div>"


def _rich(world: World, block: Json, *_: Any) -> str:
    return rich_text(world, block)


def _markdown(world: World, block: Json, *_: Any) -> str:
    return markdown(str(block["text"]))


def _image(world: World, block: Json, *_: Any) -> str:
    title = f"<div class='small'>{text_of(world, block['title'])}</div>" if block.get("title") else ""
    return f"{title}<div class='image'>▨ {escape(str(block.get('alt_text', '')))}</div>"


def _input(world: World, block: Json, values: Values, errors: dict[str, str]) -> str:
    one = block["element"]
    optional = " <span class='soft'>(optional)</span>" if block.get("optional") else ""
    hint = f"<div class='small'>{text_of(world, block['hint'])}</div>" if block.get("hint") else ""
    error = errors.get(str(block.get("block_id")))
    wrong = f"<div class='error'>⚠ {escape(error)}</div>" if error else ""
    label = f"<label>{text_of(world, block['label'])}{optional}</label>"
    return f"{label}{element(world, one, _state(values, block, one))}{hint}{wrong}"


def _table(world: World, block: Json, *_: Any) -> str:
    rows = ""
    for row in block["rows"]:
        cells = "".join(
            f"<td>{rich_text(world, one) if one.get('type') == 'rich_text' else escape(str(one.get('text', '')))}</td>"
            for one in row
        )
        rows += f"<tr>{cells}</tr>"
    return f"<table>{rows}</table>"


def _alert(world: World, block: Json, *_: Any) -> str:
    return f"<div class='alert {escape(str(block.get('level', 'default')))}'>{text_of(world, block['text'])}</div>"


def _task(world: World, block: Json, *_: Any) -> str:
    signs = {"complete": "✓", "in_progress": "◔", "pending": "○", "error": "✕"}
    return f"<div class='task'>{signs.get(str(block.get('status')), '○')} {escape(str(block.get('title', '')))}</div>"


def _plan(world: World, block: Json, *_: Any) -> str:
    tasks = "".join(_task(world, one) for one in block.get("tasks") or [])
    return f"<div><b>{escape(str(block.get('title', '')))}</b>{tasks}</div>"


DRAWN: dict[str, Draw] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "divider": _divider,
    "actions": _actions,
    "context_actions": _actions,
    "rich_text": _rich,
    "markdown": _markdown,
    "image": _image,
    "input": _input,
    "table": _table,
    "alert": _alert,
    "task_card": _task,
    "plan": _plan,
}


def _state(values: Values, block: Json, one: Json) -> Json:
    return values.get(str(block.get("block_id")), {}).get(str(one.get("action_id")), {})


def element(world: World, one: Json, state: Json) -> str:
    """One element with what is chosen or typed in it."""
    kind = str(one.get("type"))
    match kind:
        case "button" | "workflow_button":
            style = escape(str(one.get("style", "")))
            return f"<span class='button {style}'>{text_of(world, one['text'])}</span>"
        case "icon_button":
            return f"<span class='button'>{text_of(world, one.get('text'))}</span>"
        case "feedback_buttons":
            sides = (one["positive_button"], one["negative_button"])
            return "".join(f"<span class='button'>{text_of(world, side['text'])}</span>" for side in sides)
        case "overflow":
            rows = "".join(f"<li>{text_of(world, row['text'])}</li>" for row in one["options"])
            return f"<details class='overflow'><summary class='button'>⋯</summary><ul>{rows}</ul></details>"
        case "image":
            return f"<div class='image'>▨ {escape(str(one.get('alt_text', '')))}</div>"
        case "checkboxes" | "radio_buttons":
            return _ticks(world, one, state)
        case "file_input":
            names = ", ".join(str(row.get("name")) for row in state.get("files") or [])
            return f"<div class='field soft'>▤ {escape(names) or 'Upload a file'}</div>"
        case _:
            return _field(world, one, state)


def _ticks(world: World, one: Json, state: Json) -> str:
    single = one["type"] == "radio_buttons"
    initial = [one["initial_option"]] if one.get("initial_option") else one.get("initial_options") or []
    if state:
        initial = (
            [state["selected_option"]]
            if state.get("selected_option")
            else state.get("selected_options") or []
        )
    chosen = {row["value"] for row in initial}
    shown = ""
    for row in one["options"]:
        sign = ("◉" if single else "☑") if row["value"] in chosen else ("○" if single else "☐")
        more = (
            f"<div class='small'>{text_of(world, row['description'])}</div>" if row.get("description") else ""
        )
        shown += f"<div class='tick'>{sign} {text_of(world, row['text'])}{more}</div>"
    return shown


def _field(world: World, one: Json, state: Json) -> str:
    """Everything with a box: texts, menus, dates."""
    words = next((str(state[name]) for name in CHOSEN if state.get(name)), "")
    option = state.get("selected_option") or (None if state else one.get("initial_option"))
    several = state.get("selected_options") or (None if state else one.get("initial_options")) or []
    if option or several:
        words = ", ".join(str(row["text"]["text"]) for row in ([option] if option else several))
    if not words and not state:
        initial = ("value", "date", "time", "user", "conversation", "channel")
        words = next((str(one[f"initial_{name}"]) for name in initial if one.get(f"initial_{name}")), "")
    if state.get("rich_text_value"):
        return f"<div class='field tall'>{rich_text(world, state['rich_text_value'])}</div>"
    shown = (
        emoji(escape(words)).replace("\n", "<br>")
        or f"<span class='soft'>{text_of(world, one.get('placeholder'))}&nbsp;</span>"
    )
    tall = " tall" if one.get("multiline") or one["type"] == "rich_text_input" else ""
    arrow = "<span class='arrow'>▾</span>" if "select" in one["type"] else ""
    width = " menu" if "select" in one["type"] or "picker" in one["type"] else ""
    return f"<div class='field{tall}{width}'>{shown}{arrow}</div>"


def picture(one: Json) -> str:
    return f"<span class='thumb' title='{escape(str(one.get('alt_text', '')))}'>▨</span>"


def files(rows: list[Json]) -> str:
    return "".join(
        f"<div class='file'><b>▤ {link(str(one['url_private']), str(one['title']))}</b>"
        f"<div class='small'>{escape(str(one['pretty_type']))} · {int(one['size'])} bytes</div></div>"
        for one in rows
    )


def message_body(world: World, message: Json) -> str:
    """Blocks when there are some, the text otherwise; files below."""
    blocks = message.get("blocks")
    shown = (
        draw(world, blocks)
        if blocks
        else f"<div class='block'>{mrkdwn(world, str(message.get('text', '')))}</div>"
    )
    return shown + files(message.get("files") or [])
