"""Windows and home tabs: the methods views.*, the stack each person sees, and what an answer does to it."""

from __future__ import annotations

import json
from typing import Any

from demo.slack_call import Call
from demo.slack_refusals import Heard, Json, Refused, invalid
from demo.slack_rules import HOME, MODAL, checked_blocks
from demo.slack_rules_elements import count, text_object
from demo.slack_world import APP, Team, World

DEEPEST = 3
LARGEST = 250_000
TROUBLE = "We had some trouble connecting. Try again?"


class _Complaints:
    def __init__(self) -> None:
        self.characters = 0
        self.complaints: list[str] = []

    def complain(self, place: str, message: str) -> None:
        self.complaints.append(f"{message} [json-pointer:{place}]")


def checked_view(world: World, given: Any, kind: str) -> Json:
    """The view's own part as Slack keeps it; raises Refused."""
    if not isinstance(given, dict):
        raise invalid("invalid_arguments", "missing required field: view [json-pointer:/view]")
    if len(json.dumps(given)) > LARGEST:
        raise Refused("view_too_large")
    found = _Complaints()
    if given.get("type") != kind:
        found.complain("/view/type", f"must be {kind}")
    for name, most in (("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)):
        if given.get(name) is not None:
            count(found, f"/view/{name}", given[name], most, least=0)
    if kind == MODAL:
        text_object(found, "/view/title", given.get("title"), 24, plain=True)
        for name in ("submit", "close"):
            if given.get(name) is not None:
                text_object(found, f"/view/{name}", given[name], 24, plain=True)
        asks = any(isinstance(one, dict) and one.get("type") == "input" for one in given.get("blocks") or [])
        if asks and not given.get("submit"):
            found.complain("/view", "missing required field: submit")
    if found.complaints:
        raise invalid("invalid_arguments", *found.complaints)
    blocks = checked_blocks(given.get("blocks"), kind, world.numbers, "/view/blocks")
    kept: Json = {
        "type": kind,
        "blocks": blocks,
        "private_metadata": given.get("private_metadata") or "",
        "callback_id": given.get("callback_id") or "",
        "external_id": given.get("external_id") or "",
        "title": given.get("title"),
        "clear_on_close": bool(given.get("clear_on_close")),
        "notify_on_close": bool(given.get("notify_on_close")),
        "close": given.get("close"),
        "submit": given.get("submit"),
    }
    return kept


def fresh_hash(world: World) -> str:
    number = next(world.numbers)
    return f"{int(world.clock())}.{number:08x}"


def made_view(world: World, team: Team, kept: Json, before: str = "", root: str = "") -> Json:
    name = world.take("V")
    view = {
        "id": name,
        "team_id": team.id,
        **kept,
        "state": {"values": {}},
        "hash": fresh_hash(world),
        "previous_view_id": before or None,
        "root_view_id": root or name,
        "app_id": APP,
        "app_installed_team_id": team.id,
        "bot_id": team.bot_id,
    }
    world.views[name] = view
    return view


def opened(call: Call) -> Json:
    user = _spend_trigger(call)
    kept = checked_view(call.world, call.json("view"), MODAL)
    _free_external_id(call.world, call.team, kept["external_id"])
    clear(call.world, user)
    view = made_view(call.world, call.team, kept)
    call.world.stacks[user] = [view["id"]]
    return {"view": view}


def pushed(call: Call) -> Json:
    trigger = _spend_trigger(call)
    kept = checked_view(call.world, call.json("view"), MODAL)
    return {"view": push(call.world, call.team, trigger, kept)}


def push(world: World, team: Team, user: str, kept: Json) -> Json:
    stack = world.stacks.setdefault(user, [])
    if len(stack) >= DEEPEST:
        raise Refused("push_limit_reached")
    _free_external_id(world, team, kept["external_id"])
    view = made_view(world, team, kept, stack[-1] if stack else "", stack[0] if stack else "")
    stack.append(view["id"])
    return view


def updated(call: Call) -> Json:
    view = _found(call)
    if call.text("hash") and call.text("hash") != view["hash"]:
        raise Refused("hash_conflict")
    kept = checked_view(call.world, call.json("view"), MODAL)
    return {"view": replace(call.world, call.team, view, kept)}


def replace(world: World, team: Team, view: Json, kept: Json) -> Json:
    """Puts new content into an open window; what was typed stays where block and action are the same."""
    if kept["external_id"] and kept["external_id"] != view["external_id"]:
        _free_external_id(world, team, kept["external_id"])
    view |= kept
    view["hash"] = fresh_hash(world)
    blocks = {one["block_id"] for one in kept["blocks"]}
    values = view["state"]["values"]
    view["state"] = {"values": {name: value for name, value in values.items() if name in blocks}}
    world.view_errors.pop(view["id"], None)
    return view


def published(call: Call) -> Json:
    user = call.text("user_id")
    if user not in call.world.people or call.world.people[user].team != call.team.id:
        raise Refused("invalid_arguments")
    kept = checked_view(call.world, call.json("view"), HOME)
    before = call.world.homes.get(user)
    if call.text("hash") and before and call.text("hash") != before["hash"]:
        raise Refused("hash_conflict")
    if before:
        view = replace(call.world, call.team, before, kept)
    else:
        view = made_view(call.world, call.team, kept)
        call.world.homes[user] = view
    return {"view": view}


def _spend_trigger(call: Call) -> str:
    """The user of a trigger; it works once, for a few seconds."""
    given = call.text("trigger_id")
    trigger = call.world.triggers.get(given)
    if trigger is None or trigger.team != call.team.id:
        raise Refused("invalid_trigger_id" if given else "invalid_arguments")
    if call.world.clock() - trigger.issued > call.world.settings.trigger_seconds:
        raise Refused("expired_trigger_id")
    if trigger.used:
        raise Refused("exchanged_trigger_id")
    trigger.used = True
    return trigger.user


def _found(call: Call) -> Json:
    name, external = call.text("view_id"), call.text("external_id")
    if bool(name) == bool(external):
        raise Refused("invalid_arguments")
    for view in call.world.views.values():
        if view["team_id"] == call.team.id and external and view["external_id"] == external:
            return view
    view = call.world.views.get(name) or {}
    if view.get("team_id") != call.team.id:
        raise Refused("not_found")
    return view


def _free_external_id(world: World, team: Team, external: str) -> None:
    taken = (one["external_id"] for one in world.views.values() if one["team_id"] == team.id)
    if external and external in taken:
        raise Refused("duplicate_external_id")


def drop_top(world: World, user: str) -> None:
    stack = world.stacks.get(user, [])
    if stack:
        _forget(world, stack.pop())


def clear(world: World, user: str) -> None:
    for name in world.stacks.pop(user, []):
        _forget(world, name)


def _forget(world: World, name: str) -> None:
    world.views.pop(name, None)
    world.view_errors.pop(name, None)


def apply_answer(world: World, team: Team, user: str, view: Json, heard: Heard) -> str:
    """Does to the windows what the app's answer to a view_submission says. Returns what happened."""
    if heard.status != 200:
        world.view_errors[view["id"]] = {"": TROUBLE}
        return heard.error or f"http_error {heard.status}"
    world.view_errors.pop(view["id"], None)
    answer = heard.body if isinstance(heard.body, dict) else {}
    action = answer.get("response_action")
    try:
        return _apply(world, team, user, view, action, answer)
    except Refused as refused:
        world.view_errors[view["id"]] = {"": TROUBLE}
        return f"refused {refused.code} {json.dumps(refused.more)}"


def _apply(world: World, team: Team, user: str, view: Json, action: Any, answer: Json) -> str:
    match action:
        case "errors":
            errors = answer.get("errors") or {}
            known = {one["block_id"] for one in view["blocks"] if one["type"] == "input"}
            if not errors or set(errors) - known:
                raise invalid("invalid_arguments", f"errors name no input: {sorted(set(errors) - known)}")
            world.view_errors[view["id"]] = {str(name): str(text) for name, text in errors.items()}
        case "update":
            replace(world, team, view, checked_view(world, answer.get("view"), MODAL))
        case "push":
            push(world, team, user, checked_view(world, answer.get("view"), MODAL))
        case "clear":
            clear(world, user)
        case None:
            if answer:
                raise invalid("invalid_arguments", "an answer needs a response_action")
            drop_top(world, user)
        case _:
            raise invalid("invalid_arguments", f"unknown response_action {action!r}")
    return str(action or "closed")
