"""Slack's route: only what Slack signed is kept, once and before it is acknowledged, and nothing is lost by a failure."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.slack.answers import Limits
from bot.slack.listen import MAX_BODY
from engine.ports import Raw
from storage.receiving import Receiving
from tests.bot.slack.slack_site import VAULT, Site, message, served, signed, slack_site
from tests.bot.slack.test_payloads import click, submission
from tests.conftest import Database

NOWHERE = "postgresql://nobody:nothing@127.0.0.1:1/none"
KEPT = (200, "")


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    async with slack_site(database) as opened:
        yield opened


def ours(site: Site, body: dict[str, Any]) -> dict[str, Any]:
    """A sample body as one of this test's workspace, with ids of its own."""
    text = json.dumps(body).replace("slack:T1:", f"slack:{site.team}:").replace('"T1"', f'"{site.team}"')
    text = text.replace("7.8.abc", f"7.8.{site.team}").replace('"V1"', f'"V{site.team}"')
    own: dict[str, Any] = json.loads(text)
    return own


# ── Who is Slack ────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_slack_signed_is_kept_unchanged_before_it_is_acknowledged(site: Site) -> None:
    body = site.about(message(text="<@U0FLOW> Größe 😀"))
    assert await site.envelope(body) == KEPT
    [(unique, order, kept)] = await site.rows()
    event = body["event"]
    assert unique == f"msg:{site.team}:C0HELP:{event['ts']}"
    assert order == f"slack:{site.team}:C0HELP:{event['ts']}"
    assert kept == {"kind": "event", "body": body}


BAD: dict[str, Any] = {
    "signed with another secret": lambda raw: signed(raw, secret="another"),
    "signed six minutes ago": lambda raw: signed(raw, at=time.time() - 360),
    "signed six minutes ahead": lambda raw: signed(raw, at=time.time() + 360),
    "not signed": lambda raw: {},
    "without a time": lambda raw: {**signed(raw), "X-Slack-Request-Timestamp": ""},
    "with words for a time": lambda raw: {**signed(raw), "X-Slack-Request-Timestamp": "yesterday"},
    "with a decimal time": lambda raw: {**signed(raw), "X-Slack-Request-Timestamp": f"{time.time()}"},
    "with a negative time": lambda raw: {**signed(raw), "X-Slack-Request-Timestamp": "-1"},
    "with an endless time": lambda raw: {**signed(raw), "X-Slack-Request-Timestamp": "9" * 5000},
    "with letters no signature has": lambda raw: {**signed(raw), "X-Slack-Signature": "v0=ä"},
    "signed over another body": lambda raw: signed(raw + b" "),
}


@pytest.mark.parametrize("how", BAD)
async def test_what_slack_did_not_sign_is_answered_401_and_nothing_is_kept(site: Site, how: str) -> None:
    raw = json.dumps(site.about(message())).encode()
    headers = {"Content-Type": "application/json", **BAD[how](raw)}
    status, _ = await site.post(raw, headers)
    assert status == 401
    assert await site.rows() == []


async def test_nothing_is_parsed_before_its_signature_was_checked(site: Site) -> None:
    for raw in (b"{", b"[" * 100_000, b"\xff\xfe", b""):
        assert (await site.post(raw, {"Content-Type": "application/json"}))[0] == 401


@pytest.mark.parametrize(
    "raw", [b"{", b"[]", b"null", b"7", b'{"a":' * 20_000, b"payload=%7B", b"payload=7"], ids=lambda r: r[:9]
)
async def test_an_odd_body_is_refused_without_a_trace(site: Site, raw: bytes) -> None:
    kind = "application/x-www-form-urlencoded" if raw.startswith(b"payload") else "application/json"
    status, said = await site.post(raw, {"Content-Type": kind, **signed(raw)})
    assert (status, said) == (400, "This is not what Slack sends. Nothing was kept.")


async def test_a_body_above_one_megabyte_is_refused(site: Site) -> None:
    raw = b'{"x": "%s"}' % (b"a" * MAX_BODY)
    status, said = await site.post(raw, {"Content-Type": "application/json", **signed(raw)})
    assert status == 413
    assert "Nothing was kept" in said


async def test_slack_may_verify_the_address_and_its_certificate(site: Site) -> None:
    raw = json.dumps({"type": "url_verification", "challenge": "abc", "token": "t"}).encode()
    headers = {"Content-Type": "application/json"}
    assert await site.post(raw, {**headers, **signed(raw)}) == (200, '{"challenge": "abc"}')
    assert (await site.post(raw, headers))[0] == 401
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert await site.post(b"ssl_check=1&token=t", form) == KEPT


# ── Once ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_mention_and_its_message_are_one_row(site: Site) -> None:
    said = message()
    assert await site.event(said) == await site.event({**said, "type": "app_mention"}) == KEPT
    assert len(await site.rows()) == 1


async def test_a_retry_is_acknowledged_and_changes_nothing(site: Site) -> None:
    body = site.about({"type": "app_home_opened", "user": "U0ANNA", "channel": "D1", "tab": "home"})
    answers = [
        await site.envelope(body),
        await site.envelope(body, **{"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}),
        *await asyncio.gather(*(site.envelope(body) for _ in range(10))),
    ]
    assert set(answers) == {KEPT}
    assert await site.keys() == [f"ev:{body['event_id']}"]


async def test_a_retry_is_kept_where_the_first_delivery_was_lost(site: Site) -> None:
    body = site.about(message())
    assert await site.envelope(body, **{"X-Slack-Retry-Num": "1"}) == KEPT
    assert len(await site.rows()) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"subtype": "bot_message", "bot_id": "B1", "user": None},
        {"bot_id": "B1"},
        {"subtype": "message_changed", "hidden": True},
        {"subtype": "message_deleted", "hidden": True},
        {"subtype": "channel_join"},
        {"text": "lunch?"},
    ],
    ids=str,
)
async def test_what_other_bots_say_and_what_is_edited_or_deleted_is_not_kept(
    site: Site, more: dict[str, Any]
) -> None:
    assert await site.event(message(**more)) == KEPT
    assert await site.rows() == []


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast", "me_message"])
async def test_files_and_broadcasts_in_a_thread_are_kept(site: Site, subtype: str) -> None:
    said = message(subtype=subtype, thread_ts="1.1", text="see this")
    assert await site.event(said) == KEPT
    assert len(await site.rows()) == 1


async def test_buttons_windows_and_shortcuts_of_others_are_acknowledged_and_not_kept(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "hunter2"
    theirs: list[dict[str, Any]] = [
        click(actions=[{"type": "button", "action_id": "a", "value": secret}]),
        submission(callback_id="theirs", private_metadata=secret),
        {"type": "message_action", "callback_id": "theirs", "team": {"id": "T1"}, "trigger_id": secret},
        {"type": "workflow_step_edit", "team": {"id": "T1"}, "callback_id": secret},
    ]
    for body in theirs:
        assert await site.interact(ours(site, body)) == KEPT
    assert await site.event({"type": "channel_rename", "name": secret}) == KEPT
    assert await site.rows() == []
    assert secret not in caplog.text


async def test_a_command_a_click_and_a_closed_window_are_kept(site: Site) -> None:
    said = {
        "command": "/flowpilot",
        "text": "mine",
        "team_id": site.team,
        "user_id": "U1",
        "trigger_id": f"1.{site.team}",
    }
    assert await site.form(said) == KEPT
    assert await site.interact(ours(site, click())) == KEPT
    assert await site.interact(ours(site, {**submission(), "type": "view_closed"})) == KEPT
    rows = await site.rows()
    assert [(key, kept["kind"]) for key, _, kept in rows] == [
        (f"cmd:1.{site.team}", "command"),
        (f"act:7.8.{site.team}", "action"),
        (f"closed:V{site.team}:1.a", "closed"),
    ]  # fmt: skip
    assert rows[0][2]["body"] == said


# ── Failures ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_without_its_database_slack_is_asked_to_send_events_again(site: Site) -> None:
    away = Receiving(NOWHERE, VAULT)

    async def receive(raw: Raw) -> bool:
        return await away.remember(raw.platform, raw.unique_key, raw.order_key, raw.payload)

    async with served(receive, site):
        assert await site.event(message()) == (503, "")


async def test_without_its_database_a_person_hears_that_nothing_was_kept(site: Site) -> None:
    site.fails = TimeoutError()
    status, said = await site.form(
        {"command": "/flowpilot", "text": "mine", "team_id": site.team, "trigger_id": f"1.{site.team}"}
    )
    told = json.loads(said)
    assert (status, told["response_type"]) == (200, "ephemeral")
    assert "Nothing was kept" in told["text"]
    status, _ = await site.interact(ours(site, click(response_url="https://hooks.slack.com/x")))
    [(url, answer)] = site.workspaces.with_token().said
    assert (status, url, answer["replace_original"]) == (503, "https://hooks.slack.com/x", False)
    assert "Nothing was kept" in answer["text"]


async def test_a_form_keeps_what_was_typed_where_it_cannot_be_kept(site: Site) -> None:
    site.fails = OSError()
    block = {"type": "input", "block_id": "f:text", "element": {"type": "plain_text_input"}}
    state = {"values": {"f:text": {"fp:field": {"type": "plain_text_input", "value": "x"}}}}
    status, said = await site.interact(ours(site, submission(blocks=[block], state=state)))
    told = json.loads(said)
    assert (status, told["response_action"]) == (200, "errors")
    assert "Nothing was kept" in told["errors"]["f:text"]


async def test_what_nobody_expected_is_answered_with_a_number_and_not_with_a_trace(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.fails = RuntimeError("hunter2")
    assert await site.event(message(text="<@U0FLOW> hunter2")) == (500, "")
    _, said = await site.form(
        {"command": "/flowpilot", "text": "mine", "team_id": site.team, "trigger_id": f"1.{site.team}"}
    )
    assert "E-" in json.loads(said)["text"]
    assert "hunter2" not in said + caplog.text


async def test_slacks_api_may_be_away_and_the_row_is_there(site: Site) -> None:
    site.workspaces.lost = OSError("away")
    assert await site.event(message()) == KEPT
    assert await site.interact(ours(site, click("pause"))) == KEPT
    assert (await site.keys())[1:] == [f"act:7.8.{site.team}", f"vf:7.8.{site.team}"]


async def test_a_database_that_does_not_answer_is_not_waited_for(site: Site) -> None:
    async def never(_: object) -> bool:
        await asyncio.Event().wait()
        return True

    assert Limits().keep < 3, "Slack waits three seconds"
    async with served(never, site, Limits(keep=0.01)):
        assert await site.event(message()) == (503, "")


def test_what_the_environment_says_changes_nothing_about_whom_bolt_asks() -> None:
    program = (
        "from bot.slack.answers import Answers; from bot.slack.listen import bolt, Remember;"
        "app = bolt(Answers(None, None, None, None), 'http://127.0.0.1:1/api/');"
        "print([m.name.rpartition('.')[2] for m in app._async_middleware_list], app._token)"
    )
    environment = {
        "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_CLIENT_ID": "1.2", "SLACK_CLIENT_SECRET": "s", "SLACK_SIGNING_SECRET": "s"
    }  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env=environment, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    assert ran.stdout.split("] ")[1].strip() == "None"
    assert "SingleTeam" not in ran.stdout
    assert ran.stderr == ""
