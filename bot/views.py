"""What a card is drawn from: everything about a Session, a queue or a day, read beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.history import History
from engine.ports import OwedPost
from engine.psa import Ticket
from engine.psa_settings import PsaSettings
from engine.session import Person, Session
from storage.pictures import Shot


@dataclass(frozen=True, slots=True)
class SessionView:
    """One Session as it stands. `history` may hold only the last Steps. `thread_link`: where it is discussed.
    `reads_pictures`: there is a model that can be shown the screenshots.
    """

    session: Session
    history: History
    now: datetime
    zone: ZoneInfo
    ticket: Ticket | None = None
    posts: tuple[OwedPost, ...] = ()
    owner_mapped: bool = True
    psa_connected: bool = True
    has_lead: bool = True
    settings: PsaSettings = field(default_factory=PsaSettings)
    thread_link: str = ""
    place_hint: str = ""
    pictures: tuple[Shot, ...] = ()
    reads_pictures: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """The one who reads, for cards that differ by person; None is everyone in the thread."""

    person: Person | None = None


@dataclass(frozen=True, slots=True)
class TimeLine:
    """One Session's part of a person's day or week. `posts` are his time entries, `gaps` undecided stretches."""

    session: Session
    worked_today: timedelta
    worked_week: timedelta
    posts: tuple[OwedPost, ...] = ()
    gaps: tuple[tuple[datetime, datetime], ...] = ()
    overlap: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class PersonLine:
    """One User in the People form. `member` is the mapped PSA Member's name, `member_id` its number there."""

    id: UUID
    name: str
    email: str | None
    roles: tuple[str, ...]
    teams: tuple[str, ...]
    member: str | None
    member_id: int | None = None


@dataclass(frozen=True, slots=True)
class Spending:
    """What an Account uses of Claude today, in its own time zone. `models`: none where it is off. `limit` in tokens, 0
    for none; `own`: an Admin of the Account chose it.
    """

    models: tuple[str, ...] = ()
    limit: int = 0
    own: bool = False
    tokens: int = 0
    microdollars: int = 0


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """The state of the PSA connection for an Admin; no keys."""

    host: str = ""
    company: str = ""
    state: str = "none"
    problem: str = ""
    settings: PsaSettings = field(default_factory=PsaSettings)
    account_settings: Mapping[str, object] = field(default_factory=dict)
