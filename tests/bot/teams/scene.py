"""A tenant of Teams before the real reader: activities as Teams sends them, a table of answers instead of its connector."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, cast
from uuid import UUID, uuid4

from bot.front import Front
from bot.teams import addresses, payloads
from bot.teams.fetching import Fetching
from bot.teams.port import Away, Download, FileRefused, Member, Reference, Refused
from bot.teams.reading import TeamsReader
from engine.ports import Raw
from engine.session import Session
from storage.places import Place
from storage.receiving import Receiving
from storage.references import Stored
from storage.workspaces import Workspaces, make_code
from tests.fakes import Office, Room, room

Body = dict[str, Any]
BOT = "28:00000000-0000-4000-8000-0000000000ff"
ANNA, BEN, CARLA, GUEST, STRANGER = (f"a0000000-0000-4000-8000-00000000000{n}" for n in range(1, 6))
TEAM, HELP, ESC, QUIET = (f"19:{name}@thread.tacv2" for name in ("team", "help", "esc", "quiet"))
GROUP = "19:group@thread.v2"
CHAT = "a:"
"""Somebody's own chat with us; his id follows."""
LOG = b"2026-03-02 09:00:01 ERROR spooler stopped\n2026-03-02 09:00:02 ERROR spooler stopped\n"
_number = count(1)


@dataclass
class Table:
    """The connector with a table of answers. `said` is what was posted, as (conversation, root, words)."""

    people: dict[str, Member] = field(default_factory=dict)
    outside: set[str] = field(default_factory=set)
    """Conversations whose roster we may not read."""
    files: dict[str, Download | FileRefused] = field(default_factory=dict)
    away: list[Away] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    said: list[tuple[str, str, str]] = field(default_factory=list)
    edited: list[tuple[str, str, str]] = field(default_factory=list)
    listed: list[tuple[str, str]] = field(default_factory=list)

    def _asked(self) -> None:
        if self.away:
            raise self.away.pop(0)

    async def post(self, at: Reference, activity: Mapping[str, Any], root: str = "") -> str:
        self._asked()
        self.said.append((at.conversation, root, json.dumps(activity, ensure_ascii=False)))
        return stamp()

    async def update(
        self, at: Reference, activity_id: str, activity: Mapping[str, Any], root: str = ""
    ) -> None:
        self._asked()
        self.edited.append((at.conversation, activity_id, json.dumps(activity, ensure_ascii=False)))

    async def delete(self, at: Reference, activity_id: str, root: str = "") -> None:
        raise AssertionError("nothing is deleted")

    async def open_thread(self, at: Reference, activity: Mapping[str, Any]) -> str:
        raise AssertionError("the reader opens no thread")

    async def open_chat(self, like: Reference, person: str) -> Reference:
        self._asked()
        if person.removeprefix("29:") not in self.people:
            raise Refused(403, "BotNotInConversationRoster", "open a chat")
        chat = f"{CHAT}{person.removeprefix('29:')}"
        raw = {**like.raw, "conversation": {"id": chat}}
        return Reference(like.tenant, chat, "personal", raw, person)

    async def member(self, at: Reference, person: str) -> Member | None:
        self._asked()
        person = person.removeprefix("29:")  # a roster is asked by either
        self.looked_up.append(person)
        if at.conversation in self.outside:
            raise Refused(403, "BotNotInConversationRoster", "look somebody up")
        return self.people.get(person)

    async def members(self, at: Reference) -> Sequence[Member]:
        raise AssertionError("one is looked up, never all")

    async def channels(self, at: Reference) -> Sequence[tuple[str, str]]:
        self._asked()
        return self.listed

    async def download(self, at: Reference, url: str, limit: int) -> Download:
        self._asked()
        found = self.files[url]
        if isinstance(found, FileRefused):
            raise found
        return found


def table() -> Table:
    named = ((ANNA, "Anna Keller"), (BEN, "Ben Ortiz"), (CARLA, "Carla Mendes"))
    people = {
        aad: Member(f"29:{aad}", aad, name, f"{name.split()[0].lower()}@practice.example")
        for aad, name in named
    }
    people[GUEST] = Member(f"29:{GUEST}", GUEST, "Gus Guest", "gus@elsewhere.example", full=False)
    return Table(people, listed=[(TEAM, ""), (HELP, "Helpdesk"), (ESC, "Escalations")])


@dataclass(frozen=True, slots=True)
class Owed:
    """One row of the outbox."""

    subject: UUID
    verb: str
    args: Mapping[str, Any]

    @property
    def what(self) -> str:
        return str(self.args.get("what") or "")


@dataclass
class Stage:
    """A tenant of Teams, linked to the office's Account or to none, and the real desk."""

    office: Office
    receives: Receiving
    tenant: str
    teams: Table
    room: Room
    workspaces: Workspaces
    handled: list[int] = field(default_factory=list)

    async def sends(self, body: Body) -> bool:
        """As the web process remembers it and a worker reads it; False where it was dropped or a repeat."""
        kept = payloads.kept(body)
        if kept is None:
            return False
        payload = payloads.payload(json.dumps(body, ensure_ascii=False).encode())
        new = await self.room.desk.receive(Raw("teams", f"{kept.unique}:{self.tenant}", kept.order, payload))
        self.handled.append(await self.room.desk.handle(kept.order))
        noted = self.room.trouble.noted
        assert noted == [], noted
        return new

    async def code(self, office: Office | None = None) -> str:
        at = office or self.office
        async with at.store.transaction(at.account) as unit:
            return await make_code(unit, "teams", at.lea.id)

    async def link(self, office: Office | None = None) -> None:
        at = office or self.office
        await self.workspaces.install("teams", self.tenant, "Practice MSP", BOT, BOT[3:], BOT[3:], {})
        code = await self.code(at)
        async with at.store.transaction() as unit:
            assert await unit.redeem("teams", self.tenant, code) == at.account

    async def linked_to(self) -> UUID | None:
        found = await self.workspaces.find("teams", self.tenant)
        return found.account_id if found else None

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

    async def lives(self, session: UUID) -> tuple[str, str]:
        """Channel and thread of its only Place."""
        (found,) = [each for each in await self.places() if each.session_id == session]
        assert (found.platform, found.workspace) == ("teams", self.tenant)
        return found.channel, found.thread

    async def identities(self) -> dict[str, UUID]:
        query = "select external_id, user_id from identities where platform = 'teams' and workspace = :t"
        return {row.external_id: row.user_id for row in await self.office.rows(query, t=self.tenant)}

    async def users(self) -> list[Any]:
        return await self.office.rows(
            "select id, name, email, roles, active from users order by created_at, name"
        )

    async def events(self, session: UUID) -> list[str]:
        query = "select event from session_log where session_id = :s order by id"
        return [row.event for row in await self.office.rows(query, s=session)]

    async def reached(self, conversation: str) -> Stored | None:
        async with self.office.store.transaction(self.office.account) as unit:
            return await unit.references.get(self.tenant, conversation)

    async def add_user(self, name: str, email: str, *, active: bool = True) -> UUID:
        async with self.office.store.transaction(self.office.account) as unit:
            user = await unit.accounts.add_user(name, email)
            await unit.accounts.set_active(user, active)
        return user

    async def session_in(self, channel: str, thread: str, owner: str = ANNA, status: str = "active") -> UUID:
        """A Session of this person with Step 1 on the table, in this thread; its card there is `card:<session>`."""
        user = {ANNA: self.office.anna, BEN: self.office.ben}[owner]
        session = uuid4()
        async with self.office.store.transaction(self.office.account) as unit:
            blank = self.office.blank(session, unit.now, status)
            await unit.sessions.save(None, replace(blank, owner_id=user.id))
            at = await unit.places.ensure("thread", "teams", self.tenant, channel, thread, session)
            base = f"{CHAT}{owner}" if channel.startswith("user:") else channel
            await unit.places.keep(at.id, "step:1", {}, addresses.ref(base, f"card:{session}"))
        return session

    async def told(self, person: str, key: str, card: Body) -> str:
        """A card in this person's own chat, as it was posted; its id."""
        async with self.office.store.transaction(self.office.account) as unit:
            own = await unit.places.ensure("direct", "teams", self.tenant, addresses.direct(person))
            activity = stamp()
            await unit.places.keep(own.id, key, card, addresses.ref(f"{CHAT}{person}", activity))
        return activity

    async def know(self) -> None:
        """Anna, Ben and Lea (as Carla) of the office are known here."""
        known = ((ANNA, self.office.anna), (BEN, self.office.ben), (CARLA, self.office.lea))
        async with self.office.store.transaction(self.office.account) as unit:
            for external_id, person in known:
                await unit.accounts.add_identity(person.id, "teams", self.tenant, external_id)

    # ── Activities as Teams sends them ──────────────────────────────────────────────────────────────────────

    def activity(self, kind: str, person: str, at: str = "", root: str = "", /, **more: Any) -> Body:
        """`at` "": his own chat with us."""
        where = at or f"{CHAT}{person}"
        sort = "personal" if not at else "groupChat" if at == GROUP else "channel"
        data: Body = {"tenant": {"id": self.tenant}}
        if sort == "channel":
            data |= {"team": {"id": TEAM, "name": "Practice MSP"}, "channel": {"id": where}}
        data |= more.pop("data", {})
        return {
            "type": kind, "id": stamp(), "timestamp": "2026-11-23T09:00:00.000Z", "channelId": "msteams",
            "serviceUrl": "https://smba.trafficmanager.net/emea/",
            "from": {"id": f"29:{person}", "name": "Somebody", "aadObjectId": person},
            "recipient": {"id": BOT, "name": "FlowPilot"},
            "conversation": {
                "id": addresses.thread_id(where, root), "conversationType": sort, "tenantId": self.tenant,
                "isGroup": sort != "personal",
            },
            "channelData": data, "locale": "en-GB", **more,
        }  # fmt: skip

    def says(self, person: str, text: str, at: str = "", root: str = "", /, **more: Any) -> Body:
        return self.activity("message", person, at, root, text=text, **more)

    def calls(self, person: str, text: str, at: str = HELP, root: str = "", /, **more: Any) -> Body:
        """With our name before the words."""
        called = {
            "type": "mention",
            "mentioned": {"id": BOT, "name": "FlowPilot"},
            "text": "<at>FlowPilot</at>",
        }
        entities = [called, *more.pop("entities", ())]
        return self.says(person, f"<at>FlowPilot</at> {text}", at, root, entities=entities, **more)

    def presses(
        self, person: str, verb: str, args: Mapping[str, str] | None = None, at: str = "", root: str = "", /, **more: Any
    ) -> Body:  # fmt: skip
        """`on`: the card's id; `fields` of a form; `words` in the box."""
        fields, words = more.pop("fields", None), more.pop("words", None)
        ours: Body = {"verb": verb, "args": dict(args or {})} | ({"form": "1"} if fields is not None else {})
        carried = {"fp": ours, **{f"f1:{name}": value for name, value in (fields or {}).items()}}
        if words is not None:
            carried["say"] = words
        action = {"type": "Action.Execute", "verb": "fp", "title": "Press", "data": carried}
        given = {"replyToId": more.pop("on", "") or stamp(), "value": {"action": action, "trigger": "manual"}}
        return self.activity("invoke", person, at, root, name="adaptiveCard/action", **given, **more)

    def troubleshoots(
        self, person: str, text: str, at: str = HELP, root: str = "", /, *, about: str = ""
    ) -> Body:
        message: Body = {
            "id": about or stamp(), "replyToId": root or None, "subject": None,
            "from": {"user": {"id": BEN, "displayName": "Ben"}},
            "body": {"contentType": "html", "content": f"<div>{text}</div>"}, "attachments": [],
        }  # fmt: skip
        value = {"commandId": "troubleshoot", "commandContext": "message", "messagePayload": message}
        return self.activity("invoke", person, at, root, name="composeExtension/fetchTask", value=value)

    def thumbs(self, person: str, on: str, reaction: str = "dislike", words: str = "Wrong printer") -> Body:
        said = json.dumps({"feedbackText": words})
        value = {"actionName": "feedback", "actionValue": {"reaction": reaction, "feedback": said}}
        return self.activity("invoke", person, name="message/submitAction", replyToId=on, value=value)

    def installs(self, person: str, at: str = "", action: str = "add") -> Body:
        return self.activity("installationUpdate", person, at, action=action)

    def file(self, name: str, found: Download | FileRefused | None = None) -> Body:
        """What somebody uploaded in his own chat, whose download the table answers."""
        url = f"https://practice.sharepoint.example/{uuid4().hex}"
        self.teams.files[url] = found or Download(LOG, "text/plain")
        return {
            "contentType": "application/vnd.microsoft.teams.file.download.info", "name": name,
            "contentUrl": "https://practice.sharepoint.example/x", "content": {"downloadUrl": url, "fileType": "log"},
        }  # fmt: skip


def stamp() -> str:
    """Teams' id of a message; no two are the same."""
    return f"17000{next(_number):08}"


async def stage(place: Office, receives: Receiving, *, linked: bool = True) -> Stage:
    tenant, teams, workspaces = str(uuid4()), table(), Workspaces(place.store)
    reader = TeamsReader(Fetching(teams, workspaces))
    desk = room(place, receives, front=cast("Any", Front({"teams": reader})))
    made = Stage(place, receives, tenant, teams, desk, workspaces)
    if linked:
        await made.link()
    return made
