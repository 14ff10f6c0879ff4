"""Windows of the practice Slack: triggers, the stack, what answers do to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from demo.slack_refusals import Impossible
from demo.slack_world import Settings
from tests.demo.slack_client import Ground, actions, ask, ground, menu, modal, section


@pytest.fixture
async def on() -> AsyncIterator[Ground]:
    async with ground(Settings(own_events=False)) as made:
        yield made


async def code(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def trigger(on: Ground) -> str:
    return str((await on.slack.act("U0ANNA", "command", channel="C0HELP"))["trigger_id"])


async def test_a_trigger_works_once_and_for_three_seconds() -> None:
    now = [1_795_000_000.0]
    async with ground(Settings(own_events=False), clock=lambda: now[0]) as on:
        on.slack.events_url = ""
        first, late = await trigger(on), await trigger(on)
        await on.client.views_open(trigger_id=first, view=modal(section()))
        assert (
            await code(on.client.views_open(trigger_id=first, view=modal(section())))
            == "exchanged_trigger_id"
        )
        now[0] += 3.1
        assert (
            await code(on.client.views_open(trigger_id=late, view=modal(section()))) == "expired_trigger_id"
        )
        assert (
            await code(on.client.views_open(trigger_id="1.2.3", view=modal(section())))
            == "invalid_trigger_id"
        )


async def test_a_window_is_filled_by_its_external_id_and_keeps_what_was_typed(on: Ground) -> None:
    await on.window(section("Loading"), external_id="fp-1", submit=None)
    await on.client.views_update(
        external_id="fp-1", view=modal(ask("note"), actions("More"), external_id="fp-1")
    )
    await on.slack.act("U0ANNA", "click", label="More", values={"note": "typed"})
    await on.client.views_update(
        external_id="fp-1", view=modal(ask("note"), section("new"), external_id="fp-1")
    )
    await on.slack.act("U0ANNA", "submit")
    values = on.app.last("view_submission")["view"]["state"]["values"]
    assert values["f:note"]["fp:field"]["value"] == "typed"
    assert await code(on.client.views_update(external_id="fp-1", view=modal(section()))) == "not_found"


async def test_an_external_id_is_taken_once_and_an_old_hash_is_refused(on: Ground) -> None:
    view = await on.window(section(), external_id="fp-1")
    found = await on.client.views_update(view_id=view["id"], hash=view["hash"], view=modal(section()))
    assert found["view"]["hash"] != view["hash"]
    asked = on.client.views_update(view_id=view["id"], hash=view["hash"], view=modal(section()))
    assert await code(asked) == "hash_conflict"
    await on.window(section(), external_id="fp-2", user="U0BEN")
    asked = on.client.views_open(trigger_id=await trigger(on), view=modal(section(), external_id="fp-2"))
    assert await code(asked) == "duplicate_external_id"


async def test_three_windows_are_the_most(on: Ground) -> None:
    await on.window(section())
    for _ in range(2):
        await on.client.views_push(trigger_id=await trigger(on), view=modal(section()))
    assert (
        await code(on.client.views_push(trigger_id=await trigger(on), view=modal(section())))
        == "push_limit_reached"
    )
    first, second, third = on.slack.views("U0ANNA")
    assert (third["previous_view_id"], third["root_view_id"]) == (second["id"], first["id"])


async def test_field_errors_are_shown_and_the_window_stays(on: Ground) -> None:
    on.app.answers = {"view_submission": {"response_action": "errors", "errors": {"f:note": "Say more."}}}
    await on.window(ask("note"))
    done = await on.slack.act("U0ANNA", "submit", values={"note": "x"})
    assert (done["outcome"], done["errors"]) == ("errors", {"f:note": "Say more."})
    assert on.slack.views("U0ANNA")[0]["errors"] == {"f:note": "Say more."}
    on.app.answers = {"view_submission": {"response_action": "errors", "errors": {"nothing": "?"}}}
    assert (await on.slack.act("U0ANNA", "submit"))["outcome"].startswith("refused invalid_arguments")


@pytest.mark.parametrize(
    ("answer", "titles"),
    [
        ("", []),
        ({}, []),
        ({"response_action": "clear"}, []),
        ({"response_action": "update", "view": modal(section(), callback_id="second")}, ["second"]),
        ({"response_action": "push", "view": modal(section(), callback_id="second")}, ["first", "second"]),
    ],
)
async def test_the_answer_to_a_submission_moves_the_windows(
    on: Ground, answer: Any, titles: list[str]
) -> None:
    on.app.answers = {"view_submission": answer}
    await on.window(ask("note"), callback_id="first")
    await on.slack.act("U0ANNA", "submit", values={"note": "x"})
    assert [one["callback_id"] for one in on.slack.views("U0ANNA")] == titles


async def test_a_failing_app_leaves_the_window_open_with_trouble(on: Ground) -> None:
    on.app.answers = {"view_submission": 500}
    await on.window(ask("note"))
    done = await on.slack.act("U0ANNA", "submit", values={"note": "x"})
    assert done["outcome"] == "http_error 500"
    assert "trouble" in on.slack.views("U0ANNA")[0]["errors"][""]


async def test_slack_itself_asks_for_required_fields_and_known_options(on: Ground) -> None:
    await on.window(ask("note"), ask("level", menu("static_select", "Low")))
    for values in ({}, {"note": "x", "level": "High"}, {"other": "x"}, {"note": "x" * 3_001, "level": "Low"}):
        with pytest.raises(Impossible):
            await on.slack.act("U0ANNA", "submit", values=values)
    assert [one for one in on.app.heard if one.body.get("type") == "view_submission"] == []


async def test_closing_is_told_only_when_asked_for(on: Ground) -> None:
    await on.window(section())
    assert (await on.slack.act("U0ANNA", "close"))["status"] == 0
    await on.window(section(), notify_on_close=True)
    assert (await on.slack.act("U0ANNA", "close"))["status"] == 200
    assert on.app.last("view_closed")["is_cleared"] is False
    with pytest.raises(Impossible):
        await on.slack.act("U0ANNA", "close")


async def test_a_search_shows_its_options_and_one_can_be_chosen(on: Ground) -> None:
    found = {"options": [{"text": {"type": "plain_text", "text": "#4711 Printer"}, "value": "4711"}]}
    on.app.answers = {"block_suggestion": found}
    await on.window(ask("ticket", {"type": "external_select", "min_query_length": 2}))
    shown = await on.slack.act("U0ANNA", "suggest", action_id="fp:field", value="print")
    assert shown["options"] == found["options"]
    assert on.app.last("block_suggestion")["value"] == "print"
    await on.slack.act("U0ANNA", "submit", values={"ticket": "#4711 Printer"})
    values = on.app.last("view_submission")["view"]["state"]["values"]
    assert values["f:ticket"]["fp:field"]["selected_option"]["value"] == "4711"


async def test_a_home_tab_is_published_with_a_hash(on: Ground) -> None:
    home = {"type": "home", "blocks": [section("one")]}
    first = (await on.client.views_publish(user_id="U0ANNA", view=home))["view"]
    await on.client.views_publish(user_id="U0ANNA", view=home, hash=first["hash"])
    assert (
        await code(on.client.views_publish(user_id="U0ANNA", view=home, hash=first["hash"]))
        == "hash_conflict"
    )
    assert await code(on.client.views_publish(user_id="U0STRANGE", view=home)) == "invalid_arguments"
    assert on.slack.home("U0ANNA")["id"] == first["id"]
