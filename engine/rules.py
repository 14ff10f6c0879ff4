"""Who may do what to a Session: each rule gives the reason for a refusal, or None."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from engine.session import Escalation, Person, Session

Rule = Callable[[Session, Person, datetime], str | None]
"""Gives the key of the sentence that says why not; None where it is allowed."""

TEAM_MAY_HELP_AFTER = timedelta(minutes=30)


def anyone(session: Session, by: Person, now: datetime) -> str | None:
    """Any Technician of the Account who sees the thread."""
    return None


def owner_or_lead(session: Session, by: Person, now: datetime) -> str | None:
    return None if by.id == session.owner_id or by.is_lead else "refused.not_owner"


def worked_or_lead(session: Session, by: Person, now: datetime) -> str | None:
    """Whoever had his part in it: his time may be owed although another one owns the Session by now."""
    asked, clock = session.escalation, session.clock
    worked = {i.engineer for i in session.intervals} | {asked.requested_by if asked else session.owner_id}
    worked |= {clock.engineer} if clock else set()
    return None if by.id in worked else owner_or_lead(session, by, now)


def owner_only(session: Session, by: Person, now: datetime) -> str | None:
    return None if by.id == session.owner_id else "refused.same_engineer"


def lead_not_owner(session: Session, by: Person, now: datetime) -> str | None:
    if by.id == session.owner_id:
        return "refused.own_session"
    return None if by.is_lead else "refused.leads_take_over"


def requester_or_lead(session: Session, by: Person, now: datetime) -> str | None:
    return None if by.id == session.requester_id or by.is_lead else "refused.not_requester"


def not_requester(session: Session, by: Person, now: datetime) -> str | None:
    return "refused.own_escalation" if by.id == session.requester_id else None


def requester_only(session: Session, by: Person, now: datetime) -> str | None:
    return None if by.id == session.requester_id else "refused.not_requester"


def may_pick_up(session: Session, by: Person, now: datetime) -> str | None:
    """Anyone's: any Technician but the requester (or Leads only); a Team's: its members or a Lead; a named
    User's: he or a Lead, and his Team after 30 minutes or once he declined.
    """
    escalation = session.escalation
    if escalation is None:
        return "refused.no_escalation"
    if by.id in (escalation.requested_by, session.owner_id):
        return "refused.own_escalation"
    if by.is_lead:
        return None
    if escalation.to.user is not None:
        return _named(escalation, by, now)
    if escalation.to.team is not None:
        return None if escalation.to.team in by.team_ids else "refused.other_team"
    return "refused.leads_only" if escalation.leads_only else None


def _named(escalation: Escalation, by: Person, now: datetime) -> str | None:
    if by.id == escalation.to.user:
        return None
    waited = now - escalation.requested_at >= TEAM_MAY_HELP_AFTER
    declined = escalation.to.user in escalation.declined_by
    in_team = bool(escalation.to.user_teams & by.team_ids)
    if in_team and (waited or declined):
        return None
    return "refused.named_team_later" if in_team else "refused.named_other"
