"""Buttons that are pressed: what goes to the bot, and what its answer changes for the one who pressed."""

from __future__ import annotations

from typing import Any

from demo import teams_activities as shapes
from demo.teams_cards import CARD_TYPE, Button, check_card, find
from demo.teams_inputs import values
from demo.teams_refusals import Impossible, Json, Refused
from demo.teams_rules import cards_of
from demo.teams_world import Conversation, Message, Person, World

SPOKEN = "application/vnd.microsoft.activity.message"


class Presses:
    def __init__(self, world: World) -> None:
        self._world = world

    def cards(self, message: Message, aad: str) -> list[Json]:
        """What this person sees of the message's cards."""
        own = message.views.get(aad)
        return [own] if own is not None else cards_of(message.activity)

    def pressed(
        self, person: Person, conversation: Conversation, message: Message, sent: Json
    ) -> tuple[Json | None, Json]:
        """The activity for the bot, or what opens where nothing goes to it. Raises Impossible."""
        button = self._button(person, message, sent)
        filled = sent.get("values") or {}
        match button.kind:
            case "Action.Execute":
                data = self._with_inputs(button, filled)
                made = shapes.envelope(self._world, person, conversation, message.root)
                made["channelData"] |= {"source": {"name": "message"}, "legacy": {"replyToId": message.id}}
                value = shapes.execute(button.action, data)
                return made | {
                    "type": "invoke",
                    "name": "adaptiveCard/action",
                    "replyToId": message.id,
                    "value": value,
                }, {}
            case "Action.Submit":
                return self._submitted(person, conversation, message, self._with_inputs(button, filled)), {}
            case _ if filled:
                raise Impossible(f"{button.title} sends nothing")
            case "Action.ShowCard":
                inner = button.action["card"]
                titles = [str(one.get("title", "")) for one in inner.get("actions") or []]
                return None, {"shown": "card", "titles": titles, "card": inner}
            case _:
                return None, {"shown": "url", "url": button.action.get("url", "")}

    def _button(self, person: Person, message: Message, sent: Json) -> Button:
        title = sent.get("title") or sent.get("path") or ""
        path = [str(one) for one in title] if isinstance(title, list) else [str(title)]
        cards = self.cards(message, person.aad)
        found = find(cards, path, list(sent.get("values") or {}))
        if len(found) != 1:
            what = "no" if not found else "more than one"
            raise Impossible(f"there is {what} button {' > '.join(path)!r} at this message")
        return found[0]

    def _with_inputs(self, button: Button, filled: Json) -> Any:
        data = button.action.get("data")
        found = values(button.inputs, filled)
        if data is None or isinstance(data, dict):
            return {**(data or {}), **found}
        return data

    def _submitted(self, person: Person, conversation: Conversation, message: Message, data: Any) -> Json:
        made = shapes.envelope(self._world, person, conversation, message.root)
        made["replyToId"] = message.id
        made["channelData"] |= {"source": {"name": "message"}, "legacy": {"replyToId": message.id}}
        hint = data.get("msteams") if isinstance(data, dict) else None
        if isinstance(hint, dict) and hint.get("type") == "task/fetch":
            value = {"data": data, "context": {"theme": "default"}}
            return made | {"type": "invoke", "name": "task/fetch", "value": value}
        if isinstance(hint, dict) and hint.get("type") in {"messageBack", "imBack"}:
            made["text"] = str(hint.get("text") or hint.get("value") or "")
        return made | {"type": "message", "value": data}

    def show(self, person: Person, message: Message, activity: Json, heard: Json) -> Json:
        """What he sees of the answer: {"shown": card | message | error | nothing}; a card becomes his view."""
        if activity["type"] != "invoke":
            return {"shown": "nothing"}
        body = heard.get("body")
        if heard["status"] != 200 or not isinstance(body, dict):
            return {"shown": "error", "text": "Something went wrong. Please try again."}
        match body.get("type"), body.get("statusCode"):
            case ("application/vnd.microsoft.card.adaptive", 200):
                return self._own_view(person, message, body.get("value"))
            case (kind, 200) if kind == SPOKEN:
                return {"shown": "message", "text": str(body.get("value", ""))}
            case (None, _) if "task" in body:
                return {"shown": "task"}
            case _:
                return {"shown": "error", "text": "Something went wrong. Please try again."}

    def _own_view(self, person: Person, message: Message, content: Any) -> Json:
        try:
            check_card(content)
        except Refused as reason:
            return {"shown": "error", "text": reason.message}
        message.views[person.aad] = content
        return {"shown": "card", "card": content}


def seen(message: Message, aad: str) -> list[Json]:
    """The attachments as this person sees them."""
    own = message.views.get(aad)
    if own is None:
        return list(message.activity.get("attachments") or [])
    others = [one for one in message.activity.get("attachments") or [] if one["contentType"] != CARD_TYPE]
    return [*others, {"contentType": CARD_TYPE, "content": own}]
