"""A slow language model in Slack: a sign of life that comes and goes, and a Stop that costs neither a step nor a second call."""

from __future__ import annotations

from pathlib import Path

from demo.model import PracticeModel, practice_model
from demo.model_room import Entry, Settings
from engine.model import Purpose
from storage.calls import CallRow, CallState
from tests.conftest import Database
from tests.journeys.model_desk import with_model
from tests.journeys.slack_office import BEN, HELP, Json, Office, labels, office, shown
from tests.journeys.slack_trouble import mark_of

SLOW_SECONDS = 4.0
TICKET = 4711


async def test_while_the_model_thinks_a_status_shows_it_stop_ends_it_and_ask_again_takes_the_late_reply(
    empty_database: Database, redis_url: str, tmp_path: Path
) -> None:
    async with (
        practice_model() as model,
        office(empty_database, redis_url, tmp_path, settings=with_model(model)) as at_work,
    ):
        await at_work.command(BEN, f"#{TICKET}")
        first = await at_work.reply(await at_work.card("Jane Doe"), "Step 1")
        model.settings = Settings(latency_seconds=SLOW_SECONDS)
        await at_work.click(BEN, first, "Only this user")
        await at_work.until(lambda: _status(at_work, "working"), "the status line")
        asked = await at_work.until(lambda: _asked(model, 2), "the second question to the model")

        await at_work.click(BEN, await _card_with(at_work, "Stop"), "Stop")
        card = await _card_with(at_work, "Ask again")
        await at_work.until(lambda: _status(at_work, ""), "the status line gone")
        assert asked.ended == "open", "the model was waited for"
        assert "Step 2" not in shown(card)

        late = await at_work.until(lambda: _kept(at_work), "the late reply")
        assert late.reply
        assert not late.used
        assert await _steps(at_work) == ["step:1"]

        await at_work.click(BEN, await _card_with(at_work, "Ask again"), "Ask again")
        await at_work.reply(await at_work.card("Jane Doe"), "Step 2")
        assert await _steps(at_work) == ["step:1", "step:2"]
        assert [call.used for call in await _calls(at_work)] == [True, True]
        assert len([entry for entry in model.asked if entry.purpose == "turn"]) == 2


async def _card_with(at_work: Office, label: str) -> Json:
    async def pressable() -> Json | None:
        card = await at_work.card("Jane Doe")
        return card if label in labels(card) else None

    return await at_work.until(pressable, f"a card with {label}")


async def _status(at_work: Office, holding: str) -> bool:
    """Whether the thread's status says so; "" for none at all."""
    root = await at_work.card("Jane Doe")
    status = at_work.slack.world.statuses.get((HELP, root["ts"]))
    return holding in status.text if holding and status else status is None and not holding


async def _asked(model: PracticeModel, number: int) -> Entry | None:
    turns = [entry for entry in model.asked if entry.purpose == "turn"]
    return turns[number - 1] if len(turns) >= number else None


async def _calls(at_work: Office) -> list[CallRow]:
    async with at_work.store.transaction(at_work.account) as unit:
        (session,) = await unit.sessions.on_ticket(TICKET)
        found = await unit.conversations.of_session(session)
    return [call for call in found if call.purpose is Purpose.TURN]


async def _kept(at_work: Office) -> CallRow | None:
    last = (await _calls(at_work))[-1]
    return last if last.turn > 1 and last.state is CallState.ANSWERED else None


async def _steps(at_work: Office) -> list[str]:
    """The steps that stand in the thread."""
    thread = await at_work.replies(await at_work.card("Jane Doe"))
    return [mark_of(m) for m in thread if mark_of(m).startswith("step:")]
