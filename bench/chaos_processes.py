"""The processes of a throwaway desk: started from the nursery, started again when they end, known by pid."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

CLONE = Path(__file__).resolve().parents[1]
SHORTEST_LIFE = 1.0


@dataclass(slots=True)
class Process:
    """`kind` is web, worker or clock. `since` is the loop's time of its last start; `pid` 0 while it is down."""

    name: str
    kind: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    pid: int = 0
    since: float = 0.0
    stopped: bool = False
    restarts: int = 0


@dataclass(slots=True)
class Processes:
    """Keeps processes running until `close`, which ends each by its pid."""

    folder: Path
    environment: Mapping[str, str]
    all: dict[str, Process] = field(default_factory=dict)
    _nursery: asyncio.subprocess.Process | None = None
    _reading: asyncio.Task[None] | None = None
    _later: set[asyncio.Task[None]] = field(default_factory=set)
    _closing: bool = False

    async def open(self) -> None:
        self._nursery = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.chaos_nursery",
            cwd=CLONE,
            env=dict(self.environment),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert self._nursery.stdout is not None
        await asyncio.wait_for(self._nursery.stdout.readline(), 60)
        self._reading = asyncio.create_task(self._read())

    def start(self, process: Process) -> None:
        self.all[process.name] = process
        self._order(process)

    def of(self, kind: str) -> list[Process]:
        return [process for process in self.all.values() if process.kind == kind]

    def by_pid(self, pid: int) -> Process | None:
        return next((process for process in self.all.values() if process.pid == pid), None)

    def send(self, process: Process, number: signal.Signals) -> bool:
        """False when it is down."""
        if process.pid == 0:
            return False
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return False
        process.stopped = number == signal.SIGSTOP
        return True

    async def close(self) -> None:
        self._closing = True
        for task in self._later:
            task.cancel()
        for process in self.all.values():
            self.send(process, signal.SIGKILL)
        if self._nursery is not None:
            assert self._nursery.stdin is not None
            self._nursery.stdin.close()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._nursery.wait(), 10)
            if self._nursery.returncode is None:
                self._nursery.kill()
        if self._reading is not None:
            self._reading.cancel()

    def _order(self, process: Process) -> None:
        assert self._nursery is not None
        assert self._nursery.stdin is not None
        order = {
            "name": process.name,
            "arguments": list(process.arguments),
            "environment": dict(process.environment),
            "log": str(self.folder / f"{process.name}.log"),
        }
        self._nursery.stdin.write(json.dumps(order).encode() + b"\n")

    async def _read(self) -> None:
        assert self._nursery is not None
        assert self._nursery.stdout is not None
        loop = asyncio.get_running_loop()
        while line := await self._nursery.stdout.readline():
            told = json.loads(line)
            if "started" in told:
                process = self.all[told["started"]]
                process.pid, process.since, process.stopped = told["pid"], loop.time(), False
            elif "ended" in told and not self._closing:
                process = self.all[told["ended"]]
                process.pid = 0
                short = loop.time() - process.since < SHORTEST_LIFE
                task = asyncio.create_task(self._again(process, 0.5 if short else 0.05))
                self._later.add(task)
                task.add_done_callback(self._later.discard)

    async def _again(self, process: Process, wait: float) -> None:
        await asyncio.sleep(wait)
        process.restarts += 1
        self._order(process)
