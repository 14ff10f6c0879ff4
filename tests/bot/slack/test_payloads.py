"""What is ours of everything Slack sends, and the keys under which it is remembered once and in order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.card import Choice
from bot.slack import payloads
from bot.slack.actions import CALLBACK, OPENS_A_FORM, action_id, external_id, metadata, value

BOT = [{"team_id": "T1", "user_id": "U0FLOW", "is_bot": True}]


def envelope(**event: Any) -> dict[str, Any]:
    return {
        "type": "event_callback",
        "team_id": "T1",
        "event_id": "Ev1",
        "event": {"type": "message", "user": "U1", "channel": "C1", "ts": "5.1", "text": "hello", **event},
        "authorizations": BOT,
    }


def click(verb: str = "status", args: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    pressed = {
        "type": "button",
        "action_id": action_id(verb, 1),
        "value": value(Choice("x", verb, args or {})),
    }
    return {
        "type": "block_actions",
        "team": {"id": "T1"},
        "user": {"id": "U1", "team_id": "T1"},
        "trigger_id": "7.8.abc",
        "container": {"type": "message", "channel_id": "C1", "message_ts": "5.2", "thread_ts": "5.1"},
        "channel": {"id": "C1"},
        "actions": [pressed],
        **more,
    }


def submission(order: str = "slack:T1:C1:5.1", **view: Any) -> dict[str, Any]:
    shown = {
        "id": "V1",
        "type": "modal",
        "hash": "1.a",
        "callback_id": CALLBACK,
        "private_metadata": metadata("note", {"session": "s"}, order),
        **view,
    }
    return {"type": "view_submission", "team": {"id": "T1"}, "user": {"id": "U1"}, "view": shown}


def unique(body: dict[str, Any]) -> str:
    found = payloads.kept(body)
    return found.unique if found else ""


def order(body: dict[str, Any]) -> str:
    found = payloads.kept(body)
    return found.order if found else ""


# ── Messages ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mention_that_arrives_as_two_events_has_one_key() -> None:
    mention = envelope(type="app_mention", text="<@U0FLOW> help")
    assert unique(mention) == unique(envelope(text="<@U0FLOW> help")) == "msg:T1:C1:5.1"


def test_a_message_with_files_is_another_row_than_its_mention_without_them() -> None:
    files = [{"id": "F1"}]
    assert unique(envelope(subtype="file_share", thread_ts="5.0", files=files)) == "msg:T1:C1:5.1:files"


@pytest.mark.parametrize(
    "event",
    [
        {"thread_ts": "5.0"},
        {"channel_type": "im", "channel": "D1"},
        {"text": "ask <@U0FLOW>"},
        {"text": "ask <@U0FLOW|flowpilot> please"},
        {"thread_ts": "5.0", "subtype": "file_share"},
        {"thread_ts": "5.0", "subtype": "thread_broadcast"},
        {"thread_ts": "5.0", "subtype": "me_message"},
        {"type": "app_mention"},
    ],
    ids=str,
)
def test_what_people_say_to_us_is_ours(event: dict[str, Any]) -> None:
    assert payloads.kept(envelope(**event)) is not None


@pytest.mark.parametrize(
    "event",
    [
        {"text": "lunch?"},
        {"text": "ask <@U0FLOWER>"},
        {"thread_ts": "5.0", "subtype": "message_changed"},
        {"thread_ts": "5.0", "subtype": "message_deleted"},
        {"thread_ts": "5.0", "subtype": "bot_message"},
        {"thread_ts": "5.0", "subtype": "channel_join"},
        {"thread_ts": "5.0", "bot_id": "B1"},
        {"thread_ts": "5.0", "bot_profile": {"id": "B1"}},
        {"thread_ts": "5.0", "hidden": True},
        {"thread_ts": "5.0", "user": None},
        {"thread_ts": "5.0", "user": "U0FLOW"},
        {"type": "app_mention", "bot_id": "B1"},
        {"thread_ts": "5.0", "channel": None},
        {"type": "reaction_added"},
        {"type": "member_joined_channel", "user": "U1"},
    ],
    ids=str,
)
def test_other_talk_is_none_of_ours(event: dict[str, Any]) -> None:
    assert payloads.kept(envelope(**event)) is None


def test_the_app_joining_a_channel_is_ours() -> None:
    assert unique(envelope(type="member_joined_channel", user="U0FLOW")) == "ev:Ev1"


def test_a_thread_shares_its_order_from_root_to_click() -> None:
    root = envelope(text="<@U0FLOW> x")
    reply = envelope(ts="6.0", thread_ts="5.1")
    assert order(root) == order(reply) == order(click()) == "slack:T1:C1:5.1"
    at_the_root = click(container={"type": "message", "channel_id": "C1", "message_ts": "5.1"})
    assert order(at_the_root) == "slack:T1:C1:5.1"


def test_everything_personal_has_the_order_of_its_person() -> None:
    command = {
        "command": "/flowpilot",
        "team_id": "T1",
        "user_id": "U1",
        "trigger_id": "1.2",
        "channel_id": "C1",
    }
    home = click(view={"type": "home", "id": "V1"}, container={"type": "view", "view_id": "V1"}, channel=None)
    direct = envelope(channel="D1", channel_type="im")
    opened = envelope(type="app_home_opened", channel="D1", ts=None)
    assert {order(b) for b in (command, home, direct, opened)} == {"slack:T1:U1"}


def test_an_event_of_the_whole_workspace_has_the_order_of_it() -> None:
    body = {
        "type": "event_callback",
        "team_id": "T1",
        "event_id": "Ev9",
        "event": {"type": "app_uninstalled"},
    }
    assert (unique(body), order(body)) == ("ev:Ev9", "slack:T1")


# ── Interaction ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_click_is_known_by_its_trigger_or_by_its_moment() -> None:
    assert unique(click()) == "act:7.8.abc"
    bare = click()
    del bare["trigger_id"]
    bare["actions"][0]["action_ts"] = "9.9"
    assert unique(bare) == "act:9.9:U1:fp:status:1"


def test_a_button_of_somebody_else_is_none_of_ours() -> None:
    assert payloads.kept(click(actions=[{"type": "button", "action_id": "a", "value": "v=status"}])) is None
    assert (
        payloads.kept(click(actions=[{"type": "button", "action_id": "fp:field", "value": "typed"}])) is None
    )
    assert payloads.kept(click(actions="none")) is None
    assert payloads.kept(submission(callback_id="view-id")) is None
    assert payloads.kept({"type": "message_action", "callback_id": "theirs", "trigger_id": "1"}) is None
    assert payloads.kept({"type": "workflow_step_edit"}) is None
    assert payloads.kept({}) is None


@pytest.mark.parametrize("verb", sorted(OPENS_A_FORM))
def test_a_click_on_what_opens_a_form_opens_the_window_that_the_worker_fills(verb: str) -> None:
    found = payloads.kept(click(verb))
    assert found is not None
    assert found.opens == external_id("7.8.abc")


@pytest.mark.parametrize(
    ("verb", "args"), [("status", {}), ("link", {"ticket": "4711"}), ("rate", {"rating": "5"})], ids=str
)
def test_a_click_that_says_everything_opens_none(verb: str, args: dict[str, str]) -> None:
    found = payloads.kept(click(verb, args))
    assert found is not None
    assert found.opens == ""


def test_a_command_opens_a_window_only_where_nothing_was_typed() -> None:
    command = {"command": "/flowpilot", "team_id": "T1", "user_id": "U1", "trigger_id": "1.2", "text": " "}
    said = {**command, "text": "mine"}
    assert [payloads.kept(b).opens for b in (command, said)] == [external_id("1.2"), ""]  # type: ignore[union-attr]
    assert unique(said) == "cmd:1.2"


@pytest.mark.parametrize("callback", sorted(payloads.SHORTCUTS))
def test_a_message_shortcut_opens_a_window(callback: str) -> None:
    body = {"type": "message_action", "callback_id": callback, "trigger_id": "1.2", "team": {"id": "T1"}}
    found = payloads.kept(body)
    assert found is not None
    assert (found.unique, found.opens) == ("sc:1.2", external_id("1.2"))


def test_a_submission_has_the_order_its_window_was_given() -> None:
    assert (unique(submission()), order(submission())) == ("view:V1:1.a", "slack:T1:C1:5.1")
    closed = {**submission(), "type": "view_closed"}
    assert (unique(closed), order(closed)) == ("closed:V1:1.a", "slack:T1:C1:5.1")


@pytest.mark.parametrize(
    "given", ["", "slack:T2:C1:5.1", "console:x", "slack:T1", f"slack:T1:{'x' * 400}"], ids=len
)
def test_an_order_of_another_workspace_is_not_taken(given: str) -> None:
    assert order(submission(given)) == "slack:T1:U1"


# ── Enterprise ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "team"),
    [
        ({"team_id": "T1", "enterprise_id": "E1"}, "T1"),
        ({"team": {"id": "T1"}, "user": {"team_id": "T2"}}, "T1"),
        ({"team": {"id": "T2"}, "view": {"app_installed_team_id": "T1"}}, "T1"),
        ({"team": None, "enterprise": {"id": "E1"}, "user": {"id": "U1", "team_id": "T1"}}, "T1"),
        ({"team": None, "view": {"team_id": "T1"}}, "T1"),
        ({"enterprise_id": "E1"}, "E1"),
        ({}, ""),
    ],
    ids=str,
)
def test_the_workspace_is_the_one_that_installed_the_app(body: dict[str, Any], team: str) -> None:
    assert payloads.team(body) == team


# ── What is kept ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_payload_is_the_body_unchanged_beside_its_kind() -> None:
    body = envelope(text="ä 😀")
    raw = json.dumps(body).encode()
    for made in (payloads.payload("event", body), payloads.payload("event", body, raw)):
        assert json.loads(made) == {"kind": "event", "body": body}


def test_half_a_letter_can_be_kept() -> None:
    assert json.loads(payloads.payload("event", {"text": "a\ud83d"}))["body"] == {"text": "a?"}
