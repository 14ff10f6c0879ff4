"""A Teams that only remembers: what was posted, edited and deleted where; it refuses and stays away when it is told to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from bot.teams import addresses
from bot.teams.port import Away, Download, Member, Reference, Refused
from storage.workspaces import Workspaces, make_code
from tests.fakes import Office

HELP, ESC, GROUP = "19:help@thread.tacv2", "19:esc@thread.tacv2", "19:group@thread.v2"
ANNA, BEN, LEA = "aad-anna", "aad-ben", "aad-lea"
SERVICE = "http://127.0.0.1:9/teams"


@dataclass
class Call:
    """One call of the port."""

    method: str
    conversation: str
    root: str
    activity: Mapping[str, Any]
    message: str = ""

    @property
    def text(self) -> str:
        return json.dumps(self.activity, ensure_ascii=False)


@dataclass
class FakeConnector:
    """`fails` are raised one after the other by the next calls of a method; `rosters` by conversation."""

    calls: list[Call] = field(default_factory=list)
    fails: dict[str, list[Exception]] = field(default_factory=dict)
    standing: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    rosters: dict[str, set[str]] = field(default_factory=dict)

    def made(self, *methods: str) -> list[Call]:
        return [each for each in self.calls if not methods or each.method in methods]

    def taken(self) -> list[Call]:
        found, self.calls = self.calls, []
        return found

    def refuses(self, method: str, status: int, code: str = "", times: int = 1) -> None:
        self.fails.setdefault(method, []).extend(Refused(status, code, method) for _ in range(times))

    def away(self, method: str, *, unsure: bool, seconds: float = 7.0) -> None:
        self.fails.setdefault(method, []).append(Away(seconds, f"{method}: http_503", unsure=unsure))

    async def post(self, at: Reference, activity: Mapping[str, Any], root: str = "") -> str:
        return self._stands("post", at, activity, root)

    async def update(
        self, at: Reference, activity_id: str, activity: Mapping[str, Any], root: str = ""
    ) -> None:
        self._call("update", at, activity, root, activity_id)
        if (at.conversation, activity_id) not in self.standing:
            raise Refused(404, "ActivityNotFoundInConversation", "update")
        self.standing[at.conversation, activity_id] = activity

    async def delete(self, at: Reference, activity_id: str, root: str = "") -> None:
        self._call("delete", at, {}, root, activity_id)
        self.standing.pop((at.conversation, activity_id), None)

    async def open_thread(self, at: Reference, activity: Mapping[str, Any]) -> str:
        return self._stands("open_thread", at, activity, "")

    async def open_chat(self, like: Reference, person: str) -> Reference:
        self._call("open_chat", like, {}, "", person)
        raw = {**like.raw, "conversation": {"id": f"a:{person}"}}
        return Reference(like.tenant, f"a:{person}", "personal", raw, person)

    async def member(self, at: Reference, person: str) -> Member | None:
        self._call("member", at, {}, "", person)
        known = person in self.rosters.get(at.conversation, set())
        return Member(f"29:{person}", person) if known else None

    async def members(self, at: Reference) -> Sequence[Member]:
        self._call("members", at, {}, "")
        return [Member(f"29:{each}", each) for each in sorted(self.rosters.get(at.conversation, set()))]

    async def channels(self, at: Reference) -> Sequence[tuple[str, str]]:
        return ()

    async def download(self, at: Reference, url: str, limit: int) -> Download:
        raise AssertionError("nothing is downloaded here")

    def _stands(self, method: str, at: Reference, activity: Mapping[str, Any], root: str) -> str:
        message = f"1700{len(self.standing) + len(self.calls):09}"
        self._call(method, at, activity, root, message)
        self.standing[at.conversation, message] = activity
        return message

    def _call(
        self, method: str, at: Reference, activity: Mapping[str, Any], root: str, message: str = ""
    ) -> None:
        self.calls.append(Call(method, at.conversation, root, activity, message))
        if waiting := self.fails.get(method):
            raise waiting.pop(0)


async def tenant_of(place: Office, *, linked: bool = True) -> str:
    """A tenant in which FlowPilot is installed, linked to the office's Account."""
    tenant = str(uuid4())
    await Workspaces(place.store).install("teams", tenant, "Practice", "28:app", "app", "app", {})
    if linked:
        async with place.store.transaction(place.account) as unit:
            code = await make_code(unit, "teams", place.lea.id)
        async with place.store.transaction() as unit:
            assert await unit.redeem("teams", tenant, code) == place.account
    return tenant


async def reached(
    place: Office, tenant: str, conversation: str, kind: Any, person: str = "", *, hears: bool = False
) -> None:
    """FlowPilot was in this conversation."""
    raw = {
        "serviceUrl": SERVICE, "channelId": "msteams", "bot": {"id": "28:app"}, "conversation": {"id": conversation}
    }  # fmt: skip
    async with place.store.transaction(place.account) as unit:
        await unit.references.keep(tenant, conversation, kind, raw, person)
        if hears:
            await unit.references.hears(tenant, conversation)


async def known_as(place: Office, tenant: str, **people: str) -> None:
    """The office's people by their ids in the directory: `anna=…`."""
    async with place.store.transaction(place.account) as unit:
        for name, aad in people.items():
            await unit.accounts.add_identity(getattr(place, name).id, addresses.PLATFORM, tenant, aad)
