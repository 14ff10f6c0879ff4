"""An MSP that works in Slack: web and worker as processes of their own, a practice Slack and a practice ConnectWise beside them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import aiohttp
from aiohttp import web

from bot.practice_memory import free_port
from bot.slack.actions import external_id as external_id
from demo.psa import PracticePsa, practice_psa
from demo.slack import PracticeSlack
from engine.psa_settings import PsaSettings
from engine.session import Role
from storage.store import Store
from storage.vault import Vault, new_key
from storage.workspaces import make_code
from tests.conftest import Database
from tests.nursery import Child, nursery

SECRET = "8f742231b10e8888abcd99e6a5f4b3c2"
TEAM, HELP, ESCALATIONS, QUIET = "T0PRACTICE", "C0HELP", "C0ESC", "C0QUIET"
ANNA, BEN, CARLA = "U0ANNA", "U0BEN", "U0CARLA"
PATIENCE = 25.0
# As in the real one, a window and an answer are on their way for longer than a worker needs.
WINDOW_SECONDS, TRAVEL_SECONDS = 0.25, 0.15
KEYS = {
    "public_key": "practice-public",
    "private_key": "practice-private",
    "client_id": "00000000-0000-4000-8000-000000000000",
}
SETTINGS = PsaSettings(resolved_status={1: 6, 21: 18, 24: 32}, escalated_status={1: 5, 21: 16, 24: 31})

Json = dict[str, Any]
T = TypeVar("T")


@dataclass
class Program:
    """One process of the product. `kill` leaves it no time for anything."""

    name: str
    environment: Mapping[str, str]
    log: Path
    process: Child | None = None

    async def start(self) -> None:
        self.process = await asyncio.to_thread(nursery().start, [self.name], self.environment, self.log)

    async def kill(self, number: int = signal.SIGKILL) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)
            await self.process.wait()

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-4_000:]


@dataclass
class Office:
    """`url` is the practice Slack's; people act through it and see what it shows."""

    url: str
    slack: PracticeSlack
    psa: PracticePsa
    store: Store
    account: UUID
    users: dict[str, UUID]
    programs: dict[str, Program]
    client: aiohttp.ClientSession
    acted: list[Json] = field(default_factory=list)

    # ── What people do ────────────────────────────────────────────────────────────────────────────────────────

    async def act(self, user: str, what: str, **given: Any) -> Json:
        async with self.client.post(f"{self.url}/_practice/people/{user}/{what}", json=given) as reply:
            body: Json = await reply.json()
            assert reply.status == 200, (what, given, reply.status, body)
            self.acted.append({"user": user, "what": what, **given, "answer": body})
            return body

    async def command(self, user: str, text: str, channel: str = HELP) -> Json:
        return await self.act(user, "command", channel=channel, command="/flowpilot", text=text)

    async def say(self, user: str, text: str, channel: str = HELP, thread: str = "", **more: Any) -> Json:
        return await self.act(
            user, "say", channel=channel, text=text, **({"thread_ts": thread} if thread else {}), **more
        )

    async def click(self, user: str, message: Json, label: str, channel: str = HELP) -> Json:
        return await self.act(user, "click", channel=channel, ts=message["ts"], label=label)

    async def submit(self, user: str, **values: str) -> Json:
        """Fills in the window on top, once it is a form."""
        view = await self.window(user, lambda v: bool(v.get("submit")))
        return await self.act(user, "submit", view_id=view["id"], values=values)

    async def direct(self, user: str) -> str:
        """The conversation of one person with FlowPilot."""
        return f"D{user[1:]}"

    async def user(self, user: str) -> UUID:
        async with self.store.transaction() as unit:
            known = await unit.identity("slack", TEAM, user)
        assert known is not None, f"{user} is not known"
        return known[1]

    # ── What they see ─────────────────────────────────────────────────────────────────────────────────────────

    async def see(self, path: str) -> Any:
        async with self.client.get(f"{self.url}/_practice/{path}") as reply:
            assert reply.status == 200, (path, reply.status)
            return await reply.json()

    async def messages(self, channel: str = HELP) -> list[Json]:
        found: list[Json] = (await self.see(f"channels/{channel}"))["messages"]
        return found

    async def replies(self, root: Json, channel: str = HELP) -> list[Json]:
        for message in await self.messages(channel):
            if message["ts"] == root["ts"]:
                replies: list[Json] = message.get("replies", [])
                return replies
        return []

    async def card(self, holding: str, channel: str = HELP) -> Json:
        """The root message that shows this."""
        return await self.until(
            lambda: self._first(self.messages(channel), holding), f"a card with {holding!r}"
        )

    async def reply(self, root: Json, holding: str, channel: str = HELP) -> Json:
        return await self.until(
            lambda: self._first(self.replies(root, channel), holding), f"a reply with {holding!r}"
        )

    async def collapsed(self, root: Json, step: Json, channel: str = HELP) -> bool:
        """Whether that step has no buttons any more."""
        found = [m for m in await self.replies(root, channel) if m["ts"] == step["ts"]]
        return bool(found) and not labels(found[0])

    async def _first(self, found: Awaitable[list[Json]], holding: str) -> Json | None:
        return next((m for m in reversed(await found) if holding in shown(m)), None)

    async def home(self, user: str) -> Json:
        found: Json | None = await self.see(f"home/{user}")
        return found or {}

    async def home_shows(self, user: str, begin: str) -> bool:
        """Whether something on his Home can be pressed that begins so."""
        return any(label.startswith(begin) for label in labels(await self.home(user)))

    async def home_label(self, user: str, begin: str) -> str:
        return next(label for label in labels(await self.home(user)) if label.startswith(begin))

    async def windows(self, user: str) -> list[Json]:
        found: list[Json] = await self.see(f"views/{user}")
        return found

    async def window(self, user: str, fits: Callable[[Json], bool] = lambda _: True) -> Json:
        async def top() -> Json | None:
            stack = await self.windows(user)
            return stack[-1] if stack and fits(stack[-1]) else None

        return await self.until(top, f"a window of {user}")

    async def private(self, user: str, holding: str) -> Json:
        async def found() -> Json | None:
            seen: list[Json] = await self.see(f"ephemeral/{user}")
            return next((m for m in reversed(seen) if holding in shown(m)), None)

        return await self.until(found, f"a private answer with {holding!r}")

    async def until(self, look: Callable[[], Awaitable[T | None]], what: str) -> T:
        """The first thing found. Fails with what the processes said."""
        ends = asyncio.get_running_loop().time() + PATIENCE
        while True:
            if found := await look():
                return found
            ended = any(
                p.process is not None and p.process.returncode is not None for p in self.programs.values()
            )
            if ended or asyncio.get_running_loop().time() > ends:
                said = "\n".join(f"== {p.name}\n{p.said()}" for p in self.programs.values())
                seen = "\n".join(shown(m) for m in await self.messages())[:3_000]
                raise AssertionError(f"{what} never came.\n{seen}\n{said}")
            await asyncio.sleep(0.05)

    async def posted(self, kind: str, ticket: int, count: int = 1) -> list[Json]:
        async def enough() -> list[Json] | None:
            found = self.psa.records(kind, ticket)
            return found if len(found) >= count else None

        found: list[Json] = await self.until(enough, f"{count} {kind} on #{ticket}")
        return found


def shown(message: Mapping[str, Any]) -> str:
    """Every text a message shows, buttons included."""
    return "\n".join(_texts(message.get("blocks") or [])) or str(message.get("text", ""))


def labels(message: Mapping[str, Any]) -> list[str]:
    """What can be pressed or chosen."""
    found: list[str] = []
    for block in message.get("blocks") or []:
        for element in block.get("elements", []) if block["type"] == "actions" else []:
            if element["type"] == "button":
                found.append(element["text"]["text"])
            found += [option["text"]["text"] for option in element.get("options", [])]
    return found


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("text"), str):
            yield node["text"]
        for name, value in node.items():
            if name != "text" or not isinstance(value, str):
                yield from _texts(value)
    elif isinstance(node, list):
        for each in node:
            yield from _texts(each)


@asynccontextmanager
async def office(
    database: Database,
    redis_url: str,
    folder: Path,
    *,
    linked: bool = True,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[Office]:
    """Everything runs until the block ends. `linked`: the workspace belongs to the Account already."""
    port = free_port(0)
    by_http = (settings or {}).get("SLACK_SIGNING_SECRET", SECRET)
    slack = PracticeSlack(SECRET, f"http://127.0.0.1:{port}/slack/events" if by_http else "")
    # The helpdesk channel of the practice world is shared with another organisation; most stories want it not to be.
    slack.world.settings.window_seconds = WINDOW_SECONDS
    slack.world.settings.travel_seconds = TRAVEL_SECONDS
    helpdesk = slack.world.channels[HELP]
    helpdesk.external = False
    helpdesk.members.remove("U0STRANGE")
    keys = new_key()
    async with practice_psa() as psa, _served(slack.application()) as url:
        store = Store(database.app_url, Vault([keys]), pool_size=3)
        account, users = await _account(store, psa.url)
        environment = {
            "DATABASE_URL": database.app_url,
            "REDIS_URL": redis_url,
            "FLOWPILOT_KEYS": keys,
            "FLOWPILOT_PORT": str(port),
            "FLOWPILOT_LEASE_SECONDS": "6",
            "FLOWPILOT_PSA_TIMEOUT_SECONDS": "2",
            "FLOWPILOT_PSA_DEADLINE_SECONDS": "2",
            "FLOWPILOT_PSA_SETTLE_SECONDS": "4.5",
            "FLOWPILOT_PSA_RETRY_SECONDS": "1",
            "FLOWPILOT_SWEEP_SECONDS": "0.5",
            "FLOWPILOT_PSA_ALLOW_HOSTS": psa.url.removeprefix("http://"),
            "SLACK_SIGNING_SECRET": SECRET,
            "SLACK_BOT_TOKEN": "xoxb-practice",
            "SLACK_API_URL": f"{url}/api/",
            **(settings or {}),
        }
        programs = {name: Program(name, environment, folder / f"{name}.log") for name in ("web", "worker")}
        async with aiohttp.ClientSession() as client:
            one = Office(url, slack, psa, store, account, users, programs, client)
            try:
                for program in programs.values():
                    await program.start()
                await _ready(one, port)
                if linked:
                    await _link(one)
                yield one
            finally:
                for program in programs.values():
                    await program.kill()
                await store.close()


@asynccontextmanager
async def _served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _account(store: Store, psa_url: str) -> tuple[UUID, dict[str, UUID]]:
    """Anna is Admin, Carla is Lead; Ben is known by nothing yet and comes in through Slack."""
    account = uuid4()
    async with store.transaction(account) as unit:
        await unit.accounts.create("Practice MSP")
        anna = await unit.accounts.add_user(
            "Anna Keller", "anna@practice.example", (Role.TECHNICIAN, Role.ADMIN)
        )
        carla = await unit.accounts.add_user(
            "Carla Mendes", "carla@practice.example", (Role.TECHNICIAN, Role.LEAD)
        )
        made = await unit.accounts.connect(psa_url, "practice", KEYS)
        await unit.accounts.change_connection(made, state="connected", flowpilot_settings=SETTINGS.to_json())
        await unit.accounts.change_settings({"escalation_channel": ESCALATIONS, "time_zone": "Europe/Berlin"})
    return account, {ANNA: anna, CARLA: carla}


async def _ready(one: Office, port: int) -> None:
    async def healthy() -> bool:
        try:
            async with one.client.get(f"http://127.0.0.1:{port}/health") as reply:
                return reply.status == 200
        except aiohttp.ClientError:
            return False

    await one.until(healthy, "the web process")

    async def adopted() -> bool:
        async with one.store.transaction() as unit:
            return await unit.workspace("slack", TEAM) is not None

    await one.until(adopted, "the workspace of the bot token")


async def _link(one: Office) -> None:
    async with one.store.transaction(one.account) as unit:
        code = await make_code(unit, "slack", one.users[ANNA])
    await one.command(ANNA, f"connect {code}")
    await one.private(ANNA, "connected to your FlowPilot account")
