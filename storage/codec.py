"""Turns Sessions, Steps, Notes and Intervals into rows and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from engine.session import (
    Escalation,
    Hypothesis,
    Intake,
    IntakeType,
    Interval,
    Json,
    Note,
    NoteKind,
    Pause,
    RunningClock,
    Session,
    Status,
    Step,
    Turn,
)


@dataclass(frozen=True, slots=True)
class State:
    """What of a Session has no column of its own: `ai_sessions.state`."""

    stand: dict[str, Any] = field(default_factory=dict)
    hypotheses: tuple[Hypothesis, ...] = ()
    turn: Turn = field(default_factory=Turn)
    clock: RunningClock | None = None
    pause: Pause | None = None
    escalation: Escalation | None = None
    documentation: dict[str, Any] | None = None
    draft: dict[str, Any] | None = None
    ticket_problem: str = ""
    epoch: int = 0
    time_box_offered: bool = False


_STATE: TypeAdapter[State] = TypeAdapter(State)
_STEP: TypeAdapter[Step] = TypeAdapter(Step)


def storable(value: Any) -> Any:
    """The same value without what PostgreSQL refuses in texts: NULs and half characters."""
    match value:
        case str():
            if value.isascii() and "\x00" not in value:
                return value
            return value.replace("\x00", "").encode("utf-8", "replace").decode()
        case Mapping():
            return {storable(name): storable(inner) for name, inner in value.items()}
        case list() | tuple():
            return [storable(inner) for inner in value]
        case _:
            return value


def session_row(session: Session) -> dict[str, Any]:
    """The columns of `ai_sessions` that a move may change, and those written once."""
    escalation = session.escalation
    row: dict[str, Any] = storable(_session_columns(session, escalation))
    return row


def _session_columns(session: Session, escalation: Escalation | None) -> dict[str, Any]:
    return {
        "id": session.id,
        "user_id": session.owner_id,
        "account_id": session.account_id,
        "team_id": session.team_id,
        "intake_type": session.intake.type.value,
        "intake_content": _intake_json(session.intake),
        "problem_summary": session.problem_summary,
        "problem_domain": session.problem_domain,
        "status": session.status.value,
        "confidence_tier": session.tier.value,
        "confidence_score": session.confidence,
        "matched_flow_id": session.flow_id,
        "match_score": session.match_score,
        "psa_ticket_id": session.ticket_id,
        "psa_connection_id": session.connection_id,
        "ticket_data": session.ticket,
        "resolution_summary": session.resolution_summary,
        "resolution_action": session.resolution_action,
        "escalation_reason": escalation.reason if escalation else "",
        "escalation_package": session.package,
        "escalated_to_id": escalation.to.user if escalation else None,
        "escalated_to_team_id": escalation.to.team if escalation else None,
        "escalation_requested_by_id": escalation.requested_by if escalation else None,
        "session_rating": session.rating,
        "session_feedback": session.feedback,
        "step_count": session.step_count,
        "created_at": session.created_at,
        "updated_at": session.updated_at,
        "resolved_at": session.resolved_at,
        "version": session.version,
        "parent_session_id": session.parent_id,
        "state": _state_json(session),
    }


def _intake_json(intake: Intake) -> dict[str, Any]:
    return {
        "text": intake.text,
        "image_urls": list(intake.image_urls),
        "log_content": intake.log_content,
        "log_digest": intake.log_digest,
        "ticket_data": {"id": intake.ticket_id} if intake.ticket_id else None,
        "tried": list(intake.tried),
    }


def _state_json(session: Session) -> dict[str, Any]:
    state = State(
        stand=dict(session.stand),
        hypotheses=session.hypotheses,
        turn=session.turn,
        clock=session.clock,
        pause=session.pause,
        escalation=session.escalation,
        documentation=dict(session.documentation) if session.documentation is not None else None,
        draft=dict(session.draft) if session.draft is not None else None,
        ticket_problem=session.ticket_problem,
        epoch=session.epoch,
        time_box_offered=session.time_box_offered,
    )
    dumped: dict[str, Any] = _STATE.dump_python(state, mode="json")
    return dumped


def session_from(
    row: Mapping[str, Any], last: Mapping[int, Step], intervals: tuple[Interval, ...]
) -> Session:
    """A Session from its row, its last Steps by number (newest is current) and its intervals."""
    state = _STATE.validate_python(row["state"])
    content = row["intake_content"]
    current = last.get(row["step_count"])
    before = last.get(row["step_count"] - 1)
    return Session(
        id=row["id"],
        account_id=row["account_id"],
        owner_id=row["user_id"],
        intake=Intake(
            type=IntakeType(row["intake_type"]),
            text=content.get("text", ""),
            image_urls=tuple(content.get("image_urls", ())),
            log_content=content.get("log_content", ""),
            log_digest=content.get("log_digest", ""),
            ticket_id=(content.get("ticket_data") or {}).get("id"),
            tried=tuple(content.get("tried", ())),
        ),
        status=Status(row["status"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        team_id=row["team_id"],
        parent_id=row["parent_session_id"],
        problem_summary=row["problem_summary"],
        problem_domain=row["problem_domain"],
        confidence=row["confidence_score"],
        flow_id=row["matched_flow_id"],
        match_score=row["match_score"],
        stand=state.stand,
        hypotheses=state.hypotheses,
        step_count=row["step_count"],
        current=current,
        previous=before if before and before.counts else None,
        turn=state.turn,
        ticket_id=row["psa_ticket_id"],
        connection_id=row["psa_connection_id"],
        ticket=row["ticket_data"],
        ticket_problem=state.ticket_problem,
        clock=state.clock,
        intervals=intervals,
        pause=state.pause,
        escalation=state.escalation,
        package=row["escalation_package"],
        documentation=state.documentation,
        draft=state.draft,
        resolution_summary=row["resolution_summary"],
        resolution_action=row["resolution_action"],
        rating=row["session_rating"],
        feedback=row["session_feedback"],
        resolved_at=row["resolved_at"],
        epoch=state.epoch,
        time_box_offered=state.time_box_offered,
        version=row["version"],
    )


def step_row(session: Session, step: Step) -> dict[str, Any]:
    outcome = step.outcome
    row: dict[str, Any] = {
        "session_id": session.id,
        "account_id": session.account_id,
        "number": step.number,
        "kind": step.kind.value,
        "flow_node": step.flow_node,
        "manner": outcome.manner.value if outcome else None,
        "answered_by_id": outcome.by if outcome else None,
        "proposed_at": step.proposed_at,
        "answered_at": outcome.at if outcome else None,
        "content": storable(_STEP.dump_python(step, mode="json")),
    }
    return row


def step_from(content: Json) -> Step:
    return _STEP.validate_python(content)


def note_row(session: Session, note: Note) -> dict[str, Any]:
    return {
        "session_id": session.id,
        "account_id": session.account_id,
        "kind": note.kind.value,
        "text": storable(note.text),
        "by_id": note.by,
        "at": note.at,
        "step": note.step,
        "log_digest": storable(note.log_digest),
        "log_content": storable(note.log_content),
    }


def note_from(row: Mapping[str, Any]) -> Note:
    return Note(
        NoteKind(row["kind"]),
        row["text"],
        row["by_id"],
        row["at"],
        row["step"],
        row["log_digest"],
        row["log_content"],
    )


def interval_row(session: Session, number: int, interval: Interval) -> dict[str, Any]:
    return {
        "session_id": session.id,
        "account_id": session.account_id,
        "number": number,
        "user_id": interval.engineer,
        "started_at": interval.start,
        "ended_at": interval.end,
        "confirmed": interval.confirmed,
    }


def interval_from(row: Mapping[str, Any]) -> Interval:
    return Interval(row["user_id"], row["started_at"], row["ended_at"], row["confirmed"])
