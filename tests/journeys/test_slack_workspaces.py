"""Two workspaces of Slack, one Account: the escalation channel is in one of them, and people reach what they pick up."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.slack.tokens import Apis
from engine.session import Role
from storage.workspaces import make_code
from tests.conftest import Database
from tests.journeys.slack_office import (
    ANNA,
    BEN,
    CARLA,
    ESCALATIONS,
    HELP,
    TEAM,
    Office,
    labels,
    office,
    shown,
)

TWO, DORA, HELP_TWO, ESC_TWO = "T0TWO", "U0DORA", "C0HELP2", "C0ESC2"
PRIVATE = "G0PRIV"


@pytest.fixture
async def at(empty_database: Database, redis_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    async with office(empty_database, redis_url, tmp_path) as one:
        await second(one)
        yield one


async def second(at: Office) -> None:
    """Another workspace of the same Account, where Dora is a Lead."""
    channels = [
        {"id": each, "name": each.lower(), "members": [DORA, "U0FLOW2"]} for each in (HELP_TWO, ESC_TWO)
    ]
    at.slack.control.add_workspace(
        {
            "id": TWO, "name": "Two", "token": "xoxb-two", "bot_user": "U0FLOW2", "bot_id": "B0FLOW2",
            "users": [{"id": DORA, "name": "dora", "real_name": "Dora Two"}], "channels": channels,
        }
    )  # fmt: skip
    apis = Apis(at.store, base_url=at.programs["web"].environment["SLACK_API_URL"])
    await apis.workspaces.install(
        "slack", TWO, "Two", "U0FLOW2", "B0FLOW2", "A0FLOW", {"token": "xoxb-two"}, ""
    )
    await apis.close()
    async with at.store.transaction(at.account) as unit:
        code = await make_code(unit, "slack", at.users[ANNA])
    await at.command(DORA, f"connect {code}", channel=HELP_TWO)
    await at.private(DORA, "connected to your FlowPilot account")
    async with at.store.transaction(at.account) as unit:
        known = await unit.identity("slack", TWO, DORA)
        assert known is not None
        await unit.accounts.set_roles(known[1], (Role.TECHNICIAN, Role.LEAD, Role.ADMIN))


async def saved(at: Office, user: str, channel: str, *, leads_only: bool, **values: str) -> tuple[str, str]:
    """What the settings' window of this Admin offers as the channel, and what is kept once he sent it. `leads_only`
    differs each time, so that the settings are known to be saved.
    """
    await at.command(user, "settings", channel=channel)
    listed = await at.private(user, "Escalation channel")
    change = next(label for label in labels(listed) if label.startswith("Change"))
    await at.click(user, listed, change, channel=channel)
    window = await at.window(user, lambda v: bool(v.get("submit")))
    [asked] = [b for b in window["blocks"] if b.get("block_id") == "f:escalation_channel"]
    ticked = {"leads_only": "yes" if leads_only else ""}
    await at.act(user, "submit", view_id=window["id"], values={**ticked, **values})

    async def kept() -> dict[str, Any] | None:
        async with at.store.transaction(at.account) as unit:
            found = await unit.accounts.settings()
        return dict(found) if found.get("leads_only") is leads_only else None

    found = await at.until(kept, "the settings as they are now")
    if await at.windows(user):
        await at.act(user, "close", all=True)
    return asked["element"].get("initial_conversation", ""), str(found.get("escalation_channel"))


async def escalated(at: Office, computer: str, channel: str, to: str) -> tuple[Any, Any]:
    """The root of Ben's thread and the escalation card, each found by the computer they are about."""
    await at.command(BEN, f"Outlook keeps asking for a password on {computer}", channel=channel)
    root = await at.card(computer, channel=channel)
    await at.reply(root, "Step 1", channel=channel)
    await at.click(BEN, await at.card(computer, channel=channel), "Escalate", channel=channel)
    await at.submit(BEN, reason=f"no idea about {computer}")
    return root, await at.card(f"no idea about {computer}", channel=to)


async def now(at: Office, message: Any, channel: str) -> str:
    """The whole message as it stands there by now."""
    [found] = [m for m in await at.messages(channel) if m["ts"] == message["ts"]]
    return json.dumps(found["blocks"])


async def test_two_workspaces_of_one_account(at: Office) -> None:
    """One office for all of it, because an office takes long to open."""
    await a_private_channel_is_not_linked_on_the_card(at)
    await the_card_leads_to_where_a_fresh_session_goes_on(at)
    await the_channel_survives_the_second_workspace_and_is_emptied_only_where_it_is(at)
    await a_lead_of_the_other_workspace_goes_on_under_the_card(at)


async def a_private_channel_is_not_linked_on_the_card(at: Office) -> None:
    at.slack.world.channels[PRIVATE].members.append(BEN)
    _, card = await escalated(at, "PC-1", PRIVATE, ESCALATIONS)
    assert "/archives/" not in await now(at, card, ESCALATIONS)


async def the_card_leads_to_where_a_fresh_session_goes_on(at: Office) -> None:
    root, card = await escalated(at, "PC-2", HELP, ESCALATIONS)
    assert f"/archives/{HELP}/p{root['ts'].replace('.', '')}" in await now(at, card, ESCALATIONS)
    await at.click(CARLA, card, "Pick up", channel=ESCALATIONS)
    await at.submit(CARLA, manner="fresh")

    async def begun() -> Any:
        return next((m for m in await at.messages() if m["ts"] != root["ts"] and "PC-2" in shown(m)), None)

    fresh = await at.until(begun, "the fresh session")

    async def leads_there() -> bool:
        return f"/archives/{HELP}/p{fresh['ts'].replace('.', '')}" in await now(at, card, ESCALATIONS)

    await at.until(leads_there, "a link to the fresh session on the escalation card")


async def the_channel_survives_the_second_workspace_and_is_emptied_only_where_it_is(at: Office) -> None:
    here, there = f"{TEAM}:{ESCALATIONS}", f"{TWO}:{ESC_TWO}"
    assert await saved(at, ANNA, HELP, leads_only=True) == (ESCALATIONS, here)
    assert await saved(at, DORA, HELP_TWO, leads_only=False) == ("", here)
    assert await saved(at, ANNA, HELP, leads_only=True, escalation_channel="") == (ESCALATIONS, "")
    assert await saved(at, DORA, HELP_TWO, leads_only=False, escalation_channel=ESC_TWO) == ("", there)


async def a_lead_of_the_other_workspace_goes_on_under_the_card(at: Office) -> None:
    _, card = await escalated(at, "PC-3", HELP, ESC_TWO)
    assert "/archives/" not in await now(at, card, ESC_TWO)
    await at.click(DORA, card, "Pick up", channel=ESC_TWO)
    await at.submit(DORA, manner="continue")
    await at.reply(card, "Step 2", channel=ESC_TWO)
    assert "/archives/" not in await now(at, card, ESC_TWO)
