"""A desk on the real database whose front owes one talk effect per word, and whose performers do as they are told.

As a program it is a whole worker: `python tests/bot/bare_desk.py DATABASE REDIS KEY EVERY DRAIN MANNER`.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from bot.bells import LocalBell
from bot.jobs import Closing, Worker, run
from bot.trouble import LoggedTrouble
from engine.desk import Desk, Limits
from engine.effects import Lane, Show
from engine.ports import Act, Done, Lease, OwedRow, Performed, Received, StillOurs
from storage.receiving import Receiving
from storage.store import Store
from storage.vault import Vault

LEASE = timedelta(seconds=60)
"""Longer than any test, so nothing has to renew it."""
Work = Callable[[OwedRow], Awaitable[None]]


def show(subject: UUID) -> Show:
    return Show(to=subject, what="help", place=subject)


class WordsFront:
    """The payload is `account subject`; one answer is owed for it."""

    async def understand(self, received: Received, unit: Any) -> Sequence[Act]:
        account, subject = (UUID(word) for word in received.payload.decode().split())
        await unit.enter(account)
        return (Act(subject, effects=(show(subject),)),)

    async def fetch(self, received: Received, wanted: Any) -> Any:
        raise TypeError("nothing is fetched")

    async def apologise(self, received: Received, unit: Any, error_id: str) -> Sequence[Act]:
        return ()


class Performs:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def perform(self, row: OwedRow, lease: Lease, still_ours: StillOurs) -> Performed:
        await self._work(row)
        return Done()


class LongEnough:
    def keeping(self, lease: Lease) -> AbstractAsyncContextManager[None]:
        return nullcontext()


def desk_of(store: Store, receiving: Receiving, bell: LocalBell, work: Work) -> Desk:
    return Desk(
        memory=store,
        receiving=receiving,
        front=WordsFront(),
        performers={Lane.TALK: Performs(work), Lane.WORK: Performs(work)},
        bell=bell,
        renewal=LongEnough(),
        trouble=LoggedTrouble(),
        holder=uuid4().hex,
        limits=Limits(lease=LEASE),
    )


async def at_once(row: OwedRow) -> None:
    """Nothing to wait for."""


async def never(row: OwedRow) -> None:
    await asyncio.Event().wait()


async def when_asked_again(row: OwedRow) -> None:
    """Ends once standard input does: the test decides when."""
    await asyncio.to_thread(sys.stdin.read)


MANNERS: dict[str, Work] = {"at-once": at_once, "never": never, "when-asked": when_asked_again}


def main(database: str, redis: str, key: str, every: str, drain: str, manner: str) -> None:
    logging.basicConfig(level=logging.INFO)

    async def make() -> tuple[Worker, Closing]:
        vault, bell = Vault([key]), LocalBell()
        store, receiving = Store(database, vault, pool_size=4), Receiving(database, vault)
        await receiving.open()
        desk = desk_of(store, receiving, bell, MANNERS[manner])

        async def close() -> None:
            await receiving.close()
            await store.close()

        sys.stderr.write("worker is made\n")
        return Worker(store, desk, bell, {Lane.TALK: 4, Lane.WORK: 4}, float(drain)), close

    run(make, redis, float(every))


if __name__ == "__main__":
    main(*sys.argv[1:])
