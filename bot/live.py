"""The watch over a Turn: a sign of life in the Session's threads while the Guide works, and the end of its call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol
from uuid import UUID

from bot.card import Card, to_json
from engine.ports import Live, TurnOver
from engine.session import Session
from storage import turns
from storage.places import Place
from storage.store import Store

log = logging.getLogger("flowpilot.live")

KEY = "live"
"""What a Place's passing message is kept under."""
SHOWN = 4_000
"""Characters of an answer that are shown; of a longer one the end."""
LONGEST = 100_000
"""Characters of one answer that are shown while it grows; more is not looked at."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Whose answer is worked out. `reader` is the owner's id on the platform, "" where he has none there; `left` the
    message that a process which died left there.
    """

    session: UUID
    turn: int
    reader: str = ""
    left: str = ""


Keep = Callable[[str], Awaitable[None]]
"""Remembers the message that has to be taken away, by the platform's name for it; "" for none."""


class Sign(Protocol):
    """One Turn's sign of life in one Place. It is called by one task, one call after the other."""

    async def draw(self, elapsed: float, text: str) -> float:
        """Show how far it is: seconds since the Guide was asked, and all it said. Gives the seconds until the next."""

    async def end(self) -> None:
        """Take away whatever was shown."""


class Lives(Protocol):
    """How one platform shows that the Guide works."""

    def begin(self, place: Place, watched: Watched, keep: Keep) -> Sign | None:
        """None while there is nothing yet to show it under."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. Nothing is shown before `shown`, and the Turn is looked at every `look`; what has to be taken away
    holds up the answer for `patience` at most, and goes on by itself after that.
    """

    shown: float = 0.7
    look: float = 1.0
    patience: float = 2.0
    after_failure: float = 5.0


PACE = Pace()


class Watching:
    """Watches every call of this process. Nothing that is shown ever disturbs the Turn."""

    def __init__(self, store: Store, lives: Mapping[str, Lives], pace: Pace = PACE) -> None:
        self.store = store
        self.lives = lives
        self.pace = pace
        self._ending: set[asyncio.Task[None]] = set()

    def working(self, account: UUID, session: Session, turn: int) -> AbstractAsyncContextManager[Live]:
        return _Call(self, account, session, turn)

    async def settle(self, *tasks: asyncio.Task[None]) -> None:
        """Wait for these a little; what is not ready then goes on by itself."""
        for task in tasks:
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        await asyncio.wait(tasks, timeout=self.pace.patience)

    async def close(self) -> None:
        """Give what is still being taken away its last chance."""
        if self._ending:
            await asyncio.wait(self._ending, timeout=self.pace.patience)
        for task in tuple(self._ending):
            task.cancel()


class _Said:
    """What the Guide said so far."""

    def __init__(self) -> None:
        self.text = ""
        self.over = asyncio.Event()

    async def say(self, delta: str) -> None:
        if len(self.text) < LONGEST:
            self.text += delta

    async def anew(self, waits: float = 0.0) -> None:
        self.text = ""

    async def still(self, seconds: float) -> bool:
        """Whether it goes on after so many seconds; False at once where it ends before."""
        if self.over.is_set():
            return False
        try:
            async with asyncio.timeout(seconds):
                await self.over.wait()
        except TimeoutError:
            return True
        return False


class _Call:
    """One call of the Guide: it is shown, and cancelled when its Turn is over."""

    def __init__(self, watching: Watching, account: UUID, session: Session, turn: int) -> None:
        self._watching = watching
        self._pace = watching.pace
        self._account = account
        self._session = session
        self._turn = turn
        self._said = _Said()
        self._stopped = False

    async def __aenter__(self) -> Live:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a call is watched within a task")
        self._task, self._cancelling = task, task.cancelling()
        self._began = asyncio.get_running_loop().time()
        self._looking = asyncio.create_task(self._look())
        self._showing = asyncio.create_task(self._show())
        return self._said

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._said.over.set()
        ours = self._stopped and self._task.uncancel() <= self._cancelling
        await self._watching.settle(self._looking, self._showing)
        # A Guide that turns its cancellation into a failure of its own, or into an answer, was stopped all the same.
        if ours and (kind is None or issubclass(kind, Exception | asyncio.CancelledError)):
            raise TurnOver from failure

    # ── The end of the Turn, wherever it was decided ──────────────────────────────────────────────────────────

    async def _look(self) -> None:
        while await self._said.still(self._pace.look):
            try:
                waited_for = await self._waited_for()
            except Exception as failure:  # noqa: BLE001 - a database that is away for a moment does not end the call
                _noted("look", failure)
                continue
            if not waited_for and not self._said.over.is_set():
                self._stopped = True
                self._task.cancel()
                return

    async def _waited_for(self) -> bool:
        async with self._watching.store.transaction(self._account) as unit:
            return await turns.waits(unit, self._session.id, self._turn)

    # ── What is shown ─────────────────────────────────────────────────────────────────────────────────────────

    async def _show(self) -> None:
        """From the first moment that is worth it until the end of the call."""
        going_on = await self._said.still(self._pace.shown)
        while going_on and not (signs := await self._signs()):
            going_on = await self._said.still(self._pace.look)
        if going_on:
            await asyncio.gather(*(self._draw(sign) for sign in signs))

    async def _signs(self) -> Sequence[Sign]:
        """None while the thread has not been opened yet."""
        if not self._watching.lives:
            return ()
        try:
            found = await self._places()
        except Exception as failure:  # noqa: BLE001 - decoration: it is tried again at the next look
            _noted("places", failure)
            return ()
        begun = [self._watching.lives[p.platform].begin(p, w, self._keep_in(p)) for p, w in found]
        return [sign for sign in begun if sign is not None]

    async def _places(self) -> list[tuple[Place, Watched]]:
        async with self._watching.store.transaction(self._account) as unit:
            places = [
                place
                for place in await unit.places.of_session(self._session.id)
                if place.kind == "thread" and place.platform in self._watching.lives
            ]
            known = await unit.accounts.identities_of(self._session.owner_id) if places else ()
            left = [await unit.places.message(place.id, KEY) for place in places]
        reader = {(platform, workspace): external for platform, workspace, external in known}
        watched = (
            Watched(
                self._session.id,
                self._turn,
                reader.get((place.platform, place.workspace), ""),
                (message.external_ref or "") if message else "",
            )
            for place, message in zip(places, left, strict=True)
        )
        return list(zip(places, watched, strict=True))

    def _keep_in(self, place: Place) -> Keep:
        async def keep(ref: str) -> None:
            try:
                async with self._watching.store.transaction(self._account) as unit:
                    await unit.places.keep(place.id, KEY, to_json(Card("notice")), ref)
            except Exception as failure:  # noqa: BLE001 - it only matters to who comes after a process that dies
                _noted("keep", failure)

        return keep

    async def _draw(self, sign: Sign) -> None:
        try:
            wait = 0.0
            while await self._said.still(wait):
                wait = await self._drawn(sign)
        finally:
            await self._ended(sign)

    async def _drawn(self, sign: Sign) -> float:
        elapsed = asyncio.get_running_loop().time() - self._began
        try:
            return await sign.draw(elapsed, self._said.text)
        except Exception as failure:  # noqa: BLE001 - decoration never disturbs the Turn
            _noted("draw", failure)
            return self._pace.after_failure

    async def _ended(self, sign: Sign) -> None:
        try:
            await sign.end()
        except Exception as failure:  # noqa: BLE001 - what cannot be taken away stays; the Step comes all the same
            _noted("end", failure)


def _noted(what: str, failure: Exception) -> None:
    log.debug("sign of life, %s: %s", what, type(failure).__name__)


def ending(text: str) -> str:
    """At most 4,000 characters: of a longer text the last ones, from a whole line or word."""
    if len(text) <= SHOWN:
        return text
    kept = text[-(SHOWN - 1) :]
    edge = min((at for at in (kept.find("\n"), kept.find(" ")) if 0 <= at < 200), default=-1)
    return "…" + kept[edge + 1 :]
