"""The fake keeps the same contract as the real client, so what is tested with it holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.psa import (
    Board,
    BoardStatus,
    Configuration,
    Contact,
    Member,
    Psa,
    PsaBusy,
    PsaKeysRefused,
    PsaRefused,
    PsaUnreachable,
    RecentTicket,
    Ref,
    Sla,
    Ticket,
    TicketNote,
)
from tests.contracts.fake_psa import FakePsa
from tests.contracts.psa_contract import PsaContract

NOW = datetime(2026, 8, 20, 12, 0, tzinfo=UTC)
ANNA, BEN = Ref(101, "Anna Keller"), Ref(102, "Ben Ortiz")
HELP_DESK, PROJECTS = Ref(1, "Help Desk"), Ref(27, "Projects")
HARBOR = Ref(250, "Harbor Pine Law")
JANE = Contact(601, "Jane Doe", "555-0141", "jane.doe@harborpine.example")


def due(hours: int) -> Sla:
    return Sla("Standard", required=NOW + timedelta(hours=hours))


def practice() -> FakePsa:
    outlook = Ticket(
        4711,
        "Outlook keeps asking for password",
        board=HELP_DESK,
        status=Ref(1, "New"),
        company=HARBOR,
        contact=JANE,
        owner=ANNA,
        sla=due(3),
        description="It asks again and again.",
        notes=(TicketNote(90_101, "It asks again and again.", "Jane Doe", None, NOW, "discussion"),),
        configurations=(Configuration(801, "HPL-LT-014", "Laptop"),),
        recent=(
            RecentTicket(
                4690, "Outlook asks for password", "Completed", True, NOW, "Ben Ortiz", "Renewed it."
            ),
        ),
        url="https://psa.example/4711",
    )
    done = Ref(6, "Completed")
    return FakePsa(
        tickets=(
            outlook,
            Ticket(4714, "Printer", board=HELP_DESK, status=Ref(3, "In Progress"), owner=ANNA, sla=due(1)),
            Ticket(4719, "OneDrive", board=HELP_DESK, status=Ref(4, "Waiting"), owner=ANNA, sla=due(24)),
            Ticket(4709, "Outlook password prompt", board=HELP_DESK, closed=True, merged_into=4711),
            Ticket(4655, "PDF", board=HELP_DESK, status=done, closed=True, owner=ANNA),
            Ticket(4690, "Outlook asks for password", board=HELP_DESK, status=done, closed=True, owner=BEN),
            Ticket(4650, "SharePoint", "ProjectTicket", PROJECTS, Ref(41, "In Progress"), owner=BEN),
        ),
        members=(
            Member(101, "anna", "Anna Keller", "anna@practice.example", license_class="F"),
            Member(102, "ben", "Ben Ortiz", "ben@practice.example", license_class="F"),
            Member(104, "dana", "Dana Frost", None, active=False),
            Member(120, "flowpilot", "FlowPilot API", None, license_class="A"),
        ),
        boards=(Board(1, "Help Desk"), Board(9, "Old Help Desk", inactive=True), Board(27, "Projects")),
        statuses=(
            BoardStatus(1, "New", 1),
            BoardStatus(2, "Assigned", 1),
            BoardStatus(3, "In Progress", 1),
            BoardStatus(6, "Completed", 1, closed=True, time_entry_not_allowed=True),
            BoardStatus(8, "Waiting on Parts", 1, inactive=True),
            BoardStatus(15, "In Progress", 21),
        ),
    )


class FakeWorld:
    def __init__(self) -> None:
        self.fake = practice()
        self.psa: Psa = self.fake

    def lose_the_reply(self, method: str, *, stored: bool) -> None:
        lost = PsaUnreachable("The connection to ConnectWise broke.", outcome="unknown")
        self.fake.fail(method, lost, stored=stored)

    def be_busy(self, seconds: int) -> None:
        self.fake.fail("*", PsaBusy("Too many requests.", retry_after=float(seconds)))

    def refuse_the_keys(self) -> None:
        self.fake.fail("*", PsaKeysRefused("The keys are not accepted."))

    def accept_and_forget(self) -> None:
        self.fake.fail("set_status", PsaRefused("ConnectWise accepted the new status and did not keep it."))


class TestFakePsa(PsaContract):
    @pytest.fixture
    def world(self) -> FakeWorld:
        return FakeWorld()
