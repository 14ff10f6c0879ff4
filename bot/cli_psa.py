"""A PSA client for the length of one command, and what a person can do about each of its failures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.cli_screen import Here
from bot.settings import required
from engine.psa import (
    Connection,
    Psa,
    PsaBroken,
    PsaBusy,
    PsaFailure,
    PsaForbidden,
    PsaKeysRefused,
    PsaUnreachable,
    PsaWrongHost,
)
from storage.accounts import PsaConnection

_ADVICE: tuple[tuple[type[PsaFailure], str], ...] = (
    (
        PsaWrongHost,
        "Check the host: in the cloud it is api-na.myconnectwise.net (or api-eu, api-au), without a path; "
        "on your own server its name, and FLOWPILOT_PSA_ALLOW_HOSTS must list it where it is private.",
    ),
    (
        PsaKeysRefused,
        "Check the company (as typed at login), and make new keys in ConnectWise under System > Members > "
        "API Members > API Keys. The clientId comes from developer.connectwise.com.",
    ),
    (PsaForbidden, "Give the API member's role this right in ConnectWise under System > Security Roles."),
    (PsaBusy, "Try again in a minute."),
    (PsaUnreachable, "Check the host and the network, then try again."),
    (PsaBroken, "Try again in a few minutes; if it stays, look at the host."),
)


def failure_sentence(failure: PsaFailure) -> str:
    """What happened, and what to do."""
    advice = next((words for kind, words in _ADVICE if isinstance(failure, kind)), "")
    return f"{failure.sentence} {advice}".strip()


@asynccontextmanager
async def client_for(here: Here, known: PsaConnection) -> AsyncIterator[Psa]:
    """The connection's client, closed at the end."""
    from bot.wiring import client_maker, limiter_redis  # noqa: PLC0415 - loads the whole product

    required(here.settings, "redis_url")
    connection = Connection(
        host=known.host,
        company=known.company,
        public_key=known.keys.get("public_key", ""),
        private_key=known.keys.get("private_key", ""),
        client_id=known.keys.get("client_id") or here.settings.psa_client_id,
        codebase=known.codebase,
    )
    redis = limiter_redis(here.settings.redis_url)
    client = client_maker(here.settings, redis)(connection)
    try:
        yield client
    finally:
        close = getattr(client, "close", None)
        if close is not None:
            await close()
        await redis.aclose()
