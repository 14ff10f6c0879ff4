"""The control addresses under /_practice: what people do, what can be read back, faults and settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from demo.teams_activities import installation
from demo.teams_delivery import Delivery
from demo.teams_keys import Keys
from demo.teams_limits import Faults
from demo.teams_people import People
from demo.teams_presses import seen
from demo.teams_refusals import Impossible, Json, Refused
from demo.teams_rules import called_people, cards_of
from demo.teams_world import ANNA, Conversation, Message, Settings, World


class Control:
    def __init__(self, world: World, delivery: Delivery, faults: Faults, keys: Keys) -> None:
        self.people = People(world, delivery)
        self._world = world
        self._delivery = delivery
        self._faults = faults
        self._keys = keys

    async def answer(
        self, method: str, parts: list[str], query: Mapping[str, str], body: bytes
    ) -> tuple[int, Any]:
        """(status, JSON). Impossible acts are 409, wrong ones 400, unknown addresses 404."""
        try:
            sent = json.loads(body) if body.strip() else {}
            if method == "GET":
                return self._read(parts, query)
            return await self._change(method, parts, sent)
        except Impossible as reason:
            return 409, {"error": str(reason)}
        except Refused as reason:
            return 404, {"error": reason.message}
        except (TypeError, ValueError, KeyError) as error:
            return 400, {"error": f"{type(error).__name__}: {error}"}

    def _read(self, parts: list[str], query: Mapping[str, str]) -> tuple[int, Any]:
        world = self._world
        match parts:
            case ["conversations"]:
                return 200, [_named(one) for one in world.conversations.values()]
            case ["conversations", wire]:
                return 200, self.conversation(wire, query.get("as", ""))
            case ["people", aad, "personal"]:
                return 200, self.conversation(world.personal(world.person(aad)).id, aad)
            case ["people"]:
                return 200, [asdict(one) | {"id": one.wire} for one in world.people.values()]
            case ["teams"]:
                return 200, [asdict(one) for one in world.teams.values()]
            case ["journal"]:
                return 200, self.journal(query)
            case ["settings"]:
                return 200, asdict(world.settings) | {"messages_url": self._delivery.url}
            case ["faults"]:
                return 200, self._faults.as_json()
            case ["tokens"]:
                return 200, {"given": world.tokens_given}
            case _:
                return 404, {"error": "no such control address"}

    async def _change(self, method: str, parts: list[str], sent: Any) -> tuple[int, Any]:
        match method, parts:
            case "POST", ["people", aad, verb]:
                return 200, await self.people.act(aad, verb, sent)
            case "POST", ["install"]:
                return 200, await self.install(**sent)
            case _, ["faults", *rest]:
                return self._change_faults(method, rest, sent)
            case "PUT", ["settings"]:
                return 200, self._change_settings(sent)
            case "PUT", ["teams", name] if name in self._world.teams:
                self._world.teams[name].hears_all = bool(sent["hears_all"])
            case "DELETE", ["journal"]:
                self._world.journal.clear()
            case "DELETE", ["tokens"]:
                self._world.tokens.clear()
            case "POST", ["keys", "rotate"]:
                self._keys.rotate()
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

    def _change_settings(self, sent: Json) -> Json:
        known = {one.name: one.type for one in fields(Settings)}
        for name, value in sent.items():
            if name == "messages_url":
                self._delivery.url = str(value)
            elif name not in known:
                raise ValueError(f"no setting {name}; there are {sorted(known)}")
            else:
                setattr(self._world.settings, name, value)
        return asdict(self._world.settings) | {"messages_url": self._delivery.url}

    async def install(
        self, team: str = "", person: str = "", group: str = "", by: str = ANNA, *, remove: bool = False
    ) -> Json:
        """Puts the app into a team, a group chat or a personal chat, or takes it away; the app hears of it."""
        world = self._world
        who = world.person(person or by)
        if team and team not in world.teams:
            raise Impossible(f"there is no team {team}")
        place = world.personal(who) if person else world.place(team or group)[0]
        if person:
            who.installed = not remove
        if team:
            world.teams[team].bot = not remove
        inside = [one for one in world.conversations.values() if one is place or (team and one.team == team)]
        for one in inside:
            one.bot = not remove
        told = [
            (await self._delivery.send(activity)).as_json()
            for activity in installation(world, who, place, removed=remove)
        ]
        return {"conversation": place.id, "told": told, **told[-1]}

    def conversation(self, wire: str, viewer: str = "") -> Json:
        """{id, kind, name, team, tenant, members, bot, messages: [… each with its `replies`]}, oldest first; with a
        thread's id only that thread. `viewer` (an aad) sees the cards that were shown to him alone.
        """
        found, only = self._world.place(wire)
        kept = [one for one in found.messages.values() if not one.deleted]
        rows: list[Json] = []
        for one in kept:
            if found.threaded and (one.root != one.id or (only and one.id != only)):
                continue
            inside = [each for each in kept if found.threaded and each.root == one.id and each is not one]
            replies = [self._message(each, viewer) for each in inside]
            rows.append(self._message(one, viewer) | {"replies": replies})
        return _named(found) | {"messages": rows}

    def _message(self, message: Message, viewer: str) -> Json:
        activity = message.activity
        attachments = seen(message, viewer)
        return {
            "id": message.id,
            "from": message.sender or "bot",
            "text": activity.get("text") or "",
            "summary": activity.get("summary") or "",
            "attachments": attachments,
            "cards": cards_of({"attachments": attachments}),
            "entities": activity.get("entities") or [],
            "channelData": activity.get("channelData") or {},
            "edited": message.edited,
            "streaming": message.streaming,
            "notifies": called_people(self._world, activity),
            "own_views": sorted(message.views),
        }

    def journal(self, chosen: Mapping[str, str]) -> list[Json]:
        """Calls, oldest first: {at, method, conversation, activity, status, ms}. Methods that begin with "app:" went
        to the app.
        """
        return [
            one
            for one in self._world.journal
            if all(str(one.get(name, "")) == value for name, value in chosen.items())
        ]


def _named(one: Conversation) -> Json:
    return {
        "id": one.id,
        "kind": one.kind,
        "name": one.name,
        "team": one.team,
        "tenant": one.tenant,
        "person": one.person,
        "members": list(one.members),
        "bot": one.bot,
    }
