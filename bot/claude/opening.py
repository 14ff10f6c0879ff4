"""Opens a turn in one transaction: what is known is read, the next message written down, and its call begun."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from bot.claude.attempts import AWAY, BUDGET, GaveUp, Move, Send, failures, lost, next_move
from bot.claude.breaker import Breaker
from bot.claude.budget import day_of
from bot.claude.calls import Calls
from bot.claude.conversation import Conversation, answer_blocks, pictures_in, request
from bot.claude.masking import known_values
from bot.claude.preview import PICTURES
from bot.claude.reading_back import unread
from bot.claude.rendering import Asked, Found, Made, made, must_preview, previewed, weight
from engine.events import GuideReply
from engine.guide_news import Picture
from engine.guide_prompt import repair_turn
from engine.guide_schemas import SCHEMA_VERSION, TURN
from engine.history import History
from engine.model import ModelCall, ModelReply, Models, Purpose, Usage
from engine.ports import TurnOver
from engine.pricing import cost
from engine.redact import Masks, also
from engine.session import Role, Status
from storage.conversations import CallRow, NewCall
from storage.pictures import PictureState
from storage.store import Store, Unit

MOST_TOKENS = 6_000
"""Of an answer, its thoughts included; asked for once more with double where that was too little."""
LIGHT = 3_000
"""Characters to be masked; more is done while no transaction is open."""
MOST_NAMES = 1_000
IDLE = timedelta(hours=1)
"""After so long the vendor's cache has forgotten the prompt."""


def cached(now: datetime, times: Sequence[datetime]) -> bool:
    """Whether a prompt is to be kept by the vendor. `times`: when the calls before were sent, newest first.

    One long pause tells nothing of the next. After two in a row what would be written is most likely read by nobody,
    at twice the price; so it stays off until two calls come within an hour of each other.
    """
    gaps = [after - before for after, before in pairwise((now, *times[:2]))]
    return len(gaps) < 2 or min(gaps) <= IDLE


@dataclass(frozen=True, slots=True)
class Rules:
    """What the installation allows. `daily_tokens` an Account a day, 0 for any; `seconds` for one call."""

    models: Models = field(default_factory=Models)
    daily_tokens: int = 0
    seconds: float = 180.0
    silence: float = 30.0
    max_tokens: int = MOST_TOKENS


@dataclass(frozen=True, slots=True)
class Opened:
    """A turn as it left. `call` is to be sent under `call_id`; `failed` calls of this turn came before it."""

    conversation: Conversation
    masks: Masks
    move: Move
    failed: int = 0
    call_id: UUID | None = None
    call: ModelCall | None = None

    @property
    def new_pictures(self) -> tuple[UUID, ...]:
        return unread(self.conversation)

    @property
    def seen_pictures(self) -> bool:
        return not set(pictures_in(self.conversation)) <= set(self.new_pictures)


class Opening:
    def __init__(self, store: Store, calls: Calls, breaker: Breaker, rules: Rules) -> None:
        self._store = store
        self._calls = calls
        self._breaker = breaker
        self._rules = rules
        self._names: dict[UUID, str] = {}

    async def open(self, asked: Asked) -> Opened | GuideReply:
        """A preview that has to come first, or the turn. Raises TurnOver where nobody waits for it any more."""
        async with self._store.transaction(asked.account) as unit:
            await self._waited_for(unit, asked)
            found = await self._found(unit, asked)
            if weight(asked, found) <= LIGHT:
                return await self._written(unit, asked, found, await asyncio.to_thread(made, asked, found))
        # Masking much text takes its time, and nobody should wait for the Session meanwhile.
        work = await asyncio.to_thread(made, asked, found)
        async with self._store.transaction(asked.account) as unit:
            await self._waited_for(unit, asked)
            return await self._written(unit, asked, found, work)

    async def preview(self, asked: Asked) -> GuideReply | None:
        """The preview that has to come first; None where the turn may ask. Raises TurnOver like `open`."""
        async with self._store.transaction(asked.account) as unit:
            await self._waited_for(unit, asked)
            found = await self._found(unit, asked)
        if not must_preview(asked, found):
            return None
        said, masking = await asyncio.to_thread(previewed, asked, found)
        async with self._store.transaction(asked.account) as unit:
            await self._waited_for(unit, asked)
            await masking.save(unit, asked.session.id, anyway=asked.wish is not None)
        return said

    async def may_ask(self, record: History, people: Sequence[UUID]) -> bool:
        """Whether one of them may undo that nothing is sent: whoever works on the Session, or a Lead."""
        session = record.session
        if not people or session.owner_id in people:
            return bool(people)
        async with self._store.transaction(session.account_id) as unit:
            users = await unit.accounts.users()
        return any(Role.LEAD in user.roles for user in users if user.id in people)

    async def _written(self, unit: Unit, asked: Asked, found: Found, work: Made) -> Opened | GuideReply:
        said, masking = work
        if isinstance(said, GuideReply):
            await masking.save(unit, asked.session.id, anyway=asked.wish is not None)
            return said
        opened = await self._begun(unit, asked, said, masking.masks, found.settings)
        if isinstance(opened.move, Send):
            await masking.save(unit, asked.session.id)
        return opened

    async def again(self, asked: Asked, opened: Opened) -> Opened:
        """The same words once more."""
        async with self._store.transaction(asked.account) as unit:
            await self._waited_for(unit, asked)
            return await self._begun(unit, asked, opened.conversation, opened.masks)

    async def repaired(
        self, asked: Asked, opened: Opened, call_id: UUID, reply: ModelReply, problem: str
    ) -> Opened:
        """The answer is kept and sent back with what is wrong with it; nothing before it changes."""
        async with self._store.transaction(asked.account) as unit:
            await self._waited_for(unit, asked)
            await unit.conversations.answered(call_id, reply, cost(self.model, reply.usage))
            conversation = opened.conversation.saying("assistant", answer_blocks(reply.text))
            conversation = conversation.saying("user", repair_turn(problem))
            return await self._begun(unit, asked, conversation, opened.masks)

    @property
    def model(self) -> str:
        return self._rules.models.of(Purpose.TURN)

    async def _waited_for(self, unit: Unit, asked: Asked) -> None:
        """Hold the Session: nobody else adds to its conversation or its vault meanwhile."""
        session = await unit.sessions.get(asked.session.id, lock=True)
        turn = session.turn if session is not None else None
        if session is None or turn is None or session.status is not Status.ACTIVE:
            raise TurnOver
        if turn.number != asked.turn or not turn.open:
            raise TurnOver

    async def _found(self, unit: Unit, asked: Asked) -> Found:
        session_id, wish = asked.session.id, asked.wish
        masks = await unit.masks.read(session_id)
        if wish is not None and wish.also:
            masks = also(wish.also, masks)
        if (shown := asked.session.stand.get(PICTURES)) is not None:
            await (unit.pictures.agree if shown else unit.pictures.hold_back)(session_id)
        pictures = await unit.pictures.of_session(session_id)
        settings = await unit.accounts.settings()
        return Found(
            now=unit.now.astimezone(day_of(settings, unit.now, 0).began.tzinfo),
            settings=settings,
            chapter=await unit.conversations.chapter(session_id),
            masks=masks,
            values=known_values(asked.history, asked.ticket, await self._name(unit, asked.account)),
            pictures=tuple(Picture(str(p.id), p.name) for p in pictures if p.state is PictureState.AGREED),
            undecided=len([p for p in pictures if p.state is PictureState.KEPT]),
        )

    async def _name(self, unit: Unit, account: UUID) -> str:
        """The Account's own, which hardly ever changes."""
        if account not in self._names:
            if len(self._names) >= MOST_NAMES:
                self._names.clear()
            self._names[account] = await unit.accounts.name()
        return self._names[account]

    async def _begun(
        self,
        unit: Unit,
        asked: Asked,
        conversation: Conversation,
        masks: Masks,
        settings: Mapping[str, Any] | None = None,
    ) -> Opened:
        """What follows for the conversation's last message; where that is to send it, the call is in flight then."""
        calls = () if conversation.fresh else await self._calls_for(unit, asked, conversation)

        def flies(call_id: UUID) -> bool:
            return self._calls.flight(call_id) is not None

        waits = len(self._calls.schedule.waits)
        move = next_move(calls, asked.turn, flies, self._rules.max_tokens, waits)
        for call in lost(calls, asked.turn, flies):
            await self._count_as_unknown(unit, call, conversation)
        opened = Opened(conversation, masks, move, failures(calls, asked.turn))
        if not isinstance(move, Send):
            return opened
        known = settings if settings is not None else await unit.accounts.settings()
        if (refused := await self._not_now(unit, asked, known)) is not None:
            return replace(opened, move=refused)
        return await self._sent(unit, asked, opened, move.max_tokens)

    async def _calls_for(self, unit: Unit, asked: Asked, conversation: Conversation) -> tuple[CallRow, ...]:
        """Of its last message. An answer to a repair counts in its own turn alone: it was no better than the first."""
        calls = await unit.conversations.of_session(asked.session.id)
        return tuple(
            c
            for c in calls
            if (c.purpose, c.chapter, c.upto) == (Purpose.TURN, conversation.number, conversation.upto)
            and (c.turn == asked.turn or not conversation.repaired)
        )

    async def _count_as_unknown(self, unit: Unit, call: CallRow, conversation: Conversation) -> None:
        """What it began with is booked, or an estimate: it was most likely paid for."""
        usage = call.usage if call.started_at is not None else Usage(input=conversation.tokens())
        await unit.conversations.failed(call.id, None, 0, usage, cost(call.model, usage), unknown=True)

    async def _not_now(self, unit: Unit, asked: Asked, settings: Mapping[str, Any]) -> GaveUp | None:
        day = day_of(settings, unit.now, self._rules.daily_tokens)
        if day.limit and day.over((await unit.conversations.spent_since(day.began)).total):
            return GaveUp(f"{BUDGET}:{day.limit:,}")
        return None if self._breaker.lets(asked.account) else GaveUp(AWAY)

    async def _sent(self, unit: Unit, asked: Asked, opened: Opened, max_tokens: int) -> Opened:
        conversation = opened.conversation
        times = await unit.conversations.last_times(asked.session.id)
        cache = cached(unit.now, times)
        pictures = await self._pictures(unit, asked, conversation)
        system, messages = await asyncio.to_thread(request, conversation, pictures, cache=cache)
        call = ModelCall(
            Purpose.TURN,
            self.model,
            system,
            messages,
            TURN,
            max_tokens,
            cache=cache,
            seconds=self._rules.seconds,
            silence=self._rules.silence,
        )
        new = NewCall(
            asked.session.id,
            Purpose.TURN,
            asked.turn,
            self.model,
            max_tokens,
            chapter=conversation.number,
            upto=conversation.upto,
            cached=cache,
            schema_version=SCHEMA_VERSION,
            masked=_masked_in(conversation, opened.masks),
        )
        call_id = await unit.conversations.open_turn(new, conversation.new)
        return replace(opened, conversation=replace(conversation, fresh=0), call_id=call_id, call=call)

    async def _pictures(
        self, unit: Unit, asked: Asked, conversation: Conversation
    ) -> dict[UUID, tuple[str, bytes]]:
        wanted = pictures_in(conversation)
        if not wanted:
            return {}
        kinds = {p.id: p.media_type for p in await unit.pictures.of_session(asked.session.id)}
        contents = await unit.pictures.contents(wanted)
        return {each: (kinds[each], content) for each, content in contents.items() if each in kinds}


def _masked_in(conversation: Conversation, masks: Masks) -> dict[str, list[str]]:
    """The placeholders, by kind, that stand in what is sent for the first time."""
    said = "".join(piece.content for piece in conversation.new)
    found: dict[str, list[str]] = {}
    for each in masks:
        if each.placeholder in said:
            found.setdefault(each.kind.value, []).append(each.placeholder)
    return found
