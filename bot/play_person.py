"""One person of a case: sees what a console sees and does what a case says, over the console's contract."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from bot.card import Choice
from bot.console_draw import plain
from bot.console_files import attached, text_of
from bot.console_seen import News, Seen
from bot.console_wire import Shown, Unreachable, Wire, Word
from bot.play_case import Expect, Submit

T = TypeVar("T")
GO_ON = "go_on"
"""The option that agrees to what is masked before it goes to a model."""


class NotReached(Exception):
    """What a step waited for did not come; the message says what was there instead."""


class Person:
    """`told` is called with everything that is drawn for this person."""

    def __init__(self, who: str, wire: Wire, told: Callable[[str, News], None]) -> None:
        self.who = who
        self.wire = wire
        self.seen = Seen()
        self._told = told
        self._acted = False
        self._used: set[tuple[int, int]] = set()
        self._news = asyncio.Event()
        self._before = 0

    async def catch_up(self) -> None:
        """What was drawn before the case began belongs to none of its steps. Raises Unreachable."""
        while (heard := await self.wire.follow(self.seen.change, 0)).messages:
            self.seen.take(heard)
        self._before = self.seen.change

    async def follow(self) -> None:
        """For as long as the case is played."""
        while True:
            try:
                heard = await self.wire.follow(self.seen.change)
            except Unreachable:
                await asyncio.sleep(0.3)
                continue
            for news in self.seen.take(heard):
                if news.opened and news.shown.kind == "thread" and self._acted:
                    self.seen.focus = news.shown.place
                self._told(self.who, news)
            self._news.set()

    # ── Doing ───────────────────────────────────────────────────────────────────────────────────────────────

    async def say(self, text: str) -> None:
        await self._send(Word("say", self.seen.focus, text))

    async def paste(self, path: str) -> None:
        """The text of a file, as one message."""
        await self.say(text_of(path))

    async def send_file(self, path: str) -> None:
        words, files = attached(path)
        await self._send(Word("say", self.seen.focus, words, files=files))

    async def answer(self, wanted: str, within: float) -> None:
        """The option with this label, number or id on the open step."""

        def open_option(wanted: str) -> Choice | None:
            step = self.seen.step()
            options = (
                [c for c in step.card.choices if c.verb == "answer"] if step and self._fresh(step) else []
            )
            low = wanted.casefold()
            return next(
                (
                    c
                    for number, c in enumerate(options, 1)
                    if low in (c.label.casefold(), c.args.get("option", "").casefold(), str(number))
                ),
                None,
            )

        def told(option: str) -> str:
            return f"no open step has the answer {option!r}"

        choice = await self.until(
            lambda: open_option(wanted) or open_option(GO_ON), within, lambda: told(wanted)
        )
        if choice.args.get("option") == GO_ON != wanted:
            # A case is written for the flows: what a model asks before anything goes out is agreed to.
            await self._press(choice)
            choice = await self.until(lambda: open_option(wanted), within, lambda: told(wanted))
        await self._press(choice)

    async def _press(self, choice: Choice) -> None:
        """An answer, once on each state of its step."""
        step = self.seen.step()
        if step is not None:
            self._used.add((step.id, step.change))
        await self._click(choice)

    async def click(self, wanted: str, within: float) -> None:
        """A button by its label or verb, on the newest card that has it."""
        low, verb = wanted.casefold(), wanted.casefold().replace(" ", "_")

        def button() -> Choice | None:
            for shown in self._newest():
                for choice in shown.card.choices:
                    if choice.label.casefold() == low or choice.verb == verb:
                        return choice
            return None

        await self._click(await self.until(button, within, lambda: f"no card has the button {wanted!r}"))

    async def submit(self, wanted: Submit, within: float) -> None:
        """The newest form of this verb, as prefilled but for the fields that are given."""

        def form() -> Shown | None:
            return next(
                (
                    m
                    for m in self._newest()
                    if m.card.form and m.card.form.verb == wanted.verb and self._fresh(m)
                ),
                None,
            )

        shown = await self.until(form, within, lambda: f"no {wanted.verb} form came")
        filled = shown.card.form
        if filled is None:
            return
        unknown = set(wanted.fields) - {field.name for field in filled.fields}
        if unknown:
            known = ", ".join(field.name for field in filled.fields)
            raise NotReached(f"the form has no field {', '.join(sorted(unknown))}; it has {known}")
        self._used.add((shown.id, shown.change))
        values = {field.name: field.value for field in filled.fields} | wanted.fields
        await self._send(
            Word("submit", self.seen.focus, verb=filled.verb, args=dict(filled.args), fields=values)
        )

    async def expect(self, wanted: Expect, within: float) -> None:
        def fits() -> Shown | None:
            return next((m for m in self._newest() if _fits(m, wanted)), None)

        await self.until(fits, within, lambda: f"no card fits {wanted.model_dump(exclude_defaults=True)}")

    def _fresh(self, shown: Shown) -> bool:
        return (shown.id, shown.change) not in self._used

    async def _click(self, choice: Choice) -> None:
        await self._send(Word("click", self.seen.focus, verb=choice.verb, args=dict(choice.args)))

    async def _send(self, word: Word) -> None:
        self._acted = True
        until = time.monotonic() + 20
        while True:
            try:
                await self.wire.send(word)
            except Unreachable:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.3)
            else:
                return

    # ── Looking ─────────────────────────────────────────────────────────────────────────────────────────────

    async def until(self, look: Callable[[], T | None], within: float, otherwise: Callable[[], str]) -> T:
        """Looks whenever something was drawn. Raises NotReached."""
        ends = time.monotonic() + within
        while (found := look()) is None:
            if time.monotonic() > ends:
                raise NotReached(f"{otherwise()} within {within:g} s.\n{self._in_sight()}")
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), 0.5)
        return found

    def _newest(self) -> list[Shown]:
        """The cards of his thread, his home and the escalation channel, newest change first."""
        new = [m for m in self.seen.messages.values() if m.change > self._before]
        seen = [m for m in new if m.place == self.seen.focus or m.kind != "thread"]
        return sorted(seen, key=lambda m: -m.change)

    def _in_sight(self) -> str:
        cards = ["\n".join(plain(shown.card)) for shown in self._newest()[:3]]
        return f"{self.who} sees:\n" + "\n---\n".join(cards) if cards else f"{self.who} sees nothing yet."


def _fits(shown: Shown, wanted: Expect) -> bool:
    text = "\n".join(plain(shown.card)).casefold()
    return (
        (not wanted.card or shown.card.kind == wanted.card)
        and (not wanted.place or shown.kind == wanted.place)
        and wanted.contains.casefold() in text
        and not (wanted.lacks and wanted.lacks.casefold() in text)
    )
