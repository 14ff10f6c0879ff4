"""Everything the practice Teams remembers: people, teams, conversations, messages, tokens, files."""

from __future__ import annotations

import base64
import hashlib
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from demo.teams_refusals import Impossible, Json, Refused

TENANT = "7a000000-0000-4000-8000-000000000001"
ELSEWHERE = "7a000000-0000-4000-8000-000000000002"
"""The tenant STRANGER works for."""
ANNA, BEN, CARLA = (f"a0000000-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
GUEST = "a0000000-0000-4000-8000-000000000004"
STRANGER = "b0000000-0000-4000-8000-000000000001"
TEAM = "19:msp@thread.tacv2"
"""A team's id is that of its General channel."""
OTHER_TEAM = "19:other@thread.tacv2"
HELP = "19:help@thread.tacv2"
ESCALATIONS = "19:esc@thread.tacv2"
PRIVATE = "19:priv@thread.tacv2"
QUIET = "19:quiet@thread.tacv2"
GROUP = "19:group@thread.v2"
BOT_NAME = "FlowPilot"
LONGEST_JOURNAL = 5_000
ROOT = ";messageid="

Kind = Literal["personal", "group", "channel"]
WIRE_KINDS = {"personal": "personal", "group": "groupChat", "channel": "channel"}


@dataclass(slots=True)
class Person:
    """`aad` is his id in the directory, `wire` the one in activities. `role`: user or guest."""

    aad: str
    name: str
    email: str
    tenant: str = TENANT
    role: str = "user"
    installed: bool = True

    @property
    def wire(self) -> str:
        digest = hashlib.sha512(self.aad.encode()).digest()
        return "29:1" + base64.urlsafe_b64encode(digest).decode()[:82]


@dataclass(slots=True)
class Message:
    """`activity` as it was posted or last edited; `sender` a person's aad, "" for the bot; `root` the first message of
    its thread, its own id where it is one. `views`: card contents only one person sees instead, by aad.
    """

    id: str
    sender: str
    root: str
    at: float
    activity: Json
    edited: bool = False
    deleted: bool = False
    streaming: bool = False
    views: dict[str, Json] = field(default_factory=dict)


@dataclass(slots=True)
class Conversation:
    """`members` by aad; `bot` whether the app is there; `person` whose personal chat it is."""

    id: str
    kind: Kind
    name: str = ""
    team: str = ""
    tenant: str = TENANT
    members: list[str] = field(default_factory=list)
    bot: bool = False
    private: bool = False
    person: str = ""
    messages: dict[str, Message] = field(default_factory=dict)

    @property
    def threaded(self) -> bool:
        return self.kind == "channel"


@dataclass(slots=True)
class Team:
    id: str
    name: str
    group: str
    tenant: str = TENANT
    members: list[str] = field(default_factory=list)
    bot: bool = False
    hears_all: bool = False


@dataclass(slots=True)
class Settings:
    """Switches, changed by PUT /_practice/settings. Times in seconds."""

    limits: bool = False
    """Rates per thread: 7 in 1 s, 60 in 30 s, 1800 in an hour."""
    message_timeout: float = 15.0
    invoke_timeout: float = 10.0
    extension_timeout: float = 5.0
    token_seconds: float = 3599.0
    stream_gap: float = 1.0
    stream_seconds: float = 120.0
    page_size: int = 0
    """0 takes what the caller asks for (50 to 500); any other number is the size of a page of members."""
    both_ids: bool = True
    """The roster names `aadObjectId` beside `objectId`."""
    escape_text: bool = False
    """`text` carries &lt; &gt; &amp; as some clients send it."""


@dataclass(slots=True)
class World:
    """All state. `base` is this server's address as callers write it; `clock` gives epoch seconds."""

    app_id: str
    password: str
    tenant: str = TENANT
    clock: Callable[[], float] = time.time
    base: str = ""
    settings: Settings = field(default_factory=Settings)
    people: dict[str, Person] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    conversations: dict[str, Conversation] = field(default_factory=dict)
    tokens: dict[str, float] = field(default_factory=dict)
    tokens_given: int = 0
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    journal: deque[Json] = field(default_factory=lambda: deque(maxlen=LONGEST_JOURNAL))
    last_id: int = 0
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def bot(self) -> Json:
        return {"id": f"28:{self.app_id}", "name": BOT_NAME}

    @property
    def service_url(self) -> str:
        return f"{self.base}/connector/"

    def message_id(self) -> str:
        """Epoch milliseconds, never twice the same."""
        self.last_id = max(int(self.clock() * 1000), self.last_id + 1)
        return str(self.last_id)

    def take(self, what: str) -> str:
        """A fresh id in the form of a UUID."""
        found = hashlib.sha256(f"{what}{next(self.numbers)}{self.app_id}".encode()).hexdigest()
        return f"{found[:8]}-{found[8:12]}-4{found[13:16]}-8{found[17:20]}-{found[20:32]}"

    def when(self, at: float | None = None) -> str:
        moment = datetime.fromtimestamp(self.clock() if at is None else at, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def note(self, **entry: object) -> None:
        self.journal.append({"at": self.clock(), **entry})

    def place(self, wire: str) -> tuple[Conversation, str]:
        """A conversation by its id on the wire, with the thread's root; raises Refused."""
        base, _, root = wire.partition(ROOT)
        found = self.conversations.get(base)
        if found is None or (root and not found.threaded):
            raise Refused("ConversationNotFound")
        if root and (root not in found.messages or found.messages[root].root != root):
            raise Refused("ConversationNotFound", "The thread was not found in the conversation.")
        return found, root

    def member(self, key: str) -> Person | None:
        """Somebody by his id in the directory or on the wire."""
        return self.people.get(key) or next((one for one in self.people.values() if one.wire == key), None)

    def person(self, aad: str) -> Person:
        found = self.people.get(aad)
        if found is None:
            raise Impossible(f"there is no person {aad}")
        return found

    def personal(self, person: Person) -> Conversation:
        """His chat with the bot, made when first needed."""
        for one in self.conversations.values():
            if one.person == person.aad:
                return one
        made = Conversation(f"a:{next(self.numbers)}", "personal", tenant=person.tenant, person=person.aad)
        made.members, made.bot = [person.aad], person.installed
        self.conversations[made.id] = made
        return made

    def message(self, conversation: Conversation, activity_id: str) -> Message:
        found = conversation.messages.get(activity_id)
        if found is None or found.deleted:
            raise Refused("ActivityNotFoundInConversation")
        return found

    def put(self, conversation: Conversation, sender: str, activity: Json, root: str = "") -> Message:
        """Keeps a message; in a channel without a root it begins a thread, elsewhere all is flat."""
        name = self.message_id()
        made = Message(name, sender, (root or name) if conversation.threaded else "", self.clock(), activity)
        conversation.messages[name] = made
        return made


def seed(world: World) -> None:
    """The usual tenant: two teams, a group chat, four people and one of another tenant."""
    for aad, first, last in ((ANNA, "Anna", "Keller"), (BEN, "Ben", "Ortiz"), (CARLA, "Carla", "Mendes")):
        world.people[aad] = Person(aad, f"{first} {last}", f"{first.lower()}@practice.example", world.tenant)
    world.people[GUEST] = Person(GUEST, "Gil Guest", "guest@elsewhere.example", world.tenant, "guest")
    world.people[STRANGER] = Person(STRANGER, "Sam Stranger", "sam@elsewhere.example", ELSEWHERE)
    inside = [ANNA, BEN, CARLA, GUEST]
    add_team(world, Team(TEAM, "Practice MSP", world.take("group"), world.tenant, inside, bot=True))
    for channel, name in ((HELP, "helpdesk"), (ESCALATIONS, "escalations")):
        add_channel(world, TEAM, channel, name)
    private = add_channel(world, TEAM, PRIVATE, "only-anna")
    private.private, private.members = True, [ANNA]
    add_team(world, Team(OTHER_TEAM, "Other", world.take("group"), world.tenant, [ANNA, BEN, CARLA]))
    add_channel(world, OTHER_TEAM, QUIET, "quiet")
    group = Conversation(GROUP, "group", "On call", tenant=world.tenant, members=[ANNA, BEN, CARLA], bot=True)
    world.conversations[GROUP] = group


def add_team(world: World, team: Team) -> Team:
    world.teams[team.id] = team
    add_channel(world, team.id, team.id, "General")
    return team


def add_channel(world: World, team_id: str, channel: str, name: str) -> Conversation:
    team = world.teams[team_id]
    made = Conversation(channel, "channel", name, team.id, team.tenant, team.members, team.bot)
    world.conversations[channel] = made
    return made
