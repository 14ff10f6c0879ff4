"""Counts what was lost, done twice or put out of order, from the database and from ConnectWise itself."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from bench.chaos_desk import ThrowawayDesk
from bench.chaos_people import Told, Word
from bot import cards
from bot.card import to_json
from bot.viewing import view_of
from engine.ports import OwedPost, PostState
from engine.psa import carries, marker_for
from engine.session import FINAL
from storage.store import Unit

MARKS = re.compile(r"\[fp:[0-9a-f]{8}\]|Ref FP-[0-9A-F]{8}|FP-[0-9A-F]{8}")
STEPS = """
select s.id, s.psa_ticket_id as ticket, s.step_count, st.number, st.manner, st.proposed_at, st.answered_at,
       (select count(*) from session_log l where l.session_id = s.id and l.event = 'StepAnswered'
          and (l.detail->>'step')::int = st.number and (l.detail->>'changed')::boolean) as answers,
       (select m.card from messages m join places p on p.id = m.place_id
          where p.session_id = s.id and p.kind = 'thread' and m.key = 'step:' || st.number) as card
from ai_sessions s join ai_session_steps st on st.session_id = s.id order by s.id, st.number
"""


@dataclass(slots=True)
class Verdict:
    """Sentences of what is wrong, by kind; all of them empty is the aim."""

    missing: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    words_lost: list[str] = field(default_factory=list)
    cards_wrong: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        found = (
            self.missing, self.duplicates, self.out_of_order, self.words_lost, self.cards_wrong, self.given_up,
        )  # fmt: skip
        return [sentence for each in found for sentence in each]


async def posts_of(desk: ThrowawayDesk) -> list[OwedPost]:
    async with desk.store.transaction(desk.account) as unit:
        ids = (
            (await unit.connection.execute(text("select id from psa_post_log order by position")))
            .scalars()
            .all()
        )
        found = [await unit.posts.get(each) for each in ids]
    return [post for post in found if post is not None]


def hits(post: OwedPost, there: dict[str, Any]) -> int:
    """How many records in ConnectWise carry the post's marker; for a status 1 when the ticket has it."""
    marker = marker_for(post.id)
    match post.kind:
        case "note" | "customer_note":
            return sum(1 for note in there["notes"] if carries(note.get("text") or "", marker))
        case "time":
            return sum(1 for each in there["timeEntries"] if carries(each.get("internalNotes") or "", marker))
        case _:
            statuses = [t["status"]["id"] for t in there["tickets"] if t["id"] == post.ticket_id]
            return int(statuses == [post.content.get("status_id")])


def vanished(posts: Iterable[OwedPost], there: dict[str, Any]) -> list[str]:
    """What is neither in ConnectWise nor visibly failed, unknown or held, before anybody pressed Retry."""
    visible = (PostState.FAILED, PostState.UNKNOWN)
    return [
        f"before Retry: {post.kind} of ticket {post.ticket_id} is {post.state} and not in ConnectWise"
        for post in posts
        if post.kind in ("note", "time")
        if post.state not in visible and not post.held_because and hits(post, there) == 0
    ]


async def check(desk: ThrowawayDesk, told: Told) -> Verdict:
    """After Retry and rest: everything owed is there once, every word had its effect, every step is in its place."""
    verdict = Verdict()
    there = await desk.practice("GET", "state")
    posts = await posts_of(desk)
    _posts(verdict, posts, there)
    _equal_texts(verdict, there, set(told.tickets))
    async with desk.store.transaction(desk.account) as unit:
        await _ends(verdict, unit, told, posts)
        await _words(verdict, unit, told)
        await _steps(verdict, unit)
        await _cards(verdict, unit)
        await _parked(verdict, unit)
    return verdict


def _posts(verdict: Verdict, posts: list[OwedPost], there: dict[str, Any]) -> None:
    later = {p.ticket_id for p in posts if p.kind == "status" and p.occasion == "resolution"}
    for post in posts:
        name = f"{post.key} of ticket {post.ticket_id} ({post.state}, {post.problem or post.held_because})"
        count = hits(post, there)
        overtaken = post.kind == "status" and post.occasion != "resolution" and post.ticket_id in later
        if post.state is not PostState.POSTED or (count == 0 and not overtaken):
            verdict.missing.append(name)
        if count > 1:
            verdict.duplicates.append(f"{count} × {name}")


def _equal_texts(verdict: Verdict, there: dict[str, Any], tickets: set[int]) -> None:
    """The same text twice on one ticket, whatever marker it carries."""
    notes = Counter(
        (n["ticketId"], _plain(n.get("text"))) for n in there["notes"] if n["ticketId"] in tickets
    )
    times = Counter(
        (t["chargeToId"], _plain(t.get("internalNotes")))
        for t in there["timeEntries"]
        if t["chargeToId"] in tickets
    )
    for (ticket, said), count in (notes + times).items():
        if count > 1:
            verdict.duplicates.append(f"{count} × the same text on ticket {ticket}: {said[:60]}")


def _plain(given: str | None) -> str:
    return " ".join(MARKS.sub("", given or "").split())


async def _ends(verdict: Verdict, unit: Unit, told: Told, posts: list[OwedPost]) -> None:
    """One Session per ticket, and per end of a part at least a note and a time entry that are owed."""
    query = text("select id, psa_ticket_id as ticket, status from ai_sessions")
    rows = (await unit.connection.execute(query)).all()
    per_ticket = Counter(row.ticket for row in rows)
    kinds: dict[Any, set[str]] = defaultdict(set)
    for post in posts:
        kinds[post.session_id].add(f"{post.occasion}:{post.kind}")
    verdict.words_lost += [
        f"ticket {t} has {per_ticket[t]} sessions" for t in told.tickets if per_ticket[t] != 1
    ]
    for row in rows:
        lacking = {"resolution:note", "resolution:status", "resolution:time"} - kinds[row.id]
        if row.status == "resolved" and lacking:
            verdict.missing.append(f"ticket {row.ticket}: {', '.join(sorted(lacking))} never owed")


async def _words(verdict: Verdict, unit: Unit, told: Told) -> None:
    """Every acknowledged word stands once in the inbox as done, and did once what it asks for."""
    query = text("select split_part(unique_key, ':', 2) as id, state, count(*) as n from inbox group by 1, 2")
    seen = {row.id: (row.state, row.n) for row in await unit.connection.execute(query)}
    effects = await _effects(unit)
    for word in told.words:
        if seen.get(word.id) != ("done", 1):
            verdict.words_lost.append(f"{word.verb or word.kind} on {word.ticket}: inbox {seen.get(word.id)}")
        elif not _took_effect(word, effects):
            verdict.words_lost.append(
                f"{word.verb or word.kind} on {word.ticket} {dict(word.fields)} {word.text}"
            )


@dataclass(slots=True)
class _Effects:
    notes: Counter[str]
    said: str
    answered: set[tuple[str, str]]
    sessions: dict[int, Any]
    events: set[tuple[str, str]]


async def _effects(unit: Unit) -> _Effects:
    rows = unit.connection.execute
    notes = Counter((await rows(text("select text from ai_session_notes"))).scalars())
    steps = (
        await rows(text("select session_id, number, content->'outcome' as outcome from ai_session_steps"))
    ).all()
    outcomes = [row.outcome for row in steps if row.outcome]
    said = "\n".join([*notes.elements(), *(str(o.get("text") or "") for o in outcomes)])
    answered = {(str(row.session_id), str(row.number)) for row in steps if row.outcome}
    found = (await rows(text("select * from ai_sessions"))).all()
    logged = (await rows(text("select session_id, event from session_log"))).all()
    return _Effects(
        notes,
        said,
        answered,
        {r.psa_ticket_id: r for r in found},
        {(str(r.session_id), r.event) for r in logged},
    )


def _took_effect(word: Word, effects: _Effects) -> bool:
    session = effects.sessions.get(word.ticket)
    if session is None:
        return False
    match word.verb:
        case "note":
            return effects.notes[word.fields["text"]] == 1
        case "answer":
            return (word.args["session"], word.args["step"]) in effects.answered
        case "resolve":
            return bool(session.resolution_summary == word.fields["summary"])
        case "escalate":
            return (str(session.id), "EscalationRequested") in effects.events
        case "pick_up":
            return (str(session.id), "PickedUp") in effects.events
        case "":
            return effects.said.count(word.text) == 1
        case _:
            return True


async def _steps(verdict: Verdict, unit: Unit) -> None:
    """Numbers 1, 2, 3 … without a gap, each answered once, none proposed before the one it follows."""
    by_session: dict[Any, list[Any]] = defaultdict(list)
    for row in await unit.connection.execute(text(STEPS)):
        by_session[row.id].append(row)
    for rows in by_session.values():
        ticket, last = rows[0].ticket, None
        if [r.number for r in rows] != list(range(1, rows[0].step_count + 1)):
            verdict.out_of_order.append(f"ticket {ticket}: steps {[r.number for r in rows]}")
        for row in rows:
            if row.manner == "answered" and row.answers != 1:
                verdict.out_of_order.append(
                    f"ticket {ticket}: step {row.number} answered {row.answers} times"
                )
            if last is not None and (row.proposed_at < last.proposed_at or _late(last, row)):
                verdict.out_of_order.append(f"ticket {ticket}: step {row.number} stands before its answer")
            last = row
            if row.card is None:
                verdict.cards_wrong.append(f"ticket {ticket}: step {row.number} was never shown")


def _late(last: Any, row: Any) -> bool:
    return bool(last.answered_at is not None and last.answered_at > row.proposed_at)


async def _cards(verdict: Verdict, unit: Unit) -> None:
    """What is on the screen is what would be drawn now."""
    query = text(
        "select p.session_id, m.key, m.card from messages m join places p on p.id = m.place_id "
        "where p.kind = 'thread' and (m.key = 'card' or m.key like 'step:%') order by 1, 2"
    )
    for row in (await unit.connection.execute(query)).all():
        view = await view_of(unit, row.session_id)
        if view is None or view.session.status not in FINAL:
            continue  # the card of one under way tells how long it has been going on
        if row.key == "card":
            now = cards.session_card(view)
        else:
            step = await unit.sessions.step(row.session_id, int(row.key.partition(":")[2]))
            live = step is not None and step.outcome is None and view.session.current == step
            if step is None or live:
                continue
            now = cards.collapsed_step(step, view.history.names)
            # The name is added once several people are in the Session; what was drawn before stays without.
            if to_json(cards.collapsed_step(step, {})) == row.card:
                continue
        if to_json(now) != row.card:
            verdict.cards_wrong.append(f"ticket {view.session.ticket_id}: {row.key} shows what was before")


async def _parked(verdict: Verdict, unit: Unit) -> None:
    for row in await unit.connection.execute(text("select verb, problem from outbox where state = 'parked'")):
        verdict.given_up.append(f"{row.verb} was given up: {row.problem}")
