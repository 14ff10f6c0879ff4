"""The format of a case: a story on a sample ticket, written as steps of several people, read from YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bot.practice import PEOPLE, PracticeError

ACTS = ("say", "paste", "file", "answer", "click", "submit", "expect", "wait_for", "psa", "home")
LONGEST = 120.0
SENTENCES = {
    "say": "says: {}",
    "paste": "pastes the text of {}",
    "file": "sends the file {}",
    "answer": "answers: {}",
    "click": "presses: {}",
    "submit": "submits the form: {}",
    "expect": "sees: {}",
    "wait_for": "waits for: {}",
    "psa": "ConnectWise is now: {}",
    "home": "leaves the thread",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Submit(_Strict):
    """A form filled in: what stands in `fields` replaces what is prefilled."""

    verb: str
    fields: dict[str, str] = {}


class Expect(_Strict):
    """A card that the person sees: its kind, words it holds, words it does not hold, and where."""

    card: str = ""
    contains: str = ""
    lacks: str = ""
    place: Literal["thread", "direct", "escalations", ""] = ""


class Push(_Strict):
    """One part owed to ConnectWise. `held` true: it waits for a person."""

    kind: str
    state: str = "posted"
    problem: str = ""
    held: bool | None = None


class WaitFor(_Strict):
    """What the Session in focus, its pushes and its ticket have to come to. All that is named must hold."""

    status: str = ""
    step: int = 0
    push: Push | None = None
    pushes: Literal["posted", ""] = ""
    ticket_status: str = ""
    ticket_owner: str = ""
    ticket_notes_hold: str = ""


class Act(_Strict):
    """One step of a case: one act of one person, who stays the same until another is named.

    `paste` names a file whose text is pasted, `file` one that is sent; `psa` is a fault of the practice
    ConnectWise, or `up`; `home` leaves the thread. `within`: seconds until a step that waits has failed.
    """

    who: Literal["anna", "ben", "carla", ""] = Field("", alias="as")
    say: str = ""
    paste: str = ""
    file: str = ""
    answer: str = ""
    click: str = ""
    submit: Submit | None = None
    expect: Expect | None = None
    wait_for: WaitFor | None = None
    psa: Literal["up"] | dict[str, Any] | None = None
    home: bool = False
    within: float = Field(30.0, gt=0, le=LONGEST)

    @model_validator(mode="after")
    def _one_act(self) -> Act:
        if len([name for name in ACTS if getattr(self, name)]) != 1:
            raise ValueError(f"name exactly one of: {', '.join(ACTS)}")
        return self

    @property
    def sentence(self) -> str:
        """What the step is, for a transcript and for the report of a failure."""
        name = next(name for name in ACTS if getattr(self, name))
        given = getattr(self, name)
        if isinstance(given, BaseModel):
            given = given.model_dump(exclude_defaults=True)
        if isinstance(given, dict):
            given = ", ".join(f"{key}: {value}" for key, value in given.items())
        return SENTENCES[name].format(given)


class Case(_Strict):
    """`ticket` is the sample ticket that is read back at the end."""

    title: str
    story: str
    ticket: int
    steps: tuple[Act, ...] = Field(min_length=1)


def read_case(path: Path) -> Case:
    """Raises PracticeError with the place of the mistake."""
    try:
        return Case.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError as missing:
        raise PracticeError(f"There is no case {path}. See demo/cases/.") from missing
    except (yaml.YAMLError, OSError) as error:
        raise PracticeError(f"{path} cannot be read: {error}") from error
    except ValidationError as wrong:
        lines = [f"  {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in wrong.errors()[:8]]
        raise PracticeError("\n".join([f"{path} is not a case:", *lines])) from wrong


__all__ = ["ACTS", "PEOPLE", "Act", "Case", "Expect", "Push", "Submit", "WaitFor", "read_case"]
