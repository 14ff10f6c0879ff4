"""What every test may ask for: real servers, a fresh database, a Redis of its own; and no way out to the network."""

from __future__ import annotations

import fcntl
import gc
import ipaddress
import os
import socket
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from psycopg import sql

from storage import embedded
from storage.embedded_processes import locked

FOLDER = Path(__file__).resolve().parents[1] / ".data" / "tests"
JOURNEYS = Path(__file__).parent / "journeys"
REDIS_DATABASES = range(1, 16)
NOWHERE = (".invalid", ".test", ".example")
KEYS = "ANTHROPIC_"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--clicks",
        type=int,
        default=40,
        help="double clicks in the long test of the desk; 500 is the full run",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The journeys first: they wait more than they reckon, so the other test process has the machine meanwhile."""
    items.sort(key=lambda item: JOURNEYS not in item.path.parents)


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: the collector need not look through it again and again."""
    gc.freeze()


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database and the two roles that open it."""

    name: str
    app_url: str
    owner_url: str


@pytest.fixture(scope="session")
def servers() -> Iterator[embedded.Servers]:
    """PostgreSQL and Valkey for all test processes: the first one starts them, the last one removes them."""
    # Every fresh database is three hundred files; that all of them reach the disk was what the last test waited for.
    running = embedded.servers_from(os.environ, FOLDER, durable=False)
    yield running
    running.stop()
    with suppress(embedded.EmbeddedError):  # "in use": another test process goes on with them
        embedded.remove(FOLDER)


@pytest.fixture(scope="session")
def template(servers: embedded.Servers) -> Iterator[str]:
    """The name of a migrated database to copy from; each test process migrates its own, once."""
    from storage.migrate import migrate  # noqa: PLC0415 - tests without a database do not need the migrations

    with _created(servers) as name:
        migrate(_at(servers.owner_database_url, name), urlsplit(servers.database_url).username or "")
        yield name


@pytest.fixture(scope="session")
def database(servers: embedded.Servers, template: str) -> Iterator[Database]:
    """The database of this test process. Its tests share it, each with an Account of its own."""
    with _created(servers, template) as name:
        yield Database(name, _at(servers.database_url, name), _at(servers.owner_database_url, name))


@pytest.fixture
def empty_database(servers: embedded.Servers, template: str) -> Iterator[Database]:
    """A migrated database of one test alone, for tests that look at whole tables. Costs about 0.1 s."""
    with _created(servers, template) as name:
        yield Database(name, _at(servers.database_url, name), _at(servers.owner_database_url, name))


@pytest.fixture(scope="session")
def redis_url(servers: embedded.Servers) -> Iterator[str]:
    """The address of a Redis database that no other test process uses meanwhile, empty at first."""
    FOLDER.parent.mkdir(exist_ok=True)
    with ExitStack() as stack:
        for index in REDIS_DATABASES:
            with suppress(BlockingIOError):
                lock = FOLDER.parent / f"redis-{index}.lock"
                stack.enter_context(locked(lock, fcntl.LOCK_EX | fcntl.LOCK_NB))
                address = f"{servers.redis_url.partition('?')[0]}?db={index}"
                redis.Redis.from_url(address).flushdb()
                yield address
                return
    raise AssertionError(f"More than {len(REDIS_DATABASES)} test processes ask for a Redis database at once.")


@contextmanager
def _created(servers: embedded.Servers, template: str = "template1") -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:20]}"
    with psycopg.connect(servers.owner_database_url, autocommit=True) as connection:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield name
    finally:
        # To drop one waits for a checkpoint, half a second each; our own servers are deleted as a whole at the end.
        if any(os.environ.get(each) for each in embedded.NAMES):
            _drop(servers, name)


def _drop(servers: embedded.Servers, name: str) -> None:
    with psycopg.connect(servers.owner_database_url, autocommit=True) as connection:
        drop = sql.SQL("DROP DATABASE {}").format(sql.Identifier(name))
        try:
            # Sends autovacuum away by itself; FORCE may not, because autovacuum is a superuser's.
            connection.execute(drop)
        except psycopg.errors.ObjectInUse:
            connection.execute(drop + sql.SQL(" WITH (FORCE)"))


def _at(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()


class NetworkIsOffError(RuntimeError):
    """A test tried to leave this machine."""


def _stay_on_this_machine(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse to look up names of, and to connect to, anything but loopback. An audit hook: no call escapes it."""
    if event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host in {None, "", "localhost"} or (event == "socket.getaddrinfo" and _is_address(str(host))):
        return
    if str(host).endswith(NOWHERE):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if not (_is_address(str(host)) and ipaddress.ip_address(str(host)).is_loopback):
        raise NetworkIsOffError(
            f"Tests reach nothing but this machine, not {host}. Start a simulator on 127.0.0.1."
        )


def _is_address(text: str) -> bool:
    with suppress(ValueError):
        ipaddress.ip_address(text)
        return True
    return False


def without_keys(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """An environment without what leads to somebody's real Claude, and to his bill."""
    return {name: value for name, value in environment.items() if not name.startswith(KEYS)}


# A test makes much and leaves it soon; a tenth of all time went into looking for it.
gc.set_threshold(20_000, 20, 20)
sys.addaudithook(_stay_on_this_machine)
# Whatever a test starts inherits from here.
for _key in os.environ.keys() - without_keys().keys():
    del os.environ[_key]
