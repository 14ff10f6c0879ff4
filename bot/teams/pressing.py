"""What follows from a press on a card in Teams: a button, a form inside it, or the box for words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from bot.card import Card, from_json
from bot.commands import parse
from bot.console_reading import session_of
from bot.forms_opened import opens
from bot.inbound import Inbound
from bot.starting import started_by
from bot.teams import addresses, asked, clicks, members
from bot.teams.clicks import Pressed
from bot.teams.fetching import WantsSpent
from bot.teams.reach import chosen_in
from bot.teams.scene import Scene, home, inbound, moved, notice, origin
from bot.teams.threads import pressed_in
from bot.words import say
from engine.effects import Show
from engine.ports import Act
from engine.session import OPEN, Session
from storage.places import Message, Place

STARTS = frozenset({"start", "start_anyway", "follow_up"})
"""Clicks and forms after which a Session may begin."""
OF_ITS_STEP = frozenset({"already_tried", "cannot_do"})
"""Commands that answer the Step on the table."""
ANSWERED_PRIVATELY = ("told:", "shown:", "form:")
ONCE = timedelta(seconds=60)
"""Teams sends a press again under a new id when it was not answered in time; an equal one within this is that."""
SHOWN_ONCE = timedelta(seconds=15)
"""For what only shows something: whoever asks again later wants to see it again."""
ADDS = frozenset({clicks.SAY, "note", "evidence", "advise", "rate", "add_to", *STARTS})
"""What would be there twice. Every other press is refused by the state it would change, and may be wanted again once
he pressed something else: pause, resume, pause.
"""
SHOWS = frozenset(
    {"status", "path", "catch_up", "receipt", "copy", "mine", "queue", "tickets", "time", "help", "open"}
)


async def press(scene: Scene) -> Inbound | Sequence[Act] | None:
    pressed = scene.word.pressed
    if pressed is None or await _pressed_before(scene, pressed):
        return None
    await _spent(scene, pressed)
    if pressed.verb == clicks.SAY:
        return await _boxed(scene, pressed)
    place = await pressed_in(scene.unit, scene.word)
    session = await session_of(scene.unit, place or scene.own, pressed.args.get("session"))
    if pressed.verb in (clicks.SEARCH, clicks.BACK):
        return await _searched(scene, pressed, place, session)
    return await _chosen(scene, pressed, place, session)


async def _chosen(
    scene: Scene, pressed: Pressed, place: Place | None, session: Session | None
) -> Inbound | Sequence[Act]:
    word, unit = scene.word, scene.unit
    kind = "submit" if pressed.submitted else "click"
    fields = pressed.fields
    if pressed.verb == "settings" and pressed.submitted:
        fields = await chosen_in(unit, word.tenant, fields)
    given: dict[str, Any] = {"verb": pressed.verb, "args": pressed.args, "fields": fields, "session": session}
    if pressed.verb not in STARTS:
        return await inbound(scene, kind, place=place, **given)
    draft = pressed.args.get("draft")
    # Words that were kept start one Session, however often their button is pressed.
    starts = f"{addresses.PLATFORM}:{word.tenant}:{draft}" if draft else origin(word, word.activity)
    begun = await unit.sessions.get(started_by(starts))
    if begun is not None:
        return await inbound(scene, "click", verb="status", session=begun)
    address, thread, why = await _home(scene, pressed)
    found = await inbound(scene, kind, place=place, home=address, home_thread=thread, origin=starts, **given)
    return moved(scene, found, why)


async def _home(scene: Scene, pressed: Pressed) -> tuple[tuple[str, str, str], str, str]:
    """What he was offered in his own chat starts where he asked for it."""
    there = None
    if scene.word.kind_of_conversation == "personal":
        if draft := _uuid(pressed.args.get("draft", "")):
            there = await asked.with_draft(scene.unit, scene.person.id, draft)
        elif pressed.verb == "start" and await _is_a_form(scene):
            there = await asked.lately(scene.unit, scene.person.id)
    return (*there, "") if there is not None else await home(scene)


async def _is_a_form(scene: Scene) -> bool:
    """Whether he pressed on a form that he was sent, and not on one that stands in some list."""
    found = await _card(scene)
    return found is not None and found[1].card.get("kind") == "form"


async def _card(scene: Scene) -> tuple[Place, Message] | None:
    """What was pressed on."""
    word = scene.word
    if not word.reply_to:
        return None
    ref = addresses.ref(word.conversation, word.reply_to)
    return await scene.unit.places.by_ref(addresses.PLATFORM, word.tenant, ref)


def _uuid(given: str) -> UUID | None:
    try:
        return UUID(given)
    except ValueError:
        return None


async def _pressed_before(scene: Scene, pressed: Pressed) -> bool:
    """Whether the same was pressed a moment ago."""
    word, unit = scene.word, scene.unit
    what: list[Any] = [word.conversation, word.root, word.person, word.reply_to, pressed.verb]
    what += [sorted(pressed.args.items()), sorted(pressed.fields.items())]
    digest = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:32]
    there = hashlib.sha256(f"{word.conversation}{word.root}".encode()).hexdigest()[:32]
    heard, last = f"heard:{digest}", f"pressed:{there}"
    before = await unit.drafts.latest(scene.person.id, heard)
    latest = await unit.drafts.latest(scene.person.id, last)
    await unit.drafts.replace(scene.person.id, last, {"digest": digest})
    if before is not None:
        age = unit.now - datetime.fromisoformat(str(before["at"]))
        in_a_row = latest is not None and latest["digest"] == digest
        if age < (SHOWN_ONCE if pressed.verb in SHOWS else ONCE) and (in_a_row or pressed.verb in ADDS):
            return True
    await unit.drafts.replace(scene.person.id, heard, {"at": unit.now.isoformat()})
    return False


async def _boxed(scene: Scene, pressed: Pressed) -> Inbound | Sequence[Act]:
    """Words from the box of a card. They answer the Step they were written under, and no other: those of an older one
    are kept as evidence.
    """
    word, unit, text = scene.word, scene.unit, pressed.fields.get("text", "").strip()
    place = await pressed_in(unit, word)
    session = await session_of(unit, place or scene.own, pressed.args.get("session"))
    if session is None:
        return notice(scene, "gone")
    if not text:
        return await inbound(scene, "click", verb="status", place=place, session=session)
    if not _is_late(session, pressed, text):
        return await inbound(scene, "say", text=text, place=place, session=session)
    shown = Show(to=scene.person.id, what="notice:evidence_kept", place=scene.own.id, session=session.id)
    also = (Act(scene.person.id, effects=(shown,)),)
    return await inbound(
        scene, "click", verb="evidence", fields={"text": text}, place=place, session=session, also=also
    )


def _is_late(session: Session, pressed: Pressed, text: str) -> bool:
    """Whether the box belongs to another Step than the one on the table. What is asked for in a word counts anyhow."""
    command = parse(text)
    if session.status not in OPEN or (command is not None and command.verb not in OF_ITS_STEP):
        return False
    current = str(session.current.number) if session.current is not None else ""
    return pressed.args.get("step", "") != current


async def _searched(
    scene: Scene, pressed: Pressed, place: Place | None, session: Session | None
) -> Inbound | None:
    """A search for tickets is answered at once; this comes from a client that cannot show that, so it gets a list."""
    words = pressed.fields.get("search", "").strip()
    if pressed.verb == clicks.BACK:
        return None
    return await inbound(scene, "click", verb="tickets", fields={"text": words}, place=place, session=session)


async def _spent(scene: Scene, pressed: Pressed) -> None:
    """Buttons of a private answer vanish once one is used; those beside a form that may be closed again stay."""
    opening = not pressed.submitted and opens(pressed.verb, pressed.args)
    if opening or pressed.verb in (clicks.SAY, clicks.SEARCH, clicks.BACK):
        return
    found = await _card(scene)
    if found is None or not found[1].key.startswith(ANSWERED_PRIVATELY):
        return
    stored = json.dumps(found[1].card, sort_keys=True)
    label = _label(from_json(found[1].card), pressed)
    scene.fetched(WantsSpent(members.at(scene.word), scene.word.reply_to, stored, label), object)


def _label(card: Card, pressed: Pressed) -> str:
    """What stood on the button."""
    for choice in card.choices:
        form = choice.form.form if choice.form is not None else None
        if form is not None and (form.verb, dict(form.args)) == (pressed.verb, dict(pressed.args)):
            return form.submit
        if (choice.verb, dict(choice.args)) == (pressed.verb, dict(pressed.args)):
            return choice.label
    return card.form.submit if card.form is not None else say("teams.kept")
