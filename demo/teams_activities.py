"""What the bot is sent, in the shapes of Teams: messages, presses, message extensions, thumbs, installations."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from demo.teams_cards import CARD_TYPE
from demo.teams_refusals import Json
from demo.teams_world import BOT_NAME, ROOT, WIRE_KINDS, Conversation, Message, Person, World

HERE = timezone(timedelta(hours=1))
CLIENT: Json = {
    "locale": "en-US",
    "country": "US",
    "platform": "Windows",
    "timezone": "Europe/Berlin",
    "type": "clientInfo",
}


def envelope(world: World, person: Person, conversation: Conversation, root: str = "") -> Json:
    """What every activity of a person carries; `root` names the thread in a channel."""
    now = datetime.fromtimestamp(world.clock(), UTC)
    wire = f"{conversation.id}{ROOT}{root}" if conversation.threaded and root else conversation.id
    place: Json = {
        "conversationType": WIRE_KINDS[conversation.kind],
        "tenantId": conversation.tenant,
        "id": wire,
    }
    if conversation.kind != "personal":
        place["isGroup"] = True
    return {
        "timestamp": world.when(),
        "localTimestamp": now.astimezone(HERE).isoformat(timespec="milliseconds"),
        "id": f"f:{world.take('activity')}",
        "channelId": "msteams",
        "serviceUrl": world.service_url,
        "from": {"id": person.wire, "name": person.name, "aadObjectId": person.aad},
        "conversation": place,
        "recipient": world.bot,
        "entities": [dict(CLIENT)],
        "channelData": channel_part(world, person, conversation),
        "locale": "en-US",
        "localTimezone": "Europe/Berlin",
    }


def channel_part(world: World, person: Person, conversation: Conversation) -> Json:
    found: Json = {"tenant": {"id": person.tenant}}
    if conversation.threaded:
        team = world.teams[conversation.team]
        found |= {
            "teamsChannelId": conversation.id,
            "teamsTeamId": team.id,
            "channel": {"id": conversation.id},
            "team": {"id": team.id},
        }
    return found


def words_of(markup: str) -> str:
    """The plain text of HTML."""
    lines = re.sub(r"(?i)<br\s*/?>|</(p|div|li|h\d|tr)>", "\n", markup)
    return html.unescape(re.sub(r"<[^>]+>", "", lines)).replace("\xa0", " ").strip()


def markup_of(text: str, mentioned: Sequence[Json] = ()) -> str:
    """The HTML Teams sends beside a plain text that holds `<at>…</at>` for each of `mentioned`."""
    parts = re.split(r"<at>.*?</at>", text)
    found = _escaped(parts[0])
    for number, (part, one) in enumerate(zip(parts[1:], mentioned, strict=False)):
        name = html.escape(str(one["mentioned"]["name"]), quote=False)
        place = f'itemtype="http://schema.skype.com/Mention" itemid="{number}"'
        found += f'<span itemscope="" {place}>{name}</span>' + _escaped(part)
    return f"<p>{found}</p>"


def _escaped(text: str) -> str:
    return html.escape(text, quote=False).replace("\n", "<br>")


def mention(account: Json) -> Json:
    """The entity of a mention; its text stands in the message."""
    return {"mentioned": account, "text": f"<at>{account['name']}</at>", "type": "mention"}


def execute(action: Json, data: Any) -> Json:
    """The value of the invoke of an Action.Execute."""
    kept = {name: action[name] for name in ("type", "id", "title", "verb") if name in action}
    return {"action": kept | {"data": data}, "trigger": "manual"}


def payload(world: World, conversation: Conversation, message: Message) -> Json:
    """A message as a message extension is given it."""
    activity = message.activity
    reply = message.root if conversation.threaded and message.root != message.id else None
    return {
        "linkToMessage": f"https://teams.microsoft.com/l/message/{conversation.id}/{message.id}",
        "id": message.id,
        "replyToId": reply,
        "createdDateTime": world.when(message.at),
        "lastModifiedDateTime": world.when() if message.edited else None,
        "deleted": False,
        "subject": None,
        "summary": activity.get("summary"),
        "importance": "normal",
        "locale": "en-us",
        "body": {"contentType": "html", "content": _body_of(message)},
        "from": _author(world, message),
        "reactions": [],
        "mentions": [_mentioned(world, number, one) for number, one in enumerate(_mentions(activity))],
        "attachments": _attached(message),
    }


def _mentions(activity: Json) -> list[Json]:
    return [one for one in activity.get("entities") or [] if one.get("type") == "mention"]


def _body_of(message: Message) -> str:
    activity = message.activity
    for one in activity.get("attachments") or []:
        if one.get("contentType") == "text/html":
            numbered = re.compile(r'<span itemscope="" itemtype="[^"]*Mention" itemid="(\d+)">(.*?)</span>')
            return numbered.sub(r'<at id="\1">\2</at>', str(one["content"]))
    cards = "".join(f'<attachment id="{one["id"]}"></attachment>' for one in _attached(message))
    return f"<div>{_escaped(str(activity.get('text') or ''))}</div>{cards}"


def _attached(message: Message) -> list[Json]:
    found = []
    for number, one in enumerate(message.activity.get("attachments") or []):
        if one.get("contentType") == CARD_TYPE:
            content = json.dumps(one["content"])
            name = f"{message.id}{number:02d}"
            found.append({"id": name, "contentType": CARD_TYPE, "contentUrl": None, "content": content})
    return found


def _author(world: World, message: Message) -> Json:
    found: Json = {"device": None, "conversation": None, "user": None, "application": None}
    if message.sender:
        name = world.people[message.sender].name
        found["user"] = {"userIdentityType": "aadUser", "id": message.sender, "displayName": name}
    else:
        found["application"] = {
            "applicationIdentityType": "bot",
            "id": world.app_id,
            "displayName": BOT_NAME,
        }
    return found


def _mentioned(world: World, number: int, entity: Json) -> Json:
    account = entity["mentioned"]
    person = world.member(str(account.get("id", "")))
    who: Json = {"device": None, "conversation": None, "user": None, "application": None}
    name = account.get("name", "")
    if person is None:
        who["application"] = {"applicationIdentityType": "bot", "id": world.app_id, "displayName": name}
    else:
        who["user"] = {"userIdentityType": "aadUser", "id": person.aad, "displayName": name}
    return {"id": number, "mentionText": name, "mentioned": who}


def installation(world: World, person: Person, conversation: Conversation, *, removed: bool) -> list[Json]:
    """What comes with the app, or goes with it: installationUpdate and conversationUpdate."""
    base = envelope(world, person, conversation)
    for name in ("localTimestamp", "localTimezone"):
        del base[name]
    base["from"] = {"id": person.wire, "aadObjectId": person.aad}
    base["channelData"]["source"] = {"name": "message"}
    if conversation.threaded:
        team = world.teams[conversation.team]
        base["channelData"]["team"] = {"id": team.id, "name": team.name, "aadGroupId": team.group}
        base["channelData"]["settings"] = {"selectedChannel": {"id": conversation.id}}
    installed = base | {"type": "installationUpdate", "action": "remove" if removed else "add"}
    event = "teamMemberRemoved" if removed else "teamMemberAdded"
    changed = base | {"type": "conversationUpdate", "id": f"f:{world.take('activity')}"}
    if conversation.kind == "personal" and removed:
        return [installed]
    changed["membersRemoved" if removed else "membersAdded"] = [{"id": world.bot["id"]}]
    if conversation.threaded:
        changed["channelData"] = base["channelData"] | {"eventType": event}
    if conversation.kind == "personal":
        changed["membersAdded"].append({"id": person.wire, "aadObjectId": person.aad})
    return [changed, installed]
