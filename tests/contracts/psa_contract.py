"""What every `Psa` must do: one suite for the fake and for the real client on the practice ConnectWise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import uuid4

import pytest

from engine.psa import (
    NoteWrite,
    OwnerWrite,
    Psa,
    PsaBusy,
    PsaFailure,
    PsaKeysRefused,
    PsaNotFound,
    PsaRefused,
    StatusWrite,
    TimeWrite,
    marker_for,
    public_ref_for,
)

# Jane's open ticket of Anna, its merged child, Jane's older ones, and Ben's project ticket.
TICKET, MERGED, CLOSED, EARLIER, PROJECT, NONE = 4711, 4709, 4655, 4690, 4650, 999_999
ANNA, BEN, DANA_WHO_LEFT, API_MEMBER = 101, 102, 104, 120
HELP_DESK, OLD_BOARD = 1, 9
IN_PROGRESS, COMPLETED, STATUS_OF_ANOTHER_BOARD, INACTIVE_STATUS = 3, 6, 15, 8
NINE = datetime(2026, 8, 20, 9, 0, tzinfo=UTC)


class World(Protocol):
    """A PSA with the records above, and a hand on what goes wrong."""

    psa: Psa

    def lose_the_reply(self, method: str, *, stored: bool) -> None:
        """The next add_note or add_time gets no answer, after or before it was stored."""

    def be_busy(self, seconds: int) -> None:
        """The next request is too many."""

    def refuse_the_keys(self) -> None: ...

    def accept_and_forget(self) -> None:
        """The next PATCH answers 200 and changes nothing."""


def note(ticket_id: int = TICKET, **changes: object) -> NoteWrite:
    write = NoteWrite(
        ticket_id, "ServiceTicket", "Restarted Outlook.\nIt works.", "internal", ANNA, marker_for(uuid4())
    )
    return replace(write, **changes)  # type: ignore[arg-type]


def time(ticket_id: int = TICKET, **changes: object) -> TimeWrite:
    write = TimeWrite(
        ticket_id,
        "ServiceTicket",
        ANNA,
        NINE,
        NINE + timedelta(minutes=25),
        "Fixed the Outlook sign-in.",
        "Renewed the token with dsregcmd.",
        marker_for(uuid4()),
    )
    return replace(write, **changes)  # type: ignore[arg-type]


class PsaContract:
    """Subclass it and give a fixture `world`."""

    # ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_ticket_comes_with_its_context(self, world: World) -> None:
        ticket = await world.psa.ticket(TICKET)
        assert ticket.summary == "Outlook keeps asking for password"
        assert ticket.record_type == "ServiceTicket"
        assert ticket.board and ticket.board.id == HELP_DESK
        assert ticket.status and ticket.status.name == "New"
        assert ticket.company and ticket.company.name == "Harbor Pine Law"
        assert ticket.owner and ticket.owner.id == ANNA
        assert ticket.contact and ticket.contact.name == "Jane Doe"
        assert ticket.contact.phone == "555-0141"
        assert ticket.contact.email == "jane.doe@harborpine.example"
        assert ticket.sla and ticket.sla.goal and ticket.sla.goal.utcoffset() == timedelta(0)
        assert ticket.description
        assert [each.name for each in ticket.configurations] == ["HPL-LT-014"]
        assert ticket.url and str(TICKET) in ticket.url
        assert not ticket.closed and ticket.merged_into is None
        assert ticket.missing == ()

    async def test_a_ticket_names_the_recent_ones_of_its_contact_and_who_solved_them(
        self, world: World
    ) -> None:
        recent = {each.id: each for each in (await world.psa.ticket(TICKET)).recent}
        assert TICKET not in recent
        assert recent[EARLIER].closed
        assert recent[EARLIER].solved_by == "Ben Ortiz"
        assert recent[EARLIER].resolution_line
        assert 4560 not in recent

    async def test_a_merged_ticket_names_its_parent_and_a_closed_one_is_closed(self, world: World) -> None:
        assert (await world.psa.ticket(MERGED)).merged_into == TICKET
        assert (await world.psa.ticket(CLOSED)).closed

    async def test_a_project_ticket_is_known_as_one(self, world: World) -> None:
        assert (await world.psa.ticket(PROJECT)).record_type == "ProjectTicket"

    async def test_an_unknown_ticket_is_not_found(self, world: World) -> None:
        with pytest.raises(PsaNotFound) as failed:
            await world.psa.ticket(NONE)
        assert not failed.value.retryable
        assert str(NONE) in failed.value.sentence

    async def test_a_search_finds_open_tickets_by_every_word(self, world: World) -> None:
        found = await world.psa.search("outlook password")
        assert TICKET in {each.id for each in found}
        assert not {EARLIER, CLOSED} & {each.id for each in found}
        assert await world.psa.search("outlook nosuchword") == ()
        by_company = await world.psa.search("harbor outlook")
        assert TICKET in {each.id for each in by_company}

    async def test_digits_find_that_ticket_even_when_it_is_closed(self, world: World) -> None:
        for typed in (str(CLOSED), f"#{CLOSED}", f"  {CLOSED} "):
            found = await world.psa.search(typed)
            assert [(each.id, each.closed) for each in found] == [(CLOSED, True)]
        assert await world.psa.search(str(NONE)) == ()

    @pytest.mark.parametrize("typed", ["", "   ", '" % [] ()', "\x00\n", '"', "((("])
    async def test_a_search_for_nothing_finds_nothing(self, world: World, typed: str) -> None:
        assert await world.psa.search(typed) == ()

    async def test_typed_grammar_finds_nothing_more(self, world: World) -> None:
        assert await world.psa.search('zzz" OR closedFlag=True OR summary contains "') == ()

    async def test_a_search_can_be_short_and_only_mine(self, world: World) -> None:
        assert len(await world.psa.search("e", limit=2)) <= 2
        mine = await world.psa.search("outlook", member_id=ANNA)
        assert {each.id for each in mine} == {TICKET}
        assert await world.psa.search("outlook", member_id=BEN) == ()

    async def test_my_open_tickets_come_by_their_goal(self, world: World) -> None:
        mine = await world.psa.my_open(ANNA)
        assert [each.id for each in mine] == [4714, TICKET, 4719]
        assert [each.id for each in await world.psa.my_open(ANNA, limit=1)] == [4714]

    async def test_members_are_people_who_work_here(self, world: World) -> None:
        found = {each.id: each for each in await world.psa.members()}
        assert {ANNA, BEN} <= set(found)
        assert not {DANA_WHO_LEFT, API_MEMBER} & set(found)
        assert found[ANNA].name == "Anna Keller"
        assert found[ANNA].email == "anna@practice.example"

    async def test_boards_and_statuses_in_use_are_listed(self, world: World) -> None:
        assert HELP_DESK in {each.id for each in await world.psa.boards()}
        assert OLD_BOARD not in {each.id for each in await world.psa.boards()}
        found = {each.id: each for each in await world.psa.statuses(HELP_DESK)}
        assert list(found)[:3] == [1, 2, 3]
        assert INACTIVE_STATUS not in found and STATUS_OF_ANOTHER_BOARD not in found
        assert found[COMPLETED].closed and found[COMPLETED].time_entry_not_allowed
        assert not found[IN_PROGRESS].closed

    # ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_note_is_written_once_and_found_by_its_mark(self, world: World) -> None:
        write = note()
        assert await world.psa.find_note(write) is None
        number = await world.psa.add_note(write)
        assert await world.psa.find_note(write) == number
        assert await world.psa.find_note(note()) is None
        newest = (await world.psa.notes(TICKET))[0]
        assert newest.id == number
        assert newest.visibility == "internal"
        assert newest.text.startswith("Restarted Outlook.")
        assert write.marker in newest.text

    async def test_a_note_for_the_customer_is_visible_and_found_by_its_reference(self, world: World) -> None:
        write = note(visibility="resolution", marker=public_ref_for(uuid4()), member_id=None)
        number = await world.psa.add_note(write)
        assert await world.psa.find_note(write) == number
        written = next(each for each in await world.psa.notes(TICKET) if each.id == number)
        assert written.visibility == "resolution"

    async def test_a_note_and_time_go_onto_a_project_ticket(self, world: World) -> None:
        write = note(PROJECT, record_type="ProjectTicket")
        entry = time(PROJECT, record_type="ProjectTicket", member_id=BEN)
        assert await world.psa.find_note(write) is None
        assert await world.psa.add_note(write) == await world.psa.find_note(write)
        assert await world.psa.find_time(entry) is None
        assert await world.psa.add_time(entry) == await world.psa.find_time(entry)

    async def test_time_is_written_once_found_by_its_mark_and_not_shown_as_a_note(self, world: World) -> None:
        write = time()
        before = await world.psa.notes(TICKET)
        assert await world.psa.find_time(write) is None
        number = await world.psa.add_time(write)
        assert await world.psa.find_time(write) == number
        assert await world.psa.find_time(time()) is None
        assert await world.psa.notes(TICKET) == before

    @pytest.mark.parametrize("stored", [True, False])
    async def test_a_note_without_a_reply_is_unknown_until_it_is_looked_up(
        self, world: World, stored: bool
    ) -> None:
        write = note()
        world.lose_the_reply("add_note", stored=stored)
        with pytest.raises(PsaFailure) as failed:
            await world.psa.add_note(write)
        assert failed.value.outcome == "unknown"
        assert failed.value.retryable
        assert (await world.psa.find_note(write) is not None) == stored

    @pytest.mark.parametrize("stored", [True, False])
    async def test_time_without_a_reply_is_unknown_until_it_is_looked_up(
        self, world: World, stored: bool
    ) -> None:
        write = time()
        world.lose_the_reply("add_time", stored=stored)
        with pytest.raises(PsaFailure) as failed:
            await world.psa.add_time(write)
        assert failed.value.outcome == "unknown"
        assert (await world.psa.find_time(write) is not None) == stored

    async def test_time_in_a_status_that_takes_none_is_refused_for_good(self, world: World) -> None:
        with pytest.raises(PsaRefused, match="not allowed") as failed:
            await world.psa.add_time(time(EARLIER))
        assert not failed.value.retryable
        assert failed.value.outcome == "not_done"

    async def test_a_status_is_set_and_its_name_read_back(self, world: World) -> None:
        assert await world.psa.set_status(StatusWrite(TICKET, "ServiceTicket", IN_PROGRESS)) == "In Progress"
        status = (await world.psa.ticket(TICKET)).status
        assert status and status.id == IN_PROGRESS

    @pytest.mark.parametrize("status", [STATUS_OF_ANOTHER_BOARD, INACTIVE_STATUS])
    async def test_a_status_the_board_does_not_have_is_refused(self, world: World, status: int) -> None:
        with pytest.raises(PsaRefused, match=f"Service Status {status} not found") as failed:
            await world.psa.set_status(StatusWrite(TICKET, "ServiceTicket", status))
        assert failed.value.outcome == "not_done"
        kept = (await world.psa.ticket(TICKET)).status
        assert kept and kept.name == "New"

    async def test_a_status_that_was_accepted_and_not_kept_is_a_refusal(self, world: World) -> None:
        world.accept_and_forget()
        with pytest.raises(PsaRefused, match="did not keep"):
            await world.psa.set_status(StatusWrite(TICKET, "ServiceTicket", IN_PROGRESS))

    async def test_an_owner_is_set_unless_he_left(self, world: World) -> None:
        await world.psa.set_owner(OwnerWrite(TICKET, "ServiceTicket", BEN))
        owner = (await world.psa.ticket(TICKET)).owner
        assert owner and owner.id == BEN
        with pytest.raises(PsaRefused):
            await world.psa.set_owner(OwnerWrite(TICKET, "ServiceTicket", DANA_WHO_LEFT))

    # ── The connection itself ───────────────────────────────────────────────────────────────────────────────

    async def test_a_busy_psa_says_how_long_to_wait(self, world: World) -> None:
        world.be_busy(17)
        with pytest.raises(PsaBusy) as failed:
            await world.psa.search("outlook")
        assert failed.value.retryable
        assert failed.value.retry_after == 17

    async def test_wrong_keys_are_never_taken_for_a_missing_ticket(self, world: World) -> None:
        world.refuse_the_keys()
        with pytest.raises(PsaKeysRefused) as failed:
            await world.psa.ticket(TICKET)
        assert not failed.value.retryable

    async def test_a_check_says_in_a_sentence_what_it_found(self, world: World) -> None:
        assert (await world.psa.check()).startswith("Connected to practice")
