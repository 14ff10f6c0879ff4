"""A Session as a technician has it at his desk: a ticket with its notes, a pasted log, a flow that is followed."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import UUID

from bench import caching_story as story
from bench.ground import Ground, Quiet
from bot import wiring
from bot.claude.preview import AT, GO_ON
from bot.practice_account import COMPANY, KEYS, SETTINGS
from demo.psa import PracticePsa, practice_psa
from engine import walking
from engine.events import StepAnswered
from engine.logs import condense
from engine.proposing import NONE, WORDS_OPTION
from engine.session import Intake, IntakeType, Person, Step, StepKind

CASES = (
    (4711, "outlook_events.txt", "Jane cannot work, Outlook asks for her password again and again. Ticket and log below."),
    (4714, "print_spooler.log", "The front desk printer prints nothing, the jobs stay in the queue. This is the print log."),
    (4713, "vpn_client.log", "The VPN connects, but Martin has no network drives. The log of his client is below."),
    (4716, "syslog_disk_full.log", "The disk of this server is full. This is what its log says."),
)  # fmt: skip
"""Ticket of the practice ConnectWise, practice log, and what the technician writes above it."""
TYPED = 0.4
"""So many of the answers are typed, the others are a button."""
ENDS = frozenset({"escalate", "fixed", WORDS_OPTION.id, NONE})


def intake(number: int) -> Intake:
    ticket, log, words = CASES[number % len(CASES)]
    digest = condense((story.LOGS / log).read_text(encoding="utf-8")).as_text()
    return Intake(IntakeType.COMBINED, words, log_digest=digest, ticket_id=ticket)


def answer(rng: random.Random, person: Person, step: Step) -> StepAnswered:
    """One that keeps the Session going: nothing is fixed, nothing handed over, and a flow that is offered is taken."""
    if step.stand.get("at") == AT:
        return StepAnswered(person, step.number, option=GO_ON)
    if step.kind is StepKind.RESOLUTION_SUGGESTION:
        return StepAnswered(person, step.number, option=walking.NOT_FIXED.id)
    options = [each for each in step.options if each.id not in ENDS and each.outcome != "fixed"]
    if not options:
        return StepAnswered(person, step.number, text=story.said(rng))
    chosen = options[0] if step.stand.get("at") == "offer" else rng.choice(options)
    if step.stand.get("at") != "offer" and rng.random() < TYPED:
        return StepAnswered(person, step.number, text=f"{chosen.label}. {story.aside(rng)}".strip())
    return StepAnswered(person, step.number, option=chosen.id)


@asynccontextmanager
async def connected(under: Ground) -> AsyncIterator[wiring.Parts]:
    """The product as it is wired, beside a practice ConnectWise that the Account is connected to."""
    async with practice_psa() as psa:
        parts = await wiring.build(replace(under.settings, psa_allow_hosts=urlsplit(psa.url).netloc), Quiet())
        try:
            await _connect(parts, psa, under.account, under.user)
            yield parts
        finally:
            await parts.close()


async def _connect(parts: wiring.Parts, psa: PracticePsa, account: UUID, user: UUID) -> None:
    async with parts.store.transaction(account) as unit:
        connection = await unit.accounts.connect(psa.url, COMPANY, KEYS)
        await unit.accounts.change_connection(
            connection, state="connected", flowpilot_settings=SETTINGS.to_json()
        )
        member = next(m for m in psa.records("members") if m["identifier"] == "ben")
        await unit.accounts.map_member(connection, user, member["id"], "Ben Ortiz", "email")
