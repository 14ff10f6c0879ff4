"""What an activity must be for Teams to take it."""

from __future__ import annotations

import json
from typing import Any

from demo.teams_cards import CARD_TYPE, check_card
from demo.teams_refusals import Json, Refused
from demo.teams_world import Conversation, World

LARGEST_MESSAGE = 100 * 1024
"""Bytes of the activity in UTF-16, as Teams counts them."""
CONSENT = "application/vnd.microsoft.teams.card.file.consent"
CARDS = {
    CARD_TYPE,
    CONSENT,
    "application/vnd.microsoft.teams.card.file.info",
    "application/vnd.microsoft.teams.card.o365connector",
    "application/vnd.microsoft.card.hero",
    "application/vnd.microsoft.card.thumbnail",
    "application/vnd.microsoft.card.receipt",
    "application/vnd.microsoft.card.signin",
    "application/vnd.microsoft.card.oauth",
}
IMAGES = {"image/*", "image/png", "image/jpeg", "image/gif"}


def check_activity(conversation: Conversation, activity: Any) -> Json:
    """The activity itself; raises Refused (BadSyntax, MessageSizeTooBig)."""
    if not isinstance(activity, dict):
        raise Refused("BadSyntax", "The activity is no object.")
    if len(json.dumps(activity, ensure_ascii=False).encode("utf-16-le")) > LARGEST_MESSAGE:
        raise Refused("MessageSizeTooBig")
    kind = activity.get("type")
    if kind not in {"message", "typing"}:
        raise Refused("BadSyntax", f"Activities of type {kind!r} cannot be sent to Teams.")
    attachments = activity.get("attachments") or []
    if not isinstance(attachments, list):
        raise Refused("BadSyntax", "attachments is no list.")
    for one in attachments:
        _check_attachment(conversation, one)
    if kind == "message" and not str(activity.get("text") or "").strip() and not attachments:
        raise Refused("BadSyntax", "Activity must include non empty 'text' field or at least 1 attachment")
    _check_entities(activity)
    return activity


def _check_attachment(conversation: Conversation, attachment: Any) -> None:
    kind = attachment.get("contentType") if isinstance(attachment, dict) else None
    if kind == CARD_TYPE:
        check_card(attachment.get("content"))
    elif kind in IMAGES:
        if not str(attachment.get("contentUrl") or "").startswith(("https://", "http://", "data:")):
            raise Refused("BadSyntax", "An image needs a contentUrl.")
    elif kind not in CARDS:
        raise Refused("BadSyntax", f"Unknown attachment type {kind!r}.")
    if kind == CONSENT and conversation.kind != "personal":
        raise Refused("BadSyntax", "File consent cards are for personal chats.")


def _check_entities(activity: Json) -> None:
    entities = activity.get("entities") or []
    if not isinstance(entities, list) or any(not isinstance(one, dict) for one in entities):
        raise Refused("BadSyntax", "entities is no list of objects.")
    if any(not one.get("type") for one in entities):
        raise Refused("BadSyntax", "An entity names no type.")


def cards_of(activity: Json) -> list[Json]:
    return [
        one["content"] for one in activity.get("attachments") or [] if one.get("contentType") == CARD_TYPE
    ]


def called_people(world: World, activity: Json) -> list[str]:
    """Who is notified by a mention, by aad: one whose text does not stand in the message is ignored."""
    wanted = [(one, str(activity.get("text") or "")) for one in activity.get("entities") or []]
    for card in cards_of(activity):
        shown = json.dumps({"body": card.get("body")}, ensure_ascii=False)
        wanted += [(one, shown) for one in (card.get("msteams") or {}).get("entities") or []]
    found: list[str] = []
    for entity, text in wanted:
        if str(entity.get("type", "")).lower() != "mention" or not entity.get("text"):
            continue
        person = world.member(str((entity.get("mentioned") or {}).get("id", "")))
        if person is not None and entity["text"] in text and person.aad not in found:
            found.append(person.aad)
    return found
