"""The worker: RQ rings in the main thread, one event loop beside it carries everything that waits."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from types import FrameType
from typing import Any
from uuid import UUID

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue, SimpleWorker
from rq.exceptions import DeserializationError, StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer

from bot.bells import QUEUE, WAKE, LocalBell
from engine.desk import Desk
from engine.effects import Lane
from storage.store import Store

log = logging.getLogger("flowpilot.worker")

SOON = 120.0
"""What is due within this many seconds is waited for here; the rest is left to the sweep."""
DRAIN_SECONDS = 20.0
"""Most hosts kill a process 30 seconds after they asked it to end."""
LAST_SECONDS = 4.0
AGAIN_SECONDS = 1.0
LISTEN_SECONDS = 30
_current: Worker | None = None


def wake(kind: str, *what: str) -> None:
    """The RQ job: hand it to the loop and return at once. A ring for nothing we know is no ring."""
    if _current is not None:
        with suppress(ValueError):
            _current.wake(kind, what)


class Worker:
    """Carries many deliveries at once, each kind within its own limit."""

    def __init__(
        self,
        store: Store,
        desk: Desk,
        bell: LocalBell,
        slots: dict[Lane, int],
        drain_seconds: float = DRAIN_SECONDS,
    ) -> None:
        self._store = store
        self._desk = desk
        self._slots = slots
        self._inbox_slots = slots[Lane.TALK]
        self._running: dict[tuple[Any, ...], bool] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[tuple[Any, ...], asyncio.TimerHandle] = {}
        self._draining = False
        self._drain_seconds = drain_seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        bell.lane = self._ring_lane
        bell.inbox = self.start_inbox

    @property
    def longest_end(self) -> float:
        """Seconds within which `run_until` returns once it is told to stop."""
        return self._drain_seconds + LAST_SECONDS + 2

    def wake(self, kind: str, what: tuple[str, ...]) -> None:
        """From any thread."""
        if self._loop is None:
            return
        match kind, what:
            case "inbox", (order_key,):
                self._loop.call_soon_threadsafe(self.start_inbox, order_key)
            case "lane", (account, subject, lane):
                self._loop.call_soon_threadsafe(self.start_lane, UUID(account), UUID(subject), Lane(lane))
            case "sweep", ():
                self._loop.call_soon_threadsafe(self._start, ("sweep",), self.sweep, 1)

    def start_inbox(self, order_key: str) -> None:
        self._start(("inbox", order_key), lambda: self._desk.handle(order_key), self._inbox_slots)

    def start_lane(self, account: UUID, subject: UUID, lane: Lane) -> None:
        key = (lane.value, subject)
        self._timers.pop(key, None)
        self._start(key, lambda: self._desk.deliver(account, subject, lane), self._slots[lane])

    def _ring_lane(self, account: UUID, subject: UUID, lane: Lane, after: float) -> None:
        if after <= 0:
            self.start_lane(account, subject, lane)
        elif after <= SOON and self._loop is not None:
            key = (lane.value, subject)
            old = self._timers.pop(key, None)
            when = self._loop.time() + after
            if old is not None:
                old.cancel()
                when = min(when, old.when())
            self._timers[key] = self._loop.call_at(when, self.start_lane, account, subject, lane)

    def _start(self, key: tuple[Any, ...], work: Callable[[], Coroutine[Any, Any, Any]], slots: int) -> None:
        """Run it unless it runs already, in which case it runs once more after; over the limit the sweep finds it."""
        if self._draining:
            return
        if key in self._running:
            self._running[key] = True
            return
        if sum(1 for running in self._running if running[0] == key[0]) >= slots:
            return
        self._running[key] = False
        task = asyncio.get_running_loop().create_task(self._run(key, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, key: tuple[Any, ...], work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        full = False
        try:
            while True:
                self._running[key] = False
                await work()
                if not self._running[key] or self._draining:
                    break
        except Exception as failure:  # noqa: BLE001 - the database is away, for example: what is owed stays owed
            log.warning("%s stopped: %s; the sweep finds it again", key[0], type(failure).__name__)
            full = True
        finally:
            self._running.pop(key, None)
        if not full and key[0] != "sweep" and not self._draining:
            await self._fill(key[0])

    async def _fill(self, kind: str) -> None:
        """A slot is free: if this kind was full a moment ago, claim what is owed next."""
        slots = self._inbox_slots if kind == "inbox" else self._slots[Lane(kind)]
        if sum(1 for running in self._running if running[0] == kind) == slots - 1:
            self._start(("sweep",), self.sweep, 1)

    async def sweep(self) -> None:
        """Find what is owed and nobody was woken for."""
        for row in await self._store.rows("select order_key from fp_due_inbox(:n)", n=self._inbox_slots * 4):
            self.start_inbox(row.order_key)
        lanes = await self._store.rows(
            "select account_id, subject_id, lane from fp_due_lanes(:n)", n=sum(self._slots.values()) * 2
        )
        for row in lanes:
            self.start_lane(row.account_id, row.subject_id, Lane(row.lane))

    async def run_until(self, stopped: asyncio.Event, every: float) -> None:
        """Serve rings and sweep now and then, for the time when nobody can ring; then finish what is in hand."""
        self._loop = asyncio.get_running_loop()
        while not stopped.is_set():
            self._start(("sweep",), self.sweep, 1)
            try:
                await asyncio.wait_for(stopped.wait(), every)
            except TimeoutError:
                continue
        await self._drain()

    async def _drain(self) -> None:
        self._draining = True
        for timer in self._timers.values():
            timer.cancel()
        pending = set(self._tasks)
        if not pending:
            return
        log.info("finishing %d", len(pending))
        _, late = await asyncio.wait(pending, timeout=self._drain_seconds)
        for task in late:
            task.cancel()
        if late:
            log.warning("%d would not end in time; what they owe stays owed", len(late))
            await asyncio.wait(late, timeout=LAST_SECONDS)


def _is_ring(job: Job) -> bool:
    """A call of `wake` with texts, written as JSON, and no callback behind it."""
    callbacks = (job._success_callback_name, job._failure_callback_name, job._stopped_callback_name)
    try:
        named = job.func_name == WAKE and job.instance is None and not job.kwargs
        return named and not any(callbacks) and all(isinstance(word, str) for word in job.args)
    except (DeserializationError, ValueError, TypeError):
        return False


Closing = Callable[[], Coroutine[Any, Any, None]]
Make = Callable[[], Coroutine[Any, Any, tuple[Worker, Closing]]]
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(BaseException):
    """Somebody asked this process to end. Not an Exception, so that nothing on the way takes it for a failure."""


class Listener(SimpleWorker):
    """RQ's loop, which would call any function a job names and obey orders from a channel. Whoever writes to
    Redis may wake this process, and nothing else.
    """

    asked_to_stop = False

    def subscribe(self) -> None:
        """Takes no orders."""

    def execute_job(self, job: Job, queue: Queue) -> None:
        if _is_ring(job):
            super().execute_job(job, queue)
        else:
            log.warning("dropped a job that is no ring")
            job.delete()

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        # When it is idle, RQ only leaves its loop and tells nobody why.
        self.asked_to_stop = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


def run(make: Make, redis_url: str, every: float) -> None:
    """Run a worker until SIGTERM: the loop in a thread, RQ in the main thread where signals arrive."""
    global _current  # noqa: PLW0603 - RQ calls a function by its name; this is where it finds the worker
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="desk", daemon=True)
    thread.start()
    try:
        _stop_by(_stopped)
        worker, close = _await(make(), loop)
        ended = asyncio.Event()
        serving = asyncio.run_coroutine_threadsafe(worker.run_until(ended, every), loop)
        try:
            _current = worker
            log.info("worker runs")
            _listen(redis_url, serving)
        finally:
            # From here on a second signal changes nothing: what is in hand is being finished.
            _stop_by(signal.SIG_IGN)
            _current = None
            loop.call_soon_threadsafe(ended.set)
            serving.result(timeout=worker.longest_end)
            _await(close(), loop)
    except Stopped:
        log.info("stopped while starting")
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=5)


def _stop_by(handler: Any) -> None:
    for number in SIGNALS:
        signal.signal(number, handler)


def _stopped(*_: object) -> None:
    raise Stopped


def _await(work: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop) -> Any:
    return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=60)


def _listen(redis_url: str, serving: Future[None]) -> None:
    """RQ until it is told to stop; while Redis is away the worker goes on by its own sweep."""
    try:
        while not serving.done():
            _stop_by(_stopped)  # RQ puts its own over these while it listens
            try:
                if _rings(redis_url):
                    return
            except RedisError as away:
                log.warning("Redis is away (%s); going on by the sweep", type(away).__name__)
            time.sleep(AGAIN_SECONDS)
    except (Stopped, StopRequested):
        return


def _rings(redis_url: str) -> bool:
    """Serve rings until Redis goes away or somebody stops us, which gives True."""
    connection = Redis.from_url(
        redis_url, socket_timeout=LISTEN_SECONDS * 2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)
    )
    try:
        queue = Queue(QUEUE, connection=connection, serializer=JSONSerializer)
        # RQ waits for a ring 15 s less than a worker may be silent.
        listener = Listener(
            [queue], connection=connection, serializer=JSONSerializer, worker_ttl=LISTEN_SECONDS + 15
        )
        listener.log.setLevel(logging.CRITICAL)  # its lines carry traces; what matters is logged here
        listener.work(with_scheduler=False, logging_level=None)
        return listener.asked_to_stop
    finally:
        connection.close()
