"""What one payload of Slack says, whatever its shape, and what nothing follows from."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.card import Choice
from bot.slack import actions, payloads, said
from bot.slack.said import MOST_FILES, Word
from tests.bot.slack.scene import pressed

ENVELOPE = {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event_time": 1700000000}
MESSAGE = {"type": "message", "user": "U1", "channel": "C1", "ts": "5.1", "text": "hello", "team": "T1"}
CLICK = {
    "type": "block_actions", "team": {"id": "T1"}, "user": {"id": "U1", "team_id": "T1"}, "trigger_id": "7.8.abc",
    "container": {"type": "message", "channel_id": "C1", "message_ts": "5.2", "thread_ts": "5.1", "is_ephemeral": False},
    "channel": {"id": "C1"}, "message": {"ts": "5.2", "thread_ts": "5.1"}, "response_url": "https://hooks.slack.com/a",
    "actions": [pressed(Choice("Escalate", "escalate", {"session": "s1"}))],
}  # fmt: skip


def read(kind: payloads.Kind, body: dict[str, Any]) -> Word | None:
    return said.read(payloads.payload(kind, body))


def word(kind: payloads.Kind, body: dict[str, Any]) -> Word:
    found = read(kind, body)
    assert found is not None
    return found


def event(**happened: Any) -> dict[str, Any]:
    return {**ENVELOPE, "event": happened}


def view(verb: str, args: dict[str, str], **more: Any) -> dict[str, Any]:
    shown = {"id": "V1", "type": "modal", "callback_id": "fp", "private_metadata": actions.metadata(verb, args, ""),
             "state": {"values": {}}, "hash": "1.a", **more}  # fmt: skip
    return {
        "type": "view_submission",
        "team": {"id": "T1"},
        "user": {"id": "U1", "team_id": "T1"},
        "view": shown,
    }


@pytest.mark.parametrize("kind", ["message", "app_mention"])
def test_a_message_and_a_mention_are_the_same_word(kind: str) -> None:
    found = word("event", event(**{**MESSAGE, "type": kind}))
    assert (found.kind, found.team, found.user, found.channel, found.thread, found.ts, found.text) == (
        "message", "T1", "U1", "C1", "", "5.1", "hello",
    )  # fmt: skip
    assert (found.direct, found.shared, found.user_team) == (False, False, "T1")


def test_a_direct_message_is_known_by_its_kind_or_its_channel() -> None:
    assert word("event", event(**MESSAGE, channel_type="im")).direct
    assert word("event", event(**{**MESSAGE, "channel": "D1"})).direct


def test_what_no_database_holds_is_left_out_of_words() -> None:
    assert word("event", event(**{**MESSAGE, "text": "a\x00b\ud800c"})).text == "ab?c"


def test_files_come_as_slack_gave_them_and_no_more_than_ten() -> None:
    files = [{"id": f"F{n}", "name": "x"} for n in range(30)]
    found = word("event", event(**MESSAGE, files=[*files, "nonsense"])).files
    assert len(found) == MOST_FILES == 10
    assert json.loads(found[0]) == {"id": "F0", "name": "x"}
    assert word("event", event(**MESSAGE, files="nonsense")).files == ()


def test_words_passed_on_by_somebody_are_read_with_his_own_and_previews_of_links_are_not() -> None:
    passed_on = [
        {"is_share": True, "text": "disk full", "fallback": "x"},
        {"from_url": "https://a.example", "text": "A"},
    ]
    assert (
        word("event", event(**{**MESSAGE, "text": "look", "attachments": passed_on})).text
        == "look\ndisk full"
    )
    assert word("event", event(**{**MESSAGE, "text": "", "attachments": passed_on[:1]})).text == "disk full"
    assert word("event", event(**{**MESSAGE, "attachments": "nonsense"})).text == "hello"


def test_a_click_knows_its_thread_its_button_and_the_window_that_waits() -> None:
    found = word("action", CLICK)
    assert (found.kind, found.verb, found.args, found.label) == (
        "click",
        "escalate",
        {"session": "s1"},
        "Escalate",
    )
    assert (found.channel, found.thread, found.ts) == ("C1", "5.1", "5.2")
    assert found.view == actions.external_id("7.8.abc")
    assert found.response_url == "https://hooks.slack.com/a"
    assert not found.ephemeral


def test_a_click_on_the_root_of_a_thread_is_in_that_thread() -> None:
    root = {
        **CLICK,
        "container": {"type": "message", "channel_id": "C1", "message_ts": "5.2"},
        "message": {"ts": "5.2"},
    }
    assert word("action", root).thread == "5.2"


def test_a_choice_from_a_menu_is_a_click_with_the_label_of_the_choice() -> None:
    found = word(
        "action", {**CLICK, "actions": [pressed(Choice("Pause", "status", {"session": "s1"}), menu=True)]}
    )
    assert (found.verb, found.args, found.label, found.view) == ("status", {"session": "s1"}, "Pause", "")


def test_a_click_in_a_window_is_where_the_window_was_opened_and_names_no_message() -> None:
    opened = {"type": "modal", "private_metadata": actions.metadata("note", {"from": "C1/5.1"}, "")}
    found = word(
        "action", {**CLICK, "container": {"type": "view"}, "channel": None, "message": None, "view": opened}
    )
    assert (found.channel, found.thread, found.ts, found.in_home) == ("C1", "5.1", "", False)


def test_a_click_in_the_home_is_nowhere_else() -> None:
    home = {"type": "home", "private_metadata": ""}
    found = word(
        "action", {**CLICK, "container": {"type": "view"}, "channel": None, "message": None, "view": home}
    )
    assert (found.channel, found.thread, found.ts, found.in_home) == ("", "", "", True)


def test_a_private_answer_is_known_as_one() -> None:
    container = {**CLICK["container"], "is_ephemeral": True}  # type: ignore[dict-item]
    assert word("action", {**CLICK, "container": container}).ephemeral


def test_what_was_filled_in_comes_with_the_place_the_window_was_opened_from() -> None:
    values = {
        "f:reason": {"fp:field": {"type": "plain_text_input", "value": "gone\x00 out"}},
        "f:files": {"fp:field": {"type": "file_input", "files": [{"id": "F1"}, {"id": "F2"}]}},
    }
    found = word("view", view("pause", {"session": "s1", "from": "C1/5.1"}, state={"values": values}))
    assert (found.kind, found.verb, found.args) == ("submit", "pause", {"session": "s1"})
    assert (found.channel, found.thread, found.fields["reason"]) == ("C1", "5.1", "gone out")
    assert [json.loads(each)["id"] for each in found.files] == ["F1", "F2"]
    assert found.view == ""


def test_a_form_whose_window_stays_open_is_answered_in_it_and_no_other() -> None:
    stays = view("connect", {})
    assert word("view", stays).view == payloads.stays(stays) != ""
    assert word("view", view("note", {})).view == ""


def test_a_bare_command_names_the_window_that_waits_and_one_with_words_none() -> None:
    body = {"command": "/flowpilot", "text": "  ", "team_id": "T1", "user_id": "U1", "channel_id": "D1",
            "trigger_id": "7.8.abc", "response_url": "https://hooks.slack.com/c"}  # fmt: skip
    bare, full = word("command", body), word("command", {**body, "text": " printer down "})
    assert (bare.view, bare.text, bare.direct) == (actions.external_id("7.8.abc"), "", True)
    assert (full.view, full.text) == ("", "printer down")


def test_a_shortcut_is_about_the_message_it_was_chosen_on() -> None:
    body = {"type": "message_action", "callback_id": "troubleshoot_this", "team": {"id": "T1"}, "user": {"id": "U1"},
            "channel": {"id": "C1"}, "message_ts": "5.2", "trigger_id": "7.8.abc", "response_url": "https://h",
            "message": {"user": "U2", "ts": "5.2", "thread_ts": "5.1", "text": "disk full", "files": [{"id": "F1"}]}}  # fmt: skip
    found = word("shortcut", body)
    assert (found.user, found.channel, found.thread, found.ts, found.text) == (
        "U1",
        "C1",
        "5.1",
        "5.2",
        "disk full",
    )
    assert (found.verb, found.view, len(found.files)) == (
        "troubleshoot_this",
        actions.external_id("7.8.abc"),
        1,
    )


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("event", event(type="reaction_added", user="U1")),
        ("event", event(type="tokens_revoked", tokens={"oauth": ["U1"]})),
        ("event", ENVELOPE),
        ("action", {**CLICK, "actions": []}),
        ("action", {**CLICK, "actions": [{"action_id": "theirs", "value": "v=status"}]}),
        ("view", view("note", {}, callback_id="theirs")),
        ("view", view("note", {}, private_metadata="{")),
        ("view", view("", {})),
        ("closed", view("note", {})),
    ],
)
def test_nothing_follows_from_what_is_none_of_ours(kind: payloads.Kind, body: dict[str, Any]) -> None:
    assert read(kind, body) is None


@pytest.mark.parametrize("payload", [b"", b"not json", b'{"kind":"other","body":{}}'])
def test_what_is_no_payload_of_ours_is_an_error(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        said.read(payload)


@given(
    st.sampled_from(
        ["message", "app_home_opened", "member_joined_channel", "agent_session_stopped", "app_uninstalled"]
    )
)
def test_an_event_that_brings_nothing_but_its_kind_is_read_without_harm(kind: str) -> None:
    found = word("event", event(type=kind))
    assert (found.team, found.user, found.channel, found.text) == ("T1", "", "", "")
