"""The Guide that asks Claude: one call a turn, and the offline guide wherever there is no answer that holds."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from uuid import UUID

from bot.claude import preview
from bot.claude.aloud import Aloud
from bot.claude.attempts import AWAY, CLOSED, REFUSED, UNCLEAR, GaveUp, Join, Send, Use
from bot.claude.breaker import Breaker
from bot.claude.calls import Calls, Ended, Flight, Schedule
from bot.claude.conversation import TOKENS, answer_blocks
from bot.claude.notices import tell_admins
from bot.claude.opening import Opened, Opening, Rules
from bot.claude.reading_back import asked_of, remembering
from bot.claude.rendering import Asked
from bot.guiding import OfflineGuide
from engine.events import GuideReply
from engine.guide import fallback, proposal, view_of
from engine.guide_answers import Checked, Problem, check
from engine.history import History
from engine.model import FOR_THE_ADMIN, RETRYABLE, Failure, Model, ModelFailed, ModelReply, StopReason
from engine.ports import Answered, Live, Save
from engine.pricing import cost
from engine.psa import Ticket
from engine.writing import is_long
from storage import turns
from storage.store import Store, Unit
from storage.vault import KeysUnusable

log = logging.getLogger("flowpilot.claude")

CHOSEN = "guide_offline"
"""The aside where the person does not want the model to be asked."""
LOCKED = "guide_locked"
"""The aside where no key opens what was masked: without it nobody knows what may leave."""


Telling = Callable[[History, Ticket | None], Awaitable[Ticket | None]]
"""The ticket as a prompt may tell it."""


async def _whole(history: History, ticket: Ticket | None) -> Ticket | None:
    return ticket


@dataclass(slots=True)
class _Turn:
    """One turn at work. `flights` are its calls, of which the last one counts; `waited` seconds in all."""

    asked: Asked
    opened: Opened
    aloud: Aloud
    flights: list[Flight] = field(default_factory=list)
    waited: float = 0.0
    failed: int = 0


class ClaudeGuide:
    """One for a process. `schedule` and `breaker` are chosen by tests; `tickets` shortens what a prompt tells of one."""

    def __init__(
        self,
        offline: OfflineGuide,
        store: Store,
        model: Model,
        rules: Rules | None = None,
        schedule: Schedule | None = None,
        breaker: Breaker | None = None,
        tickets: Telling | None = None,
    ) -> None:
        self._offline = offline
        self._tickets = tickets or _whole
        self._breaker = breaker or Breaker(lambda: asyncio.get_running_loop().time())
        self._calls = Calls(store, model, schedule)
        self._opening = Opening(store, self._calls, self._breaker, rules or Rules())

    async def close(self) -> None:
        """What is under way gets a last chance; the model is closed by whoever made it."""
        await self._calls.close()

    async def reply(self, history: History, ticket: Ticket | None, live: Live) -> Answered:
        record, wish = preview.behind(history)
        if wish is None and await self._opening.may_ask(record, preview.asked_after_all(record)):
            record = preview.taken_back(record)
        return remembering(record, await self._reply(record, wish, ticket, live))

    async def _reply(
        self, record: History, wish: preview.Wish | None, ticket: Ticket | None, live: Live
    ) -> Answered:
        considered = await self._offline.considered(record, ticket)
        asked = Asked(record, ticket, considered.reply, considered.flows, wish)
        if considered.jumped or _offers(asked.base):
            return _offline(asked, "")
        if asked.session.stand.get(preview.OFFLINE):
            return _offline(asked, CHOSEN)
        try:
            return await self._with_model(asked, live)
        except KeysUnusable as unusable:
            log.error("a turn goes on without the model: %s", type(unusable).__name__)  # noqa: TRY400 - no stack: it may hold values
            return _offline(asked, LOCKED)

    async def _with_model(self, asked: Asked, live: Live) -> Answered:
        opened = await self._opened(asked)
        if isinstance(opened, GuideReply):
            return Answered(opened)
        turn = _Turn(asked, opened, Aloud(live, opened.masks), failed=opened.failed)
        try:
            return await self._answered(turn)
        except BaseException:
            # Cancelled because the Turn is over, most likely. What was asked is paid for: its reply is kept.
            for flight in turn.flights:
                self._calls.leave(flight)
            raise

    async def _opened(self, asked: Asked) -> Opened | GuideReply:
        """A long ticket is summarised by the model too: before a preview was answered nothing of it leaves."""
        if asked.ticket is not None and is_long(asked.ticket):
            if (first := await self._opening.preview(asked)) is not None:
                return first
            asked = replace(asked, ticket=await self._tickets(asked.history, asked.ticket))
        return await self._opening.open(asked)

    async def _answered(self, turn: _Turn) -> Answered:
        while True:
            move = turn.opened.move
            if isinstance(move, GaveUp):
                return _offline(turn.asked, move.aside)
            if isinstance(move, Use):
                done = await self._judged(turn, move.call.id, _kept(move), None)
            else:
                flight = self._flight(turn, move)
                done = await self._judged(turn, flight.id, await self._heard(turn, flight), flight)
            if done is not None:
                return done

    def _flight(self, turn: _Turn, move: Join | Send) -> Flight:
        opened = turn.opened
        if isinstance(move, Join):
            flight = self._calls.flight(move.call)
        elif opened.call is not None and opened.call_id is not None:
            flight = self._calls.take_off(turn.asked.account, opened.call_id, opened.call)
        else:
            flight = None
        if flight is None:
            raise RuntimeError("the call is gone")
        turn.flights.append(flight)
        return flight

    async def _heard(self, turn: _Turn, flight: Flight) -> Ended:
        ended = await self._calls.hear(flight, turn.aloud.hear)
        await turn.aloud.end()
        return ended

    async def _judged(
        self, turn: _Turn, call_id: UUID, ended: Ended, flight: Flight | None
    ) -> Answered | None:
        """What becomes of an end: the turn's answer, or None where the model was asked once more."""
        if isinstance(ended, ModelFailed):
            return await self._failed(turn, ended)
        match ended.stop_reason:
            case StopReason.END_TURN:
                return await self._read(turn, call_id, ended, flight)
            case StopReason.REFUSAL:
                await self._keep(flight)
                self._breaker.worked(turn.asked.account)
                return _offline(turn.asked, REFUSED)
            case StopReason.MAX_TOKENS:
                await self._keep(flight)
                await self._once_more(turn, 0.0)
                return None
            case _:
                await self._keep(flight)
                return await self._failed(turn, ModelFailed(Failure.CONNECTION, 200, started=True))

    async def _failed(self, turn: _Turn, failed: ModelFailed) -> Answered | None:
        """Wait as the schedule says and ask once more, or leave the turn to the offline guide."""
        turn.failed += 1
        if failed.failure in RETRYABLE:
            wait = self._calls.schedule.wait(failed, turn.failed, turn.waited)
            if wait is not None:
                await self._once_more(turn, wait)
                return None
        self._breaker.failed(turn.asked.account)
        log.warning("a turn goes on without the model: %s", failed)
        if failed.failure not in FOR_THE_ADMIN:
            return _offline(turn.asked, AWAY)

        async def save(unit: Unit) -> None:
            await tell_admins(unit, failed.failure)

        return _offline(turn.asked, CLOSED, save)

    async def _once_more(self, turn: _Turn, wait: float) -> None:
        await turn.aloud.anew(wait)
        if wait:
            await asyncio.sleep(wait)
            turn.waited += wait
        turn.opened = await self._opening.again(turn.asked, turn.opened)

    async def _keep(self, flight: Flight | None) -> None:
        if flight is not None:
            await self._calls.keep(flight)

    # ── An answer that is whole ───────────────────────────────────────────────────────────────────────────────

    async def _read(
        self, turn: _Turn, call_id: UUID, reply: ModelReply, flight: Flight | None
    ) -> Answered | None:
        checked = await asyncio.to_thread(_checked, turn.asked, turn.opened, reply.text)
        self._breaker.worked(turn.asked.account)
        if isinstance(checked, Problem):
            if turn.opened.conversation.repaired:
                await self._keep(flight)
                return _offline(turn.asked, UNCLEAR)
            await turn.aloud.anew()
            turn.opened = await self._opening.repaired(
                turn.asked, turn.opened, call_id, reply, checked.sentence
            )
            if flight is not None:
                self._calls.saved(flight)
            return None
        asked = turn.asked
        found = _from_call(proposal(checked, asked.history, asked.flows, asked.base), call_id)
        found = asked_of(found, turn.opened.new_pictures)
        if flight is not None:
            self._calls.handed(flight)
        return Answered(found, self._saving(turn, call_id, reply, flight))

    def _saving(self, turn: _Turn, call_id: UUID, reply: ModelReply, flight: Flight | None) -> Save:
        session_id = turn.asked.session.id

        async def save(unit: Unit) -> None:
            """The reply with its usage, and, where it became a Step, its place in the conversation."""
            spent = cost(self._opening.model, reply.usage)
            covers = {TOKENS: reply.usage.total}
            if not await turns.taken(unit, session_id, call_id):
                await unit.conversations.answered(call_id, reply, spent)
            else:
                await unit.conversations.close_turn(
                    call_id, reply, spent, json.dumps(answer_blocks(reply.text), ensure_ascii=False), covers
                )
            if flight is not None:
                self._calls.saved(flight)

        return save


def _checked(asked: Asked, opened: Opened, raw: str) -> Checked | Problem:
    view = view_of(
        asked.history,
        asked.ticket,
        asked.flows,
        asked.base,
        opened.masks,
        len(opened.new_pictures),
        seen_pictures=opened.seen_pictures,
    )
    return check(raw, view)


def _kept(move: Use) -> ModelReply:
    reply = move.call.as_reply()
    if reply is None:
        raise RuntimeError("a call that was answered has no reply")
    return reply


def _offers(base: GuideReply) -> bool:
    """Flows to choose from, none of which was refused before: that is the technician's choice, not the model's."""
    return base.step is not None and base.stand.get("at") == "offer" and not base.stand.get("refused")


def _offline(asked: Asked, aside: str, save: Save | None = None) -> Answered:
    return Answered(fallback(asked.base, aside, asked.history), save)


def _from_call(reply: GuideReply, call_id: UUID) -> GuideReply:
    """The Step and the stand name their call, so that everybody sees whether it was taken, and what it cost."""
    stand = {**reply.stand, turns.CALL: str(call_id)}
    return replace(reply, step=replace(reply.step, stand=stand) if reply.step else None, stand=stand)
