"""A person's words as the front gives them to the verbs, on a real database."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from bot import console_door, saying, verbs
from bot.inbound import Inbound
from engine.ports import Act
from engine.session import Person, Session, Step
from storage.store import Unit
from tests.fakes import Office


async def inbound(
    unit: Unit,
    person: Person,
    session: Session | None,
    kind: Literal["say", "click", "submit"] = "say",
    **given: Any,
) -> Inbound:
    place = await console_door.home(unit, person.id)
    return Inbound(unit, person, place, kind, session=session, **given)


async def said(place: Office, person: Person, text: str, session: Session | None = None) -> list[Act]:
    async with place.store.transaction(place.account) as unit:
        return list(await saying.acts(await inbound(unit, person, session, text=text)))


async def clicked(
    place: Office, session: Session, verb: str, fields: dict[str, str] | None = None, **args: str
) -> list[Act]:
    async with place.store.transaction(place.account) as unit:
        asked = await inbound(
            unit,
            place.anna,
            session,
            "submit" if fields else "click",
            verb=verb,
            args=args,
            fields=fields or {},
        )
        return list(await verbs.acts(asked))


async def kept(place: Office, draft: UUID, person: Person) -> dict[str, Any] | None:
    async with place.store.transaction(place.account) as unit:
        return await unit.drafts.get(draft, person.id)


def current(session: Session) -> Step:
    assert session.current is not None
    return session.current
