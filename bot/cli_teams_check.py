"""What `flowpilot doctor` finds out about Teams: whether it is on and safe, whether a token is given, who is connected, and where help is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal
from uuid import UUID

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from bot.cli_account import name_of
from bot.settings import Settings
from bot.teams import safety
from bot.teams.addresses import PLATFORM
from storage.store import Store
from storage.workspaces import Workspace, Workspaces

Found = tuple[str, Literal["ok", "look", "wrong"], str]
"""What was looked at, the verdict, what to do."""
PATIENCE = 5.0
LONGEST_ANSWER = 16_384
MOST_NAMED = 5
SCOPE = "https://api.botframework.com/.default"
CHANNEL = "escalation_channel_teams"
"""The setting of an account: tenant, a bar, the channel's id."""
_REASONS = {
    "7000215": "the secret is wrong. Copy the value of the client secret, not its id, into TEAMS_APP_PASSWORD",
    "7000222": "the secret has expired. Make a new client secret and put its value into TEAMS_APP_PASSWORD",
    "700016": "no such application in this tenant. Check TEAMS_APP_ID and TEAMS_APP_TENANTID",
    "90002": "there is no such tenant. Check TEAMS_APP_TENANTID",
    "900023": "that is no tenant. Check TEAMS_APP_TENANTID",
}


def mode(settings: Settings) -> list[Found]:
    """Whether it is on, what is missing for that, and, loudly, where nobody is asked who he is."""
    wrong = [*safety.problems(settings), *_without_application(settings)]
    found: list[Found] = [("Teams", "wrong", sentence) for sentence in wrong]
    if settings.teams_believes_all:
        loud = (
            "AUTHENTICATION IS OFF (TEAMS_DEV_NO_AUTH is 1): whoever reaches /api/messages speaks as anybody. This is "
            "for Microsoft's playground on this machine alone."
        )
        found.append(("Teams", "look", loud))
    found += [("Teams", "look", sentence) for sentence in _odd(settings)]
    if found:
        return found
    if not settings.teams_on:
        return [("Teams", "ok", "Off.")]
    tenants = ", ".join(settings.allowed_tenants) or "every tenant that connects with a code"
    return [("Teams", "ok", f"On: HTTP (/api/messages), for {tenants}.")]


def _without_application(settings: Settings) -> Iterator[str]:
    given = settings.teams_app_password or settings.teams_app_tenant or settings.teams_allowed_tenants
    if given and not settings.teams_app_id and not settings.teams_believes_all:
        yield (
            "TEAMS_APP_ID is missing, so Teams is off. Copy the application (client) ID from the overview of the app "
            "registration."
        )


def _odd(settings: Settings) -> Iterator[str]:
    if settings.teams_dev_no_auth not in ("", "0", "1"):
        yield "TEAMS_DEV_NO_AUTH is neither empty nor 1, so it counts for nothing. Only 1 switches it on."
    usual = Settings()
    for name, given, known in (
        ("TEAMS_LOGIN_URL", settings.teams_login_url, usual.teams_login_url),
        ("TEAMS_OPENID_URL", settings.teams_openid_url, usual.teams_openid_url),
    ):
        if settings.teams_on and given != known:
            yield f"{name} is {given}, which is not Microsoft's usual one."


async def token(settings: Settings) -> list[Found]:
    """Asks for one, as the bot will, where all that it takes is set and safe."""
    if not settings.teams_app_id or safety.problems(settings):
        return []
    address = f"{settings.teams_login_url.rstrip('/')}/{settings.teams_app_tenant}/oauth2/v2.0/token"
    form = {
        "grant_type": "client_credentials",
        "client_id": settings.teams_app_id,
        "client_secret": settings.teams_app_password,
        "scope": SCOPE,
    }
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=PATIENCE), trust_env=True) as http,
            http.post(address, data=form, allow_redirects=False) as answer,
        ):
            refused = await _refusal(answer)
    except (ClientError, TimeoutError, OSError, ValueError) as away:
        why = f"Microsoft's login does not answer ({type(away).__name__}). Check the network and a proxy."
        return [("Teams token", "wrong", why)]
    return [("Teams token", "wrong", f"Microsoft gives no token: {refused}.")] if refused else [_GIVEN]


_GIVEN: Found = ("Teams token", "ok", "Given.")


async def _refusal(answer: ClientResponse) -> str:
    """Why no token came, "" where one did. Nothing of the answer is passed on but its code."""
    text = (await answer.content.read(LONGEST_ANSWER)).decode("utf-8", "replace")
    if answer.status == 200 and '"access_token"' in text:
        return ""
    code = re.search(r"AADSTS(\d{4,8})\b", text)
    if code is None:
        return f"it answers {answer.status}"
    return _REASONS.get(code[1], f"it says AADSTS{code[1]}; search for that code")


async def organisations(store: Store, accounts: tuple[UUID, ...], settings: Settings) -> list[Found]:
    """Who is connected, who waits, who is connected and not answered, and where help is asked. Raises KeysUnusable."""
    known = Workspaces(store)
    linked = {
        account: [each for each in await known.of_account(account) if each.platform == PLATFORM]
        for account in accounts
    }
    waiting = [each for each in await known.unlinked() if each.platform == PLATFORM]
    all_linked = [each for those in linked.values() for each in those]
    found: list[Found] = []
    if all_linked or waiting:
        found += _counted(all_linked, waiting)
        found += _unanswered(all_linked, settings)
    elif settings.teams_app_id:
        what = "None is known yet. Upload the app (flowpilot teams-package) and write to it once."
        found.append((_WHO, "look", what))
    for account, theirs in linked.items():
        if theirs:
            found.append(await _channel(store, account, {each.external_id for each in theirs}))
    return found


_WHO = "Teams organisations"


def _counted(linked: list[Workspace], waiting: list[Workspace]) -> list[Found]:
    numbers = ((len(linked), "connected"), (len(waiting), "not connected"))
    counted = ", ".join(f"{number} {what}" for number, what in numbers if number)
    if not waiting:
        return [(_WHO, "ok", f"{counted}.")]
    what = f"Not connected: {_named(waiting)}. Run flowpilot link teams, then type the code there."
    return [(_WHO, "look", f"{counted}. {what}")]


def _unanswered(linked: list[Workspace], settings: Settings) -> list[Found]:
    allowed = settings.allowed_tenants
    out = [each for each in linked if allowed and each.external_id not in allowed]
    if not out:
        return []
    what = f"Connected, but not answered: {_named(out)}. Add the id to TEAMS_ALLOWED_TENANTS, or run flowpilot unlink teams."
    return [(_WHO, "wrong", what)]


async def _channel(store: Store, account: UUID, tenants: set[str]) -> Found:
    """Where help is asked in Teams; a channel counts only while FlowPilot is in it."""
    what = f"{await name_of(store, account)}: Teams"
    async with store.transaction(account) as unit:
        chosen = str((await unit.accounts.settings()).get(CHANNEL) or "")
        tenant, _, channel = chosen.partition("|")
        reached = await unit.references.get(tenant, channel) if channel else None
    if not chosen:
        return (
            what,
            "look",
            "No escalation channel is chosen yet. An Admin chooses it with @FlowPilot settings.",
        )
    if tenant not in tenants or reached is None:
        why = "FlowPilot is not in the chosen escalation channel. Add the app to that team again and mention it there"
        return what, "look", f"{why}, or choose another channel with @FlowPilot settings."
    return what, "ok", f"Escalations go to {reached.name or 'the chosen channel'}."


def _named(those: list[Workspace]) -> str:
    shown = [f"{each.name or 'unnamed'} ({each.external_id})" for each in those[:MOST_NAMED]]
    return ", ".join(shown) + (f" and {len(those) - MOST_NAMED} more" if len(those) > MOST_NAMED else "")
