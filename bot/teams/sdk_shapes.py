"""Teams' JSON as the port's values, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.teams import addresses
from bot.teams.port import Member, Reference

CHANNEL = "msteams"
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,80}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What an activity is answered: `body` is JSON, None for no body."""

    status: int
    body: Any = None


def tenant_of(body: Mapping[str, Any]) -> str:
    """Whose activity it is, "" where it does not say."""
    told = inside(inside(body, "channelData"), "tenant").get("id") or inside(body, "conversation").get(
        "tenantId"
    )
    return told if isinstance(told, str) else ""


def inside(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def text(given: object) -> str:
    return given if isinstance(given, str) else ""


def refusal(status: int, body: object) -> str:
    """The code Teams refuses with, or the bare status."""
    found = body if isinstance(body, dict) else {}
    error = inside(found, "error") or found
    code = text(error.get("code")) or text(inside(error, "innerHttpError").get("code"))
    return code if _CODE.fullmatch(code) else str(status)


def outgoing(at: Reference, activity: Mapping[str, Any], conversation: str) -> dict[str, Any]:
    """The activity as it is sent: with its sender and place, and otherwise as it was given."""
    sender = {"from": dict(at.bot)} if at.bot else {}
    place = {"channelId": CHANNEL, "serviceUrl": at.address, "conversation": {"id": conversation}}
    return {"type": "message", **place, **sender, **activity}


def thread_wish(at: Reference, activity: Mapping[str, Any]) -> dict[str, Any]:
    """What a channel is asked for to begin a thread."""
    wish: dict[str, Any] = {
        "isGroup": True,
        "tenantId": at.tenant,
        "channelData": {"channel": {"id": at.conversation}, "tenant": {"id": at.tenant}},
        "activity": {"type": "message", **activity},
    }
    return {**wish, "bot": dict(at.bot)} if at.bot else wish


def chat_wish(like: Reference, member: str) -> dict[str, Any]:
    """What Teams is asked for to open the personal chat with somebody."""
    wish: dict[str, Any] = {
        "isGroup": False,
        "tenantId": like.tenant,
        "channelData": {"tenant": {"id": like.tenant}},
        "members": [{"id": member}],
    }
    return {**wish, "bot": dict(like.bot)} if like.bot else wish


def opened_chat(like: Reference, person: str, conversation: str) -> Reference:
    raw: dict[str, Any] = {
        "channelId": CHANNEL,
        "serviceUrl": like.address,
        "bot": dict(like.bot),
        "conversation": {"id": conversation, "tenantId": like.tenant, "conversationType": "personal"},
        "user": {"aadObjectId": person},
    }
    return Reference(like.tenant, conversation, "personal", raw, person=person)


def root_of(created: Mapping[str, Any]) -> str:
    """The root of a thread that was begun, "" where the answer names none."""
    return addresses.split(text(created.get("id")))[1] or text(created.get("activityId"))


def member(found: Mapping[str, Any], tenant: str) -> Member:
    id_ = text(found.get("id"))
    home = text(found.get("tenantId"))
    role = text(found.get("userRole")) or text(found.get("role"))
    return Member(
        id=id_,
        person=text(found.get("aadObjectId")) or text(found.get("objectId")),
        name=text(found.get("name")),
        email=text(found.get("email")) or text(found.get("userPrincipalName")),
        full=role.lower() not in {"guest", "anonymous", "bot"}
        and not id_.startswith("28:")
        and (not home or not tenant or home.lower() == tenant.lower()),
    )
