"""Effects as the outbox keeps them."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, get_args
from uuid import UUID

import pytest

from engine.effects import (
    AskGuide,
    Lane,
    MakeOwner,
    Owed,
    RemindIdle,
    ShowCard,
    Tell,
    WriteUp,
    from_row,
    to_row,
)

DUE = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)
EVERY: tuple[type[Owed], ...] = get_args(Owed)


def _filled(kind: type[Owed]) -> Owed:
    """An effect with something in every field."""
    given: dict[str, Any] = {}
    for number, one in enumerate(fields(kind), start=1):
        wanted = str(one.type)
        given[one.name] = (
            UUID(int=number) if "UUID" in wanted else number if wanted == "int" else f"word {number}"
        )
    return kind(**{**given, "due": DUE})


@pytest.mark.parametrize("kind", EVERY)
def test_every_effect_comes_back_from_the_outbox_as_it_went_in(kind: type[Owed]) -> None:
    effect = _filled(kind)
    verb, args = to_row(effect)
    kept = json.loads(json.dumps(args))
    assert from_row(verb, kept, DUE) == effect


@pytest.mark.parametrize("kind", EVERY)
def test_no_effect_carries_more_than_a_verb_with_ids(kind: type[Owed]) -> None:
    _, args = to_row(_filled(kind))
    assert len(json.dumps(args)) < 300
    assert "due" not in args


def test_an_effect_about_nobody_comes_back_about_nobody() -> None:
    effect = Tell(to=UUID(int=1), what="note_kept")
    assert from_row(*to_row(effect)) == effect


def test_a_verb_of_another_version_is_refused() -> None:
    with pytest.raises(KeyError):
        from_row("FlyToTheMoon", {})


def test_what_people_see_never_waits_for_what_takes_long() -> None:
    assert ShowCard.lane is Lane.TALK
    assert {AskGuide.lane, WriteUp.lane, MakeOwner.lane} == {Lane.WORK}


def test_only_what_is_drawn_from_the_session_coalesces() -> None:
    together = {kind.__name__ for kind in EVERY if kind.coalesce}
    assert together == {"ShowCard", "ShowEscalation", "RemindIdle", "AskGuide", "ReadTicket", "WriteDraft"}
    assert RemindIdle.coalesce
