"""What free words mean: a command, an answer, evidence, a ticket, small talk, or the start of a Session."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot import verbs
from bot.commands import parse
from bot.event_logs import read
from bot.inbound import Inbound
from bot.starting import begin, keep_for_follow_up
from engine.effects import Show, Tell
from engine.events import Event, EvidenceAdded, NoteAdded, StepAnswered, TicketLinked
from engine.intake import Reading, looks_like_secret, quick_answer
from engine.ports import Act
from engine.replies import is_small_talk
from engine.session import FINAL, Option, Session, Status, Step

MOST_OPTIONS = 9
"""The highest option a single typed digit can mean."""
MOST_LOOKED_AT = 20_000
"""Characters of a message that are looked through for a password."""


async def acts(said: Inbound) -> Sequence[Act]:
    """What follows from the words, and a warning where they seem to name a password."""
    found = await _acts(said)
    if not found or not await asyncio.to_thread(_names_a_password, said):
        return found
    warning = Tell(to=said.person.id, what="secret")
    return (*found, Act(said.session_id or said.person.id, effects=(warning,)))


def _names_a_password(said: Inbound) -> bool:
    """Whether his own words do; what the Step on the table says of passwords is no secret when he quotes it."""
    step = said.session.current if said.session else None
    shown = "\n".join((step.text, *(option.label for option in step.options))) if step else ""
    ours = " ".join(shown.casefold().split())
    lines = said.text[:MOST_LOOKED_AT].splitlines()
    own = [line for line in lines if " ".join(line.casefold().split()) not in ours]
    return looks_like_secret("\n".join(own))


async def _acts(said: Inbound) -> Sequence[Act]:
    """A typed command first; in a thread the words belong to its Session, elsewhere they start one."""
    command = parse(said.text) if not said.files else None
    if command is not None:
        asked = replace(said, verb=command.verb, fields=dict(command.args))
        return await verbs.acts(asked)
    if not said.text.strip() and not said.files:
        return (Act(said.person.id, effects=(Show(to=said.person.id, what="help", place=said.place.id),)),)
    # A pasted log may be megabytes: reading it is not work for the loop.
    reading = await asyncio.to_thread(read, said.text, said.files)
    if said.session is None:
        return await begin(said, reading)
    if said.session.status in FINAL:
        return await _after_the_end(said, said.session, reading)
    return _in_session(said, said.session, reading)


async def _after_the_end(said: Inbound, session: Session, reading: Reading) -> Sequence[Act]:
    """A ticket alone is linked, so that what waits for it is posted; other words are kept for a follow-up."""
    if reading.type == "psa_ticket" and reading.ticket_id is not None:
        return verbs.linked(said, session, reading.ticket_id)
    if is_small_talk(said.text) and not said.files:
        return (Act(session.id, effects=(Tell(to=said.person.id, what="refused.ended_words"),)),)
    return await keep_for_follow_up(said, session, reading)


def _in_session(said: Inbound, session: Session, reading: Reading) -> Sequence[Act]:
    refused = tuple(Tell(to=said.person.id, what=f"file:{why}") for _, why in reading.refused)
    if not (said.text.strip() or reading.log or reading.images or reading.ticket_id):
        return (Act(session.id, effects=refused),)  # files that none could read, and not a word with them
    event = _event(said, session, reading)
    effects = refused
    if (
        session.status is Status.PAUSED
        and isinstance(event, EvidenceAdded)
        and said.person.id == session.owner_id
    ):
        effects = (*refused, Tell(to=said.person.id, what="kept_while_paused"))
    return (Act(session.id, event, effects),)


def _event(said: Inbound, session: Session, reading: Reading) -> Event:
    """An owner's words answer the Step on the table; everyone else's are kept under his name."""
    person, words = said.person, said.text.strip()
    if reading.type == "psa_ticket" and reading.ticket_id is not None:
        return TicketLinked(person, reading.ticket_id)
    owner = person.id == session.owner_id
    if reading.log is not None or reading.images:
        return verbs.evidence_of(person, reading, bundled=True)
    # A colleague's "1" or "yes" answers nobody's Step and tells nothing by itself.
    if is_small_talk(words) or (not owner and quick_answer(words, MOST_OPTIONS) is not None):
        return NoteAdded(person, words, chatter=True)
    step = session.current
    if session.status is not Status.ACTIVE or not owner:
        return EvidenceAdded(person, words, bundled=True) if owner else NoteAdded(person, words)
    if step is None:
        return EvidenceAdded(person, words, bundled=True)
    option = _option(step, words) if step.outcome is None else None
    if option is not None:
        return StepAnswered(person, step.number, option=option)
    return StepAnswered(person, step.number, text=words, bundled=True)


def _option(step: Step, words: str) -> str | None:
    """The option meant by `1`–`5`, `y`, `n`, `done`, `no change`; None where nothing fits clearly."""
    quick = quick_answer(words, len(step.options))
    if quick is None:
        return None
    if quick.kind == "option" and quick.number is not None:
        return step.options[quick.number - 1].id
    return _by_meaning(step, quick.kind)


_MEANINGS = frozenset({"yes", "no", "done", "no_change", "fixed"})
_SAID: Mapping[str, re.Pattern[str]] = {
    "yes": re.compile(r"yes\s*(?:$|[,.–—-])"),
    "no": re.compile(r"no\s*(?:$|[,.–—-])"),
    "done": re.compile(r"done\s*(?:$|[,.–—-])"),
    "no_change": re.compile(r"(?:no change|no difference|same as before)\s*(?:$|[,.–—-])"),
    "fixed": re.compile(r"(?:it is |it's |that )?fixed(?: it)?\s*(?:$|[,.–—-])"),
}


def _by_meaning(step: Step, kind: str) -> str | None:
    """The one option that means the word; None where none or several do, and the words are the answer."""
    fits = [option.id for option in step.options if _meant(option, kind)]
    return fits[0] if len(fits) == 1 else None


def _meant(option: Option, kind: str) -> bool:
    """What its flow says it means comes first, then its id, then its label as a whole word, never as a part."""
    if kind == "done":
        silent = option.outcome in ("", "other", "yes")
    elif option.outcome not in ("", "other"):
        return option.outcome == kind
    else:
        silent = True
    if option.id in _MEANINGS:
        return silent and option.id == kind
    return silent and _SAID[kind].match(option.label.strip().casefold()) is not None
