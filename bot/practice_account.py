"""The people and the connection of the practice desk: made once, looked at on each start."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

import aiohttp

from bot.practice import PEOPLE, PracticeError
from bot.practice_memory import Kept
from engine.psa_settings import PsaSettings
from engine.session import Role
from storage.accounts import Accounts
from storage.store import Store
from storage.vault import Vault

ROLES = {
    "anna": (Role.TECHNICIAN, Role.ADMIN),
    "ben": (Role.TECHNICIAN,),
    "carla": (Role.TECHNICIAN, Role.LEAD),
}
NAMES = {"anna": "Anna Keller", "ben": "Ben Ortiz", "carla": "Carla Mendes"}
COMPANY = "practice"
KEYS = {
    "public_key": "practice-public",
    "private_key": "practice-private",
    "client_id": "00000000-0000-4000-8000-000000000000",
}
SETTINGS = PsaSettings(resolved_status={1: 6, 21: 18, 24: 32}, escalated_status={1: 5, 21: 16, 24: 31})
"""Statuses of the sample boards: Help Desk, Managed Services, Alerts."""


def token_hash(token: str) -> str:
    """How a console token is known: the database never has the token itself."""
    return hashlib.sha256(token.encode()).hexdigest()


async def seed(database_url: str, kept: Kept, psa_url: str) -> None:
    """The practice Account with its three people, mapped and connected; nothing changes where it is there."""
    store = Store(database_url, Vault([kept.keys]), pool_size=2)
    try:
        members = await _members(psa_url)
        async with store.transaction(UUID(kept.account)) as unit:
            at_work = unit.accounts
            users = await _people(at_work, kept)
            connection = await _connection(at_work, psa_url)
            for who, user in users.items():
                if (member := members.get(_email(who))) is not None:
                    await at_work.map_member(connection, user, member[0], member[1], "email")
    finally:
        await store.close()


async def _people(at_work: Accounts, kept: Kept) -> dict[str, UUID]:
    if not await at_work.users():
        await at_work.create("Practice MSP")
    found: dict[str, UUID] = {}
    for who in PEOPLE:
        found[who] = await at_work.add_user(NAMES[who], _email(who), ROLES[who])
        await at_work.add_identity(found[who], "console", "console", token_hash(kept.tokens[who]))
    return found


async def _connection(at_work: Accounts, psa_url: str) -> UUID:
    """The one connection, led to wherever the practice ConnectWise listens now."""
    for known in await at_work.connections():
        if known.company == COMPANY:
            if known.host != psa_url:
                await at_work.change_connection(known.id, host=psa_url)
            return known.id
    made = await at_work.connect(psa_url, COMPANY, KEYS)
    await at_work.change_connection(made, state="connected", flowpilot_settings=SETTINGS.to_json())
    return made


async def _members(psa_url: str) -> dict[str, tuple[int, str]]:
    """E-mail → (member id, name), as ConnectWise has them."""
    async with aiohttp.ClientSession(headers=psa_headers()) as client:
        rows = await psa_get(client, psa_url, "system/members", {"pageSize": "100"})
    return {
        row["officeEmail"]: (row["id"], f"{row['firstName']} {row['lastName']}")
        for row in rows
        if not row.get("inactiveFlag")
    }


def psa_headers() -> dict[str, str]:
    """The practice keys, as ConnectWise wants them."""
    signed = aiohttp.encode_basic_auth(f"{COMPANY}+{KEYS['public_key']}", KEYS["private_key"])
    accept = "application/vnd.connectwise.com+json; version=2025.16"
    return {"Authorization": signed, "clientId": KEYS["client_id"], "Accept": accept}


async def psa_get(client: aiohttp.ClientSession, psa_url: str, path: str, query: dict[str, str]) -> Any:
    """One read through the practice ConnectWise's HTTP API. Raises PracticeError."""
    async with client.get(f"{psa_url}/v4_6_release/apis/3.0/{path}", params=query) as reply:
        if reply.status != 200:
            raise PracticeError(f"The practice ConnectWise answers {reply.status} for {path}.")
        return await reply.json(content_type=None)


def _email(who: str) -> str:
    return f"{who}@practice.example"
