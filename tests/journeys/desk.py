"""A practice desk in a folder of its own, its terminals as processes, and a look at what runs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

from storage import embedded
from storage.embedded_processes import command_line, last_lines, living

CLONE = Path(__file__).resolve().parents[2]
PATIENCE = 120.0
READY = "help shows more"


class TerminalProcess:
    """A console with pipes for a keyboard and a screen."""

    def __init__(self, folder: Path, *given: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bot.demo", "--data", str(folder), *given],
            cwd=CLONE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._folder = folder
        self.pid = self._process.pid
        self.seen = ""
        self._lines: Queue[str] = Queue()
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.put(line)

    def type(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def sees(self, text: str) -> str:
        """Read on until the text stands on the screen; gives what came up to there."""
        came, until = "", time.monotonic() + PATIENCE
        while text not in came:
            assert time.monotonic() < until, (
                f"{text!r} never came; on the screen:\n{self.seen}\n── since then ──\n{came}{self._logs()}"
            )
            try:
                came += self._lines.get(timeout=0.2)
            except Empty:
                assert self._process.poll() is None or not self._lines.empty(), (
                    f"it ended:\n{self.seen}{came}"
                )
        self.seen += came
        return came

    def _logs(self) -> str:
        """The ends of what the desk's processes wrote."""
        logs = sorted(self._folder.glob("*.log"))
        return "".join(f"\n── {log.name} ──\n{last_lines(log, 15)}" for log in logs)

    def leave(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait(PATIENCE)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(PATIENCE)

    def end(self) -> None:
        if self._process.poll() is None:
            self.kill()


class DeskFolder:
    """Where one desk lives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._terminals: list[TerminalProcess] = []

    def open(self, *given: str) -> TerminalProcess:
        terminal = TerminalProcess(self.folder, *given)
        self._terminals.append(terminal)
        return terminal

    @property
    def kept(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "desk.json").read_text())
        return found

    @property
    def host(self) -> int:
        found: int = json.loads((self.folder / "host.json").read_text())["pid"]
        return found

    def processes(self) -> dict[str, int]:
        """The host and its children by name, told by this folder or their parent."""
        found: dict[str, int] = {}
        for pid, line in living().items():
            if "bot.practice_host" in line and str(self.folder) in line:
                found["host"] = pid
            if "demo.psa" in line and str(self.folder) in line:
                found["psa"] = pid
        for pid in self._children_of(found.get("host")):
            line = command_line(pid) or ""
            found |= {name: pid for name in ("web", "worker", "clock") if line.endswith(f"bot.cli {name}")}
            found |= {"model": pid} if "demo.model" in line else {}
        return found

    @staticmethod
    def _children_of(parent: int | None) -> list[int]:
        if parent is None:
            return []
        told = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        pairs = (line.split() for line in told.splitlines())
        return [int(pid) for pid, ppid in pairs if int(ppid) == parent]

    def empty(self) -> None:
        """Everybody is gone, and with them what ran."""
        for terminal in self._terminals:
            terminal.end()
        self._terminals.clear()
        until(lambda: not self.processes())

    def close(self) -> None:
        self.empty()
        if (self.folder / "secrets.json").exists():
            until(lambda: _removed(self.folder))


def _removed(folder: Path) -> bool:
    try:
        embedded.remove(folder)
    except embedded.EmbeddedError:
        return False
    return True


def until(condition: Callable[[], bool]) -> None:
    """Wait for it, within reason."""
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends, "it never came to that"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    return command_line(pid) is not None


@contextmanager
def desk_folder(folder: Path) -> Iterator[DeskFolder]:
    desk = DeskFolder(folder)
    try:
        yield desk
    finally:
        desk.close()
