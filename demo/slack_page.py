"""Pages that show the practice Slack to a person: a channel, a thread beside it, a window, a home tab."""

from __future__ import annotations

from html import escape

from demo.slack_messages import clock_text, replies_of, roots_of, status_of
from demo.slack_page_blocks import draw, message_body
from demo.slack_page_style import STYLE
from demo.slack_page_text import emoji, text_of
from demo.slack_refusals import Json
from demo.slack_world import Channel, World

COLOURS = ("#7a4fbf", "#2b7a78", "#b5562b", "#2f6db5", "#8a6d1b", "#a33b6d")


def page(world: World, parts: list[str]) -> str | None:
    """`channel/<id>`, `thread/<id>/<ts>`, `view/<user>`, `home/<user>`; None for anything else.

    A channel id may be followed by a user id: then that person's private messages are shown too.
    """
    match parts:
        case ["channel", name, *who] if name in world.channels:
            return _channel(world, world.channels[name], "", who[0] if who else "")
        case ["thread", name, ts, *who] if name in world.channels and ts in world.channels[name].messages:
            return _channel(world, world.channels[name], ts, who[0] if who else "")
        case ["view", user] if user in world.people:
            return _view(world, user)
        case ["home", user] if user in world.people:
            return _home(world, user)
    return None


def _page(world: World, title: str, body: str, team: str, here: str = "") -> str:
    rows = "".join(
        f"<li class='{'here' if one.id == here else ''}'>"
        f"<a href='/_practice/page/channel/{escape(one.id)}'>{_channel_name(world, one)}</a></li>"
        for one in world.channels.values()
        if one.team == team
    )
    side = f"<nav><h2>{escape(world.teams[team].name)}</h2><ul>{rows}</ul></nav>"
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>"
        f"<meta name='viewport' content='width=device-width'><title>{escape(title)}</title>"
        f"<style>{STYLE}</style></head><body>{side}{body}</body></html>"
    )


def _channel_name(world: World, channel: Channel) -> str:
    if channel.kind == "im":
        person = world.people[channel.members[0]]
        return f"• {escape(person.real_name)} &amp; FlowPilot"
    return f"{'#' if channel.kind == 'channel' else '◆'} {escape(channel.name)}"


def _channel(world: World, channel: Channel, thread: str, user: str) -> str:
    own = [one for one in world.ephemerals.get(user, []) if one["channel"] == channel.id]
    roots = [*roots_of(channel), *(one for one in own if not one.get("thread_ts"))]
    rows = "".join(_message(world, one, channel) for one in sorted(roots, key=lambda one: float(one["ts"])))
    name = _channel_name(world, channel)
    body = f"<main><header>{name}</header><div class='messages'>{rows or '<p class=soft>Nothing here yet.</p>'}</div></main>"
    if thread:
        replies = replies_of(channel, thread) + [one for one in own if one.get("thread_ts") == thread]
        replies.sort(key=lambda one: float(one["ts"]))
        shown = "".join(_message(world, one) for one in replies)
        count = f"<div class='count'>{len(replies)} {'reply' if len(replies) == 1 else 'replies'}</div>"
        status = status_of(world, channel.id, thread)
        doing = f"<div class='status'>FlowPilot {escape(status.text)}</div>" if status else ""
        head = _message(world, channel.messages[thread])
        body += (
            f"<aside><header>Thread <span class='soft'>{name}</span></header>"
            f"<div class='messages'>{head}{count}{shown}{doing}</div></aside>"
        )
    return _page(world, channel.name, body, channel.team, channel.id)


def _message(world: World, message: Json, channel: Channel | None = None) -> str:
    person = world.people.get(str(message.get("user")))
    name = person.real_name if person else str(message.get("user", ""))
    colour = COLOURS[sum(map(ord, name)) % len(COLOURS)]
    app = "<span class='app'>APP</span>" if message.get("bot_id") else ""
    edited = "<span class='soft'> (edited)</span>" if message.get("edited") else ""
    only = "<div class='small'>◉ Only visible to you</div>" if message.get("is_ephemeral") else ""
    face = "➤" if message.get("bot_id") else escape(name[:1])
    reactions = "".join(
        f"<span class='reaction'>{escape(emoji(':' + one['name'] + ':'))} {int(one['count'])}</span>"
        for one in message.get("reactions") or []
    )
    thread = ""
    if channel and message.get("reply_count"):
        words = f"{int(message['reply_count'])} {'reply' if message['reply_count'] == 1 else 'replies'}"
        address = f"/_practice/page/thread/{escape(channel.id)}/{escape(message['ts'])}"
        thread = f"<a class='thread' href='{address}'>{words}</a>"
    return (
        f"<article><div class='face' style='background:{colour}'>{face}</div><div class='grow'>{only}"
        f"<b>{escape(name)}</b> {app} <span class='soft'>{clock_text(message['ts'])}</span>{edited}"
        f"{message_body(world, message)}{reactions}{thread}</div></article>"
    )


def _view(world: World, user: str) -> str:
    """The window in front, on a dimmed ground."""
    stack = world.stacks.get(user, [])
    team = world.people[user].team
    if not stack:
        return _page(world, "No window", "<main><p class='soft pad'>No window is open.</p></main>", team)
    view = world.views[stack[-1]]
    errors = world.view_errors.get(view["id"], {})
    trouble = f"<div class='error pad'>⚠ {escape(errors[''])}</div>" if errors.get("") else ""
    close = (
        text_of(world, view["close"]) if view.get("close") else "Cancel" if view.get("submit") else "Close"
    )
    submit = (
        f"<span class='button primary'>{text_of(world, view['submit'])}</span>" if view.get("submit") else ""
    )
    back = "<span class='soft'>‹</span> " if len(stack) > 1 else ""
    body = draw(world, view["blocks"], view["state"]["values"], errors)
    return _page(
        world,
        str(view["title"]["text"]),
        "<main class='dim'><section class='modal'>"
        f"<header>{back}{text_of(world, view['title'])}<span class='cross'>×</span></header>"
        f"<div class='content'>{trouble}{body}</div>"
        f"<footer><span class='button'>{close}</span>{submit}</footer></section></main>",
        team,
    )


def _home(world: World, user: str) -> str:
    view = world.homes.get(user)
    team = world.people[user].team
    shown = (
        draw(world, view["blocks"], view["state"]["values"])
        if view
        else "<p class='soft'>Nothing published yet.</p>"
    )
    tabs = "<div class='tabs'><b>Home</b><span>Messages</span><span>About</span></div>"
    return _page(
        world,
        "FlowPilot",
        f"<main><header>➤ FlowPilot</header>{tabs}<div class='home'>{shown}</div></main>",
        team,
    )
