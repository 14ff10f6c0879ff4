"""The connector's calls: conversations, activities, members, teams, files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from demo.teams_refusals import Json, Refused
from demo.teams_rules import check_activity
from demo.teams_stream import Streams, stream_of
from demo.teams_world import ROOT, Conversation, Person, Team, World

SMALLEST_PAGE, LARGEST_PAGE = 50, 500
Answer = tuple[int, Any]


class Connector:
    """Each call answers (status, JSON) or raises Refused."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._streams = Streams(world)

    def _inside(self, wire: str) -> tuple[Conversation, str]:
        conversation, root = self._world.place(wire)
        if not conversation.bot:
            raise Refused("BotNotInConversationRoster")
        return conversation, root

    def create(self, sent: Any) -> Answer:
        """A personal chat, or a thread in a channel with its first message."""
        if not isinstance(sent, dict):
            raise Refused("BadSyntax", "Incorrect conversation creation parameters")
        channel = ((sent.get("channelData") or {}).get("channel") or {}).get("id")
        if channel:
            return self._open_thread(str(channel), sent)
        members = sent.get("members") or []
        if sent.get("isGroup") or len(members) != 1:
            raise Refused("BadSyntax", "Incorrect conversation creation parameters")
        tenant = sent.get("tenantId") or ((sent.get("channelData") or {}).get("tenant") or {}).get("id")
        person = self._world.member(str(members[0].get("id", "")))
        if person is None or person.tenant != tenant:
            raise Refused("BadArgument", "Invalid user identity in provided tenant")
        if not self._reaches(person):
            raise Refused("ForbiddenOperationException", "Bot is not installed in user's personal scope")
        chat = self._world.personal(person)
        chat.bot = True
        if sent.get("activity") is None:
            return 201, {"id": chat.id}
        made = self._world.put(chat, "", check_activity(chat, sent["activity"]))
        return 201, {"id": chat.id, "activityId": made.id}

    def _reaches(self, person: Person) -> bool:
        """The app is with the person himself, or where they both are."""
        shared = (one for one in self._world.conversations.values() if one.kind != "personal" and one.bot)
        return person.installed or any(person.aad in one.members for one in shared)

    def _open_thread(self, channel: str, sent: Json) -> Answer:
        conversation, _ = self._inside(channel)
        if not conversation.threaded:
            raise Refused("BadSyntax", "Incorrect conversation creation parameters")
        made = self._world.put(conversation, "", check_activity(conversation, sent.get("activity")))
        return 201, {"id": f"{conversation.id}{ROOT}{made.id}", "activityId": made.id}

    def post(self, wire: str, activity: Any) -> Answer:
        conversation, root = self._inside(wire)
        checked = check_activity(conversation, activity)
        if stream_of(checked):
            return self._streams.take(conversation, checked)
        if checked["type"] == "typing":
            return 202, {}
        return 201, {"id": self._world.put(conversation, "", checked, root).id}

    def reply(self, wire: str, activity_id: str, activity: Any) -> Answer:
        """Where it goes says the conversation. An invoke (f:…) may be answered so too, and is no message."""
        conversation, _ = self._inside(wire)
        if not activity_id.startswith("f:"):
            self._world.message(conversation, activity_id)
        return self.post(wire, activity)

    def update(self, wire: str, activity_id: str, activity: Any) -> Answer:
        conversation, _ = self._inside(wire)
        message = self._world.message(conversation, activity_id)
        if message.sender:
            raise Refused("ForbiddenOperationException", "The bot can change its own messages only.")
        checked = check_activity(conversation, activity)
        if checked["type"] != "message":
            raise Refused("BadSyntax", "Only messages can be updated.")
        message.activity, message.edited = checked, True
        message.views.clear()
        return 200, {"id": message.id}

    def delete(self, wire: str, activity_id: str) -> Answer:
        conversation, _ = self._inside(wire)
        message = self._world.message(conversation, activity_id)
        if message.sender:
            raise Refused("ForbiddenOperationException", "The bot can delete its own messages only.")
        message.deleted = True
        return 200, None

    def members(self, wire: str) -> Answer:
        conversation, _ = self._inside(wire)
        return 200, [self._account(self._world.people[one]) for one in conversation.members]

    def member(self, wire: str, key: str) -> Answer:
        conversation, _ = self._inside(wire)
        found = self._world.member(key)
        if found is None or found.aad not in conversation.members:
            raise Refused("MemberNotFoundInConversation")
        return 200, self._account(found)

    def paged(self, wire: str, query: Mapping[str, str]) -> Answer:
        conversation, _ = self._inside(wire)
        asked = query.get("pageSize", "")
        size = min(max(int(asked) if asked.isdigit() else SMALLEST_PAGE, SMALLEST_PAGE), LARGEST_PAGE)
        size = self._world.settings.page_size or size
        token = query.get("continuationToken", "")
        if token and not token.removeprefix("page").isdigit():
            raise Refused("BadSyntax", "Invalid continuation token")
        start = int(token.removeprefix("page")) if token else 0
        rows = [self._world.people[one] for one in conversation.members]
        page: Json = {"members": [self._account(one) for one in rows[start : start + size]]}
        if start + size < len(rows):
            page["continuationToken"] = f"page{start + size}"
        return 200, page

    def _account(self, person: Person) -> Json:
        first, _, last = person.name.partition(" ")
        outside = person.role == "guest"
        upn = f"{person.email.replace('@', '_')}#EXT#@practice.example" if outside else person.email
        return {
            "id": person.wire,
            "objectId": person.aad,
            **({"aadObjectId": person.aad} if self._world.settings.both_ids else {}),
            "name": person.name,
            "givenName": first,
            "surname": last,
            "email": person.email,
            "userPrincipalName": upn,
            "tenantId": person.tenant,
            "userRole": person.role,
        }

    def team(self, name: str) -> Answer:
        team = self._team(name)
        return 200, {
            "id": team.id,
            "name": team.name,
            "aadGroupId": team.group,
            "tenantId": team.tenant,
            "type": "standard",
            "channelCount": len(self._channels(team)),
            "memberCount": len(team.members),
        }

    def channels(self, name: str) -> Answer:
        """The General channel has no name, for people read it in their own language."""
        team = self._team(name)
        rows = [
            {"id": one.id, "name": None if one.id == team.id else one.name, "type": "standard"}
            for one in self._channels(team)
        ]
        return 200, {"conversations": rows}

    def _team(self, name: str) -> Team:
        found = self._world.teams.get(name.partition(ROOT)[0])
        if found is None:
            raise Refused("ConversationNotFound")
        if not found.bot:
            raise Refused("BotNotInConversationRoster")
        return found

    def _channels(self, team: Team) -> list[Conversation]:
        return [one for one in self._world.conversations.values() if one.team == team.id and not one.private]

    def file(self, name: str) -> tuple[bytes, str]:
        """Its bytes and their media type."""
        found = self._world.files.get(name)
        if found is None:
            raise Refused("BadArgument", "The attachment was not found.", status=404)
        return found
