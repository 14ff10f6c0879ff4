"""Messages in channels: putting, changing, removing, counting replies, and the events that tell of it."""

from __future__ import annotations

import copy
import time

from demo.slack_delivery import Delivery
from demo.slack_refusals import Json
from demo.slack_world import APP, KINDS, STATUS_SECONDS, Channel, Status, Team, World

THREAD_FACTS = ("reply_count", "reply_users", "reply_users_count", "latest_reply", "is_locked", "subscribed")


def sees(world: World, team: Team, channel: Channel) -> bool:
    """Whether the app hears of this channel: its bot is a member and may read there."""
    if team.bot_user not in channel.members:
        return False
    grants = [one for one in world.grants.values() if one.team == team.id and one.kind == "bot"]
    return any(f"{KINDS[channel.kind]}:history" in one.scopes and not one.refused for one in grants)


def bot_message(world: World, team: Team) -> Json:
    """The fields every message of the app carries."""
    profile: Json = {"id": team.bot_id, "app_id": APP, "name": world.people[team.bot_user].real_name}
    profile |= {"team_id": team.id, "deleted": False, "updated": 1_700_000_000}
    return {
        "type": "message",
        "user": team.bot_user,
        "bot_id": team.bot_id,
        "app_id": APP,
        "team": team.id,
        "bot_profile": profile,
        "ts": world.now_ts(),
    }


def put(world: World, channel: Channel, message: Json) -> None:
    """Adds a message and counts it at the head of its thread."""
    channel.messages[message["ts"]] = message
    recount(channel, message.get("thread_ts", ""))
    if message.get("bot_id"):
        world.statuses.pop((channel.id, str(message.get("thread_ts", message["ts"]))), None)


def recount(channel: Channel, thread: str) -> None:
    root = channel.messages.get(thread)
    if root is None:
        return
    replies = replies_of(channel, thread)
    for name in THREAD_FACTS:
        root.pop(name, None)
    if not replies:
        root.pop("thread_ts", None)
        return
    users = list(dict.fromkeys(one["user"] for one in replies))
    root |= {"thread_ts": thread, "reply_count": len(replies), "reply_users": users[:5]}
    root |= {"reply_users_count": len(users), "latest_reply": replies[-1]["ts"], "is_locked": False}


def replies_of(channel: Channel, thread: str) -> list[Json]:
    return [
        one for one in channel.messages.values() if one.get("thread_ts") == thread and one["ts"] != thread
    ]


def roots_of(channel: Channel) -> list[Json]:
    """What the channel itself shows: heads of threads, and replies sent to the channel as well."""
    return [
        one
        for one in channel.messages.values()
        if one.get("thread_ts") in (None, one["ts"])
        or one.get("subtype") == "thread_broadcast"
        or one["thread_ts"] not in channel.messages
    ]


def without_thread_facts(message: Json) -> Json:
    return {name: value for name, value in message.items() if name not in THREAD_FACTS}


def message_event(channel: Channel, message: Json) -> Json:
    """The `message` event of a new message."""
    event = {name: value for name, value in message.items() if name != "metadata"}
    event |= {"channel": channel.id, "event_ts": message["ts"], "channel_type": channel.kind}
    return copy.deepcopy(event)


def announce(world: World, delivery: Delivery, team: Team, channel: Channel, message: Json) -> None:
    """Tells the app of its own new message, if it hears of this channel."""
    if world.settings.own_events and sees(world, team, channel):
        delivery.event_later(team, message_event(channel, message), shared=channel.external)


def changed_event(world: World, channel: Channel, message: Json, before: Json) -> Json:
    stamp = world.now_ts()
    return copy.deepcopy(
        {
            "type": "message",
            "subtype": "message_changed",
            "message": message,
            "previous_message": before,
            "channel": channel.id,
            "hidden": True,
            "ts": stamp,
            "event_ts": stamp,
            "channel_type": channel.kind,
        }
    )


def change(
    world: World, delivery: Delivery, team: Team, channel: Channel, message: Json, fields: Json
) -> None:
    """Edits a message of the app in place; None takes a field away."""
    before = copy.deepcopy(message)
    for name, value in fields.items():
        if value is None:
            message.pop(name, None)
        else:
            message[name] = value
    message["edited"] = {"user": message["user"], "ts": world.now_ts()}
    if world.settings.own_events and sees(world, team, channel):
        delivery.event_later(team, changed_event(world, channel, message, before))


def remove(world: World, channel: Channel, message: Json) -> Json:
    """Deletes a message; a head with replies stays as a tombstone. Returns the event."""
    before = copy.deepcopy(message)
    if message.get("reply_count"):
        thread = {
            name: message[name] for name in (*THREAD_FACTS, "thread_ts", "ts", "type") if name in message
        }
        message.clear()
        message |= thread
        message |= {
            "subtype": "tombstone",
            "text": "This message was deleted.",
            "user": "USLACKBOT",
            "hidden": True,
        }
    else:
        del channel.messages[message["ts"]]
        recount(channel, before.get("thread_ts", ""))
    stamp = world.now_ts()
    return {
        "type": "message",
        "subtype": "message_deleted",
        "deleted_ts": before["ts"],
        "previous_message": before,
        "channel": channel.id,
        "hidden": True,
        "ts": stamp,
        "event_ts": stamp,
        "channel_type": channel.kind,
    }


def status_of(world: World, channel: str, thread: str) -> Status | None:
    """What the app says it is doing in a thread; it fades after two minutes."""
    found = world.statuses.get((channel, thread))
    if found and world.clock() - found.since >= STATUS_SECONDS:
        del world.statuses[channel, thread]
        return None
    return found


def clock_text(ts: str) -> str:
    return time.strftime("%H:%M", time.gmtime(float(ts)))
