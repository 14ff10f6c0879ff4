"""The methods chat.*: posting, editing, deleting, posts for one person's eyes, links."""

from __future__ import annotations

import re
from typing import Any

from demo import slack_messages as messages
from demo.slack_call import Call
from demo.slack_refusals import Json, Refused
from demo.slack_rules import MESSAGE, checked_blocks
from demo.slack_world import Channel

STAMP = re.compile(r"\d{1,12}\.\d{1,9}")
LONGEST_TEXT = 40_000
LONGEST_EDIT = 4_000


def content(call: Call, *, longest: int = LONGEST_TEXT) -> Json:
    """{text, blocks?, attachments?} of a post after every check; raises Refused."""
    text, blocks, attachments = call.text("text"), call.json("blocks"), call.json("attachments")
    markdown = call.text("markdown_text")
    if markdown:
        if text or blocks:
            raise Refused("markdown_text_conflict")
        if len(markdown) > 12_000:
            raise Refused("msg_too_long")
        blocks = [{"type": "markdown", "text": markdown}]
    if not text and not blocks and not attachments:
        raise Refused("no_text")
    if len(text) > longest:
        raise Refused("msg_too_long")
    found: Json = {"text": text}
    if blocks:
        found["blocks"] = checked_blocks(blocks, MESSAGE, call.world.numbers)
    if attachments:
        found["attachments"] = attachments
    return found


def metadata_of(call: Call) -> Json | None:
    found = call.json("metadata")
    if found is None:
        return None
    if (
        not isinstance(found, dict)
        or not isinstance(found.get("event_type"), str)
        or not isinstance(found.get("event_payload"), dict)
    ):
        raise Refused(
            "metadata_must_be_sent_as_an_object" if isinstance(found, str) else "invalid_metadata_format"
        )
    return found


def thread_of(call: Call, channel: Channel) -> str:
    """The head of the thread to answer in; "" for none."""
    thread = call.text("thread_ts")
    if thread and not STAMP.fullmatch(thread):
        raise Refused("invalid_thread_ts")
    found = channel.messages.get(thread)
    return str(found.get("thread_ts", thread)) if found else thread


def post_message(call: Call) -> Json:
    channel = call.place()
    made = content(call)
    message = messages.bot_message(call.world, call.team) | made
    if thread := thread_of(call, channel):
        message |= {"thread_ts": thread, "parent_user_id": channel.messages.get(thread, {}).get("user", "")}
        if call.flag("reply_broadcast"):
            message["subtype"] = "thread_broadcast"
    if metadata := metadata_of(call):
        message["metadata"] = metadata
    messages.put(call.world, channel, message)
    messages.announce(call.world, call.delivery, call.team, channel, message)
    return {"channel": channel.id, "ts": message["ts"], "message": messages.without_thread_facts(message)}


def own_message(call: Call, channel: Channel, error: str) -> Json:
    found = channel.messages.get(call.text("ts"))
    if found is None:
        raise Refused("message_not_found")
    if found.get("bot_id") != call.team.bot_id:
        raise Refused(error)
    return found


def update(call: Call) -> Json:
    channel = call.place()
    message = own_message(call, channel, "cant_update_message")
    if (channel.id, message["ts"]) in call.world.streams:
        raise Refused("streaming_state_conflict")
    fields: dict[str, Any] = {"blocks": None, **content(call, longest=LONGEST_EDIT)}
    if "blocks" not in call.args and not call.text("markdown_text") and not call.text("text"):
        del fields["blocks"]
    metadata = call.json("metadata")
    if metadata is not None:
        fields["metadata"] = metadata_of(call) if metadata else None
    messages.change(call.world, call.delivery, call.team, channel, message, fields)
    return {"channel": channel.id, "ts": message["ts"], "text": message["text"], "message": dict(message)}


def delete(call: Call) -> Json:
    channel = call.place()
    message = own_message(call, channel, "cant_delete_message")
    stamp = message["ts"]
    event = messages.remove(call.world, channel, message)
    if call.world.settings.own_events and messages.sees(call.world, call.team, channel):
        call.delivery.event_later(call.team, event)
    return {"channel": channel.id, "ts": stamp}


def post_ephemeral(call: Call) -> Json:
    channel = call.place()
    user = call.text("user")
    if user not in call.world.people:
        raise Refused("user_not_found" if user else "invalid_arguments")
    if user not in channel.members:
        raise Refused("user_not_in_channel")
    message = messages.bot_message(call.world, call.team) | content(call)
    if thread := thread_of(call, channel):
        message["thread_ts"] = thread
    show_to(call, user, channel, message)
    return {"message_ts": message["ts"]}


def show_to(call: Call, user: str, channel: Channel, message: Json) -> None:
    message |= {"channel": channel.id, "is_ephemeral": True}
    call.world.ephemerals.setdefault(user, []).append(message)


def permalink(call: Call) -> Json:
    channel = call.channel()
    stamp = call.text("message_ts")
    if stamp not in channel.messages:
        raise Refused("message_not_found")
    address = f"https://{call.team.domain}.slack.com/archives/{channel.id}/p{stamp.replace('.', '')}"
    thread = channel.messages[stamp].get("thread_ts")
    if thread and thread != stamp:
        address += f"?thread_ts={thread}&cid={channel.id}"
    return {"channel": channel.id, "permalink": address}
