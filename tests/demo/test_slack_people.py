"""What people do in the practice Slack, and how the app hears of it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from demo.slack_refusals import Impossible
from demo.slack_world import Settings
from tests.demo.slack_client import Ground, actions, ask, ground, menu, section

FAST = (0.0, 0.0, 0.0)


@pytest.fixture
async def on() -> AsyncIterator[Ground]:
    async with ground(Settings(retry_delays=FAST)) as made:
        yield made


async def test_a_mention_arrives_signed_as_message_and_as_app_mention_in_slacks_escaping(on: Ground) -> None:
    said = await on.slack.act(
        "U0ANNA", "say", channel="C0HELP", text="@FlowPilot a<b & c> https://x.example/y"
    )
    assert (said["status"], said["events"], on.app.wrong_signatures) == (200, 2, 0)
    message, mention = on.app.events()
    assert (message["type"], mention["type"]) == ("message", "app_mention")
    assert message["text"] == "<@U0FLOW> a&lt;b &amp; c&gt; <https://x.example/y>"
    assert message["ts"] == mention["ts"] == said["ts"]
    assert (message["channel_type"], message["channel"]) == ("channel", "C0HELP")
    assert message["blocks"][0]["elements"][0]["elements"][0] == {"type": "user", "user_id": "U0FLOW"}
    envelope = on.app.heard[0].body
    assert envelope["authorizations"][0]["user_id"] == "U0FLOW"
    assert envelope["event_id"] != on.app.heard[1].body["event_id"]


async def test_the_two_events_of_a_mention_may_come_the_other_way_round(on: Ground) -> None:
    await on.slack.act("U0ANNA", "say", channel="C0HELP", text="@FlowPilot hi", mention_first=True)
    assert [one["type"] for one in on.app.events()] == ["app_mention", "message"]


async def test_a_direct_message_is_no_mention(on: Ground) -> None:
    said = await on.slack.act("U0ANNA", "say", text="@FlowPilot hi")
    assert (said["channel"], said["events"]) == ("D0ANNA", 1)
    assert on.app.events()[0]["channel_type"] == "im"


async def test_the_app_hears_nothing_where_its_bot_is_no_member_until_it_is_invited(on: Ground) -> None:
    assert (await on.slack.act("U0ANNA", "say", channel="C0QUIET", text="@FlowPilot"))["events"] == 0
    await on.slack.act("U0ANNA", "invite", channel="C0QUIET")
    assert on.app.events("member_joined_channel")[0]["inviter"] == "U0ANNA"
    assert (await on.slack.act("U0ANNA", "say", channel="C0QUIET", text="hi"))["events"] == 1


async def test_threads_count_replies_and_a_broadcast_carries_its_root(on: Ground) -> None:
    head = (await on.slack.act("U0ANNA", "say", channel="C0HELP", text="head"))["ts"]
    await on.slack.act("U0BEN", "say", channel="C0HELP", text="one", thread_ts=head)
    await on.slack.act("U0BEN", "say", channel="C0HELP", text="two", thread_ts=head, broadcast=True)
    event = on.app.events("message")[-1]
    assert (event["subtype"], event["root"]["ts"], event["thread_ts"]) == ("thread_broadcast", head, head)
    shown = on.slack.channel("C0HELP")["messages"][0]
    assert (shown["reply_count"], len(shown["replies"]), shown["reply_users"]) == (2, 2, ["U0BEN"])


async def test_a_file_is_downloaded_with_the_token_and_without_scope_comes_a_sign_in_page(on: Ground) -> None:
    log = {"name": "a.log", "mimetype": "text/plain", "content_b64": base64.b64encode(b"line").decode()}
    await on.slack.act("U0ANNA", "say", channel="C0HELP", text="see", files=[log])
    event = on.app.events("message")[0]
    assert event["subtype"] == "file_share"
    url = event["files"][0]["url_private_download"]
    headers = {"Authorization": "Bearer xoxb-practice"}
    async with aiohttp.ClientSession() as session:
        async with session.get(url, headers=headers) as answer:
            assert (await answer.read(), answer.content_type) == (b"line", "text/plain")
        on.slack.world.grants["xoxb-practice"].scopes.remove("files:read")
        async with session.get(url, headers=headers) as answer:
            assert (answer.status, answer.content_type) == (200, "text/html")


async def test_an_edit_and_a_deletion_are_told_of(on: Ground) -> None:
    ts = (await on.slack.act("U0ANNA", "say", channel="C0HELP", text="befor"))["ts"]
    await on.slack.act("U0ANNA", "edit", channel="C0HELP", ts=ts, text="before")
    changed = on.app.events()[-1]
    assert (changed["subtype"], changed["message"]["text"]) == ("message_changed", "before")
    assert changed["previous_message"]["text"] == "befor"
    await on.slack.act("U0ANNA", "delete", channel="C0HELP", ts=ts)
    assert (on.app.events()[-1]["subtype"], on.app.events()[-1]["deleted_ts"]) == ("message_deleted", ts)
    with pytest.raises(Impossible):
        await on.slack.act("U0BEN", "edit", channel="C0HELP", ts=ts, text="not mine")


async def test_a_refused_event_comes_three_times_more_and_a_click_never_again(on: Ground) -> None:
    on.app.answers = {"message": 500, "block_actions": 500}
    await on.slack.act("U0ANNA", "say", channel="C0HELP", text="hi")
    await on.slack.idle()
    numbers = [one.headers.get("X-Slack-Retry-Num", "0") for one in on.app.heard]
    assert numbers == ["0", "1", "2", "3"]
    assert on.app.heard[1].headers["X-Slack-Retry-Reason"] == "http_error"
    assert len({one.body["event_id"] for one in on.app.heard}) == 1
    on.slack.settings.own_events = False
    await on.button()
    clicked = await on.slack.act("U0ANNA", "click", channel="C0HELP", label="Go")
    await on.slack.idle()
    assert (clicked["status"], len(on.app.heard)) == (500, 5)


async def test_an_app_too_slow_or_gone_is_seen_as_such(on: Ground) -> None:
    on.slack.settings.answer_timeout = 0.05
    on.slack.settings.retry_delays = ()
    on.app.slow = asyncio.Event()
    late = await on.slack.act("U0ANNA", "command", channel="C0HELP", text="x")
    assert (late["status"], late["error"]) == (0, "operation_timeout")
    on.app.slow.set()
    on.slack.events_url = "http://127.0.0.1:9/slack/events"
    gone = await on.slack.act("U0ANNA", "command", channel="C0HELP", text="x")
    assert gone["error"].startswith("connection_failed")


async def test_a_click_carries_what_slack_sends_and_a_button_that_is_gone_cannot_be_clicked(
    on: Ground,
) -> None:
    ts = await on.button(label="Go")
    await on.slack.act("U0ANNA", "click", channel="C0HELP", ts=ts, label="Go")
    body = on.app.last("block_actions")
    assert body["container"] == {
        "type": "message", "message_ts": ts, "channel_id": "C0HELP", "is_ephemeral": False,
    }  # fmt: skip
    assert (body["actions"][0]["action_id"], body["actions"][0]["value"]) == ("Go", "go")
    assert (body["user"]["team_id"], body["team"]["id"], body["message"]["ts"]) == (
        "T0PRACTICE",
        "T0PRACTICE",
        ts,
    )
    await on.client.chat_update(channel="C0HELP", ts=ts, text="done", blocks=[section("done")])
    with pytest.raises(Impossible):
        await on.slack.act("U0ANNA", "click", channel="C0HELP", ts=ts, label="Go")


async def test_an_option_of_a_menu_is_clicked_by_its_words(on: Ground) -> None:
    block = {"type": "actions", "elements": [menu("overflow", "Pause", "Link")]}
    await on.client.chat_postMessage(channel="C0HELP", text="x", blocks=[block])
    await on.slack.act("U0ANNA", "click", channel="C0HELP", label="Link")
    assert on.app.last("block_actions")["actions"][0]["selected_option"]["value"] == "link"


async def test_an_ephemeral_is_seen_and_clicked_by_one_person_alone(on: Ground) -> None:
    await on.client.chat_postEphemeral(
        channel="C0HELP", user="U0ANNA", text="psst", blocks=[actions("Only you")]
    )
    assert [one["text"] for one in on.slack.ephemerals("U0ANNA")] == ["psst"]
    assert on.slack.ephemerals("U0BEN") == [] and on.slack.channel("C0HELP")["messages"] == []
    with pytest.raises(Impossible):
        await on.slack.act("U0BEN", "click", channel="C0HELP", label="Only you")
    await on.slack.act("U0ANNA", "click", channel="C0HELP", label="Only you")
    body = on.app.last("block_actions")
    assert body["container"]["is_ephemeral"] is True and "message" not in body


async def test_a_commands_answer_is_shown_to_the_person_and_none_works_in_a_thread(on: Ground) -> None:
    on.app.answers = {"command": "Working on it"}
    await on.slack.act("U0BEN", "command", channel="C0QUIET", text="a & b")
    form = on.app.heard[-1].body
    assert (form["command"], form["text"], form["channel_id"]) == ("/flowpilot", "a &amp; b", "C0QUIET")
    assert on.slack.ephemerals("U0BEN")[0]["text"] == "Working on it"
    with pytest.raises(Impossible):
        await on.slack.act("U0BEN", "command", channel="C0HELP", text="x", thread_ts="1.1")


async def test_a_message_shortcut_carries_the_message(on: Ground) -> None:
    ts = (await on.slack.act("U0BEN", "say", channel="C0HELP", text="broken"))["ts"]
    await on.slack.act("U0ANNA", "shortcut", callback_id="troubleshoot_this", channel="C0HELP", ts=ts)
    body = on.app.last("message_action")
    assert (body["callback_id"], body["message_ts"], body["message"]["text"]) == (
        "troubleshoot_this",
        ts,
        "broken",
    )


async def test_somebody_of_another_team_writes_in_a_shared_channel(on: Ground) -> None:
    await on.slack.act("U0STRANGE", "say", channel="C0HELP", text="hello")
    heard = on.app.heard[-1].body
    assert (heard["team_id"], heard["event"]["user_team"]) == ("T0PRACTICE", "T0OTHER")
    assert heard["is_ext_shared_channel"] is True


async def test_the_apps_own_posts_come_back_with_its_bot_id(on: Ground) -> None:
    ts = (await on.client.chat_postMessage(channel="C0HELP", text="mine"))["ts"]
    await on.client.chat_update(channel="C0HELP", ts=ts, text="mine too")
    await on.slack.idle()
    kinds = {one.get("subtype"): one for one in on.app.events("message")}
    assert kinds[None]["bot_id"] == "B0FLOW"
    assert kinds["message_changed"]["message"]["text"] == "mine too"


async def test_an_event_can_be_sent_again(on: Ground) -> None:
    await on.slack.act("U0ANNA", "say", channel="C0HELP", text="hi")
    await on.slack.act("U0ANNA", "retry")
    first, second = on.app.heard
    assert first.body == second.body and second.headers["X-Slack-Retry-Num"] == "1"


async def test_the_home_tab_tells_that_it_was_opened(on: Ground) -> None:
    await on.client.views_publish(user_id="U0ANNA", view={"type": "home", "blocks": [actions("Connect")]})
    await on.slack.act("U0ANNA", "open_home")
    assert on.app.events("app_home_opened")[0]["view"]["type"] == "home"
    await on.slack.act("U0ANNA", "click", home=True, label="Connect")
    assert on.app.last("block_actions")["container"]["type"] == "view"


async def test_the_control_addresses_do_the_same_over_http(on: Ground) -> None:
    async with aiohttp.ClientSession(f"{on.slack.url}/_practice/") as session:

        async def call(method: str, path: str, **sent: Any) -> tuple[int, Any]:
            async with session.request(method, path, json=sent) as answer:
                return answer.status, await answer.json()

        status, said = await call("POST", "people/U0ANNA/say", channel="C0HELP", text="hi")
        assert (status, said["status"]) == (200, 200)
        assert (await call("GET", "channels/C0HELP"))[1]["messages"][0]["ts"] == said["ts"]
        assert (await call("POST", "people/U0ANNA/click", channel="C0HELP", label="No"))[0] == 409
        assert (await call("POST", "people/U0ANNA/dance"))[0] == 409
        assert (await call("GET", "nothing"))[0] == 404
        assert (await call("PUT", "settings", limits="x", wrong=1))[0] == 400
        assert (await call("PUT", "settings", own_events=False))[1]["own_events"] is False
        rows = (await call("GET", "journal?sent=events_api"))[1]
        assert (rows[0]["type"], rows[0]["status"]) == ("message", 200)
        made = await call(
            "POST", "workspaces", id="T1", token="xoxb-1", users=[{"id": "U1", "name": "eve"}],
            channels=[{"id": "C1", "name": "one", "members": ["U1"], "bot": True}],
        )  # fmt: skip
        assert made[0] == 201
        assert (await call("POST", "people/U1/say", channel="C1", text="hi"))[1]["events"] == 1
        gone = await call("POST", "workspaces/T1/uninstall")
        assert gone[1]["app_uninstalled"]["status"] == 200
        assert on.app.events("tokens_revoked")[0]["tokens"]["bot"] == [on.slack.world.teams["T1"].bot_user]


async def test_fields_of_a_window_are_filled_by_name(on: Ground) -> None:
    kinds = menu("static_select", "Low", "High")
    tick = menu("checkboxes", "Tell the client")
    await on.window(
        ask("note"), ask("level", kinds), ask("tell", tick, optional=True), ask("old", optional=True)
    )
    await on.slack.act("U0ANNA", "submit", values={"note": "a & b", "level": "High", "Tell": "yes"})
    values = on.app.last("view_submission")["view"]["state"]["values"]
    assert values["f:note"]["fp:field"] == {"type": "plain_text_input", "value": "a & b"}
    assert values["f:level"]["static_select"]["selected_option"]["value"] == "high"
    assert [one["value"] for one in values["f:tell"]["checkboxes"]["selected_options"]] == ["tell the client"]
    assert values["f:old"]["fp:field"]["value"] is None
    assert on.slack.views("U0ANNA") == []
