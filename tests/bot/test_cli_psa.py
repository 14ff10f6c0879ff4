"""`flowpilot connect` and `settings` against the practice ConnectWise: what is said, and what is kept."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from demo.psa import PracticePsa, practice_psa
from storage.administration import all_accounts
from storage.store import Store
from storage.vault import Vault
from tests.bot.commands import Flowpilot, settings_of, with_account
from tests.conftest import Database

KEPT = "a connection from before stays as it was"


@pytest.fixture
async def msp(empty_database: Database, redis_url: str) -> Flowpilot:
    """One account with Anna, who is a Member of the practice ConnectWise."""
    return await with_account(Flowpilot(settings_of(empty_database, redis_url)))


@pytest.fixture
async def psa() -> AsyncIterator[PracticePsa]:
    async with practice_psa() as running:
        yield running


@pytest.fixture
async def connected(msp: Flowpilot, psa: PracticePsa) -> Flowpilot:
    heard = await msp.connect(psa)
    assert heard.status == 0, heard.err
    return msp


async def keys(flowpilot: Flowpilot) -> list[dict[str, str]]:
    """The keys of every connection, opened."""
    store = Store(flowpilot.settings["DATABASE_URL"], Vault([flowpilot.settings["FLOWPILOT_KEYS"]]))
    try:
        (account,) = await all_accounts(store)
        async with store.transaction(account) as unit:
            return [known.keys for known in await unit.accounts.connections()]
    finally:
        await store.close()


async def member(flowpilot: Flowpilot, email: str) -> str | None:
    people = (await flowpilot.does("users", "list", "--json")).json
    found: str | None = next(user["member"] for user in people if user["email"] == email)
    return found


async def settings(flowpilot: Flowpilot) -> dict[str, Any]:
    found: dict[str, Any] = (await flowpilot.does("settings", "show", "--json")).json
    return found


# ── Connecting ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_connecting_says_what_was_found_keeps_the_keys_sealed_and_maps_by_email(
    msp: Flowpilot, psa: PracticePsa
) -> None:
    await msp.does("users", "add", "BEN@practice.example", "--name", "Ben")
    await msp.does("users", "add", "stranger@practice.example")
    heard = await msp.connect(psa)
    assert heard.status == 0
    assert "Connected to practice" in heard.out
    assert "Anna is Anna Keller in ConnectWise" in heard.out
    assert "stranger@practice.example" in heard.err
    assert "--map NUMBER" in heard.err
    assert psa.settings.private_key not in heard.out + heard.err
    assert await member(msp, "BEN@practice.example") == "102 Ben Ortiz"
    assert [k["private_key"] for k in await keys(msp)] == [psa.settings.private_key]
    async with await psycopg.AsyncConnection.connect(msp.settings["DATABASE_OWNER_URL"]) as connection:
        ((sealed,),) = await (await connection.execute("select keys from psa_connections")).fetchall()
    assert psa.settings.private_key.encode() not in bytes(sealed)


async def test_connecting_again_replaces_the_keys_of_the_same_company(
    connected: Flowpilot, psa: PracticePsa
) -> None:
    psa.room.settings = replace(psa.settings, private_key="renewed")
    assert (await connected.connect(psa, host=psa.url.upper().replace("HTTP", "http") + "/")).status == 0
    assert [k["private_key"] for k in await keys(connected)] == ["renewed"]


@pytest.mark.parametrize("cloud", [True, False])
async def test_wrong_keys_are_told_and_the_old_ones_stay(
    connected: Flowpilot, psa: PracticePsa, *, cloud: bool
) -> None:
    psa.room.settings = replace(psa.settings, cloud=cloud)
    before = await keys(connected)
    for wrong in ("company", "public_key", "private_key", "client_id"):
        heard = await connected.connect(psa, **{wrong: "wrong"})
        assert heard.status == 1, wrong
        assert KEPT in heard.err, wrong
        assert "API Members" in heard.err, wrong
        assert await keys(connected) == before, wrong


@pytest.mark.parametrize("kind", ["html", "ssl"])
async def test_a_host_that_is_not_the_api_is_told_with_the_right_form(
    msp: Flowpilot, psa: PracticePsa, kind: str
) -> None:
    psa.room.settings = replace(psa.settings, wrong_host=kind)
    heard = await msp.connect(psa)
    assert heard.status == 1
    assert "api-na.myconnectwise.net" in heard.err
    assert KEPT in heard.err
    assert await keys(msp) == []


async def test_a_page_of_html_in_place_of_an_answer_is_told_and_nothing_kept(
    msp: Flowpilot, psa: PracticePsa
) -> None:
    psa.faults.add(kind="html", status=503)
    heard = await msp.connect(psa)
    assert (heard.status, await keys(msp)) == (1, [])
    assert KEPT in heard.err
    assert "<" not in heard.err


async def test_a_host_that_does_not_answer_is_told(msp: Flowpilot, psa: PracticePsa) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    heard = await msp.connect(psa, host=url)
    assert heard.status == 1
    assert "cannot be reached" in heard.err
    assert KEPT in heard.err


async def test_a_private_host_needs_the_operators_leave(msp: Flowpilot, psa: PracticePsa) -> None:
    msp.settings["FLOWPILOT_PSA_ALLOW_HOSTS"] = ""
    heard = await msp.connect(psa)
    assert heard.status == 1
    assert "https" in heard.err
    assert psa.journal() == []


async def test_a_role_that_lacks_rights_is_connected_and_the_rights_are_named(
    msp: Flowpilot, psa: PracticePsa
) -> None:
    psa.faults.add(kind="forbidden", path="/system/members")
    heard = await msp.connect(psa)
    assert heard.status == 0
    assert "Member Maintenance" in heard.out
    assert "nobody was mapped" in heard.err


async def test_the_private_key_comes_from_a_file_the_terminal_or_standard_input(
    msp: Flowpilot, psa: PracticePsa, tmp_path: Path
) -> None:
    file, known = tmp_path / "key", psa.settings
    file.write_text(known.private_key + "\n")
    words = (
        *("connect", "connectwise", "--host", psa.url, "--company", known.company),
        *("--public-key", known.public_key, "--client-id", known.client_id),
    )
    await msp.does(*words, "--private-key-file", str(file))
    await msp.does(*words, secret=known.private_key)
    await msp.does(*words, entered=known.private_key + "\n")
    assert "There is no private key" in await msp.refuses(*words)
    assert "cannot be read" in await msp.refuses(*words, "--private-key-file", str(tmp_path / "none"))
    assert len(await keys(msp)) == 1


async def test_the_installations_client_id_serves_where_none_is_given(
    msp: Flowpilot, psa: PracticePsa
) -> None:
    assert "clientId" in (await msp.connect(psa, client_id="")).err
    msp.settings["FLOWPILOT_PSA_CLIENT_ID"] = psa.settings.client_id
    assert (await msp.connect(psa, client_id="")).status == 0


# ── Mapping ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_admins_choice_of_a_member_is_not_overwritten_by_an_email(
    connected: Flowpilot, psa: PracticePsa
) -> None:
    anna = "anna@practice.example"
    assert "Carla Mendes" in (await connected.does("users", "set", anna, "--map", "103")).out
    assert (await connected.connect(psa)).status == 0
    assert await member(connected, anna) == "103 Carla Mendes"
    await connected.does("users", "set", anna, "--map", "none")
    assert await member(connected, anna) is None


async def test_a_member_that_is_not_there_is_refused_with_those_that_are(connected: Flowpilot) -> None:
    said = await connected.refuses("users", "add", "ben@practice.example", "--map", "104")
    assert "no active member 104" in said
    assert "102 Ben Ortiz" in said
    assert len((await connected.does("users", "list", "--json")).json) == 1


# ── Settings ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_eleven_settings_begin_with_their_defaults(connected: Flowpilot) -> None:
    assert await settings(connected) == {
        "time_zone": "UTC",
        "business_hours": "always",
        "leads_only": False,
        "daily_tokens": None,
        "auto_push": "on_resolve_and_escalate",
        "review_before_push": True,
        "note_visibility": "internal",
        "time_entries": "draft",
        "time_rounding_minutes": 0,
        "resolved_status": {},
        "escalated_status": {},
    }


async def test_statuses_are_given_by_names_and_shown_by_names(connected: Flowpilot) -> None:
    await connected.does("settings", "set", "resolved_status=help desk: completed; Alerts:Cleared")
    await connected.does("settings", "set", "escalated_status=1:5")
    found = await settings(connected)
    assert found["resolved_status"] == {"1": 6, "24": 32}
    assert found["escalated_status"] == {"1": 5}
    shown = (await connected.does("settings", "show")).out
    assert "Help Desk: Completed; Alerts: Cleared" in shown
    await connected.does("settings", "set", "resolved_status=Alerts: none")
    assert (await settings(connected))["resolved_status"] == {"1": 6}
    await connected.does("settings", "set", "resolved_status=none", "escalated_status=")
    found = await settings(connected)
    assert (found["resolved_status"], found["escalated_status"]) == ({}, {})


IMPOSSIBLE = [
    ("auto_push=always", "Choose one of: off, on_resolve, on_resolve_and_escalate"),
    ("time_rounding_minutes=7", "Choose one of: 0, 5, 6, 15, 30"),
    ("time_rounding_minutes=ten", "Choose one of"),
    ("review_before_push=perhaps", "Choose one of: yes, no"),
    ("leads_only=perhaps", "Choose one of: yes, no"),
    ("resolved_status=Help Desk: Finished", "has no status “Finished”"),
    ("resolved_status=Old Help Desk: New", "names no board"),
    ("resolved_status=Completed", "names no board"),
    ("time_zone=Berlin", "Did you mean Europe/Berlin"),
    ("business_hours=mon-fri 18:00-08:00", "ends before it begins"),
    ("daily_tokens=plenty", "Write the tokens of a day as a number"),
    ("colour=blue", "There is no setting colour"),
    ("auto_push", "NAME=VALUE"),
]


async def test_a_setting_that_cannot_be_is_refused_and_nothing_changes(connected: Flowpilot) -> None:
    before = await settings(connected)
    for change, said in IMPOSSIBLE:
        heard = await connected.refuses("settings", "set", "auto_push=off", "leads_only=yes", change)
        assert said in heard, change
        assert "Nothing was changed" in heard, change
        assert await settings(connected) == before, change


async def test_all_kinds_of_settings_change_together(connected: Flowpilot) -> None:
    await connected.does(
        *("settings", "set", "auto_push=off", "review_before_push=no", "time_rounding_minutes=15"),
        *("time_zone=europe/berlin", "business_hours=Monday-Friday 8-18", "leads_only=yes"),
    )
    found = await settings(connected)
    assert (found["auto_push"], found["review_before_push"], found["time_rounding_minutes"]) == (
        "off",
        False,
        15,
    )
    assert (found["time_zone"], found["leads_only"]) == ("Europe/Berlin", True)
    assert found["business_hours"] == "mon-fri 08:00-18:00"


async def test_settings_of_the_account_need_no_psa(msp: Flowpilot) -> None:
    await msp.does("settings", "set", "leads_only=on")
    assert (await settings(msp))["leads_only"] is True
    assert "No PSA is connected" in await msp.refuses("settings", "set", "auto_push=off")


async def test_the_daily_tokens_are_the_installations_until_the_account_has_its_own(msp: Flowpilot) -> None:
    shown = (await msp.does("settings", "show")).out
    assert "2000000, as the installation has it" in shown
    assert "Claude today: 0 tokens, $0.0000." in shown
    for typed, kept in (("500_000", 500_000), ("0", 0), ("", None)):
        await msp.does("settings", "set", f"daily_tokens={typed}")
        assert (await settings(msp))["daily_tokens"] == kept


async def test_settings_are_shown_by_number_while_connectwise_is_away(
    connected: Flowpilot, psa: PracticePsa
) -> None:
    await connected.does("settings", "set", "resolved_status=1:6")
    psa.faults.add(kind="down")
    heard = await connected.does("settings", "show")
    assert "1: 6" in heard.out
    assert "by number" in heard.err
