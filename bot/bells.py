"""Bells that wake workers: through Redis from anywhere, or within the worker itself."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from queue import Empty, SimpleQueue
from uuid import UUID

from redis import Redis, RedisError
from rq import Queue
from rq.serializers import JSONSerializer

from engine.effects import Lane

log = logging.getLogger("flowpilot.bell")

QUEUE = "flowpilot"
WAKE = "bot.jobs.wake"
LONGEST_QUEUE = 5_000
"""More rings than this are pointless: what is owed is in the database and the sweep finds it."""


def connect(redis_url: str, timeout: float = 0.2) -> Redis:
    """A client that gives up quickly: nobody may wait for the bell."""
    return Redis.from_url(redis_url, socket_timeout=timeout, socket_connect_timeout=timeout)


MANY = 10
"""More rings than this at once are one: look for everything that is owed."""
REST = 0.02
QUIET = 60.0
"""Seconds between two words about a Redis that is away."""


class RedisBell:
    """Rings in a background thread; equal rings that wait are one. A ring may be lost."""

    def __init__(self, redis_url: str) -> None:
        self._queue = Queue(QUEUE, connection=connect(redis_url), serializer=JSONSerializer)
        self._waiting: SimpleQueue[tuple[str, ...] | None] = SimpleQueue()
        self._said = -QUIET
        self._thread = threading.Thread(target=self._run, name="bell", daemon=True)
        self._thread.start()

    def ring(self, account: UUID, subject: UUID, lane: Lane, after: timedelta = timedelta()) -> None:
        if after <= timedelta():
            self._waiting.put(("lane", str(account), str(subject), lane.value))

    def ring_inbox(self, order_key: str) -> None:
        self._waiting.put(("inbox", order_key))

    def ring_sweep(self) -> None:
        self._waiting.put(("sweep",))

    def close(self) -> None:
        self._waiting.put(None)
        self._thread.join(timeout=1)

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            rings = {first}
            try:
                while len(rings) < 200:
                    more = self._waiting.get_nowait()
                    if more is None:
                        return
                    rings.add(more)
            except Empty:
                pass
            self._send(rings)
            time.sleep(REST)  # what comes meanwhile goes together

    def _send(self, rings: set[tuple[str, ...]]) -> None:
        if len(rings) > MANY:
            rings = {("sweep",)}
        try:
            if self._queue.count > LONGEST_QUEUE:
                return
            for ring in rings:
                self._queue.enqueue(WAKE, *ring, result_ttl=0, failure_ttl=60, job_timeout=30)
        except RedisError as lost:
            if time.monotonic() - self._said > QUIET:
                self._said = time.monotonic()
                log.warning("rings are lost (%s); the sweep finds what is owed", type(lost).__name__)


class LocalBell:
    """Wakes this process's own worker, now or after a while."""

    def __init__(self) -> None:
        self.lane: Callable[[UUID, UUID, Lane, float], None] = lambda *_: None
        self.inbox: Callable[[str], None] = lambda _: None

    def ring(self, account: UUID, subject: UUID, lane: Lane, after: timedelta = timedelta()) -> None:
        self.lane(account, subject, lane, after.total_seconds())

    def ring_inbox(self, order_key: str) -> None:
        self.inbox(order_key)
