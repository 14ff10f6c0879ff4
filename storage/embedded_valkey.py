"""One Valkey of our own on a Unix socket: started, re-attached to, stopped. It keeps nothing on disk."""

from __future__ import annotations

import signal
import subprocess

import redis

from storage.embedded_ground import Ground
from storage.embedded_processes import command_line, last_lines, launch, living, send, wait_until
from storage.embedded_secrets import EmbeddedError

DATABASES = 64
START_SECONDS = 20.0
STOP_SECONDS = 5.0


def url(ground: Ground, database: int = 0) -> str:
    """A URL for redis-py and RQ."""
    return f"unix://:{ground.secrets.valkey}@{ground.sockets}/valkey.sock?db={database}"


def ensure(ground: Ground) -> subprocess.Popen[bytes] | None:
    """Have it running and answering; one that is alive and deaf is replaced, for there is nothing in it to lose.

    Returns the process when this program started it. Raises EmbeddedError with the end of the log.
    """
    if _answers(ground):
        return None
    stop(ground)
    log = ground.folder / "valkey.log"
    try:
        process = launch(_command(ground), log=log, runs_as=ground.runs_as, text=_config(ground))
    except OSError as error:
        raise EmbeddedError(f"Valkey cannot be run here: {error}.") from error
    wait_until(lambda: _answers(ground) or process.poll() is not None, START_SECONDS)
    if not _answers(ground):
        raise EmbeddedError(f"Valkey does not start. The end of {log}:\n{last_lines(log)}")
    return process


def stop(ground: Ground) -> None:
    """Stop it."""
    pid = _pid(ground)
    if pid is None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        send(pid, number)
        if wait_until(lambda: not _is_ours(ground, command_line(pid)), STOP_SECONDS):
            return
    raise EmbeddedError(f"Valkey (process {pid}) does not stop. End it by hand, then start again.")


def _command(ground: Ground) -> list[str]:
    """The socket stands on the command line so that the process title, which must fit there, can carry it."""
    return [str(ground.valkey), "-", "--unixsocket", f"{ground.sockets}/valkey.sock"]


def _config(ground: Ground) -> str:
    """No persistence: it is only the bell, and what is owed stands in PostgreSQL."""
    quoted = f'"{ground.sockets}'
    return "\n".join(
        (
            "port 0",
            "unixsocketperm 700",
            f"requirepass {ground.secrets.valkey}",
            f'dir {quoted}"',
            f"databases {DATABASES}",
            'save ""',
            "appendonly no",
            "daemonize no",
            'proc-title-template "valkey {unixsocket}"',
        )
    )


def _pid(ground: Ground) -> int | None:
    """The pid of this folder's living server, by its title; a pid file might speak of another program."""
    return next((pid for pid, line in living().items() if _is_ours(ground, line)), None)


def _is_ours(ground: Ground, line: str | None) -> bool:
    socket = f"{ground.sockets}/valkey.sock"
    return line is not None and line.startswith(
        (f"valkey {socket}", f"{ground.valkey} - --unixsocket {socket}")
    )


def _answers(ground: Ground) -> bool:
    client = redis.Redis.from_url(url(ground), socket_timeout=2, socket_connect_timeout=2)
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()
