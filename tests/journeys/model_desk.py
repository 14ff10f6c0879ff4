"""An MSP whose guide asks a language model: web and worker as processes, people at consoles, a practice model in reach."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import TypeVar
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from bot.console_draw import plain
from bot.console_wire import Wire
from bot.play_person import Person
from bot.practice import PEOPLE
from bot.practice_account import seed
from bot.practice_host import answers
from bot.practice_memory import Kept, free_port
from demo.model import PracticeModel, practice_model
from demo.model_room import Entry
from demo.psa import PracticePsa, practice_psa
from engine.history import History
from engine.model import Purpose
from engine.session import Step
from storage.calls import CallRow
from storage.store import Store
from storage.vault import Vault, new_key
from tests.bot.waiting import until
from tests.conftest import Database
from tests.journeys.slack_office import Program

T = TypeVar("T")
IMPATIENT: Mapping[str, str] = {
    "FLOWPILOT_LEASE_SECONDS": "1.5",
    "FLOWPILOT_PSA_TIMEOUT_SECONDS": "1",
    "FLOWPILOT_PSA_DEADLINE_SECONDS": "1",
    "FLOWPILOT_PSA_SETTLE_SECONDS": "3.1",
    "FLOWPILOT_PSA_RETRY_SECONDS": "1",
    "FLOWPILOT_SWEEP_SECONDS": "0.5",
    "FLOWPILOT_MODEL_RETRY_SECONDS": "0.02",
}


def with_model(model: PracticeModel) -> dict[str, str]:
    """The settings of a process that asks it, and does not wait long before it asks again."""
    return {**IMPATIENT, "ANTHROPIC_API_KEY": model.key, "ANTHROPIC_BASE_URL": model.url}


@dataclass
class ModelDesk:
    """`people` are at their consoles; each is in one Session at a time."""

    model: PracticeModel
    psa: PracticePsa
    store: Store
    account: UUID
    people: Mapping[str, Person]
    programs: Mapping[str, Program]
    model_ends: AsyncExitStack

    async def model_goes(self) -> None:
        """From now on nobody listens where it was."""
        await self.model_ends.aclose()

    async def model_comes_back(self) -> None:
        """With an empty journal."""
        port = urlsplit(self.model.url).port or 0
        self.model = await self.model_ends.enter_async_context(practice_model(port=port))

    @property
    def requests(self) -> list[Entry]:
        """What the model was asked about guiding, oldest first."""
        return [entry for entry in self.model.asked if entry.purpose == "turn"]

    async def history(self, who: str) -> History:
        """The record of the Session this person is in."""
        person = self.people[who]
        await until(lambda: bool(person.seen.session), f"{who} is in a session")
        async with self.store.transaction(self.account) as unit:
            found = await unit.sessions.history(UUID(person.seen.session or ""))
        assert found is not None
        return found

    async def calls(self, who: str, purpose: Purpose | None = Purpose.TURN) -> list[CallRow]:
        """Those that guide, or all; oldest first."""
        async with self.store.transaction(self.account) as unit:
            found = await unit.conversations.of_session(UUID(self.people[who].seen.session or ""))
        return [call for call in found if purpose in (call.purpose, None)]

    async def found(self, look: Callable[[], Awaitable[T | None]], what: str) -> T:
        """The first thing that is there."""
        seen: list[T] = []

        async def there() -> bool:
            one = await look()
            seen.extend([] if one is None else [one])
            return bool(seen)

        await until(there, what)
        return seen[0]

    async def step(self, who: str, number: int) -> Step:
        """The Session's step of this number."""

        async def there() -> Step | None:
            return next((s for s in (await self.history(who)).steps if s.number == number), None)

        return await self.found(there, f"step {number} of {who}")

    def on_screen(self, who: str) -> str:
        """Everything this person was shown, as it stands now."""
        seen = self.people[who].seen.messages.values()
        return "\n".join("\n".join(plain(shown.card)) for shown in seen)


@asynccontextmanager
async def model_desk(database: Database, redis_url: str, folder: Path) -> AsyncIterator[ModelDesk]:
    """Everything runs until the block ends."""
    async with AsyncExitStack() as stack:
        psa = await stack.enter_async_context(practice_psa())
        model_ends = await stack.enter_async_context(AsyncExitStack())
        model = await model_ends.enter_async_context(practice_model())
        kept = Kept(str(uuid4()), new_key(), {who: token_urlsafe(32) for who in PEOPLE}, free_port(0))
        await seed(database.app_url, kept, psa.url)
        environment = {
            "DATABASE_URL": database.app_url,
            "REDIS_URL": redis_url,
            "FLOWPILOT_KEYS": kept.keys,
            "FLOWPILOT_PORT": str(kept.web_port),
            "FLOWPILOT_PSA_ALLOW_HOSTS": psa.url.removeprefix("http://"),
            **with_model(model),
        }
        programs = {name: Program(name, environment, folder / f"{name}.log") for name in ("web", "worker")}
        store = Store(database.app_url, Vault([kept.keys]), pool_size=3)
        stack.push_async_callback(store.close)
        for program in programs.values():
            stack.push_async_callback(program.kill)
            await program.start()
        people: dict[str, Person] = {}
        one = ModelDesk(model, psa, store, UUID(kept.account), people, programs, model_ends)
        await until(lambda: answers(kept.web_port, "/health"), "the web process answers")
        for who in PEOPLE:
            people[who] = await _at_a_console(stack, kept, who)
        yield one


async def _at_a_console(stack: AsyncExitStack, kept: Kept, who: str) -> Person:
    wire = await stack.enter_async_context(Wire(f"http://127.0.0.1:{kept.web_port}", kept.tokens[who]))
    person = Person(who, wire, lambda _who, _news: None)
    await person.catch_up()
    following = asyncio.create_task(person.follow())

    async def leaves() -> None:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    stack.push_async_callback(leaves)
    return person
