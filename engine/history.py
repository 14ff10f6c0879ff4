"""A whole Session as it is read back: every Step and Note, and the names of the people in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from engine.session import Fact, Hypothesis, HypothesisState, Note, Session, Step


@dataclass(frozen=True, slots=True)
class History:
    """`names` covers everyone who owned, answered or noted something here."""

    session: Session
    steps: tuple[Step, ...] = ()
    notes: tuple[Note, ...] = ()
    names: Mapping[UUID, str] = field(default_factory=dict)

    @property
    def done(self) -> tuple[Step, ...]:
        """The Steps that belong to what was really done, in order."""
        return tuple(step for step in self.steps if step.counts)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Each confirmed fact once, with the Step it came from first."""
        found: dict[str, Fact] = {}
        for step in self.done:
            for fact in step.learned:
                found.setdefault(fact.text, fact)
        return tuple(found.values())

    @property
    def ruled_out(self) -> tuple[Fact, ...]:
        """Each cause ruled out, with the Step that ruled it out."""
        found: dict[str, Fact] = {}
        for step in self.done:
            for cause in step.ruled_out:
                found.setdefault(cause, Fact(cause, step.number))
        return tuple(found.values())

    @property
    def open_hypotheses(self) -> tuple[Hypothesis, ...]:
        return tuple(h for h in self.session.hypotheses if h.state is HypothesisState.OPEN)

    def name(self, person: UUID | None) -> str:
        return self.names.get(person, "a former user") if person else "FlowPilot"
