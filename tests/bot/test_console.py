"""The console: what typed lines become, what is drawn of what comes in, and that no word is lost or doubled."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from pathlib import Path

import pytest

from bot.card import Bullets, Card, Choice, Field, Form, Text
from bot.console import Console
from bot.console_wire import LONGEST_WAIT, Heard, Wire
from bot.words import say
from tests.bot.console_desk import (
    HOME,
    OTHER,
    PATIENCE,
    SESSION,
    THREAD,
    TOKEN,
    Lines,
    Sitting,
    at_desk,
    notice,
    pretend_desk,
    session_card,
    sitting,
    step_card,
)

FORM = Form(
    "resolve",
    (
        Field("summary", "What was the problem", value="Outlook asked again"),
        Field("fix", "What fixed it", "long_text", required=True),
        Field("rating", "How was it", "choice", "5", (("5", "Good"), ("1", "Bad"))),
        Field("closing", "Close the ticket", "tick"),
    ),
    "Resolve and post",
    {"session": SESSION},
)


async def in_a_thread(one: Sitting, *options: str) -> int:
    """Say something, and be taken to the thread it opened; gives the step's message."""
    one.desk.on_word = lambda _: None
    one.lines.type("#4711")
    await one.sent()
    one.desk.draw(session_card())
    step = one.desk.draw(step_card(1, *(options or ("Only this user", "Several users"))))
    await one.sees("Step 1")
    return step


# ── What is typed ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_sentence_goes_out_as_it_was_typed() -> None:
    async with sitting() as one:
        one.lines.type("Outlook keeps asking for a password")
        word = await one.sent()
        assert (word["kind"], word["place"], word["text"]) == (
            "say",
            "",
            "Outlook keeps asking for a password",
        )


async def test_a_typed_number_presses_that_answer_of_the_step() -> None:
    async with sitting() as one:
        await in_a_thread(one)
        one.lines.type("2")
        word = await one.sent(2)
        assert (word["kind"], word["verb"]) == ("click", "answer")
        assert word["args"] == {"session": SESSION, "step": "1", "option": "o2"}


async def test_a_number_that_is_no_answer_is_said() -> None:
    async with sitting() as one:
        await in_a_thread(one)
        one.lines.type("7")
        assert (await one.sent(2))["text"] == "7"


async def test_a_number_typed_while_the_step_changed_is_asked_about_first() -> None:
    async with sitting() as one:
        step = await in_a_thread(one)
        one.console._typing()
        one.desk.draw(Card("step_done", "✓ What do you see: a light"), id=step)
        one.desk.draw(step_card(2, "Red", "Green"))
        await one.sees("Step 2")
        one.lines.type("2")
        await one.sees("The card changed while you typed. 2 now means “Green”")
        assert len(one.desk.words) == 1
        one.lines.type("2")
        assert (await one.sent(2))["args"]["step"] == "2"


async def test_the_number_of_a_step_that_is_answered_presses_nothing() -> None:
    async with sitting() as one:
        step = await in_a_thread(one)
        one.desk.draw(Card("step_done", "✓ What do you see: a light"), id=step)
        await one.sees("✓ What do you see")
        one.lines.type("1")
        assert (await one.sent(2))["kind"] == "say"


async def test_what_stands_under_more_is_pressed_by_its_word() -> None:
    async with sitting() as one:
        await in_a_thread(one)
        one.lines.type("undo")
        word = await one.sent(2)
        assert (word["kind"], word["verb"], word["args"]["step"]) == ("click", "undo", "0")


async def test_a_button_that_wants_a_yes_waits_for_it() -> None:
    async with sitting() as one:
        await in_a_thread(one)
        one.lines.type("withdraw", "n")
        await one.sees("Left as it was.")
        assert len(one.desk.words) == 1
        one.lines.type("withdraw", "y")
        assert (await one.sent(2))["verb"] == "withdraw"


async def test_pasted_lines_arrive_as_one_message() -> None:
    async with sitting() as one:
        one.lines.type("paste", "first line", "", "quit", "last line", ".")
        assert (await one.sent())["text"] == "first line\n\nquit\nlast line"


async def test_a_file_is_sent_with_its_name_and_the_words_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "spool.log"
    path.write_bytes(b"\x00\xffERROR 5")
    async with sitting() as one:
        one.lines.type(f'file "{path}" the printer since noon')
        word = await one.sent()
        assert word["text"] == "the printer since noon"
        assert word["files"][0]["name"] == "spool.log"
        assert base64.b64decode(word["files"][0]["content"]) == b"\x00\xffERROR 5"


async def test_a_file_that_is_not_there_sends_nothing() -> None:
    async with sitting() as one:
        one.lines.type("file /no/such.log", "hello")
        assert (await one.sent())["text"] == "hello"
        assert "There is no file /no/such.log. Nothing was sent." in one.lines.text


# ── Forms ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_form_is_asked_field_by_field_and_enter_keeps_what_is_prefilled() -> None:
    async with sitting() as one:
        await in_a_thread(one)
        one.lines.type("resolve")
        await one.sent(2)
        one.desk.draw(Card("form", "Resolve", (Text("Submitting posts this."),), form=FORM), HOME)
        await one.until(lambda: one.lines.asked[-1].value == "Outlook asked again")
        one.lines.type("Outlook asked again", "", "Cleared the token", "2", "y", "")
        word = await one.sent(3)
        assert "What fixed it: this is needed" in one.lines.text
        assert (word["kind"], word["verb"], word["args"]) == ("submit", "resolve", {"session": SESSION})
        assert word["fields"] == {
            "summary": "Outlook asked again",
            "fix": "Cleared the token",
            "rating": "1",
            "closing": "yes",
        }


async def test_back_asks_the_field_before_again() -> None:
    async with sitting() as one:
        await in_a_thread(one)
        one.desk.draw(Card("form", "Resolve", form=FORM), HOME)
        await one.sees("Type form to fill it in.")
        one.lines.type("form", "wrong", "back", "right", "fixed", "", "", "")
        assert (await one.sent(2))["fields"]["summary"] == "right"


async def test_a_form_that_is_left_sends_nothing_and_can_be_taken_up_again() -> None:
    async with sitting() as one:
        await in_a_thread(one)
        one.desk.draw(Card("form", "Resolve", form=FORM), HOME)
        await one.sees("Type form to fill it in.")
        one.lines.type("form", "half", "cancel")
        await one.sees("Left; nothing was sent.")
        assert len(one.desk.words) == 1
        one.lines.type("form", "s", "f", "", "", "")
        assert (await one.sent(2))["fields"]["fix"] == "f"


async def test_a_form_nobody_asked_for_does_not_take_the_line() -> None:
    async with sitting() as one:
        await in_a_thread(one)
        one.desk.draw(Card("form", "How did it go?", form=FORM), HOME)
        await one.sees("Type form to fill it in.")
        one.lines.type("still my sentence")
        assert (await one.sent(2))["text"] == "still my sentence"


# ── Nothing lost, nothing twice ─────────────────────────────────────────────────────────────────────────────


async def test_a_word_is_sent_again_under_its_own_id_until_it_is_kept() -> None:
    async with sitting() as one:
        one.desk.refuse = [503, 0, 502]
        one.lines.type("first", "second")
        await one.sent(2)
        assert [word["text"] for word in one.desk.words] == ["first", "second"]
        assert len(one.desk.attempts) == 5
        assert len(set(one.desk.attempts[:4])) == 1
        await one.sees("It is in now.")
        assert "sent again until it is in" in one.lines.text


async def test_what_could_not_be_sent_goes_out_when_the_person_comes_back(tmp_path: Path) -> None:
    unsent = tmp_path / "unsent.json"
    async with pretend_desk() as desk:
        desk.refuse = [503] * 1_000
        async with at_desk(desk, unsent=unsent) as one:
            one.lines.type("my only sentence")
            await one.until(lambda: bool(desk.attempts))
        assert "1 not sent yet" in one.lines.text
        assert unsent.stat().st_mode & 0o777 == 0o600
        desk.refuse = []
        async with at_desk(desk, unsent=unsent) as again:
            word = await again.sent()
        assert (word["text"], word["id"]) == ("my only sentence", desk.attempts[0])
        async with at_desk(desk, unsent=unsent) as third:
            third.lines.type("another")
            await third.sent(2)
        assert [word["text"] for word in desk.words] == ["my only sentence", "another"]


async def test_what_is_too_large_is_told_and_not_tried_again() -> None:
    async with sitting() as one:
        one.desk.refuse = [413]
        one.lines.type("huge", "small")
        assert (await one.sent())["text"] == "small"
        assert "larger than 25 MB" in one.lines.text
        assert len(one.desk.attempts) == 2


# ── What comes in ───────────────────────────────────────────────────────────────────────────────────────────


async def test_what_was_drawn_before_is_not_printed_when_the_console_opens() -> None:
    async with pretend_desk() as desk:
        desk.draw(session_card())
        desk.draw(step_card(1, "Old answer"))
        async with at_desk(desk) as one:
            assert "Old answer" not in one.lines.text
            assert "open #4711" in one.lines.text


async def test_an_answered_step_becomes_one_line() -> None:
    async with sitting() as one:
        step = await in_a_thread(one)
        one.desk.draw(Card("step_done", "✓ What do you see: a light"), id=step)
        await one.sees("✓ What do you see: a light")
        assert one.lines.text.count("What do you see?") == 1


async def test_the_session_card_is_not_printed_for_every_refresh_but_on_demand() -> None:
    async with sitting() as one:
        await in_a_thread(one)
        first = next(number for number, m in one.console.seen.messages.items() if m.card.kind == "session")
        one.desk.draw(session_card(Status="Paused"), id=first)
        one.desk.draw(notice("Paused, waiting for the customer."))
        await one.sees("waiting for the customer")
        assert one.lines.text.count("== #4711 Outlook") == 1
        assert "Paused · #4711 · 4 min" in one.console._toolbar()
        one.lines.type("card")
        await one.until(lambda: one.lines.text.count("== #4711 Outlook") == 2)


async def test_a_thread_that_comes_in_whole_begins_with_its_card_whatever_was_redrawn_last() -> None:
    """As after a moment without web: the card was drawn, then the step, then the card again with the ticket."""
    async with sitting() as one:
        one.lines.type("#4711")
        await one.sent()
        card = one.desk.draw(session_card())
        one.desk.draw(step_card(1, "Only this user"))
        one.desk.draw(session_card(Contact="Martin Hale"), id=card)
        await one.sees("Step 1")
        assert "Martin Hale" in one.lines.text
        assert one.lines.text.index("== #4711 Outlook") < one.lines.text.index("Step 1")
        assert "open #4711" not in one.lines.text
        one.lines.type("1")
        assert (await one.sent(2))["place"] == THREAD


async def test_another_ticket_is_drawn_whole_though_nobody_saw_it_being_read() -> None:
    async with sitting() as one:
        card = one.desk.draw(session_card(Ticket="#4711 Outlook", Contact="Jane Doe"))
        one.desk.draw(notice("Said at home."), HOME)
        await one.sees("Said at home.")
        one.lines.type("open 4711")
        await one.sees("Jane Doe")
        one.desk.draw(session_card(Ticket="#4713", Contact="Martin Hale"), id=card)
        await one.sees("Martin Hale")
        one.desk.draw(session_card(Ticket="#4713 VPN", Contact="Martin Hale"), id=card)
        one.desk.draw(notice("Nothing new."))
        await one.sees("Nothing new.")
        assert one.lines.text.count("Martin Hale") == 1


async def test_news_about_posting_is_told_in_a_line() -> None:
    async with sitting() as one:
        await in_a_thread(one)
        first = next(number for number, m in one.console.seen.messages.items() if m.card.kind == "session")
        card = session_card()
        posts = Bullets(say("post.title"), ("Note: posted",))
        one.desk.draw(replace(card, blocks=(*card.blocks, posts)), id=first)
        await one.sees("ConnectWise · Note: posted")


async def test_another_thread_is_one_line_with_the_way_there() -> None:
    async with sitting() as one:
        await in_a_thread(one)
        one.desk.draw(session_card("#4690 Printer"), OTHER)
        one.desk.draw(notice("Ben picked this up."), OTHER)
        await one.sees("In #4690 Printer: Ben picked this up.  → open #4690")
        assert "== #4690" not in one.lines.text
        one.lines.type("open 4690")
        await one.sees("== #4690 Printer")
        one.lines.type("said over there")
        assert (await one.sent(2))["place"] == OTHER


async def test_home_leads_out_of_the_thread() -> None:
    async with sitting() as one:
        await in_a_thread(one)
        one.lines.type("home", "another problem")
        assert (await one.sent(2))["place"] == ""


async def test_a_row_of_a_list_is_opened_by_its_number() -> None:
    async with sitting() as one:
        await in_a_thread(one)
        rows = (
            Choice("#4690 Printer", "open", {"session": "unknown"}),
            Choice("#4711", "open", {"session": SESSION}),
        )
        one.lines.type("home", "mine")
        await one.sent(2)
        one.desk.draw(Card("list", "Your sessions", choices=rows), HOME)
        await one.sees("Your sessions")
        one.lines.type("open 2")
        await one.sees("You are in: #4711 Outlook")
        one.lines.type("open 1")
        assert (await one.sent(3))["args"] == {"session": "unknown"}


async def test_a_follow_that_breaks_is_taken_up_again() -> None:
    async with pretend_desk() as desk, at_desk(desk) as one:
        right = one.console._wire.url
        one.console._wire.url = "http://127.0.0.1:1"
        desk.draw(notice("the last over the old line"), HOME)
        await one.sees("Nothing is lost; trying on.")
        one.console._wire.url = right
        desk.draw(notice("Ben is here."), HOME)
        await one.sees("Ben is here.")


async def test_a_console_that_breaks_ends_with_a_word_and_not_in_silence(tmp_path: Path) -> None:
    """What only a defect, ours or that of whoever answers at web's address, can bring about."""

    class Breaks(Wire):
        async def follow(self, since: int, wait: float = LONGEST_WAIT) -> Heard:
            if wait:
                raise KeyError("messages")
            return Heard(0, "Anna Keller", ())

    lines = Lines()
    async with Breaks("http://127.0.0.1:1", TOKEN) as wire:
        console = Console(wire, terminal=lines, unsent=tmp_path / "unsent.json")
        console.take("said before it broke")
        with pytest.raises(KeyError):
            await asyncio.wait_for(console.run(), PATIENCE)
    assert "The console broke and ends here." in lines.text
    assert "1 not sent yet. It is kept here" in lines.text
