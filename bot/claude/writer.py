"""The Writer that asks Claude: one call for a text, never repeated, and waited for no longer than its limit."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from types import MappingProxyType
from uuid import UUID

from bot.claude.breaker import Breaker
from bot.claude.budget import day_of
from bot.claude.calls import Calls, Flight, Schedule
from bot.claude.masking import Masking, known_values
from bot.claude.notices import tell_admins
from bot.claude.opening import Rules
from bot.claude.preview import AGREED, OFFLINE, unagreed
from engine import writing
from engine.guide_json import Unusable
from engine.guide_prompt import estimate
from engine.history import History
from engine.inheriting import stands_of
from engine.model import (
    FOR_THE_ADMIN,
    Model,
    ModelCall,
    ModelFailed,
    ModelReply,
    Purpose,
    StopReason,
    Usage,
)
from engine.ports import Save, Worded
from engine.pricing import cost
from engine.psa import Ticket
from engine.redact import Known, Masks, mask
from engine.session import Json, Session
from engine.writing_prompt import Prompt
from engine.writing_schemas import MOST_TOKENS, SCHEMAS, VERSION
from storage.conversations import CallRow, CallState, NewCall
from storage.store import Store, Unit

log = logging.getLogger("flowpilot.claude")

MOST_UNKNOWN = 2
_LIMITS: Mapping[Purpose, float] = MappingProxyType(
    {Purpose.PACKAGE: 5.0, Purpose.BRIEFING: 20.0, Purpose.NOTE: 0.0, Purpose.TICKET: 10.0}
)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. `limits`: how long each text is waited for. A call flies `beyond` that, so that what was paid for is
    kept and counted. `look`: what is not waited for is looked after so often.
    """

    limits: Mapping[Purpose, float] = field(default_factory=lambda: _LIMITS)
    beyond: float = 30.0
    look: float = 2.0


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is to be worded. `about` is the Session it is booked on."""

    purpose: Purpose
    about: Session
    history: History
    ticket: Ticket | None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class _Opened:
    """A request as it is found or begun. One of the last three says what follows: a reply that was kept, a call to
    send, or when to look again; none of them: the model is not asked, because of `state`.
    """

    worded: Worded
    masks: Masks = ()
    kept: CallRow | None = None
    send: ModelCall | None = None
    call_id: UUID | None = None
    join: UUID | None = None


class ClaudeWriter:
    """One for a process, beside its guide; `breaker` is the guide's own."""

    def __init__(
        self,
        store: Store,
        model: Model,
        rules: Rules | None = None,
        patience: Patience | None = None,
        breaker: Breaker | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        self._store = store
        self._rules = rules or Rules()
        self._patience = patience or Patience()
        self._breaker = breaker or Breaker(lambda: asyncio.get_running_loop().time())
        self._calls = Calls(store, model, schedule)

    async def close(self) -> None:
        """What is under way gets a last chance; the model is closed by whoever made it."""
        await self._calls.close()

    async def write(
        self,
        purpose: Purpose,
        about: Session,
        history: History,
        ticket: Ticket | None,
        *,
        fresh: bool = False,
    ) -> Worded:
        wish = _Wish(purpose, about, history, ticket, fresh)
        ends = asyncio.get_running_loop().time() + self._patience.limits[purpose]
        opened = await self._open(wish)
        if opened.kept is not None:
            reply = opened.kept.as_reply()
            return await self._read(wish, opened, opened.kept.id, reply, None) if reply else opened.worded
        flight = self._calls.flight(opened.join) if opened.join is not None else None
        if opened.send is not None and opened.call_id is not None:
            flight = self._calls.take_off(about.account_id, opened.call_id, opened.send)
        return await self._waited(wish, opened, flight, ends) if flight is not None else opened.worded

    async def shortened(self, history: History, ticket: Ticket | None) -> Ticket | None:
        """The ticket as a prompt may tell it: a long one by its summary, which is asked for once."""
        if ticket is None or not writing.is_long(ticket):
            return ticket
        worded = await self.write(Purpose.TICKET, history.session, history, ticket)
        if worded.save is not None:
            async with self._store.transaction(history.session.account_id) as unit:
                await worded.save(unit)
        if worded.said is None:
            return ticket
        return await asyncio.to_thread(writing.shortened, ticket, worded.said)

    # ── The call ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _waited(self, wish: _Wish, opened: _Opened, flight: Flight, ends: float) -> Worded:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(max(0.0, ends - loop.time())):
                ended = await self._calls.hear(flight, _deaf)
        except TimeoutError:
            self._calls.leave(flight)
            return opened.worded
        except BaseException:
            self._calls.leave(flight)
            raise
        if isinstance(ended, ModelReply):
            return await self._read(wish, opened, flight.id, ended, flight)
        self._breaker.failed(wish.about.account_id)
        log.warning("a %s goes on without the model: %s", wish.purpose.value, ended)
        return Worded("unavailable", save=_telling(ended))

    async def _read(
        self, wish: _Wish, opened: _Opened, call_id: UUID, reply: ModelReply, flight: Flight | None
    ) -> Worded:
        if flight is not None:
            self._breaker.worked(wish.about.account_id)
        try:
            said = _said(wish.purpose, reply, opened.masks)
        except Unusable as wrong:
            log.warning("a %s could not be used: %s", wish.purpose.value, wrong)
            if flight is not None:
                await self._calls.keep(flight)
            return Worded("unavailable")
        if flight is not None:
            self._calls.handed(flight)
        return Worded("model", said, self._saving(call_id, reply, flight))

    def _saving(self, call_id: UUID, reply: ModelReply, flight: Flight | None) -> Save:
        async def save(unit: Unit) -> None:
            if flight is not None:
                await unit.conversations.answered(call_id, reply, cost(flight.model, reply.usage))
            await unit.conversations.used(call_id)
            if flight is not None:
                self._calls.saved(flight)

        return save

    # ── The request ─────────────────────────────────────────────────────────────────────────────────────────────

    async def _open(self, wish: _Wish) -> _Opened:
        """Write the request down and begin its call, unless it was made before or must not be made."""
        async with self._store.transaction(wish.about.account_id) as unit:
            # The Session is held: nobody else adds to its vault meanwhile.
            if await unit.sessions.get(wish.about.id, lock=True) is None:
                return _Opened(Worded())
            calls = await unit.conversations.of_session(wish.about.id)
            own = await unit.masks.read(wish.about.id)
            masks = await _with_those_of_the_record(unit, wish, own)
            if not _may_leave(wish) or _lost(masks, calls):
                return _Opened(Worded())
            masking = Masking(masks, known_values(wish.history, wish.ticket, await unit.accounts.name()))
            prompt, version = await asyncio.to_thread(_rendered, wish, masking)
            ours = [c for c in calls if c.purpose is wish.purpose]
            found = await self._before(unit, wish, ours, version, prompt)
            if found is not None:
                return _Opened(found.worded, masking.masks, found.kept, join=found.join)
            if not await self._allowed(unit, wish):
                return _Opened(Worded())
            await masking.save(unit, wish.about.id, anyway=masks != own)
            return await self._begun(unit, wish, prompt, version, masking.masks)

    async def _before(
        self, unit: Unit, wish: _Wish, calls: Sequence[CallRow], version: str, prompt: Prompt
    ) -> _Opened | None:
        """What follows from the calls made before; None: it is to be asked now."""
        same = [c for c in calls if c.schema_version == version]
        again = unit.now + timedelta(seconds=self._patience.look) if self._looked_after(wish) else None
        kept = [c for c in same if c.state is CallState.ANSWERED]
        if kept:
            whole = [c for c in kept if c.stop_reason is StopReason.END_TURN]
            return _Opened(Worded("unavailable"), kept=whole[-1] if whole else None)
        for call in (c for c in calls if c.state is CallState.IN_FLIGHT):
            if self._calls.flight(call.id) is not None:
                if call not in same and call.turn != wish.about.turn.number:
                    continue  # nobody waits for that one any more
                join = call.id if call in same and again is None else None
                return _Opened(Worded("unavailable", again=again), join=join)
            if again is not None and unit.now - call.created_at < self._flies(wish.purpose):
                return _Opened(Worded("unavailable", again=again))
            await _count_as_unknown(unit, call, prompt)
        lost = [c for c in same if c.state in (CallState.IN_FLIGHT, CallState.UNKNOWN)]
        failed = any(c.state is CallState.FAILED for c in same)
        return _Opened(Worded("unavailable")) if failed or len(lost) >= MOST_UNKNOWN else None

    def _looked_after(self, wish: _Wish) -> bool:
        return self._patience.limits[wish.purpose] <= 0

    def _flies(self, purpose: Purpose) -> timedelta:
        """The longest a call can be in flight, wherever it was sent from."""
        return timedelta(seconds=self._patience.limits[purpose] + self._patience.beyond * 2)

    async def _allowed(self, unit: Unit, wish: _Wish) -> bool:
        day = day_of(await unit.accounts.settings(), unit.now, self._rules.daily_tokens)
        if day.limit and day.over((await unit.conversations.spent_since(day.began)).total):
            return False
        return self._breaker.lets(wish.about.account_id)

    async def _begun(self, unit: Unit, wish: _Wish, prompt: Prompt, version: str, masks: Masks) -> _Opened:
        model, most = self._rules.models.of(wish.purpose), MOST_TOKENS[wish.purpose]
        seconds = self._patience.limits[wish.purpose] + self._patience.beyond
        new = NewCall(
            wish.about.id,
            wish.purpose,
            wish.about.turn.number,
            model,
            most,
            schema_version=version,
            masked=_masked_in(prompt.text, masks),
        )
        call = ModelCall(
            wish.purpose,
            model,
            prompt.system,
            prompt.messages,
            SCHEMAS[wish.purpose],
            most,
            cache=False,
            seconds=seconds,
            silence=seconds,
        )
        again = unit.now + timedelta(seconds=self._patience.look) if self._looked_after(wish) else None
        worded = Worded("unavailable", again=again)
        return _Opened(worded, masks, send=call, call_id=await unit.conversations.begin(new))


async def _deaf(text: str) -> None:
    return None


def _may_leave(wish: _Wish) -> bool:
    """Not where somebody said that nothing may, nor what was pasted before anybody has seen what is masked."""
    stands = [stand for session in (wish.history.session, wish.about) for stand in stands_of(session)]
    if any(stand.get(OFFLINE) for stand in stands):
        return False
    marks = (stand.get(AGREED) for stand in stands)
    return not unagreed(
        wish.history, {str(m) for each in marks if isinstance(each, list | tuple) for m in each}
    )


def _lost(masks: Masks, calls: Sequence[CallRow]) -> bool:
    """Whether the vault is gone, and with it what somebody wanted masked that no rule would find."""
    return not masks and any(call.masked for call in calls)


async def _with_those_of_the_record(unit: Unit, wish: _Wish, own: Masks) -> Masks:
    """What was masked where the record comes from is masked here too, under numbers of this Session."""
    source = wish.history.session.id
    theirs = await unit.masks.read(source) if source != wish.about.id else ()
    held = {(m.kind, m.value) for m in own}
    missing = [Known(m.value, m.kind) for m in theirs if (m.kind, m.value) not in held]
    if not missing:
        return own
    if not own:
        return theirs
    _, both = await asyncio.to_thread(mask, "\n".join(each.value for each in missing), own, missing)
    return both


def _rendered(wish: _Wish, masking: Masking) -> tuple[Prompt, str]:
    """The request, and a name for it that is the same for the same words."""
    tag = secrets.token_hex(4)
    prompt = writing.asks(wish.purpose, wish.history, wish.ticket, tag, masking, fresh=wish.fresh)
    words = sha256(prompt.text.replace(tag, "").encode()).hexdigest()[:24]
    return prompt, f"{wish.purpose.value}-{VERSION}:{words}"


def _said(purpose: Purpose, reply: ModelReply, masks: Masks) -> Json:
    if reply.stop_reason is not StopReason.END_TURN:
        raise Unusable(f"it ended by {reply.stop_reason.value}.")
    return writing.answer(purpose, reply.text, masks)


async def _count_as_unknown(unit: Unit, call: CallRow, prompt: Prompt) -> None:
    """What it began with is booked, or an estimate: it was most likely paid for."""
    usage = call.usage if call.started_at is not None else Usage(input=estimate(prompt.text))
    await unit.conversations.failed(call.id, None, 0, usage, cost(call.model, usage), unknown=True)


def _telling(failed: ModelFailed) -> Save | None:
    if failed.failure not in FOR_THE_ADMIN:
        return None

    async def save(unit: Unit) -> None:
        await tell_admins(unit, failed.failure)

    return save


def _masked_in(text: str, masks: Masks) -> dict[str, list[str]]:
    """The placeholders, by kind, that stand in it."""
    found: dict[str, list[str]] = {}
    for each in masks:
        if each.placeholder in text:
            found.setdefault(each.kind.value, []).append(each.placeholder)
    return found
