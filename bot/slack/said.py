"""What one Slack payload says, whatever its shape: who did what, where, and the way back to him."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.inbound import storable
from bot.slack import actions, modals, payloads

Kind = Literal[
    "message",
    "command",
    "click",
    "submit",
    "shortcut",
    "home",
    "prompts",
    "stopped",
    "joined",
    "gone",
    "failed",
]
MOST_FILES = 10
HOME = "home"
"""Where a window was opened that belongs to no channel."""
MOST_ATTACHED = 20


@dataclass(frozen=True, slots=True)
class Word:
    """`channel` "": none, as in the Home. `thread`: its root's ts, also where the root itself was clicked.
    `view`: the external id of a window that waits for its content. `files` are Slack's file objects as JSON.
    """

    kind: Kind
    team: str
    user: str
    channel: str = ""
    thread: str = ""
    ts: str = ""
    text: str = ""
    files: tuple[str, ...] = ()
    user_team: str = ""
    response_url: str = ""
    view: str = ""
    verb: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    direct: bool = False
    shared: bool = False
    ephemeral: bool = False
    in_home: bool = False
    answer_thread: str = ""
    label: str = ""
    reason: str = ""


def read(payload: bytes) -> Word | None:
    """None for what nothing follows from. Raises ValueError for what is no payload of ours."""
    whole = json.loads(payload)
    body: dict[str, Any] = whole["body"]
    reader = _KINDS.get(whole["kind"])
    if reader is None:
        raise ValueError("unknown kind of Slack payload")
    return reader(body)


def _window(body: Mapping[str, Any]) -> str:
    """The window that was opened before the answer."""
    found = payloads.kept(body)
    return found.opens if found else ""


# ── Events ──────────────────────────────────────────────────────────────────────────────────────────────────


def _event(body: dict[str, Any]) -> Word | None:
    happened = body.get("event") or {}
    team, user = payloads.team(body), str(happened.get("user") or "")
    match happened.get("type"):
        case "message" | "app_mention":
            return _message(body, happened, team, user)
        case "app_home_opened":
            tab = happened.get("tab")
            kind: Kind = "home" if tab == "home" else "prompts"
            return Word(kind, team, user, channel=str(happened.get("channel") or ""))
        case "agent_session_stopped":
            return Word("stopped", team, user, _text(happened, "channel"), _text(happened, "thread_ts"))
        case "member_joined_channel":
            return Word(
                "joined", team, user, _text(happened, "channel"), reason=_text(happened, "inviter"),
                shared=bool(body.get("is_ext_shared_channel")),
            )  # fmt: skip
        case "app_uninstalled":
            return Word("gone", team, user, ts=_moment(body))
        case "tokens_revoked":
            return (
                Word("gone", team, user, ts=_moment(body))
                if (happened.get("tokens") or {}).get("bot")
                else None
            )
    return None


def _moment(body: Mapping[str, Any]) -> str:
    """When it happened, in epoch seconds; empty where it is not said."""
    found = body.get("event_time")
    return str(found) if isinstance(found, int) else ""


def _message(body: dict[str, Any], said: dict[str, Any], team: str, user: str) -> Word | None:
    thread, ts = _text(said, "thread_ts"), _text(said, "ts")
    return Word(
        "message",
        team,
        user,
        channel=_text(said, "channel"),
        thread=thread,
        answer_thread=thread,
        ts=ts,
        text=_words(said),
        files=_files(said.get("files")),
        user_team=_text(said, "user_team") or _text(said, "source_team") or _text(said, "team"),
        direct=said.get("channel_type") == "im" or _text(said, "channel").startswith("D"),
        shared=bool(body.get("is_ext_shared_channel")),
    )


# ── Interaction ─────────────────────────────────────────────────────────────────────────────────────────────


def _command(body: dict[str, Any]) -> Word:
    text = storable(_text(body, "text")).strip()
    return Word(
        "command",
        payloads.team(body),
        _text(body, "user_id"),
        channel=_text(body, "channel_id"),
        ts=_text(body, "trigger_id"),
        text=text,
        response_url=_text(body, "response_url"),
        view=_window(body),
        direct=_text(body, "channel_id").startswith("D"),
    )


def _action(body: dict[str, Any]) -> Word | None:
    clicked: Mapping[str, Any] = next(iter(body.get("actions") or []), {})
    click = actions.click(clicked)
    if click is None:
        return None
    container, view = body.get("container") or {}, body.get("view") or {}
    message = body.get("message") or {}
    window = actions.from_metadata(str(view.get("private_metadata") or ""))
    channel = _text(container, "channel_id") or str((body.get("channel") or {}).get("id") or "")
    ts = _text(container, "message_ts")
    ephemeral = bool(container.get("is_ephemeral"))
    # A root says thread_ts of itself only once somebody has replied, and one that only he sees has no thread.
    answer_thread = _text(container, "thread_ts") or _text(message, "thread_ts")
    thread = answer_thread or ("" if ephemeral else ts)
    if not channel:
        channel, thread, answer_thread = _came_from(window.args.get("from", ""))
    label = (clicked.get("text") or {}).get("text") or (
        ((clicked.get("selected_option") or {}).get("text") or {}).get("text") or ""
    )
    return Word(
        "click",
        payloads.team(body),
        _user(body),
        channel=channel,
        thread=thread,
        ts=ts,
        user_team=_user_team(body),
        response_url=_text(body, "response_url"),
        view=_window(body),
        verb=click.verb,
        args=click.args,
        direct=channel.startswith("D"),
        ephemeral=ephemeral,
        answer_thread=answer_thread,
        in_home=view.get("type") == "home",
        label=storable(str(label))[:75],
    )


def _view(body: dict[str, Any]) -> Word | None:
    view = body.get("view") or {}
    if view.get("callback_id") != actions.CALLBACK:
        return None
    carried = actions.from_metadata(str(view.get("private_metadata") or ""))
    if not carried.verb:
        return None
    args = dict(carried.args)
    came = args.pop("from", "")
    channel, thread, answer_thread = _came_from(came)
    return Word(
        "submit",
        payloads.team(body),
        _user(body),
        channel=channel,
        thread=thread,
        ts=_text(view, "id"),
        files=_submitted_files(view),
        user_team=_user_team(body),
        view=payloads.stays(body),
        in_home=came == HOME,
        answer_thread=answer_thread,
        verb=carried.verb,
        args=args,
        fields={name: storable(value) for name, value in modals.fields(view).items()},
        direct=channel.startswith("D"),
    )


def _shortcut(body: dict[str, Any]) -> Word:
    message = body.get("message") or {}
    channel = str((body.get("channel") or {}).get("id") or "")
    return Word(
        "shortcut",
        payloads.team(body),
        _user(body),
        channel=channel,
        thread=_text(message, "thread_ts"),
        ts=_text(body, "message_ts") or _text(message, "ts"),
        text=_words(message),
        files=_files(message.get("files")),
        user_team=_user_team(body),
        response_url=_text(body, "response_url"),
        view=_window(body),
        verb=_text(body, "callback_id"),
        direct=channel.startswith("D"),
    )


def _failed(body: dict[str, Any]) -> Word:
    return Word(
        "failed",
        _text(body, "team"),
        _text(body, "user"),
        channel=_text(body, "channel"),
        thread=_text(body, "thread"),
        response_url=_text(body, "response_url"),
        reason=_text(body, "reason"),
        direct=_text(body, "channel").startswith("D"),
    )


def _came_from(text: str) -> tuple[str, str, str]:
    """Channel, root and thread that a window carries; empty for the Home."""
    channel, _, rest = text.partition("/")
    thread, _, answer_thread = rest.partition("/")
    return ("", "", "") if channel == HOME else (channel, thread, answer_thread)


def _nothing(_: dict[str, Any]) -> None:
    return None


def _words(message: Mapping[str, Any]) -> str:
    """What stands in a message. An alert has all of it in attachments, and so has a message passed on by somebody."""
    words = _text(message, "text")
    given = message.get("attachments")
    attached = (
        [each for each in given[:MOST_ATTACHED] if isinstance(each, dict)] if isinstance(given, list) else []
    )
    more = [_attached(each) for each in attached if not words.strip() or each.get("is_share")]
    return storable("\n".join(part for part in (words, *more) if part.strip()))


def _attached(one: Mapping[str, Any]) -> str:
    named = [field for field in one.get("fields") or () if isinstance(field, dict)]
    parts = [_text(one, name) for name in ("pretext", "title", "text")]
    parts += [f"{_text(field, 'title')}: {_text(field, 'value')}" for field in named]
    return "\n".join(part for part in parts if part.strip()) or _text(one, "fallback")


def _text(given: Mapping[str, Any], name: str) -> str:
    return str(given.get(name) or "")


def _user(body: Mapping[str, Any]) -> str:
    return str((body.get("user") or {}).get("id") or "")


def _user_team(body: Mapping[str, Any]) -> str:
    return str((body.get("user") or {}).get("team_id") or "")


def _files(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list):
        return ()
    return tuple(json.dumps(each, sort_keys=True) for each in given[:MOST_FILES] if isinstance(each, dict))


def _submitted_files(view: Mapping[str, Any]) -> tuple[str, ...]:
    values = (view.get("state") or {}).get("values") or {}
    found: list[Any] = []
    for block in values.values():
        for element in block.values():
            if element.get("type") == "file_input":
                found += element.get("files") or []
    return _files(found)


_KINDS = {
    "event": _event,
    "command": _command,
    "action": _action,
    "view": _view,
    "shortcut": _shortcut,
    "closed": _nothing,
    "view_failed": _failed,
}
