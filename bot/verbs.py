"""What a click, a form or a typed command asks for, verb by verb."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

from bot import admin_verbs, closing_verbs, start_verbs, text_verbs
from bot.acts import Acts, event, filled, form, show, tell
from bot.event_logs import read
from bot.inbound import Inbound, number
from bot.psa_door import zone_of
from bot.when import TimeUnclear, read_time
from engine import events
from engine.effects import Tell
from engine.intake import Reading, find_tickets
from engine.ports import Act
from engine.session import FINAL, Manner, Person, Session, StepKind, WaitingFor

Verb = Callable[[Inbound], Awaitable[Acts]]
SessionVerb = Callable[[Inbound, Session], Awaitable[Acts]]


async def acts(asked: Inbound) -> Acts:
    """Look the verb up; one that belongs to a Session needs one."""
    personal = PERSONAL.get(asked.verb) or admin_verbs.VERBS.get(asked.verb)
    if personal is not None:
        return await personal(asked)
    in_session = (
        IN_SESSION.get(asked.verb) or closing_verbs.VERBS.get(asked.verb) or text_verbs.VERBS.get(asked.verb)
    )
    if in_session is None:
        return tell(asked, "not_understood")
    session = asked.session
    if session is None:
        if asked.args.get("session"):
            return tell(asked, "gone")
        return await _read(asked) if asked.verb in _READS else tell(asked, "no_session_here")
    return await in_session(asked, session)


_READS = ("status", "path", "catch_up", "receipt")


async def _read(asked: Inbound) -> Acts:
    """Asked for where no session is, as every slash command is: his only open one, or all of his to choose from."""
    own = await asked.unit.sessions.of(asked.person.id)
    return show(asked, asked.verb, own[0]) if len(own) == 1 else show(asked, "mine")


# ── Commands of a person ────────────────────────────────────────────────────────────────────────────────────


async def _listed(asked: Inbound) -> Acts:
    return show(asked, asked.verb, asked.session_id)


async def _tickets(asked: Inbound) -> Acts:
    words = asked.fields.get("text", "").strip()
    draft = await asked.unit.drafts.keep(asked.person.id, "search", {"text": words[:80]})
    return show(asked, "tickets", asked.session_id, draft)


async def _open(asked: Inbound) -> Acts:
    if asked.session is None:
        return tell(asked, "gone")
    # From now on he follows the thread, and what stands there is shown to him again.
    await asked.unit.sessions.log(asked.session.id, asked.unit.now, asked.person.id, "Opened", {})
    await asked.unit.places.show_again(asked.session.id)
    return show(asked, "status", asked.session.id)


PERSONAL: dict[str, Verb] = {
    "mine": _listed,
    "queue": _listed,
    "time": _listed,
    "help": _listed,
    "tickets": _tickets,
    **start_verbs.VERBS,
    "open": _open,
}


# ── Working ─────────────────────────────────────────────────────────────────────────────────────────────────


async def _answer(asked: Inbound, session: Session) -> Acts:
    """A button carries its Step; a late one never counts for another Step."""
    step, option, current = number(asked.args.get("step", "")), asked.args.get("option"), session.current
    here = current is not None and current.number == step
    known = current is not None and option in {o.id for o in current.options}
    if step is None or (here and not known):
        return show(asked, "status", session.id)
    return event(session, events.StepAnswered(asked.person, step, option=option if here else None))


def _step(asked: Inbound, session: Session) -> int | None:
    given = asked.args.get("step", "")
    if given:
        return number(given)
    return session.current.number if session.current else None


async def _already_tried(asked: Inbound, session: Session) -> Acts:
    return _in_manner(asked, session, Manner.ALREADY_TRIED, "already_tried")


async def _cannot_do(asked: Inbound, session: Session) -> Acts:
    return _in_manner(asked, session, Manner.CANNOT_DO, "")


def _in_manner(asked: Inbound, session: Session, manner: Manner, form_name: str) -> Acts:
    step, words = _step(asked, session), asked.fields.get("text", "").strip()
    if step is None or (session.current and session.current.kind is StepKind.BRIEFING):
        return show(asked, "status", session.id)
    if form_name and not words:
        return form(asked, session, form_name)
    return event(session, events.StepAnswered(asked.person, step, text=words, manner=manner))


async def _undo(asked: Inbound, session: Session) -> Acts:
    return event(session, events.AnswerCorrected(asked.person, number(asked.args.get("step", ""))))


async def _jump(asked: Inbound, session: Session) -> Acts:
    node = asked.args.get("node") or asked.fields.get("node", "")
    if not node or session.flow_id is None:
        return show(asked, "path", session.id)
    return event(session, events.StepJumped(asked.person, node))


async def _stop(asked: Inbound, session: Session) -> Acts:
    """A button carries its Turn, so that a late one stops nothing else; a typed word means the one under way."""
    turn = number(asked.args.get("turn", ""))
    return event(session, events.GuideStopped(asked.person, session.turn.number if turn is None else turn))


async def _ask_again(asked: Inbound, session: Session) -> Acts:
    return event(session, events.GuideAskedAgain(asked.person))


def evidence_of(person: Person, reading: Reading, *, bundled: bool = False) -> events.EvidenceAdded:
    """Words, a log with its digest, and which pictures came with them."""
    digest = reading.digest.as_text() if reading.digest else ""
    names = ", ".join(reading.images)
    text = "\n".join(part for part in (reading.text, f"Pictures: {names}" if names else "") if part)
    return events.EvidenceAdded(person, text, digest, reading.log or "", bundled=bundled)


async def _evidence(asked: Inbound, session: Session) -> Acts:
    # A log may be megabytes: reading it is not work for the loop.
    reading = await asyncio.to_thread(read, asked.fields.get("text", ""), asked.files)
    refused = tuple(Tell(to=asked.person.id, what=f"file:{why}") for _, why in reading.refused)
    added = evidence_of(asked.person, reading)
    if not (added.text or added.log_content):
        return (Act(session.id, effects=refused),)
    return event(session, added, *refused)


async def _note(asked: Inbound, session: Session) -> Acts:
    if not filled(asked, "text"):
        return form(asked, session, "note")
    return event(session, events.NoteAdded(asked.person, asked.fields["text"].strip()))


async def _link(asked: Inbound, session: Session) -> Acts:
    """By number, by link, or by a choice from the list; "Link and post" posts what waited for a ticket."""
    given = asked.fields.get("number") or asked.fields.get("ticket") or asked.args.get("ticket", "")
    found = find_tickets(given) if given else ()
    typed = number(given.strip().lstrip("#"))
    ticket = typed if typed is not None else (found[0].number if found else None)
    if ticket is None:
        return form(asked, session, "link")
    return linked(asked, session, ticket)


def linked(asked: Inbound, session: Session, ticket: int) -> Acts:
    """The ticket of the Session from now on."""
    happened = events.TicketLinked(asked.person, ticket)
    if session.status in FINAL:
        # After the end a ticket is linked so that what waits for it is posted.
        return (*event(session, happened), *event(session, events.PushRetried(asked.person)))
    return event(session, happened)


async def _pause(asked: Inbound, session: Session) -> Acts:
    given = asked.fields
    if not any(given.get(name, "").strip() for name in ("waiting_for", "reason", "remind_at")):
        return form(asked, session, "pause")
    waiting = given.get("waiting_for", "").strip() or WaitingFor.ME.value
    if waiting not in set(WaitingFor):
        return form(asked, session, "pause")
    remind = None
    if given.get("remind_at", "").strip():
        zone = zone_of(await asked.unit.accounts.settings())
        try:
            remind = read_time(given["remind_at"], asked.unit.now, zone)
        except TimeUnclear:
            return tell(asked, "time_unclear")
    return event(
        session, events.Paused(asked.person, WaitingFor(waiting), given.get("reason", "").strip(), remind)
    )


async def _resume(asked: Inbound, session: Session) -> Acts:
    return event(session, events.Resumed(asked.person))


# ── Handing over ────────────────────────────────────────────────────────────────────────────────────────────


async def _withdraw(asked: Inbound, session: Session) -> Acts:
    return event(session, events.EscalationWithdrawn(asked.person))


async def _advise(asked: Inbound, session: Session) -> Acts:
    if not filled(asked, "text"):
        return form(asked, session, "advise")
    return event(session, events.AdviceGiven(asked.person, asked.fields["text"].strip()))


async def _take_advice(asked: Inbound, session: Session) -> Acts:
    return event(session, events.AdviceTaken(asked.person))


async def _decline_advice(asked: Inbound, session: Session) -> Acts:
    return event(session, events.AdviceDeclined(asked.person))


async def _pick_up(asked: Inbound, session: Session) -> Acts:
    manner = "fresh" if asked.verb == "pick_up_fresh" else asked.fields.get("manner", "")
    if not manner:
        return form(asked, session, "pick_up")
    owner = asked.fields.get("make_owner", "").casefold() in ("yes", "true", "1", "on")
    fresh = uuid4() if manner == "fresh" else None
    return event(session, events.PickedUp(asked.person, fresh, owner))


async def _postpone(asked: Inbound, session: Session) -> Acts:
    if not filled(asked, "until"):
        return form(asked, session, "postpone")
    zone = zone_of(await asked.unit.accounts.settings())
    try:
        until = read_time(asked.fields["until"], asked.unit.now, zone)
    except TimeUnclear:
        return tell(asked, "time_unclear")
    return event(session, events.PickupPostponed(asked.person, until))


async def _decline(asked: Inbound, session: Session) -> Acts:
    if not filled(asked, "reason"):
        return form(asked, session, "decline")
    return event(session, events.PickupDeclined(asked.person, asked.fields["reason"].strip()))


async def _take_over(asked: Inbound, session: Session) -> Acts:
    if not filled(asked, "reason"):
        return form(asked, session, "take_over")
    return event(session, events.TakenOver(asked.person, asked.fields["reason"].strip()))


async def _ask_to_take(asked: Inbound, session: Session) -> Acts:
    """The owner hears that a colleague would take this Session; he escalates it to him or does not."""
    ask = Tell(to=session.owner_id, what="asked_to_take", about=asked.person.id)
    return (Act(session.id, effects=(ask,)), *tell(asked, "asked_owner"))


async def _shown(asked: Inbound, session: Session) -> Acts:
    return show(asked, asked.verb, session.id)


async def _copy(asked: Inbound, session: Session) -> Acts:
    """The documentation as text; from a Step's button its whole script."""
    step = number(asked.args.get("step", ""))
    return show(asked, "copy" if step is None else f"copy:{step}", session.id)


IN_SESSION: dict[str, SessionVerb] = {
    "answer": _answer,
    "already_tried": _already_tried,
    "cannot_do": _cannot_do,
    "undo": _undo,
    "stop": _stop,
    "ask_again": _ask_again,
    "jump": _jump,
    "evidence": _evidence,
    "note": _note,
    "link": _link,
    "pause": _pause,
    "resume": _resume,
    "withdraw": _withdraw,
    "advise": _advise,
    "take_advice": _take_advice,
    "decline_advice": _decline_advice,
    "pick_up": _pick_up,
    "pick_up_fresh": _pick_up,
    "postpone": _postpone,
    "decline": _decline,
    "take_over": _take_over,
    "ask_to_take": _ask_to_take,
    "status": _shown,
    "path": _shown,
    "catch_up": _shown,
    "receipt": _shown,
    "copy": _copy,
}
