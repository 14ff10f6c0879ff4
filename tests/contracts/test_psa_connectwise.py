"""The real client keeps the contract against the practice ConnectWise, and knows its traps."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from demo.psa import PracticePsa, practice_psa
from engine.psa import (
    Psa,
    PsaBroken,
    PsaForbidden,
    PsaKeysRefused,
    PsaRefused,
    PsaWrongHost,
    StatusWrite,
)
from tests.contracts.answering import client_of, connection_to
from tests.contracts.psa_contract import (
    ANNA,
    BEN,
    COMPLETED,
    EARLIER,
    NINE,
    PROJECT,
    TICKET,
    PsaContract,
    note,
    time,
)


class PracticeWorld:
    def __init__(self, psa: Psa, practice: PracticePsa) -> None:
        self.psa = psa
        self.practice = practice

    def settings(self, **changes: object) -> None:
        self.practice.room.settings = replace(self.practice.room.settings, **changes)  # type: ignore[arg-type]

    def fault(self, kind: str, path: str, times: int | None = 1, **words: object) -> None:
        self.practice.faults.add(kind=kind, path=path, times=times, **words)

    def lose_the_reply(self, method: str, *, stored: bool) -> None:
        path = {"add_note": r"/notes$", "add_time": r"/time/entries$"}[method]
        self.fault("lost_reply" if stored else "dropped", path, method="POST")

    def be_busy(self, seconds: int) -> None:
        self.fault("too_many_requests", "/service/tickets", retry_after=seconds)

    def refuse_the_keys(self) -> None:
        self.settings(public_key="another")

    def accept_and_forget(self) -> None:
        self.fault("false_success", "/tickets/", method="PATCH")


@pytest.fixture
async def world() -> AsyncIterator[PracticeWorld]:
    async with practice_psa() as practice, client_of(practice.url) as client:
        yield PracticeWorld(client, practice)


class TestConnectWise(PsaContract):
    """The shared suite; the fixture `world` above is the practice ConnectWise."""


# ── What the practice ConnectWise saw ───────────────────────────────────────────────────────────────────────


async def test_a_lost_reply_is_one_request_and_one_note(world: PracticeWorld) -> None:
    write = note()
    world.lose_the_reply("add_note", stored=True)
    with pytest.raises(Exception, match="broke"):
        await world.psa.add_note(write)
    assert len(world.practice.journal("POST", "/notes$")) == 1
    assert sum(write.marker in each["text"] for each in world.practice.records("notes")) == 1


async def test_nothing_we_write_sends_an_e_mail(world: PracticeWorld) -> None:
    for visibility in ("internal", "discussion", "resolution"):
        await world.psa.add_note(note(visibility=visibility))
    await world.psa.add_time(time(show_on="discussion"))
    assert world.practice.records("emails") == []


async def test_time_goes_to_the_right_person_in_seconds_of_utc(world: PracticeWorld) -> None:
    write = time(start=NINE.replace(microsecond=999_000), member_id=BEN)
    number = await world.psa.add_time(write)
    entry = next(each for each in world.practice.records("timeEntries") if each["id"] == number)
    assert (entry["timeStart"], entry["timeEnd"]) == ("2026-08-20T09:00:00Z", "2026-08-20T09:25:00Z")
    assert entry["member"]["id"] == BEN
    assert entry["notes"] == "Fixed the Outlook sign-in."
    assert write.marker not in entry["notes"]
    assert write.marker in entry["internalNotes"]
    assert not any(
        entry[f"addTo{place}Flag"] for place in ("DetailDescription", "InternalAnalysis", "Resolution")
    )


async def test_time_saved_for_somebody_else_is_no_success_now_or_later(world: PracticeWorld) -> None:
    world.settings(member_honoured=False)
    write = time()
    for attempt in (world.psa.add_time, world.psa.find_time):
        with pytest.raises(PsaBroken, match="for FlowPilot API and not") as failed:
            await attempt(write)
        assert failed.value.outcome == "unknown"
        assert not failed.value.retryable


async def test_time_in_a_closed_period_is_refused_in_connectwises_words(world: PracticeWorld) -> None:
    world.settings(closed_before="2026-09-01T00:00:00Z")
    with pytest.raises(PsaRefused, match="The time period containing 08/20/2026 is closed") as failed:
        await world.psa.add_time(time())
    assert failed.value.fields[0][0] == "timeStart"


async def test_a_mark_is_found_among_hundreds_of_notes_and_collapsed_lines(world: PracticeWorld) -> None:
    world.settings(newlines_collapse=True)
    write = note()
    number = await world.psa.add_note(write)
    room = world.practice.room
    ticket = room.state.get("ticket", TICKET)
    assert ticket is not None
    later = [room.new_note(ticket, f"note {each}", {"internalAnalysisFlag": True}) for each in range(300)]
    room.commit([("put", "note", each) for each in later])
    assert await world.psa.find_note(write) == number
    newest = await world.psa.notes(TICKET, limit=10)
    assert len(newest) == 10


async def test_too_many_notes_to_read_is_not_called_absent(world: PracticeWorld) -> None:
    room = world.practice.room
    ticket = room.state.get("ticket", TICKET)
    assert ticket is not None
    many = [room.new_note(ticket, "x", {"internalAnalysisFlag": True}) for _ in range(2_001)]
    room.commit([("put", "note", each) for each in many])
    with pytest.raises(PsaBroken, match="too long"):
        await world.psa.find_note(note())


@pytest.mark.parametrize("status", [404, 405])
async def test_without_all_notes_the_plain_ones_are_read(world: PracticeWorld, status: int) -> None:
    world.settings(all_notes=status)
    number = await world.psa.add_note(note())
    assert number in {each.id for each in await world.psa.notes(TICKET)}
    await world.psa.notes(TICKET)
    assert len(world.practice.journal("GET", "/allNotes$")) == 1


@pytest.mark.parametrize(
    ("path", "part"),
    [("/configurations$", "configurations"), ("otes$", "notes"), (r"/service/tickets$", "recent")],
)
async def test_a_part_that_cannot_be_read_is_named_and_the_ticket_still_comes(
    world: PracticeWorld, path: str, part: str
) -> None:
    world.fault("server_error", path, times=None)
    ticket = await world.psa.ticket(TICKET)
    assert part in ticket.missing
    assert ticket.summary == "Outlook keeps asking for password"


async def test_a_role_without_members_still_shows_my_tickets(world: PracticeWorld) -> None:
    world.fault("forbidden", "/system/members", times=None)
    assert TICKET in {each.id for each in await world.psa.my_open(ANNA)}
    with pytest.raises(PsaForbidden, match="Member Maintenance") as failed:
        await world.psa.members()
    assert failed.value.right == "System: Member Maintenance (inquire)"
    assert "Member Maintenance" in await world.psa.check()


async def test_a_resource_who_is_not_the_owner_sees_the_ticket_as_his(world: PracticeWorld) -> None:
    room = world.practice.room
    ticket = room.state.get("ticket", TICKET)
    assert ticket is not None
    room.commit([("put", "ticket", {**ticket, "resources": "benedict, ben"})])
    assert TICKET in {each.id for each in await world.psa.my_open(BEN)}
    room.commit([("put", "ticket", {**ticket, "resources": "benedict"})])
    assert TICKET not in {each.id for each in await world.psa.my_open(BEN)}


async def test_a_long_search_goes_as_post_and_finds_the_same(world: PracticeWorld) -> None:
    short = await world.psa.search("outlook password")
    padded = [f"{'ж' * 55}{each}" for each in "abcdef"]
    assert await world.psa.search(" ".join(padded)) == ()
    sent = world.practice.journal("POST", "/service/tickets/search$")
    assert len(sent) == 1
    assert sent[0]["body"]["conditions"].startswith("closedFlag=False AND (summary contains ")
    assert TICKET in {each.id for each in short}
    assert all(len(str(each["query"])) < 2_000 for each in world.practice.journal("GET"))


@pytest.mark.parametrize("wrong", ["html", "ssl"])
async def test_the_host_without_api_is_named_as_such(world: PracticeWorld, wrong: str) -> None:
    world.settings(wrong_host=wrong)
    with pytest.raises(PsaWrongHost, match="api-"):
        await world.psa.check()


@pytest.mark.parametrize("cloud", [True, False])
async def test_wrong_keys_are_named_at_the_check(cloud: bool) -> None:
    async with practice_psa() as practice:
        practice.room.settings = replace(practice.room.settings, cloud=cloud)
        wrong = connection_to(practice.url, private_key="guess")
        async with client_of(practice.url, wrong) as client:
            with pytest.raises(PsaKeysRefused):
                await client.check()


async def test_an_unknown_company_is_named_at_the_check() -> None:
    async with practice_psa() as practice:
        unknown = connection_to(practice.url, company="nobody & sons")
        async with client_of(practice.url, unknown) as client:
            with pytest.raises(PsaKeysRefused, match="nobody & sons"):
                await client.check()


async def test_the_real_project_path_is_used_for_project_tickets(world: PracticeWorld) -> None:
    assert await world.psa.set_status(StatusWrite(PROJECT, "ProjectTicket", 41)) == "In Progress"
    assert world.practice.journal("PATCH")[0]["path"].endswith(f"/project/tickets/{PROJECT}")


async def test_a_closing_status_closes_and_time_comes_before_it(world: PracticeWorld) -> None:
    await world.psa.add_time(time())
    assert await world.psa.set_status(StatusWrite(TICKET, "ServiceTicket", COMPLETED)) == "Completed"
    assert (await world.psa.ticket(TICKET)).closed
    with pytest.raises(PsaRefused):
        await world.psa.add_time(time(start=NINE + timedelta(hours=1), end=NINE + timedelta(hours=2)))


async def test_a_broken_reply_to_a_stored_write_is_unknown_and_then_found(world: PracticeWorld) -> None:
    write = note()
    world.fault("broken_json", "/notes$", method="POST")
    with pytest.raises(PsaBroken) as failed:
        await world.psa.add_note(write)
    assert failed.value.outcome == "unknown"
    assert await world.psa.find_note(write) is not None


async def test_the_log_tells_no_text_no_query_and_no_key(
    world: PracticeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="flowpilot.connectwise")
    await world.psa.search("harborsecretword")
    await world.psa.add_note(note(text="the secret text"))
    await world.psa.ticket(EARLIER)
    lines = caplog.text
    assert "POST /service/tickets/{parentId}/notes: 200" in lines
    for secret in ("secret", "practice-p", "Outlook", "conditions", "4711"):
        assert secret not in lines
