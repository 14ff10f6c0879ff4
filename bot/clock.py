"""The clock: one leader by a lease row rings the sweep, and deletes what has been kept long enough."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from datetime import timedelta
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from storage.leader import Leader
from storage.retention import Retention
from storage.store import Store

log = logging.getLogger("flowpilot.clock")


class Sweeping(Protocol):
    """What the clock needs of a bell."""

    def ring_sweep(self) -> None: ...


HOURLY = 3600.0


class Clock:
    """Several may run; one of them leads. `every` is seconds between sweeps."""

    def __init__(self, store: Store, bell: Sweeping, every: float) -> None:
        self._store = store
        self._bell = bell
        self._every = every
        # Two containers may share a host name and a process id, so chance tells them apart.
        holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._leader = Leader(store, "clock", holder)
        self._retention = Retention(store)

    async def run_until(self, stopped: asyncio.Event) -> None:
        """Ticks until stopped, then hands the lead over at once."""
        cleaned = -HOURLY
        loop = asyncio.get_running_loop()
        while not stopped.is_set():
            try:
                if await self._leader.lead(timedelta(seconds=max(10.0, self._every * 4))):
                    self._bell.ring_sweep()
                    if loop.time() - cleaned >= HOURLY:
                        cleaned = loop.time()
                        log.info("deleted %d old rows", await self._retention.clean())
            except (SQLAlchemyError, OSError) as away:
                log.warning("database away: %s", type(away).__name__)
            try:
                await asyncio.wait_for(stopped.wait(), self._every)
            except TimeoutError:
                continue
        try:
            await self._leader.resign()
        except (SQLAlchemyError, OSError) as away:
            log.warning("database away (%s): the lead ends with its lease", type(away).__name__)
