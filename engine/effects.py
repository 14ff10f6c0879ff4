"""What must be done: one frozen class per effect, named in the imperative; a verb with ids, never content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, get_args
from uuid import UUID


class Lane(StrEnum):
    """Two lanes per subject, so that what people see never waits for a model or a PSA."""

    TALK = "talk"
    WORK = "work"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """`due` None: at once. `epoch`: a timer is void once the Session's epoch is another."""

    lane: ClassVar[Lane] = Lane.TALK
    coalesce: ClassVar[bool] = False
    due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowCard(Effect):
    """Post or refresh the session card at the root of its thread."""

    coalesce: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowStep(Effect):
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CollapseStep(Effect):
    """Redraw an answered Step as one line."""

    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowEscalation(Effect):
    """Post or refresh the card in the escalation channel."""

    coalesce: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell(Effect):
    """A private sentence to one person; `what` is its key in the words file. `via`: see `by_way_of`."""

    to: UUID
    what: str
    about: UUID | None = None
    via: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce(Effect):
    """A sentence in the Session's thread; `about` is the person it speaks of."""

    what: str
    about: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowForm(Effect):
    """A form for one person: `resolve`, `rate`, `advice` …, filled from the Session when it is drawn.

    `via`: see `by_way_of`.
    """

    to: UUID
    form: str
    via: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemindUnclaimed(Effect):
    """The escalation is still unclaimed; reminder `number` of four."""

    number: int
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RemindPaused(Effect):
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RemindIdle(Effect):
    """`number` 1: ask the owner, 2: tell a Lead, 3: end it."""

    number: int
    epoch: int
    coalesce: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RemindUnposted(Effect):
    """Once, at 16:30 of the owner's day: the documentation is still not posted."""

    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFresh(Effect):
    """Start the Session that picks this one up fresh."""

    lane: ClassVar[Lane] = Lane.WORK
    session_id: UUID
    by: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AskGuide(Effect):
    lane: ClassVar[Lane] = Lane.WORK
    coalesce: ClassVar[bool] = True
    turn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteBriefing(Effect):
    lane: ClassVar[Lane] = Lane.WORK
    turn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteDraft(Effect):
    """Word the texts of the resolution form ahead, for the Step that may end the Session."""

    lane: ClassVar[Lane] = Lane.WORK
    coalesce: ClassVar[bool] = True
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTicket(Effect):
    lane: ClassVar[Lane] = Lane.WORK
    coalesce: ClassVar[bool] = True
    ticket_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePackage(Effect):
    lane: ClassVar[Lane] = Lane.WORK


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteUp(Effect):
    """Turn what was done into owed posts. `occasion`: `escalation`, `handover`, `escalated`, `resolution`, `abandoned`."""

    lane: ClassVar[Lane] = Lane.WORK
    occasion: str
    engineer: UUID
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeOwner(Effect):
    """Owe the change of the ticket's owner to this engineer."""

    lane: ClassVar[Lane] = Lane.WORK
    engineer: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Post(Effect):
    """Write one owed part to the PSA, exactly once."""

    lane: ClassVar[Lane] = Lane.WORK
    post_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPosts(Effect):
    """Owe every failed, held or unknown part again; `closing`: a person agreed that the status closes the ticket."""

    lane: ClassVar[Lane] = Lane.WORK
    closing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckConnection(Effect):
    """Try a PSA connection, map its Members by e-mail, and tell the Admin who connected it.

    `draft` holds new keys for one that works: they replace the old ones once they were accepted, and not before.
    """

    lane: ClassVar[Lane] = Lane.WORK
    connection_id: UUID
    to: UUID
    place: UUID
    via: str = ""
    draft: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapMember(Effect):
    """Look whether this new User is a Member of the PSA, by his e-mail."""

    lane: ClassVar[Lane] = Lane.WORK
    user: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Show(Effect):
    """Answer a command that belongs to a person, not to a Session: `mine`, `queue`, `time`, `help` …

    `place` is where he asked; `draft` the stored content the answer is about; `via`: see `by_way_of`.
    """

    to: UUID
    what: str
    place: UUID
    draft: UUID | None = None
    session: UUID | None = None
    via: str = ""


Owed = (
    ShowCard
    | ShowStep
    | CollapseStep
    | ShowEscalation
    | Tell
    | Announce
    | ShowForm
    | RemindUnclaimed
    | RemindPaused
    | RemindIdle
    | RemindUnposted
    | OpenFresh
    | AskGuide
    | WriteBriefing
    | WriteDraft
    | ReadTicket
    | WritePackage
    | WriteUp
    | MakeOwner
    | Post
    | RetryPosts
    | CheckConnection
    | MapMember
    | Show
)
"""Every effect. Code that performs them matches over this union without a default."""


def by_way_of(effects: Sequence[Owed], to: UUID, via: str) -> tuple[Owed, ...]:
    """What answers this person at once goes back the way he came: into the window he opened, beside the message
    he clicked. `via` is a name for that way which its platform understands.
    """
    return tuple(
        replace(effect, via=via)
        if isinstance(effect, Tell | Show | ShowForm | CheckConnection)
        and effect.to == to
        and effect.due is None
        else effect
        for effect in effects
    )


_BY_NAME: dict[str, type[Owed]] = {cls.__name__: cls for cls in get_args(Owed)}


def to_row(effect: Owed) -> tuple[str, dict[str, object]]:
    """The verb and its arguments as JSON values, as the outbox keeps them (`due` is a column of its own)."""
    args = {f.name: getattr(effect, f.name) for f in fields(effect) if f.name != "due"}
    return type(effect).__name__, {k: str(v) if isinstance(v, UUID) else v for k, v in args.items()}


def from_row(verb: str, args: dict[str, object], due: datetime | None = None) -> Owed:
    """The effect of an outbox row. Raises KeyError for a verb this version does not know."""
    cls = _BY_NAME[verb]
    ids = {f.name for f in fields(cls) if "UUID" in str(f.type)}
    given: dict[str, Any] = {k: UUID(str(v)) if k in ids and v is not None else v for k, v in args.items()}
    return cls(**given, due=due)
