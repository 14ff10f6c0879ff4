"""What most verbs come down to: a private sentence, a list, an event, or a form if it is open to the one who asks."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from bot.inbound import Inbound
from bot.opening import shut
from engine.effects import Owed, Show, ShowCard, ShowForm, Tell
from engine.events import Event
from engine.ports import Act
from engine.session import Session

Acts = Sequence[Act]


def tell(asked: Inbound, what: str) -> Acts:
    """A private sentence that belongs to no Session."""
    shown = Show(to=asked.person.id, what=f"notice:{what}", place=asked.place.id)
    return (Act(asked.person.id, effects=(shown,)),)


def tell_of(asked: Inbound, session: Session, what: str) -> Acts:
    """A private sentence about a Session."""
    return (Act(session.id, effects=(Tell(to=asked.person.id, what=what),)),)


def refused(asked: Inbound, session: Session, why: str) -> Acts:
    """As the engine refuses: the sentence, and the card as it is now, for what he pressed may be an old one."""
    return (Act(session.id, effects=(Tell(to=asked.person.id, what=why), ShowCard())),)


def show(asked: Inbound, what: str, session: UUID | None = None, draft: UUID | None = None) -> Acts:
    shown = Show(to=asked.person.id, what=what, place=asked.place.id, session=session, draft=draft)
    return (Act(asked.person.id, effects=(shown,)),)


def event(session: Session, happened: Event, *effects: Owed) -> Acts:
    return (Act(session.id, happened, effects),)


def form(asked: Inbound, session: Session, name: str) -> Acts:
    """The form, or why it would be of no use to fill it in."""
    why = shut(name, session, asked.person, asked.unit.now)
    if why is not None:
        return refused(asked, session, why)
    return (Act(session.id, effects=(ShowForm(to=asked.person.id, form=name),)),)


def filled(asked: Inbound, *names: str) -> bool:
    return all(asked.fields.get(name, "").strip() for name in names)
