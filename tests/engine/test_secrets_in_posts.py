"""What is masked in a Session leaves for the PSA in no text: not when it is owed, not when it is written."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.documentation import compose, request_draft, request_texts
from engine.escalation import package, sbar_note
from engine.evidence import Support
from engine.ports import PostState
from engine.redact import Mask, MaskKind
from engine.session import Fact, Intake, IntakeType, Step, StepKind
from storage.vault import Vault, new_key
from tests.conftest import Database
from tests.engine.owing import SHARED, SOLVED, drafts, lines
from tests.engine.push_scene import Scene, scene_in
from tests.engine.record import ANSWERS, NOON, TICKET, history, note, step

BLUEBIRD = ("Bluebird",)
VAULTED = (
    Mask("⟦SECRET_1⟧", MaskKind.SECRET, "Bluebird"),
    Mask("⟦PERSON_1⟧", MaskKind.PERSON, "Restarted"),
)
TOLD = history(
    step(1, "Did you sign in?", None, "the password is Sunshine12! for the box"),
    step(2, "Did you try it?", None, "tried Sunshine12! again for project BLUEBIRD"),
    notes=(note("bluebird is ours, sunshine12! is theirs"),),
    intake=Intake(IntakeType.FREE_TEXT, "Project Bluebird cannot print"),
)


def clear(text: str) -> list[str]:
    return [value for value in ("sunshine12", "bluebird") if value in text.casefold()]


@pytest.mark.parametrize("occasion", ["resolution", "escalation", "escalated", "abandoned", "handover"])
def test_composed_texts_hold_no_value_that_is_masked(occasion: str) -> None:
    doc = compose(TOLD, None, occasion, BLUEBIRD)
    assert [clear(text) for text in doc.to_json().values() if clear(text)] == []
    assert "⟦SECRET⟧ again for project ⟦SECRET⟧" in doc.technical
    assert "⟦SECRET⟧ is ours, ⟦SECRET⟧ is theirs" in doc.technical


def test_a_request_for_help_holds_none_either() -> None:
    for doc in (request_draft(TOLD, None, BLUEBIRD), request_texts(TOLD, None, None, BLUEBIRD)):
        assert [clear(text) for text in doc.to_json().values() if clear(text)] == []


def test_no_part_that_is_owed_holds_one_even_where_a_person_typed_it_himself() -> None:
    record = replace(SOLVED, steps=(*SOLVED.steps, *TOLD.steps))
    edits: dict[str, Any] = {"technical": "Bluebird is done with Sunshine12!", "customer": "bluebird works."}
    for reviewed in ({}, edits):
        found = drafts(record=record, reviewed=reviewed, secrets=BLUEBIRD, **SHARED)
        assert {"note", "customer_note", "time"} <= found.keys()
        assert [clear(str(draft.content)) for draft in found.values() if clear(str(draft.content))] == []


def test_the_form_shows_what_would_be_posted_and_says_that_a_password_is_masked() -> None:
    shown = lines(reviewed={"technical": "Bluebird is done."}, secrets=BLUEBIRD)
    [line] = [line for line in shown if line.kind == "note"]
    assert line.text == "⟦SECRET⟧ is done."
    assert any("⟦SECRET⟧" in remark for remark in line.remarks)


# ── When it is written ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with scene_in(database) as opened:
        yield opened


async def mask(scene: Scene) -> None:
    async with scene.place.store.transaction(scene.place.account) as unit:
        await unit.masks.write(scene.session, VAULTED, timedelta(days=30))


async def test_what_was_masked_after_it_was_owed_does_not_leave(scene: Scene) -> None:
    post = await scene.owe(text="Restarted the bluebird spooler.")
    await mask(scene)
    await scene.push()
    assert await scene.state(post) == "posted"
    [saved] = scene.psa.saved_notes.values()
    assert saved.text.startswith("Restarted the ⟦SECRET⟧ spooler.")


async def test_a_retry_masks_what_is_stored(scene: Scene) -> None:
    post = await scene.owe(text="Restarted the bluebird spooler.")
    async with scene.place.store.transaction(scene.place.account) as unit:
        await unit.posts.change(post, state=PostState.FAILED)
    await mask(scene)
    await scene.retry()
    assert (await scene.post(post)).content["text"] == "Restarted the ⟦SECRET⟧ spooler."


async def test_masks_that_cannot_be_opened_stop_no_post_and_the_rules_still_count(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    await mask(scene)
    foreign = Vault([new_key()]).seal(b"[]")
    await scene.place.rows(
        "update session_vaults set sealed = :c where session_id = :s", c=foreign, s=scene.session
    )
    post = await scene.owe(text="pwd=Sunshine12! was set. Sunshine12! works.")
    with caplog.at_level(logging.WARNING, "flowpilot.storage"):
        await scene.push()
    assert await scene.state(post) == "posted"
    [saved] = scene.psa.saved_notes.values()
    assert saved.text.startswith("pwd=⟦SECRET⟧ was set. ⟦SECRET⟧ works.")
    assert "KeysUnusable" in caplog.text
    assert str(scene.session) not in caplog.text


# ── What was never part of the work ─────────────────────────────────────────────────────────────────────────


def test_a_preview_on_the_table_stands_in_no_package_and_carries_no_sentence() -> None:
    asks = "This goes to Claude once you say so"
    preview = Step(2, StepKind.QUESTION, asks, NOON, options=ANSWERS, beside=True)
    record = history(step(1, "Restart the spooler", learned=("The spooler stops",)), current=preview)
    assert "Claude" not in sbar_note(package(record, TICKET))
    assert not Support(record).carries(asks, (2,))
    assert not Support(record).happened((2,))
    assert record.facts == (Fact("The spooler stops", 1),)
    real = replace(record, session=replace(record.session, current=replace(preview, beside=False)))
    assert "Next on the table" in sbar_note(package(real, TICKET))
