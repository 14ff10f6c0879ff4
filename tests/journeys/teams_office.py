"""An MSP that works in Teams: web and worker as processes of their own, a practice Teams and a practice ConnectWise beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import aiohttp
import psycopg
from aiohttp import web

from bot.practice_memory import free_port
from demo.psa import PracticePsa, practice_psa
from demo.slack import PracticeSlack
from demo.teams import PracticeTeams, practice_teams
from demo.teams_cards import buttons
from demo.teams_refusals import Impossible
from demo.teams_world import ANNA as ANNA
from demo.teams_world import BEN as BEN
from demo.teams_world import CARLA as CARLA
from demo.teams_world import ELSEWHERE as ELSEWHERE
from demo.teams_world import ESCALATIONS as ESCALATIONS
from demo.teams_world import HELP as HELP
from demo.teams_world import STRANGER as STRANGER
from demo.teams_world import TENANT as TENANT
from engine.history import History
from engine.session import Role, Session
from storage.store import Store
from storage.vault import Vault, new_key
from storage.workspaces import make_code
from tests.conftest import Database
from tests.journeys import slack_office
from tests.journeys.slack_office import KEYS, SETTINGS, Program

PASSWORD = "a practice secret of one app"
PERSONAL = "personal"
PATIENCE = 25.0
BOX = "Your answer in words"

Json = dict[str, Any]
T = TypeVar("T")


@dataclass
class TeamsOffice:
    """People act through the practice Teams and see what it shows. `slack`: the same Account in Slack, where it is there."""

    teams: PracticeTeams
    psa: PracticePsa
    store: Store
    database: Database
    account: UUID
    users: dict[str, UUID]
    programs: dict[str, Program]
    client: aiohttp.ClientSession
    slack: slack_office.Office | None = None
    impossible: str = ""

    # ── What people do ────────────────────────────────────────────────────────────────────────────────────────

    async def say(
        self, person: str, text: str, conversation: str = HELP, thread: str = "", **more: Any
    ) -> Json:
        """In a channel FlowPilot is named first. The answer has the message's `id`, the thread's root where it begins one."""
        found = await self.teams.act(
            person, "say", conversation=conversation, thread=thread, text=text, **more
        )
        assert found["status"] == 200, found
        return found

    async def press(
        self,
        person: str,
        message: Json,
        *path: str,
        at: str = HELP,
        resend: bool = False,
        values: Mapping[str, str] | None = None,
    ) -> Json:
        """`path`: titles, those of the cards that have to be opened first. `values` by the label of their input. What
        changes while it is looked at is looked at again, as a person would.
        """

        async def pressed() -> Json | None:
            sent = {"activity": message["id"], "title": list(path), "values": dict(values or {})}
            try:
                return await self.teams.act(person, "press", conversation=at, resend=resend, **sent)
            except Impossible as not_there:
                self.impossible = str(not_there)
                return None

        found = await self.until(pressed, f"the button {' > '.join(path)}", soon=True)
        assert found["status"] == 200, found
        assert found["shown"] != "error", found
        return found

    async def box(self, person: str, message: Json, words: str, at: str = HELP, **more: Any) -> Json:
        return await self.press(person, message, "Send", at=at, values={BOX: words}, **more)

    async def user(self, person: str, tenant: str = TENANT) -> UUID:
        async with self.store.transaction() as unit:
            known = await unit.identity("teams", tenant, person)
        assert known is not None, f"{person} is not known"
        return known[1]

    async def link(self, person: str, account: UUID, by: UUID) -> None:
        """Types a fresh one-time code to the bot."""
        async with self.store.transaction(account) as unit:
            code = await make_code(unit, "teams", by)
        await self.say(person, f"connect {code}", PERSONAL)
        await self.card("is connected to your FlowPilot account", person)

    # ── What they see ─────────────────────────────────────────────────────────────────────────────────────────

    def messages(self, at: str = HELP, thread: str = "") -> list[Json]:
        """What stands in a conversation, or in the personal chat of a person, oldest first; in a thread with its root."""
        found = self.teams.personal(at) if at in self.teams.world.people else self.teams.conversation(at)
        roots = [each for each in found["messages"] if thread in ("", each["id"])]
        return [one for root in roots for one in (root, *root["replies"])]

    def seen(self, holding: str, at: str = HELP, thread: str = "") -> list[Json]:
        """What FlowPilot shows that holds these words."""
        return [m for m in self.messages(at, thread) if m["from"] == "bot" and holding in shown(m)]

    async def card(self, holding: str, at: str = HELP, thread: str = "") -> Json:
        """The newest of them, once there is one."""

        async def found() -> Json | None:
            return next(reversed(self.seen(holding, at, thread)), None)

        return await self.until(found, f"a card with {holding!r}")

    async def step(self, number: int, at: str = HELP, thread: str = "") -> Json:
        """The card of this Step, once it can be answered."""

        async def found() -> Json | None:
            drawn = (m for m in self.messages(at, thread) if m["from"] == "bot" and number in asked(m))
            return next(drawn, None)

        return await self.until(found, f"step {number}")

    async def fresh(self, message: Json, fits: Callable[[Json], bool], at: str = HELP) -> Json:
        """That message, once it looks so."""

        async def found() -> Json | None:
            return next((m for m in self.messages(at) if m["id"] == message["id"] and fits(m)), None)

        return await self.until(found, f"another look of {shown(message)[:60]!r}")

    async def until(self, look: Callable[[], Awaitable[T | None]], what: str, *, soon: bool = False) -> T:
        """The first thing found. Fails with what the processes said. `soon`: within some seconds."""
        ends = asyncio.get_running_loop().time() + (PATIENCE / 4 if soon else PATIENCE)
        while True:
            if found := await look():
                return found
            ended = any(
                p.process is not None and p.process.returncode is not None for p in self.programs.values()
            )
            if ended or asyncio.get_running_loop().time() > ends:
                raise AssertionError(f"{what} never came. {self.impossible}\n{self._scene()}")
            await asyncio.sleep(0.03)

    def _scene(self) -> str:
        places = (HELP, ESCALATIONS, *(p for p in self.teams.world.people))
        seen = "\n".join(
            f"[{at} {m['from'][-4:]} {m['id']}] {shown(m)[:700]} {labels(m)}"
            for at in places
            for m in self.messages(at)
        )
        calls = "\n".join(str(each) for each in self.teams.journal() if each["status"] not in (200, 201))
        said = "\n".join(f"== {p.name}\n{p.said()}" for p in self.programs.values())
        return f"{seen[-9_000:]}\n{calls[-2_000:]}\n{said}"

    # ── What is kept ──────────────────────────────────────────────────────────────────────────────────────────

    async def session(self) -> tuple[Session, History]:
        """The one that began last."""
        [(name,)] = await self.rows("select id from ai_sessions order by created_at desc limit 1")
        async with self.store.transaction(self.account) as unit:
            session, history = await unit.sessions.get(name), await unit.sessions.history(name)
        assert session is not None
        assert history is not None
        return session, history

    async def rows(self, query: str) -> list[Any]:
        async with await psycopg.AsyncConnection.connect(self.database.owner_url) as connection:
            return await (await connection.execute(query)).fetchall()

    async def settled(self) -> None:
        """Every word that came in was read to its end, and what followed from it is shown."""

        async def done() -> bool:
            return not await self.rows(
                "select 1 from inbox where state = 'new' union all select 1 from outbox where state = 'owed' "
                "and due_at <= now()",
            )  # fmt: skip

        await self.until(done, "the end of everything")

    async def noted(self, ticket: int, holding: str) -> Json:
        """The note in ConnectWise that holds these words, once there is one."""

        async def found() -> Json | None:
            return next((n for n in self.psa.records("notes", ticket) if holding in str(n["text"])), None)

        return await self.until(found, f"a note with {holding!r} on #{ticket}")

    def met(self) -> None:
        """Every fault that was prepared was met as often as it was meant to be."""
        faults = self.teams.faults.as_json()
        unmet = [each for each in faults if each["times"] and each["hits"] < each["times"]]
        assert not unmet, unmet


def shown(message: Mapping[str, Any]) -> str:
    """Every text a message shows, what its buttons open included."""
    return "\n".join([str(message.get("text") or ""), *_texts(message.get("cards") or [])])


def labels(message: Mapping[str, Any]) -> list[str]:
    """What can be pressed without opening anything."""
    return [one.title for card in message.get("cards") or [] for one in buttons(card) if not one.path]


def answers(step: Mapping[str, Any]) -> list[str]:
    """The answers of a Step that go to the bot at once."""
    return [title for title, ours in _ours(step) if ours.get("verb") == "answer"]


def asked(message: Mapping[str, Any]) -> set[int]:
    """The numbers of the Steps that can be answered on it."""
    return {int(ours["args"]["step"]) for _, ours in _ours(message) if ours.get("verb") in ("answer", "say")}


def _ours(message: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    for card in message["cards"]:
        for one in buttons(card):
            if not one.path and isinstance(one.action.get("data"), dict):
                yield one.title, one.action["data"].get("fp", {})


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _texts(each)
    if not isinstance(node, dict):
        return
    if node.get("type") == "RichTextBlock":
        yield "".join(run if isinstance(run, str) else run["text"] for run in node["inlines"])
        return
    for name in ("text", "title", "label"):
        if isinstance(node.get(name), str):
            yield node[name]
    for name, value in node.items():
        if name not in ("fallback", "data", "msteams"):
            yield from _texts(value)


# ── The house ───────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def office(
    database: Database,
    redis_url: str,
    folder: Path,
    *,
    linked: bool = True,
    slack: bool = False,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[TeamsOffice]:
    """Everything runs until the block ends. `linked`: the tenant belongs to the Account already; `slack`: a practice
    Slack stands beside it, linked to the same Account.
    """
    port, app = free_port(0), str(uuid4())
    keys = new_key()
    async with AsyncExitStack() as open_:
        psa = await open_.enter_async_context(practice_psa())
        teams = await open_.enter_async_context(
            practice_teams(app, PASSWORD, messages_url=f"http://127.0.0.1:{port}/api/messages")
        )
        client = await open_.enter_async_context(aiohttp.ClientSession())
        store = Store(database.app_url, Vault([keys]), pool_size=3)
        open_.push_async_callback(store.close)
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
            "TEAMS_APP_ID": app,
            "TEAMS_APP_PASSWORD": PASSWORD,
            "TEAMS_APP_TENANTID": TENANT,
            "TEAMS_ALLOWED_TENANTS": TENANT,
            "TEAMS_LOGIN_URL": teams.login_url,
            "TEAMS_OPENID_URL": teams.openid_url,
            **(settings or {}),
        }
        beside = await _slack(open_, port, environment) if slack else None
        programs = {name: Program(name, environment, folder / f"{name}.log") for name in ("web", "worker")}
        one = TeamsOffice(teams, psa, store, database, account, users, programs, client)
        if beside is not None:
            there = {slack_office.ANNA: users[ANNA], slack_office.CARLA: users[CARLA]}
            one.slack = slack_office.Office(
                beside[0], beside[1], psa, store, account, there, programs, client
            )
        for program in programs.values():
            open_.push_async_callback(program.kill)
            await program.start()
        await _ready(one, port)
        if linked:
            await one.link(ANNA, account, users[ANNA])
        if one.slack is not None:
            await _linked(one.slack)
        yield one


async def _slack(open_: AsyncExitStack, port: int, environment: dict[str, str]) -> tuple[str, PracticeSlack]:
    slack = PracticeSlack(slack_office.SECRET, f"http://127.0.0.1:{port}/slack/events")
    helpdesk = slack.world.channels[slack_office.HELP]
    helpdesk.external = False
    helpdesk.members.remove("U0STRANGE")
    url = await open_.enter_async_context(_served(slack.application()))
    environment |= {
        "SLACK_SIGNING_SECRET": slack_office.SECRET,
        "SLACK_BOT_TOKEN": "xoxb-practice",
        "SLACK_API_URL": f"{url}/api/",
    }
    return url, slack


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
    """Anna is Admin, Carla is Lead; Ben is known by nothing yet and comes in through Teams."""
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
        await unit.accounts.change_settings(
            {
                "escalation_channel": slack_office.ESCALATIONS,
                "escalation_channel_teams": f"{TENANT}|{ESCALATIONS}",
                "time_zone": "Europe/Berlin",
            }
        )
    return account, {ANNA: anna, CARLA: carla}


async def _ready(one: TeamsOffice, port: int) -> None:
    async def healthy() -> bool:
        try:
            async with one.client.get(f"http://127.0.0.1:{port}/health") as reply:
                return reply.status == 200
        except aiohttp.ClientError:
            return False

    await one.until(healthy, "the web process")


async def _linked(there: slack_office.Office) -> None:
    async def adopted() -> bool:
        async with there.store.transaction() as unit:
            return await unit.workspace("slack", slack_office.TEAM) is not None

    await there.until(adopted, "the workspace of the bot token")
    async with there.store.transaction(there.account) as unit:
        code = await make_code(unit, "slack", there.users[slack_office.ANNA])
    await there.command(slack_office.ANNA, f"connect {code}")
    await there.private(slack_office.ANNA, "connected to your FlowPilot account")
