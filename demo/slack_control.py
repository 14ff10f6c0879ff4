"""The control addresses under /_practice: what people do, what can be read back, faults and settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from demo import slack_oauth as oauth
from demo.slack_delivery import Delivery
from demo.slack_limits import Faults
from demo.slack_messages import replies_of, roots_of, status_of
from demo.slack_people import People
from demo.slack_refusals import Impossible, Json
from demo.slack_socket import Sockets
from demo.slack_world import KINDS, Channel, Person, Team, World, add_team, manifest_scopes


class Control:
    def __init__(self, world: World, delivery: Delivery, faults: Faults, sockets: Sockets) -> None:
        self.people = People(world, delivery)
        self._world = world
        self._delivery = delivery
        self._faults = faults
        self._sockets = sockets

    async def answer(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        """(status, JSON). Impossible acts are 409, wrong ones 400, unknown addresses 404."""
        try:
            sent = json.loads(body) if body.strip() else {}
            parts = path.strip("/").split("/")[1:]
            if method == "POST" and parts[:1] == ["people"] and len(parts) == 3:
                return 200, await self.people.act(parts[1], parts[2], sent)
            if method == "GET":
                return self._read(parts, query)
            return await self._change(method, parts, sent)
        except Impossible as reason:
            return 409, {"error": str(reason)}
        except (TypeError, ValueError, KeyError) as error:
            return 400, {"error": f"{type(error).__name__}: {error}"}

    def _read(self, parts: list[str], query: Mapping[str, str]) -> tuple[int, Any]:
        world = self._world
        match parts:
            case ["channels"]:
                return 200, {name: self.channel(name) for name in world.channels}
            case ["channels", name] if name in world.channels:
                return 200, self.channel(name)
            case [what, user] if user in world.people:
                return self._of_person(what, user)
            case ["status", channel, thread]:
                return 200, self.status(channel, thread)
            case ["prompts", channel]:
                return 200, {
                    thread: row for (place, thread), row in world.prompts.items() if place == channel
                }
            case ["journal"]:
                return 200, self.journal(query)
            case ["settings"]:
                return 200, asdict(world.settings) | {"events_url": self._delivery.events_url}
            case ["faults"]:
                return 200, self._faults.as_json()
            case ["sockets"]:
                return 200, {"connected": self._sockets.count}
            case _:
                return 404, {"error": "no such control address"}

    def _of_person(self, what: str, user: str) -> tuple[int, Any]:
        world = self._world
        match what:
            case "dm":
                return 200, self.channel(world.dm(world.teams[world.people[user].team], user).id)
            case "ephemeral":
                return 200, world.ephemerals.get(user, [])
            case "views":
                return 200, self.views(user)
            case "home":
                return 200, world.homes.get(user, {})
            case _:
                return 404, {"error": "no such control address"}

    async def _change(self, method: str, parts: list[str], sent: Any) -> tuple[int, Any]:
        match method, parts:
            case _, ["faults", *rest]:
                return self._change_faults(method, rest, sent)
            case "PUT", ["settings"]:
                return 200, self._change_settings(sent)
            case "POST", ["workspaces"]:
                return 201, self.add_workspace(sent)
            case "PUT", ["workspaces", name] if name in self._world.teams:
                return 200, self._change_workspace(self._world.teams[name], sent)
            case "POST", ["workspaces", name, "uninstall"] if name in self._world.teams:
                return 200, await self._uninstall(self._world.teams[name])
            case "POST", ["workspaces", name, "code"] if name in self._world.teams:
                return 200, {"code": oauth.new_code(self._world, name)}
            case "PUT", ["channels", name] if name in self._world.channels:
                return 200, self._change_channel(self._world.channels[name], sent)
            case "DELETE", ["journal"]:
                self._world.journal.clear()
            case "POST", ["idle"]:
                await self._delivery.idle()
            case "POST", ["sockets", "disconnect"]:
                return 200, {"disconnected": await self._sockets.disconnect()}
            case _:
                return 404, {"error": "no such control address"}
        return 200, {"ok": True}

    def _change_faults(self, method: str, rest: list[str], sent: Any) -> tuple[int, Any]:
        match method, rest:
            case "POST", []:
                return 201, asdict(self._faults.add(**sent))
            case "DELETE", []:
                self._faults.clear()
            case "DELETE", [number] if self._faults.remove(int(number)):
                pass
            case _:
                return 404, {"error": "no such fault"}
        return 200, {"ok": True}

    def channel(self, name: str) -> Json:
        """{id, name, kind, members, messages: [… each with its `replies`]}, oldest first."""
        channel = self._world.channels[name]
        rows = [
            row
            if row.get("subtype") == "thread_broadcast"
            else row | {"replies": replies_of(channel, row["ts"])}
            for row in roots_of(channel)
        ]
        return {
            "id": channel.id,
            "name": channel.name,
            "kind": channel.kind,
            "members": list(channel.members),
            "archived": channel.archived,
            "messages": rows,
        }

    def views(self, user: str) -> list[Json]:
        """The windows of a person, the one in front last; `errors` by block_id as they are shown."""
        world = self._world
        return [
            world.views[name] | {"errors": world.view_errors.get(name, {})}
            for name in world.stacks.get(user, [])
        ]

    def status(self, channel: str, thread: str) -> Json:
        found, session = (
            status_of(self._world, channel, thread),
            self._world.sessions.get((channel, thread), {}),
        )
        words = {"status": found.text, "loading_messages": found.messages} if found else {}
        return {"status": "", "loading_messages": [], **words, "session": session}

    def journal(self, query: Mapping[str, str]) -> list[Json]:
        """Calls have `method`, deliveries have `sent`. `method`, `sent`, `type`, `outcome` choose."""
        return [
            one
            for one in self._world.journal
            if all(str(one.get(name)) == value for name, value in query.items())
        ]

    def _change_settings(self, sent: Json) -> Json:
        settings = self._world.settings
        for name, value in sent.items():
            if name == "events_url":
                self._delivery.events_url = str(value)
                continue
            before = getattr(settings, name, None)
            if before is None:
                raise ValueError(f"there is no setting {name}")
            match before:
                case bool():
                    settings.__setattr__(name, bool(value))
                case tuple():
                    settings.__setattr__(name, tuple(float(one) for one in value))
                case _:
                    settings.__setattr__(name, type(before)(value))
        return asdict(settings) | {"events_url": self._delivery.events_url}

    def add_workspace(self, sent: Json) -> Json:
        """{id, name?, domain?, token?, bot_user?, bot_id?, users: [{id, name, real_name, …}], channels: […]}.

        Without `token` the app is not installed there.
        """
        name = str(sent["id"])
        team = Team(name, str(sent.get("name", name)), str(sent.get("domain", name.lower())))
        team.bot_user, team.bot_id = sent.get("bot_user", ""), sent.get("bot_id", "")
        add_team(self._world, team, token=sent.get("token", ""))
        for one in sent.get("users", []):
            kept = {"real_name": one["name"].title(), "email": f"{one['name']}@{team.domain}.example"} | one
            self._world.people[one["id"]] = Person(team=team.id, **kept)
        for one in sent.get("channels", []):
            channel = Channel(one["id"], team.id, one["name"])
            self._change_channel(channel, {name: one[name] for name in one if name not in {"id", "name"}})
            if channel.kind not in KINDS:
                raise ValueError(f"unknown kind {channel.kind}")
            self._world.channels[channel.id] = channel
        return {"id": team.id, "bot_user": team.bot_user, "bot_id": team.bot_id}

    def _change_channel(self, channel: Channel, sent: Json) -> Json:
        """{kind?, members?, archived?, external?, bot?: true puts the bot in}."""
        for name in ("kind", "members", "archived", "external"):
            if name in sent:
                channel.__setattr__(name, sent[name])
        bot = self._world.teams[channel.team].bot_user
        if sent.get("bot") and bot not in channel.members:
            channel.members.append(bot)
        return {"id": channel.id, "members": channel.members, "archived": channel.archived}

    def _change_workspace(self, team: Team, sent: Json) -> Json:
        """{remove_scopes?: [], scopes?: [] (null: all of the manifest), refused?: code or ""}."""
        grants = [one for one in self._world.grants.values() if one.team == team.id and one.kind == "bot"]
        for one in grants:
            if "scopes" in sent:
                one.scopes = manifest_scopes() if sent["scopes"] is None else set(sent["scopes"])
            one.scopes -= set(sent.get("remove_scopes", []))
            one.refused = str(sent.get("refused", one.refused))
        return {"id": team.id, "scopes": sorted(grants[0].scopes) if grants else []}

    async def _uninstall(self, team: Team) -> Json:
        """Somebody removes the app: its tokens die, and the app hears of it."""
        for one in self._world.grants.values():
            if one.team == team.id and one.kind == "bot":
                one.refused = "account_inactive"
        stamp = self._world.now_ts()
        revoked: Json = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [team.bot_user]}}
        first = await self._delivery.event(team, revoked | {"event_ts": stamp})
        heard = await self._delivery.event(team, {"type": "app_uninstalled", "event_ts": stamp})
        return {"tokens_revoked": first.as_json(), "app_uninstalled": heard.as_json()}
