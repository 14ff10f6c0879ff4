"""The processes of the practice desk: started, started again when they die, ended together."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bot.practice import CLONE

log = logging.getLogger("flowpilot.practice")

STOP_SECONDS = 3.0
SHORTEST_LIFE = 2.0
LONGEST_WAIT = 5.0
AGAIN_SECONDS = 1.0
LARGEST_LOG = 4_000_000


@dataclass(frozen=True, slots=True)
class Program:
    """What is run: arguments for Python, and the settings it gets on top of the environment."""

    name: str
    arguments: Sequence[str]
    settings: Mapping[str, str] = field(default_factory=dict)


class Children:
    """Keeps programs running until they are stopped. They end by themselves when this process is gone."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        # Only this process holds the writing end: its end, however it comes, is what the children see.
        self.parent_fd, self._held = os.pipe()
        self._keeping: list[asyncio.Task[None]] = []
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._stopping = False

    def keep(self, program: Program) -> None:
        """Start it, and start it again whenever it ends."""
        self._keeping.append(asyncio.create_task(self._keep(program)))

    def log_of(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    async def stop(self) -> None:
        """SIGTERM, three seconds, SIGKILL: what was under way is owed in the database and done next time."""
        self._stopping = True
        for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
            for process in self._running.values():
                with suppress(ProcessLookupError):
                    process.send_signal(number)
            _, left = await asyncio.wait(self._keeping, timeout=seconds) if self._keeping else (set(), set())
            if not left:
                break
        os.close(self.parent_fd)
        os.close(self._held)

    async def _keep(self, program: Program) -> None:
        loop, wait = asyncio.get_running_loop(), 0.1
        while not self._stopping:
            began = loop.time()
            try:
                process = await self._start(program)
            except OSError as refused:  # too many processes or a full disk may pass
                log.warning("%s cannot be started (%s); trying again", program.name, type(refused).__name__)
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            self._running[program.name] = process
            if self._stopping:
                process.terminate()
            status = await process.wait()
            del self._running[program.name]
            if self._stopping:
                return
            log.warning("%s ended with status %s; starting it again", program.name, status)
            wait = 0.1 if loop.time() - began > SHORTEST_LIFE else min(wait * 2, LONGEST_WAIT)
            await asyncio.sleep(wait)

    async def _start(self, program: Program) -> asyncio.subprocess.Process:
        words = self.log_of(program.name)
        if words.exists() and words.stat().st_size > LARGEST_LOG:
            words.replace(words.with_suffix(".old.log"))
        with words.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                *program.arguments,
                cwd=CLONE,
                env={**self._environment, **program.settings, "FLOWPILOT_PARENT_FD": str(self.parent_fd)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(self.parent_fd,),
                start_new_session=True,
            )
