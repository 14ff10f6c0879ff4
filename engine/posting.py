"""Writes one owed part to the PSA exactly once: intent, settle wait, marker, write, read-back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from engine.effects import Post
from engine.events import PushFailed, PushPosted
from engine.ports import (
    Done,
    Later,
    Lease,
    LeaseLost,
    Memory,
    OwedPost,
    Performed,
    PostState,
    PsaDoor,
    StillOurs,
)
from engine.post_writes import completed, masked, note_write, owner_write, status_write, time_write
from engine.psa import (
    BoardStatus,
    NoteWrite,
    OwnerWrite,
    Psa,
    PsaFailure,
    PsaRefused,
    StatusWrite,
    Ticket,
    TimeWrite,
)

ENDED = frozenset({PostState.POSTED, PostState.FAILED, PostState.UNKNOWN})
SETTING = frozenset({"status", "owner"})
"""Parts that set a value of the ticket: of two, the newer one must be what stands in the end."""
OVERTAKEN = "overtaken"
"""The external id of a part that need not be written any more."""
Write = NoteWrite | TimeWrite | StatusWrite | OwnerWrite


class SettleTooShort(ValueError):
    """The settle time must outlast a write's deadline, or a late write could be taken for absent."""


@dataclass(frozen=True, slots=True)
class PostLimits:
    """`deadline`: the longest a write may take; `settle`: how long its effect may still show up at the PSA.

    `fresh`: how old a saved intent may be when the write leaves; `retries` automatic ones, `retry` apart.
    """

    deadline: timedelta = timedelta(seconds=20)
    settle: timedelta = timedelta(seconds=45)
    fresh: timedelta = timedelta(seconds=2)
    retry: timedelta = timedelta(minutes=5)
    retries: int = 3

    def __post_init__(self) -> None:
        if self.settle <= self.deadline + self.fresh:
            raise SettleTooShort(
                f"The settle time ({self.settle.total_seconds():g} s) must be longer than a write's deadline "
                f"({self.deadline.total_seconds():g} s) and the age of its intent "
                f"({self.fresh.total_seconds():g} s)."
            )


class Posting:
    """`monotonic` gives seconds that never jump; it tells whether this process stood still before a write."""

    def __init__(
        self, memory: Memory, door: PsaDoor, monotonic: Callable[[], float], limits: PostLimits | None = None
    ) -> None:
        self._memory = memory
        self._door = door
        self._monotonic = monotonic
        self._limits = limits or PostLimits()

    async def perform(self, effect: Post, lease: Lease, still_ours: StillOurs) -> Performed:
        async with self._memory.transaction(lease.account) as unit:
            post: OwedPost | None = await unit.posts.get(effect.post_id)
            now: datetime = unit.now
            if post is None or post.held_because or post.state in ENDED:
                return Done()
            others = await unit.posts.of_session(post.session_id)
            # What was masked since it was owed must not leave either; expired, it is masked in what was stored.
            secrets: tuple[str, ...] = await unit.masks.secrets(post.session_id)
        first = waits_for(post, others)
        if first is not None:
            # Later than now in any case: what is due at once would be taken again before the one it waits for.
            return Later(max(now + timedelta(seconds=5), first.next_attempt_at or now))
        if post.sending_since is not None and now < post.sending_since + self._limits.settle:
            return Later(post.sending_since + self._limits.settle)
        if overtaken(post, others):
            return _posted(post, OVERTAKEN)
        try:
            known = replace(post, content=masked(post.content, secrets))
            return await self._post(known, others, lease, still_ours)
        except PsaFailure as failure:
            return await self._failed(post, failure, lease)

    async def _post(
        self, post: OwedPost, others: tuple[OwedPost, ...], lease: Lease, still_ours: StillOurs
    ) -> Performed:
        view = await self._door.open(lease.account, post.connection_id)
        if view.psa is None or post.ticket_id is None:
            return _hold(post, "no_connection" if view.psa is None else "no_ticket")
        ticket = await view.psa.ticket(post.ticket_id)
        if ticket.merged_into is not None:
            raise PsaRefused(
                f"Ticket #{ticket.id} was merged into #{ticket.merged_into}. Link that one and press Retry."
            )
        post = replace(post, content=completed(post.content, ticket))
        write = _write_of(post)
        if post.sending_since is not None:
            found = await _look(view.psa, write)
            if found is not None:
                return _posted(post, str(found))
        if isinstance(write, StatusWrite):
            if ticket.status and ticket.status.id == write.status_id:
                return _posted(post, ticket.status.name)
            status = await _status_of(view.psa, ticket, write)
            if status and status.closed and not post.content.get("confirmed"):
                return _hold(post, "closing_unconfirmed")
            if status and status.time_entry_not_allowed and self._time_may_still_heal(others):
                return _hold(post, "time_first")
        return await self._send(post, write, view.psa, lease, still_ours)

    def _time_may_still_heal(self, others: tuple[OwedPost, ...]) -> bool:
        """Whether a time entry was given up after all its tries: with Retry it may go out, unless the status
        refuses it by then. One that was refused for good is not waited for.
        """
        ended = (PostState.FAILED, PostState.UNKNOWN)
        return any(
            p.kind == "time" and p.state in ended and p.attempts > self._limits.retries for p in others
        )

    async def _send(
        self, post: OwedPost, write: Write, psa: Psa, lease: Lease, still_ours: StillOurs
    ) -> Performed:
        """Save the intent, check that this process did not stand still since, and write once."""
        saved = await self._intend(post, lease)
        await still_ours()
        if self._monotonic() - saved > self._limits.fresh.total_seconds():
            saved = await self._intend(post, lease)
        # The client refuses to let the write leave after this time, so one that stood still sends nothing.
        remaining = self._limits.deadline.total_seconds() - (self._monotonic() - saved)
        match write:
            case NoteWrite():
                return _posted(post, str(await psa.add_note(write, deadline=remaining)))
            case TimeWrite():
                return _posted(post, str(await psa.add_time(write, deadline=remaining)))
            case StatusWrite():
                return _posted(post, await psa.set_status(write, deadline=remaining))
            case OwnerWrite():
                await psa.set_owner(write, deadline=remaining)
                return _posted(post, str(write.member_id))

    async def _intend(self, post: OwedPost, lease: Lease) -> float:
        """Save `sending` under the fence; gives the monotonic time before it was saved."""
        before = self._monotonic()
        async with self._memory.transaction(lease.account) as unit:
            if not await unit.outbox.fence(lease):
                raise LeaseLost
            await unit.posts.change(post.id, state=PostState.SENDING, sending_since=unit.now)
        return before

    async def _failed(self, post: OwedPost, failure: PsaFailure, lease: Lease) -> Performed:
        """Three more tries five minutes apart, then parked; what will not heal is parked at once."""
        async with self._memory.transaction(lease.account) as unit:
            current: OwedPost | None = await unit.posts.get(post.id)
            now: datetime = unit.now
        wrote = current is not None and current.sending_since != post.sending_since
        # Either this write may have happened, or an earlier one did and it could not be looked up.
        unsure = failure.outcome == "unknown" if wrote else post.state is PostState.SENDING
        attempts = post.attempts + 1
        parked = (not failure.retryable and not unsure) or attempts > self._limits.retries
        state = PostState.UNKNOWN if unsure else PostState.FAILED
        wait = timedelta(seconds=failure.retry_after) if failure.retry_after else self._limits.retry
        due = now + wait
        values: dict[str, Any] = {"attempts": attempts, "problem": failure.sentence}
        if wrote and not unsure and not failure.retryable:
            values["sending_since"] = None  # refused: nothing can show up any more, so a Retry need not wait
        if parked:
            values |= {"state": state, "next_attempt_at": None}
        else:
            values |= {"next_attempt_at": due} | ({} if unsure else {"state": PostState.PENDING})

        async def save(unit: Any) -> None:
            await unit.posts.change(post.id, **values)
            if not parked:
                await unit.outbox.owe(post.session_id, (Post(post_id=post.id, due=due),))

        return Done((PushFailed(post.id, post.kind, failure.sentence, parked, post.engineer),), save)


def waits_for(post: OwedPost, all_posts: tuple[OwedPost, ...]) -> OwedPost | None:
    """The part that must end first. A status waits for the time entries of its Session: some statuses refuse
    time afterwards. What sets a value waits for an older one that may still arrive and would undo it.
    """
    under_way = (PostState.PENDING, PostState.SENDING)
    older = all_posts[: [p.id for p in all_posts].index(post.id)] if post.kind in SETTING else ()
    sent = (p for p in older if p.kind == post.kind and p.state is PostState.SENDING and not p.held_because)
    if found := next(sent, None):
        return found
    if post.kind != "status":
        return None
    return next(
        (p for p in all_posts if p.kind == "time" and p.state in under_way and not p.held_because), None
    )


def overtaken(post: OwedPost, all_posts: tuple[OwedPost, ...]) -> bool:
    """Whether the Session went on to another value since: an older one written now would put the ticket back."""
    if post.kind not in SETTING:
        return False
    newer = all_posts[[p.id for p in all_posts].index(post.id) + 1 :]
    return any(
        p.kind == post.kind
        and p.ticket_id == post.ticket_id
        and p.held_because is None
        and p.state is not PostState.FAILED
        for p in newer
    )


def _write_of(post: OwedPost) -> Write:
    """The write this part became when it was owed. Raises PsaRefused while something a person must decide is open."""
    try:
        match post.kind:
            case "note" | "customer_note":
                return note_write(post.content, post.id, link=str(post.content.get("link") or ""))
            case "time":
                return time_write(post.content, post.id)
            case "status":
                return status_write(post.content)
            case _:
                return owner_write(post.content)
    except ValueError as undecided:
        raise PsaRefused(f"This part is not complete: {undecided}.") from undecided


async def _status_of(psa: Psa, ticket: Ticket, write: StatusWrite) -> BoardStatus | None:
    """The status as the ticket's board has it. Raises PsaRefused when the board does not have it."""
    if ticket.board is None:
        return None
    status = next((s for s in await psa.statuses(ticket.board.id) if s.id == write.status_id), None)
    if status is None:
        raise PsaRefused(
            f"The board {ticket.board.name} has no such status any more. Choose one in settings."
        )
    return status


async def _look(psa: Psa, write: Write) -> int | None:
    match write:
        case NoteWrite():
            return await psa.find_note(write)
        case TimeWrite():
            return await psa.find_time(write)
        case StatusWrite() | OwnerWrite():
            return None  # setting the same value again changes nothing


def _posted(post: OwedPost, external_id: str) -> Done:
    async def save(unit: Any) -> None:
        await unit.posts.change(
            post.id,
            state=PostState.POSTED,
            external_id=external_id,
            problem="",
            next_attempt_at=None,
            attempts=post.attempts + 1,
        )

    return Done((PushPosted(post.id, post.kind),), save)


def _hold(post: OwedPost, why: str) -> Done:
    async def save(unit: Any) -> None:
        await unit.posts.change(post.id, held_because=why)

    return Done((PushFailed(post.id, post.kind, why, False, post.engineer),), save)
