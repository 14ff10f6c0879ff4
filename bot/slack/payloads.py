"""Says of everything Slack sends what it is, under which key it is remembered once, and whether it is ours at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bot.forms_opened import opens
from bot.slack.actions import CALLBACK, Click, click, external_id, from_metadata

Kind = Literal["event", "command", "action", "shortcut", "view", "closed", "view_failed"]
Body = Mapping[str, Any]

EVENTS = frozenset(
    {"app_mention", "message", "app_home_opened", "agent_session_stopped", "member_joined_channel",
     "app_uninstalled", "tokens_revoked"}
)  # fmt: skip
SUBTYPES = frozenset({"", "file_share", "thread_broadcast", "me_message"})
"""What people say. Edits, deletions, joins and what other bots write are other subtypes."""
TROUBLESHOOT = "troubleshoot_this"
ADD = "add_to_session"
SHORTCUTS = frozenset({TROUBLESHOOT, ADD})
"""The callback ids of the message shortcuts in manifest.json."""
LONGEST_KEY = 300


@dataclass(frozen=True, slots=True)
class Kept:
    """One row of the inbox. `opens` names the window that is opened before the answer, "" for none."""

    kind: Kind
    unique: str
    order: str
    opens: str = ""


def kept(body: Body) -> Kept | None:
    """What is remembered of a body; None for what is none of ours."""
    kind = str(body.get("type") or "")
    if kind == "event_callback":
        return _event(body)
    if kind == "block_actions":
        return _action(body)
    if kind == "message_action" and body.get("callback_id") in SHORTCUTS:
        key = _trigger(body) or digest(body)
        return Kept("shortcut", f"sc:{key}", _personal(body), opens=_window(body))
    if kind in ("view_submission", "view_closed") and _object(body, "view").get("callback_id") == CALLBACK:
        return _view(body, "view" if kind == "view_submission" else "closed")
    if not kind and body.get("command"):
        return _command(body)
    return None


def payload(kind: Kind, body: Body, raw: bytes = b"") -> bytes:
    """The row's content. `raw`: the body as the JSON object that came, so that it need not be written again."""
    inside = raw or json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return b'{"kind":"%s","body":%s}' % (kind.encode(), inside)


# ── Who and where ───────────────────────────────────────────────────────────────────────────────────────────


def team(body: Body) -> str:
    """The workspace whose installation this is.

    A view opened across a shared channel belongs to the team that installed the app, not to the person's own. In an
    Enterprise organisation `team` may be missing: there the person's own workspace stands for it.
    """
    for given in (
        body.get("team_id"),
        _object(body, "view").get("app_installed_team_id"),
        _object(body, "team").get("id"),
        _object(body, "user").get("team_id"),
        _object(body, "view").get("team_id"),
        body.get("enterprise_id"),
    ):
        if given and isinstance(given, str):
            return given
    return ""


def user(body: Body) -> str:
    """Who did it, "" where nobody did."""
    for given in (_object(body, "event").get("user"), _object(body, "user").get("id"), body.get("user_id")):
        if given and isinstance(given, str):
            return given
    return ""


def from_elsewhere(body: Body) -> bool:
    """Whether somebody of another workspace did it, in a channel shared with it."""
    theirs = _object(body, "user").get("team_id")
    return isinstance(theirs, str) and theirs.startswith("T") and theirs != team(body)


def where(body: Body) -> tuple[str, str]:
    """(channel, thread) of a message, a click or a shortcut. The root of a thread stands for its replies."""
    event, container, message = (_object(body, name) for name in ("event", "container", "message"))
    channel = (
        event.get("channel")
        or _object(body, "channel").get("id")
        or container.get("channel_id")
        or body.get("channel_id")
    )
    thread = (
        event.get("thread_ts")
        or event.get("ts")
        or message.get("thread_ts")
        or container.get("thread_ts")
        or message.get("ts")
        or container.get("message_ts")
    )
    return str(channel or ""), str(thread or "")


def place_order(team: str, channel: str, thread: str, user: str) -> str:
    """One thread is handled in order. A direct message is its person's, together with all else he does alone."""
    if channel and thread and not channel.startswith("D"):
        return f"slack:{team}:{channel}:{thread}"[:LONGEST_KEY]
    return f"slack:{team}:{user}"[:LONGEST_KEY] if user else f"slack:{team}"[:LONGEST_KEY]


def view_order(body: Body) -> str:
    """The order its metadata names, if it is this workspace's; else the person's."""
    given = from_metadata(str(_object(body, "view").get("private_metadata") or "")).order
    return (
        given if given.startswith(f"slack:{team(body)}:") and len(given) <= LONGEST_KEY else _personal(body)
    )


def clicked(body: Body) -> Click | None:
    """The first action of a click that is ours."""
    actions = body.get("actions")
    found = (click(a) for a in actions if isinstance(a, dict)) if isinstance(actions, list) else ()
    return next((c for c in found if c is not None), None)


WAIT = frozenset({"connect", "keep_text"})
"""Forms whose window stays: it says what came of a check, or shows the next part of a text."""


def stays(body: Body) -> str:
    """The name by which the worker fills the window of a submitted form; "" where it closes."""
    view = _object(body, "view")
    verb = from_metadata(str(view.get("private_metadata") or "")).verb
    return external_id(f"{verb}:{view.get('id')}:{view.get('hash')}") if verb in WAIT else ""


# ── One kind each ───────────────────────────────────────────────────────────────────────────────────────────


def _event(body: Body) -> Kept | None:
    event = _object(body, "event")
    kind, order = event.get("type"), place_order(team(body), *where(body), user(body))
    if kind not in EVENTS:
        return None
    if kind in ("message", "app_mention"):
        if not _said_to_us(body, event):
            return None
        files = ":files" if event.get("files") else ""
        unique = f"msg:{team(body)}:{event.get('channel')}:{event.get('ts')}{files}"
        return Kept("event", unique[:LONGEST_KEY], order)
    if kind == "member_joined_channel" and _ourselves(body) and user(body) not in _ourselves(body):
        return None
    return Kept("event", f"ev:{body.get('event_id') or digest(body)}"[:LONGEST_KEY], order)


def _said_to_us(body: Body, event: Body) -> bool:
    """A person's words in a thread, in a direct message or to the app by name; all other talk is dropped here."""
    if str(event.get("subtype") or "") not in SUBTYPES or event.get("hidden"):
        return False
    if event.get("bot_id") or event.get("bot_profile") or not isinstance(event.get("user"), str):
        return False
    if not event.get("channel") or not event.get("ts") or event.get("user") in _ourselves(body):
        return False
    if event.get("type") == "app_mention" or event.get("thread_ts") or event.get("channel_type") == "im":
        return True
    text = str(event.get("text") or "")
    return any(f"<@{we}>" in text or f"<@{we}|" in text for we in _ourselves(body))


def _ourselves(body: Body) -> set[str]:
    """The bot users this event was sent for. Events of old carry `authed_users` instead, of which any may be people."""
    given = body.get("authorizations")
    found = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    return {str(each["user_id"]) for each in found if each.get("is_bot") and each.get("user_id")}


def _action(body: Body) -> Kept | None:
    asked = clicked(body)
    if asked is None:
        return None
    trigger = _trigger(body)
    first = next((a for a in body["actions"] if isinstance(a, dict)), {})
    unique = trigger or f"{first.get('action_ts')}:{user(body)}:{first.get('action_id')}"
    order = place_order(team(body), *where(body), user(body))
    if _object(body, "view"):
        order = view_order(body)
    window = _window(body) if opens(asked.verb, asked.args) else ""
    return Kept("action", f"act:{unique}"[:LONGEST_KEY], order, opens=window)


def _view(body: Body, kind: Literal["view", "closed"]) -> Kept:
    view = _object(body, "view")
    return Kept(kind, f"{kind}:{view.get('id')}:{view.get('hash')}"[:LONGEST_KEY], view_order(body))


def _command(body: Body) -> Kept:
    bare = not str(body.get("text") or "").strip()
    key = _trigger(body) or digest(body)
    return Kept("command", f"cmd:{key}"[:LONGEST_KEY], _personal(body), opens=_window(body) if bare else "")


def _personal(body: Body) -> str:
    return place_order(team(body), "", "", user(body))


def _trigger(body: Body) -> str:
    return str(body.get("trigger_id") or "")


def _window(body: Body) -> str:
    trigger = _trigger(body)
    return external_id(trigger) if trigger else ""


def digest(body: Body) -> str:
    """A key for what brings none of its own: the same body sent again has the same one."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode("utf-8", "replace")).hexdigest()[:32]


def _object(body: Body, name: str) -> Mapping[str, Any]:
    found = body.get(name)
    return found if isinstance(found, dict) else {}
