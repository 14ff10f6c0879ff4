"""Packages and briefings worded by the model: checked by code, on time, masked, and every token booked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from bot.claude.opening import Rules
from bot.claude.preview import mark
from bot.claude.writer import Patience
from engine import writing as engine_writing
from engine.effects import WriteBriefing, WritePackage
from engine.events import EvidenceAdded
from engine.model import DEAF, Hearing, Model, ModelCall, ModelReply, Purpose
from engine.pricing import cost
from engine.session import Intake, IntakeType, Session, Status, Turn
from storage.conversations import CallState
from tests.bot.claude.claude_scene import told
from tests.bot.claude.writer_scene import CAUSE, SECRET, Scene, package, says, writing
from tests.bot.waiting import until
from tests.conftest import Database

GOOD = package(
    situation=[says("⟦PERSON_1⟧ cannot print upstairs", 0)],
    assessment=[
        says("Only Jane cannot print, so a broken driver is still possible", 1),
        says("The DNS server was replaced", 2),
        says("Only Jane cannot print"),
    ],
)


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with writing(database.app_url) as made:
        yield made


def texts(session: Session, part: str) -> list[str]:
    rows: Any = (session.package or {})[part]
    return [row["text"] for row in rows]


# ── The package ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_model_words_the_package_and_code_keeps_what_the_steps_carry(scene: Scene) -> None:
    await scene.stuck()
    scene.answers(Purpose.PACKAGE, GOOD)
    session = await scene.owes(WritePackage())
    assert session.package is not None
    assert session.package["assessment_state"] == "model"
    assert texts(session, "assessment") == ["Only Jane cannot print, so a broken driver is still possible."]
    assert texts(session, "situation")[0] == "Jane cannot print upstairs."
    assert "Ruled out: Paper jam." in texts(session, "background")
    assert "Power cycle the printer: No change." in texts(session, "background")


async def test_the_call_is_booked_masked_and_marked_as_used(scene: Scene) -> None:
    await scene.stuck()
    scene.answers(Purpose.PACKAGE, GOOD)
    await scene.owes(WritePackage())
    [call] = await scene.calls()
    [entry] = scene.practice.asked
    assert (call.purpose, call.state, call.used) == (Purpose.PACKAGE, CallState.ANSWERED, True)
    assert call.usage == told(entry) == await scene.totals()
    assert call.cost == cost(call.model, call.usage) > 0
    assert "⟦PERSON_1⟧" in call.masked["PERSON"]
    assert "Jane Doe" not in call.reply
    assert "⟦PERSON_1⟧" in call.reply
    [prompt] = scene.prompts()
    for private in (SECRET, "Jane Doe", "jdoe@contoso.example", "WS-JDOE01", "Anna"):
        assert private not in prompt
    assert entry.model == scene.rules.models.package


async def test_a_secret_never_comes_back_into_a_package(scene: Scene) -> None:
    await scene.stuck()
    scene.answers(
        Purpose.PACKAGE,
        package(background=[says("The print spooler was restarted with password ⟦SECRET_1⟧", 3)]),
    )
    session = await scene.owes(WritePackage())
    assert session.package is not None
    assert all(SECRET not in text for text in texts(session, "background") if "restarted with" in text)


def test_nobody_waits_longer_than_five_seconds_for_a_package_and_never_for_a_note() -> None:
    limits = {Purpose.PACKAGE: 5.0, Purpose.BRIEFING: 20.0, Purpose.NOTE: 0.0, Purpose.TICKET: 10.0}
    assert Patience().limits == limits


async def test_after_the_limit_the_facts_go_out_alone_and_the_late_answer_is_kept_and_counted(
    database: Database,
) -> None:
    patience = Patience({**Patience().limits, Purpose.PACKAGE: 0.2}, beyond=10.0)
    async with writing(database.app_url, patience=patience) as scene:
        await scene.stuck()
        scene.answers(Purpose.PACKAGE, GOOD)
        slow = Slow(scene.model)
        late = scene.other(model=slow)
        session = await late.owes(WritePackage())
        assert session.package is not None
        assert session.package["assessment_state"] == "unavailable"
        assert session.package["assessment"] == []
        assert session.package["assessment_problem"] == engine_writing.LATE
        assert "Only Jane cannot print" in str(session.package["steps"])
        slow.go_on.set()

        async def kept() -> bool:
            [call] = await scene.calls()
            return call.state is CallState.ANSWERED

        await until(kept, "the late answer is kept")
        [call] = await scene.calls()
        assert not call.used
        assert call.usage == told(scene.practice.asked[0]) == await scene.totals()
        assert (await scene.now()).package == session.package
        await late.writer.close()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 529},
        {"kind": "status", "status": 401},
        {"kind": "reset", "after": 4},
        {"kind": "refusal"},
        {"kind": "max_tokens"},
        {"kind": "malformed"},
        {"kind": "answer", "answer": {"assessment": "none", "situation": 7}},
        {"kind": "malformed", "text": "word " * 2_000},
    ],
    ids=lambda fault: "-".join(str(value)[:12] for value in fault.values()),
)
async def test_every_failure_ends_after_one_call_in_a_package_without_an_assessment(
    scene: Scene, fault: dict[str, Any]
) -> None:
    await scene.stuck()
    scene.practice.faults.add(**fault)
    session = await scene.owes(WritePackage())
    assert session.package is not None
    assert session.package["assessment_state"] == "unavailable"
    assert session.package["assessment"] == []
    assert session.package["ruled_out"] == [{"text": "Paper jam", "step": 2}]
    assert len(scene.practice.asked) == 1
    [call] = await scene.calls()
    assert call.state in (CallState.ANSWERED, CallState.FAILED)
    assert not call.used
    assert call.usage == await scene.totals()


async def test_the_budget_and_an_open_breaker_leave_the_package_to_the_rules(scene: Scene) -> None:
    await scene.stuck()
    frugal = scene.other(rules=Rules(daily_tokens=1))
    scene.answers(Purpose.PACKAGE, GOOD)
    await scene.owes(WritePackage())
    session = await frugal.owes(WritePackage())
    assert session.package is not None
    assert session.package["assessment_state"] == "model"  # the same request was answered already
    await frugal.happens(EvidenceAdded(scene.place.ben, "The light blinks"))
    session = await frugal.owes(WritePackage())
    assert session.package is not None
    assert session.package["assessment_state"] == "rules"
    broken = scene.other()
    for _ in range(3):
        broken.breaker.failed(scene.place.account)
    session = await broken.owes(WritePackage())
    assert session.package is not None
    assert session.package["assessment_state"] == "rules"
    assert len(scene.practice.asked) == 1


async def test_nothing_leaves_where_nobody_agreed_to_what_was_pasted(scene: Scene) -> None:
    log = "\n".join(f"line {n} of a pasted log" for n in range(9))
    await scene.stuck(intake=Intake(IntakeType.LOG_PASTE, "It is broken", log_digest=log))
    assert (await scene.owes(WritePackage())).package is not None
    assert scene.practice.asked == []


@pytest.mark.parametrize("stand", [{"offline": True}, {"at": "preview", "under": {"offline": True}}])
async def test_nothing_leaves_where_somebody_said_so(scene: Scene, stand: dict[str, Any]) -> None:
    await scene.stuck(stand=stand)
    assert (await scene.owes(WritePackage())).package is not None
    assert scene.practice.asked == []


async def test_nothing_leaves_once_the_masks_of_a_session_are_gone(scene: Scene) -> None:
    await scene.stuck()
    await scene.owes(WritePackage())
    assert len(scene.practice.asked) == 1
    async with scene.place.store.transaction(scene.place.account) as unit:
        kept = await unit.masks.read(scene.session)
        await unit.masks.write(scene.session, kept, timedelta(seconds=-1))
    await scene.happens(EvidenceAdded(scene.place.ben, "The light blinks"))
    session = await scene.owes(WritePackage())
    assert session.package is not None
    assert session.package["assessment_state"] == "rules"
    assert len(scene.practice.asked) == 1


async def test_a_log_that_came_after_the_preview_waits_for_one_of_its_own(scene: Scene) -> None:
    logs = ["\n".join(f"line {n} of log {which}" for n in range(9)) for which in "ab"]
    intake = Intake(IntakeType.LOG_PASTE, "It is broken", log_digest=logs[0])
    await scene.stuck(intake=intake, stand={"agreed": [mark(logs[0])]})
    await scene.happens(EvidenceAdded(scene.place.ben, "And this", log_digest=logs[1]))
    await scene.owes(WritePackage())
    assert scene.practice.asked == []


async def test_a_pasted_log_leaves_once_it_was_agreed_to(scene: Scene) -> None:
    log = "\n".join(f"line {n} of a pasted log" for n in range(9))
    await scene.stuck(
        intake=Intake(IntakeType.LOG_PASTE, "It is broken", log_digest=log), stand={"agreed": [mark(log)]}
    )
    await scene.owes(WritePackage())
    assert len(scene.practice.asked) == 1


async def test_after_a_crash_a_reply_that_was_kept_is_used_and_nothing_is_asked_again(scene: Scene) -> None:
    session = await scene.stuck()
    scene.answers(Purpose.PACKAGE, GOOD)
    lost = await scene.writer.write(Purpose.PACKAGE, session, await scene.history(), None)
    assert lost.state == "model"
    await scene.writer.close()  # it dies before what it made of it is saved
    again = scene.other()
    found = await again.writer.write(Purpose.PACKAGE, session, await scene.history(), None)
    assert found.said == lost.said
    assert len(scene.practice.asked) == 1


async def test_a_call_that_a_dead_process_left_behind_is_booked_as_unknown_and_sent_once_more(
    scene: Scene,
) -> None:
    session = await scene.stuck()
    scene.answers(Purpose.PACKAGE, GOOD)
    stuck = Slow(scene.model)
    dead = scene.other(model=stuck)
    waiting = asyncio.create_task(dead.writer.write(Purpose.PACKAGE, session, await scene.history(), None))
    await stuck.asked.wait()
    found = await scene.writer.write(Purpose.PACKAGE, session, await scene.history(), None)
    assert found.state == "model"
    states = [call.state for call in await scene.calls()]
    assert states == [CallState.UNKNOWN, CallState.IN_FLIGHT]
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


# ── The briefing ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Slow:
    """Answers when it may."""

    model: Model
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, call: ModelCall, hearing: Hearing = DEAF) -> ModelReply:
        self.asked.set()
        await self.go_on.wait()
        return await self.model.ask(call, hearing)

    async def close(self) -> None: ...


BRIEF = {
    "sentences": [
        says("Only Jane cannot print", 1),
        says("Restarting the print spooler changed nothing", 3),
        says("A broken driver is still possible, only Jane cannot print", 1),
        says("The server was replaced", 2),
    ]
}


async def test_who_continues_reads_the_models_words_and_every_promise(scene: Scene) -> None:
    session = await scene.stuck(status=Status.ACTIVE, turn=Turn(4, open=True, briefing=True))
    scene.answers(Purpose.BRIEFING, BRIEF)
    session = await scene.owes(WriteBriefing(turn=4))
    assert session.current is not None
    text = session.current.text
    assert (
        "In short: Only Jane cannot print. Restarting the print spooler changed nothing. "
        "A broken driver is still possible, only Jane cannot print." in text
    )
    assert "The server was replaced" not in text
    assert "Promised to the user: call Jane Doe back by five." in text
    assert "Blocked by: no firewall rights." in text
    assert "Ruled out: Paper jam." in text
    [call] = await scene.calls()
    assert (call.purpose, call.used) == (Purpose.BRIEFING, True)


async def test_fresh_eyes_meet_no_hypothesis_neither_in_the_request_nor_in_the_briefing(scene: Scene) -> None:
    parent = await scene.stuck(status=Status.ESCALATED)
    child = scene.other(session=uuid4())
    await child.put(
        replace(scene.step(1, "x"), number=1),
        parent_id=parent.id,
        turn=Turn(1, open=True, briefing=True),
        step_count=0,
        current=None,
        touched=(),
    )
    scene.answers(Purpose.BRIEFING, BRIEF)
    session = await child.owes(WriteBriefing(turn=1))
    assert session.current is not None
    assert "In short: Only Jane cannot print." in session.current.text
    [prompt] = scene.prompts()
    for read in (prompt, session.current.text):
        assert CAUSE.casefold() not in read.casefold()
    [call] = await child.calls()
    assert call.purpose is Purpose.BRIEFING
    assert await scene.calls() == ()


async def test_a_briefing_that_fails_is_that_of_the_rules(scene: Scene) -> None:
    await scene.stuck(status=Status.ACTIVE, turn=Turn(4, open=True, briefing=True))
    scene.practice.faults.add(kind="status", status=500)
    session = await scene.owes(WriteBriefing(turn=4))
    assert session.current is not None
    assert "In short" not in session.current.text
    assert "Done, latest first" in session.current.text
