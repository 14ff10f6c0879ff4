"""`flowpilot connect connectwise`: tries the keys before it keeps them, and maps people by their e-mail."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from bot.cli_account import account_of, opened
from bot.cli_psa import client_for, failure_sentence
from bot.cli_screen import CommandFailed, Here
from engine.psa import Member, Psa, PsaFailure
from storage.accounts import PsaConnection, User

LONGEST_KEY = 4_000


async def connectwise(here: Here) -> int:
    """Nothing is kept unless ConnectWise accepts it."""
    given = here.given
    host, company = _host(given.host), given.company.strip()
    keys = {
        "public_key": given.public_key.strip(),
        "private_key": _private_key(here),
        "client_id": (given.client_id or "").strip(),
    }
    if not (keys["client_id"] or here.settings.psa_client_id):
        raise CommandFailed(
            "ConnectWise wants a clientId. Make one at developer.connectwise.com and give it with --client-id, "
            "or set FLOWPILOT_PSA_CLIENT_ID. Nothing was kept."
        )
    async with opened(here) as store:
        account = await account_of(store, given.account)
    here.screen.say(f"Asking {host} …")
    tried = PsaConnection(uuid4(), host, company, "", keys, {}, "checking", "", None)
    try:
        async with client_for(here, tried) as psa:
            found = await psa.check()
            members, unread = await _members(psa)
    except PsaFailure as failure:
        kept = "Nothing was kept; a connection from before stays as it was."
        raise CommandFailed(f"{failure_sentence(failure)} {kept}") from failure
    async with opened(here) as store, store.transaction(account) as unit:
        connection = await unit.accounts.connect(host, company, keys)
        await unit.accounts.change_connection(
            connection, state="connected", problem=found, checked_at=unit.now
        )
        people = await unit.accounts.users()
        matched = by_email(people, members)
        for user, member in matched:
            await unit.accounts.map_member(connection, user.id, member.id, member.name, "email")
        mapped = await unit.accounts.members(connection)
    here.screen.say(found, "The keys are kept encrypted.")
    for user, member in matched:
        here.screen.say(f"  {user.name} is {member.name} in ConnectWise.")
    _say_unmapped(here, [user for user in people if user.id not in mapped], members, unread)
    return 0


def _say_unmapped(here: Here, missing: list[User], members: tuple[Member, ...], unread: str) -> None:
    if unread:
        here.screen.warn(f"The members could not be read, so nobody was mapped: {unread}")
    elif missing:
        names = ", ".join(user.email or user.name for user in missing)
        here.screen.warn(
            f"No member of ConnectWise has the e-mail of: {names}. Their time is held until you map them: "
            "flowpilot users set EMAIL --map NUMBER"
        )
        here.screen.say(*(f"  {member.id}  {member.name}" for member in members[:50]))


async def _members(psa: Psa) -> tuple[tuple[Member, ...], str]:
    """The members, or why they cannot be read: that alone is no reason to refuse the connection."""
    try:
        return await psa.members(), ""
    except PsaFailure as failure:
        return (), failure.sentence


def by_email(people: Iterable[User], members: Iterable[Member]) -> list[tuple[User, Member]]:
    """Who is who: pairs with the same e-mail. An address that two members share maps nobody."""
    found: dict[str, list[Member]] = {}
    for member in members:
        if member.email:
            found.setdefault(member.email.strip().casefold(), []).append(member)
    pairs = ((user, found.get((user.email or "").strip().casefold(), [])) for user in people)
    return [(user, fitting[0]) for user, fitting in pairs if len(fitting) == 1]


def _host(typed: str) -> str:
    """One spelling per host, so that connecting again replaces the keys."""
    host = typed.strip().rstrip("/").lower()
    return host.removeprefix("https://")


def _private_key(here: Here) -> str:
    """From the argument, a file, the terminal (not shown), or one line of standard input."""
    given = here.given
    if given.private_key and given.private_key_file:
        raise CommandFailed("Give --private-key or --private-key-file, not both. Nothing was kept.", 2)
    if given.private_key:
        key = given.private_key
    elif given.private_key_file:
        key = _first_line_of(Path(given.private_key_file))
    elif here.screen.entered.isatty():
        key = here.screen.ask_secretly("Private key (not shown): ")
    else:
        key = here.screen.entered.readline(LONGEST_KEY)
    if not key.strip():
        raise CommandFailed(
            "There is no private key. Give it with --private-key-file, type it when asked, or pipe it in. "
            "Nothing was kept."
        )
    return str(key).strip()


def _first_line_of(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline(LONGEST_KEY)
    except (OSError, UnicodeDecodeError) as wrong:
        why = getattr(wrong, "strerror", None) or "it is not text"
        raise CommandFailed(f"{path} cannot be read: {why}. Nothing was kept.") from wrong
