"""The practice desk as a terminal sees it: where it lives, how to start it, and the line that holds it up."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.practice_model import OFF

CLONE = Path(__file__).resolve().parents[1]
FOLDER = CLONE / ".data" / "practice"
PEOPLE = ("anna", "ben", "carla")
START_SECONDS = 180.0
"""The first start on a slow disk makes a database; nothing waits longer than this."""
LONGEST_SOCKET = 100
"""Bytes of a socket's path that every system takes."""


class PracticeError(Exception):
    """The practice desk cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A running practice desk. `tokens` has one per person; `psa` is the practice ConnectWise's root; `model` one of
    MODELS.
    """

    url: str
    psa: str
    account: str
    tokens: dict[str, str]
    model: str = OFF


@dataclass(slots=True)
class Line:
    """The connection that holds the desk up. `gone` ends when the host does, whatever the reason."""

    desk: Desk
    reader: asyncio.StreamReader = field(repr=False)
    writer: asyncio.StreamWriter = field(repr=False)

    async def gone(self) -> None:
        with suppress(OSError):
            while await self.reader.read(1024):
                pass

    def close(self) -> None:
        """Leave. The host stops everything when nobody is left."""
        self.writer.close()


def host_file(folder: Path) -> Path:
    """Where the host writes its pid and its socket once it listens."""
    return folder / "host.json"


def socket_path(folder: Path) -> Path:
    """A path for the host's socket: in the folder, or in a private folder of /tmp when that is too long."""
    near = folder / "host.sock"
    if len(os.fsencode(near)) <= LONGEST_SOCKET:
        return near
    return Path(tempfile.mkdtemp(prefix="flowpilot-", dir="/tmp")) / "host.sock"


def spawn(
    folder: Path, *, throwaway: bool = False, settings: Mapping[str, str] | None = None, model: str = OFF
) -> subprocess.Popen[bytes]:
    """Start a host; where one runs already, the new one sees that and leaves. `settings` go over its own."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-m", "bot.practice_host", "--data", str(folder), "--model", model]
    command += ["--throwaway"] if throwaway else []
    command += [part for name, value in (settings or {}).items() for part in ("--setting", f"{name}={value}")]
    with (folder / "host.log").open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=CLONE,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


async def attach(
    folder: Path,
    say: Callable[[str], None] = lambda _: None,
    host: subprocess.Popen[bytes] | None = None,
    model: str = OFF,
) -> Line:
    """Attach to the desk of a folder, starting it where it does not run. `say` gets its progress.

    `host` is one that was just started here; `model` is for one that is started now. Raises PracticeError.
    """
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if (line := await _try(folder, say)) is not None:
            return line
        if host is None or host.poll() is not None:
            if host is not None and host.returncode:
                raise PracticeError(f"The practice desk could not start.{_end_of(folder / 'host.log')}")
            host = spawn(folder, model=model)
        await asyncio.sleep(0.05)
    raise PracticeError(
        f"The practice desk did not start in {START_SECONDS:g} s. Look at {folder / 'host.log'}."
    )


def is_running(folder: Path) -> bool:
    """Whether a host holds this folder."""
    from storage.embedded_processes import command_line  # noqa: PLC0415 - a terminal that attaches needs it not

    try:
        pid = int(json.loads(host_file(folder).read_text())["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return "bot.practice_host" in (command_line(pid) or "")


def start_afresh(folder: Path) -> None:
    """Delete everything of this desk. Raises PracticeError while it runs."""
    from storage import embedded  # noqa: PLC0415 - as above

    if is_running(folder):
        raise PracticeError(
            "The practice desk is open in another terminal. Nothing was deleted; leave it first."
        )
    try:
        embedded.remove(folder)
    except embedded.EmbeddedError as error:
        raise PracticeError(str(error)) from error
    shutil.rmtree(folder, ignore_errors=True)


async def _try(folder: Path, say: Callable[[str], None]) -> Line | None:
    """One attempt. None where nobody listens, or the host left before it was ready."""
    try:
        known = json.loads(host_file(folder).read_text())
        reader, writer = await asyncio.open_unix_connection(known["socket"])
    except (OSError, ValueError, KeyError):
        return None
    try:
        desk = await _wait_for_desk(reader, say)
    except BaseException:
        writer.close()
        raise
    if desk is None:
        writer.close()
        return None
    return Line(desk, reader, writer)


async def _wait_for_desk(reader: asyncio.StreamReader, say: Callable[[str], None]) -> Desk | None:
    with suppress(OSError, ValueError):  # a host that is killed may leave half a line
        while text := await reader.readline():
            told: dict[str, Any] = json.loads(text)
            if "progress" in told:
                say(told["progress"])
            if "failed" in told:
                raise PracticeError(told["failed"])
            if "ready" in told:
                return Desk(**told["ready"])
    return None


def _end_of(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-6:] if log.exists() else []
    return f" The end of {log}:\n" + "\n".join(lines) if lines else ""
