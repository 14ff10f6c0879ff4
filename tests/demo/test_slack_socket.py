"""Socket Mode: slack_bolt connects to the practice Slack and gets everything over its WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from demo.slack import PracticeSlack, practice_slack
from demo.slack_world import Settings
from tests.demo.slack_client import actions, ask, modal, section


async def authorize(**_: Any) -> AuthorizeResult:
    return AuthorizeResult(
        enterprise_id=None,
        team_id="T0PRACTICE",
        bot_token="xoxb-practice",
        bot_user_id="U0FLOW",
        bot_id="B0FLOW",
    )


@asynccontextmanager
async def connected(app: AsyncApp, slack: PracticeSlack) -> AsyncIterator[AsyncSocketModeHandler]:
    link = AsyncSocketModeHandler(app, "xapp-practice", web_client=app.client)
    await link.connect_async()  # type: ignore[no-untyped-call]
    try:
        yield link
    finally:
        await link.close_async()  # type: ignore[no-untyped-call]


def bolt(slack: PracticeSlack) -> AsyncApp:
    client = AsyncWebClient("xoxb-practice", base_url=slack.api_url)
    return AsyncApp(signing_secret="unused", client=client, authorize=authorize)


async def test_events_commands_clicks_and_windows_go_over_the_socket() -> None:
    async with practice_slack("secret", settings=Settings(own_events=False)) as slack:
        app = bolt(slack)

        @app.event("app_mention")
        async def answer(event: dict[str, Any], say: Any) -> None:
            await say(text="Here", blocks=[actions("Open")], thread_ts=event["ts"])

        @app.event("message")
        async def ignore() -> None: ...

        @app.action("Open")
        async def opened(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
            await ack()
            await client.views_open(trigger_id=body["trigger_id"], view=modal(ask("note"), callback_id="w"))

        @app.view("w")
        async def sent(ack: Any) -> None:
            await ack(response_action="update", view=modal(section("Thanks"), submit=None))

        @app.command("/flowpilot")
        async def command(ack: Any) -> None:
            await ack("At once")

        async with connected(app, slack):
            said = await slack.act("U0ANNA", "say", channel="C0HELP", text="@FlowPilot hello")
            assert said["status"] == 200
            await until(lambda: bool(slack.channel("C0HELP")["messages"][0]["replies"]))
            await slack.act("U0ANNA", "click", channel="C0HELP", label="Open")
            await until(lambda: bool(slack.views("U0ANNA")))
            done = await slack.act("U0ANNA", "submit", values={"note": "x"})
            assert done["outcome"] == "update"
            assert slack.views("U0ANNA")[0]["blocks"][0]["text"]["text"] == "Thanks"
            await slack.act("U0ANNA", "command", channel="C0HELP", text="x")
            assert slack.ephemerals("U0ANNA")[0]["text"] == "At once"
            assert slack.sockets.count == 1


async def test_a_ticket_opens_one_socket_once_and_nothing_comes_over_http_meanwhile() -> None:
    async with practice_slack("secret") as slack, aiohttp.ClientSession() as session:
        client = AsyncWebClient("xapp-practice", base_url=slack.api_url)
        url = (await client.apps_connections_open(app_token="xapp-practice"))["url"]
        async with session.ws_connect(url) as socket:
            hello = await socket.receive_json()
            assert (hello["type"], hello["num_connections"]) == ("hello", 1)
            act = asyncio.create_task(slack.act("U0ANNA", "say", channel="C0HELP", text="hi"))
            envelope = await socket.receive_json()
            assert (envelope["type"], envelope["accepts_response_payload"]) == ("events_api", False)
            assert envelope["payload"]["event"]["text"] == "hi"
            await socket.send_json({"envelope_id": envelope["envelope_id"]})
            assert (await act)["status"] == 200
            async with session.get(url.replace("ws://", "http://")) as second:
                assert second.status == 404
            asked = asyncio.create_task(slack.sockets.disconnect())
            assert (await socket.receive_json())["type"] == "disconnect"
            await socket.receive()
            assert await asked == 1
        assert (await slack.act("U0ANNA", "command", channel="C0HELP"))["status"] == 404


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - a listener works on after its acknowledgement
            await asyncio.sleep(0.01)
