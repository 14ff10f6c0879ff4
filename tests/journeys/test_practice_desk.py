"""The practice desk: it starts by itself, is shared by terminals, survives every kill, and leaves nothing running."""

from __future__ import annotations

import os
import signal
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.desk import READY, DeskFolder, desk_folder, is_alive, until

pytestmark = pytest.mark.skipif(
    all(os.environ.get(name) for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")),  # noqa: TID251
    reason="a desk on somebody's own servers would leave its accounts there",
)


@pytest.fixture
def desk() -> Iterator[DeskFolder]:
    with (
        tempfile.TemporaryDirectory(prefix="fp-", dir="/tmp") as name,
        desk_folder(Path(name) / "desk") as one,
    ):
        yield one


def test_the_first_screen_says_what_to_type_and_the_first_sentence_is_answered(desk: DeskFolder) -> None:
    anna = desk.open()
    screen = anna.sees(READY)
    for line in ("Outlook keeps asking for a password", "#4711", "file demo/logs/", "./dev demo --as ben"):
        assert line in screen
    address = next(word for word in screen.split() if word.startswith("http://127.0.0.1:"))
    assert "Outlook keeps asking for password" in urllib.request.urlopen(address, timeout=20).read().decode()
    anna.type("#4711")
    anna.sees("Harbor Pine Law")
    anna.sees("1) Only this user")
    anna.type("1")
    anna.sees("Step 2")
    assert anna.leave() == 0
    until(lambda: not desk.processes())


def test_two_people_share_a_desk_and_it_ends_with_the_last_of_them(desk: DeskFolder) -> None:
    anna = desk.open()
    anna.sees(READY)
    processes = desk.processes()
    ben = desk.open("--as", "ben")
    assert "Hello Ben" in ben.sees(READY)
    anna.type("#4712")
    anna.sees("Step 1")
    anna.type("escalate: I am stuck with this lockout")
    ben.sees("I am stuck with this lockout")
    anna.kill()
    ben.type("queue")
    ben.sees("#4712")
    assert desk.processes() == processes
    ben.kill()
    until(lambda: not any(is_alive(pid) for pid in processes.values()))


def test_a_process_that_is_killed_is_started_again_and_nothing_said_is_lost(desk: DeskFolder) -> None:
    anna = desk.open()
    anna.sees(READY)
    until(lambda: "clock" in desk.processes())
    before = desk.processes()
    for name in ("web", "worker", "clock", "psa"):
        os.kill(before[name], signal.SIGKILL)
    anna.type("#4711")
    anna.sees("Harbor Pine Law")
    until(lambda: desk.processes().keys() == before.keys())
    after = desk.processes()
    assert after["host"] == before["host"]
    assert all(after[name] != before[name] for name in ("web", "worker", "clock", "psa"))


def test_killing_the_host_ends_its_children_and_the_terminal_brings_the_desk_back(desk: DeskFolder) -> None:
    anna = desk.open()
    anna.sees(READY)
    anna.type("#4713")
    anna.sees("Martin Hale")
    before = desk.processes()
    os.kill(before["host"], signal.SIGKILL)
    anna.sees("The practice desk is back.")
    until(lambda: not any(is_alive(pid) for pid in before.values()))
    anna.type("mine")
    anna.sees("#4713")


def test_what_was_done_is_there_when_the_desk_is_opened_again(desk: DeskFolder) -> None:
    anna = desk.open()
    anna.sees(READY)
    anna.type("#4714")
    anna.sees("Priya Shah")
    first = desk.kept
    anna.leave()
    until(lambda: not desk.processes())
    again = desk.open()
    again.sees("open #4714")
    assert {key: desk.kept[key] for key in ("account", "keys", "tokens")} == {
        key: first[key] for key in ("account", "keys", "tokens")
    }


def test_fresh_makes_a_new_desk_but_not_under_another_terminal(desk: DeskFolder) -> None:
    anna = desk.open()
    anna.sees(READY)
    first = desk.kept["account"]
    refused = desk.open("--as", "ben", "--fresh")
    refused.sees("The practice desk is open in another terminal. Nothing was deleted")
    assert refused.leave() == 1
    anna.leave()
    until(lambda: not desk.processes())
    desk.open("--fresh").sees(READY)
    assert desk.kept["account"] != first


def test_only_its_owner_can_reach_the_desk_and_read_its_keys(desk: DeskFolder) -> None:
    desk.open().sees(READY)
    for name in ("desk.json", "host.sock", "host.json"):
        assert (desk.folder / name).stat().st_mode & 0o077 == 0
    assert desk.folder.stat().st_mode & 0o077 == 0
