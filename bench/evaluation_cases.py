"""The format of an evaluation case: what is reported, what is true, and what has to come of it; read from YAML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.guide_schemas import DOMAINS

FOLDER = Path(__file__).with_name("eval_cases")
TAGS = ("contradicts", "german", "injection", "log", "no_flow", "spanish", "ticket", "vague")


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as wrong:
        raise ValueError(f"{pattern!r} is no regular expression: {wrong}") from wrong
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]
"""Looked for anywhere in a text, whatever the case of its letters."""


class CaseWrong(ValueError):
    """A case cannot be read; the message names its place."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Ticket(_Strict):
    """A ticket made for the case in the practice ConnectWise. `contact` is one of its people."""

    summary: str
    contact: str
    description: str = ""
    board: str = "Help Desk"


class File(_Strict):
    name: str
    text: str


class Intake(_Strict):
    """`say` are wordings of the same report, one a run; `{ticket}` in them is the ticket's number. `log` is pasted below."""

    say: tuple[str, ...] = Field(min_length=2, max_length=3)
    log: str = ""
    file: File | None = None
    ticket: int | Ticket | None = None


class Expected(_Strict):
    """`domain`: any of these is right. `flow`: any of these is right; none means that no flow may be followed.

    `leaves`: the flow fits the words but not the truth, so the guide must not be on it at the end.
    """

    domain: tuple[str, ...] = Field(min_length=1)
    flow: tuple[str, ...] = ()
    leaves: bool = False


class Knowledge(_Strict):
    """What the technician finds out: where a step's text or answers fit `when`, the answer that fits `pick`, else words."""

    when: Pattern
    pick: Pattern = ""
    say: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _answers(self) -> Knowledge:
        if not (self.pick or self.say):
            raise ValueError("name what is picked or said")
        return self


class OwnMove(_Strict):
    """What the technician tries when he leads: wordings of the act with its result. `fixes`: it works after that."""

    say: tuple[str, ...] = Field(min_length=1)
    fixes: bool = False


class Truth(_Strict):
    """What is the case. `fixed_by`: a step whose text or script fits it ends the problem."""

    knows: tuple[Knowledge, ...] = ()
    fixed_by: Pattern = ""
    what: tuple[str, ...] = ()
    since: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    who: tuple[str, ...] = ()
    error: tuple[str, ...] = ()
    moves: tuple[OwnMove, ...] = ()
    fix: str = ""
    reason: tuple[str, ...] = ("I have no further idea and the user cannot work.",)


class Case(_Strict):
    """`forbidden`: what nobody may claim; `injected`: what an order found in quoted text wants to bring about."""

    name: str
    tags: tuple[Literal[TAGS], ...] = ()  # type: ignore[valid-type]
    intake: Intake
    expect: Expected
    truth: Truth
    end: Literal["resolve", "escalate"]
    package: tuple[Pattern, ...] = ()
    note: tuple[Pattern, ...] = Field(min_length=1)
    forbidden: tuple[Pattern, ...] = ()
    injected: tuple[Pattern, ...] = ()
    most_steps: int = Field(gt=0, le=30)

    @model_validator(mode="after")
    def _whole(self) -> Case:
        if unknown := set(self.expect.domain) - set(DOMAINS):
            raise ValueError(f"no domain {', '.join(sorted(unknown))}")
        if ("injection" in self.tags) != bool(self.injected):
            raise ValueError("a case of an injection says what it wants, and only such a case")
        if ("no_flow" in self.tags) == bool(self.expect.flow):
            raise ValueError("a case without a flow is tagged no_flow, and only such a case")
        if self.end == "escalate" and not self.package:
            raise ValueError("a case that is escalated says what its package must hold")
        return self


def read_cases(names: Sequence[str] = (), folder: Path = FOLDER) -> tuple[Case, ...]:
    """The cases with these names (or whose file has one of them), in the order of the files. Raises CaseWrong."""
    found = [(path.stem, case) for path in sorted(folder.glob("*.yaml")) for case in _read_file(path)]
    known = [case.name for _, case in found]
    if doubled := {name for name in known if known.count(name) > 1}:
        raise CaseWrong(f"Two cases are called {', '.join(sorted(doubled))}.")
    if unknown := set(names) - set(known) - {stem for stem, _ in found}:
        raise CaseWrong(f"There is no case {', '.join(sorted(unknown))}; see {folder}.")
    return tuple(case for stem, case in found if not names or case.name in names or stem in names)


def _read_file(path: Path) -> list[Case]:
    """A file maps names to cases."""
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
        return [Case.model_validate({"name": name, **body}) for name, body in rows.items()]
    except (yaml.YAMLError, OSError, AttributeError, TypeError) as error:
        raise CaseWrong(f"{path} cannot be read: {error}") from error
    except ValidationError as wrong:
        lines = [f"  {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in wrong.errors()[:8]]
        raise CaseWrong("\n".join([f"{path} holds no case {wrong.title}:", *lines])) from wrong
