"""What can be said about a form before it is remembered: shape, role and state. It reads and decides nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from bot import admin_verbs, cards
from bot.card import Text
from bot.claude import budget
from bot.cli_screen import CommandFailed
from bot.cli_zones import time_zone
from bot.inbound import number
from bot.psa_door import zone_of
from bot.viewing import view_of
from bot.when import TimeUnclear, read_time
from bot.words import say
from engine import events
from engine.business_hours import HoursInvalid, parse
from engine.events import Event
from engine.intake import find_tickets
from engine.lifecycle import refusal
from engine.session import Person, Session
from storage.store import Store, Unit

Fields = Mapping[str, str]
Wrong = dict[str, str]

NO_TICKET = "none"
"""The value of a suggestion that is no ticket."""
WHOLE = ""
"""The key of a sentence about the whole form."""
ASKS: Mapping[str, type[Event]] = {
    "resolve": events.Resolved,
    "escalate": events.EscalationRequested,
    "pause": events.Paused,
    "link": events.TicketLinked,
    "note": events.NoteAdded,
    "add_to": events.EvidenceAdded,
    "advise": events.AdviceGiven,
    "pick_up": events.PickedUp,
    "postpone": events.PickupPostponed,
    "decline": events.PickupDeclined,
    "take_over": events.TakenOver,
    "abandon": events.Abandoned,
    "rate": events.Rated,
    "already_tried": events.StepAnswered,
    "cannot_do": events.StepAnswered,
}
"""What a submitted form becomes."""
CLICKS: Mapping[str, type[Event]] = {
    **ASKS,
    "answer": events.StepAnswered,
    "undo": events.AnswerCorrected,
    "stop": events.GuideStopped,
    "ask_again": events.GuideAskedAgain,
    "evidence": events.EvidenceAdded,
    "resume": events.Resumed,
    "withdraw": events.EscalationWithdrawn,
    "take_advice": events.AdviceTaken,
    "decline_advice": events.AdviceDeclined,
    "pick_up_fresh": events.PickedUp,
}
"""What a button becomes, or the form that it opens."""


class StoredChecks:
    """Reads in one transaction; what it cannot find it leaves to the worker."""

    def __init__(self, store: Store, platform: str) -> None:
        self._store = store
        self._platform = platform

    async def __call__(self, team: str, user: str, verb: str, args: Fields, fields: Fields) -> Wrong:
        wrong = shape(verb, fields)
        if wrong:
            return wrong
        async with self._store.transaction() as unit:
            person = await self._person(unit, team, user)
            if person is None:
                return {}
            if verb in admin_verbs.VERBS:
                return {} if person.is_admin else {WHOLE: say("notice.admin_only")}
            return await _in_session(unit, person, verb, args, fields)

    async def click(self, team: str, user: str, verb: str, args: Fields) -> str:
        """Why a button cannot count now, "" where it can or where only the worker knows."""
        if verb not in CLICKS or not args.get("session"):
            return ""
        async with self._store.transaction() as unit:
            person = await self._person(unit, team, user)
            if person is None:
                return ""
            session = await _session(unit, args["session"])
            if session is None:
                return say("notice.gone")
            why = refusal(session, CLICKS[verb], person, unit.now)
            return await _sentence(unit, session, why) if why else _late(session, person, verb, args)

    async def _person(self, unit: Unit, team: str, user: str) -> Person | None:
        """Somebody active whom this workspace knows; from here on the transaction is his Account's."""
        known = await unit.identity(self._platform, team, user)
        if known is None:
            return None
        await unit.enter(known[0])
        found = await unit.accounts.user(known[1])
        return found.person if found is not None and found.active else None


def shape(verb: str, fields: Fields) -> Wrong:
    """What is wrong whoever submits it, and whenever."""
    wrong = {
        name: say("error.minutes")
        for name, value in fields.items()
        if name.startswith("time:") and value.strip() and number(value, 4) is None
    }
    if fields.get("ticket") == NO_TICKET:
        wrong["ticket"] = say("error.ticket")
    elif verb == "link":
        wrong |= _ticket(fields)
    if verb == "settings":
        wrong |= _settings(fields)
    if verb == "start" and not any(said.strip() for said in fields.values()):
        wrong["text"] = say("error.start")
    if verb == "rate" and number(fields.get("rating", "")) not in range(1, 6):
        wrong["rating"] = say("refused.rating")
    return wrong


def _ticket(fields: Fields) -> Wrong:
    given = fields.get("number", "").strip() or fields.get("ticket", "").strip()
    if not given:
        return {"number" if "number" in fields else "ticket": say("error.ticket")}
    if number(given.lstrip("#")) is None and not find_tickets(given):
        return {"number": say("error.ticket")}
    return {}


def _settings(fields: Fields) -> Wrong:
    wrong: Wrong = {}
    try:
        if fields.get("time_zone", "").strip():
            time_zone(fields["time_zone"])
    except CommandFailed as invalid:
        wrong["time_zone"] = str(invalid)
    try:
        if "business_hours" in fields:
            parse(fields["business_hours"])
    except HoursInvalid as invalid:
        wrong["business_hours"] = getattr(invalid, "sentence", str(invalid))
    try:
        budget.parse(fields.get(budget.SETTING, ""))
    except budget.BudgetInvalid as invalid:
        wrong[budget.SETTING] = str(invalid)
    return wrong


async def _in_session(unit: Unit, by: Person, verb: str, args: Fields, fields: Fields) -> Wrong:
    asks = ASKS.get(verb)
    named = args.get("session") or fields.get("session", "")
    if asks is None or not named:
        return {}
    session = await _session(unit, named)
    if session is None:
        return {WHOLE: say("notice.gone")}
    why = refusal(session, asks, by, unit.now)
    if why:
        return {WHOLE: await _sentence(unit, session, why)}
    zone = zone_of(await unit.accounts.settings())
    wrong = times(session, fields, unit.now, zone)
    target = await _target(unit, session, by, fields) if verb == "escalate" else ""
    return {**wrong, "to": target} if target else wrong


async def _session(unit: Unit, named: str) -> Session | None:
    try:
        return await unit.sessions.get(UUID(named))
    except ValueError:
        return None


def _late(session: Session, by: Person, verb: str, args: Fields) -> str:
    """A button of a step that has its answer. The same press once more is none: it counts as the first one did."""
    step, current = number(args.get("step", "")), session.current
    if verb not in ("answer", "already_tried", "cannot_do") or step is None or current is None:
        return ""
    outcome = current.outcome
    if current.number == step and (
        outcome is None or (outcome.by, outcome.option) == (by.id, args.get("option"))
    ):
        return ""
    return say("teams.step_answered", step=step) if step <= current.number else ""


async def _sentence(unit: Unit, session: Session, refusal: str) -> str:
    """The words the worker would say, without the buttons."""
    card = cards.notice(refusal, await view_of(unit, session.id))
    return " ".join(block.text for block in card.blocks if isinstance(block, Text)).replace("*", "")


def times(session: Session, fields: Fields, now: datetime, zone: ZoneInfo) -> Wrong:
    """Times that cannot be read, and one for a pickup that has passed."""
    wrong: Wrong = {}
    began = session.created_at.replace(hour=0, minute=0)
    for name, base in (("remind_at", now), ("until", now), ("started_earlier", began)):
        if not fields.get(name, "").strip():
            continue
        try:
            moment = read_time(fields[name], base, zone)
        except TimeUnclear:
            wrong[name] = say("error.time")
        else:
            if name == "until" and moment <= now:
                wrong[name] = say("error.past")
    return wrong


async def _target(unit: Unit, session: Session, by: Person, fields: Fields) -> str:
    """A team or person of the menu that is gone, or oneself; what is typed instead the worker understands."""
    kind, _, given = fields.get("to", "").strip().partition(":")
    try:
        wanted = UUID(given)
    except ValueError:
        return ""
    if kind == "user" and wanted in (by.id, session.owner_id):
        return await _sentence(unit, session, "refused.self_escalation")
    if kind == "team":
        return "" if wanted in await unit.accounts.teams() else say("error.target")
    found = await unit.accounts.user(wanted) if kind == "user" else None
    return "" if found is not None and found.active else say("error.target")
