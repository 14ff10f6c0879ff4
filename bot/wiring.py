"""Where real parts are put together; nothing else knows which ones they are."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from bot.bells import RedisBell
from bot.claude.breaker import Breaker
from bot.claude.budget import Known
from bot.claude.calls import Schedule
from bot.claude.guide import ClaudeGuide
from bot.claude.opening import Rules
from bot.claude.writer import ClaudeWriter
from bot.console_reading import ConsoleReader
from bot.front import Front, Reader
from bot.guiding import OfflineGuide
from bot.live import Lives, Watching
from bot.psa_door import Checking, Doors
from bot.settings import Settings, required
from bot.slack.fetching import Fetching
from bot.slack.live import SlackLives
from bot.slack.reading import SlackReader
from bot.slack.send import SlackVoice
from bot.slack.tokens import Apis, adopting
from bot.talk import Talk
from bot.teams.fetching import Fetching as TeamsFetching
from bot.teams.live import TeamsLives
from bot.teams.reading import TeamsReader
from bot.teams.safety import refuse_unsafe
from bot.teams.send import TeamsVoice
from bot.trouble import LoggedTrouble
from bot.voices import ConsoleVoice, Voice
from engine.clients.connectwise import ConnectWise
from engine.desk import Desk, Limits
from engine.effects import Lane
from engine.model import Model
from engine.performing import Work
from engine.ports import Bell, Lease
from engine.posting import Posting, PostLimits
from engine.psa import Connection, Psa
from storage.library import packaged_libraries
from storage.limiter import RedisLimiter
from storage.receiving import Receiving
from storage.store import Store
from storage.token_cache import RedisTokenCache
from storage.vault import Vault
from storage.workspaces import Workspaces

if TYPE_CHECKING:
    from bot.teams.adapter import TeamsAdapter
    from engine.clients.claude import Claude


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything one process works with."""

    settings: Settings
    store: Store
    receiving: Receiving
    doors: Doors
    guide: OfflineGuide
    desk: Desk
    bell: Bell
    redis: Redis
    apis: Apis | None = None
    teams: TeamsAdapter | None = None
    model: Claude | None = None
    ends: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def close(self) -> None:
        await self.ends.aclose()
        if isinstance(self.bell, RedisBell):
            self.bell.close()
        await self.doors.close()
        await self.receiving.close()
        await self.store.close()
        await self.redis.aclose()


class Renewing:
    """Keeps a lease alive by renewing it three times within its length."""

    def __init__(self, store: Store, length: timedelta) -> None:
        self._store = store
        self._length = length

    def keeping(self, lease: Lease) -> AbstractAsyncContextManager[None]:
        return self._keeping(lease)

    @asynccontextmanager
    async def _keeping(self, lease: Lease) -> AsyncIterator[None]:
        task = asyncio.create_task(self._renew(lease))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _renew(self, lease: Lease) -> None:
        while True:
            await asyncio.sleep(self._length.total_seconds() / 3)
            # A renewal that fails is not repeated here: the fence stops whatever is saved after the lease is lost.
            with suppress(Exception):
                async with self._store.transaction(lease.account) as unit:
                    if not await unit.outbox.renew(lease, self._length):
                        return


def monotonic() -> float:
    """Seconds that go on while the machine sleeps, where the system counts them."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime(boottime) if boottime is not None else time.monotonic()


def client_maker(settings: Settings, redis: Redis) -> Callable[[Connection], Psa]:
    """Makes PSA clients that share one budget per tenant with every other process."""
    limiter = RedisLimiter(redis, slot_seconds=settings.psa_timeout_seconds * 3)

    def make(connection: Connection) -> Psa:
        return ConnectWise(
            connection,
            limiter,
            allow_hosts=settings.allowed_hosts,
            now=lambda: datetime.now(UTC),
            deadline=settings.psa_timeout_seconds,
        )

    return make


def limiter_redis(url: str) -> Redis:
    """Gives up at once: the limiter has its own fallback."""
    return Redis.from_url(url, socket_timeout=0.25, socket_connect_timeout=0.25, retry=Retry(NoBackoff(), 0))


def post_limits(settings: Settings) -> PostLimits:
    """Raises SettleTooShort where the settle time does not outlast a write."""
    return PostLimits(
        deadline=timedelta(seconds=settings.psa_deadline_seconds),
        settle=timedelta(seconds=settings.psa_settle_seconds),
        retry=timedelta(seconds=settings.psa_retry_seconds),
    )


def slack_apis(settings: Settings, store: Store) -> Apis | None:
    """None where Slack is not switched on: neither its requests nor its sockets could be trusted."""
    if not (settings.slack_signing_secret or settings.slack_app_token):
        return None
    return Apis(
        store,
        base_url=settings.slack_api_url,
        client_id=settings.slack_client_id,
        client_secret=settings.slack_client_secret,
    )


def teams_adapter(settings: Settings, redis: Redis, vault: Vault) -> TeamsAdapter | None:
    """None where Teams is not switched on. Raises SettingWrong where anybody could speak as one of our people."""
    if not settings.teams_on:
        return None
    refuse_unsafe(settings)
    from bot.teams.adapter import TeamsAdapter  # noqa: PLC0415 - the vendor's SDK only where it is used

    return TeamsAdapter(
        settings.teams_app_id,
        settings.teams_app_password,
        settings.teams_app_tenant,
        allowed_tenants=settings.allowed_tenants,
        login_url=settings.teams_login_url,
        openid_url=settings.teams_openid_url,
        no_auth=settings.teams_believes_all,
        cache=RedisTokenCache(redis, vault),
    )


def language_model(settings: Settings) -> Claude | None:
    """None without a key. The vendor's SDK is loaded with the first call, so only who asks carries it."""
    if not settings.anthropic_api_key:
        return None
    from engine.clients.claude import Claude  # noqa: PLC0415 - not where Claude is off

    return Claude(
        settings.anthropic_api_key, base_url=settings.anthropic_base_url, now=lambda: datetime.now(UTC)
    )


def asking(
    settings: Settings, store: Store, offline: OfflineGuide, model: Model
) -> tuple[ClaudeGuide, ClaudeWriter]:
    """The Guide and the Writer of a process that has a model; that it is away, one learns from the other."""
    rules = Rules(settings.models, settings.daily_tokens, settings.model_seconds)
    schedule, breaker = Schedule().paced(settings.model_retry_seconds), Breaker(monotonic)
    writer = ClaudeWriter(store, model, rules, breaker=breaker)
    return ClaudeGuide(offline, store, model, rules, schedule, breaker, writer.shortened), writer


def surfaces(
    store: Store, apis: Apis | None, teams: TeamsAdapter | None
) -> tuple[dict[str, Voice], dict[str, Reader], dict[str, Lives]]:
    """By platform, those that are switched on; the console always is."""
    # Where a person is known on several platforms, the first one is where he is told.
    voices: dict[str, Voice] = {}
    readers: dict[str, Reader] = {"console": ConsoleReader()}
    lives: dict[str, Lives] = {}
    if apis is not None:
        voices["slack"], lives["slack"] = SlackVoice(store, apis), SlackLives(apis)
        readers["slack"] = SlackReader(Fetching(apis))
    if teams is not None:
        voices["teams"], lives["teams"] = TeamsVoice(store, teams), TeamsLives(teams, store)
        readers["teams"] = TeamsReader(TeamsFetching(teams, Workspaces(store)))
    voices["console"] = ConsoleVoice()
    return voices, readers, lives


async def build(settings: Settings, bell: Bell | None = None) -> Parts:
    """Put one process together; `bell` None rings through Redis. Raises for unsafe roles and impossible settings."""
    required(settings, "database_url", "redis_url", "keys")
    vault = Vault(settings.key_ring)
    limits = post_limits(settings)
    slots = settings.talk_slots + settings.work_slots
    # What a process that stands still has locked is free again when its leases are.
    still = timedelta(seconds=min(10.0, settings.lease_seconds))
    store = Store(settings.database_url, vault, pool_size=min(20, slots), still=still)
    await store.refuse_unsafe_role()
    receiving = Receiving(settings.database_url, vault)
    await receiving.open()
    redis = limiter_redis(settings.redis_url)
    doors = Doors(store, client_maker(settings, redis), settings.psa_client_id)
    libraries = await asyncio.to_thread(packaged_libraries)
    guide = OfflineGuide(store, libraries)
    chosen = bell or RedisBell(settings.redis_url)
    apis = slack_apis(settings, store)
    teams = teams_adapter(settings, redis, vault)
    voices, readers, lives = surfaces(store, apis, teams)
    lease = timedelta(seconds=settings.lease_seconds)
    watching = Watching(store, lives)
    model = language_model(settings)
    claude, writer = asking(settings, store, guide, model) if model is not None else (None, None)
    work = Work(
        store,
        claude or guide,
        doors,
        Posting(store, doors, monotonic, limits),
        Checking(store, doors),
        limits.retry,
        watch=watching,
        writer=writer,
    )
    known = Known(settings.models if model is not None else None, settings.daily_tokens)
    talk = Talk(store, doors, guide, voices, reads_pictures=model is not None, model=known)
    desk = Desk(
        memory=store,
        receiving=receiving,
        front=Front(readers),
        performers={Lane.TALK: talk, Lane.WORK: work},
        bell=chosen,
        renewal=Renewing(store, lease),
        trouble=LoggedTrouble(),
        holder=f"{socket.gethostname()}:{os.getpid()}",
        limits=Limits(lease=lease),
    )
    ends = AsyncExitStack()
    for part in (model, writer, claude):
        if part is not None:
            ends.push_async_callback(part.close)
    if apis is not None:
        ends.push_async_callback(apis.close)
        await ends.enter_async_context(adopting(settings, apis))
    if teams is not None:
        ends.push_async_callback(teams.close)
    ends.push_async_callback(watching.close)
    return Parts(settings, store, receiving, doors, guide, desk, chosen, redis, apis, teams, model, ends)
