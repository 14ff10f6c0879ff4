"""Starting the embedded servers' processes, and telling which processes are really alive."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

LARGEST_LOG = 4_000_000
"""Bytes; above it the next start sets the log aside as `.old.log`."""


@dataclass(frozen=True, slots=True)
class RunsAs:
    """The system account of the servers when the program itself is root."""

    uid: int
    gid: int


def launch(
    command: list[str], *, log: Path, runs_as: RunsAs | None, text: str = ""
) -> subprocess.Popen[bytes]:
    """Start a server in a clean environment and a session of its own (Ctrl-C is for the program, not for it).

    `text` is fed to its standard input: unlike a command line, nobody else on the machine can read it.
    Raises OSError where the system refuses the account.
    """
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".old.log"))
    with log.open("ab") as output, tempfile.TemporaryFile() as given:
        given.write(text.encode())
        given.seek(0)
        return subprocess.Popen(
            command,
            stdin=given,
            stdout=output,
            stderr=output,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            start_new_session=True,
            umask=0o077,
            user=runs_as.uid if runs_as else None,
            group=runs_as.gid if runs_as else None,
            extra_groups=[] if runs_as else None,
        )


def last_lines(log: Path, count: int = 8) -> str:
    """The end of a log, for an error message; empty when there is none."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:]) if log.exists() else ""


def recorded_pid(path: Path) -> int | None:
    """The number in the first line of a pid file, which proves nothing about the process."""
    try:
        return int(path.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def command_line(pid: int) -> str | None:
    """The command line of a living process; None when there is none, or only its zombie."""
    if sys.platform != "linux":
        return _living_by_ps().get(pid)
    try:
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, IndexError):
        return None
    return None if state in "ZX" else line.replace(b"\0", b" ").decode(errors="replace").strip()


def living() -> dict[int, str]:
    """Command lines of all living processes by pid."""
    if sys.platform != "linux":
        return _living_by_ps()
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return {pid: line for pid in pids if (line := command_line(pid)) is not None}


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal; a process that is gone already is no error."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Look until it is so; False when the time is up."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def locked(path: Path, kind: int = fcntl.LOCK_EX) -> Iterator[int]:
    """Hold a file lock. The kernel lets go of it when the program dies, however it dies."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, kind)
        yield handle
    finally:
        os.close(handle)


def _living_by_ps() -> dict[int, str]:
    lines = subprocess.run(["ps", "-axo", "pid=,stat=,command="], capture_output=True, text=True, check=True)
    rows = [line.split(None, 2) for line in lines.stdout.splitlines()]
    return {int(row[0]): row[2] for row in rows if len(row) == 3 and not row[1].startswith("Z")}
