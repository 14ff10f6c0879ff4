"""What people do: they write, press, fill in, use the message extension, give thumbs; each act reaches the app."""

from __future__ import annotations

import base64
import copy
import html
import json
from collections.abc import Awaitable, Callable
from typing import Any

from demo import teams_activities as shapes
from demo.teams_delivery import Delivery
from demo.teams_presses import Presses
from demo.teams_refusals import Heard, Impossible, Json, Refused
from demo.teams_world import BOT_NAME, ROOT, Conversation, Message, Person, World

PICTURES = {
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
}


class People:
    """`act` is the one entrance: who, what, and its details. Answers {status, body, ms, error, …}."""

    def __init__(self, world: World, delivery: Delivery) -> None:
        self._world = world
        self._delivery = delivery
        self._presses = Presses(world)
        self._acts: dict[str, Callable[[Person, Json], Awaitable[Json]]] = {
            "say": self._say,
            "edit": self._edit,
            "delete": self._delete,
            "press": self._press,
            "extension": self._extension,
            "thumbs": self._thumbs,
            "raw": self._raw,
        }

    async def act(self, aad: str, verb: str, sent: Json) -> Json:
        """Raises Impossible for what nobody could do."""
        person, act = self._world.person(aad), self._acts.get(verb)
        if act is None:
            raise Impossible(f"there is no act {verb}; there are {sorted(self._acts)}")
        try:
            return await act(person, sent)
        except Refused as reason:
            raise Impossible(reason.message) from None

    def _place(self, person: Person, sent: Json) -> tuple[Conversation, str]:
        """`conversation`: an id, with or without its thread, or "personal" for the chat with the bot."""
        wire = str(sent.get("conversation") or "personal")
        if wire == "personal":
            return self._world.personal(person), ""
        thread = str(sent.get("thread") or "")
        conversation, root = self._world.place(
            f"{wire}{ROOT}{thread}" if thread and ROOT not in wire else wire
        )
        if person.aad not in conversation.members:
            raise Impossible(f"{person.name} is not in {conversation.id}")
        return conversation, root

    async def _say(self, person: Person, sent: Json) -> Json:
        conversation, root = self._place(person, sent)
        activity = shapes.envelope(self._world, person, conversation, root)
        activity |= {"type": "message", "textFormat": "plain"}
        self._write(activity, conversation, sent)
        message = self._world.put(conversation, person.aad, activity, root)
        activity["id"] = message.id
        if conversation.threaded:
            activity["conversation"]["id"] = f"{conversation.id}{ROOT}{message.root}"
        found = {"id": message.id, "conversation": activity["conversation"]["id"]}
        if not self._hears(conversation, activity):
            why = "the bot hears nothing of this"
            return Heard(0, "", 0.0, why).as_json() | found
        return await self._sent(activity, sent) | found

    def _hears(self, conversation: Conversation, activity: Json) -> bool:
        if not conversation.bot:
            return False
        team = self._world.teams.get(conversation.team)
        if conversation.kind == "personal" or (team and team.hears_all and not conversation.private):
            return True
        wire = self._world.bot["id"]
        return any(one.get("mentioned", {}).get("id") == wire for one in activity["entities"])

    def _write(self, activity: Json, conversation: Conversation, sent: Json) -> None:
        """Text, its HTML, mentions and pictures."""
        markup = sent.get("html")
        plain = sent.get("text")
        text = str(shapes.words_of(str(markup)) if plain is None and markup else plain or "")
        if sent.get("mention", conversation.kind != "personal") and f"@{BOT_NAME}" not in text:
            text = f"@{BOT_NAME} {text}"
        accounts = {one.name: {"id": one.wire, "name": one.name} for one in self._world.people.values()}
        accounts[BOT_NAME] = dict(self._world.bot)
        mentioned = _mentions(text, accounts)
        for one in mentioned:
            text = text.replace(f"@{one['mentioned']['name']}", one["text"], 1)
        shown = shapes.markup_of(text, mentioned) if markup is None else str(markup)
        if sent.get("nbsp"):
            text = text.replace("</at> ", "</at>&nbsp;")
        if self._world.settings.escape_text:
            text = (
                html.escape(text, quote=False).replace("&lt;at&gt;", "<at>").replace("&lt;/at&gt;", "</at>")
            )
        pictures = self._pictures(sent)
        shown += "".join(
            f'<p><img alt="image" src="{one["contentUrl"]}" itemscope="png" '
            'itemtype="http://schema.skype.com/AMSImage" width="400" height="300"></p>'
            for one in pictures
        )
        activity["text"] = text
        activity["attachments"] = [*pictures, {"contentType": "text/html", "content": shown}]
        activity["entities"] = [*mentioned, *activity["entities"]]

    def _pictures(self, sent: Json) -> list[Json]:
        """`image_b64`: one or several, kept here; `image_url`: where somebody says that a picture is."""
        given = sent.get("image_b64") or []
        found = [str(sent["image_url"])] if sent.get("image_url") else []
        for one in given if isinstance(given, list) else [given]:
            raw = base64.b64decode(str(one), validate=True)
            kind = next((kind for begin, kind in PICTURES.items() if raw.startswith(begin)), "image/png")
            name = self._world.take("file")
            self._world.files[name] = (raw, kind)
            found.append(f"{self._world.service_url}v3/attachments/{name}/views/original")
        return [{"contentType": "image/*", "contentUrl": url} for url in found]

    async def _sent(self, activity: Json, sent: Json) -> Json:
        """`resend`: a second time under a new id; "same": under its own, as Teams does with a message it got no answer
        for. The second answer stands under `again`.
        """
        first = (await self._delivery.send(activity)).as_json()
        if not sent.get("resend"):
            return first
        again = copy.deepcopy(activity)
        if sent["resend"] != "same":
            invoke = activity["type"] == "invoke" or "value" in activity
            again["id"] = f"f:{self._world.take('activity')}" if invoke else self._world.message_id()
        return first | {"again": (await self._delivery.send(again)).as_json()}

    def _own(self, person: Person, sent: Json) -> tuple[Conversation, Message]:
        conversation, _ = self._place(person, sent)
        message = self._world.message(conversation, str(sent.get("activity", "")))
        if message.sender != person.aad:
            raise Impossible("one can only change a message of one's own")
        return conversation, message

    async def _edit(self, person: Person, sent: Json) -> Json:
        conversation, message = self._own(person, sent)
        fresh = shapes.envelope(self._world, person, conversation, message.root)
        fresh |= {"type": "messageUpdate", "textFormat": "plain", "id": message.id}
        self._write(fresh, conversation, sent)
        fresh["channelData"]["eventType"] = "editMessage"
        message.activity, message.edited = fresh | {"type": "message"}, True
        return await self._told(conversation, fresh, sent)

    async def _delete(self, person: Person, sent: Json) -> Json:
        conversation, message = self._own(person, sent)
        message.deleted = True
        gone = shapes.envelope(self._world, person, conversation, message.root)
        gone |= {"type": "messageDelete", "id": message.id, "entities": message.activity["entities"]}
        gone["channelData"]["eventType"] = "softDeleteMessage"
        return await self._told(conversation, gone, sent)

    async def _told(self, conversation: Conversation, activity: Json, sent: Json) -> Json:
        if not self._hears(conversation, activity):
            return Heard(0, "", 0.0, "the bot hears nothing of this").as_json()
        return await self._sent(activity, sent)

    async def _press(self, person: Person, sent: Json) -> Json:
        conversation, _ = self._place(person, sent)
        message = self._world.message(conversation, str(sent.get("activity", "")))
        activity, shown = self._presses.pressed(person, conversation, message, sent)
        if activity is None:
            return Heard(0, "", 0.0).as_json() | shown
        heard = await self._sent(activity, sent)
        return heard | self._presses.show(person, message, activity, heard.get("again", heard))

    async def _extension(self, person: Person, sent: Json) -> Json:
        """The message extension on a message; with `values` what its dialog sent back."""
        conversation, _ = self._place(person, sent)
        message = self._world.message(conversation, str(sent.get("activity", "")))
        activity = shapes.envelope(self._world, person, conversation, message.root)
        value: Json = {
            "commandId": str(sent.get("command", "")),
            "commandContext": "message",
            "requestId": self._world.take("request").replace("-", ""),
            "messagePayload": shapes.payload(self._world, conversation, message),
            "context": {"theme": "default"},
        }
        name = "composeExtension/fetchTask"
        if "values" in sent:
            name, value["data"] = "composeExtension/submitAction", sent["values"]
        activity |= {"type": "invoke", "name": name, "value": value}
        activity["channelData"]["source"] = {"name": "message"}
        return await self._sent(activity, sent)

    async def _thumbs(self, person: Person, sent: Json) -> Json:
        conversation, _ = self._place(person, sent)
        message = self._world.message(conversation, str(sent.get("activity", "")))
        offered = message.activity.get("channelData") or {}
        if message.sender or not (offered.get("feedbackLoop") or offered.get("feedbackLoopEnabled")):
            raise Impossible("there are no thumbs at this message")
        reaction = str(sent.get("reaction", "like"))
        if reaction not in {"like", "dislike"}:
            raise Impossible("a thumb is like or dislike")
        activity = shapes.envelope(self._world, person, conversation, message.root)
        words = json.dumps({"feedbackText": str(sent.get("words", ""))})
        value = {"actionName": "feedback", "actionValue": {"reaction": reaction, "feedback": words}}
        activity |= {
            "type": "invoke",
            "name": "message/submitAction",
            "replyToId": message.id,
            "value": value,
        }
        activity["channelData"]["feedbackLoop"] = {"type": "default"}
        return await self._sent(activity, sent)

    async def _raw(self, person: Person, sent: Json) -> Json:
        """Any activity in his name: `activity` is merged over the usual envelope."""
        conversation, root = self._place(person, sent)
        given: Any = sent.get("activity")
        if not isinstance(given, dict):
            raise Impossible("activity is an object")
        return await self._sent(shapes.envelope(self._world, person, conversation, root) | given, sent)


def _mentions(text: str, accounts: dict[str, Json]) -> list[Json]:
    """One entity for each name after an @, in the order of the text."""
    found = [(text.index(f"@{name}"), account) for name, account in accounts.items() if f"@{name}" in text]
    return [shapes.mention(account) for _, account in sorted(found, key=lambda one: one[0])]
