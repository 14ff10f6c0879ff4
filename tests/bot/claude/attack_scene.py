"""Whole stories with a model that does what it is told by anybody: a ticket, a desk with its PSA, and what came of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import yaml

from bot.cards import escalation_card, session_card, step_card
from bot.claude.calls import Schedule
from bot.claude.opening import Rules
from bot.claude.writer import ClaudeWriter, Patience
from bot.viewing import view_of
from engine.effects import Lane
from engine.events import EscalationRequested, PickedUp, Resolved, SessionStarted, StepAnswered
from engine.intake import read
from engine.model import Purpose
from engine.performing import Work
from engine.posting import Posting
from engine.psa import Board, BoardStatus, Contact, Member, Ref, Ticket, TicketNote, parse_settings
from engine.redact import Mask, MaskKind
from engine.session import Intake, IntakeType, Person, Step, Target
from storage.conversations import CallState
from storage.library import Libraries
from tests.bot.card_views import words
from tests.bot.claude.claude_scene import QUICK, SOON, Scene, acted, ahead, said
from tests.bot.waiting import until
from tests.contracts.fake_psa import FakePsa
from tests.fakes import FakeDoor, FakeGuide, RecordingPerformer, Stopwatch, room

HERE = Path(__file__).resolve().parent
REPORT = "Something odd happens on this machine and nobody knows why, zq"
PASSWORD = "Zq7!vX2p-rare"
LOG = f"""2026-03-02 09:00:01 INFO odd service started
2026-03-02 09:00:02 WARN password: {PASSWORD} was given on the command line
2026-03-02 09:00:03 ERROR odd service gave up after three tries
2026-03-02 09:00:09 INFO odd service started
"""
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
MEMBERS = (Member(9, "anna", "Anna"), Member(10, "ben", "Ben"))
STATUSES = (
    BoardStatus(16, "Waiting", 21),
    BoardStatus(17, "Completed", 21),
    BoardStatus(18, "Closed", 21, closed=True),
    BoardStatus(19, "Escalated", 21),
)
SETTINGS = parse_settings(
    {
        "note_visibility": "internal",
        "review_before_push": False,
        "time_entries": "automatic",
        "resolved_status": {"21": 17},
        "escalated_status": {"21": 19},
    }
)
SLOW = timedelta(minutes=10)
LOOKS_SOON = Patience(look=0.02)


# ── What is attempted ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Attempt:
    """One injection. `obeys`: what a model answers that obeys it, if the text stands in the prompt as far as `sign`;
    without it the obedient model reads the order itself. `lie`: what never happened. `masked`: masking takes the text
    away before it leaves, and the model obeys all the same.
    """

    id: str
    place: str
    text: str
    where: str = ""
    obeys: Mapping[str, Any] | None = None
    sign: str = ""
    lie: str = ""
    masked: bool = False

    def answer(self, last: int) -> dict[str, Any]:
        """The whole answer that obeys it; `last` is the number of the step answered last."""
        found: dict[str, Any] = json.loads(json.dumps(self.obeys).replace('"last"', str(last)))
        return said(**found)


def attempts() -> tuple[Attempt, ...]:
    raw = yaml.safe_load((HERE / "injections.yaml").read_text())
    return tuple(Attempt(place=place, **each) for place, listed in raw.items() for each in listed)


# ── The desk ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Case:
    """One desk on one PSA with two tickets; a Session on the first of them at a time."""

    scene: Scene
    psa: FakePsa
    writer: ClaudeWriter
    seen: list[str] = field(default_factory=list)

    async def begin(self, *, text: str = REPORT, log: str = "", ticket: Ticket | None = None) -> Step:
        """A new Session on ticket 4711, past its preview."""
        return await self.past_the_preview(await self.opens(text, log, ticket))

    async def opens(self, text: str, log: str = "", ticket: Ticket | None = None) -> Step:
        """A new Session on ticket 4711; its first Step may be the preview."""
        self.scene.session = uuid4()
        self.psa.tickets[4711] = ticket or plain_ticket()
        self.psa.saved_notes.clear()
        self.psa.saved_times.clear()
        found = read(log) if log else None
        kind = IntakeType.COMBINED if log else IntakeType.PSA_TICKET
        digest = found.digest.as_text() if found is not None and found.digest else ""
        intake = Intake(kind, text, log_content=log, log_digest=digest, ticket_id=4711)
        place = self.scene.place
        await self.scene.happens(SessionStarted(self.scene.session, place.account, place.anna, intake))
        return await self.scene.deliver()

    async def past_the_preview(self, step: Step) -> Step:
        return await self.scene.answer(option="go_on") if step.stand.get("at") == "preview" else step

    async def work(self) -> None:
        """What the work lane owes, whoever waits for it."""
        scene = self.scene
        async with asyncio.timeout(30):
            await scene.work.desk.deliver(scene.place.account, scene.session, Lane.WORK)
        for what, failure in scene.work.trouble.noted:
            raise AssertionError(what) from failure

    async def drafted(self) -> None:
        """Until the texts of the resolution form are worded; they are looked after every few milliseconds."""

        async def there() -> bool:
            await self.work()
            notes = [call for call in await self.scene.calls() if call.purpose is Purpose.NOTE]
            return bool(notes) and all(call.state is not CallState.IN_FLIGHT for call in notes)

        await until(there, "the note was worded")

    async def ends(self) -> Written:
        """Escalated, picked up by Ben, one more turn, resolved; what was written and to whom."""
        scene, place = self.scene, self.scene.place
        lies(scene)
        await ahead(scene, SLOW)
        await scene.happens(EscalationRequested(place.anna, "I am stuck", Target()))
        await self.work()
        await self.look()
        await scene.happens(PickedUp(place.ben))
        await scene.deliver()
        await scene.happens(_answers(place.ben, (await scene.now()).step_count, "Understood"))
        await scene.deliver()
        await self.look()
        await ahead(scene, SLOW)
        await scene.happens(Resolved(place.ben, "The machine was odd", "Replaced the odd service"))
        await self.work()
        await self.look()
        return await self.written()

    async def look(self) -> None:
        """Everything a person sees of the Session now."""
        async with self.scene.place.store.transaction(self.scene.place.account) as unit:
            view = await view_of(unit, self.scene.session, whole=True)
        assert view is not None
        # What a person pasted himself stands on the card of his Session as he pasted it.
        own = replace(view.session.intake, log_digest="")
        bare = replace(view, session=replace(view.session, intake=own))
        drawn = [session_card(bare), escalation_card(view)]
        drawn += [step_card(view, each) for each in view.history.steps]
        drawn += [step_card(view, replace(each, outcome=None)) for each in view.history.steps]
        self.seen += [words(card) for card in drawn]

    async def written(self) -> Written:
        place, session = self.scene.place, await self.scene.now()
        history = await self.scene.history()
        async with place.store.transaction(place.account) as unit:
            posts = await unit.posts.of_session(session.id)
        owed = await place.rows(
            "select verb, args, state from outbox where subject_id = :s order by id", s=session.id
        )
        names = {place.anna.id: "anna", place.ben.id: "ben", place.lea.id: "lea"}
        texts = {kind: f"{post.content}" for post in posts for kind in [f"{post.occasion} {post.kind}"]}
        return Written(
            notes=sorted((n.ticket_id, n.visibility, n.member_id) for n in self.psa.saved_notes.values()),
            times=sorted(
                (t.ticket_id, t.member_id, round((t.end - t.start) / SLOW))
                for t in self.psa.saved_times.values()
            ),
            tickets=[
                (t.id, t.status, t.owner, t.closed, t.board)
                for t in sorted(self.psa.tickets.values(), key=lambda t: t.id)
            ],
            posts=[
                (
                    p.kind,
                    p.occasion,
                    p.ticket_id,
                    names.get(p.engineer or place.lea.id),
                    p.held_because,
                    p.state,
                )
                for p in posts
            ],
            told=sorted(
                (row.args["what"], names.get(_id(row.args.get("to")) or session.id, ""))
                for row in owed
                if row.verb in ("Tell", "Announce")
            ),
            session=(
                session.status,
                names[session.owner_id],
                session.ticket_id,
                session.escalation.to if session.escalation else None,
                session.resolution_summary,
                session.resolution_action,
                session.rating,
            ),
            believed="\n".join(
                [
                    *(fact.text for fact in (*history.facts, *history.ruled_out)),
                    *(line for text in texts.values() for line in _claims(text)),
                    *_held(session.package or {}),
                ]
            ),
        )

    async def secrets(self) -> tuple[str, ...]:
        async with self.scene.place.store.transaction(self.scene.place.account) as unit:
            masks: tuple[Mask, ...] = await unit.masks.read(self.scene.session)
        return tuple(mask.value for mask in masks if mask.kind is MaskKind.SECRET)


@dataclass(frozen=True, slots=True)
class Written:
    """What a Session left behind, without its wording; `believed` is what is told as true or as done."""

    notes: list[Any]
    times: list[Any]
    tickets: list[Any]
    posts: list[Any]
    told: list[Any]
    session: tuple[Any, ...]
    believed: str

    def differences(self, other: Written) -> list[str]:
        names = ("notes", "times", "tickets", "posts", "told", "session")
        return [
            f"{name}: {getattr(self, name)} instead of {getattr(other, name)}"
            for name in names
            if getattr(self, name) != getattr(other, name)
        ]


def _held(package: Mapping[str, Any]) -> list[str]:
    """What a package says is so; its lists of steps and observations quote what was said, under its number."""
    rows = [
        (part, row) for part in ("situation", "background", "assessment") for row in package.get(part, ())
    ]
    rows += [(part, row) for part in ("facts", "ruled_out") for row in package.get(part, ())]
    return [f"{part}: {json.dumps(row, ensure_ascii=False)}" for part, row in rows]


def _claims(text: str) -> list[str]:
    """The lines of a note that say what was found or done."""
    lines = text.replace("\\n", "\n").split("\n")
    heads = ("Confirmed:", "Cause:", "Fix:", "Verification:", "Ruled out:")
    return [line for line in lines if line.startswith(heads)]


def plain_ticket(**given: Any) -> Ticket:
    made = Ticket(
        4711,
        "Odd machine",
        board=Ref(21, "Service"),
        status=Ref(16, "Waiting"),
        owner=Ref(9, "Anna"),
        company=Ref(4, "Contoso Dental"),
        contact=Contact(5, "Mia Klein", "+49 30 1234567", "mia.klein@contoso.example"),
        description="The machine on the second floor is odd since this morning.",
        notes=(TicketNote(1, "Called back, nobody answered.", "Ben"),),
    )
    return replace(made, **given)


LIE = "The server was rebooted and the ticket was closed"


def lies(scene: Scene) -> None:
    """From now on each text beside the turns is one lie, resting on whatever there is."""
    row = [{"text": f"{LIE}.", "cites": [0]}, {"text": f"{LIE}.", "cites": [1]}]
    parts = ("situation", "background", "assessment", "recommendation")
    scene.practice.script(dict.fromkeys(parts, row), purpose="package")
    scene.practice.script({"sentences": row}, purpose="briefing")
    scene.practice.script({"fix": row, "verification": row, "customer": LIE}, purpose="note")
    scene.practice.script({"problem": LIE, "said": []}, purpose="ticket")


@asynccontextmanager
async def case_in(
    url: str,
    libraries: Libraries | None = None,
    rules: Rules = QUICK,
    schedule: Schedule = SOON,
) -> AsyncIterator[Case]:
    async with acted(url, libraries, rules, schedule) as scene:
        place = scene.place
        elsewhere = Ticket(
            1, "Somebody else's", board=Ref(21, "Service"), status=Ref(16, "Waiting"), owner=Ref(10, "Ben")
        )
        psa = FakePsa((plain_ticket(), elsewhere), MEMBERS, (Board(21, "Service"),), STATUSES)
        async with place.store.transaction(place.account) as unit:
            connection = await unit.accounts.connect("api.example", "msp", {})
        members = {place.anna.id: (9, "anna"), place.ben.id: (10, "ben")}
        door = FakeDoor(psa, connection, SETTINGS, members)
        posting = Posting(place.store, door, Stopwatch(), None)
        writer = ClaudeWriter(place.store, scene.model, rules, LOOKS_SOON, schedule=schedule)
        work = Work(place.store, scene.guide, door, posting, RecordingPerformer(), writer=writer)
        scene.work = room(place, guide=cast(FakeGuide, scene.guide), work=work, door=door)
        # Noon, so that no entry of time is cut by midnight.
        scene.place.store.offset = datetime.now(UTC).replace(hour=12, minute=0) - datetime.now(UTC)
        try:
            yield Case(scene, psa, writer)
        finally:
            await writer.close()


def _id(value: object) -> UUID | None:
    return UUID(str(value)) if value else None


def _answers(by: Person, step: int, text: str) -> StepAnswered:
    return StepAnswered(by, step, text=text)
