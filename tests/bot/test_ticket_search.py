"""Ticket suggestions: only for somebody known, one search for the same words, fresh again after a minute."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from bot.ticket_search import FRESH_SECONDS, MOST_AT_ONCE, MOST_REMEMBERED, Searching, TooMany
from engine.ports import PsaView
from engine.psa import TicketHit
from engine.psa_settings import PsaSettings
from tests.fakes import Stopwatch

ANNA, BEN, ACCOUNT = uuid4(), uuid4(), uuid4()


@dataclass
class FakePsa:
    asked: list[Any] = field(default_factory=list)
    fails: Exception | None = None
    waits: asyncio.Event | None = None

    async def search(self, text: str, **more: Any) -> tuple[TicketHit, ...]:
        self.asked.append(text)
        if self.waits is not None:
            await self.waits.wait()
        if self.fails is not None:
            raise self.fails
        return (TicketHit(4711, f"Found {text}"),)

    async def my_open(self, member_id: int, limit: int = 10) -> tuple[TicketHit, ...]:
        self.asked.append(member_id)
        return (TicketHit(member_id, "Mine"),)


@dataclass
class Board:
    """Anna and Ben are known; only Anna has a Member."""

    psa: FakePsa = field(default_factory=FakePsa)
    clock: Stopwatch = field(default_factory=Stopwatch)
    known: dict[str, UUID] = field(default_factory=lambda: {"U1": ANNA, "U2": BEN})
    connected: bool = True

    async def knows(self, platform: str, team: str, user: str) -> tuple[UUID, UUID] | None:
        found = self.known.get(user)
        return (ACCOUNT, found) if found and (platform, team) == ("slack", "T1") else None

    async def open(self, account: UUID, connection_id: UUID | None) -> PsaView:
        psa: Any = self.psa if self.connected else None
        return PsaView(None, PsaSettings(), {ANNA: (7, "Anna")}, ZoneInfo("UTC"), psa)

    def searching(self) -> Searching:
        return Searching("slack", self.knows, self, self.clock)


async def test_the_same_words_are_searched_once_a_minute() -> None:
    board = Board()
    search = board.searching()
    assert (
        await search("T1", "U1", "Printer")
        == await search("T1", "U2", "printer ")
        == ((4711, "#4711 Found printer"),)
    )
    assert board.psa.asked == ["printer"]
    board.clock.seconds += FRESH_SECONDS
    await search("T1", "U1", "printer")
    assert board.psa.asked == ["printer", "printer"]


async def test_somebody_unknown_finds_nothing_even_where_others_did() -> None:
    board = Board()
    search = board.searching()
    assert await search("T1", "U1", "printer")
    assert await search("T1", "U9", "printer") == await search("T2", "U1", "printer") == ()
    del board.known["U2"]
    assert await search("T1", "U2", "printer") == ()


async def test_without_words_everyone_sees_his_own() -> None:
    board = Board()
    search = board.searching()
    assert await search("T1", "U1", "") == ((7, "#7 Mine"),)
    assert await search("T1", "U2", "") == ()


async def test_one_letter_is_too_little_and_one_digit_is_a_number() -> None:
    board = Board()
    search = board.searching()
    assert await search("T1", "U1", "p") == ()
    assert await search("T1", "U1", "#4")
    assert board.psa.asked == ["4"]


async def test_without_a_connection_there_is_nothing() -> None:
    board = Board(connected=False)
    assert await board.searching()("T1", "U1", "printer") == ()


async def test_who_gives_up_leaves_the_search_to_the_next_letter() -> None:
    board = Board()
    search, board.psa.waits = board.searching(), asyncio.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await search("T1", "U1", "printer")
    board.psa.waits.set()
    assert await search("T1", "U1", "printer")
    assert board.psa.asked == ["printer"]
    await search.close()


async def test_a_search_that_failed_is_asked_anew() -> None:
    board = Board()
    search, board.psa.fails = board.searching(), OSError("away")
    with pytest.raises(OSError, match="away"):
        await search("T1", "U1", "printer")
    board.psa.fails = None
    assert await search("T1", "U1", "printer")


async def test_the_psa_is_not_asked_more_than_it_should_be_at_once() -> None:
    board = Board()
    search, board.psa.waits = board.searching(), asyncio.Event()
    running = [asyncio.create_task(search("T1", "U1", f"word {n}")) for n in range(MOST_AT_ONCE)]
    while len(board.psa.asked) < MOST_AT_ONCE:  # noqa: ASYNC110 - a turn of the loop each
        await asyncio.sleep(0)
    with pytest.raises(TooMany):
        await search("T1", "U1", "one more")
    await search.close()
    ended = await asyncio.gather(*running, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in ended)


async def test_what_is_remembered_is_bounded() -> None:
    search = Board().searching()
    for n in range(MOST_REMEMBERED + 20):
        await search("T1", "U1", f"word {n}")
    assert len(search._asked) == MOST_REMEMBERED
