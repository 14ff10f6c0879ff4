"""The two ends a console can have: a real terminal with a toolbar, or plain lines in and out."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Protocol, TextIO

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import Output
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.styles import Style
from rich.console import Console as Look

from bot.console_asking import Question

PROMPT = "› "
SHOWN_LINES, SHOWN_LETTERS = 6, 1_000
"""A longer paste stands in the line as one mark, and goes out whole."""
STYLE = Style.from_dict({"bottom-toolbar": "noreverse bg:#303030 #d0d0d0", "prompt": "bold ansicyan"})


class Terminal(Protocol):
    """`edits`: a prefilled value stands in the line; else an empty line keeps it. `live`: a person types."""

    colour: bool
    edits: bool
    live: bool

    @property
    def width(self) -> int: ...
    def opened(self) -> AbstractContextManager[object]: ...
    async def read(self, question: Question) -> str | None:
        """A line, or None after a nudge. Raises EOFError and KeyboardInterrupt."""
        ...

    def show(self, text: str) -> None: ...
    def nudge(self) -> bool:
        """Have `read` return, unless something is being typed; says whether it does."""
        ...

    def close(self) -> None: ...


def choose(toolbar: Callable[[], str], started: Callable[[], None]) -> Terminal:
    """The one that fits standard input and output. `started` is called when a line's first letter is typed."""
    look = Look()
    if sys.stdin.isatty() and look.is_terminal and not look.is_dumb_terminal:
        return Full(toolbar, started, colour=not look.no_color)
    return Plain(sys.stdin, sys.stdout, live=sys.stdin.isatty())


class Plain:
    """Lines in, lines out: for pipes and terminals that can do no more."""

    colour = False
    edits = False

    def __init__(self, source: TextIO, out: TextIO, *, live: bool) -> None:
        self.live = live
        self._source, self._out = source, out
        self._lines: asyncio.Queue[str | BaseException | None] = asyncio.Queue()
        self._reading = False
        self._prompted = False

    @property
    def width(self) -> int:
        return 80

    def opened(self) -> AbstractContextManager[object]:
        return nullcontext()

    async def read(self, question: Question) -> str | None:
        self._begin()
        if self.live or question.prompt != PROMPT:
            self._out.write(question.prompt)
            self._out.flush()
            self._prompted = True
        got = await self._lines.get()
        self._prompted = False
        if isinstance(got, BaseException):
            raise got
        if got is not None and not self.live:
            self._out.write(f"{got}\n")
        return got

    def show(self, text: str) -> None:
        if self._prompted:
            self._out.write("\n")
            self._prompted = False
        self._out.write(text if text.endswith("\n") else f"{text}\n")
        self._out.flush()

    def nudge(self) -> bool:
        self._lines.put_nowait(None)
        return True

    def close(self) -> None:
        self._lines.put_nowait(EOFError())

    def _begin(self) -> None:
        if self._reading:
            return
        self._reading = True
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(signal.SIGINT, self._lines.put_nowait, KeyboardInterrupt())
        # A thread, because a file on standard input cannot be waited for; a daemon, because a read may never end.
        threading.Thread(target=self._pump, args=(loop,), daemon=True).start()

    def _pump(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the loop may be over before the input is
            for line in self._source:
                loop.call_soon_threadsafe(self._lines.put_nowait, line.rstrip("\r\n"))
            loop.call_soon_threadsafe(self._lines.put_nowait, EOFError())


class Full:
    """A terminal with an edited line, a toolbar below it, and news above it."""

    edits = True
    live = True

    def __init__(
        self,
        toolbar: Callable[[], str],
        started: Callable[[], None],
        *,
        colour: bool,
        source: Input | None = None,
        out: Output | None = None,
    ) -> None:
        self.colour = colour
        self._pastes: dict[str, str] = {}
        self._closed = False
        self._session: PromptSession[str | None] = PromptSession(
            multiline=True,
            key_bindings=self._bindings(),
            bottom_toolbar=lambda: FormattedText([("class:bottom-toolbar", f" {toolbar()} ")]),
            refresh_interval=0.5,
            style=STYLE,
            prompt_continuation="  ",
            reserve_space_for_menu=0,
            input=source,
            output=out,
        )
        buffer = self._session.default_buffer
        buffer.on_text_changed += lambda _: started() if len(buffer.text) <= 1 else None

    @property
    def width(self) -> int:
        return shutil.get_terminal_size((90, 24)).columns

    def opened(self) -> AbstractContextManager[object]:
        return patch_stdout(raw=True)

    async def read(self, question: Question) -> str | None:
        if self._closed:
            raise EOFError
        typed = await self._session.prompt_async(
            FormattedText([("class:prompt", question.prompt)]),
            default=question.value if question.editable else "",
        )
        self._session.app.erase_when_done = False
        return None if typed is None else self._unfolded(typed)

    def show(self, text: str) -> None:
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        sys.stdout.flush()

    def nudge(self) -> bool:
        app = self._session.app
        if not app.is_running or self._session.default_buffer.text:
            return False
        app.erase_when_done = True
        app.exit(result=None)
        return True

    def close(self) -> None:
        self._closed = True
        if self._session.app.is_running:
            self._session.app.exit(exception=EOFError())

    def _unfolded(self, typed: str) -> str:
        text = re.sub(r"\[paste \d+: [^\]]*\]", lambda mark: self._pastes.get(mark[0], mark[0]), typed)
        self._pastes.clear()
        return text

    def _bindings(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("enter")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.validate_and_handle()

        @keys.add("escape", "enter")
        @keys.add("c-j")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @keys.add(Keys.BracketedPaste)
        def _(event: KeyPressEvent) -> None:
            text = event.data.replace("\r\n", "\n").replace("\r", "\n")
            lines = text.count("\n") + 1
            if lines > SHOWN_LINES or len(text) > SHOWN_LETTERS:
                mark = f"[paste {len(self._pastes) + 1}: {lines} lines, {len(text):,} letters]"
                self._pastes[mark] = text
                text = mark
            event.current_buffer.insert_text(text)

        return keys
