"""What the practice Slack sends has every part that Slack's own sample payloads have."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.demo.slack_client import Ground, ground

SAMPLES = Path(__file__).parents[2].parent / "shared/samples/slack"
pytestmark = pytest.mark.skipif(not SAMPLES.exists(), reason="Slack's sample payloads are not here")

# Of an organisation, of pictures' thumbnails, and of fields that Slack keeps for old apps.
LEFT_OUT = (
    "enterprise", "authed_users", "thumb", "original_", "permalink_public", "has_rich_preview", "media_display",
    "display_as_bot", "upload", "event_context", "token", "deprecate",
)  # fmt: skip
CARD = [
    {
        "type": "actions",
        "elements": [
            {"type": "button", "action_id": "a", "value": "v", "text": {"type": "plain_text", "text": "Go"}}
        ],
    }
]
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 40).decode()


def parts(value: Any, at: str = "") -> Iterator[str]:
    """Every path to a value; what stands in lists and what is typed into a form is looked at by its first one."""
    if isinstance(value, Mapping):
        for name, inside in value.items():
            if at.endswith((".values", ".values.*")):
                name = "*"  # noqa: PLW2901 - ids that somebody chose
            yield f"{at}.{name}"
            yield from parts(inside, f"{at}.{name}")
    elif isinstance(value, list) and value:
        yield from parts(value[0], f"{at}[]")


def sample(name: str) -> dict[str, Any]:
    [found] = SAMPLES.glob(f"{name}.*.json")
    read: dict[str, Any] = json.loads(found.read_text())
    return read


async def _mention(here: Ground) -> dict[str, Any]:
    await here.slack.act("U0ANNA", "say", channel="C0HELP", text="@FlowPilot hi")
    return event(here, "app_mention")


async def _message(here: Ground) -> dict[str, Any]:
    await here.slack.act("U0ANNA", "say", channel="C0HELP", text="hi")
    return event(here, "message")


async def _file(here: Ground) -> dict[str, Any]:
    file = {"name": "file.png", "mimetype": "image/png", "content_b64": PNG}
    await here.slack.act("U0ANNA", "say", channel="C0HELP", text="hi", files=[file])
    return event(here, "message")


async def _broadcast(here: Ground) -> dict[str, Any]:
    root = await here.slack.act("U0ANNA", "say", channel="C0HELP", text="root")
    await here.slack.act("U0ANNA", "say", channel="C0HELP", text="all", thread_ts=root["ts"], broadcast=True)
    return next(e for e in bodies(here) if e["event"].get("subtype") == "thread_broadcast")


async def _home(here: Ground) -> dict[str, Any]:
    await here.slack.act("U0ANNA", "open_home", tab="messages")
    return event(here, "app_home_opened")


async def _click(here: Ground) -> dict[str, Any]:
    await here.client.chat_postEphemeral(channel="C0HELP", user="U0ANNA", text="Go", blocks=CARD)
    await here.slack.act("U0ANNA", "click", channel="C0HELP", label="Go")
    return here.app.last("block_actions")


async def _command(here: Ground) -> dict[str, Any]:
    await here.slack.act("U0ANNA", "command", channel="C0HELP", text="hi")
    return next(h.body for h in here.app.heard if h.kind == "command")


async def _shortcut(here: Ground) -> dict[str, Any]:
    said = await here.slack.act("U0ANNA", "say", channel="C0HELP", text="@FlowPilot hi")
    await here.slack.act(
        "U0ANNA", "shortcut", callback_id="troubleshoot_this", channel="C0HELP", ts=said["ts"]
    )
    return here.app.last("message_action")


def bodies(here: Ground) -> list[dict[str, Any]]:
    return [heard.body for heard in here.app.heard if heard.kind == "event"]


def event(here: Ground, kind: str) -> dict[str, Any]:
    return next(body for body in bodies(here) if body["event"]["type"] == kind)


ACTS = {
    "event.app_mention": _mention,
    "event.message.message": _message,
    "event.message.file_share": _file,
    "event.message.thread_broadcast": _broadcast,
    "event.app_home_opened": _home,
    "block_actions": _click,
    "slash_command": _command,
    "message_action": _shortcut,
}


@pytest.mark.parametrize("name", sorted(ACTS))
async def test_what_the_practice_slack_sends_has_every_part_of_slacks_sample(name: str) -> None:
    async with ground() as here:
        sent = await ACTS[name](here)
        await here.slack.idle()
    wanted = {part for part in parts(sample(name)) if not any(left in part for left in LEFT_OUT)}
    assert wanted - set(parts(sent)) == set()
