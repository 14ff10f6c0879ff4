"""One PostgreSQL of our own on a Unix socket: created, started, re-attached to, recovered, stopped."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from storage.embedded_ground import Ground, own
from storage.embedded_processes import (
    command_line,
    last_lines,
    launch,
    living,
    recorded_pid,
    send,
    wait_until,
)
from storage.embedded_secrets import EmbeddedError, write_private

DATABASE = "flowpilot"
OWNER_ROLE = "flowpilot_owner"
APP_ROLE = "flowpilot_app"

VERSION = "18"
START_SECONDS = 120.0
"""Crash recovery replays the log, which may take a while on a slow disk."""
FAST_SECONDS = 15.0
ORPHAN_SECONDS = 5.0


def url(ground: Ground, role: str, password: str, database: str = DATABASE) -> str:
    """A URL that libpq, psycopg and SQLAlchemy understand. The port is named because PGPORT would count."""
    return f"postgresql://{role}:{password}@/{database}?host={ground.sockets}&port=5432"


def ensure(ground: Ground, *, durable: bool = True) -> subprocess.Popen[bytes] | None:
    """Have it running and answering: attach to a living server, or start (after a crash: recover) one.

    `durable`: what is committed is on the disk. Returns the process when this program started it. Raises EmbeddedError with the end of the log.
    """
    if not (ground.database / "PG_VERSION").exists():
        _create(ground, durable=durable)
    _check_version(ground)
    process = None
    for _ in range(3):
        if _postmaster(ground) is None:
            _clear_the_dead(ground)
            process = _start(ground, durable=durable)
        if _wait_for_answer(ground, process):
            _create_roles(ground)
            return process
    raise EmbeddedError(
        f"PostgreSQL does not start; the data in {ground.database} was kept.{_end_of_log(ground)}"
    )


def stop(ground: Ground) -> None:
    """Stop it: SIGINT ends open connections and writes a checkpoint; SIGTERM would wait for every client."""
    pid = _postmaster(ground)
    if pid is None:
        return
    for number, seconds in ((signal.SIGINT, FAST_SECONDS), (signal.SIGQUIT, FAST_SECONDS)):
        send(pid, number)
        if wait_until(lambda: not _is_ours(ground, pid), seconds):
            return
    raise EmbeddedError(
        f"PostgreSQL (process {pid}) does not stop; what was saved is safe. End it with kill -QUIT."
    )


def _end_of_log(ground: Ground) -> str:
    log = ground.folder / "postgres.log"
    return f" The end of {log}:\n{last_lines(log)}"


def _postmaster(ground: Ground) -> int | None:
    """The pid of this folder's living server.

    The pid file alone may speak of a zombie or of another program, and a server just started has none yet.
    """
    pid = recorded_pid(ground.database / "postmaster.pid")
    if pid is not None and _is_ours(ground, pid):
        return pid
    return next(
        (pid for pid, line in living().items() if f"/bin/postgres -D {ground.database} " in f"{line} "), None
    )


def _is_ours(ground: Ground, pid: int) -> bool:
    return f"/bin/postgres -D {ground.database} " in f"{command_line(pid)} "


def _name(ground: Ground) -> str:
    """Stands in the process titles, by which the children of a killed server are found again."""
    return f"flowpilot-{hashlib.sha256(os.fsencode(ground.database)).hexdigest()[:16]}"


def _clear_the_dead(ground: Ground) -> None:
    """Remove lock files that speak of no server of ours: their number may belong to anyone by now, or a zombie.

    They also guard the memory of a killed server against a second one, so the killed server's
    children must be gone first. They leave by themselves, or are made to.
    """
    mine = f"postgres: {_name(ground)}"

    def orphans() -> list[int]:
        return [pid for pid, line in living().items() if line.startswith(mine)]

    if not wait_until(lambda: not orphans(), ORPHAN_SECONDS):
        for pid in orphans():
            send(pid, signal.SIGQUIT)
        if not wait_until(lambda: not orphans(), ORPHAN_SECONDS):
            message = (
                f"Processes {orphans()} of a killed PostgreSQL are still there. End them, then start again."
            )
            raise EmbeddedError(message)
    (ground.database / "postmaster.pid").unlink(missing_ok=True)
    (ground.sockets / ".s.PGSQL.5432.lock").unlink(missing_ok=True)


def _start(ground: Ground, *, durable: bool) -> subprocess.Popen[bytes]:
    settings = {
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": str(ground.sockets),
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "shared_buffers": "32MB",
        "fsync": "on" if durable else "off",
        "synchronous_commit": "on" if durable else "off",
        "cluster_name": _name(ground),
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    command = [str(ground.postgres / "bin" / "postgres"), "-D", str(ground.database)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    return _launch(ground, command)


def _launch(ground: Ground, command: list[str]) -> subprocess.Popen[bytes]:
    try:
        return launch(command, log=ground.folder / "postgres.log", runs_as=ground.runs_as)
    except OSError as error:
        raise EmbeddedError(f"PostgreSQL cannot be run here: {error}.") from error


def _wait_for_answer(ground: Ground, process: subprocess.Popen[bytes] | None) -> bool:
    """True when it takes a connection; False when it died, or does not answer in time."""

    def answered_or_died() -> bool:
        return _answers(ground) or not _lives(ground, process)

    return wait_until(answered_or_died, START_SECONDS) and _answers(ground)


def _lives(ground: Ground, process: subprocess.Popen[bytes] | None) -> bool:
    return process.poll() is None if process is not None else _postmaster(ground) is not None


def _answers(ground: Ground) -> bool:
    try:
        _as_superuser(ground, "postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def _as_superuser(ground: Ground, database: str) -> psycopg.Connection[tuple[object, ...]]:
    address = url(ground, "postgres", ground.secrets.superuser, database)
    return psycopg.connect(address, autocommit=True, connect_timeout=5)


def _create(ground: Ground, *, durable: bool) -> None:
    """Make an empty database beside its final place and rename it: an interrupted attempt leaves no ruin."""
    for ruin in ground.home.glob("postgres.new-*"):
        shutil.rmtree(ruin, ignore_errors=True)
    fresh = own(Path(tempfile.mkdtemp(prefix="postgres.new-", dir=ground.home)), ground.runs_as)
    password = ground.sockets / "first-password"
    write_private(password, ground.secrets.superuser)
    if ground.runs_as is not None:
        os.chown(password, ground.runs_as.uid, ground.runs_as.gid)
    options = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8"]
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    options += [] if durable else ["--no-sync"]
    initdb = str(ground.postgres / "bin" / "initdb")
    process = _launch(ground, [initdb, "-D", str(fresh), "--no-instructions", *options, *locale])
    try:
        if process.wait() != 0:
            raise EmbeddedError(
                f"PostgreSQL could not make its first database in {fresh}.{_end_of_log(ground)}"
            )
    finally:
        process.kill()
        password.unlink()
    fresh.rename(ground.database)


def _check_version(ground: Ground) -> None:
    found = (ground.database / "PG_VERSION").read_text().strip()
    if found != VERSION:
        raise EmbeddedError(
            f"The database in {ground.database} was made by PostgreSQL {found}; this is PostgreSQL {VERSION}. "
            f"It was not touched. Dump it with version {found} first, or move the folder away to start empty."
        )


def _create_roles(ground: Ground) -> None:
    """The owner (migrations) and the application, which may create nothing. Heals a first start cut short."""
    with _as_superuser(ground, "postgres") as connection:
        roles = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
        wanted = {
            OWNER_ROLE: ("LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE CREATEDB", ground.secrets.owner),
            APP_ROLE: ("LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB", ground.secrets.app),
        }
        for role, (rights, password) in wanted.items():
            if role not in roles:
                statement = sql.SQL("CREATE ROLE {} {} PASSWORD {}")
                connection.execute(
                    statement.format(sql.Identifier(role), sql.SQL(rights), sql.Literal(password))
                )
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(DATABASE), sql.Identifier(OWNER_ROLE)
                )
            )
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(DATABASE)))
        connection.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                sql.Identifier(DATABASE), sql.Identifier(APP_ROLE)
            )
        )
