"""PostgreSQL and Valkey for a machine that has neither: one folder, started, shared and stopped."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from storage import embedded_postgres as postgres
from storage import embedded_valkey as valkey
from storage.embedded_ground import Ground, prepare
from storage.embedded_processes import locked
from storage.embedded_secrets import EmbeddedError

__all__ = ["EmbeddedError", "Servers", "main", "remove", "servers_from", "start"]

NAMES = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the servers are. `stop` ends them unless another living program uses the same folder."""

    database_url: str
    owner_database_url: str
    redis_url: str
    stop: Callable[[], None] = field(repr=False)


def servers_from(environment: Mapping[str, str], folder: Path, *, durable: bool = True) -> Servers:
    """The servers named by DATABASE_URL, DATABASE_OWNER_URL and REDIS_URL; without them, the folder's own.

    `durable` as for `start`. Raises EmbeddedError when only some are set, or when the embedded ones cannot run here.
    """
    missing = [name for name in NAMES if not environment.get(name)]
    if not missing:
        database, owner, redis = (environment[name] for name in NAMES)
        return Servers(database, owner, redis, stop=_leave_alone)
    if len(missing) < len(NAMES):
        raise EmbeddedError(
            f"Not set: {' and '.join(missing)}. Set {', '.join(NAMES)} together, or none of them."
        )
    return start(folder, durable=durable)


def start(folder: Path, *, durable: bool = True) -> Servers:
    """Start both servers of a folder, or attach to them where they still run.

    They outlive a program that is killed; the next start attaches. A server that died is started again
    (PostgreSQL recovers by itself), so calling this again is also the way to heal. Safe to call from
    several programs at once. The first start takes about two seconds, later ones a fifth of a second.
    Without `durable` nothing waits for the disk: for data that is deleted soon, and needs to outlive a killed
    program or server, but not a machine that goes down. Whoever starts a server decides it. Raises EmbeddedError.
    """
    folder = folder.resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(folder / "starting.lock"):
            ground = prepare(folder)
            processes = [postgres.ensure(ground, durable=durable), valkey.ensure(ground)]
            mark = _mark_in_use(folder)
    except PermissionError as error:
        message = f"{error.filename} belongs to another user. Give it to this one, or name another folder."
        raise EmbeddedError(message) from error
    known = ground.secrets
    return Servers(
        database_url=postgres.url(ground, postgres.APP_ROLE, known.app),
        owner_database_url=postgres.url(ground, postgres.OWNER_ROLE, known.owner),
        redis_url=valkey.url(ground),
        stop=_Stop(ground, mark, [process for process in processes if process is not None]),
    )


def remove(folder: Path) -> None:
    """Stop the servers of a folder and delete their data. Raises EmbeddedError while a program uses them."""
    folder = folder.resolve()
    if not (folder / "secrets.json").exists():
        return
    with locked(folder / "starting.lock"):
        if _in_use(folder):
            raise EmbeddedError(
                f"The database in {folder} is in use. Nothing was removed; stop FlowPilot first."
            )
        ground = prepare(folder)
        _stop_both(ground)
        shutil.rmtree(ground.sockets)
        if ground.home != folder:
            shutil.rmtree(ground.home)
        shutil.rmtree(folder)


def _leave_alone() -> None:
    """Servers of the person's own are not ours to stop."""


@dataclass(slots=True)
class _Stop:
    """Ends the servers when their last program leaves."""

    ground: Ground
    mark: int
    started: list[subprocess.Popen[bytes]]
    done: bool = False

    def __call__(self) -> None:
        if self.done:
            return
        self.done = True
        with locked(self.ground.folder / "starting.lock"):
            os.close(self.mark)
            if not _in_use(self.ground.folder):
                _stop_both(self.ground)
        for process in self.started:
            process.poll()


def _stop_both(ground: Ground) -> None:
    try:
        valkey.stop(ground)
    finally:
        postgres.stop(ground)


def _mark_in_use(folder: Path) -> int:
    """A shared lock that lives as long as the program: it cannot go stale as a count would."""
    handle = os.open(folder / "in-use.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, fcntl.LOCK_SH)
    return handle


def _in_use(folder: Path) -> bool:
    with suppress(BlockingIOError), locked(folder / "in-use.lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
        return False
    return True


def main(arguments: list[str]) -> int:
    """Run the servers of a folder until SIGTERM, SIGINT or SIGHUP: `python -m storage.embedded FOLDER`."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("Name the folder of the servers: python -m storage.embedded .data", file=sys.stderr)
        return 2
    asked_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: asked_to_stop.set())
    try:
        servers = start(Path(arguments[0]))
        print("PostgreSQL and Valkey are ready.", flush=True)
        asked_to_stop.wait()
        servers.stop()
    except EmbeddedError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
