"""What `flowpilot doctor` finds out about Slack: how it is reached, what is missing for that, and which workspaces there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal
from uuid import UUID

from yarl import URL

from bot.settings import Settings
from bot.slack.api import Api, Away, Refused, is_real
from bot.slack.tokens import COPY_IT, NEEDS_INSTALL, PLATFORM
from storage.store import Store
from storage.workspaces import Workspace, Workspaces

Found = tuple[str, Literal["ok", "look", "wrong"], str]
"""What was looked at, the verdict, what to do."""
PATIENCE = 5.0
MOST_NAMED = 5


def mode(settings: Settings) -> list[Found]:
    """Which ways are open, and which halves are missing for them."""
    ways = [
        name
        for given, name in (
            (settings.slack_signing_secret, "HTTP (/slack/events)"),
            (settings.slack_app_token, "Socket Mode"),
        )
        if given
    ]
    keys = (settings.slack_bot_token, settings.slack_client_id, settings.slack_client_secret)
    if not ways and not any(keys):
        return [("Slack", "ok", "Off.")]
    wrong = list(_wrong(settings, bool(ways)))
    found: list[Found] = [("Slack", "wrong", sentence) for sentence in wrong]
    look: list[Found] = [("Slack", "look", sentence) for sentence in _odd(settings)]
    return found or look or [("Slack", "ok", f"On: {' and '.join(ways)}.")]


def _wrong(settings: Settings, reached: bool) -> Iterator[str]:
    install = bool(settings.slack_client_id) and bool(settings.slack_client_secret)
    if bool(settings.slack_client_id) != bool(settings.slack_client_secret):
        lacking = "SLACK_CLIENT_SECRET" if settings.slack_client_id else "SLACK_CLIENT_ID"
        yield f"{lacking} is missing, so nobody can install the app. Copy it from Basic Information."
    if not reached:
        yield (
            "Nothing can arrive: set SLACK_SIGNING_SECRET (Basic Information) where Slack calls this address, or "
            "SLACK_APP_TOKEN (xapp-…, with connections:write) for Socket Mode."
        )
    elif not settings.slack_bot_token and not install:
        yield (
            "Nothing can be answered: set SLACK_BOT_TOKEN for one workspace, or SLACK_CLIENT_ID and "
            "SLACK_CLIENT_SECRET for the install page."
        )
    for name, given, prefix in (
        ("SLACK_BOT_TOKEN", settings.slack_bot_token, ("xoxb-", "xoxe.xoxb-")),
        ("SLACK_APP_TOKEN", settings.slack_app_token, ("xapp-",)),
    ):
        if given and not given.startswith(prefix):
            yield f"{name} does not begin with {prefix[0]}, so it is another kind of token."
    if URL(settings.slack_api_url).scheme not in ("http", "https"):
        yield "SLACK_API_URL is no address. Leave it empty for Slack's own."


def _odd(settings: Settings) -> Iterator[str]:
    if settings.slack_bot_token.startswith("xoxe."):
        yield (
            "SLACK_BOT_TOKEN ends 12 hours after it was made. Use the install page, or an app without token rotation."
        )
    if not is_real(settings.slack_api_url):
        yield f"SLACK_API_URL is {settings.slack_api_url}, which is not Slack itself."


async def token(settings: Settings) -> list[Found]:
    """One question with the token of the one workspace, where it is set."""
    if not settings.slack_bot_token:
        return []
    api = Api(settings.slack_bot_token, settings.slack_api_url)
    try:
        answer = await api.call("auth.test", timeout=PATIENCE)
    except Refused as refused:
        return [("Slack token", "wrong", f"Slack refuses SLACK_BOT_TOKEN ({refused.code}): {COPY_IT}.")]
    except Away as away:
        return [
            ("Slack token", "wrong", f"Slack does not answer ({away.reason}). Check the network and a proxy.")
        ]
    finally:
        await api.close()
    if not answer.get("bot_id"):
        return [("Slack token", "wrong", f"SLACK_BOT_TOKEN is a person's token, not the bot's: {COPY_IT}.")]
    return [("Slack token", "ok", f"{answer.get('team')} ({answer.get('team_id')}).")]


async def workspaces(store: Store, accounts: tuple[UUID, ...]) -> list[Found]:
    """How many there are, and what those need that cannot be used. Raises KeysUnusable."""
    known = Workspaces(store)
    linked = [each for account in accounts for each in await known.of_account(account)]
    unlinked = await known.unlinked()
    mine = [each for each in (*linked, *unlinked) if each.platform == PLATFORM]
    if not mine:
        return []
    ended = [
        each
        for each in mine
        if each.state == "installed" and each.credentials.get("problem") == NEEDS_INSTALL
    ]
    waiting = [each for each in mine if each.account_id is None and each.state == "installed"]
    state = Counter(
        "uninstalled" if each.state != "installed" else "linked" if each.account_id else "not linked"
        for each in mine
    )
    counted = ", ".join(f"{count} {what}" for what, count in sorted(state.items()))
    found: list[Found] = []
    if ended:
        found.append(("Slack workspaces", "wrong", f"Must be installed again: {_named(ended)}."))
    if waiting:
        what = f"Not linked: {_named(waiting)}. Run flowpilot link slack, then type the code there."
        found.append(("Slack workspaces", "look", f"{counted}. {what}"))
    return found or [("Slack workspaces", "ok", f"{counted}.")]


def _named(those: list[Workspace]) -> str:
    shown = [f"{each.name} ({each.external_id})" for each in those[:MOST_NAMED]]
    return ", ".join(shown) + (f" and {len(those) - MOST_NAMED} more" if len(those) > MOST_NAMED else "")
