"""The embedded servers: what was committed survives, one server per folder, nothing is left behind."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from storage import embedded
from storage.embedded_ground import prepare
from storage.embedded_processes import command_line, living, locked, recorded_pid, wait_until
from storage.embedded_secrets import EmbeddedError

CLONE = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
AS_ROOT = os.geteuid() == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of servers that is gone afterwards, with whatever still ran in it."""
    with tempfile.TemporaryDirectory(prefix="fp-", dir="/tmp") as name:
        yield Path(name) / "servers"
        if (Path(name) / "servers" / "secrets.json").exists():
            embedded.remove(Path(name) / "servers")


@pytest.fixture(scope="module")
def grounds() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fp-", dir="/tmp") as name:
        yield Path(name) / "servers"
        if (Path(name) / "servers" / "secrets.json").exists():
            embedded.remove(Path(name) / "servers")


@pytest.fixture
def used(grounds: Path) -> Path:
    """A folder where tests before may have started and stopped servers, for those that do not remove it: to make a
    database costs more than all they do."""
    assert not grounds.exists() or postmasters(grounds) == [], "a test left its server running"
    return grounds


def owner_process(folder: Path) -> subprocess.Popen[str]:
    """A program of its own that started the servers and waits."""
    process = subprocess.Popen(
        [sys.executable, "-m", "storage.embedded", str(folder)],
        cwd=CLONE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "PostgreSQL and Valkey are ready.\n"
    return process


def end(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Send a signal and take the process off the table."""
    process.send_signal(number)
    process.communicate(timeout=PATIENCE)


def save(servers: embedded.Servers, text: str, test: str = "") -> None:
    """Commit one row; `test` tells apart those that share a folder."""
    with psycopg.connect(servers.owner_database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (test text, text text)")
        connection.execute("INSERT INTO kept VALUES (%s, %s)", [test, text])


def kept(servers: embedded.Servers, test: str = "") -> list[str]:
    """What this test has in the table."""
    with psycopg.connect(servers.owner_database_url) as connection:
        found = connection.execute("SELECT text FROM kept WHERE test = %s ORDER BY text", [test])
        return [row[0] for row in found]


def postmasters(folder: Path) -> list[int]:
    """Living PostgreSQL servers of the folder."""
    ours = f"postgres -D {prepare(folder).database} "
    return [pid for pid, line in living().items() if ours in line]


def test_a_row_survives_the_violent_death_of_the_program_and_one_server_is_attached_to(used: Path) -> None:
    program = owner_process(used)
    first = embedded.start(used)
    save(first, "before", "program")
    before = postmasters(used)
    end(program, signal.SIGKILL)
    again = embedded.start(used)
    assert kept(again, "program") == ["before"]
    assert postmasters(used) == before
    assert len(before) == 1
    first.stop()
    again.stop()
    assert postmasters(used) == []


def test_a_row_survives_the_violent_death_of_the_server(used: Path) -> None:
    servers = embedded.start(used)
    save(servers, "before", "server")
    [pid] = postmasters(used)
    os.kill(pid, signal.SIGKILL)
    again = embedded.start(used)
    save(again, "later", "server")
    assert kept(again, "server") == ["before", "later"]
    assert len(postmasters(used)) == 1
    assert postmasters(used) != [pid]
    servers.stop()
    again.stop()


def test_a_pid_file_that_names_another_program_is_seen_through(used: Path) -> None:
    servers = embedded.start(used)
    save(servers, "before", "pid file")
    servers.stop()
    ground = prepare(used)
    lines = [str(os.getpid()), str(ground.database), "1", "5432", str(ground.sockets), "", "1 1", "ready"]
    (ground.database / "postmaster.pid").write_text("\n".join(lines))
    (ground.sockets / ".s.PGSQL.5432.lock").write_text("\n".join(lines))
    again = embedded.start(used)
    assert kept(again, "pid file") == ["before"]
    assert recorded_pid(ground.database / "postmaster.pid") != os.getpid()
    again.stop()


def test_a_zombie_is_not_alive() -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read()  # its end: the program is over, and nobody has asked for its result yet
    assert wait_until(lambda: command_line(process.pid) is None, PATIENCE)
    os.kill(process.pid, 0)  # which a naive look would take for life
    process.wait()


def test_sigterm_to_the_owner_stops_both_servers_although_clients_are_connected(used: Path) -> None:
    program = owner_process(used)
    servers = embedded.start(used)
    open_connection = psycopg.connect(servers.database_url)
    servers.stop()  # leaves them: the other program uses them
    assert open_connection.execute("SELECT 1").fetchone() == (1,)
    valkey_pid = redis.Redis.from_url(servers.redis_url).info("server")["process_id"]
    end(program, signal.SIGTERM)
    assert program.returncode == 0
    assert postmasters(used) == []
    assert command_line(valkey_pid) is None
    with pytest.raises(psycopg.OperationalError):
        open_connection.execute("SELECT 1")


def test_a_deaf_valkey_is_replaced(used: Path) -> None:
    servers = embedded.start(used)
    client = redis.Redis.from_url(servers.redis_url, socket_timeout=1)
    pid = client.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    again = embedded.start(used)
    assert redis.Redis.from_url(again.redis_url).info("server")["process_id"] != pid
    servers.stop()
    again.stop()


def test_the_roles_are_no_superusers_and_the_application_creates_nothing(used: Path) -> None:
    servers = embedded.start(used)
    rights = (
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
    )
    with psycopg.connect(servers.owner_database_url) as connection:
        assert connection.execute(rights).fetchone() == (False, False, False, True)
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        assert connection.execute(rights).fetchone() == (False, False, False, False)
        for forbidden in (
            "CREATE TABLE x ()",
            "CREATE SCHEMA x",
            "CREATE TEMP TABLE x ()",
            "CREATE DATABASE x",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)
    servers.stop()


def test_nobody_gets_in_without_the_password_or_over_the_network(used: Path) -> None:
    servers = embedded.start(used)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(servers.database_url.replace(prepare(used).secrets.app, "wrong"))
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(unix_socket_path=f"{prepare(used).sockets}/valkey.sock").ping()
    with psycopg.connect(servers.database_url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
    assert prepare(used).sockets.stat().st_mode & 0o777 == 0o700
    assert (used / "secrets.json").stat().st_mode & 0o777 == 0o600
    servers.stop()


def test_no_password_can_be_read_from_a_command_line(used: Path) -> None:
    servers = embedded.start(used)
    known = prepare(used).secrets
    for line in living().values():
        for password in (known.superuser, known.owner, known.app, known.valkey):
            assert password not in line
    servers.stop()


def test_a_first_start_cut_short_before_the_roles_exist_heals(used: Path) -> None:
    servers = embedded.start(used)
    ground = prepare(used)
    known = ground.secrets
    address = servers.database_url.replace(f"flowpilot_app:{known.app}", f"postgres:{known.superuser}")
    with psycopg.connect(address.replace("/flowpilot?", "/postgres?"), autocommit=True) as connection:
        connection.execute("DROP DATABASE flowpilot WITH (FORCE)")
        connection.execute("DROP ROLE flowpilot_app")
    again = embedded.start(used)
    with psycopg.connect(again.database_url) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("flowpilot_app",)
    servers.stop()
    again.stop()


def test_lost_passwords_are_told_and_the_data_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / "postgres").mkdir()
    with pytest.raises(EmbeddedError, match=r"passwords .* missing .* not touched"):
        embedded.start(folder)
    assert (folder / "postgres").exists()


def test_removing_is_refused_while_a_program_uses_the_servers(folder: Path) -> None:
    servers = embedded.start(folder)
    with pytest.raises(EmbeddedError, match="in use"):
        embedded.remove(folder)
    servers.stop()
    home = prepare(folder).home
    embedded.remove(folder)
    assert not folder.exists()
    assert not home.exists()


def test_servers_named_in_the_environment_are_used_and_half_a_set_is_refused(tmp_path: Path) -> None:
    named = {
        "DATABASE_URL": "postgresql://a",
        "DATABASE_OWNER_URL": "postgresql://b",
        "REDIS_URL": "redis://c",
    }
    servers = embedded.servers_from(named, tmp_path / "never")
    assert (servers.database_url, servers.owner_database_url, servers.redis_url) == tuple(named.values())
    servers.stop()
    assert not (tmp_path / "never").exists()
    with pytest.raises(EmbeddedError, match=r"^Not set: DATABASE_OWNER_URL and REDIS_URL\. Set"):
        embedded.servers_from({"DATABASE_URL": "postgresql://a"}, tmp_path / "never")


def test_a_path_too_long_for_a_socket_still_works(folder: Path) -> None:
    long = folder / ("a-very-long-name-" * 8)
    servers = embedded.start(long)
    with psycopg.connect(servers.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    sockets = prepare(long).sockets
    assert len(str(sockets)) < 86
    servers.stop()
    embedded.remove(long)
    assert not sockets.exists()


def test_two_programs_that_start_at_once_share_one_server(folder: Path) -> None:
    folder.mkdir()
    with locked(folder / "starting.lock"):  # both stand at the door until it opens
        command = [sys.executable, "-m", "storage.embedded", str(folder)]
        both = [subprocess.Popen(command, cwd=CLONE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for program in both:
        assert program.stdout is not None
        assert program.stdout.readline() == "PostgreSQL and Valkey are ready.\n"
    assert len(postmasters(folder)) == 1
    end(both[0], signal.SIGTERM)
    assert len(postmasters(folder)) == 1
    end(both[1], signal.SIGTERM)
    assert postmasters(folder) == []


if AS_ROOT:
    # Only root can become somebody else. An ordinary user has run every test above as himself instead.

    AS_ORDINARY_USER = """
import os, pwd, sys
from pathlib import Path
import psycopg
from storage import embedded, embedded_ground

def once(folder):
    servers = embedded.start(folder)
    with psycopg.connect(servers.owner_database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (text text)")
        connection.execute("INSERT INTO kept VALUES ('kept')")
        count = connection.execute("SELECT count(*) FROM kept").fetchone()[0]
    servers.stop()
    return count

rehearsal, folder = Path(sys.argv[1]), Path(sys.argv[2])
once(rehearsal)  # imports everything that will not be readable later
sys.path.insert(0, str(embedded_ground.prepare(rehearsal).postgres.parent.parent))
embedded.remove(rehearsal)
nobody = pwd.getpwnam("nobody")
os.setgroups([]), os.setgid(nobody.pw_gid), os.setuid(nobody.pw_uid)
print(once(folder), once(folder), (folder / "postgres" / "PG_VERSION").exists())
embedded.remove(folder)
"""

    def test_an_ordinary_user_has_the_data_in_his_own_folder(folder: Path) -> None:
        nobody = pwd.getpwnam("nobody")
        with tempfile.TemporaryDirectory(prefix="fp-", dir="/tmp") as home:
            os.chown(home, nobody.pw_uid, nobody.pw_gid)
            program = [sys.executable, "-c", AS_ORDINARY_USER, str(folder), str(Path(home) / "servers")]
            result = subprocess.run(program, cwd=CLONE, capture_output=True, text=True, check=False)
        assert (result.stdout, result.stderr) == ("1 2 True\n", "")

    def test_root_under_a_closed_home_runs_the_servers_as_nobody(used: Path) -> None:
        assert used.parent.stat().st_mode & 0o777 == 0o700
        servers = embedded.start(used)
        pids = [*postmasters(used), redis.Redis.from_url(servers.redis_url).info("server")["process_id"]]
        assert [Path(f"/proc/{pid}").stat().st_uid for pid in pids] == [pwd.getpwnam("nobody").pw_uid] * 2
        assert prepare(used).database.stat().st_mode & 0o777 == 0o700
        servers.stop()

    def test_a_copied_clone_of_root_gets_a_database_of_its_own(folder: Path) -> None:
        first = embedded.start(folder)
        save(first, "mine")
        copy = folder.parent / "copy"
        shutil.copytree(folder, copy)
        second = embedded.start(copy)
        save(second, "another's")
        assert (kept(first), kept(second)) == (["mine"], ["another's"])
        first.stop()
        second.stop()
        embedded.remove(copy)
