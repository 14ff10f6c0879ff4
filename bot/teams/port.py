"""What FlowPilot asks of Teams, whichever SDK answers: post, edit, open a thread or a chat, look somebody up, fetch a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

ConversationKind = Literal["personal", "group", "channel"]


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a conversation is reached. `conversation` is its base id (without a thread's root); `person` whose personal
    chat it is, by his id in the directory; `raw` the reference as it came: serviceUrl, bot, conversation, channelId.
    `hears`: messages come from there without a mention.
    """

    tenant: str
    conversation: str
    kind: ConversationKind
    raw: Mapping[str, Any] = field(repr=False)
    person: str = ""
    team: str = ""
    name: str = ""
    hears: bool = False

    @property
    def address(self) -> str:
        return str(self.raw.get("serviceUrl") or "")

    @property
    def bot(self) -> Mapping[str, Any]:
        found = self.raw.get("bot")
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in the roster. `id` is his id on the wire (29:…), `person` the one in the directory. `full`: neither a
    guest nor from another tenant nor a bot.
    """

    id: str
    person: str
    name: str = ""
    email: str = ""
    full: bool = True


@dataclass(frozen=True, slots=True)
class Download:
    content: bytes
    media_type: str


class Refused(Exception):
    """Teams will not do it. `code` is its own word, e.g. BotNotInConversationRoster, or the bare status."""

    def __init__(self, status: int, code: str, what: str) -> None:
        super().__init__(f"{what}: {status} {code}")
        self.status = status
        self.code = code
        self.log_safe = f"{what}: {status} {code}"


class Away(Exception):
    """Teams does not answer or asks for patience, after the adapter's own repeats. `unsure`: it may have been done."""

    def __init__(self, retry_after: float, reason: str, *, unsure: bool) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.unsure = unsure
        self.log_safe = reason


class FileRefused(Exception):
    """A file that is not fetched; `reason` is the end of its sentence's key: not_ours, too_large, gone, unreadable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unauthorized(Exception):
    """A request that Teams did not sign (401), or whose tenant is not allowed (403)."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.log_safe = why


class Connector(Protocol):
    """The way to Teams. Activities are raw JSON objects; every call is bounded in time and raises Refused or Away.

    `root` is a channel thread's root, "" for the conversation itself.
    """

    async def post(self, at: Reference, activity: Mapping[str, Any], root: str = "") -> str:
        """The id of the message."""

    async def update(
        self, at: Reference, activity_id: str, activity: Mapping[str, Any], root: str = ""
    ) -> None:
        """Refused with code ActivityNotFoundInConversation (or status 404) where the message is gone."""

    async def delete(self, at: Reference, activity_id: str, root: str = "") -> None: ...

    async def open_thread(self, at: Reference, activity: Mapping[str, Any]) -> str:
        """Begin a thread in a channel with this message; its root's id, which is the message's own."""

    async def open_chat(self, like: Reference, person: str) -> Reference:
        """The personal chat with somebody of the tenant; `like` is any conversation of that tenant."""

    async def member(self, at: Reference, person: str) -> Member | None:
        """Somebody in that conversation's roster, by his id on the wire or in the directory; None for a stranger."""

    async def members(self, at: Reference) -> Sequence[Member]:
        """The whole roster, page by page."""

    async def channels(self, at: Reference) -> Sequence[tuple[str, str]]:
        """The channels of that conversation's team as (id, name)."""

    async def download(self, at: Reference, url: str, limit: int) -> Download:
        """A picture or file that somebody sent. The bot's token goes to exact allow-listed hosts only; every other host
        is refused. Raises FileRefused.
        """
