"""Interactivity: clicks, windows, shortcuts and searches, with the payloads and answers Slack gives them."""

from __future__ import annotations

import copy
from typing import Any

from demo import slack_inputs as inputs
from demo import slack_views as views
from demo.slack_delivery import Delivery
from demo.slack_files import new_file
from demo.slack_messages import bot_message, put
from demo.slack_refusals import Heard, Impossible, Json, Refused
from demo.slack_rules import MESSAGE, checked_blocks, elements_of
from demo.slack_world import APP, VERIFICATION, Answering, Channel, Person, Team, World


class Clicks:
    def __init__(self, world: World, delivery: Delivery) -> None:
        self._world = world
        self._delivery = delivery

    async def click(self, person: Person, sent: Json) -> Json:
        """On a message ({channel, ts?}), a window ({view_id?}) or the home tab ({home: true})."""
        label, action_id = str(sent.get("label", "")), str(sent.get("action_id", ""))
        option = sent.get("option", sent.get("value", ""))
        if sent.get("channel"):
            payload, blocks, found = self._on_message(person, sent, label, action_id, option)
        else:
            payload, blocks, found = self._on_view(person, sent, label, action_id, option)
        if found is None:
            wanted = label or action_id
            raise Impossible(f"{person.id} sees nothing called {wanted!r}; there is {inputs.labels(blocks)}")
        block, element, option = found
        view = payload.get("view")
        suggested = self._world.suggestions.get((view["id"] if view else "", element["action_id"]), [])
        action = inputs.action_of(block, element, option, self._world.now_ts(), suggested)
        if view and element["type"] not in inputs.BUTTONS and element["type"] != "overflow":
            kept = {name: value for name, value in action.items() if name not in {"action_id", "block_id"}}
            kept = {name: value for name, value in kept.items() if name not in {"action_ts", "placeholder"}}
            live = self._world.views[view["id"]]["state"]["values"]
            live.setdefault(block["block_id"], {})[element["action_id"]] = kept
            payload["view"] = copy.deepcopy(self._world.views[view["id"]])
        heard = await self._delivery.send("interactive", payload | {"actions": [action]})
        return heard.as_json() | {
            "trigger_id": payload["trigger_id"],
            "response_url": payload.get("response_url", ""),
        }

    def _on_message(
        self, person: Person, sent: Json, label: str, action_id: str, option: Any
    ) -> tuple[Json, list[Json], Any]:
        channel = self._world.channels.get(str(sent["channel"]))
        if sent["channel"] == "dm":
            channel = self._world.dm(self._world.teams[person.team], person.id)
        if channel is None or (person.id not in channel.members and channel.kind != "channel"):
            raise Impossible(f"{person.id} sees no channel {sent['channel']}")
        own = [one for one in self._world.ephemerals.get(person.id, []) if one["channel"] == channel.id]
        shown = sorted([*channel.messages.values(), *own], key=lambda one: float(one["ts"]), reverse=True)
        stamp, blocks = str(sent.get("ts") or ""), list[Json]()
        for message in shown:
            if message.get("bot_id") and stamp in ("", message["ts"]):
                blocks += message.get("blocks") or []
                found = inputs.find(message.get("blocks") or [], label, action_id, option)
                if found is not None:
                    return self._message_payload(person, channel, message), blocks, found
        return {}, blocks, None

    def _message_payload(self, person: Person, channel: Channel, message: Json) -> Json:
        hidden = bool(message.get("is_ephemeral"))
        container: Json = {"type": "message", "message_ts": message["ts"], "channel_id": channel.id}
        container["is_ephemeral"] = hidden
        if message.get("thread_ts"):
            container["thread_ts"] = message["thread_ts"]
        payload = self._payload("block_actions", person, self._world.teams[channel.team])
        payload |= {"container": container, "channel": {"id": channel.id, "name": channel.name}}
        if not hidden:
            payload["message"] = copy.deepcopy(message)
        payload["state"] = {"values": self._message_state(message)}
        thread = str(message.get("thread_ts", ""))
        return payload | {
            "response_url": self.answer_address(person, channel, message["ts"], thread, ephemeral=hidden)
        }

    def _message_state(self, message: Json) -> Json:
        found: Json = {}
        for block in message.get("blocks") or []:
            for element in elements_of(block):
                if element["type"] not in inputs.BUTTONS | {"overflow"}:
                    state = inputs.state_of(element, inputs.initial(element))
                    found.setdefault(block["block_id"], {})[element["action_id"]] = state
        return found

    def _on_view(
        self, person: Person, sent: Json, label: str, action_id: str, option: Any
    ) -> tuple[Json, list[Json], Any]:
        view = self._world.homes.get(person.id) if sent.get("home") else self._top(person, sent)
        if view is None:
            raise Impossible(f"{person.id} has no home tab yet")
        if not sent.get("home"):
            view["state"]["values"] = inputs.current(self._world, view, sent.get("values") or {})
        payload = self._payload("block_actions", person, self._world.teams[view["team_id"]])
        payload |= {"container": {"type": "view", "view_id": view["id"]}, "view": copy.deepcopy(view)}
        return payload, view["blocks"], inputs.find(view["blocks"], label, action_id, option)

    def _top(self, person: Person, sent: Json) -> Json:
        """The window in front; `view_id` may only confirm it."""
        stack = self._world.stacks.get(person.id, [])
        if not stack:
            raise Impossible(f"{person.id} has no window open")
        if sent.get("view_id") not in (None, stack[-1]):
            raise Impossible(f"the window in front is {stack[-1]}")
        return self._world.views[stack[-1]]

    async def submit(self, person: Person, sent: Json) -> Json:
        """Fills in and sends the window in front. `outcome` says what the answer did to it."""
        view = self._top(person, sent)
        if not view.get("submit"):
            raise Impossible("this window has no button to send it")
        view["state"]["values"] = inputs.current(self._world, view, self._with_files(person, view, sent))
        if errors := inputs.missing(view, view["state"]["values"]):
            self._world.view_errors[view["id"]] = errors
            raise Impossible(f"Slack does not send it: {errors}")
        team = self._world.teams[view["team_id"]]
        payload = self._payload("view_submission", person, team)
        payload |= {"view": copy.deepcopy(view), "response_urls": []}
        heard = await self._delivery.send("interactive", payload)
        outcome = views.apply_answer(self._world, team, person.id, view, heard)
        found = {"outcome": outcome, "errors": self._world.view_errors.get(view["id"], {})}
        return heard.as_json() | found | {"trigger_id": payload["trigger_id"]}

    def _with_files(self, person: Person, view: Json, sent: Json) -> Json:
        """Values, with uploads of file inputs stored: {name, mimetype, content_b64} becomes a file."""
        values = dict(sent.get("values") or {})
        for name, value in values.items():
            if isinstance(value, list) and value and isinstance(value[0], dict) and "content_b64" in value[0]:
                values[name] = [new_file(self._world, person, one) for one in value]
        return values

    async def close(self, person: Person, sent: Json) -> Json:
        """Cancel, or with {"all": true} the cross that closes every window."""
        view = self._top(person, sent)
        everything = bool(sent.get("all")) or bool(view["clear_on_close"])
        payload = self._payload("view_closed", person, self._world.teams[view["team_id"]])
        del payload["trigger_id"]
        payload |= {"view": copy.deepcopy(view), "is_cleared": everything, "response_urls": []}
        (views.clear if everything else views.drop_top)(self._world, person.id)
        if not view["notify_on_close"]:
            return Heard(0, "", 0.0).as_json()
        return (await self._delivery.send("interactive", payload)).as_json()

    async def suggest(self, person: Person, sent: Json) -> Json:
        """Types into a searching menu of the window in front, or of a message; `options` came back."""
        view = self._top(person, sent)
        wanted = str(sent.get("action_id", ""))
        for block in view["blocks"]:
            for element in elements_of(block):
                if element["action_id"] == wanted and "external" in element["type"]:
                    return await self._search(person, view, block, element, str(sent.get("value", "")))
        raise Impossible(f"there is no searching menu {wanted!r}")

    async def _search(self, person: Person, view: Json, block: Json, element: Json, text: str) -> Json:
        payload = self._payload("block_suggestion", person, self._world.teams[view["team_id"]])
        del payload["trigger_id"]
        payload |= {"container": {"type": "view", "view_id": view["id"]}, "view": copy.deepcopy(view)}
        payload |= {"action_id": element["action_id"], "block_id": block["block_id"], "value": text}
        heard = await self._delivery.send("interactive", payload)
        answer = heard.body if isinstance(heard.body, dict) else {}
        options = [*(answer.get("options") or [])]
        options += [one for group in answer.get("option_groups") or [] for one in group["options"]]
        self._world.suggestions[view["id"], element["action_id"]] = options[:100]
        return heard.as_json() | {"options": options}

    async def shortcut(self, person: Person, sent: Json) -> Json:
        """A message shortcut ({callback_id, channel, ts}); without `ts` a global one."""
        callback = str(sent.get("callback_id", ""))
        if not sent.get("ts"):
            payload = self._payload("shortcut", person, self._world.teams[person.team])
            payload |= {"callback_id": callback, "action_ts": self._world.now_ts()}
            return await self._sent(payload)
        name = str(sent.get("channel", ""))
        channel = self._world.channels.get(name)
        if name == "dm":
            channel = self._world.dm(self._world.teams[person.team], person.id)
        message = channel.messages.get(str(sent["ts"])) if channel else None
        if (
            channel is None
            or message is None
            or (channel.kind != "channel" and person.id not in channel.members)
        ):
            raise Impossible(f"{person.id} sees no such message")
        payload = self._payload("message_action", person, self._world.teams[channel.team])
        payload |= {
            "callback_id": callback,
            "action_ts": self._world.now_ts(),
            "channel": {"id": channel.id, "name": channel.name},
            "message_ts": message["ts"],
            "message": copy.deepcopy(message),
            "response_url": self.answer_address(person, channel, "", str(message.get("thread_ts", ""))),
        }
        return await self._sent(payload)

    async def _sent(self, payload: Json) -> Json:
        heard = await self._delivery.send("interactive", payload)
        kept = {name: payload[name] for name in ("trigger_id", "response_url") if name in payload}
        return heard.as_json() | kept

    def _payload(self, kind: str, person: Person, team: Team) -> Json:
        return {
            "type": kind,
            "user": {
                "id": person.id,
                "username": person.name,
                "name": person.name,
                "team_id": person.team,
            },
            "api_app_id": APP,
            "token": VERIFICATION,
            "trigger_id": self._world.trigger(team.id, person.id),
            "team": {"id": team.id, "domain": team.domain},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def answer_address(
        self,
        person: Person,
        channel: Channel,
        original: str = "",
        thread: str = "",
        *,
        ephemeral: bool = False,
    ) -> str:
        """A fresh response_url."""
        world = self._world
        made = Answering(world.take("R"), channel.team, person.id, channel.id, world.clock())
        made.thread, made.original, made.ephemeral = thread, original, ephemeral
        return world.response_url(made)

    def show_answer(self, person: Person, channel: Channel, heard: Heard) -> None:
        """The body of the answer to a command: words, or a message."""
        body = heard.body
        if heard.status != 200 or not body:
            return
        given: Json = body if isinstance(body, dict) else {"text": str(body)}
        if not given.get("text") and not given.get("blocks"):
            return
        message = bot_message(self._world, self._world.teams[channel.team])
        message["text"] = str(given.get("text", ""))
        if given.get("blocks"):
            try:
                message["blocks"] = checked_blocks(given["blocks"], MESSAGE, self._world.numbers)
            except Refused as refused:
                self._world.note(refused_answer=refused.code, more=refused.more)
                return
        if given.get("response_type") == "in_channel":
            put(self._world, channel, message)
        else:
            message |= {"channel": channel.id, "is_ephemeral": True}
            self._world.ephemerals.setdefault(person.id, []).append(message)
