"""The pages of the practice Slack: everything is drawn, and nothing anybody writes becomes markup."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from demo.slack_world import Settings
from tests.demo.slack_client import Ground, Json, actions, ask, ground, menu, plain, section

EVIL = "<script>alert(1)</script>"


@pytest.fixture
async def on() -> AsyncIterator[Ground]:
    async with ground(Settings(own_events=False)) as made:
        yield made


async def seen(on: Ground, path: str) -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{on.slack.url}/_practice/page/{path}") as answer,
    ):
        assert answer.status == 200
        return await answer.text()


RICH: Json = {
    "type": "rich_text",
    "elements": [
        {"type": "rich_text_section", "elements": [
            {"type": "text", "text": EVIL, "style": {"bold": True}},
            {"type": "link", "url": "javascript:alert(1)", "text": "bad"},
            {"type": "link", "url": "https://x.example", "text": "good"},
            {"type": "emoji", "name": "warning"},
            {"type": "user", "user_id": "U0BEN"},
        ]},
        {"type": "rich_text_list", "style": "ordered", "elements": [
            {"type": "rich_text_section", "elements": [{"type": "text", "text": "first"}]}]},
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "line 1\nline 2"}]},
        {"type": "rich_text_quote", "elements": [{"type": "text", "text": "quoted"}]},
    ],
}  # fmt: skip


async def test_a_channel_shows_its_messages_blocks_and_buttons(on: Ground) -> None:
    await on.slack.act("U0ANNA", "say", channel="C0HELP", text=f"*bold* {EVIL} & more")
    blocks: list[Json] = [
        {"type": "header", "text": plain("Head")},
        {"type": "section", "text": {"type": "mrkdwn", "text": "*strong* `code` <@U0BEN> <https://x.example|there>"},
         "fields": [plain("left"), plain("right")], "accessory": menu("overflow", "Pause", "Link")},
        {"type": "divider"},
        {"type": "context", "elements": [plain("small print"), {"type": "image", "image_url": "x", "alt_text": "pic"}]},
        {"type": "actions", "elements": [*actions("Resolve")["elements"], menu("static_select", "Low")]},
        {"type": "image", "image_url": "https://x.example/a.png", "alt_text": "a chart"},
        {"type": "markdown", "text": "# Title\n**fat** [site](https://x.example)\n```\n<raw>\n```"},
        RICH,
    ]  # fmt: skip
    await on.client.chat_postMessage(channel="C0HELP", text="x", blocks=blocks)
    page = await seen(on, "channel/C0HELP")
    assert "<script>" not in page and "&lt;script&gt;" in page and "javascript:" not in page
    for piece in (
        "<h3>Head</h3>", "<b>strong</b>", "<code>code</code>", "@Ben Ortiz", ">there</a>", "left", "Pause",
        "<hr>", "small print", ">Resolve</span>", "a chart", "<b>fat</b>", "&lt;raw&gt;", "⚠️",
        "<ol start='1'", "<pre>line 1\nline 2</pre>", "<blockquote>quoted</blockquote>", "# helpdesk",
    ):  # fmt: skip
        assert piece in page, piece


async def test_a_thread_stands_beside_its_channel_with_what_the_app_is_doing(on: Ground) -> None:
    head = (await on.slack.act("U0ANNA", "say", channel="C0HELP", text="head"))["ts"]
    await on.client.chat_postMessage(channel="C0HELP", thread_ts=head, text="the answer")
    await on.client.assistant_threads_setStatus(
        channel_id="C0HELP", thread_ts=head, status="is reading the ticket…"
    )
    page = await seen(on, f"thread/C0HELP/{head}")
    assert "<aside>" in page and "the answer" in page and "1 reply" in page
    assert "FlowPilot is reading the ticket…" in page
    assert "the answer" not in await seen(on, "channel/C0HELP")


async def test_a_window_shows_its_fields_values_and_errors(on: Ground) -> None:
    on.app.answers = {"view_submission": {"response_action": "errors", "errors": {"f:note": f"Say {EVIL}"}}}
    await on.window(ask("note"), ask("level", menu("radio_buttons", "Low", "High")), section("Explained"))
    await on.slack.act("U0ANNA", "submit", values={"note": f"typed {EVIL}", "level": "High"})
    page = await seen(on, "view/U0ANNA")
    assert "Window" in page and "◉ High" in page and "○ Low" in page and "Explained" in page
    assert "typed &lt;script&gt;" in page and "Say &lt;script&gt;" in page and "<script>" not in page
    assert "No window is open" in await seen(on, "view/U0BEN")


async def test_the_home_tab_is_drawn(on: Ground) -> None:
    assert "Nothing published yet" in await seen(on, "home/U0ANNA")
    await on.client.views_publish(
        user_id="U0ANNA", view={"type": "home", "blocks": [section("Your sessions")]}
    )
    assert "Your sessions" in await seen(on, "home/U0ANNA")


async def test_a_private_message_is_on_the_page_of_its_reader_alone(on: Ground) -> None:
    await on.client.chat_postEphemeral(channel="C0HELP", user="U0ANNA", text="for Anna")
    assert "for Anna" not in await seen(on, "channel/C0HELP")
    assert "Only visible to you" in await seen(on, "channel/C0HELP/U0ANNA")


async def test_every_input_a_form_may_have_can_be_drawn(on: Ground) -> None:
    kinds = (
        "plain_text_input", "email_text_input", "url_text_input", "datepicker", "timepicker", "datetimepicker",
        "users_select", "conversations_select", "channels_select", "multi_users_select", "external_select",
        "multi_external_select", "file_input", "rich_text_input",
    )  # fmt: skip
    number = {"type": "number_input", "is_decimal_allowed": False}
    several = menu("multi_static_select", "One", "Two")
    await on.window(
        *(ask(kind, {"type": kind}) for kind in kinds), ask("number", number), ask("several", several)
    )
    page = await seen(on, "view/U0ANNA")
    assert page.count("<label>") == len(kinds) + 2
