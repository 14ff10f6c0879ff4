"""Plays one case on the whole desk: what the technician does goes in as console words, what is owed is delivered."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from bench.evaluation_cases import Case
from bench.evaluation_person import Cannot, Ending, Pick, Reaction, Technician
from bot import wiring
from bot.practice_account import COMPANY, KEYS, SETTINGS
from bot.web import token_id
from demo.psa import PracticePsa
from engine.documentation import Documentation, compose
from engine.effects import Lane
from engine.history import History
from engine.ports import OwedPost, Raw
from engine.posts import documentation_for
from engine.psa import Ticket as PsaTicket
from engine.psa import ticket_from_json
from engine.session import Role, Session, Status, Step, StepKind
from storage.calls import CallRow

HELD = replace(SETTINGS, auto_push="off")
"""What would be written to ConnectWise is composed and looked at, and stays here."""
BUNDLE_IS_OVER = (
    "update outbox set due_at = now() where subject_id = :session and verb = 'AskGuide' and state = 'owed'"
)
NEWEST = "select id from ai_sessions where account_id = :account order by created_at desc limit 1"


def stopped() -> None:
    """Raises CancelledError where this task was told to end, even if something within took that for its own."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class LimitReached(Exception):
    """As much was spent as may be."""


class Stuck(Exception):
    """The desk did not do what was asked of it; the message says what."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where cases are played. `spent(microdollars)` is told what calls cost and raises LimitReached."""

    parts: wiring.Parts
    psa: PracticePsa
    spent: Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Played:
    """A case as it went. `asked`: steps the technician answered; `seconds`: of each turn; `led`: moves of
    his own; `wrong`: what may never be.
    """

    case: Case
    seed: int
    history: History
    ticket: PsaTicket | None
    note: Documentation
    posts: tuple[OwedPost, ...]
    asked: int
    seconds: tuple[float, ...]
    calls: tuple[CallRow, ...]
    guessed: tuple[str, ...]
    led: int
    wrong: tuple[str, ...]
    answers: tuple[str, ...]
    user: UUID
    number: int | None


@dataclass(slots=True)
class _Seat:
    """One technician in an Account of his own, so that no case sees another's."""

    stage: Stage
    account: UUID = field(default_factory=uuid4)
    token: str = field(default_factory=lambda: uuid4().hex)
    user: UUID = field(default_factory=uuid4)

    async def take(self) -> None:
        async with self.stage.parts.store.transaction(self.account) as unit:
            at_work = unit.accounts
            await at_work.create("Evaluation MSP")
            self.user = await at_work.add_user("Ben Ortiz", "ben@practice.example", (Role.TECHNICIAN,))
            await at_work.add_identity(self.user, "console", "console", token_id(self.token))
            connection = await at_work.connect(self.stage.psa.url, COMPANY, KEYS)
            await at_work.change_connection(connection, state="connected", flowpilot_settings=HELD.to_json())
            member = next(m for m in self.stage.psa.records("members") if m["identifier"] == "ben")
            await at_work.map_member(connection, self.user, member["id"], "Ben Ortiz", "email")

    async def send(self, kind: str, **said: object) -> None:
        """One console word, remembered and understood."""
        unique, sender = str(uuid4()), token_id(self.token)
        payload = json.dumps({"from": sender, "body": {"id": unique, "kind": kind, **said}}).encode()
        order = f"console:{self.user}"
        await self.stage.parts.desk.receive(Raw("console", f"{sender}:{unique}", order, payload))
        await self.stage.parts.desk.handle(order)


@dataclass(slots=True)
class _Game:
    seat: _Seat
    technician: Technician
    session_id: UUID | None = None
    place: str = ""
    seconds: list[float] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    booked: int = 0
    asked: int = 0

    @property
    def _parts(self) -> wiring.Parts:
        return self.seat.stage.parts

    @property
    def _id(self) -> UUID:
        if self.session_id is None:
            raise Stuck("no session was started")
        return self.session_id

    async def begin(self, ticket: int | None) -> None:
        file = self.technician.case.intake.file
        content = base64.b64encode(file.text.encode()).decode() if file else ""
        files = [{"name": file.name, "type": "text/plain", "content": content}] if file else []
        await self.seat.send("say", text=self.technician.opening(ticket), files=files)
        async with self._parts.store.transaction(self.seat.account) as unit:
            found = await unit.connection.execute(text(NEWEST), {"account": self.seat.account})
            self.session_id = found.scalar_one_or_none()
            self.place = str((await unit.places.of_session(self._id))[0].id)
        await self.turn()

    async def turn(self) -> None:
        """The guide's, with the wait for a second message left out."""
        async with self._parts.store.transaction(self.seat.account) as unit:
            await unit.connection.execute(text(BUNDLE_IS_OVER), {"session": self._id})
        began = time.perf_counter()
        await self._parts.desk.deliver(self.seat.account, self._id, Lane.WORK)
        self.seconds.append(time.perf_counter() - began)
        stopped()
        if self._parts.model is not None:
            cost = sum(call.cost for call in await self.calls())
            self.booked, more = cost, cost - self.booked
            self.seat.stage.spent(more)

    async def calls(self) -> tuple[CallRow, ...]:
        async with self._parts.store.transaction(self.seat.account) as unit:
            return await unit.conversations.of_session(self._id)

    async def session(self) -> Session:
        async with self._parts.store.transaction(self.seat.account) as unit:
            session = await unit.sessions.get(self._id)
        if session is None:
            raise Stuck("the session is gone")
        return session

    async def history(self) -> History:
        async with self._parts.store.transaction(self.seat.account) as unit:
            history = await unit.sessions.history(self._id)
        if history is None:
            raise Stuck("the session is gone")
        return history

    async def talk(self) -> bool:
        """Step after step until the technician ends it; whether it was solved for him."""
        while True:
            session = await self.session()
            step = session.current
            if session.status is not Status.ACTIVE:
                self.wrong.append(f"the session became {session.status} by itself")
                return False
            if step is None or step.outcome is not None:
                raise Stuck(f"no step came after step {step.number if step else 0}")
            if self.asked >= self.technician.case.most_steps + 6:
                return self.technician.fixed
            reaction = self.technician.react(step)
            if isinstance(reaction, Ending):
                return reaction.solved
            await self._answer(step, reaction)
            if reaction == Pick("fixed") and step.kind is StepKind.RESOLUTION_SUGGESTION:
                return True
            await self.turn()

    async def _answer(self, step: Step, reaction: Reaction) -> None:
        self.asked += not step.beside
        args = {"session": str(self._id), "step": str(step.number)}
        match reaction:
            case Pick(option):
                self.answers.append(step.label_of(option))
                args["option"] = option
                await self.seat.send("click", verb="answer", place=self.place, args=args)
            case Cannot(words):
                self.answers.append(words)
                fields = {"text": words}
                await self.seat.send("submit", verb="cannot_do", place=self.place, args=args, fields=fields)
            case Ending():
                raise Stuck("an ending is no answer")
            case _:
                self.answers.append(reaction.text)
                await self.seat.send("say", text=reaction.text, place=self.place)

    async def end(self, *, solved: bool) -> None:
        """The form as it stands; only what is empty in it is filled in."""
        case, history = self.technician.case, await self.history()
        args = {"session": str(self._id)}
        if not solved:
            fields = {"reason": self.technician.reason()}
            self.answers.append(fields["reason"])
            await self.seat.send("submit", verb="escalate", place=self.place, args=args, fields=fields)
        else:
            drawn = compose(history, ticket_of(history.session), "resolution")
            fields = {"summary": drawn.summary, "fix": drawn.fix or case.truth.fix, "status_confirmed": "yes"}
            self.answers += [] if drawn.fix else [case.truth.fix]
            await self.seat.send("submit", verb="resolve", place=self.place, args=args, fields=fields)
        await self.turn()
        status, wanted = (
            (await self.session()).status,
            Status.RESOLVED if solved else Status.REQUESTING_ESCALATION,
        )
        if status is not wanted:
            raise Stuck(f"the session is {status} where it should be {wanted}")


def ticket_of(session: Session) -> PsaTicket | None:
    return ticket_from_json(session.ticket) if session.ticket else None


async def play(stage: Stage, case: Case, seed: int) -> Played:
    """Raises Stuck, LimitReached."""
    seat, technician = _Seat(stage), Technician(case, seed)
    await seat.take()
    game = _Game(seat, technician)
    number = _ticket(stage.psa, case)
    await game.begin(number)
    await game.end(solved=await game.talk())
    history = await game.history()
    session = history.session
    async with stage.parts.store.transaction(seat.account) as unit:
        posts = await unit.posts.of_session(session.id)
    occasion = "resolution" if session.status is Status.RESOLVED else "escalation"
    ticket = ticket_of(session)
    return Played(
        case=case,
        seed=seed,
        history=history,
        ticket=ticket,
        note=documentation_for(history, ticket, occasion, session.documentation),
        posts=posts,
        asked=game.asked,
        seconds=tuple(game.seconds),
        calls=await game.calls(),
        guessed=tuple(technician.guessed),
        led=technician.moved,
        wrong=tuple(game.wrong),
        answers=tuple(game.answers),
        user=seat.user,
        number=number,
    )


def _ticket(psa: PracticePsa, case: Case) -> int | None:
    """The number of the case's ticket, made now where the case describes one."""
    wanted = case.intake.ticket
    if wanted is None or isinstance(wanted, int):
        return wanted
    body: Any = wanted.model_dump()
    made = psa.control.answer("POST", "/_practice/tickets", {}, json.dumps(body).encode(), psa.url)
    if made.status >= 400 or not isinstance(made.body, dict):
        raise Stuck(f"the practice ConnectWise took no ticket: {made.body}")
    return int(made.body["id"])
