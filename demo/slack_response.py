"""Posts to a response_url: five uses in thirty minutes, for one person's eyes unless said otherwise."""

from __future__ import annotations

from typing import Any

from demo import slack_messages as messages
from demo.slack_delivery import Delivery
from demo.slack_refusals import Json, Refused
from demo.slack_rules import MESSAGE, checked_blocks
from demo.slack_world import Answering, Channel, World


def respond(world: World, delivery: Delivery, name: str, given: Any) -> tuple[int, Json]:
    """(status, body) of one post."""
    found = world.answering.get(name)
    if found is None or world.clock() - found.issued > world.settings.response_seconds:
        return 404, {"ok": False, "error": "expired_url"}
    if found.uses >= world.settings.response_uses:
        return 404, {"ok": False, "error": "used_url"}
    if not isinstance(given, dict):
        return 400, {"ok": False, "error": "invalid_payload"}
    try:
        fields = _content(world, given)
        found.uses += 1
        _apply(world, delivery, found, given, fields)
    except Refused as refused:
        return 400, refused.body()
    return 200, {"ok": True}


def _content(world: World, given: Json) -> Json:
    fields: Json = {}
    if given.get("blocks"):
        fields["blocks"] = checked_blocks(given["blocks"], MESSAGE, world.numbers)
    if given.get("text") or fields:
        fields["text"] = str(given.get("text") or "")
    if len(fields.get("text", "")) > 40_000:
        raise Refused("msg_too_long")
    if not fields and not given.get("delete_original"):
        raise Refused("no_text")
    return fields


def _apply(world: World, delivery: Delivery, place: Answering, given: Json, fields: Json) -> None:
    channel = world.channels[place.channel]
    if given.get("delete_original") or given.get("replace_original"):
        if place.original and _change_original(world, delivery, place, channel, given, fields):
            return
        if given.get("delete_original"):
            raise Refused("message_not_found")
    message = messages.bot_message(world, world.teams[place.team]) | fields
    if thread := str(given.get("thread_ts") or ""):
        message["thread_ts"] = thread
    if given.get("response_type") == "in_channel":
        messages.put(world, channel, message)
        messages.announce(world, delivery, world.teams[place.team], channel, message)
        return
    if thread := message.get("thread_ts") or place.thread:
        message["thread_ts"] = thread
    message |= {"channel": channel.id, "is_ephemeral": True}
    world.ephemerals.setdefault(place.user, []).append(message)


def _change_original(
    world: World, delivery: Delivery, place: Answering, channel: Channel, given: Json, fields: Json
) -> bool:
    """Replaces or removes the message that was clicked; False when it is gone."""
    if place.ephemeral:
        rows = world.ephemerals.get(place.user, [])
        row = next((one for one in rows if one["ts"] == place.original), None)
        if row is None:
            return False
        if given.get("delete_original"):
            rows.remove(row)
        else:
            row.pop("blocks", None)
            row |= fields
        return True
    message = channel.messages.get(place.original)
    if message is None:
        return False
    team = world.teams[place.team]
    if given.get("delete_original"):
        event = messages.remove(world, channel, message)
        if world.settings.own_events and messages.sees(world, team, channel):
            delivery.event_later(team, event)
    else:
        messages.change(world, delivery, team, channel, message, {"blocks": None, **fields})
    return True
