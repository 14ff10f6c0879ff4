"""Performs what is owed on the talk lane: draws cards and notices and shows them where they belong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bot import cards
from bot.card import Card, to_json
from bot.forms import Forms
from bot.guiding import OfflineGuide
from bot.psa_door import Doors
from bot.reminders import Reminders
from bot.showing import Showing
from bot.viewing import view_of
from bot.views import SessionView
from bot.voices import ConsoleVoice, Voice
from engine.catch_up import catch_up
from engine.effects import (
    Announce,
    CollapseStep,
    RemindIdle,
    RemindPaused,
    RemindUnclaimed,
    RemindUnposted,
    Show,
    ShowCard,
    ShowEscalation,
    ShowForm,
    ShowStep,
    Tell,
)
from engine.events import Event
from engine.ports import Done, Later, Lease, OwedRow, Performed, StillOurs
from storage.places import Place
from storage.store import Store, Unit


@dataclass(frozen=True, slots=True)
class Shown:
    """One card for one Place. `ref` is how the platform knows the message that is edited."""

    place: Place
    key: str
    card: Card
    ref: str | None = None


class Talk:
    """The performer of the talk lane."""

    def __init__(self, store: Store, doors: Doors, guide: OfflineGuide) -> None:
        self._store = store
        self._voices: dict[str, Voice] = {"console": ConsoleVoice()}
        self._forms = Forms(store, doors)
        self._showing = Showing(store, doors, guide)
        self._reminders = Reminders()

    async def perform(self, row: OwedRow, lease: Lease, still_ours: StillOurs) -> Performed:
        match row.effect:
            case RemindUnclaimed() | RemindPaused() | RemindIdle() | RemindUnposted():
                return await self._remind(row, lease)
            case ShowForm() as effect:
                card = await self._forms.draw(effect.form, lease.account, lease.subject, effect.to)
                return await self._privately(lease, effect.to, f"form:{row.id}", card)
            case Show() as effect:
                card = await self._showing.draw(effect, lease.account)
                return await self._at(lease, effect.place, f"shown:{row.id}", card)
            case Tell() as effect:
                card = await self._notice(lease, effect.what, effect.about, effect.to)
                return await self._privately(lease, effect.to, f"told:{row.id}", card)
            case ShowCard() | ShowStep() | CollapseStep() | ShowEscalation() | Announce():
                return await self._in_public(row, lease)
            case _:
                raise TypeError(f"{type(row.effect).__name__} does not belong on the talk lane")

    # ── In the thread and the escalation channel ──────────────────────────────────────────────────────────────

    async def _in_public(self, row: OwedRow, lease: Lease) -> Performed:
        async with self._store.transaction(lease.account) as unit:
            whole = isinstance(row.effect, Announce | ShowEscalation)
            view = await view_of(unit, lease.subject, whole=whole)
            if view is None:
                return Done()
            shown = await self._drawn(unit, row, view)
        return await self._show(shown)

    async def _drawn(self, unit: Unit, row: OwedRow, view: SessionView) -> list[Shown]:
        session = view.session
        match row.effect:
            case ShowCard():
                return await self._in_thread(unit, view, "card", cards.session_card(view))
            case ShowStep(step=number) | CollapseStep(step=number):
                step = await unit.sessions.step(session.id, number)
                if step is None:
                    return []
                live = (
                    session.current is not None and session.current.number == number and step.outcome is None
                )
                card = cards.step_card(view, step) if live else cards.collapsed_step(step, view.history.names)
                return await self._in_thread(unit, view, f"step:{number}", card)
            case ShowEscalation():
                taken_by = await unit.sessions.owner_of_child(session.id)
                card = cards.escalation_card(view, taken_by)
                return await self._in_channel(unit, f"escalation:{session.id}", card)
            case Announce(what=what, about=about):
                card = cards.notice(what, view, view.history.name(about) if about else "")
                return await self._in_thread(unit, view, f"said:{row.id}", card)
            case _:
                return []

    async def _in_thread(self, unit: Unit, view: SessionView, key: str, card: Card) -> list[Shown]:
        places = [p for p in await unit.places.of_session(view.session.id) if p.kind == "thread"]
        if not places:
            opened = [await voice.thread(unit, view.session) for voice in self._voices.values()]
            places = [place for place in opened if place is not None][:1]
        return [await self._known(unit, place, key, card) for place in places]

    async def _in_channel(self, unit: Unit, key: str, card: Card) -> list[Shown]:
        found = [await voice.channel(unit) for voice in self._voices.values()]
        return [await self._known(unit, place, key, card) for place in found if place is not None]

    async def _known(self, unit: Unit, place: Place, key: str, card: Card) -> Shown:
        before = await unit.places.message(place.id, key)
        return Shown(place, key, card, before.external_ref if before else None)

    # ── To one person ─────────────────────────────────────────────────────────────────────────────────────────

    async def _notice(self, lease: Lease, what: str, about: UUID | None, reader: UUID) -> Card:
        async with self._store.transaction(lease.account) as unit:
            view = await view_of(unit, lease.subject, whole=True)
            user = await unit.accounts.user(about) if about else None
            name = user.name if user else ""
            if what.startswith("file:"):
                return cards.notice("file_refused", view, text=what.removeprefix("file:"))
            if what == "catch_up" and view is not None:
                lines = catch_up(view.history, view.ticket, view.now, reader)
                return cards.notice(what, view, name, lines=lines)
            post = next((p for p in view.posts if p.id == about), None) if view else None
            what, _, error_id = what.partition(":")
            return cards.notice(what, view, name, post=post, error_id=error_id)

    async def _privately(self, lease: Lease, user: UUID, key: str, card: Card | None) -> Performed:
        if card is None:
            return Done()
        async with self._store.transaction(lease.account) as unit:
            found = [await voice.direct(unit, user) for voice in self._voices.values()]
            shown = [await self._known(unit, p, key, card) for p in found[:1] if p is not None]
        return await self._show(shown)

    async def _at(self, lease: Lease, place_id: UUID, key: str, card: Card | None) -> Performed:
        async with self._store.transaction(lease.account) as unit:
            place = await unit.places.get(place_id)
            if place is None or card is None:
                return Done()
            if place.kind != "direct":
                return await self._privately(lease, lease.subject, key, card)
            shown = [await self._known(unit, place, key, card)]
        return await self._show(shown)

    # ── Timers ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _remind(self, row: OwedRow, lease: Lease) -> Performed:
        async with self._store.transaction(lease.account) as unit:
            view = await view_of(unit, lease.subject, whole=True)
            if view is None:
                return Done()
            due = await self._reminders.decide(unit, row, view)
            shown: list[Shown] = []
            for key, card in due.thread:
                shown += await self._in_thread(unit, view, key, card)
            for key, card in due.channel:
                shown += await self._in_channel(unit, key, card)
            for user, key, card in due.people:
                places = [await voice.direct(unit, user) for voice in self._voices.values()]
                shown += [await self._known(unit, p, key, card) for p in places[:1] if p is not None]
        if due.later is not None:
            return Later(due.later)
        return await self._show(shown, due.events, due.again)

    async def _show(
        self, shown: Sequence[Shown], events: tuple[Event, ...] = (), save: Any = None
    ) -> Performed:
        """Show everything, then remember it with `done`, so that a repeat edits instead of posting again."""
        refs = [await self._voices[s.place.platform].show(s.place, s.key, s.card, s.ref) for s in shown]

        async def remember(unit: Unit) -> None:
            for one, ref in zip(shown, refs, strict=True):
                await unit.places.keep(one.place.id, one.key, to_json(one.card), ref)
            if save is not None:
                await save(unit)

        return Done(events, remember)
