"""The Slack app's manifest: the file in the root for Socket Mode, and the same app behind a public address."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from yarl import URL

FILE = Path(__file__).resolve().parents[2] / "manifest.json"
EVENTS_PATH = "/slack/events"
INSTALL_PATH = "/slack/install"
REDIRECT_PATH = "/slack/oauth_redirect"


class ManifestWrong(Exception):
    """There is no manifest, or none can be made; the message says what to do."""


def root() -> dict[str, Any]:
    """The Socket Mode variant, as it is in the file."""
    try:
        found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError) as wrong:
        raise ManifestWrong(f"{FILE} cannot be read. Put the file of this version back.") from wrong
    return found


def scopes() -> tuple[str, ...]:
    """What an install asks for."""
    return tuple(root()["oauth_config"]["scopes"]["bot"])


def behind(address: str) -> dict[str, Any]:
    """The variant for a public address, for example https://flowpilot.example.com. Its tokens end and are renewed."""
    base = _base(address)
    made = copy.deepcopy(root())
    events = f"{base}{EVENTS_PATH}"
    settings = made["settings"]
    settings["event_subscriptions"]["request_url"] = events
    settings["interactivity"] |= {"request_url": events, "message_menu_options_url": events}
    settings["socket_mode_enabled"] = False
    settings["token_rotation_enabled"] = True
    for command in made["features"]["slash_commands"]:
        command["url"] = events
    made["oauth_config"]["redirect_urls"] = [f"{base}{REDIRECT_PATH}"]
    return made


def _base(address: str) -> str:
    wrong = "The address must begin with https:// and name a host Slack can reach, for example https://flowpilot.example.com."
    try:
        url = URL(address)
    except ValueError:
        raise ManifestWrong(wrong) from None
    if url.scheme != "https" or not url.host or url.user or url.query_string or url.fragment:
        raise ManifestWrong(wrong)
    return str(url).rstrip("/")
