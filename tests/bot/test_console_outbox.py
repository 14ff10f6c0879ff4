"""What is unsent: keys are on no disk, a word that breaks web does not hold up the next, and nothing vanishes unsaid."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from bot.card import Card, Field, Form
from bot.console_outbox import NO_KEYS, Outbox
from bot.console_wire import Wire, Word
from tests.bot.console_desk import HOME, TOKEN, Sitting, at_desk, pretend_desk, sitting

KEY = "the-private-key-itself"
CONNECT = Form(
    "connect",
    (Field("company", "Company"), Field("private_key", "Private key", required=True)),
    "Connect",
    {},
)
WITH_KEYS = [
    Word("submit", verb="connect", fields={"company": KEY}),
    Word("submit", verb="other", fields={"API_Key": KEY}),
    Word("submit", verb="other", fields={"clientSecret": KEY}),
    Word("submit", verb="other", fields={"password2": KEY}),
]


async def fill_in_keys(one: Sitting) -> None:
    one.desk.draw(Card("form", "Connect", form=CONNECT), HOME)
    await one.sees("Type form to fill it in.")
    one.lines.type("form", "acme", KEY, "")


@pytest.mark.parametrize("word", WITH_KEYS, ids=lambda word: "-".join([word.verb, *word.fields]))
async def test_keys_are_never_written_to_disk_and_other_words_beside_them_are(
    word: Word, tmp_path: Path
) -> None:
    file = tmp_path / "unsent.json"
    async with Wire("http://127.0.0.1:1", TOKEN) as wire:
        outbox = Outbox(wire, lambda _: None, file)
        outbox.put(word)
        outbox.put(Word("say", text="a sentence"))
    assert KEY not in file.read_text()
    assert [kept["text"] for kept in json.loads(file.read_text())] == ["a sentence"]
    assert outbox.waiting == 2


async def test_who_leaves_before_keys_are_sent_is_told_that_they_were_not_kept(tmp_path: Path) -> None:
    unsent = tmp_path / "unsent.json"
    async with pretend_desk() as desk:
        desk.refuse = [503] * 1_000
        async with at_desk(desk, unsent=unsent) as one:
            await fill_in_keys(one)
            await one.until(lambda: bool(desk.attempts))
            assert KEY not in unsent.read_text()
        assert NO_KEYS in one.lines.text
        assert "It is kept here" not in one.lines.text
        assert KEY not in unsent.read_text()
        desk.refuse = []
        async with at_desk(desk, unsent=unsent) as again:
            again.lines.type("hello")
            await again.sent()
        assert [word["text"] for word in desk.words] == ["hello"]


async def test_keys_that_an_older_console_wrote_down_are_taken_off_the_disk(tmp_path: Path) -> None:
    file = tmp_path / "unsent.json"
    file.write_text(json.dumps([asdict(word) for word in [WITH_KEYS[0], Word("say", text="older")]]))
    async with Wire("http://127.0.0.1:1", TOKEN) as wire:
        assert Outbox(wire, lambda _: None, file).waiting == 1
    assert KEY not in file.read_text()
    assert "older" in file.read_text()


async def test_keys_are_given_up_while_web_stays_away_and_what_comes_after_them_is_kept() -> None:
    told: list[str] = []
    next_one = asyncio.Event()

    def say(text: str) -> None:
        told.append(text)
        if "until it is in" in text:
            next_one.set()

    async with Wire("http://127.0.0.1:1", TOKEN) as wire:
        outbox = Outbox(wire, say, waits=(0.001, 0.001))
        outbox.put(WITH_KEYS[0])
        outbox.put(Word("say", text="a sentence"))
        running = asyncio.create_task(outbox.run())
        await asyncio.wait_for(next_one.wait(), 20)
        running.cancel()
    assert any(NO_KEYS in line for line in told)
    assert KEY not in "\n".join(told)
    assert outbox.waiting == 1


async def test_a_word_that_breaks_web_is_given_up_with_its_text_and_the_next_one_goes_out() -> None:
    async with sitting() as one:
        one.desk.refuse = [500, 503, 500, 0, 500, 500, 500]
        one.console._outbox._waits = (0.01, 0.02)  # between its tries; how many there are is what counts here
        one.lines.type("the sentence that breaks it", "the next")
        assert (await one.sent())["text"] == "the next"
        assert "Not sent: the sentence that breaks it" in one.lines.text
        assert len(one.desk.attempts) == 8
        assert len(set(one.desk.attempts)) == 2


async def test_web_that_is_away_is_never_too_much_for_a_sentence() -> None:
    told: list[str] = []
    async with pretend_desk() as desk, Wire(desk.url, TOKEN) as wire:
        desk.refuse = [502, 503, 504, 0] * 10
        outbox = Outbox(wire, told.append, waits=(0.001, 0.001))
        outbox.put(Word("say", text="patient"))
        running = asyncio.create_task(outbox.run())
        await asyncio.wait_for(outbox.emptied(), 20)
        running.cancel()
        assert [word["text"] for word in desk.words] == ["patient"]
    assert not any("Not sent" in line for line in told)


async def test_a_form_that_is_refused_is_told_with_what_was_typed_into_it() -> None:
    told: list[str] = []
    async with pretend_desk() as desk, Wire(desk.url, TOKEN) as wire:
        desk.refuse = [400, 400]
        outbox = Outbox(wire, told.append)
        outbox.put(Word("submit", verb="resolve", fields={"fix": "Cleared the token"}))
        outbox.put(WITH_KEYS[0])
        running = asyncio.create_task(outbox.run())
        await asyncio.wait_for(outbox.emptied(), 20)
        running.cancel()
        assert len(desk.attempts) == 2
    assert told == ["no\nNot sent: resolve\nfix: Cleared the token", f"no\n{NO_KEYS}"]
