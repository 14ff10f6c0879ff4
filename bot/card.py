"""What is shown, before any platform draws it: cards of blocks, choices and forms, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

Tone = Literal["plain", "muted", "warning", "good"]
Kind = Literal["session", "step", "step_done", "escalation", "notice", "form", "list"]


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; `*stars*` around words mean emphasis, nothing else is markup."""

    text: str
    tone: Tone = "plain"
    block: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class Fields:
    """Label and value pairs, drawn as a small table. A value may name a link as (text, url)."""

    pairs: tuple[tuple[str, str], ...]
    links: Mapping[str, str] = field(default_factory=dict)
    block: Literal["fields"] = "fields"


@dataclass(frozen=True, slots=True)
class Bullets:
    title: str
    items: tuple[str, ...]
    block: Literal["bullets"] = "bullets"


@dataclass(frozen=True, slots=True)
class Code:
    """A script to copy; `risk` is said beside it in words."""

    text: str
    language: str = ""
    risk: str = ""
    block: Literal["code"] = "code"


Block = Text | Fields | Bullets | Code


@dataclass(frozen=True, slots=True)
class Choice:
    """A button. `args` are ids; `more`: it stands under "More"; `confirm` asks before it counts. `form`: the form that
    it opens, where a platform shows forms inside the card itself.
    """

    label: str
    verb: str
    args: Mapping[str, str] = field(default_factory=dict)
    style: Literal["plain", "primary", "danger"] = "plain"
    more: bool = False
    confirm: str = ""
    form: Card | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One input of a form. `options` are (value, label); `kind` time is HH:MM or a date and time in words.

    ticket: a number, found by searching where a platform can (the label of a given `value` may be its only option);
    channel: a platform's channel id; file: files joined by commas, nothing where there is no way to give one.
    """

    name: str
    label: str
    kind: Literal["text", "long_text", "choice", "tick", "time", "ticket", "channel", "file"] = "text"
    value: str = ""
    options: tuple[tuple[str, str], ...] = ()
    required: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """What is filled in; submitting it is the verb with `args` and the fields' values."""

    verb: str
    fields: tuple[Field, ...]
    submit: str
    args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Card:
    """`title` is one line. A card is posted once under a key and edited in place after that.

    `calls` are people it calls by name, as (platform, workspace, id there): where they are notified of it, they are.
    `box`: what words typed beside the card belong to, `session` and `step`; empty where none are asked for. `ai`: a
    language model wrote some of it.
    """

    kind: Kind
    title: str = ""
    blocks: tuple[Block, ...] = ()
    choices: tuple[Choice, ...] = ()
    form: Form | None = None
    tone: Tone = "plain"
    calls: tuple[tuple[str, str, str], ...] = ()
    box: Mapping[str, str] = field(default_factory=dict)
    ai: bool = False


_CARD: TypeAdapter[Card] = TypeAdapter(Card)


def to_json(card: Card) -> dict[str, Any]:
    dumped: dict[str, Any] = _CARD.dump_python(card, mode="json")
    return dumped


def from_json(stored: Mapping[str, Any]) -> Card:
    return _CARD.validate_python(dict(stored))
