"""A workspace of Slack before the real reader: payloads as Slack sends them, a table of answers instead of its Web API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, cast
from uuid import UUID, uuid4

from bot.card import Choice
from bot.front import Front
from bot.slack import actions, payloads
from bot.slack.api import FileRefused
from bot.slack.fetching import (
    Fetching,
    SlackChannel,
    SlackPerson,
    WantsChannel,
    WantsFile,
    WantsPerson,
    WantsSaid,
)
from bot.slack.reading import SlackReader
from bot.slack.routes import Route, route_of
from engine.intake import Attachment
from engine.ports import PutOff, Raw
from engine.session import Session
from storage.places import Place
from storage.receiving import Receiving
from storage.workspaces import Workspaces, make_code
from tests.fakes import Office, Room, room

Body = dict[str, Any]
BOT = "U0FLOW"
HELP, QUIET, SHARED, OLD, ESC = "C0HELP", "C0QUIET", "C0SHARED", "C0OLD", "C0ESC"
ANNA_DM, PAIR_DM = "D0ANNA", "D0PAIR"
LOG = b"2026-03-02 09:00:01 ERROR spooler stopped\n2026-03-02 09:00:02 ERROR spooler stopped\n"
_number = count(1)


class Table(Fetching):
    """The fetching port with a table of answers; `said` is what people were told without an Account."""

    def __init__(self) -> None:
        self.people: dict[str, SlackPerson] = {
            "U0ANNA": SlackPerson(True, "Anna Keller", "anna@practice.example"),
            "U0BEN": SlackPerson(True, "Ben Ortiz", "ben@practice.example"),
            "U0CARLA": SlackPerson(True, "Carla Mendes", "carla@practice.example"),
            "U0GUEST": SlackPerson(False),
            "U0STRANGE": SlackPerson(False),
            "U0BOT": SlackPerson(False),
            "U0GONE": SlackPerson(False),
        }
        self.channels: dict[str, SlackChannel] = {
            HELP: SlackChannel(True, name="helpdesk"),
            ESC: SlackChannel(True, name="escalations"),
            SHARED: SlackChannel(True, shared=True, name="with-a-vendor"),
            QUIET: SlackChannel(False, name="projects"),
            OLD: SlackChannel(False, name="archived"),
            ANNA_DM: SlackChannel(True, direct=True),
            PAIR_DM: SlackChannel(False),
        }
        self.files: dict[str, Attachment | FileRefused] = {}
        self.asked: list[object] = []
        self.away: list[PutOff] = []

    async def fetch(self, wanted: object) -> object:
        self.asked.append(wanted)
        if self.away:
            raise self.away.pop(0)
        match wanted:
            case WantsPerson(user=user):
                return self.people.get(user)
            case WantsChannel(channel=channel):
                return self.channels.get(channel, SlackChannel(False))
            case WantsFile(file=given):
                return next(found for name, found in self.files.items() if f'"{name}"' in given)
        return True

    @property
    def said(self) -> list[WantsSaid]:
        return [each for each in self.asked if isinstance(each, WantsSaid)]

    def of(self, kind: type[Any]) -> list[Any]:
        return [each for each in self.asked if isinstance(each, kind)]


@dataclass(frozen=True, slots=True)
class Owed:
    """One row of the outbox."""

    subject: UUID
    verb: str
    args: Mapping[str, Any]

    @property
    def via(self) -> str:
        return str(self.args.get("via") or "")

    @property
    def what(self) -> str:
        return str(self.args.get("what") or "")


@dataclass
class Stage:
    """A workspace of Slack, linked to the office's Account or to none, and the real desk."""

    office: Office
    receives: Receiving
    team: str
    slack: Table
    room: Room
    workspaces: Workspaces
    handled: list[int] = field(default_factory=list)

    async def sends(self, body: Body) -> bool:
        """As the web process remembers it and a worker reads it; False where it was dropped or a repeat."""
        kept = payloads.kept(body)
        if kept is None:
            return False
        return await self.remembers(kept.kind, kept.unique, kept.order, body)

    async def remembers(self, kind: payloads.Kind, unique: str, order: str, body: Body) -> bool:
        raw = Raw("slack", f"{unique}:{self.team}", order, payloads.payload(kind, body))
        new = await self.room.desk.receive(raw)
        self.handled.append(await self.room.desk.handle(order))
        noted = self.room.trouble.noted
        assert noted == [], noted
        return new

    async def code(self, office: Office | None = None) -> str:
        at = office or self.office
        async with at.store.transaction(at.account) as unit:
            return await make_code(unit, "slack", at.lea.id)

    async def link(self, office: Office | None = None) -> None:
        at = office or self.office
        code = await self.code(at)
        async with at.store.transaction() as unit:
            assert await unit.redeem("slack", self.team, code) == at.account

    async def linked_to(self) -> UUID | None:
        found = await self.workspaces.find("slack", self.team)
        assert found is not None
        return found.account_id

    # ── What is stored ──────────────────────────────────────────────────────────────────────────────────────

    async def owed(self) -> list[Owed]:
        rows = await self.office.rows("select subject_id, verb, args from outbox order by id")
        return [Owed(row.subject_id, row.verb, row.args) for row in rows]

    async def shown(self) -> list[str]:
        """What people are shown or told privately, in order."""
        return [each.what for each in await self.owed() if each.verb in ("Show", "Tell")]

    async def forget_owed(self) -> None:
        await self.office.rows("delete from outbox")

    async def sessions(self) -> list[Session]:
        rows = await self.office.rows("select id from ai_sessions order by created_at, id")
        return [await self.office.session(row.id) for row in rows]

    async def only(self) -> Session:
        (found,) = await self.sessions()
        return found

    async def places(self, kind: str = "thread") -> list[Place]:
        async with self.office.store.transaction(self.office.account) as unit:
            return list(await unit.places.of_kind(kind))

    async def identities(self) -> dict[str, UUID]:
        """Slack user ids of this workspace and whose they are."""
        query = "select external_id, user_id from identities where platform = 'slack' and workspace = :t"
        return {row.external_id: row.user_id for row in await self.office.rows(query, t=self.team)}

    async def users(self) -> list[Any]:
        return await self.office.rows(
            "select id, name, email, roles, active from users order by created_at, name"
        )

    async def events(self, session: UUID) -> list[str]:
        query = "select event from session_log where session_id = :s order by id"
        return [row.event for row in await self.office.rows(query, s=session)]

    async def route(self, owed: Owed) -> Route:
        """The way back that an effect names."""
        platform, _, way = owed.via.partition(":")
        assert platform == "slack", owed
        async with self.office.store.transaction(self.office.account) as unit:
            found = await route_of(unit, way, UUID(str(owed.args["to"])))
        assert found is not None
        return found

    async def add_user(self, name: str, email: str, *, active: bool = True) -> UUID:
        async with self.office.store.transaction(self.office.account) as unit:
            user = await unit.accounts.add_user(name, email)
            await unit.accounts.set_active(user, active)
        return user

    async def person(self, external_id: str) -> UUID:
        return (await self.identities())[external_id]

    async def session_in(self, thread: str, channel: str = HELP, owner: str = "U0ANNA") -> UUID:
        """An active Session of this person with Step 1 on the table, in this thread."""
        user = {"U0ANNA": self.office.anna, "U0BEN": self.office.ben}[owner]
        session = uuid4()
        async with self.office.store.transaction(self.office.account) as unit:
            blank = self.office.blank(session, unit.now)
            await unit.sessions.save(None, replace(blank, owner_id=user.id))
            await unit.places.ensure("thread", "slack", self.team, channel, thread, session)
        return session

    async def know(self) -> None:
        """Anna, Ben and Lea (as Carla) of the office are known here."""
        known = (("U0ANNA", self.office.anna), ("U0BEN", self.office.ben), ("U0CARLA", self.office.lea))
        async with self.office.store.transaction(self.office.account) as unit:
            for external_id, person in known:
                await unit.accounts.add_identity(person.id, "slack", self.team, external_id)

    # ── Payloads as Slack sends them ────────────────────────────────────────────────────────────────────────

    def event(self, **happened: Any) -> Body:
        return {
            "token": "x", "team_id": self.team, "api_app_id": "A0FLOW", "type": "event_callback",
            "event_id": f"Ev{uuid4().hex}", "event_time": 1700000000, "event": happened,
            "authorizations": [{"enterprise_id": None, "team_id": self.team, "user_id": BOT, "is_bot": True}],
            "is_ext_shared_channel": False, "event_context": "4-x",
        }  # fmt: skip

    def said(self, user: str, text: str, channel: str = HELP, **more: Any) -> Body:
        """A `message`, or with `type` an `app_mention`; `thread`, `ts`, `files` and anything else Slack adds."""
        at = more.pop("ts", None) or stamp()
        thread = {"thread_ts": more.pop("thread")} if more.get("thread") else {}
        more.pop("thread", None)
        kind = more.pop("type", "message")
        where = {"channel_type": "im" if channel.startswith("D") else "channel"} if kind == "message" else {}
        files = more.pop("files", ())
        shared = more.pop("shared", False)
        if files:
            more = {"files": list(files), "subtype": "file_share", **more}
        body = self.event(
            client_msg_id=str(uuid4()), type=kind, user=user, text=text, ts=at, event_ts=at, channel=channel,
            team=more.pop("user_team", self.team), blocks=[], **where, **thread, **more,
        )  # fmt: skip
        return body | {"is_ext_shared_channel": shared}

    def direct(self, user: str, text: str, **more: Any) -> Body:
        return self.said(user, text, ANNA_DM if user == "U0ANNA" else f"D{user[2:]}", **more)

    def command(self, user: str, text: str, channel: str = HELP) -> Body:
        return {
            "token": "x", "team_id": self.team, "team_domain": "practice", "channel_id": channel,
            "channel_name": "directmessage" if channel.startswith("D") else "somewhere", "user_id": user,
            "user_name": user.lower(), "command": "/flowpilot", "text": text, "api_app_id": "A0FLOW",
            "is_enterprise_install": "false", "response_url": f"https://hooks.slack.com/commands/{uuid4().hex}",
            "trigger_id": trigger(),
        }  # fmt: skip

    def click(self, user: str, verb: str, args: Mapping[str, str] | None = None, **where: Any) -> Body:
        """Of a button in a message: `channel`, `ts`, `thread`, `ephemeral`; `menu` for one of an overflow menu."""
        choice = Choice(where.pop("label", "Press"), verb, dict(args or {}))
        channel, ts = where.pop("channel", HELP), where.pop("ts", None) or stamp()
        thread = where.pop("thread", "")
        container = {"type": "message", "message_ts": ts, "channel_id": channel}
        container |= {"is_ephemeral": where.pop("ephemeral", False)} | (
            {"thread_ts": thread} if thread else {}
        )
        message = {"type": "message", "ts": ts, "user": BOT} | ({"thread_ts": thread} if thread else {})
        whole = {
            **self._interaction("block_actions", user),
            "container": container, "channel": {"id": channel, "name": "x"}, "message": message,
            "actions": [pressed(choice, menu=where.pop("menu", False))],
            "response_url": f"https://hooks.slack.com/actions/{uuid4().hex}",
        }  # fmt: skip
        return {**whole, **where}

    def click_in_view(self, user: str, verb: str, args: Mapping[str, str] | None = None, **view: Any) -> Body:
        shown = {"id": "V1", "team_id": self.team, "app_installed_team_id": self.team, "type": "home",
                 "callback_id": "", "private_metadata": "", "hash": "1.a", **view}  # fmt: skip
        return {
            **self._interaction("block_actions", user),
            "container": {"type": "view", "view_id": shown["id"]}, "view": shown,
            "actions": [pressed(Choice("Press", verb, dict(args or {})))],
        }  # fmt: skip

    def submission(
        self,
        user: str,
        verb: str,
        args: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
        files: Sequence[Body] = (),
    ) -> Body:
        typed: Body = {
            f"f:{name}": {"fp:field": {"type": "plain_text_input", "value": value}}
            for name, value in (fields or {}).items()
        }
        if files:
            typed["f:files"] = {"fp:field": {"type": "file_input", "files": list(files)}}
        view = {
            "id": f"V{uuid4().hex[:8]}", "team_id": self.team, "app_installed_team_id": self.team, "type": "modal",
            "callback_id": actions.CALLBACK, "hash": f"1.{uuid4().hex[:6]}", "state": {"values": typed},
            "private_metadata": actions.metadata(verb, args, ""), "blocks": [],
        }  # fmt: skip
        return {**self._interaction("view_submission", user), "view": view, "response_urls": []}

    def shortcut(self, user: str, name: str, text: str, **more: Any) -> Body:
        """On a message of somebody else, in `channel` at `ts`."""
        ts, channel = more.pop("ts", None) or stamp(), more.pop("channel", HELP)
        thread = {"thread_ts": more.pop("thread")} if "thread" in more else {}
        files = {"files": list(more.pop("files"))} if "files" in more else {}
        author = more.pop("author", "U0BEN")
        return {
            **self._interaction("message_action", user), "callback_id": name, "message_ts": ts,
            "channel": {"id": channel, "name": "x"},
            "message": {"type": "message", "user": author, "ts": ts, "text": text, "team": self.team, **thread, **files},
            "response_url": f"https://hooks.slack.com/app/{uuid4().hex}", **more,
        }  # fmt: skip

    def file(self, name: str, found: Attachment | FileRefused | None = None) -> Body:
        """A file object of Slack, whose download the table answers."""
        file_id = f"F{uuid4().hex[:10].upper()}"
        self.slack.files[file_id] = found or Attachment(name, "text/plain", LOG)
        address = f"https://files.slack.com/files-pri/{self.team}-{file_id}/download/{name}"
        return {"id": file_id, "name": name, "mimetype": "text/plain", "mode": "hosted", "size": 80,
                "url_private_download": address}  # fmt: skip

    def _interaction(self, kind: str, user: str) -> Body:
        return {
            "type": kind, "token": "x", "api_app_id": "A0FLOW", "team": {"id": self.team, "domain": "practice"},
            "user": {"id": user, "username": user.lower(), "name": user.lower(), "team_id": self.team},
            "trigger_id": trigger(), "action_ts": stamp(), "enterprise": None, "is_enterprise_install": False,
        }  # fmt: skip


def stamp() -> str:
    """Slack's time of a message; no two are the same."""
    return f"1700000000.{next(_number):06}"


def trigger() -> str:
    return f"7.8.{uuid4().hex}"


def pressed(choice: Choice, *, menu: bool = False) -> Body:
    label = {"type": "plain_text", "text": choice.label, "emoji": True}
    if menu:
        option = {"text": label, "value": actions.value(choice)}
        return {
            "type": "overflow",
            "action_id": actions.MORE,
            "selected_option": option,
            "action_ts": stamp(),
        }
    return {"type": "button", "action_id": actions.action_id(choice.verb, 0), "text": label,
            "value": actions.value(choice), "action_ts": stamp()}  # fmt: skip


async def stage(place: Office, receives: Receiving, *, linked: bool = True) -> Stage:
    team, table = f"T{uuid4().hex[:12].upper()}", Table()
    workspaces = Workspaces(place.store)
    await workspaces.install("slack", team, "Practice MSP", BOT, "B0FLOW", "A0FLOW", {"token": "xoxb-x"})
    desk = room(place, receives, front=cast("Any", Front({"slack": SlackReader(table)})))
    made = Stage(place, receives, team, table, desk, workspaces)
    if linked:
        await made.link()
    return made
