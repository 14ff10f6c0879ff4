"""Texts that a person edits in parts before a form: kept for him, and used only while they still fit the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from bot.text_parts import Part, digest, joined, split
from engine.documentation import Documentation, request_draft
from engine.history import History
from engine.posts import documentation_for
from engine.psa import ticket_from_json
from storage.store import Unit

TEXTS: Mapping[str, tuple[str, ...]] = {
    "resolution": ("summary", "fix", "verification", "customer", "technical"),
    "escalation": ("customer", "technical"),
}
"""The texts of each form, by the occasion it is for."""


@dataclass(frozen=True, slots=True)
class Edited:
    """One text in his hands. `was` is the digest of the composed text it began from; "" once he was told that
    the record has changed under it. `typed` is what he wrote into a part that was no longer there.
    """

    parts: tuple[Part, ...] = ()
    was: str = ""
    typed: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"was": self.was, "parts": [[p.text, p.after] for p in self.parts], "typed": self.typed}


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything one person has under way for one form. `fields`: a submission that was handed back to him;
    `secrets`: what is masked in the Session, and so in every text that is composed of it.
    """

    texts: Mapping[str, Edited] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def valid(self, composed: Documentation) -> dict[str, str]:
        """His texts whose composed text is still the one he began from."""
        return {
            name: joined(kept.parts)
            for name, kept in self.texts.items()
            if kept.was and kept.was == digest(getattr(composed, name))
        }

    def stale(self, composed: Documentation) -> tuple[str, ...]:
        """Texts he edited and does not know yet that they count no more."""
        return tuple(
            name
            for name, kept in self.texts.items()
            if kept.was and kept.was != digest(getattr(composed, name))
        )

    def told(self) -> tuple[str, ...]:
        """Texts of which he was told that they count no more."""
        return tuple(name for name, kept in self.texts.items() if not kept.was)

    def parts(self, name: str, composed: Documentation) -> tuple[Part, ...]:
        """The text as it stands for him now, in parts."""
        kept, text = self.texts.get(name), getattr(composed, name)
        return kept.parts if kept and kept.was == digest(text) else split(text)


def composed(history: History, occasion: str, secrets: Sequence[str] = ()) -> Documentation:
    """The texts as the form of that occasion draws them when nobody has touched them."""
    ticket = ticket_from_json(history.session.ticket) if history.session.ticket else None
    if occasion == "escalation":
        return request_draft(history, ticket, secrets)
    return documentation_for(history, ticket, "resolution", None, secrets)


async def kept(unit: Unit, user: UUID, session: UUID, occasion: str) -> Kept:
    """His own, of this Session and this occasion."""
    texts = {}
    for name in TEXTS[occasion]:
        if stored := await unit.drafts.latest(user, _kind(session, occasion, name)):
            parts = tuple(Part(text, after) for text, after in stored["parts"])
            texts[name] = Edited(parts, stored["was"], stored["typed"])
    fields = await unit.drafts.latest(user, _form(session, occasion)) or {}
    secrets = await unit.masks.secrets(session)
    return Kept(texts, {str(k): str(v) for k, v in fields.items()}, secrets)


async def keep(unit: Unit, user: UUID, session: UUID, occasion: str, name: str, edited: Edited) -> None:
    await unit.drafts.replace(user, _kind(session, occasion, name), edited.to_json())


async def hand_back(
    unit: Unit, user: UUID, session: UUID, occasion: str, fields: Mapping[str, str], stale: Sequence[str] = ()
) -> None:
    """A submission that could not count: his words are kept for the form that follows, stale texts let go."""
    for name in stale:
        await keep(unit, user, session, occasion, name, Edited())
    await unit.drafts.replace(user, _form(session, occasion), dict(fields))


async def used(unit: Unit, user: UUID, session: UUID, occasion: str) -> None:
    """They were submitted: nothing of them is kept here any longer."""
    kinds = (_kind(session, occasion, name) for name in TEXTS[occasion])
    await unit.drafts.drop(user, *kinds, _form(session, occasion))


def _kind(session: UUID, occasion: str, name: str) -> str:
    return f"text:{session}:{occasion}:{name}"


def _form(session: UUID, occasion: str) -> str:
    return f"form:{session}:{occasion}"
