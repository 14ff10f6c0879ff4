"""Everything the practice Slack remembers: teams, people, channels, messages, windows, tokens."""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from demo.slack_refusals import Json, Refused

MANIFEST = Path(__file__).resolve().parents[1] / "manifest.json"
APP = "A0FLOW"
BOT_NAME = "FlowPilot"
VERIFICATION = "practice-verification-token"
LONGEST_JOURNAL = 5_000
STATUS_SECONDS = 120
KINDS = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}


@dataclass(slots=True)
class Person:
    id: str
    team: str
    name: str
    real_name: str
    email: str = ""
    restricted: bool = False
    bot: bool = False
    deleted: bool = False
    tz: str = "Europe/Berlin"


@dataclass(slots=True)
class Channel:
    """`kind`: channel, group, im or mpim. `messages` by ts, in order."""

    id: str
    team: str
    name: str
    kind: str = "channel"
    members: list[str] = field(default_factory=list)
    archived: bool = False
    external: bool = False
    messages: dict[str, Json] = field(default_factory=dict)

    def described(self) -> Json:
        base: Json = {"id": self.id, "created": 1_700_000_000, "is_archived": self.archived}
        base |= {"is_im": self.kind == "im", "is_org_shared": False, "context_team_id": self.team}
        if self.kind == "im":
            return base | {"user": self.members[0], "is_user_deleted": False, "priority": 0}
        return base | {
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": self.kind == "channel",
            "is_group": self.kind == "group",
            "is_mpim": self.kind == "mpim",
            "is_private": self.kind != "channel",
            "is_general": False,
            "is_shared": self.external,
            "is_ext_shared": self.external,
            "creator": self.members[0] if self.members else "",
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            "num_members": len(self.members),
        }


@dataclass(slots=True)
class Team:
    id: str
    name: str
    domain: str
    bot_user: str = ""
    bot_id: str = ""


@dataclass(slots=True)
class Grant:
    """What one token may do. `refused` is the code every call with it gets: token_revoked, account_inactive …"""

    token: str
    team: str
    scopes: set[str]
    kind: str = "bot"
    expires: float | None = None
    refused: str = ""


@dataclass(slots=True)
class Trigger:
    id: str
    team: str
    user: str
    issued: float
    used: bool = False


@dataclass(slots=True)
class Answering:
    """A response_url: where its posts go and how often it was used."""

    id: str
    team: str
    user: str
    channel: str
    issued: float
    thread: str = ""
    original: str = ""
    ephemeral: bool = False
    uses: int = 0


@dataclass(slots=True)
class Status:
    text: str
    since: float
    messages: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Settings:
    """Switches, changed by PUT /_practice/settings. Times in seconds."""

    limits: bool = False
    new_app_limits: bool = False
    own_events: bool = True
    mention: bool = True
    mention_first: bool = False
    escape_commands: bool = True
    stop_button: bool = True
    answer_timeout: float = 3.0
    retry_delays: tuple[float, ...] = (0.05, 0.2, 0.5)
    trigger_seconds: float = 3.0
    response_uses: int = 5
    response_seconds: float = 1800.0
    stream_seconds: float = 300.0
    window_seconds: float = 0.0
    travel_seconds: float = 0.0
    rotate: bool = False


@dataclass(slots=True)
class World:
    """All state. `base` is this server's address as callers write it; `clock` gives epoch seconds."""

    clock: Callable[[], float] = time.time
    base: str = "http://127.0.0.1"
    settings: Settings = field(default_factory=Settings)
    teams: dict[str, Team] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    answering: dict[str, Answering] = field(default_factory=dict)
    ephemerals: dict[str, list[Json]] = field(default_factory=dict)
    views: dict[str, Json] = field(default_factory=dict)
    stacks: dict[str, list[str]] = field(default_factory=dict)
    view_errors: dict[str, dict[str, str]] = field(default_factory=dict)
    homes: dict[str, Json] = field(default_factory=dict)
    statuses: dict[tuple[str, str], Status] = field(default_factory=dict)
    sessions: dict[tuple[str, str], Json] = field(default_factory=dict)
    prompts: dict[tuple[str, str], Json] = field(default_factory=dict)
    files: dict[str, Json] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    suggestions: dict[tuple[str, str], list[Json]] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    refreshes: dict[str, str] = field(default_factory=dict)
    streams: dict[tuple[str, str], float] = field(default_factory=dict)
    journal: deque[Json] = field(default_factory=lambda: deque(maxlen=LONGEST_JOURNAL))
    last_ts: float = 0.0
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def now_ts(self) -> str:
        """A message's time stamp: epoch seconds with six decimals, never twice the same."""
        self.last_ts = max(self.clock(), self.last_ts + 0.000_1)
        return f"{self.last_ts:.6f}"

    def take(self, prefix: str) -> str:
        """A fresh id such as V00001A3F…"""
        number = next(self.numbers)
        tail = hashlib.sha256(f"{prefix}{number}".encode()).hexdigest()[:4].upper()
        return f"{prefix}{number:06d}{tail}"

    def trigger(self, team: str, user: str) -> str:
        number = next(self.numbers)
        tail = hashlib.sha256(f"trigger{number}".encode()).hexdigest()[:32]
        made = Trigger(f"{number}.{int(self.clock())}.{tail}", team, user, self.clock())
        self.triggers[made.id] = made
        return made.id

    def response_url(self, given: Answering) -> str:
        self.answering[given.id] = given
        return f"{self.base}/response/{given.id}"

    def note(self, **entry: object) -> None:
        self.journal.append({"at": self.clock(), **entry})

    def dm(self, team: Team, user: str) -> Channel:
        """The conversation of one person with the bot, made when first needed."""
        for one in self.channels.values():
            if one.kind == "im" and one.team == team.id and one.members == [user, team.bot_user]:
                return one
        made = Channel("D" + user[1:], team.id, "directmessage", "im", [user, team.bot_user])
        if made.id in self.channels:
            made.id = self.take("D")
        self.channels[made.id] = made
        return made

    def team_here(self, user: str, channel: Channel | None = None) -> Team:
        """The team in which somebody acts: that of the channel, otherwise his own."""
        return self.teams[channel.team if channel else self.people[user].team]

    def grant(self, token: str) -> Grant:
        """The grant of a token; raises what Slack answers when there is none any more."""
        found = self.grants.get(token)
        if found is None:
            raise Refused("invalid_auth" if token else "not_authed")
        if found.refused:
            raise Refused(found.refused)
        if found.expires is not None and self.clock() >= found.expires:
            raise Refused("token_expired")
        return found


def manifest_scopes() -> set[str]:
    found: list[str] = json.loads(MANIFEST.read_text(encoding="utf-8"))["oauth_config"]["scopes"]["bot"]
    return set(found)


PEOPLE = (
    ("U0ANNA", "anna", "Anna Keller"),
    ("U0BEN", "ben", "Ben Ortiz"),
    ("U0CARLA", "carla", "Carla Mendes"),
    ("U0GUEST", "guest", "Gil Guest"),
)


def add_team(
    world: World, team: Team, *, token: str = "", people: tuple[tuple[str, str, str], ...] = ()
) -> Team:
    """A team and its people; with `token` the app is installed there."""
    world.teams[team.id] = team
    for user, name, real in people:
        email = f"{name}@{team.domain}.example"
        world.people[user] = Person(user, team.id, name, real, email, restricted=name == "guest")
    if token:
        install(world, team, token)
    return team


def install(world: World, team: Team, token: str, scopes: set[str] | None = None) -> Grant:
    """Puts the bot user there, and a token that may do what the manifest asks for."""
    team.bot_user = team.bot_user or world.take("U0BOT")
    team.bot_id = team.bot_id or world.take("B0BOT")
    world.people[team.bot_user] = Person(team.bot_user, team.id, "flowpilot", BOT_NAME, bot=True)
    grant = Grant(token, team.id, manifest_scopes() if scopes is None else scopes)
    world.grants[token] = grant
    return grant


def seed(world: World) -> None:
    """The team everybody starts with, and a second one that has not installed the app."""
    home = Team("T0PRACTICE", "Practice MSP", "practice", "U0FLOW", "B0FLOW")
    add_team(world, home, token="xoxb-practice", people=PEOPLE)  # noqa: S106 - a practice token
    add_team(world, Team("T0OTHER", "Other MSP", "other"), people=(("U0STRANGE", "sam", "Sam Stranger"),))
    world.grants["xapp-practice"] = Grant("xapp-practice", home.id, {"connections:write"}, "app")
    staff = ["U0ANNA", "U0BEN", "U0CARLA", "U0GUEST"]
    for channel in (
        Channel("C0HELP", home.id, "helpdesk", members=[*staff, "U0STRANGE", home.bot_user], external=True),
        Channel("C0ESC", home.id, "escalations", members=[*staff[:3], home.bot_user]),
        Channel("C0QUIET", home.id, "projects", members=list(staff[:3])),
        Channel("G0PRIV", home.id, "infra", "group", ["U0ANNA", home.bot_user]),
    ):
        world.channels[channel.id] = channel
