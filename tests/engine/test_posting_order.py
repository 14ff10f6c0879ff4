"""Of two values for one field of a ticket, the newer one stands in the end, whatever happened to the older one."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from engine.ports import OwedPost, PostState
from engine.posting import overtaken, waits_for

SESSION = uuid4()
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def part(
    kind: str, state: PostState = PostState.PENDING, held: str | None = None, ticket: int = 4711
) -> OwedPost:
    post_id: UUID = uuid4()
    return OwedPost(
        id=post_id,
        session_id=SESSION,
        connection_id=None,
        key=f"{kind}:{post_id}",
        kind=kind,
        occasion="resolution",
        engineer=None,
        ticket_id=ticket,
        content={},
        state=state,
        held_because=held,
        attempts=0,
        next_attempt_at=None,
        sending_since=None,
        external_id=None,
        problem="",
        created_at=NOW,
    )


@pytest.mark.parametrize("kind", ["status", "owner"])
def test_an_older_value_is_not_written_once_a_newer_one_is_owed(kind: str) -> None:
    older, newer = part(kind), part(kind, PostState.POSTED)
    assert overtaken(older, (older, newer))
    assert not overtaken(newer, (older, newer))


@pytest.mark.parametrize("kind", ["status", "owner"])
def test_a_newer_value_waits_while_an_older_one_may_still_arrive(kind: str) -> None:
    older, newer = part(kind, PostState.SENDING), part(kind)
    assert waits_for(newer, (older, newer)) == older
    assert waits_for(older, (older, newer)) is None


def test_a_newer_value_does_not_wait_for_an_older_one_that_will_give_way() -> None:
    older, newer = part("status"), part("status")
    assert waits_for(newer, (older, newer)) is None


@pytest.mark.parametrize(
    "newer",
    [
        part("status", PostState.FAILED),
        part("status", held="closing_unconfirmed"),
        part("status", ticket=4712),
        part("time"),
    ],
)
def test_what_will_not_be_written_or_stands_elsewhere_overtakes_nothing(newer: OwedPost) -> None:
    older = part("status")
    assert not overtaken(older, (older, newer))


def test_notes_never_overtake_each_other() -> None:
    first, second = part("note"), part("note", PostState.POSTED)
    assert not overtaken(first, (first, second))
    assert waits_for(second, (part("note", PostState.SENDING), first, second)) is None
