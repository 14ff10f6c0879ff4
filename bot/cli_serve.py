"""`flowpilot web`, `worker` and `clock`: start only when everything fits, run until told to stop, end with 0."""

from __future__ import annotations

import asyncio
import errno
import gc
import ipaddress
import logging
import signal
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import redis

from bot.cli_screen import CommandFailed, Here
from bot.settings import Settings, required
from bot.settings_check import refuse_impossible
from bot.teams.safety import refuse_unsafe
from bot.trouble import start_logging
from storage.migrate import is_current
from storage.store import Store
from storage.vault import Vault

if TYPE_CHECKING:
    from aiohttp import web as aiohttp_web

    from bot.jobs import Closing, Worker

log = logging.getLogger("flowpilot")

SHUTDOWN_SECONDS = 10.0
NOT_MIGRATED = (
    "The tables in the database are missing or not of this version. Run flowpilot migrate, then start again."
)


def web(here: Here) -> int:
    _begin(here.settings)
    return asyncio.run(_web(here.settings))


def clock(here: Here) -> int:
    _begin(here.settings)
    return asyncio.run(_clock(here.settings))


def worker(here: Here) -> int:
    from bot.jobs import run  # noqa: PLC0415 - each process loads what it runs

    _begin(here.settings)

    async def make() -> tuple[Worker, Closing]:
        return await _worker(here.settings)

    run(make, here.settings.redis_url, here.settings.sweep_seconds)
    return 0


def _begin(settings: Settings) -> None:
    """Everything that may refuse the start, in the order in which an operator can mend it."""
    required(settings, "database_url", "redis_url", "keys")
    refuse_impossible(settings)
    refuse_unsafe(settings)
    Vault(settings.key_ring)
    redis.Redis.from_url(settings.redis_url)  # only reads the address
    start_logging(settings.log_level)
    asyncio.run(refuse_unready(settings))
    if settings.parent_fd >= 0:
        from bot.orphan import watch  # noqa: PLC0415 - only the practice desk has a parent to watch

        watch(settings.parent_fd)


async def refuse_unready(settings: Settings) -> None:
    """Raises UnsafeRole, or CommandFailed where the tables are not those of this version."""
    store = Store(settings.database_url, Vault(settings.key_ring), pool_size=1)
    try:
        await store.refuse_unsafe_role()
    finally:
        await store.close()
    if not await asyncio.to_thread(is_current, settings.database_url):
        raise CommandFailed(NOT_MIGRATED, 2)


async def _web(settings: Settings) -> int:
    from aiohttp import web as aiohttp_web  # noqa: PLC0415

    from bot.web import application  # noqa: PLC0415
    from bot.wiring import build  # noqa: PLC0415

    stopped = _stopped_by_signals()
    parts = await build(settings)
    runner = aiohttp_web.AppRunner(application(parts), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    try:
        await runner.setup()
        # What is loaded by now stays. Looking through it again and again would hold up everybody for 0.1 s.
        gc.freeze()
        await _listen(aiohttp_web.TCPSite(runner, settings.host, settings.port), settings)
        log.info("web listens on %s", _shown(runner.addresses[0], settings.host))
        if not _is_loopback(settings.host):
            log.warning(
                "FLOWPILOT_HOST is %s, so other machines reach this process. Let only your TLS proxy in.",
                settings.host,
            )
        await stopped.wait()
    finally:
        await runner.cleanup()
        await parts.close()
    log.info("web ended")
    return 0


async def _listen(site: aiohttp_web.TCPSite, settings: Settings) -> None:
    where = f"{settings.host}:{settings.port}"
    try:
        await site.start()
    except OSError as refused:
        if refused.errno == errno.EADDRINUSE:
            why = f"Something else listens on {where} already. Stop it, or set FLOWPILOT_PORT to a free port."
        elif refused.errno == errno.EACCES:
            why = f"This user may not listen on {where}. Set FLOWPILOT_PORT to a number above 1023."
        else:
            why = f"FLOWPILOT_HOST is {settings.host}, which is no address of this machine. Try 127.0.0.1."
        raise CommandFailed(why, 2) from refused


def _shown(address: tuple[object, ...], host: str) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{address[1]}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _worker(settings: Settings) -> tuple[Worker, Closing]:
    from bot.bells import LocalBell  # noqa: PLC0415
    from bot.jobs import Worker  # noqa: PLC0415
    from bot.wiring import build  # noqa: PLC0415
    from engine.effects import Lane  # noqa: PLC0415

    bell = LocalBell()
    parts = await build(settings, bell)
    slots = {Lane.TALK: settings.talk_slots, Lane.WORK: settings.work_slots}
    # Importing the SDK takes seconds, which neither the start nor the first call should wait for.
    opening = asyncio.create_task(_soon(parts.model.open)) if parts.model is not None else None

    async def close() -> None:
        if opening is not None:
            opening.cancel()
        await parts.close()

    return Worker(parts.store, parts.desk, bell, slots), close


async def _soon(what: Callable[[], Awaitable[None]]) -> None:
    """After what is owed from before has left. Who needs it sooner does it himself."""
    await asyncio.sleep(1.0)
    await what()


async def _clock(settings: Settings) -> int:
    from bot.bells import RedisBell  # noqa: PLC0415
    from bot.clock import Clock  # noqa: PLC0415

    stopped = _stopped_by_signals()
    store = Store(settings.database_url, Vault(settings.key_ring), pool_size=2)
    bell = RedisBell(settings.redis_url)
    log.info("clock runs, a sweep every %g s", settings.sweep_seconds)
    try:
        await Clock(store, bell, settings.sweep_seconds).run_until(stopped)
    finally:
        bell.close()
        await store.close()
    log.info("clock ended")
    return 0


def _stopped_by_signals() -> asyncio.Event:
    """Set before anything is opened, so that a stop during the start is heard too."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped
