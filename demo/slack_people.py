"""What people do: they write, edit, click, fill in, use commands and shortcuts; each act reaches the app."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from demo import slack_messages as messages
from demo.slack_clicks import Clicks
from demo.slack_delivery import Delivery
from demo.slack_files import new_file
from demo.slack_refusals import Heard, Impossible, Json
from demo.slack_text import escape, mentions, typed
from demo.slack_world import APP, VERIFICATION, Channel, Person, Team, World


class People:
    """`act` is the one entrance: who, what, and its details. Answers {status, body, ms, error, …}."""

    def __init__(self, world: World, delivery: Delivery) -> None:
        self._world = world
        self._delivery = delivery
        self._clicks = Clicks(world, delivery)
        self._acts: dict[str, Callable[[Person, Json], Awaitable[Json]]] = {
            "say": self._say,
            "edit": self._edit,
            "delete": self._delete,
            "command": self._command,
            "open_home": self._open_home,
            "stop": self._stop,
            "invite": self._invite,
            "kick": self._kick,
            "retry": self._retry,
            "click": self._clicks.click,
            "submit": self._clicks.submit,
            "close": self._clicks.close,
            "suggest": self._clicks.suggest,
            "shortcut": self._clicks.shortcut,
        }

    async def act(self, user: str, verb: str, sent: Json) -> Json:
        """Raises Impossible for what nobody could do."""
        person, act = self._world.people.get(user), self._acts.get(verb)
        if person is None or act is None:
            what = f"person {user}" if person is None else f"act {verb}; there are {sorted(self._acts)}"
            raise Impossible(f"there is no {what}")
        return await act(person, sent)

    def _channel(self, person: Person, sent: Json) -> Channel:
        """`channel`: an id, or "dm" for the conversation with the bot."""
        name = str(sent.get("channel", "dm"))
        if name == "dm":
            return self._world.dm(self._world.teams[person.team], person.id)
        found = self._world.channels.get(name)
        if found is None or (person.id not in found.members and found.kind != "channel"):
            raise Impossible(f"{person.id} sees no channel {name}")
        return found

    async def _say(self, person: Person, sent: Json) -> Json:
        channel = self._channel(person, sent)
        if channel.archived:
            raise Impossible("nobody can write in an archived channel")
        message = self._new_message(person, channel, sent)
        messages.put(self._world, channel, message)
        if message.get("subtype") == "thread_broadcast":
            message["root"] = copy.deepcopy(channel.messages[message["thread_ts"]])
        team = self._world.teams[channel.team]
        found: Json = {"ts": message["ts"], "channel": channel.id, "events": 0}
        heard = Heard(0, "", 0.0, "the app hears nothing of this channel")
        for event in self._events_of(team, channel, message, sent):
            heard = await self._delivery.event(team, event, shared=channel.external)
            found["events"] += 1
        return heard.as_json() | found

    def _new_message(self, person: Person, channel: Channel, sent: Json) -> Json:
        bot = self._world.teams[channel.team].bot_user
        names = {one.id.lower(): one.id for one in self._world.people.values()}
        names |= {one.name: one.id for one in self._world.people.values() if one.team == channel.team}
        names |= {one.id: one.id for one in self._world.people.values()}
        text, blocks = typed(str(sent.get("text", "")), {**names, "FlowPilot": bot} if bot else names, "bk")
        for block in blocks:
            block["block_id"] = f"{next(self._world.numbers):03x}"
        message: Json = {
            "client_msg_id": str(uuid.uuid4()),
            "type": "message",
            "text": text,
            "user": person.id,
            "ts": self._world.now_ts(),
            "team": person.team,
            **({"blocks": blocks} if blocks else {}),
        }
        if person.team != channel.team:
            message |= {"user_team": person.team, "source_team": person.team}
        if thread := str(sent.get("thread_ts") or ""):
            root = channel.messages.get(thread)
            if root is None:
                raise Impossible(f"there is no message {thread} to answer in {channel.id}")
            message["thread_ts"] = root.get("thread_ts", thread)
            message["parent_user_id"] = channel.messages.get(message["thread_ts"], root)["user"]
        self._dress(message, person, channel, sent)
        return message

    def _dress(self, message: Json, person: Person, channel: Channel, sent: Json) -> None:
        """Files, and replies that are sent to the channel as well."""
        if sent.get("files"):
            message["files"] = [new_file(self._world, person, one) for one in sent["files"]]
            message |= {"subtype": "file_share", "upload": False, "display_as_bot": False}
        if sent.get("broadcast") and "thread_ts" in message:
            message["subtype"] = "thread_broadcast"

    def _events_of(self, team: Team, channel: Channel, message: Json, sent: Json) -> list[Json]:
        """What the app hears: `message`, and `app_mention` when it is mentioned."""
        if not team.bot_user or not messages.sees(self._world, team, channel):
            return []
        events = [messages.message_event(channel, message)]
        settings = self._world.settings
        if settings.mention and channel.kind != "im" and mentions(message["text"], team.bot_user):
            left_out = ("channel_type", "subtype", "parent_user_id")
            mention = {name: value for name, value in events[0].items() if name not in left_out}
            events.append(mention | {"type": "app_mention"})
        return events[::-1] if sent.get("mention_first", settings.mention_first) else events

    async def _edit(self, person: Person, sent: Json) -> Json:
        channel, message = self._own(person, sent)
        before = copy.deepcopy(message)
        fresh = self._new_message(person, channel, {"text": sent.get("text", "")})
        message |= {"text": fresh["text"], "blocks": fresh.get("blocks", [])}
        message["edited"] = {"user": person.id, "ts": self._world.now_ts()}
        return await self._tell(channel, messages.changed_event(self._world, channel, message, before))

    async def _delete(self, person: Person, sent: Json) -> Json:
        channel, message = self._own(person, sent)
        return await self._tell(channel, messages.remove(self._world, channel, message))

    def _own(self, person: Person, sent: Json) -> tuple[Channel, Json]:
        channel = self._channel(person, sent)
        message = channel.messages.get(str(sent.get("ts", "")))
        if message is None or message["user"] != person.id:
            raise Impossible("one can only change a message of one's own")
        return channel, message

    async def _tell(self, channel: Channel, event: Json) -> Json:
        team = self._world.teams[channel.team]
        if not messages.sees(self._world, team, channel):
            return Heard(0, "", 0.0, "the app hears nothing of this channel").as_json()
        return (await self._delivery.event(team, event, shared=channel.external)).as_json()

    async def _command(self, person: Person, sent: Json) -> Json:
        """A slash command; Slack allows none inside a thread. Its answer may be text or a message."""
        if sent.get("thread_ts"):
            raise Impossible("Slack has no slash commands of apps inside threads")
        channel = self._channel(person, sent)
        team = self._world.teams[channel.team]
        text = str(sent.get("text", ""))
        form: Json = {
            "token": VERIFICATION,
            "team_id": team.id,
            "team_domain": team.domain,
            "channel_id": channel.id,
            "channel_name": "privategroup" if channel.kind == "group" else channel.name,
            "user_id": person.id,
            "user_name": person.name,
            "command": str(sent.get("command", "/flowpilot")),
            "text": escape(text) if self._world.settings.escape_commands else text,
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": self._clicks.answer_address(person, channel),
            "trigger_id": self._world.trigger(team.id, person.id),
        }
        heard = await self._delivery.send("slash_commands", form)
        self._clicks.show_answer(person, channel, heard)
        return heard.as_json() | {"trigger_id": form["trigger_id"], "response_url": form["response_url"]}

    async def _open_home(self, person: Person, sent: Json) -> Json:
        team = self._world.teams[person.team]
        event: Json = {
            "type": "app_home_opened",
            "user": person.id,
            "channel": self._world.dm(team, person.id).id,
            "tab": str(sent.get("tab", "home")),
            "event_ts": self._world.now_ts(),
        }
        if person.id in self._world.homes and event["tab"] == "home":
            event["view"] = copy.deepcopy(self._world.homes[person.id])
        return (await self._delivery.event(team, event)).as_json()

    async def _stop(self, person: Person, sent: Json) -> Json:
        """The Stop button beside a session that is being processed."""
        channel, thread = self._channel(person, sent), str(sent.get("thread_ts", ""))
        streaming = [
            ts
            for (place, ts) in list(self._world.streams)
            if place == channel.id and channel.messages[ts].get("thread_ts", ts) == thread
        ]
        session = self._world.sessions.get((channel.id, thread), {})
        if not streaming and session.get("status") != "processing":
            raise Impossible("there is no Stop button: nothing is being processed in this thread")
        for ts in streaming:
            del self._world.streams[channel.id, ts]
        event: Json = {
            "type": "agent_session_stopped",
            "channel": channel.id,
            "thread_ts": thread,
            "user": person.id,
            "streaming_message_ts": streaming,
            "event_ts": self._world.now_ts(),
        }
        heard = await self._delivery.event(self._world.teams[channel.team], event)
        return heard.as_json() | {"streaming_message_ts": streaming}

    async def _invite(self, person: Person, sent: Json) -> Json:
        """Puts the bot (or `user`) into a channel."""
        channel = self._channel(person, sent)
        team = self._world.teams[channel.team]
        user = str(sent.get("user", team.bot_user))
        if user in channel.members:
            raise Impossible(f"{user} is already there")
        channel.members.append(user)
        event: Json = {
            "type": "member_joined_channel",
            "user": user,
            "channel": channel.id,
            "channel_type": "C" if channel.kind == "channel" else "G",
            "team": team.id,
            "inviter": person.id,
            "event_ts": self._world.now_ts(),
        }
        return await self._tell(channel, event)

    async def _kick(self, person: Person, sent: Json) -> Json:
        channel = self._channel(person, sent)
        user = str(sent.get("user", self._world.teams[channel.team].bot_user))
        if user not in channel.members:
            raise Impossible(f"{user} is not there")
        channel.members.remove(user)
        return Heard(0, "", 0.0).as_json()

    async def _retry(self, person: Person, sent: Json) -> Json:
        """Sends an event again as Slack does after a lost answer; by `event_id`, or the person's last one."""
        wanted = sent.get("event_id")
        for _, envelope in reversed(self._delivery.sent):
            mine: Any = envelope["event"].get("user") == person.id
            if envelope["event_id"] == wanted or (wanted is None and mine):
                number = int(sent.get("number", 1))
                heard = await self._delivery.send("events_api", envelope, number, "http_timeout")
                return heard.as_json() | {"event_id": envelope["event_id"]}
        raise Impossible("there is no such event to send again")
