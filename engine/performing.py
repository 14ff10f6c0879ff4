"""Performs what is owed on the work lane: the Guide, tickets, the package, write-ups and posts."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from engine import posts, writing
from engine.effects import (
    AskGuide,
    MakeOwner,
    OpenFresh,
    Post,
    ReadTicket,
    RetryPosts,
    WriteBriefing,
    WriteDraft,
    WritePackage,
    WriteUp,
)
from engine.events import (
    BriefingWritten,
    DraftWritten,
    GuideAsked,
    GuideReplied,
    PackageWritten,
    SessionStarted,
    TicketRead,
    TicketUnreadable,
)
from engine.history import History
from engine.inheriting import FRESH, inherited, intake_of, readable
from engine.lifecycle import advance
from engine.model import Purpose
from engine.owing import gather
from engine.ports import (
    Done,
    Guide,
    Later,
    Lease,
    Live,
    Memory,
    OwedPost,
    OwedRow,
    Performed,
    PostState,
    PsaDoor,
    PsaView,
    StillOurs,
    TurnOver,
    Watch,
    Worded,
    Writer,
)
from engine.post_writes import completed, masked
from engine.posting import Posting
from engine.psa import BoardStatus, PsaFailure, PsaNotFound, Ticket, ticket_from_json
from engine.session import OPEN, Session, Status


class Unwatched:
    """The Watch of nobody: nothing is shown, and an answer is waited for to its end."""

    def working(self, account: UUID, session: Session, turn: int) -> AbstractAsyncContextManager[Live]:
        return nullcontext(self)

    async def say(self, delta: str) -> None:
        return None

    async def anew(self, waits: float = 0.0) -> None:
        return None


class Unworded:
    """The Writer of a process without a model."""

    async def write(
        self,
        purpose: Purpose,
        about: Session,
        history: History,
        ticket: Ticket | None,
        *,
        fresh: bool = False,
    ) -> Worded:
        return Worded()


class Work:
    """The performer of the work lane. What belongs to nobody's Session goes to `other`."""

    def __init__(
        self,
        memory: Memory,
        guide: Guide,
        door: PsaDoor,
        posting: Posting,
        other: Any,
        reread: timedelta = timedelta(minutes=5),
        watch: Watch | None = None,
        writer: Writer | None = None,
    ) -> None:
        self._memory = memory
        self._guide = guide
        self._door = door
        self._posting = posting
        self._other = other
        self._reread = reread
        self._watch: Watch = watch or Unwatched()
        self._writer: Writer = writer or Unworded()

    async def perform(self, row: OwedRow, lease: Lease, still_ours: StillOurs) -> Performed:
        match row.effect:
            case AskGuide() as effect:
                return await self._ask(effect, lease)
            case WriteBriefing() as effect:
                return await self._brief(effect, lease)
            case WriteDraft() as effect:
                return await self._draft(effect, lease)
            case ReadTicket() as effect:
                return await self._read_ticket(effect, lease)
            case WritePackage():
                return await self._package(lease)
            case WriteUp() as effect:
                return await self._write_up(effect, lease)
            case MakeOwner() as effect:
                return await self._make_owner(effect, lease)
            case Post() as effect:
                return await self._posting.perform(effect, lease, still_ours)
            case RetryPosts() as effect:
                return await self._retry(effect, lease)
            case OpenFresh() as effect:
                return await self._open_fresh(effect, lease)
            case _:
                done: Performed = await self._other.perform(row, lease, still_ours)
                return done

    async def _ask(self, effect: AskGuide, lease: Lease) -> Performed:
        """Mark the Turn as left, read everything, and ask; a Turn that is over is not asked."""
        async with self._memory.transaction(lease.account) as unit:
            before: Session | None = await unit.sessions.get(lease.subject, lock=True)
            if before is None or before.status is not Status.ACTIVE:
                return Done()
            if before.turn.number != effect.turn or not before.turn.open:
                return Done()
            after, _ = advance(before, GuideAsked(effect.turn), unit.now)
            if after is not None:
                await unit.sessions.save(before, after)
            history = await unit.sessions.history(lease.subject)
        return await self._answer(effect, lease, history)

    async def _answer(self, effect: AskGuide, lease: Lease, history: History) -> Performed:
        """The Guide's answer, or nothing where the Turn was over before it came."""
        try:
            async with self._watch.working(lease.account, history.session, effect.turn) as live:
                answered = await self._guide.reply(history, readable(history.session), live)
        except TurnOver:
            return Done()
        return Done((GuideReplied(effect.turn, answered.reply),), answered.save)

    async def _history(self, lease: Lease, session_id: UUID | None = None) -> History | None:
        async with self._memory.transaction(lease.account) as unit:
            found: History | None = await unit.sessions.history(session_id or lease.subject)
            return found

    async def _brief(self, effect: WriteBriefing, lease: Lease) -> Performed:
        """A briefing on this Session, or, where it was picked up fresh, on its parent without the hypotheses."""
        history = await self._history(lease)
        if history is None or not history.session.turn.briefing:
            return Done()
        parent = history.session.parent_id
        told = await self._history(lease, parent) if parent and not history.done else history
        source = told or history
        fresh = source is not history
        ticket = readable(source.session, fresh=fresh)
        worded = await self._writer.write(Purpose.BRIEFING, history.session, source, ticket, fresh=fresh)
        text, learned, ruled_out = writing.briefing_of(
            source, ticket, source.session.package, worded, fresh=fresh
        )
        return Done((BriefingWritten(effect.turn, text, learned, ruled_out),), worded.save)

    async def _draft(self, effect: WriteDraft, lease: Lease) -> Performed:
        """The resolution form's texts, ahead of it. Nothing on this lane waits while they are worded."""
        history = await self._history(lease)
        if history is None or not writing.wanted(history.session, effect.step):
            return Done()
        worded = await self._writer.write(Purpose.NOTE, history.session, history, _ticket(history.session))
        if worded.again is not None:
            return Later(worded.again)
        if worded.said is None:
            return Done((), worded.save)
        return Done((DraftWritten(effect.step, writing.draft_of(history.session, worded.said)),), worded.save)

    async def _read_ticket(self, effect: ReadTicket, lease: Lease) -> Performed:
        """Read the ticket's context. While the PSA is away the Session goes on, and it is tried again."""
        history = await self._history(lease)
        if history is None or history.session.ticket_id != effect.ticket_id:
            return Done()
        view = await self._door.open(lease.account, history.session.connection_id)
        if view.psa is None or view.connection_id is None:
            return Done((TicketUnreadable(effect.ticket_id, "no_connection"),))
        try:
            ticket = await view.psa.ticket(effect.ticket_id)
        except PsaNotFound as unknown:
            return Done((TicketUnreadable(effect.ticket_id, unknown.sentence, unknown=True),))
        except PsaFailure as failure:
            again = failure.retryable and history.session.status in OPEN
            return Done(
                (TicketUnreadable(effect.ticket_id, failure.sentence),),
                self._read_again(lease, effect) if again else None,
            )
        return Done((TicketRead(effect.ticket_id, ticket.to_json(), view.connection_id),))

    def _read_again(self, lease: Lease, effect: ReadTicket) -> Any:
        async def save(unit: Any) -> None:
            # Another ticket may have been linked meanwhile: its reading would be taken for this one put off.
            session = await unit.sessions.get(lease.subject, lock=True)
            if session.ticket_id == effect.ticket_id:
                await unit.outbox.owe(lease.subject, (replace(effect, due=unit.now + self._reread),))

        return save

    async def _package(self, lease: Lease) -> Performed:
        history = await self._history(lease)
        if history is None:
            return Done()
        ticket, worded = readable(history.session), Worded()
        if history.session.status is Status.REQUESTING_ESCALATION:
            worded = await self._writer.write(Purpose.PACKAGE, history.session, history, ticket)
        return Done((PackageWritten(writing.package_of(history, ticket, worded)),), worded.save)

    async def _write_up(self, effect: WriteUp, lease: Lease) -> Performed:
        """Turn what was done into owed parts; what may go out by itself is owed to the PSA at once."""
        async with self._memory.transaction(lease.account) as unit:
            history: History = await unit.sessions.history(lease.subject)
            owing = await gather(unit, history.session, effect.engineer)
            link = await unit.places.link_of(lease.subject)
            secrets = await unit.masks.secrets(lease.subject)
        session = history.session
        view = await self._door.open(lease.account, session.connection_id)
        ticket = _ticket(session)
        drafts = posts.owed(
            history,
            effect.occasion,
            effect.engineer,
            view.settings,
            ticket,
            connected=view.psa is not None,
            members=view.members,
            statuses=await _statuses(view, ticket),
            zone=view.zone,
            reviewed=_reviewed(session, effect.occasion),
            unowed=owing.unowed,
            overlaps=owing.overlaps,
            already=owing.already,
            posted_texts=owing.posted_texts,
            link=link,
            secrets=secrets,
        )

        async def save(unit: Any) -> None:
            for draft in drafts:
                post = await unit.posts.owe(
                    session.id,
                    draft.key,
                    draft.kind,
                    draft.occasion,
                    draft.engineer,
                    view.connection_id,
                    session.ticket_id,
                    draft.content,
                    draft.held_because,
                )
                if post is None:
                    continue
                if draft.kind == "time":
                    await unit.posts.bind_intervals(session.id, effect.engineer, post.id)
                if post.held_because is None:
                    await unit.outbox.owe(session.id, (Post(post_id=post.id),))

        return Done((), save)

    async def _make_owner(self, effect: MakeOwner, lease: Lease) -> Performed:
        return await self._write_up(WriteUp(occasion="owner", engineer=effect.engineer, epoch=0), lease)

    async def _retry(self, effect: RetryPosts, lease: Lease) -> Performed:
        """Owe again what failed, is unknown or waits for a person, on the ticket that is linked now."""
        async with self._memory.transaction(lease.account) as unit:
            session: Session = await unit.sessions.get(lease.subject)
            owed: tuple[OwedPost, ...] = await unit.posts.of_session(lease.subject)
            secrets: tuple[str, ...] = await unit.masks.secrets(lease.subject)
        view = await self._door.open(lease.account, session.connection_id)

        async def save(unit: Any) -> None:
            for post in owed:
                if not _stuck(post):
                    continue
                content, held = _released(post, session, view, effect.closing)
                # What may have been sent stays so until it was looked up, or a failed look-up would call it unsent.
                sent = post.state in (PostState.SENDING, PostState.UNKNOWN)
                await unit.posts.change(
                    post.id,
                    state=PostState.SENDING if sent else PostState.PENDING,
                    attempts=0,
                    problem="",
                    next_attempt_at=None,
                    connection_id=view.connection_id,
                    ticket_id=session.ticket_id,
                    content=masked(content, secrets),
                    held_because=held,
                )
                if held is None:
                    await unit.outbox.owe(session.id, (Post(post_id=post.id),))

        return Done((), save)

    async def _open_fresh(self, effect: OpenFresh, lease: Lease) -> Performed:
        """The new Session takes over the problem, the ticket and, in its briefing, facts and ruled-out causes; and
        what may not leave.
        """
        async with self._memory.transaction(lease.account) as unit:
            if await unit.sessions.get(effect.session_id) is not None:
                return Done()
            parent: Session = await unit.sessions.get(lease.subject)
            user = await unit.accounts.user(effect.by)
        stand = {**inherited(parent), FRESH: True}
        event = SessionStarted(
            effect.session_id,
            lease.account,
            user.person,
            intake_of(parent),
            parent.id,
            briefed=True,
            stand=stand,
        )

        async def save(unit: Any) -> None:
            await unit.masks.hand_down(parent.id, effect.session_id)

        return Done((event,), save)


def _reviewed(session: Session, occasion: str) -> Mapping[str, Any] | None:
    """The form a person submitted for this occasion; deciding about a gap is itself such a click."""
    if occasion in posts.WITH_A_FORM:
        return session.documentation
    return {} if occasion == "time" else None


def _stuck(post: OwedPost) -> bool:
    """Failed, unknown, or waiting for a person; not what is on its way or was posted."""
    ended = post.state in (PostState.FAILED, PostState.UNKNOWN)
    return ended or (post.state is not PostState.POSTED and post.held_because is not None)


def _released(
    post: OwedPost, session: Session, view: PsaView, closing: bool
) -> tuple[dict[str, Any], str | None]:
    """The content with today's ticket and Member, and why it still waits, if it does. The click that asked
    for it is the person's consent to what was held for his review.
    """
    ticket = _ticket(session)
    content = dict(completed(post.content, ticket) if ticket else post.content)
    member = view.members.get(post.engineer) if post.engineer else None
    if post.kind != "status":
        content["member_id"] = member[0] if member else content.get("member_id")
    content["ticket_id"] = session.ticket_id
    content["confirmed"] = bool(content.get("confirmed")) or closing
    if session.ticket_id is None:
        return content, "no_ticket"
    if view.psa is None:
        return content, "no_connection"
    if post.kind == "time" and content["member_id"] is None:
        return content, "unmapped"
    if post.kind == "owner" and content["member_id"] is None:
        return content, "owner_unmapped"
    if post.held_because == "closing_unconfirmed" and not closing:
        return content, "closing_unconfirmed"
    return content, None


def _ticket(session: Session) -> Ticket | None:
    return ticket_from_json(session.ticket) if session.ticket else None


async def _statuses(view: PsaView, ticket: Ticket | None) -> tuple[BoardStatus, ...]:
    """The board's statuses, where a status is going to be set; none while the PSA is away."""
    wanted = {**view.settings.resolved_status, **view.settings.escalated_status}
    if view.psa is None or ticket is None or ticket.board is None or ticket.board.id not in wanted:
        return ()
    try:
        return await view.psa.statuses(ticket.board.id)
    except PsaFailure:
        return ()  # the check is made again when the status is written
