"""The manifest against the code: every scope, event, command and shortcut in it is used, and none is missing."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from bot.commands import parse
from bot.slack import manifest, payloads
from bot.slack.manifest import ManifestWrong, behind, root
from tests.bot.commands import Flowpilot

FOLDER = Path(manifest.__file__).parent
METHOD = re.compile(
    r"(agents|assistant|auth|bots|chat|conversations|files|oauth|pins|reactions|team|users|views)\.[A-Za-z0-9.]+"
)
NO_SCOPE = frozenset[str]()
CHANNELS = frozenset({"channels:read", "groups:read", "im:read", "mpim:read"})
TALK = frozenset({"channels:history", "groups:history", "im:history", "mpim:history"})

SCOPES_OF_METHODS: dict[str, frozenset[str]] = {
    "agents.sessions.setStatus": frozenset({"assistant:write"}),
    "assistant.threads.setStatus": frozenset({"assistant:write"}),
    "assistant.threads.setSuggestedPrompts": frozenset({"assistant:write"}),
    "assistant.threads.setTitle": frozenset({"assistant:write"}),
    "auth.test": NO_SCOPE,
    "chat.appendStream": frozenset({"chat:write"}),
    "chat.delete": frozenset({"chat:write"}),
    "chat.getPermalink": NO_SCOPE,
    "chat.postEphemeral": frozenset({"chat:write"}),
    "chat.postMessage": frozenset({"chat:write"}),
    "chat.startStream": frozenset({"chat:write"}),
    "chat.stopStream": frozenset({"chat:write"}),
    "chat.update": frozenset({"chat:write"}),
    "conversations.history": TALK,
    "conversations.info": CHANNELS,
    "conversations.list": CHANNELS,
    "conversations.members": CHANNELS,
    "conversations.open": frozenset({"im:write"}),
    "conversations.replies": TALK,
    "files.completeUploadExternal": frozenset({"files:write"}),
    "files.getUploadURLExternal": frozenset({"files:write"}),
    "files.info": frozenset({"files:read"}),
    "oauth.v2.access": NO_SCOPE,
    "reactions.add": frozenset({"reactions:write"}),
    "reactions.remove": frozenset({"reactions:write"}),
    "users.info": frozenset({"users:read", "users:read.email"}),
    "users.lookupByEmail": frozenset({"users:read.email"}),
    "views.open": NO_SCOPE,
    "views.publish": NO_SCOPE,
    "views.push": NO_SCOPE,
    "views.update": NO_SCOPE,
}
SCOPES_OF_EVENTS: dict[str, frozenset[str]] = {
    "agent_session_stopped": frozenset({"assistant:write"}),
    "app_home_opened": NO_SCOPE,
    "app_mention": frozenset({"app_mentions:read"}),
    "app_uninstalled": NO_SCOPE,
    "member_joined_channel": frozenset({"channels:read", "groups:read"}),
    "message.channels": frozenset({"channels:history"}),
    "message.groups": frozenset({"groups:history"}),
    "message.im": frozenset({"im:history"}),
    "message.mpim": frozenset({"mpim:history"}),
    "tokens_revoked": NO_SCOPE,
}
OF_THE_REST = frozenset({"commands", "files:read"})
"""Slash command and shortcuts; and downloads, which are no method."""


def methods_used() -> set[str]:
    """Every name of a method that stands alone as a text in bot/slack, except the list of what may be repeated."""
    found: set[str] = set()
    for path in FOLDER.glob("*.py"):
        if path.name != "api.py":
            texts = (
                node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)
            )
            found |= {text for text in texts if isinstance(text, str) and METHOD.fullmatch(text)}
    return found


def of(made: dict[str, Any]) -> tuple[set[str], set[str]]:
    """(scopes, events)"""
    events = made["settings"]["event_subscriptions"]["bot_events"]
    return set(made["oauth_config"]["scopes"]["bot"]), set(events)


def test_no_scope_is_asked_for_without_use_and_none_is_missing() -> None:
    scopes, events = of(root())
    used = methods_used()
    assert used <= set(SCOPES_OF_METHODS), "Name the scopes of a new method here."
    needed = OF_THE_REST.union(
        *(SCOPES_OF_METHODS[name] for name in used), *(SCOPES_OF_EVENTS[name] for name in events)
    )
    assert scopes == needed


def test_the_check_sees_the_methods() -> None:
    assert {"auth.test", "oauth.v2.access", "files.info"} <= methods_used()


def test_the_events_are_those_that_are_understood() -> None:
    _, events = of(root())
    assert {name.partition(".")[0] for name in events} == payloads.EVENTS
    assert events == set(SCOPES_OF_EVENTS)


def test_the_shortcuts_and_the_command_are_those_that_are_understood() -> None:
    features = root()["features"]
    assert {each["callback_id"] for each in features["shortcuts"]} == payloads.SHORTCUTS
    [command] = features["slash_commands"]
    assert (command["command"], command["should_escape"]) == ("/flowpilot", True)
    assert all(len(each["name"]) <= 24 for each in features["shortcuts"])


def test_a_suggested_prompt_is_something_flowpilot_understands() -> None:
    prompts = root()["features"]["agent_view"]["suggested_prompts"]
    assert [command.verb if (command := parse(each["message"])) else "" for each in prompts] == [
        "",
        "mine",
        "queue",
        "help",
    ]


def test_the_file_is_for_socket_mode() -> None:
    made = root()
    assert made["settings"]["socket_mode_enabled"]
    assert not made["settings"]["token_rotation_enabled"]
    assert "http" not in json.dumps(made)


def test_behind_an_address_slack_calls_it_everywhere_and_tokens_are_renewed() -> None:
    made = behind("https://flowpilot.example.com/")
    events = "https://flowpilot.example.com/slack/events"
    settings = made["settings"]
    assert settings["event_subscriptions"]["request_url"] == events
    assert settings["interactivity"] == {
        "is_enabled": True,
        "request_url": events,
        "message_menu_options_url": events,
    }
    assert made["features"]["slash_commands"][0]["url"] == events
    assert made["oauth_config"]["redirect_urls"] == ["https://flowpilot.example.com/slack/oauth_redirect"]
    assert (settings["socket_mode_enabled"], settings["token_rotation_enabled"]) == (False, True)
    assert of(made) == of(root())
    assert not made["settings"]["org_deploy_enabled"]


@pytest.mark.parametrize(
    "address",
    [
        "http://a.example",
        "a.example",
        "https://",
        "https://me@a.example",
        "https://a.example/?x=1",
        "http://[",
    ],
)
def test_an_address_that_slack_cannot_call_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(ManifestWrong, match=r"https://flowpilot\.example\.com"):
        behind(address)


async def test_the_command_prints_nothing_but_the_manifest() -> None:
    flowpilot = Flowpilot({})
    assert (await flowpilot.does("slack-manifest", "--socket")).json == root()
    heard = await flowpilot.does("slack-manifest", "--url", "https://a.example/desk")
    assert heard.json == behind("https://a.example/desk")
    assert "https://" in await flowpilot.refuses("slack-manifest", "--url", "a.example")
    with pytest.raises(SystemExit):
        main(["slack-manifest"], {})
