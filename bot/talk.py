"""Performs what is owed on the talk lane: draws cards and notices and shows them where they belong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from bot import cards
from bot.card import Card
from bot.claude.budget import Known
from bot.delivery import Delivery, Shown
from bot.finding import Finding
from bot.forms import Forms
from bot.guiding import OfflineGuide
from bot.inline_forms import with_forms
from bot.psa_door import Doors
from bot.reminders import Reminders
from bot.showing import Showing
from bot.viewing import view_of
from bot.views import SessionView
from bot.voices import Voice, VoiceAway
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
from engine.ports import Done, Later, Lease, OwedRow, Performed, StillOurs
from engine.session import StepKind
from storage.store import Store, Unit


class Talk:
    """The performer of the talk lane. `voices` by platform; where several would do, the first one is taken.
    `reads_pictures`: there is a model that can be shown them; `model`: what the settings say of it.
    """

    def __init__(
        self,
        store: Store,
        doors: Doors,
        guide: OfflineGuide,
        voices: Mapping[str, Voice],
        *,
        reads_pictures: bool = False,
        model: Known | None = None,
    ) -> None:
        self._store = store
        self._reads_pictures = reads_pictures
        self._voices = voices
        self._inline = frozenset(platform for platform, voice in voices.items() if voice.inline_forms)
        self._forms = Forms(store, doors)
        self._showing = Showing(store, doors, guide, model)
        self._reminders = Reminders()
        self._finding = Finding(store, voices)
        self._delivery = Delivery(store, voices)

    async def perform(self, row: OwedRow, lease: Lease, still_ours: StillOurs) -> Performed:
        try:
            return await self._perform(row, lease)
        except VoiceAway as away:
            return await self._delivery.later(row, lease, away)

    async def _perform(self, row: OwedRow, lease: Lease) -> Performed:
        match row.effect:
            case RemindUnclaimed() | RemindPaused() | RemindIdle() | RemindUnposted():
                return await self._remind(row, lease)
            case ShowForm() as effect:
                card = await self._forms.draw(effect.form, lease.account, lease.subject, effect.to)
                return await self._answer(row, lease, effect, f"form:{row.id}", card)
            case Show(what="home") as effect:
                return await self._home(effect, lease)
            case Show() as effect:
                card = await self._showing.draw(effect, lease.account)
                return await self._answer(row, lease, effect, f"shown:{row.id}", card)
            case Tell() as effect:
                card = await self._notice(lease, effect.what, effect.about, effect.to)
                return await self._answer(row, lease, effect, f"told:{row.id}", card)
            case ShowCard() | ShowStep() | CollapseStep() | ShowEscalation() | Announce():
                return await self._in_public(row, lease)
            case _:
                raise TypeError(f"{type(row.effect).__name__} does not belong on the talk lane")

    # ── In the thread and the escalation channel ──────────────────────────────────────────────────────────────

    async def _in_public(self, row: OwedRow, lease: Lease) -> Performed:
        link = ""
        if isinstance(row.effect, ShowEscalation):
            link = await self._finding.discussed(lease.account, lease.subject)
        async with self._store.transaction(lease.account) as unit:
            whole = isinstance(row.effect, Announce | ShowEscalation)
            view = await view_of(unit, lease.subject, whole=whole)
            if view is None:
                return Done()
            view = replace(view, reads_pictures=self._reads_pictures)
            if isinstance(row.effect, ShowEscalation):
                view = replace(view, thread_link=link)
            shown = await self._drawn(unit, row, view)
        if shown and await self._finding.makes_reachable(
            lease.account, view, briefing=_is_briefing(row, view)
        ):
            # The owner sees none of its Places so far; now he does, and everything is shown there too.
            async with self._store.transaction(lease.account) as unit:
                shown = await self._drawn(unit, row, view)
        shown = await with_forms(shown, self._inline, self._forms, lease.account, view.session)
        return await self._delivery.show(row, lease, shown)

    async def _drawn(self, unit: Unit, row: OwedRow, view: SessionView) -> list[Shown]:
        session = view.session
        match row.effect:
            case ShowCard():
                shown = await self._finding.in_thread(unit, view, "card", cards.session_card(view))
                return [*shown, *await self._open_step(unit, view, shown)]
            case ShowStep(step=number) | CollapseStep(step=number):
                step = await unit.sessions.step(session.id, number)
                if step is None:
                    return []
                live = (
                    session.current is not None and session.current.number == number and step.outcome is None
                )
                card = cards.step_card(view, step) if live else cards.collapsed_step(step, view.history.names)
                return await self._finding.in_thread(unit, view, f"step:{number}", card)
            case ShowEscalation():
                taken_by = await unit.sessions.owner_of_child(session.id)
                card = cards.escalation_card(view, taken_by)
                return await self._finding.in_channel(unit, view, f"escalation:{session.id}", card)
            case Announce(what=what, about=about):
                # Who is spoken of need not have had a part in it: he may have picked it up fresh.
                user = await unit.accounts.user(about) if about else None
                card = cards.notice(what, view, user.name if user else "")
                return await self._finding.in_thread(unit, view, f"said:{row.id}", card)
            case _:
                return []

    async def _open_step(self, unit: Unit, view: SessionView, beside: list[Shown]) -> list[Shown]:
        """The Step that waits, where its card brings forms along: what they are filled in with has changed as well."""
        current = view.session.current
        inside = any(one.place.platform in self._inline for one in beside)
        if not inside or current is None or current.outcome is not None:
            return []
        step = await unit.sessions.step(view.session.id, current.number)
        if step is None:
            return []
        key, card = f"step:{current.number}", cards.step_card(view, step)
        found = await self._finding.in_thread(unit, view, key, card)
        return [one for one in found if one.place.platform in self._inline and one.ref is not None]

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

    async def _answer(
        self, row: OwedRow, lease: Lease, effect: Show | ShowForm | Tell, key: str, card: Card | None
    ) -> Performed:
        """On the way he came, if that is still open; else where he is told what concerns only him."""
        platform, _, way = effect.via.partition(":")
        if card is None and way and not (isinstance(effect, ShowForm) and effect.form == "rate"):
            card = cards.notice(
                "gone"
            )  # a window may wait for it; a rating given with the form needs no other
        if card is None:
            return Done()
        voice = self._voices.get(platform)
        if voice is not None and way and await voice.answer(lease.account, effect.to, way, card):
            return Done()
        async with self._store.transaction(lease.account) as unit:
            if isinstance(effect, Show) and not way:
                shown = await self._finding.where_he_asked(unit, effect, key, card)
            else:
                shown = await self._finding.to_person(unit, effect.to, lease.subject, key, card, platform)
        return await self._delivery.show(row, lease, shown)

    async def _home(self, effect: Show, lease: Lease) -> Performed:
        platform, _, way = effect.via.partition(":")
        voice = self._voices.get(platform)
        if voice is not None:
            drawn = await self._showing.draw_home(effect.to, lease.account)
            await voice.home(lease.account, effect.to, way, drawn)
        return Done()

    # ── Timers ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _remind(self, row: OwedRow, lease: Lease) -> Performed:
        async with self._store.transaction(lease.account) as unit:
            view = await view_of(unit, lease.subject, whole=True)
            if view is None:
                return Done()
            due = await self._reminders.decide(unit, row, view)
            shown: list[Shown] = []
            for key, card in due.thread:
                shown += await self._finding.in_thread(unit, view, key, card)
            for key, card in due.channel:
                shown += await self._finding.in_channel(unit, view, key, card)
            for user, key, card in due.people:
                shown += await self._finding.to_person(unit, user, lease.subject, key, card)
        if due.later is not None:
            return Later(due.later)
        shown = await with_forms(shown, self._inline, self._forms, lease.account, view.session)
        return await self._delivery.show(row, lease, shown, due.events, due.again)


def _is_briefing(row: OwedRow, view: SessionView) -> bool:
    current = view.session.current
    return isinstance(row.effect, ShowStep) and current is not None and current.kind is StepKind.BRIEFING
