"""Programs of the product, each a process of its own, forked from one that has imported everything: a start costs a tenth."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import Any
from uuid import uuid4

CLONE = Path(__file__).resolve().parents[1]
PATIENCE = 60.0


@dataclass(eq=False, slots=True)
class Child:
    """As much of a process as its parent knows; `returncode` stays None while it lives."""

    pid: int = 0
    returncode: int | None = None
    started: Event = field(default_factory=Event)
    ended: Event = field(default_factory=Event)

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    async def wait(self) -> int:
        await asyncio.to_thread(self.ended.wait, PATIENCE)
        assert self.returncode is not None, "it does not end"
        return self.returncode


class Nursery:
    """`python -m bot.cli …` in children with settings and a log of their own; all of them end with this process."""

    def __init__(self) -> None:
        ours = ("FLOWPILOT_", "SLACK_", "TEAMS_", "ANTHROPIC_")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.chaos_nursery", "bot.slack.ingress"],
            cwd=CLONE,
            env={name: value for name, value in os.environ.items() if not name.startswith(ours)},  # noqa: TID251 - builds a process's environment
            stdin=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C is for the tests; the end of its input ends it, and it ends its children
            stdout=subprocess.PIPE,
        )
        self._children: dict[str, Child] = {}
        self._ready: SimpleQueue[bool] = SimpleQueue()
        self._writing = Lock()
        Thread(target=self._read, daemon=True).start()
        assert self._ready.get(timeout=PATIENCE)

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Child:
        """Returns as soon as the process is there."""
        log.touch()
        name, child = uuid4().hex, Child()
        self._children[name] = child
        order = {
            "name": name,
            "arguments": list(arguments),
            "environment": dict(environment),
            "log": str(log),
        }
        assert self._process.stdin is not None
        with self._writing:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        assert child.started.wait(PATIENCE), "the nursery does not answer"
        return child

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE)

    def _read(self) -> None:
        for line in self._process.stdout or ():
            told: dict[str, Any] = json.loads(line)
            if "started" in told:
                child = self._children[told["started"]]
                child.pid = told["pid"]
                child.started.set()
            elif "ended" in told:
                child = self._children.pop(told["ended"])
                child.returncode = told["status"]
                child.ended.set()
            else:
                self._ready.put(True)
        self._ready.put(False)


@cache
def nursery() -> Nursery:
    """The one of this test process."""
    made = Nursery()
    atexit.register(made.close)
    return made
