"""What an agent shows while it works: statuses, titles, prompts, sessions and streamed messages."""

from __future__ import annotations

from typing import Any

from demo import slack_messages as messages
from demo.slack_call import Call
from demo.slack_chat import metadata_of, thread_of
from demo.slack_refusals import Json, Refused
from demo.slack_rules import MESSAGE, checked_blocks
from demo.slack_world import Channel, Status

SESSION = ("active", "processing", "suspended", "closed")
LONGEST_STREAMED = 12_000


def _thread(call: Call) -> tuple[Channel, str]:
    channel = call.place("channel_id")
    thread = call.text("thread_ts")
    if thread not in channel.messages:
        raise Refused("invalid_thread_ts")
    return channel, thread


def set_status(call: Call) -> Json:
    """assistant.threads.setStatus: "" clears it."""
    channel, thread = _thread(call)
    if "status" not in call.args:
        raise Refused("invalid_arguments")
    words = call.json("loading_messages") or []
    if not isinstance(words, list) or len(words) > 10:
        raise Refused("invalid_arguments")
    call.world.statuses.pop((channel.id, thread), None)
    if call.text("status"):
        call.world.statuses[channel.id, thread] = Status(call.text("status"), call.world.clock(), words)
    return {}


def set_title(call: Call) -> Json:
    channel, thread = _thread(call)
    if not call.text("title"):
        raise Refused("invalid_arguments")
    call.world.sessions.setdefault((channel.id, thread), {"status": "active"})["title"] = call.text("title")
    return {}


def set_prompts(call: Call) -> Json:
    """assistant.threads.setSuggestedPrompts, with or without thread_ts."""
    channel = call.place("channel_id")
    prompts = call.json("prompts")
    fits = isinstance(prompts, list) and 1 <= len(prompts) <= 4
    if not fits or not all(
        isinstance(one, dict) and one.get("title") and one.get("message") for one in prompts
    ):
        raise Refused("invalid_arguments")
    call.world.prompts[channel.id, call.text("thread_ts")] = {"title": call.text("title"), "prompts": prompts}
    return {}


def set_session(call: Call) -> Json:
    """agents.sessions.setStatus makes the session when there is none."""
    channel, thread = _thread(call)
    status = call.text("status")
    if status not in SESSION or len(call.text("title")) > 200:
        raise Refused("invalid_arguments")
    session = call.world.sessions.setdefault((channel.id, thread), {"title": call.text("title")})
    session["status"] = status
    if not call.world.settings.stop_button:
        call.warnings.append("missing_agent_session_stopped_event_subscription")
    return {"status": status, "agent_status": status, "title": session.get("title", "")}


def rename_session(call: Call) -> Json:
    channel, thread = _thread(call)
    if (channel.id, thread) not in call.world.sessions:
        raise Refused("session_not_found")
    if not 1 <= len(call.text("title")) <= 200:
        raise Refused("invalid_arguments")
    call.world.sessions[channel.id, thread]["title"] = call.text("title")
    return {"title": call.text("title")}


def start_stream(call: Call) -> Json:
    """In channels Slack wants to know for whom the stream is."""
    channel = call.place()
    if channel.kind != "im":
        for name in ("recipient_user_id", "recipient_team_id"):
            if not call.text(name):
                raise Refused(f"missing_{name}")
    thread = thread_of(call, channel)
    if thread and thread not in channel.messages:
        raise Refused("invalid_thread_ts")
    message = messages.bot_message(call.world, call.team) | {"text": _streamed(call), "streaming": True}
    if thread:
        message["thread_ts"] = thread
    messages.put(call.world, channel, message)
    call.world.streams[channel.id, message["ts"]] = call.world.clock()
    return {"channel": channel.id, "ts": message["ts"]}


def append_stream(call: Call) -> Json:
    channel, message = _running(call)
    piece = _streamed(call)
    if not piece and not call.json("chunks"):
        raise Refused("no_text")
    if len(message["text"]) + len(piece) > LONGEST_STREAMED:
        raise Refused("msg_too_long")
    message["text"] += piece
    return {"channel": channel.id, "ts": message["ts"]}


def stop_stream(call: Call) -> Json:
    channel, message = _running(call)
    blocks = call.json("blocks")
    kept = checked_blocks(blocks, MESSAGE, call.world.numbers) if blocks else []
    metadata = metadata_of(call)
    message["text"] += _streamed(call)
    shown = [{"type": "markdown", "text": message["text"], "block_id": "stream"}] if message["text"] else []
    message |= {"blocks": [*shown, *kept]} if shown or kept else {}
    if metadata:
        message["metadata"] = metadata
    message.pop("streaming", None)
    del call.world.streams[channel.id, message["ts"]]
    messages.announce(call.world, call.delivery, call.team, channel, message)
    if status := call.text("session_status"):
        thread = str(message.get("thread_ts", message["ts"]))
        session = call.world.sessions.setdefault((channel.id, thread), {})
        session["status"] = status
    return {"channel": channel.id, "ts": message["ts"], "message": dict(message)}


def _running(call: Call) -> tuple[Channel, Json]:
    """The message of a stream; one that stood still for five minutes is over."""
    channel = call.place()
    message = channel.messages.get(call.text("ts"))
    if message is None:
        raise Refused("message_not_found")
    if message.get("bot_id") != call.team.bot_id:
        raise Refused("message_not_owned_by_app")
    place, now = (channel.id, message["ts"]), call.world.clock()
    started = call.world.streams.get(place)
    if started is not None and now - started >= call.world.settings.stream_seconds:
        del call.world.streams[place]
        message.pop("streaming", None)
        started = None
    if started is None:
        raise Refused("message_not_in_streaming_state")
    return channel, message


def _streamed(call: Call) -> str:
    """markdown_text and the texts of markdown chunks."""
    chunks: Any = call.json("chunks") or []
    if not isinstance(chunks, list) or not all(isinstance(one, dict) and "type" in one for one in chunks):
        raise Refused("invalid_chunks")
    texts = [str(one.get("text", "")) for one in chunks if one["type"] == "markdown_text"]
    found = "".join([call.text("markdown_text"), *texts])
    if len(found) > LONGEST_STREAMED:
        raise Refused("msg_too_long")
    return found
