"""What the console draws, and the two ends it can have: nothing in a card steers the terminal, pastes arrive whole."""

from __future__ import annotations

import asyncio
import io

import pytest
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from bot.card import Bullets, Card, Choice, Code, Fields, Text
from bot.console import Console
from bot.console_asking import Question
from bot.console_draw import drawn
from bot.console_terminal import Full, Plain
from bot.console_wire import Wire
from bot.words import say
from tests.bot.console_desk import TOKEN, notice, pretend_desk, session_card, step_card

# ── Drawing ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_text_of_a_ticket_cannot_steer_the_terminal() -> None:
    bad = "before\x1b]0;owned\x07\x1b[2Jafter\u202eevil"
    blocks = (Text(bad), Fields(((bad, bad),)), Bullets(bad, (bad,)), Code(bad, "bash", bad))
    card = Card("step", bad, blocks, (Choice(bad, "answer"), Choice(bad, bad, more=True)))
    plain = drawn(card, 80, colour=False)
    coloured = drawn(card, 80, colour=True)
    assert "\x1b" not in plain
    assert "before" in plain
    assert not any(mark in coloured for mark in ("\x1b]0", "\x1b[2J", "\x07", "\u202e"))


def test_a_link_that_is_no_web_address_is_only_text() -> None:
    card = Card(
        "list",
        "x",
        (
            Fields(
                (("Ticket", "#4711 and #12"),),
                {"#4711": "https://psa.example/4711", "#12": "file:///etc/passwd"},
            ),
        ),
    )
    text = drawn(card, 80, colour=True)
    assert "https://psa.example/4711" in text
    assert "passwd" not in text


def test_a_script_is_drawn_so_that_it_can_be_copied() -> None:
    line = "Get-ADUser jdoe -Properties LockedOut,PasswordExpired | Select-Object LockedOut,PasswordExpired,LastBadPasswordAttempt"
    card = Card("step", "Step 2 · Script", (Code(f"{line}\n  second", "powershell", say("risk.read_only")),))
    for colour in (True, False):
        stripped = _without_colours(drawn(card, 60, colour=colour)).split("\n")
        assert any(each.strip() == line for each in stripped)
    assert line in _without_colours(drawn(card, 60, colour=True)).split("\n")


def _without_colours(text: str) -> str:
    kept, inside = [], False
    for letter in text:
        if letter == "\x1b":
            inside = True
        elif inside:
            inside = not letter.isalpha()
        else:
            kept.append(letter)
    return "".join(kept)


# ── Terminals ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_piped_lines_wait_for_their_answers_and_the_end_of_input_ends_it() -> None:
    out = io.StringIO()
    async with pretend_desk() as desk, Wire(desk.url, TOKEN) as wire:

        def answer(word: dict[str, str]) -> None:
            if word["text"] == "#4711":
                desk.draw(session_card())
                desk.draw(step_card(1, "Only this user", "Several users"))
            else:
                desk.draw(notice("Noted."))

        desk.on_word = answer
        terminal = Plain(io.StringIO("#4711\n2\n"), out, live=False)
        await asyncio.wait_for(Console(wire, terminal=terminal).run(), 60)
        assert [word["kind"] for word in desk.words] == ["say", "click"]
    text = out.getvalue()
    assert text.index("2) Several users") < text.rindex("\n2\n") < text.index("Noted.")
    assert "\x1b" not in text


class EndsAfter(Plain):
    """Says one word, and ends so many turns of the loop after it."""

    def __init__(self, word: str, turns: int) -> None:
        super().__init__(io.StringIO(), io.StringIO(), live=False)
        self._words = [word]
        self._turns = turns

    async def read(self, question: Question) -> str | None:
        if self._words:
            return self._words.pop()
        for _ in range(self._turns):
            await asyncio.sleep(0)
        raise EOFError


@pytest.mark.parametrize("turns", range(6))
async def test_input_that_ends_right_behind_a_word_of_the_console_itself_ends_it(turns: int) -> None:
    async with pretend_desk() as desk, Wire(desk.url, TOKEN) as wire:
        await asyncio.wait_for(Console(wire, terminal=EndsAfter("home", turns)).run(), 10)


async def test_a_bracketed_paste_is_one_line_and_arrives_whole() -> None:
    pasted = "\n".join(f"08:32:{second:02d} ERROR spooler" for second in range(60))
    with create_pipe_input() as keys:
        terminal = Full(lambda: "", lambda: None, colour=True, source=keys, out=DummyOutput())
        reading = asyncio.create_task(terminal.read(Question("› ")))
        keys.send_text("\x1b[200~" + pasted.replace("\n", "\r\n") + "\x1b[201~ since noon\r")
        assert await asyncio.wait_for(reading, 20) == f"{pasted} since noon"


async def test_a_form_does_not_take_a_line_that_is_being_typed() -> None:
    with create_pipe_input() as keys:
        began = asyncio.Event()
        terminal = Full(lambda: "", began.set, colour=True, source=keys, out=DummyOutput())
        reading = asyncio.create_task(terminal.read(Question("› ")))
        keys.send_text("half a sen")
        await asyncio.wait_for(began.wait(), 20)
        assert not terminal.nudge()
        keys.send_text("tence\r")
        assert await asyncio.wait_for(reading, 20) == "half a sentence"
