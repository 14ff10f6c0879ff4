"""Activities as Teams sends them, to be changed by the test that wants another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TENANT = "7a000000-0000-4000-8000-000000000001"
BOT = "28:00000000-0000-4000-8000-0000000000ff"
ANNA = "a0000000-0000-4000-8000-000000000001"
HELP = "19:help@thread.tacv2"
GROUP = "19:group@thread.v2"
CHAT = "a:1"
SERVICE = "https://smba.trafficmanager.net/emea/"


def activity(kind: str, at: str = "", root: str = "", /, **more: Any) -> dict[str, Any]:
    """`at` "": Anna's personal chat. Inside a channel `root` is the thread's."""
    where = at or CHAT
    kinds = {CHAT: "personal", GROUP: "groupChat"}
    conversation = {
        "id": f"{where};messageid={root}" if root else where,
        "conversationType": kinds.get(where, "channel"),
        "tenantId": TENANT,
        "isGroup": where != CHAT,
    }
    data: dict[str, Any] = {"tenant": {"id": TENANT}}
    if kinds.get(where) is None:
        data |= {"team": {"id": "19:team@thread.tacv2", "name": "Practice MSP"}, "channel": {"id": where}}
    return {
        "type": kind,
        "id": "1700000000001",
        "timestamp": "2026-11-23T09:00:00.000Z",
        "serviceUrl": SERVICE,
        "channelId": "msteams",
        "from": {"id": "29:anna", "name": "Anna", "aadObjectId": ANNA},
        "recipient": {"id": BOT, "name": "FlowPilot"},
        "conversation": conversation,
        "channelData": data,
        "locale": "en-GB",
        **more,
    }


def message(
    text: str = "The printer is offline", at: str = "", root: str = "", /, **more: Any
) -> dict[str, Any]:
    return activity("message", at, root, **{"text": text, "textFormat": "plain", **more})


def mention(
    text: str = "The printer is offline", at: str = HELP, root: str = "", /, **more: Any
) -> dict[str, Any]:
    called = {"type": "mention", "mentioned": {"id": BOT, "name": "FlowPilot"}, "text": "<at>FlowPilot</at>"}
    return message(f"<at>FlowPilot</at> {text}", at, root, **{"entities": [called], **more})


def carries(
    verb: str, args: Mapping[str, Any] | None = None, form: str = "", **inputs: Any
) -> dict[str, Any]:
    """What a card's button sends; `inputs` of a form by the names of its fields."""
    ours: dict[str, Any] = {"verb": verb, "args": dict(args or {})}
    if form:
        ours["form"] = form
    prefix = f"f{form}:" if form else ""
    return {"fp": ours, **{f"{prefix}{name}": value for name, value in inputs.items()}}


def press(carried: Mapping[str, Any], at: str = "", root: str = "", /, **more: Any) -> dict[str, Any]:
    action = {"type": "Action.Execute", "verb": "fp", "title": "Yes", "data": dict(carried)}
    given = {
        "name": "adaptiveCard/action",
        "id": "f:1",
        "replyToId": "1700000000900",
        "value": {"action": action, "trigger": "manual"},
    }
    return activity("invoke", at, root, **{**given, **more})


def extension(at: str = HELP, root: str = "", /, **payload: Any) -> dict[str, Any]:
    about = {
        "id": "1700000000500",
        "replyToId": None,
        "subject": None,
        "from": {"user": {"id": "a0000000-0000-4000-8000-000000000002", "displayName": "Ben"}},
        "body": {"contentType": "html", "content": "<div>Disk full on <b>SRV1</b></div>"},
        "attachments": [],
        **payload,
    }
    value = {"commandId": "troubleshoot", "commandContext": "message", "messagePayload": about}
    return activity("invoke", at, root, name="composeExtension/fetchTask", id="f:2", value=value)


def thumbs(reaction: str = "dislike", words: str = '{"feedbackText":"Wrong printer"}') -> dict[str, Any]:
    value = {"actionName": "feedback", "actionValue": {"reaction": reaction, "feedback": words}}
    return activity("invoke", name="message/submitAction", id="f:3", replyToId="1700000000900", value=value)
