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


KEPT = ("account", "keys", "tokens")
PROGRAMS = ("web", "worker", "clock", "psa")


@pytest.fixture(scope="module")
def folder() -> Iterator[DeskFolder]:
    """The desk of this file's tests: making its database costs more than most of them, so it is made once."""
    with (
        tempfile.TemporaryDirectory(prefix="fp-", dir="/tmp") as name,
        desk_folder(Path(name) / "desk") as one,
    ):
        yield one


@pytest.fixture
def desk(folder: DeskFolder) -> Iterator[DeskFolder]:
    """Nobody is at it when a test begins, and when it has ended."""
    yield folder
    folder.empty()


def test_a_desk_keeps_what_was_done_is_shared_ends_with_the_last_person_and_only_then_is_made_anew(
    desk: DeskFolder,
) -> None:
    _first_screen(desk)
    _kept_and_shared(desk)
    _made_anew(desk)


def _first_screen(desk: DeskFolder) -> None:
    """It says what to type, and nobody but its owner gets at the desk."""
    anna = desk.open()
    screen = anna.sees(READY)
    second = f"./dev demo --as ben --data {desk.folder}"
    for line in ("Outlook keeps asking for a password", "#4711", "file demo/logs/", second):
        assert line in screen
    address = next(word for word in screen.split() if word.startswith("http://127.0.0.1:"))
    assert "Outlook keeps asking for password" in urllib.request.urlopen(address, timeout=20).read().decode()
    for name in ("desk.json", "host.sock", "host.json"):
        assert (desk.folder / name).stat().st_mode & 0o077 == 0, f"not its owner's alone: {name}"
    assert desk.folder.stat().st_mode & 0o077 == 0
    anna.type("#4711")
    anna.sees("Harbor Pine Law")
    anna.sees("1) Only this user")
    anna.type("1")
    anna.sees("Step 2")
    assert anna.leave() == 0
    until(lambda: not desk.processes())


def _kept_and_shared(desk: DeskFolder) -> None:
    """What was done is there again, two people work on it, and it ends with the last of them, however he goes."""
    first = desk.kept
    anna = desk.open()
    anna.sees("open #4711")
    assert {key: desk.kept[key] for key in KEPT} == {key: first[key] for key in KEPT}
    processes = desk.processes()
    refused = desk.open("--as", "ben", "--fresh")
    refused.sees("The practice desk is open in another terminal. Nothing was deleted")
    assert refused.leave() == 1
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
    assert desk.kept["account"] == first["account"]


def _made_anew(desk: DeskFolder) -> None:
    before = desk.kept["account"]
    desk.open("--fresh").sees(READY)
    assert desk.kept["account"] != before


def test_whatever_is_killed_comes_back_with_the_model_it_was_started_with_and_nothing_said_is_lost(
    desk: DeskFolder,
) -> None:
    anna = desk.open("--model", "scripted")
    assert "A scripted model answers: nothing leaves this computer." in anna.sees(READY)
    _model_for_everybody(desk)
    until(lambda: "clock" in desk.processes())
    before = desk.processes()
    for name in PROGRAMS:
        os.kill(before[name], signal.SIGKILL)
    anna.type("#4713")
    anna.sees("Martin Hale")
    until(lambda: desk.processes().keys() == before.keys())
    after = desk.processes()
    assert after["host"] == before["host"]
    assert all(after[name] != before[name] for name in PROGRAMS)
    os.kill(after["host"], signal.SIGKILL)
    anna.sees("The practice desk is back.")
    until(lambda: not any(is_alive(pid) for pid in after.values()))
    anna.type("mine")
    anna.sees("#4713")
    assert "model" in desk.processes()
    assert anna.leave() == 0


def _model_for_everybody(desk: DeskFolder) -> None:
    """Who asks for no model at a desk that has one is told so, and guided by it; killed, it is back for his answer."""
    ben = desk.open("--as", "ben", "--model", "off")
    screen = ben.sees("start it with --model off.")
    assert "A scripted model answers" in screen
    assert "already runs with a scripted model" in screen
    before = desk.processes()
    os.kill(before["model"], signal.SIGKILL)
    ben.type("#4714")
    ben.sees("Proposed by the AI guide.")
    assert desk.processes()["model"] != before["model"]
    assert ben.leave() == 0
