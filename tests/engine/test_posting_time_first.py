"""A status that refuses time afterwards does not lock out a time entry that a person can still send with Retry."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.psa import PsaBusy, PsaRefused, Ref
from tests.conftest import Database
from tests.engine.push_scene import DONE, RETRY, Scene, scene_in

NO_MORE_TIME = replace(DONE, time_entry_not_allowed=True)


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with scene_in(database) as opened:
        opened.psa.all_statuses = (NO_MORE_TIME,)
        yield opened


async def _push_until_nothing_is_tried(scene: Scene) -> None:
    await scene.push()
    for _ in range(4):
        await scene.push(RETRY)
        await scene.push(timedelta(seconds=6))


async def test_it_waits_for_time_whose_tries_are_used_up_and_retry_sends_both(scene: Scene) -> None:
    scene.psa.fail("add_time", PsaBusy("In use.", outcome="not_done"), times=4)
    time = await scene.owe("time")
    status = await scene.owe("status", status_id=17, closing=True, confirmed=True)
    await _push_until_nothing_is_tried(scene)
    assert (await scene.state(time), (await scene.post(status)).held_because) == ("failed", "time_first")
    assert scene.psa.tickets[4711].status == Ref(1, "New")
    await scene.retry(closing=True)
    await scene.push(timedelta(seconds=6))
    assert (await scene.state(time), await scene.state(status)) == ("posted", "posted")
    assert scene.psa.tickets[4711].status == Ref(17, "Completed")


async def test_it_does_not_wait_for_time_that_was_refused_for_good(scene: Scene) -> None:
    scene.psa.fail("add_time", PsaRefused("The period is closed."))
    time = await scene.owe("time")
    status = await scene.owe("status", status_id=17, closing=True, confirmed=True)
    await _push_until_nothing_is_tried(scene)
    assert (await scene.state(time), await scene.state(status)) == ("failed", "posted")
