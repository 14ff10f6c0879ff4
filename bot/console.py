"""The console: one person's conversation with FlowPilot in a terminal, over the same ingress as every platform."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from bot.card import Choice, Form
from bot.console_asking import Question
from bot.console_dialog import Dialog
from bot.console_draw import drawn, styled
from bot.console_files import FileRefused, attached
from bot.console_outbox import Outbox
from bot.console_seen import Draw, News, Seen, telling, toolbar
from bot.console_terminal import PROMPT, Terminal, choose
from bot.console_wire import Heard, Shown, Turned, Unreachable, Wire, Word

PATIENCE = 0.3
"""Seconds without anything until it says that something is under way."""
OVERLAP = 20
REPLY_SECONDS = 15.0
QUIET_SECONDS = 1.0
POSTING_SECONDS = 90.0
LEAVE_SECONDS = 2.0

BROKE = "The console broke and ends here. Sessions go on, and what came in is kept. Start it again with the same command."

LOCAL = """\
home          back from a thread to the start     open 4711   go to the thread of a ticket, or of a row's number
threads       your threads                        card, step  show the session card, the step again
paste         many lines, ended by a line with .  file PATH   send a file, with words after it if you like
form          fill in the form shown last         quit        leave; nothing is lost (also Ctrl-D)"""


class Console:
    """`tell` is called with nothing; run() ends when the person leaves. `intake`: a file sent at the start."""

    def __init__(
        self,
        wire: Wire,
        *,
        welcome: Callable[[str], str] = lambda name: f"Hello {name}.",
        unsent: Path | None = None,
        intake: str = "",
        terminal: Terminal | None = None,
    ) -> None:
        self.seen = Seen()
        self._wire = wire
        self._welcome = welcome
        self._intake = intake
        self._terminal = terminal or choose(self._toolbar, self._typing)
        self._outbox = Outbox(wire, lambda text: self.say(text, "yellow"), unsent)
        self._details: dict[str, Any] | None = None
        self._dialog = Dialog(
            self.say,
            edits=self._terminal.edits,
            submit=self._submit,
            click=self._click,
            paste=lambda text: self._send(Word("say", self.seen.focus, text)),
        )
        self._unsure = ""
        self._typed_at: int | None = None
        self._expecting = False
        self._asked_to_leave = False
        self._sent_at: float | None = None
        self._heard_at = 0.0
        self._changed = asyncio.Event()

    # ── Running ─────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Until the person leaves, or input ends and nothing is pending."""
        with self._terminal.opened():
            await self._catch_up()
            self.say(self._welcome(self.seen.name))
            self._list_threads()
            try:
                await self._talk()
            except ExceptionGroup as broke:
                self.say("\n".join([BROKE, *self._outbox.farewell()]), "yellow")
                raise broke.exceptions[0] from None

    async def _talk(self) -> None:
        """A part that broke ends all of it: in silence it would look as if nobody answered any more."""
        work: list[Coroutine[Any, Any, None]] = [self._outbox.run(), self._follow(), self._watch()]
        async with asyncio.TaskGroup() as beside:
            tasks = [beside.create_task(each) for each in work]
            if self._intake:
                self._send_file(self._intake)
            await self._converse()
            await self._leave()
            for task in tasks:
                task.cancel()

    def close(self) -> None:
        """Leave as soon as possible; the sessions go on."""
        self._terminal.close()

    async def _converse(self) -> None:
        while True:
            if not self._terminal.live:
                await self.settled()
            try:
                typed = await self._terminal.read(self._dialog.question() or Question(PROMPT))
            except EOFError:
                return
            except KeyboardInterrupt:
                if self._interrupted():
                    return
                continue
            if typed is None:
                continue
            self._asked_to_leave = False
            if self.take(typed):
                return

    def _interrupted(self) -> bool:
        """Ctrl-C leaves what is under way; outside of it, the second one leaves the console."""
        if self._dialog.under_way:
            self._dialog.leave()
            self.say("Left. Nothing was sent.", "dim")
            return False
        if not self._asked_to_leave:
            self.say("Ctrl-C again leaves, as does Ctrl-D. Everything is kept, and sessions go on.", "dim")
        self._asked_to_leave = not self._asked_to_leave
        return not self._asked_to_leave

    async def _leave(self) -> None:
        if not self._terminal.live:
            await self.settled(longest=POSTING_SECONDS, posting=True)
        if self._outbox.waiting:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._outbox.emptied(), LEAVE_SECONDS)
        for line in self._outbox.farewell():
            self.say(line, "yellow")

    # ── What is typed ───────────────────────────────────────────────────────────────────────────────────────

    def take(self, typed: str) -> bool:
        """One line or one paste. True when the person wants to leave."""
        if self._dialog.under_way:
            self._dialog.take(typed)
        elif typed.strip():
            return self._command(typed.strip("\n"))
        return False

    def _command(self, typed: str) -> bool:
        """Words of the console itself, then keys of the cards in sight, then what is said to FlowPilot."""
        line = typed.strip()
        word, _, rest = line.partition(" ")
        local: dict[str, Callable[[], None]] = {
            "home": lambda: self._focus(""),
            "threads": self._list_threads,
            "card": lambda: self._again(self.seen.session_card()),
            "step": lambda: self._again(self.seen.step()),
            "form": self._dialog.fill,
            "paste": self._dialog.begin_paste,
        }
        if line.casefold() in ("quit", "exit", "q"):
            return True
        if line.casefold() in local:
            local[line.casefold()]()
        elif word.casefold() == "file" and rest:
            self._send_file(rest)
        elif word.casefold() == "open" and rest and "\n" not in line and self._open(rest):
            pass
        elif (choice := self.seen.pressed(line)) is not None:
            self._press(choice, line)
        else:
            if line.casefold() in ("help", "?"):
                self.say(LOCAL, "dim")
            self._send(Word("say", self.seen.focus, typed))
        return False

    def _press(self, choice: Choice, typed: str) -> None:
        """A number typed while another card came in does not count for that card without a look."""
        newest = self.seen.numbered
        if (
            typed.isdigit()
            and self._typed_at is not None
            and self._typed_at != newest
            and self._unsure != typed
        ):
            self._unsure, self._typed_at = typed, newest
            self.say(
                f"The card changed while you typed. {typed} now means “{choice.label}”: type {typed} again.",
                "yellow",
            )
            return
        self._unsure = ""
        if choice.confirm:
            self._dialog.confirm(choice)
        else:
            self._click(choice)

    def _click(self, choice: Choice) -> None:
        place = self.seen.focus
        if choice.verb == "open" and (known := self._thread_of(choice.args.get("session"))) is not None:
            self._focus(known)
            return
        self._send(Word("click", place, verb=choice.verb, args=dict(choice.args)))

    def _send_file(self, given: str) -> None:
        try:
            words, files = attached(given)
        except FileRefused as refused:
            self.say(str(refused), "yellow")
            return
        self._send(Word("say", self.seen.focus, words, files=files))

    def _submit(self, form: Form, values: dict[str, str]) -> None:
        self._send(Word("submit", self.seen.focus, verb=form.verb, args=dict(form.args), fields=values))

    def _free_the_line(self) -> bool:
        """A form may take the line when the person just asked for something and types nothing now."""
        return self._expecting and self._terminal.nudge()

    def _send(self, word: Word) -> None:
        self._expecting = True
        self._sent_at = asyncio.get_running_loop().time()
        self._outbox.put(word)

    # ── Where one is ────────────────────────────────────────────────────────────────────────────────────────

    def _focus(self, place: str) -> None:
        self.seen.focus, self._details = place, None
        self._changed.set()
        if not place:
            self.say("You are at the start. What you say here begins something new.", "dim")
            return
        self.say(f"You are in: {self.seen.named(place)}. home leads back.", "dim")
        self._again(self.seen.session_card())
        if (step := self.seen.step()) is not None:
            self._again(step)

    def _open(self, wanted: str) -> bool:
        """By a row's number on the list shown last, else by ticket or session. False: FlowPilot is asked."""
        row = self.seen.row(wanted) if wanted.isdigit() else None
        if row is not None and row.verb == "open":
            self._click(row)
            return True
        if (place := self.seen.find(wanted)) is None:
            return False
        self._focus(place)
        return True

    def _thread_of(self, session: str | None) -> str | None:
        kinds = self.seen.kinds.items()
        return next((place for place, (kind, of) in kinds if kind == "thread" and of == session and of), None)

    def _list_threads(self) -> None:
        for shown in self.seen.threads()[-8:]:
            self.say(f"  {self.seen.way_to(shown.place):<14} {shown.card.title}")

    def _again(self, shown: Shown | None) -> None:
        if shown is None:
            self.say("There is none here.", "dim")
        else:
            self._draw(shown)

    # ── What comes in ───────────────────────────────────────────────────────────────────────────────────────

    async def _catch_up(self) -> None:
        """Everything drawn before this terminal opened, without printing it."""
        told = False
        while True:
            try:
                heard = await self._wire.follow(self.seen.change, 0)
            except Unreachable as away:
                if not told:
                    self.say(f"{away}. Trying on.", "yellow")
                told = True
                await asyncio.sleep(0.5)
                continue
            self.seen.take(heard)
            if not heard.messages:
                return

    async def _follow(self) -> None:
        away = False
        while True:
            try:
                heard = await self._wire.follow(self.seen.change)
                self._heard(heard)
                if heard.messages:
                    # Two drawn at once may be committed in the other order, so the last ones are looked at again.
                    self._heard(await self._wire.follow(max(0, self.seen.change - OVERLAP), 0))
            except Unreachable as lost:
                if not away:
                    self.say(f"{lost}. Nothing is lost; trying on.", "yellow")
                away = True
                await asyncio.sleep(0.5)
                continue
            except Turned as turned:
                self.say(str(turned), "yellow")
                self._terminal.close()
                return
            if away:
                self.say("FlowPilot is back.", "dim")
            away = False

    def _heard(self, heard: Heard) -> None:
        news = self.seen.take(heard)
        if not news:
            return
        self._sent_at = None
        self._heard_at = asyncio.get_running_loop().time()
        for each in news:
            self._tell(each)
        self._changed.set()

    def _tell(self, news: News) -> None:
        shown = news.shown
        if news.opened and shown.kind == "thread" and self._expecting:
            self._expecting = False
            self.seen.focus, self._details = shown.place, None
        for item in telling(news, self.seen):
            if isinstance(item, Draw):
                self._draw(shown)
            else:
                self.say(item.text, item.style)
        if shown.card.form is not None:
            self._dialog.form_came(shown.card.form, start=self._free_the_line)

    def _draw(self, shown: Shown) -> None:
        self._terminal.show(drawn(shown.card, self._terminal.width, colour=self._terminal.colour))
        self.seen.point_at(shown)

    def say(self, text: str, style: str = "") -> None:
        """A line of the console's own."""
        for line in text.split("\n"):
            self._terminal.show(styled(line, style, colour=self._terminal.colour))

    # ── The toolbar ─────────────────────────────────────────────────────────────────────────────────────────

    def _typing(self) -> None:
        self._typed_at = self.seen.numbered

    def _toolbar(self) -> str:
        waits = self._looking()
        return (f"Looking… {waits:.0f} s · " if waits else "") + toolbar(self.seen, self._details)

    def _looking(self) -> float:
        if self._sent_at is None:
            return 0.0
        passed = asyncio.get_running_loop().time() - self._sent_at
        return passed if passed >= PATIENCE else 0.0

    async def _watch(self) -> None:
        """Keeps the toolbar's figures fresh, and says in plain output that something is under way."""
        said: float | None = None
        while True:
            with suppress(TimeoutError):
                # Unlike wait_for, this never takes a cancellation for an end in time.
                async with asyncio.timeout(PATIENCE):
                    await self._changed.wait()
            if self._changed.is_set():
                self._changed.clear()
                await self._look_up()
            if self._looking() and not self._terminal.edits and said != self._sent_at:
                said = self._sent_at
                self.say("Looking…")

    async def _look_up(self) -> None:
        if (session := self.seen.session) is not None:
            with suppress(Unreachable):
                self._details = await self._wire.session(session)

    # ── Without a person at the keyboard ────────────────────────────────────────────────────────────────────

    async def settled(self, longest: float = REPLY_SECONDS, *, posting: bool = False) -> None:
        """Waits until what was said has been answered and nothing more comes; `posting`: nor is anything posted."""
        loop = asyncio.get_running_loop()
        until = loop.time() + longest
        while loop.time() < until:
            quiet = loop.time() - self._heard_at > QUIET_SECONDS
            if self._sent_at is None and quiet and not (posting and self._posting()):
                return
            if self._dialog.under_way and quiet:
                return
            await asyncio.sleep(0.1)

    def _posting(self) -> bool:
        pushes = (self._details or {}).get("pushes", [])
        return any(p["state"] in ("pending", "sending") and not p["held_because"] for p in pushes)


async def run_console(console: Console, beside: Callable[[Console], Awaitable[None]]) -> None:
    """The console with something that goes on beside it and ends with it."""
    task = asyncio.ensure_future(beside(console))
    try:
        await console.run()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
