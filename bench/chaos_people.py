"""Technicians who work on tickets through the console's HTTP, click twice, and repeat what was not acknowledged."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import aiohttp

from bench.chaos_desk import PROBLEMS, ThrowawayDesk
from bench.chaos_seen import GaveUp, Observer, Seen

PEOPLE = ("anna", "ben", "carla")
CONTACTS = (
    "Jane Doe",
    "Martin Hale",
    "Rosa Nguyen",
    "Priya Shah",
    "Lena Fischer",
    "Tom Okafor",
    "Helen Zhou",
)
SECONDS_PER_WORD = 90.0


@dataclass(frozen=True, slots=True)
class Word:
    """One acknowledged word: who said what on which ticket. `key` is its row's key in the inbox."""

    id: str
    who: str
    ticket: int
    kind: str
    verb: str
    args: Mapping[str, str]
    fields: Mapping[str, str]
    text: str


@dataclass(slots=True)
class Told:
    """What all people together were acknowledged, and what went wrong for them."""

    words: list[Word] = field(default_factory=list)
    tickets: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    repeats: int = 0
    ended: int = 0


class People:
    """`rng` decides everything that people decide."""

    def __init__(
        self,
        desk: ThrowawayDesk,
        observer: Observer,
        told: Told,
        rng: random.Random,
        client: aiohttp.ClientSession,
    ) -> None:
        self._desk = desk
        self._observer = observer
        self._told = told
        self._rng = rng
        self._client = client

    async def work_until(self, stopped: asyncio.Event, at_once: int) -> None:
        """`at_once` tickets in hand at any time; those begun are brought to their end."""
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(self._one_after_another(stopped))

    async def _one_after_another(self, stopped: asyncio.Event) -> None:
        await asyncio.sleep(self._rng.uniform(0, 2))
        while not stopped.is_set():
            try:
                await self._ticket()
                self._told.ended += 1
            except GaveUp as late:
                self._told.problems.append(str(late))

    async def _ticket(self) -> None:
        """One ticket from its start to its end."""
        rng = self._rng
        who = rng.choice(PEOPLE)
        summary = rng.choice(PROBLEMS)
        asked = {"summary": summary, "contact": rng.choice(CONTACTS)}
        ticket = int((await self._desk.practice("POST", "tickets", asked))["id"])
        self._told.tickets.append(ticket)
        await self._say(who, ticket, "click", "start", fields={"text": f"#{ticket} {summary}"})
        await self._observer.until(ticket, lambda s: s.place is not None, "the thread")
        await self._diagnose(who, ticket, rng.randint(1, 4))
        if rng.random() < 0.3:
            who = await self._hand_over(who, ticket)
        await self._resolve(who, ticket)

    async def _diagnose(self, who: str, ticket: int, steps: int, done: int = 0) -> None:
        """Answer the next `steps` Steps after number `done`, each once its question is there."""
        for _ in range(steps):
            step = await self._next_step(ticket, done)
            fixed = await self._answer(who, step)
            done = step.number
            await self._outcome(ticket, done)
            if fixed:
                return

    async def _next_step(self, ticket: int, done: int) -> Seen:
        return await self._observer.until(
            ticket, lambda s: s.answerable and s.number > done, f"a step after {done}"
        )

    async def _outcome(self, ticket: int, number: int) -> None:
        await self._observer.until(
            ticket,
            lambda s: s.number > number or s.step.get("outcome") is not None,
            f"the outcome of {number}",
        )

    async def _answer(self, who: str, seen: Seen) -> bool:
        """By button, sometimes twice at once; sometimes in words of his own. Whether it was said to be fixed."""
        rng = self._rng
        options: list[str] = [o["id"] for o in seen.step.get("options", ()) if o["id"] != "escalate"]
        if rng.random() < 0.15:
            await self._note(who, seen)
        if not options or rng.random() < 0.12:
            await self._say(who, seen.ticket, "say", "", text=f"It shows code {uuid4().hex[:10]}", seen=seen)
            return False
        option = rng.choice(options)
        args = {"session": str(seen.id), "step": str(seen.number), "option": option}
        clicks = [self._say(who, seen.ticket, "click", "answer", args=args, seen=seen)]
        if rng.random() < 0.3:
            other = {**args, "option": rng.choice(options)}
            clicks.append(self._say(who, seen.ticket, "click", "answer", args=other, seen=seen))
        await asyncio.gather(*clicks)
        return option == "fixed"

    async def _note(self, who: str, seen: Seen) -> None:
        args, said = {"session": str(seen.id)}, {"text": f"Note {uuid4().hex}"}
        await self._say(who, seen.ticket, "submit", "note", args=args, fields=said, seen=seen)

    async def _hand_over(self, who: str, ticket: int) -> str:
        """Escalate, and another one picks it up and confirms the briefing. Gives who owns it now."""
        rng = self._rng
        seen = self._observer.sessions[ticket]
        args = {"session": str(seen.id)}
        reason = {"reason": f"I am stuck on {ticket}", "to": "anyone"}
        await self._say(who, ticket, "submit", "escalate", args=args, fields=reason, seen=seen)
        await self._observer.until(ticket, lambda s: s.status == "requesting_escalation", "the escalation")
        other = rng.choice([one for one in PEOPLE if one != who])
        await self._say(
            other, ticket, "submit", "pick_up", args=args, fields={"manner": "continue"}, seen=seen
        )
        owner = self._desk.users[other]
        await self._observer.until(ticket, lambda s: s.owner == owner and s.status == "active", "the pickup")
        briefing = await self._observer.until(
            ticket, lambda s: s.answerable and s.step.get("kind") == "briefing", "the briefing"
        )
        have = {"session": str(seen.id), "step": str(briefing.number), "option": "have_it"}
        await self._say(other, ticket, "click", "answer", args=have, seen=briefing)
        if rng.random() < 0.5:
            await self._diagnose(other, ticket, 1, briefing.number)
        return other

    async def _resolve(self, who: str, ticket: int) -> None:
        """The form twice now and then; half of the people leave the time for the end of the day to be asked."""
        seen = self._observer.sessions[ticket]
        args = {"session": str(seen.id)}
        given = {
            "summary": f"Solved {ticket}",
            "fix": f"Replaced the part of {ticket}",
            "status_confirmed": "yes",
        }
        forms = [self._say(who, ticket, "submit", "resolve", args=args, fields=given, seen=seen)]
        if self._rng.random() < 0.3:
            forms.append(self._say(who, ticket, "submit", "resolve", args=args, fields=given, seen=seen))
        await asyncio.gather(*forms)
        await self._observer.until(ticket, lambda s: s.status == "resolved", "the end")

    async def retry(self, who: str, seen: Seen) -> None:
        args = {"session": str(seen.id)}
        await self._say(who, seen.ticket, "click", "retry", args={**args, "closing": "1"}, seen=seen)

    async def _say(
        self,
        who: str,
        ticket: int,
        kind: str,
        verb: str,
        *,
        args: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
        text: str = "",
        seen: Seen | None = None,
    ) -> None:
        """Post it under one id until it is acknowledged; sometimes once more after that. Raises GaveUp."""
        word = Word(str(uuid4()), who, ticket, kind, verb, args or {}, fields or {}, text)
        place = str(seen.place) if seen and seen.place else None
        body = {
            "id": word.id, "kind": kind, "verb": verb, "args": word.args, "fields": word.fields,
            "text": text, "place": place,
        }  # fmt: skip
        loop = asyncio.get_running_loop()
        ends = loop.time() + SECONDS_PER_WORD
        while not await self._post(who, body):
            self._told.repeats += 1
            if loop.time() > ends:
                raise GaveUp(f"ticket {ticket}: {verb or kind} was not acknowledged")
            await asyncio.sleep(self._rng.uniform(0.05, 0.3))
        self._told.words.append(word)
        if self._rng.random() < 0.1:
            await self._post(who, body)

    async def _post(self, who: str, body: dict[str, Any]) -> bool:
        """Whether one of the web processes acknowledged it."""
        url = self._rng.choice(self._desk.urls)
        headers = {"Authorization": f"Bearer {self._desk.kept.tokens[who]}"}
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with self._client.post(f"{url}/console", json=body, headers=headers) as reply:
                if reply.status in (400, 401, 413):
                    raise GaveUp(f"the console was refused: {reply.status} {await reply.text()}")
                return bool(reply.status == 202)
        return False
