"""What must hold for anything drawn for Slack: its limits, unique ids, and that no foreign text comes alive."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View
from slackblocks._surfaces import BlockSurface, validate_surface_blocks

from bot.card import Card
from bot.slack import actions
from engine.session import Status
from tests.bot.card_views import view
from tests.bot.test_cards import cards_of, every_card

NASTY = (
    "<!channel> <!here> <@U0ANNA> <#C0HELP> <!date^1^{date}|x> <https://evil.example|click> &lt;!channel&gt; & < > "
    "*bold* _it_ ~gone~ `code` ```fence``` :tada: https://evil.example a@evil.example @everyone\n> quoted\n"
)
INTERACTIVE = {
    "button",
    "static_select",
    "external_select",
    "conversations_select",
    "radio_buttons",
    "checkboxes",
}
_FIELD = re.compile(r"\*[^*_~`<>|@\s](?:[^*_~`<>|@\n]*[^*_~`<>|@\s])?\*\n(?P<value>.+)", re.DOTALL)
_LINK = re.compile(r"<https://[^\s<>|\"]+\|[^<>|*_~`]+>")

Json = dict[str, Any]


@cache
def of_every_card(status: Status) -> tuple[tuple[str, Card], ...]:
    """Every card of a status, from plain words, from nothing and from ten thousand hostile characters."""
    found = {how: cards_of(status, how) for how in ("plain", "empty", "hostile")}
    found["nasty"] = tuple(every_card(view(status, problem_summary=NASTY), NASTY * 30))
    return tuple((f"{how} {name}", card) for how, cards in found.items() for name, card in cards)


def parts(drawn: Any) -> Iterator[Json]:
    """Every object in it, the outermost first."""
    if isinstance(drawn, dict):
        yield drawn
        for each in drawn.values():
            yield from parts(each)
    elif isinstance(drawn, list):
        for each in drawn:
            yield from parts(each)


def of_type(drawn: Any, *types: str) -> list[Json]:
    return [each for each in parts(drawn) if each.get("type") in types]


def texts(drawn: Any) -> str:
    """Every text a reader sees, one per line."""
    return "\n".join(each["text"] for each in parts(drawn) if isinstance(each.get("text"), str))


def characters(drawn: Any) -> int:
    return sum(len(each["text"]) for each in parts(drawn) if isinstance(each.get("text"), str))


def assert_blocks(name: str, blocks: Sequence[Json], surface: BlockSurface) -> None:
    listed = list(blocks)
    assert 1 <= len(listed) <= (50 if surface == "message" else 100), name
    validate_surface_blocks(listed, surface)
    for block in listed:
        found = Block.parse(block)
        assert found is not None, (name, block)
        found.validate_json()
        _assert_size(name, block)
    ids = [each["action_id"] for block in listed if block["type"] == "actions" for each in block["elements"]]
    ids += [block["element"]["action_id"] for block in listed if block["type"] == "input"]
    assert len(ids) == len(set(ids)), name
    assert all(each.startswith("fp:") and len(each) <= 255 for each in ids), name
    inputs = [block["block_id"] for block in listed if block["type"] == "input"]
    assert len(inputs) == len(set(inputs)), name
    for each in of_type(listed, "button", "static_select"):
        _assert_pressable(name, each)
    assert_harmless(name, listed)


def _assert_size(name: str, block: Json) -> None:
    match block["type"]:
        case "header":
            assert 1 <= len(block["text"]["text"]) <= 150, name
        case "section":
            assert 1 <= len(block["fields"]) <= 10, name
            assert all(1 <= len(each["text"]) <= 2_000 for each in block["fields"]), name
        case "context":
            assert 1 <= len(block["elements"]) <= 10, name
        case "actions":
            assert 1 <= len(block["elements"]) <= 25, name
        case "rich_text":
            assert block["elements"], name
            assert all(each["elements"] for each in block["elements"]), name
        case _:
            assert block["type"] in {"input", "divider"}, name
    for each in of_type(block, "plain_text", "mrkdwn"):
        assert 1 <= len(each["text"]) <= 3_000, name
        assert each["text"].strip(), name


def _assert_pressable(name: str, element: Json) -> None:
    for option in element.get("options", ()):
        assert 1 <= len(option["text"]["text"]) <= 75, name
        assert 1 <= len(option["value"]) <= 150, name
    assert len(element.get("options", ())) <= 100, name
    if element["type"] == "button":
        assert 1 <= len(element["text"]["text"]) <= 75, name
        assert 1 <= len(element["value"]) <= 150, name
        assert actions.click(element), name
        assert element.get("style", "primary") in {"primary", "danger"}, name
    if "confirm" in element:
        asked = element["confirm"]
        assert len(asked["title"]["text"]) <= 100, name
        assert len(asked["text"]["text"]) <= 300, name
        assert max(len(asked["confirm"]["text"]), len(asked["deny"]["text"])) <= 30, name


def assert_harmless(name: str, blocks: Sequence[Json]) -> None:
    """Foreign text stands only where Slack reads no markup; the one place with markup holds nothing alive."""
    known = {"text", "link"}
    for each in of_type(list(blocks), "rich_text_section", "rich_text_preformatted"):
        assert {element["type"] for element in each["elements"]} <= known, name
    for link in of_type(list(blocks), "link"):
        assert re.fullmatch(r"https://[^\s<>|\"]+", link["url"]), (name, link)
    for element in of_type(list(blocks), "mrkdwn"):
        assert element["verbatim"] is True, name
        field = _FIELD.fullmatch(element["text"])
        assert field, (name, element)
        bare = html.unescape(_LINK.sub("", field["value"]))
        assert not re.search(r"[*_~`<>|@]|://|:\w+:", bare), (name, element)
    for element in of_type(list(blocks), "plain_text"):
        assert element["emoji"] is False, name
    said = texts(list(blocks))
    assert "\u202e" not in said, name
    assert "\x00" not in said, name


def assert_fallback(name: str, text: str) -> None:
    assert 1 <= len(text) <= 3_000, name
    assert "\n" not in text, name
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", text), (name, text)
    assert not re.search(r"[*~`]|:\w*[a-z]\w*:", text), (name, text)


def assert_message(name: str, drawn: Json) -> None:
    assert set(drawn) == {"text", "blocks"}, name
    assert_fallback(name, drawn["text"])
    assert_blocks(name, drawn["blocks"], "message")
    assert characters(drawn["blocks"]) <= 12_000, name


def assert_modal(name: str, drawn: Json) -> None:
    assert_blocks(name, drawn["blocks"], "modal")
    View(**drawn).validate_json()
    assert len(json.dumps(drawn)) < 250_000, name
    assert len(drawn["private_metadata"]) <= 3_000, name
    assert drawn["callback_id"] == "fp", name
    for part in ("title", "close", *(["submit"] if "submit" in drawn else [])):
        assert 1 <= len(drawn[part]["text"]) <= 24, name
    for block in drawn["blocks"]:
        if block["type"] == "input":
            _assert_input(name, block)
    assert ("submit" in drawn) >= any(block["type"] == "input" for block in drawn["blocks"]), name


def _assert_input(name: str, block: Json) -> None:
    element = block["element"]
    assert block["block_id"].startswith("f:") and len(block["block_id"]) <= 255, name
    assert 1 <= len(block["label"]["text"]) <= 2_000, name
    assert len(block.get("hint", {"text": ""})["text"]) <= 2_000, name
    assert len(element.get("initial_value", "")) <= element.get("max_length", 3_000) <= 3_000, name
    options = element.get("options", [])
    assert len(options) <= {"radio_buttons": 10, "checkboxes": 10}.get(element["type"], 100), name
    values = [option["value"] for option in options]
    assert len(values) == len(set(values)), name
    assert all(1 <= len(value) <= 150 for value in values), name
    assert all(1 <= len(option["text"]["text"]) <= 75 for option in options), name
    assert element.get("initial_option") in [None, *options] or element["type"] == "external_select", name


def state_of(drawn: Json, given: dict[str, Any] | None = None) -> Json:
    """The view as Slack submits it: untouched inputs as they stood, `given` by block id instead."""
    values = {}
    for block in drawn["blocks"]:
        if block["type"] != "input":
            continue
        element = block["element"]
        values[block["block_id"]] = {
            element["action_id"]: _untouched(element) | (given or {}).get(block["block_id"], {})
        }
    return {**drawn, "state": {"values": values}}


def _untouched(element: Json) -> Json:
    kind = element["type"]
    match kind:
        case "plain_text_input":
            return {"type": kind, "value": element.get("initial_value")}
        case "checkboxes":
            return {"type": kind, "selected_options": element.get("initial_options", [])}
        case "conversations_select":
            return {"type": kind, "selected_conversation": element.get("initial_conversation")}
        case "file_input":
            return {"type": kind, "files": []}
        case _:
            return {"type": kind, "selected_option": element.get("initial_option")}
