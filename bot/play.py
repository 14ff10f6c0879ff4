"""Plays a case without a person, on a practice desk of its own, and shows the ticket as ConnectWise holds it at the end."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TextIO

from bot import practice
from bot.console_draw import plain
from bot.console_files import FileRefused
from bot.console_seen import Draw, News, telling
from bot.console_wire import Turned, Unreachable, Wire
from bot.play_case import Act, Case, WaitFor, read_case
from bot.play_person import NotReached, Person
from bot.play_ticket import read_ticket, set_fault, told
from bot.practice import PEOPLE, Desk, PracticeError
from bot.practice_model import OFF

LOOK_SECONDS = 0.2
LEAVE_SECONDS = 30.0


async def play(path: Path, *, as_json: bool, model: str = OFF) -> int:
    """0 when the case came to its end, 1 when it did not. With `as_json` one object on standard output."""
    case = read_case(path)
    words = sys.stderr if as_json else sys.stdout
    folder = Path(tempfile.mkdtemp(prefix="flowpilot-play-"))
    host = practice.spawn(folder, throwaway=True, model=model)
    try:
        line = await practice.attach(folder, lambda text: _write(words, f"{text} …"), host)
        try:
            return await play_at(line.desk, case, as_json=as_json)
        finally:
            line.close()
            await asyncio.to_thread(host.wait, LEAVE_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def play_at(desk: Desk, case: Case, *, as_json: bool) -> int:
    """As `play`, on a desk that runs; it may have seen other cases, as long as none left a session open."""
    words = sys.stderr if as_json else sys.stdout
    result = await Playing(case, desk, words).run()
    if result is None:
        return 1
    if as_json:
        json.dump(result, sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        _write(words, f"\n{told(result['ticket'])}")
    return 0


class Playing:
    """One run. `words` takes the transcript."""

    def __init__(self, case: Case, desk: Desk, words: TextIO) -> None:
        self._case = case
        self._desk = desk
        self._words = words
        self._people: dict[str, Person] = {}
        self._sessions: list[str] = []
        self._now = PEOPLE[0]

    async def run(self) -> dict[str, Any] | None:
        """The result; None where a step did not come to its end, which is told with its number."""
        _write(self._words, f"{self._case.title}\n{self._case.story.strip()}\n")
        async with AsyncExitStack() as stack:
            for who in PEOPLE:
                wire = await stack.enter_async_context(Wire(self._desk.url, self._desk.tokens[who]))
                self._people[who] = Person(who, wire, self._draw)
                await self._people[who].catch_up()
            following = [asyncio.create_task(person.follow()) for person in self._people.values()]
            try:
                for number, act in enumerate(self._case.steps, 1):
                    if not await self._step(number, act):
                        return None
                return await self._result()
            finally:
                for task in following:
                    task.cancel()
                await asyncio.gather(*following, return_exceptions=True)

    async def _step(self, number: int, act: Act) -> bool:
        self._now = act.who or self._now
        try:
            await self._act(self._people[self._now], act)
            _write(self._words, f"{number:>3}  {self._now} {act.sentence}")
        except (NotReached, PracticeError, FileRefused, Unreachable, Turned) as failure:
            total = len(self._case.steps)
            _write(
                sys.stderr,
                f"\nStep {number} of {total} ({self._now} {act.sentence}) did not come to its end: {failure}",
            )
            return False
        if (session := self._people[self._now].seen.session) and session not in self._sessions:
            self._sessions.append(session)
        return True

    async def _act(self, person: Person, act: Act) -> None:
        if act.psa is not None:
            await set_fault(self._desk.psa, None if act.psa == "up" else dict(act.psa))
        elif act.home:
            person.seen.focus = ""
        elif act.say:
            await person.say(act.say)
        elif act.paste:
            await person.paste(act.paste)
        elif act.file:
            await person.send_file(act.file)
        elif act.answer:
            await person.answer(act.answer, act.within)
        elif act.click:
            await person.click(act.click, act.within)
        elif act.submit is not None:
            await person.submit(act.submit, act.within)
        elif act.expect is not None:
            await person.expect(act.expect, act.within)
        elif act.wait_for is not None:
            await self._wait_for(person, act.wait_for, act.within)

    async def _wait_for(self, person: Person, wanted: WaitFor, within: float) -> None:
        """Looks again and again until everything named holds. Raises NotReached with what did not."""
        ends = time.monotonic() + within
        while problem := await self._missing(person, wanted):
            if time.monotonic() > ends:
                raise NotReached(f"{problem} after {within:g} s.")
            await asyncio.sleep(LOOK_SECONDS)

    async def _missing(self, person: Person, wanted: WaitFor) -> str:
        """The first condition that does not hold, in words; empty when all do."""
        session = person.seen.session
        found = await person.wire.session(session) if session else None
        if found is None:
            return f"{person.who} is in no session"
        for check in (_session_lacks, _pushes_lack):
            if problem := check(found, wanted):
                return problem
        if wanted.ticket_status or wanted.ticket_owner or wanted.ticket_notes_hold:
            return await self._ticket_lacks(wanted)
        return ""

    async def _ticket_lacks(self, wanted: WaitFor) -> str:
        ticket = await read_ticket(self._desk.psa, self._case.ticket)
        status, owner = ticket["status"]["name"], (ticket.get("owner") or {}).get("identifier", "")
        if wanted.ticket_status and status != wanted.ticket_status:
            return f"the ticket's status is {status}"
        if wanted.ticket_owner and owner != wanted.ticket_owner:
            return f"the ticket's owner is {owner or 'nobody'}"
        held = wanted.ticket_notes_hold
        if held and not any(held in (note.get("text") or "") for note in ticket["notes"]):
            return f"no note of the ticket holds {wanted.ticket_notes_hold!r}"
        return ""

    async def _result(self) -> dict[str, Any]:
        """The last Session, the ticket as ConnectWise holds it, and the pushes of all Sessions of the case."""
        person = self._people[self._now]
        found = [await person.wire.session(session) for session in self._sessions]
        known = [each for each in found if each is not None]
        return {
            "session": known[-1]["session"] if known else {},
            "ticket": await read_ticket(self._desk.psa, self._case.ticket),
            "pushes": [push for each in known for push in each["pushes"]],
        }

    def _draw(self, who: str, news: News) -> None:
        """What this person's console would print, indented under the step that caused it."""
        for item in telling(news, self._people[who].seen):
            lines = plain(item.card) if isinstance(item, Draw) else [item.text]
            for line in "\n".join(lines).split("\n"):
                _write(self._words, f"       {who:<6}| {line}")


def _session_lacks(found: dict[str, Any], wanted: WaitFor) -> str:
    session = found["session"]
    if wanted.status and session["status"] != wanted.status:
        return f"the session is {session['status']}"
    steps = session["steps"]
    if wanted.step and (not steps or steps[-1]["number"] < wanted.step):
        return f"the session has {len(steps)} steps"
    return ""


def _pushes_lack(found: dict[str, Any], wanted: WaitFor) -> str:
    pushes = found["pushes"]
    shown = ", ".join(
        f"{p['kind']} {p['state']} {p['held_because'] or p['problem'] or ''}".strip() for p in pushes
    )
    if wanted.pushes and (not pushes or any(p["state"] != "posted" for p in pushes)):
        return f"not everything is posted ({shown or 'nothing is owed'})"
    if wanted.push is None:
        return ""
    push = wanted.push
    fits = any(
        p["kind"] == push.kind
        and p["state"] == push.state
        and push.problem.casefold() in p["problem"].casefold()
        and (push.held is None or bool(p["held_because"]) is push.held)
        for p in pushes
    )
    return "" if fits else f"no {push.kind} is {push.state} ({shown or 'nothing is owed'})"


def _write(words: TextIO, text: str) -> None:
    words.write(f"{text}\n")
    words.flush()
