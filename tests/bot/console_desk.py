"""A desk that speaks the console's contract on loopback, and a terminal that is a list of lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any

from aiohttp import web

from bot.card import Card, Choice, Fields, Text, to_json
from bot.console import Console
from bot.console_asking import Question
from bot.console_wire import Wire

HOME, THREAD, OTHER = "home-place", "thread-place", "other-place"
SESSION, SECOND = "5e551011-0000-4000-8000-000000000001", "5e551011-0000-4000-8000-000000000002"
TOKEN = "a-token-of-some-length"
PATIENCE = 20.0


class PretendDesk:
    """`refuse` are statuses to answer the next words with instead of keeping them; 0 drops the connection."""

    def __init__(self) -> None:
        self.url = ""
        self.words: list[dict[str, Any]] = []
        self.attempts: list[str] = []
        self.refuse: list[int] = []
        self.on_word: Callable[[dict[str, Any]], None] = lambda _: None
        self._messages: dict[int, dict[str, Any]] = {}
        self._change = 0
        self._drawn = asyncio.Event()

    def draw(self, card: Card, place: str = THREAD, *, id: int = 0) -> int:
        """Shows a card, or redraws the one with this id."""
        kind = {HOME: "direct", THREAD: "thread", OTHER: "thread"}.get(place, "escalations")
        session = {THREAD: SESSION, OTHER: SECOND}.get(place)
        self._change += 1
        number = id or len(self._messages) + 1
        self._messages[number] = {
            "id": number,
            "place": place,
            "kind": kind,
            "session": session,
            "key": f"k{number}",
            "card": to_json(card),
            "change": self._change,
        }
        self._drawn.set()
        return number

    async def receive(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        word = await request.json()
        self.attempts.append(word["id"])
        if self.refuse:
            status = self.refuse.pop(0)
            if not status and request.transport is not None:
                request.transport.close()
            return web.Response(status=status or 200, text="no")
        if word["id"] not in [known["id"] for known in self.words]:
            self.words.append(word)
            self.on_word(word)
        return web.json_response({"kept": True}, status=202)

    async def follow(self, request: web.Request) -> web.Response:
        since, wait = int(request.query["since"]), float(request.query["wait"])
        ends = asyncio.get_running_loop().time() + min(wait, 5)
        while True:
            self._drawn.clear()
            new = sorted(
                (m for m in self._messages.values() if m["change"] > since), key=lambda m: m["change"]
            )
            left = ends - asyncio.get_running_loop().time()
            if new or left <= 0:
                change = max((m["change"] for m in new), default=since)
                me = {"user": "u", "name": "Anna Keller"}
                return web.json_response({"change": change, "me": me, "messages": new})
            try:
                await asyncio.wait_for(self._drawn.wait(), left)
            except TimeoutError:
                continue

    async def session(self, request: web.Request) -> web.Response:
        found = {"id": request.match_info["id"], "status": "active", "ticket": 4711, "steps": []}
        return web.json_response({"session": found, "pushes": []})


@asynccontextmanager
async def pretend_desk() -> AsyncIterator[PretendDesk]:
    desk = PretendDesk()
    app = web.Application()
    app.router.add_post("/console", desk.receive)
    app.router.add_get("/console/follow", desk.follow)
    app.router.add_get("/console/session/{id}", desk.session)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    desk.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield desk
    finally:
        await runner.cleanup()


class Lines:
    """A terminal whose person types when the test says so."""

    colour = False
    edits = True
    live = True
    width = 80

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.asked: list[Question] = []
        self._typed: asyncio.Queue[str | None] = asyncio.Queue()

    def opened(self) -> AbstractContextManager[object]:
        return nullcontext()

    async def read(self, question: Question) -> str | None:
        self.asked.append(question)
        line = await self._typed.get()
        if line == "\x04":
            raise EOFError
        return line

    def show(self, text: str) -> None:
        self.shown.append(text.rstrip("\n"))

    def nudge(self) -> bool:
        self._typed.put_nowait(None)
        return True

    def close(self) -> None:
        self._typed.put_nowait("\x04")

    def type(self, *lines: str) -> None:
        for line in lines:
            self._typed.put_nowait(line)

    @property
    def text(self) -> str:
        return "\n".join(self.shown)


class Sitting:
    """A console with its desk and its terminal."""

    def __init__(self, desk: PretendDesk, lines: Lines, console: Console) -> None:
        self.desk, self.lines, self.console = desk, lines, console

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for it; the test fails with what is on the screen."""
        ends = asyncio.get_running_loop().time() + PATIENCE
        while not condition():
            assert asyncio.get_running_loop().time() < ends, (
                f"it never came to that; on the screen:\n{self.lines.text}"
            )
            await asyncio.sleep(0.01)

    async def sees(self, text: str) -> None:
        await self.until(lambda: text in self.lines.text)

    async def sent(self, count: int = 1) -> dict[str, Any]:
        """The newest word once there are so many."""
        await self.until(lambda: len(self.desk.words) >= count)
        return self.desk.words[count - 1]


@asynccontextmanager
async def sitting(**given: Any) -> AsyncIterator[Sitting]:
    """The console runs until the test is over."""
    async with pretend_desk() as desk, at_desk(desk, **given) as one:
        yield one


@asynccontextmanager
async def at_desk(desk: PretendDesk, **given: Any) -> AsyncIterator[Sitting]:
    lines = Lines()
    async with Wire(desk.url, TOKEN) as wire:
        console = Console(wire, terminal=lines, **given)
        running = asyncio.create_task(console.run())
        one = Sitting(desk, lines, console)
        await one.until(lambda: bool(lines.asked))
        try:
            yield one
        finally:
            lines.close()
            await asyncio.wait_for(running, PATIENCE)


# ── Cards ───────────────────────────────────────────────────────────────────────────────────────────────────


def session_card(problem: str = "#4711 Outlook", **pairs: str) -> Card:
    shown = {"Status": "Active", "Active time": "4 min"} | pairs
    verbs = (Choice("Pause", "pause", {"session": SESSION}),)
    return Card("session", problem, (Fields(tuple(shown.items())),), verbs)


def step_card(number: int, *options: str) -> Card:
    answers = tuple(
        Choice(label, "answer", {"session": SESSION, "step": str(number), "option": f"o{at}"})
        for at, label in enumerate(options, 1)
    )
    beside = Choice("Undo the last answer", "undo", {"session": SESSION, "step": str(number - 1)}, more=True)
    risky = Choice("Withdraw", "withdraw", {"session": SESSION}, confirm="Withdraw the request?")
    return Card("step", f"Step {number} · Question", (Text("What do you see?"),), (*answers, risky, beside))


def notice(text: str) -> Card:
    return Card("notice", "", (Text(text),))
