"""Workers that end or stop themselves at one boundary of a delivery; forked from one process that imported all."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
import time
from collections.abc import Coroutine, Generator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text

from bot import settings, wiring
from bot.bells import LocalBell
from engine.effects import Lane
from storage.library import built_in_flows

AT_ONCE = 30
AWAKE = 4
"""Most of their time they wait for the practice ConnectWise; more of them would keep one another from their deadlines."""
LONGEST = 60.0
SLOW = 0.3
"""Seconds: only the practice ConnectWise, told to take its time, makes a boundary last so long."""
MAKE_DUE = text(
    "update outbox set due_at = now() where state = 'owed' and verb = 'Post' and subject_id = :subject"
)


@dataclass(slots=True)
class Boundaries:
    """Drives a coroutine and counts each time it waits for the outside.

    At number `at` the process ends, or stops: on leaving (what was asked for is under way) or on coming back
    (the answer is there and unread).
    """

    inner: Coroutine[Any, Any, Any]
    manner: str
    at: int
    crossed: int = 0
    slow: list[int] = field(default_factory=list)

    def __await__(self) -> Generator[Any, Any, Any]:
        given: Any = None
        failure: BaseException | None = None
        while True:
            try:
                waits = self.inner.throw(failure) if failure is not None else self.inner.send(given)
            except StopIteration as ended:
                return ended.value
            self.crossed += 1
            here = self.crossed == self.at
            if here and self.manner == "killed on leaving":
                os.kill(os.getpid(), signal.SIGKILL)
            given, failure, left = None, None, time.monotonic()
            try:
                given = yield waits
            except BaseException as thrown:  # noqa: BLE001 - passed on as it is, a cancellation too
                failure = thrown
            if time.monotonic() - left > SLOW:
                self.slow.append(self.crossed)
            if here and self.manner == "killed on coming back":
                os.kill(os.getpid(), signal.SIGKILL)
            if here and self.manner == "stopped":
                os.kill(os.getpid(), signal.SIGSTOP)


async def deliver(account: UUID, case: dict[str, Any]) -> dict[str, Any]:
    """Take the Session's part as a worker does; how many boundaries it crossed, and at which it waited long."""
    parts = await wiring.build(settings.read(), LocalBell())
    subject = UUID(case["session"])
    async with parts.store.transaction(account) as unit:
        await unit.connection.execute(MAKE_DUE, {"subject": subject})
    work = Boundaries(parts.desk.deliver(account, subject, Lane.WORK), case["manner"], case["at"])
    try:
        await work
    finally:
        await parts.close()
    return {"crossed": work.crossed, "slow": work.slow}


@dataclass(slots=True)
class Children:
    """At most `AT_ONCE` at a time; a stopped one is continued after a while, none lives longer than `LONGEST`."""

    account: UUID
    stopped_seconds: float
    born: dict[int, tuple[dict[str, Any], float, int]] = field(default_factory=dict)
    stopped: dict[int, float] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)

    def start(self, case: dict[str, Any]) -> None:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            status = 1
            try:
                os.write(writing, json.dumps(asyncio.run(deliver(self.account, case))).encode())
                status = 0
            finally:
                os._exit(status)
        os.close(writing)
        self.born[pid] = (case, time.monotonic(), reading)

    def look(self) -> None:
        """Reap what ended, continue what stood still long enough."""
        for pid, (case, since, reading) in list(self.born.items()):
            done, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
            if done and os.WIFSTOPPED(status):
                self.stopped[pid] = time.monotonic()
            elif done:
                told = os.read(reading, 4096)
                os.close(reading)
                if told:
                    self.told[case["session"]] = json.loads(told)
                del self.born[pid]
                self.stopped.pop(pid, None)
            elif time.monotonic() - since > LONGEST:
                os.kill(pid, signal.SIGKILL)
        for pid, since in list(self.stopped.items()):
            if time.monotonic() - since > self.stopped_seconds:
                del self.stopped[pid]
                os.kill(pid, signal.SIGCONT)


def main() -> None:
    """A line of JSON comes in and one goes out, until the input ends."""
    built_in_flows()  # read once here, and remembered in every child
    gc.freeze()
    for line in sys.stdin:
        given = json.loads(line)
        children = Children(UUID(given["account"]), given["stopped"])
        for case in given["cases"]:
            while len(children.born) - len(children.stopped) >= AWAKE or len(children.born) >= AT_ONCE:
                children.look()
                time.sleep(0.005)
            children.start(case)
        while children.born:
            children.look()
            time.sleep(0.01)
        print(json.dumps(children.told), flush=True)


if __name__ == "__main__":
    main()
