"""Microsoft's Agents Playground: a session from its first words to its last card, pressed in a real browser."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.journeys.desk import until
from tests.journeys.playground_office import AbsentError, Anna, PlaygroundProcess, playground

pytestmark = pytest.mark.skipif(
    all(os.environ.get(name) for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")),  # noqa: TID251
    reason="a desk on somebody's own servers would leave its accounts there",
)

WORDS = "Outlook keeps asking for a password since this morning"
REASON = "The prompt comes back, and I cannot see the sign-in log"


@pytest.fixture
def office() -> Iterator[tuple[PlaygroundProcess, Anna]]:
    with tempfile.TemporaryDirectory(prefix="fp-", dir="/tmp") as name:
        scene = playground(Path(name))
        try:
            one = scene.__enter__()
        except AbsentError as absent:
            pytest.skip(str(absent))
        try:
            yield one
        finally:
            scene.__exit__(None, None, None)


def test_a_session_is_worked_on_handed_over_and_resolved_with_the_cards_of_microsofts_playground(
    office: tuple[PlaygroundProcess, Anna],
) -> None:
    command, anna = office
    asks_for_help_in_the_chat(anna)
    carla_picks_up_in_the_channel(anna)
    resolves_in_a_thread(anna)
    ends_with_its_command(command)


def asks_for_help_in_the_chat(anna: Anna) -> None:
    """Answered once by a button and once in words; the form of Escalate unfolds in the card."""
    anna.writes(WORDS)
    anna.press(anna.step(1), "Only this user")
    expect(anna.card("✓", "Only this user")).to_be_visible()
    anna.step(2).get_by_label("Your answer in words").fill("Webmail works fine")
    anna.press(anna.step(2), "Send")
    expect(anna.card("✓", "Webmail works fine")).to_be_visible()
    step = anna.step(3)
    anna.unfolds(step, "Escalate")
    step.get_by_label("Why do you need help").fill(REASON)
    anna.submits(step, "Escalate")
    expect(anna.card(WORDS, "Status: Asking for help")).to_be_visible()


def carla_picks_up_in_the_channel(anna: Anna) -> None:
    """Who asked cannot; the very same press by Carla counts."""
    anna.goes_to("escalations")
    asked = anna.card(f"Help wanted: {WORDS}", REASON)
    anna.unfolds(asked, "Pick up")
    pressed = anna.submits(asked, "Pick up")
    expect(anna.page.get_by_text("another engineer has to do that")).to_be_visible()
    anna.let_carla_press(pressed)
    anna.goes_to("Personal Chat")
    expect(anna.card(WORDS, "Owner: Carla Mendes")).to_be_visible()


def resolves_in_a_thread(anna: Anna) -> None:
    anna.goes_to("General")
    anna.mentions("#4711")
    expect(anna.step(1)).to_be_visible()
    card = anna.card("#4711 Outlook keeps asking for password", "Status: Active")
    anna.unfolds(card, "Resolve and update #4711")
    card.get_by_label("What fixed it").fill("Removed the stored credentials and signed in again.")
    anna.submits(card, "Resolve and post")
    expect(anna.card("#4711", "Status: Resolved")).to_be_visible()


def ends_with_its_command(command: PlaygroundProcess) -> None:
    """Here alone, and never left behind: not by a command that is killed, nor by one that is asked to end."""
    port = urlsplit(command.url).port
    for elsewhere in ("127.0.0.2", "::1"):
        with pytest.raises(OSError):
            socket.create_connection((elsewhere, port or 0), timeout=5)
    second = PlaygroundProcess(command.desk, command.desk.folder / "second.log")
    try:
        second.ready()
        assert second.ends(signal.SIGKILL) == -signal.SIGKILL
    finally:
        second.close()
    assert command.ends(signal.SIGTERM) == 0
    until(lambda: not command.desk.processes())
