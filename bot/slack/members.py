"""Who somebody in Slack is: a member of the Account, somebody new, a guest, or one of a workspace that is not linked yet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeVar

from bot.slack.fetching import SlackPerson, WantsPerson, WantsSaid
from bot.slack.routes import keep_route
from bot.slack.said import Word
from bot.slack.text import mentioned, mentions, plain
from engine.effects import MapMember, Show
from engine.ports import Act, Fetch, Received
from engine.session import Person
from storage.store import Unit
from storage.workspaces import Workspace, WorkspaceTaken

CODE = re.compile(r"^\s*connect\s+[`*_]?(fp[-\u2010-\u2015\s0-9a-z]{8,40})[`*_]?[.\s]*$", re.IGNORECASE)
"""Other dashes, because phones make them; a code that was copied with its marks."""
MOST_NAMES = 20
T = TypeVar("T")


def fetched(received: Received, wanted: Any, kind: type[T]) -> T | None:
    """What was fetched for it; None where the workspace has no keys any more. Raises Fetch the first time."""
    if wanted not in received.fetched:
        raise Fetch(wanted)
    found = received.fetched[wanted]
    return found if isinstance(found, kind) else None


def mapping(person: Person) -> Act:
    """Somebody new may be a Member of the PSA by his e-mail."""
    return Act(person.id, effects=(MapMember(user=person.id),))


def from_elsewhere(word: Word) -> bool:
    """Somebody of another workspace, in a channel shared with it. In an organisation only users.info tells."""
    return word.user_team.startswith("T") and word.user_team != word.team


async def words(unit: Unit, word: Word, space: Workspace) -> str:
    """What he wrote, with the names of colleagues whom we know instead of Slack's ids."""
    names: dict[str, str] = {}
    for external_id in mentioned(word.text)[:MOST_NAMES]:
        known = await unit.identity("slack", word.team, external_id)
        user = await unit.accounts.user(known[1]) if known and known[0] == unit.account else None
        if user is not None:
            names[external_id] = user.name
    return plain(word.text, space.bot_user_id, names)


# ── Who ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def person(received: Received, unit: Unit, word: Word) -> tuple[Person, bool] | None:
    """A full member, who becomes a Technician on first use, and whether he is new; None for everybody else."""
    known = await unit.identity("slack", word.team, word.user)
    if known is not None:
        user = await unit.accounts.user(known[1]) if known[0] == unit.account else None
        return (user.person, False) if user is not None and user.active else None
    found = fetched(received, WantsPerson(word.team, word.user), SlackPerson)
    if found is None or not found.full:
        return None
    user_id = await unit.accounts.add_user(found.name, found.email or None)
    user = await unit.accounts.user(user_id)
    if user is None or not user.active:
        return None
    await unit.accounts.add_identity(user_id, "slack", word.team, word.user)
    return user.person, True


async def unlinked(received: Received, unit: Unit, word: Word, space: Workspace) -> Sequence[Act] | None:
    """A workspace of nobody: a code links it, everything else that was meant for us is told how."""
    text = plain(word.text, space.bot_user_id)
    code = CODE.match(text)
    if code is not None:
        person = fetched(received, WantsPerson(word.team, word.user), SlackPerson)
        if person is None or not person.full:
            return None
        return await _linked(received, unit, word, code.group(1))
    meant = word.kind != "message" or word.direct or mentions(word.text, space.bot_user_id)
    if meant and word.kind not in ("prompts", "stopped", "failed"):
        say_to(received, word, "slack.unlinked")
    return None


async def _linked(received: Received, unit: Unit, word: Word, code: str) -> Sequence[Act] | None:
    try:
        account = await unit.redeem("slack", word.team, code)
    except WorkspaceTaken:
        say_to(received, word, "slack.taken")
        return None
    if account is None:
        say_to(received, word, "slack.code_wrong")
        return None
    await unit.enter(account)
    found = await person(received, unit, word)
    if found is None:
        return None
    own = await unit.places.ensure("direct", "slack", word.team, word.user)
    via = await keep_route(unit, found[0].id, word)
    shown = Show(to=found[0].id, what="notice:slack_linked", place=own.id)
    return (Act(found[0].id, effects=(shown,), answers=(found[0].id, via)), mapping(found[0]))


def say_to(received: Received, word: Word, key: str) -> None:
    wanted = WantsSaid(
        word.team, word.user, word.channel, key, word.response_url, word.view, word.in_home or word.kind == "home"
    )  # fmt: skip
    fetched(received, wanted, object)


async def joined(received: Received, unit: Unit, word: Word, space: Workspace) -> None:
    """We were invited into a channel: whoever did it hears how to start, and what was closed there is open again."""
    if word.user != space.bot_user_id or space.account_id is None:
        return
    if word.reason and not word.shared:
        fetched(received, WantsSaid(word.team, word.reason, word.channel, "slack.hello"), object)
    await unit.enter(space.account_id)
    await unit.places.reopen("slack", word.team, word.channel)
