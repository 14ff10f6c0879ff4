"""Who somebody in Teams is: a member of the Account, somebody new, a guest, or one of a tenant that is not linked yet."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, TypeVar

from bot.teams import addresses
from bot.teams.fetching import At, WantsMember, WantsSaid, WantsTenant
from bot.teams.port import Member
from bot.teams.said import Word
from bot.words import say
from engine.effects import MapMember, Show
from engine.ports import Act, Fetch, Received
from engine.session import Person
from storage.places import Place
from storage.store import Unit
from storage.workspaces import Workspace, WorkspaceTaken

CODE = re.compile(r"^\s*connect\s+[`*_]?(fp[-\u2010-\u2015\s0-9a-z]{8,40})[`*_]?[.\s]*$", re.IGNORECASE)
"""Other dashes, because phones make them; a code that was copied with its marks."""
WAY = f"{addresses.PLATFORM}:"
"""What answers him goes to his chat with us, also where he is known on another platform too."""
LONGEST_NAME = 120
LONGEST_EMAIL = 200
T = TypeVar("T")


def fetched(received: Received, wanted: Any, kind: type[T]) -> T | None:
    """What was fetched for it; None where it could not be had. Raises Fetch the first time."""
    if wanted not in received.fetched:
        raise Fetch(wanted)
    found = received.fetched[wanted]
    return found if isinstance(found, kind) else None


def at(word: Word) -> At:
    """The conversation he spoke in, for whoever is asked about it outside of a transaction."""
    raw = json.dumps(dict(word.reference), sort_keys=True)
    person = word.person if word.kind_of_conversation == "personal" else ""
    return At(word.tenant, word.conversation, word.kind_of_conversation, raw, person, word.team)


def mapping(person: Person) -> Act:
    """Somebody new may be a Member of the PSA by his e-mail."""
    return Act(person.id, effects=(MapMember(user=person.id),))


# ── Who ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def tenant(received: Received, unit: Unit, word: Word) -> Workspace | None:
    """Where he writes from; one that was never heard of before belongs to nobody yet."""
    known = await unit.workspace(addresses.PLATFORM, word.tenant)
    if known is not None or word.kind == "gone":
        return known
    bot = word.reference.get("bot")
    ours = str(bot.get("id") or "") if isinstance(bot, dict) else ""
    fetched(received, WantsTenant(word.tenant, ours), object)
    return await unit.workspace(addresses.PLATFORM, word.tenant)


def is_full(received: Received, word: Word) -> Member | None:
    """A full member of the tenant, as its roster says; None for a guest, a bot, and somebody of another tenant."""
    who = word.person_id or word.person  # every client knows its own id; not every one the directory's
    found = fetched(received, WantsMember(at(word), who), Member) if who else None
    # Whoever he says he is, the roster counts: another id there is another person.
    if found is None or not found.full or (word.person and found.person not in ("", word.person)):
        return None
    return found


async def may_use(received: Received, unit: Unit, word: Word) -> bool:
    """Whether he is a member, or would be one on first use; nothing is made of it."""
    known = await unit.identity(addresses.PLATFORM, word.tenant, word.person)
    return known is not None or is_full(received, word) is not None


async def person(received: Received, unit: Unit, word: Word) -> tuple[Person, bool] | None:
    """A full member, who becomes a Technician on first use, and whether he is new; None for everybody else."""
    if not word.person:
        return None
    known = await unit.identity(addresses.PLATFORM, word.tenant, word.person)
    if known is not None:
        user = await unit.accounts.user(known[1]) if known[0] == unit.account else None
        return (user.person, False) if user is not None and user.active else None
    found = is_full(received, word)
    if found is None:
        return None
    name = (found.name or word.name).strip()[:LONGEST_NAME] or word.person
    user_id = await unit.accounts.add_user(name, found.email.strip()[:LONGEST_EMAIL] or None)
    user = await unit.accounts.user(user_id)
    if user is None or not user.active:
        return None
    await unit.accounts.add_identity(user_id, addresses.PLATFORM, word.tenant, word.person)
    return user.person, True


# ── A tenant of nobody ──────────────────────────────────────────────────────────────────────────────────────


async def unlinked(received: Received, unit: Unit, word: Word) -> Sequence[Act] | None:
    """A code links it; everything else that was meant for us is told how."""
    code = CODE.match(word.text) if word.kind == "message" else None
    if code is not None:
        return await _linked(received, unit, word, code.group(1)) if is_full(received, word) else None
    match word.kind:
        case "message":
            if word.kind_of_conversation == "personal" or word.mentioned:
                say_to(received, word, "teams.unlinked")
        case "press" | "extension":
            say_to(received, word, "teams.unlinked", alone=True)
        case "installed":
            say_to(received, word, "teams.hello_unlinked")
    return None


async def _linked(received: Received, unit: Unit, word: Word, code: str) -> Sequence[Act] | None:
    try:
        account = await unit.redeem(addresses.PLATFORM, word.tenant, code)
    except WorkspaceTaken:
        say_to(received, word, "teams.taken")
        return None
    if account is None:
        say_to(received, word, "teams.code_wrong")
        return None
    await unit.enter(account)
    found = await person(received, unit, word)
    if found is None:
        return None
    await keep(unit, word)
    own = await own_place(unit, word)
    shown = Show(to=found[0].id, what="notice:teams_linked", place=own.id)
    return (Act(found[0].id, effects=(shown,), answers=(found[0].id, WAY)), mapping(found[0]))


# ── Where ───────────────────────────────────────────────────────────────────────────────────────────────────


async def own_place(unit: Unit, word: Word) -> Place:
    """His chat with us."""
    return await unit.places.ensure("direct", addresses.PLATFORM, word.tenant, addresses.direct(word.person))


async def keep(unit: Unit, word: Word) -> None:
    """How its conversation is reached. A name is kept with its team's, and half of it does not replace the whole."""
    person = word.person if word.kind_of_conversation == "personal" else ""
    name = f"{word.team_name} · {word.channel_name}" if word.team_name and word.channel_name else ""
    kind = word.kind_of_conversation
    await unit.references.keep(word.tenant, word.conversation, kind, word.reference, person, word.team, name)


async def keep_channel(unit: Unit, word: Word, channel: str, name: str) -> None:
    """A channel of the team that we were added to: it is reached as the one the news came from. The first one has no
    name of its own.
    """
    raw = {
        **word.reference,
        "conversation": {**dict(word.reference.get("conversation") or {}), "id": channel},
    }
    called = name or say("teams.general")
    whole = f"{word.team_name} · {called}" if word.team_name else called
    await unit.references.keep(word.tenant, channel, "channel", raw, "", word.team, whole)


def say_to(received: Received, word: Word, key: str, *, alone: bool = False) -> None:
    fetched(received, WantsSaid(at(word), word.person or word.person_id, key, word.root, alone), object)
