"""`flowpilot doctor`: looks at settings, database, Redis, keys, Slack, Teams, Claude and every PSA, and says what to do about each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Literal
from uuid import UUID

from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from bot import cli_slack_check as slack
from bot import cli_teams_check as teams
from bot import settings_check
from bot.cli_account import name_of
from bot.cli_claude import claude
from bot.cli_failures import sentence_for
from bot.cli_psa import client_for, failure_sentence
from bot.cli_screen import CommandFailed, Here
from bot.settings import meanings
from engine.psa import PsaFailure
from engine.session import Role
from storage.administration import all_accounts
from storage.migrate import is_current
from storage.store import Store, UnsafeRole
from storage.vault import KeysUnusable, Vault

Verdict = Literal["ok", "look", "wrong"]
NEEDED = {"DATABASE_URL": "database_url", "REDIS_URL": "redis_url", "FLOWPILOT_KEYS": "keys"}
PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `look` is worth knowing; only `wrong` makes the command end with 1."""

    what: str
    verdict: Verdict
    say: str = ""


async def doctor(here: Here) -> int:
    findings = [finding async for finding in _findings(here)]
    wrong = sum(finding.verdict == "wrong" for finding in findings)
    if here.given.json:
        here.screen.json({"ok": not wrong, "findings": [asdict(finding) for finding in findings]})
        return 1 if wrong else 0
    here.screen.table(("checked", "", "what to do"), [(f.what, f.verdict, f.say) for f in findings])
    here.screen.say("", f"{wrong} to put right." if wrong else "Nothing to put right.")
    return 1 if wrong else 0


async def _findings(here: Here) -> AsyncIterator[Finding]:
    for finding in _settings(here):
        yield finding
    yield await _redis(here)
    yield await _owner(here)
    for each in (*slack.mode(here.settings), *await slack.token(here.settings)):
        yield Finding(*each)
    for each in (*teams.mode(here.settings), *await teams.token(here.settings)):
        yield Finding(*each)
    for each in await claude(here.settings, _wrong(here)):
        yield Finding(*each)
    async with _database(here) as (store, findings):
        for finding in findings:
            yield finding
        if store is not None:
            accounts = tuple(await all_accounts(store))
            for account in accounts:
                for finding in await _account(here, store, account):
                    yield finding
            for finding in (*await _slack(store, accounts), *await _teams(here, store, accounts)):
                yield finding


def _wrong(here: Here) -> dict[str, str]:
    """Settings that are there and cannot be used."""
    return {**settings_check.problems(here.settings), **here.unreadable}


def _settings(here: Here) -> list[Finding]:
    settings = here.settings
    wrong = _wrong(here)
    wrong |= {
        name: f"Not set. {meanings()[name][1]}"
        for name, field in NEEDED.items()
        if not getattr(settings, field)
    }
    if settings.keys and "FLOWPILOT_KEYS" not in wrong:
        try:
            Vault(settings.key_ring)
        except KeysUnusable as unusable:
            wrong["FLOWPILOT_KEYS"] = str(unusable)
    findings = [Finding(name, "wrong" if name in wrong else "ok", wrong.get(name, "")) for name in meanings()]
    unknown = "There is no such setting. Check the spelling."
    return findings + [Finding(name, "look", unknown) for name in here.strangers]


async def _redis(here: Here) -> Finding:
    if not here.settings.redis_url:
        return Finding("Redis", "wrong", "Not asked: REDIS_URL is not set.")
    from bot.wiring import limiter_redis  # noqa: PLC0415 - loads the whole product

    try:
        redis = limiter_redis(here.settings.redis_url)
    except ValueError as wrong:
        return Finding("Redis", "wrong", sentence_for(wrong) or "REDIS_URL cannot be read.")
    try:
        async with asyncio.timeout(5):
            await redis.ping()
    except (RedisError, OSError, TimeoutError) as away:
        why = f"It does not answer ({type(away).__name__}). Nothing is lost meanwhile, but everything is slower."
        return Finding("Redis", "wrong", f"{why} Check REDIS_URL and that it runs.")
    finally:
        await redis.aclose()
    return Finding("Redis", "ok")


async def _owner(here: Here) -> Finding:
    """Migrations run as another role; where it is not set here, they run elsewhere."""
    url = here.settings.owner_database_url
    if not url:
        return Finding(
            "database owner", "look", "DATABASE_OWNER_URL is not set here; flowpilot migrate needs it."
        )
    try:
        current = await asyncio.to_thread(is_current, url)
    except (SQLAlchemyError, OSError, ValueError) as away:
        return Finding("database owner", "wrong", _said(away))
    return Finding(
        "database owner", "ok" if current else "wrong", "" if current else "Run flowpilot migrate."
    )


@asynccontextmanager
async def _database(here: Here) -> AsyncIterator[tuple[Store | None, list[Finding]]]:
    """The database where accounts can be looked at, and what was found on the way there."""
    settings = here.settings
    try:
        vault = Vault(settings.key_ring)
        store = Store(settings.database_url, vault, pool_size=1) if settings.database_url else None
    except (KeysUnusable, SQLAlchemyError, ValueError) as wrong:
        yield None, [Finding("database", "wrong", f"Not asked: {_said(wrong)}")]
        return
    if store is None:
        yield None, [Finding("database", "wrong", "Not asked: DATABASE_URL is not set.")]
        return
    try:
        yield await _looked_at(store, settings.database_url)
    finally:
        await store.close()


async def _looked_at(store: Store, url: str) -> tuple[Store | None, list[Finding]]:
    findings: list[Finding] = []
    try:
        await store.refuse_unsafe_role()
        findings.append(Finding("database role", "ok"))
    except UnsafeRole as unsafe:
        findings.append(Finding("database role", "wrong", str(unsafe)))
    except (SQLAlchemyError, OSError) as away:
        return None, [Finding("database", "wrong", _said(away))]
    with suppress(SQLAlchemyError):
        if await asyncio.to_thread(is_current, url):
            return store, [Finding("database", "ok"), *findings, Finding("migrations", "ok")]
    why = "The tables are missing or not of this version. Run flowpilot migrate."
    return None, [Finding("database", "ok"), *findings, Finding("migrations", "wrong", why)]


async def _account(here: Here, store: Store, account: UUID) -> list[Finding]:
    name = await name_of(store, account)
    try:
        async with store.transaction(account) as unit:
            people = await unit.accounts.users()
            known = await unit.accounts.needed_connections()
            mapped = {c.id: await unit.accounts.members(c.id) for c in known}
    except KeysUnusable as unusable:
        return [Finding(f"{name}: keys", "wrong", f"{unusable} Add that key again, or connect anew.")]
    findings: list[Finding] = []
    for role, command in ((Role.ADMIN, "technician,admin"), (Role.LEAD, "technician,lead")):
        if not any(role in user.roles for user in people):
            say = f"There is no {role.value.capitalize()} yet: flowpilot users set EMAIL --roles {command}"
            findings.append(Finding(f"{name}: people", "look", say))
    if not known:
        findings.append(Finding(f"{name}: PSA", "look", "None is connected: flowpilot connect connectwise"))
    for connection in known:
        what = f"{name}: {connection.company}"
        try:
            async with client_for(here, connection) as psa, asyncio.timeout(PATIENCE):
                await psa.boards()
        except PsaFailure as failure:
            findings.append(Finding(what, "wrong", failure_sentence(failure)))
        except TimeoutError:
            findings.append(
                Finding(what, "wrong", "ConnectWise did not answer in time. Try again in a minute.")
            )
        except ValueError as wrong:
            findings.append(Finding(what, "wrong", f"Not asked: {_said(wrong)}"))
        else:
            missing = [user.email or user.name for user in people if user.id not in mapped[connection.id]]
            say = f"Not mapped, so their time is held: {', '.join(missing)}." if missing else ""
            findings.append(Finding(what, "look" if missing else "ok", say))
    return findings


async def _slack(store: Store, accounts: tuple[UUID, ...]) -> list[Finding]:
    try:
        return [Finding(*each) for each in await slack.workspaces(store, accounts)]
    except KeysUnusable as unusable:
        return [Finding("Slack workspaces", "wrong", f"{unusable} Add that key again, or install anew.")]


async def _teams(here: Here, store: Store, accounts: tuple[UUID, ...]) -> list[Finding]:
    try:
        return [Finding(*each) for each in await teams.organisations(store, accounts, here.settings)]
    except KeysUnusable as unusable:
        return [Finding("Teams organisations", "wrong", f"{unusable} Add that key again, or connect anew.")]


def _said(failure: BaseException) -> str:
    return sentence_for(failure) or (
        str(failure) if isinstance(failure, CommandFailed) else type(failure).__name__
    )
