"""The escalation channel of an Account with two workspaces, and where a person who is in both is written to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from bot.card import Card, Field, Form
from bot.slack import inputs, reach
from bot.words import say
from storage.workspaces import Workspaces, make_code
from tests.conftest import Database
from tests.fakes import Office, office


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


async def two(place: Office) -> tuple[str, str]:
    """Two linked workspaces; the one whose name comes last was linked first."""
    first, second = f"T9{uuid4().hex[:10].upper()}", f"T1{uuid4().hex[:10].upper()}"
    for team in (first, second):
        await Workspaces(place.store).install("slack", team, "W", "U1", "B1", "A1", {"token": "xoxb-1"}, "")
        async with place.store.transaction(place.account) as unit:
            code = await make_code(unit, "slack", place.lea.id)
        async with place.store.transaction() as unit:
            assert await unit.redeem("slack", team, code) == place.account
    return first, second


def form(value: str) -> Card:
    return Card(
        "form",
        "Settings",
        form=Form("settings", (Field(reach.SETTING, "Channel", "channel", value),), "Save"),
    )


def offered(card: Card) -> Any:
    assert card.form is not None
    return inputs.inputs(card.form)[0]["element"].get("initial_conversation")


async def test_a_bare_channel_is_one_of_the_workspace_that_was_linked_first(place: Office) -> None:
    first, second = await two(place)
    async with place.store.transaction(place.account) as unit:
        assert await reach.escalation_channel(unit) == ("", "")
        await unit.accounts.change_settings({reach.SETTING: "C0ESC"})
        assert await reach.escalation_channel(unit) == (first, "C0ESC")
        await unit.accounts.change_settings({reach.SETTING: f"{second}:C0ESC"})
        assert await reach.escalation_channel(unit) == (second, "C0ESC")


@pytest.mark.parametrize("bare", [True, False])
async def test_a_window_empties_only_a_channel_of_its_own_workspace(place: Office, bare: bool) -> None:
    first, second = await two(place)
    kept = "C0ESC" if bare else f"{first}:C0ESC"
    async with place.store.transaction(place.account) as unit:
        await unit.accounts.change_settings({reach.SETTING: kept})
        given = {reach.SETTING: "", "leads_only": "yes"}
        assert await reach.chosen_in(unit, first, given) == given
        assert await reach.chosen_in(unit, second, given) == {"leads_only": "yes"}
        chosen = await reach.chosen_in(unit, second, {reach.SETTING: "C0NEW"})
        assert chosen == {reach.SETTING: f"{second}:C0NEW"}
        own, foreign = (
            await reach.offered_in(unit, first, form(kept)),
            await reach.offered_in(unit, second, form(kept)),
        )
    assert (offered(own), offered(foreign)) == ("C0ESC", None)
    assert [getattr(b, "text", "") for b in foreign.blocks] == [say("slack.channel_elsewhere")]
    assert own.blocks == ()


async def test_who_is_in_both_workspaces_is_written_to_in_the_one_in_question(place: Office) -> None:
    first, second = await two(place)
    async with place.store.transaction(place.account) as unit:
        assert await reach.identity(unit, place.anna.id) is None
        await unit.accounts.add_identity(place.anna.id, "slack", first, "U0ANNA")
        await unit.accounts.add_identity(place.anna.id, "slack", second, "U2ANNA")
        assert await reach.identity(unit, place.anna.id, first) == (first, "U0ANNA")
        assert await reach.identity(unit, place.anna.id, second) == (second, "U2ANNA")
        assert await reach.identity(unit, place.anna.id, "T0NONE") is not None
