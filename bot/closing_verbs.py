"""The verbs whose form is posted, resolve and escalate, and those that end a Session or settle its time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot import text_drafts, text_verbs
from bot.acts import Acts, event, filled, form, refused, tell, tell_of
from bot.inbound import Inbound, number
from bot.opening import shut
from bot.psa_door import zone_of
from bot.text_parts import MARK, mark
from bot.when import TimeUnclear, read_time
from engine import events
from engine.documentation import compose, edited
from engine.effects import ShowForm
from engine.ports import Act
from engine.psa import ticket_from_json
from engine.session import Session, Target

_YES = ("yes", "true", "1", "on")
_TEXTS = ("summary", "fix", "verification", "technical", "customer")
_OCCASION = {"resolve": "resolution", "escalate": "escalation"}


def _ticked(asked: Inbound, name: str) -> bool:
    return asked.fields.get(name, "").strip().casefold() in _YES


# ── Resolve ─────────────────────────────────────────────────────────────────────────────────────────────────


async def _resolve(asked: Inbound, session: Session) -> Acts:
    """The form is the review: what is submitted is what is posted, and what was edited in parts before it."""
    if not filled(asked, "summary") and not filled(asked, "fix"):
        return form(asked, session, "resolve")
    texts = await submitted(asked, session, "resolve")
    if not isinstance(texts, dict):
        return texts
    decided = await time_decisions(asked, session)
    if isinstance(decided, str):
        return await _handed_back(asked, session, "resolve", decided)
    resolved = events.Resolved(
        asked.person,
        texts.get("summary", "").strip(),
        texts.get("fix", "").strip(),
        await _documented(asked, session, texts),
    )
    await text_drafts.used(asked.unit, asked.person.id, session.id, "resolution")
    return (*decided, *event(session, resolved), *_rated(asked, session))


def _rated(asked: Inbound, session: Session) -> Acts:
    """The last field of the form; it counts by itself, after the end."""
    rating = number(asked.fields.get("rating", ""))
    return () if rating is None else event(session, events.Rated(asked.person, rating))


async def _documented(asked: Inbound, session: Session, texts: Mapping[str, str]) -> dict[str, Any]:
    """The texts as he left them: what he changed stands, and the texts he did not touch follow his changes."""
    history = await asked.unit.sessions.history(session.id)
    if history is None:
        return reviewed(asked, texts)
    ticket = ticket_from_json(session.ticket) if session.ticket else None
    secrets = await asked.unit.masks.secrets(session.id)
    drawn = await asyncio.to_thread(compose, history, ticket, "resolution", secrets)
    return {**reviewed(asked, texts), **edited(drawn, texts).to_json()}


async def submitted(asked: Inbound, session: Session, verb: str) -> dict[str, str] | Acts:
    """The texts of a form as they count: its own fields first, then what he edited in parts.

    Acts instead where it cannot count yet: the engine would refuse it, or the record has changed under his
    edits. Then his words are kept, and the next form says so.
    """
    occasion = _OCCASION[verb]
    if (why := shut(verb, session, asked.person, asked.unit.now)) is not None:
        return refused(asked, session, why)
    found = await text_verbs.before(asked, session, occasion)
    if found is None:
        return tell_of(asked, session, "gone")
    kept, composed = found
    given = {name: asked.fields[name] for name in _TEXTS if name in asked.fields and _touched(asked, name)}
    if stale := [name for name in kept.stale(composed) if name not in given]:
        await text_drafts.hand_back(asked.unit, asked.person.id, session.id, occasion, asked.fields, stale)
        return form(asked, session, verb)
    # A fix too long for an input is not among the fields, and stands all the same.
    unseen = ("summary", "fix") if verb == "resolve" and asked.kind == "submit" else ()
    whole = {name: getattr(composed, name) for name in unseen}
    return {**whole, **kept.valid(composed), **given}


def _touched(asked: Inbound, name: str) -> bool:
    """A text left as it was drawn is no edit, whatever was added to the record since: it is drawn anew."""
    drawn_as = asked.args.get(f"{MARK}{name}")
    return drawn_as is None or mark(asked.fields[name]) != drawn_as


async def _handed_back(asked: Inbound, session: Session, verb: str, why: str) -> Acts:
    """A time nobody can read: the sentence, and the form again with his words in it."""
    person = asked.person.id
    await text_drafts.hand_back(asked.unit, person, session.id, _OCCASION[verb], asked.fields)
    return (*tell_of(asked, session, why), Act(session.id, effects=(ShowForm(to=person, form=verb),)))


def reviewed(asked: Inbound, texts: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The submitted form as the documentation keeps it: edited texts, ticks, and minutes per time entry."""
    given = asked.fields
    minutes = {
        name: found
        for name, value in given.items()
        if name.startswith("time:") and (found := number(value, 4)) is not None
    }
    return {
        **{name: value for name, value in (given if texts is None else texts).items() if name in _TEXTS},
        "status_confirmed": _ticked(asked, "status_confirmed"),
        "long_time_confirmed": _ticked(asked, "long_time_confirmed"),
        "post_time": _ticked(asked, "post_time") if "post_time" in given else True,
        "minutes": minutes,
    }


# ── Escalate ────────────────────────────────────────────────────────────────────────────────────────────────


async def _escalate(asked: Inbound, session: Session) -> Acts:
    if not filled(asked, "reason"):
        return form(asked, session, "escalate")
    target = await _target(asked)
    if target is None:
        return tell(asked, "no_such_person")
    given, reviewed_as = asked.fields, None
    if asked.kind == "submit":
        texts = await submitted(asked, session, "escalate")
        if not isinstance(texts, dict):
            return texts
        reviewed_as = reviewed(asked, texts)
    decided = await time_decisions(asked, session)
    if isinstance(decided, str):
        return await _handed_back(asked, session, "escalate", decided)
    settings = await asked.unit.accounts.settings()
    requested = events.EscalationRequested(
        asked.person,
        given["reason"].strip(),
        target,
        given.get("blockers", "").strip(),
        given.get("promised", "").strip(),
        leads_only=bool(settings.get("leads_only")),
        documentation=reviewed_as,
    )
    await text_drafts.used(asked.unit, asked.person.id, session.id, "escalation")
    return (*decided, *event(session, requested))


async def _target(asked: Inbound) -> Target | None:
    """Anyone, a Team or a person, by id from a form or by name as typed; None where nobody fits."""
    given = asked.fields.get("to", "").strip()
    if not given or given.casefold() in ("anyone", "any", "anybody"):
        return Target()
    kind, _, value = given.partition(":")
    name = (value if kind in ("team", "user") else given).strip().casefold().lstrip("@")
    for team_id, team in (await asked.unit.accounts.teams()).items():
        if name in (str(team_id), team.casefold()):
            return Target(team=team_id, name=team)
    fits = [
        user
        for user in await asked.unit.accounts.users()
        if name
        in (
            str(user.id),
            user.name.casefold(),
            user.name.casefold().split(" ")[0],
            (user.email or "").casefold(),
        )
    ]
    if len(fits) != 1:
        return None
    return Target(user=fits[0].id, name=fits[0].name, user_teams=fits[0].team_ids)


# ── Time, and the other ends ────────────────────────────────────────────────────────────────────────────────


async def time_decisions(asked: Inbound, session: Session) -> list[Act] | str:
    """Gaps counted or dropped in the form, and an earlier start; a sentence's key where a time is unclear."""
    found = []
    for name, value in asked.fields.items():
        if name.startswith("gap:") and value in ("count", "drop"):
            start = _moment(name.split(":", 2)[-1])
            if start is not None:
                found.append(Act(session.id, events.TimeConfirmed(asked.person, start, value == "count")))
    earlier = asked.fields.get("started_earlier", "").strip()
    if earlier:
        zone = zone_of(await asked.unit.accounts.settings())
        try:
            start = read_time(earlier, session.created_at.replace(hour=0, minute=0), zone)
        except TimeUnclear:
            return "time_unclear"
        found.append(Act(session.id, events.TimeConfirmed(asked.person, start, True, started_earlier=True)))
    return found


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


async def _abandon(asked: Inbound, session: Session) -> Acts:
    if "reason" not in asked.fields:
        return form(asked, session, "abandon")
    return event(session, events.Abandoned(asked.person, asked.fields["reason"].strip()))


async def _rate(asked: Inbound, session: Session) -> Acts:
    rating = number(asked.fields.get("rating", "") or asked.args.get("rating", ""))
    if rating is None:
        return form(asked, session, "rate" if session.rating is None else "rate:again")
    return event(session, events.Rated(asked.person, rating, asked.fields.get("feedback", "").strip()))


async def _retry(asked: Inbound, session: Session) -> Acts:
    return event(session, events.PushRetried(asked.person, closing=bool(asked.args.get("closing"))))


async def _decide_time(asked: Inbound, session: Session) -> Acts:
    start = _moment(asked.args.get("start", ""))
    if start is None:
        return tell_of(asked, session, "refused.no_such_gap")
    return event(session, events.TimeConfirmed(asked.person, start, asked.verb == "count_time"))


VERBS = {
    "resolve": _resolve,
    "escalate": _escalate,
    "abandon": _abandon,
    "rate": _rate,
    "retry": _retry,
    "count_time": _decide_time,
    "drop_time": _decide_time,
}
