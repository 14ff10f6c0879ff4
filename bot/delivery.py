"""Shows what was drawn, remembers it with the effect's `done`, and finds another place where one is closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from bot.card import Card, to_json
from bot.voices import UNOPENED, PlaceClosed, Posted, Voice, VoiceAway
from engine.effects import ShowCard, ShowEscalation, ShowStep, Tell
from engine.events import Event
from engine.ports import Done, Later, Lease, OwedRow, Performed
from engine.session import Session, Status
from storage.places import Place
from storage.store import Store, Unit

LONGEST_AWAY = timedelta(hours=24)
"""A platform that was away longer has had its effect tried often enough; then it has failed."""

Save = Callable[[Unit], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Shown:
    """One card for one Place. `ref` is how the platform knows the message that is edited; `same`: it stands there already."""

    place: Place
    key: str
    card: Card
    ref: str | None = None
    same: bool = False


@dataclass(slots=True)
class _Progress:
    """What was shown so far, and which Places have another address since."""

    posted: list[tuple[Shown, Posted | None]] = field(default_factory=list)
    moved: dict[UUID, Posted] = field(default_factory=dict)

    def place(self, place: Place) -> Place:
        known = self.moved.get(place.id)
        return known.place or place if known else place

    def note(self, one: Shown, posted: Posted | None) -> None:
        self.posted.append((one, posted))
        if posted is not None and posted.place is not None:
            self.moved[one.place.id] = posted


class Delivery:
    def __init__(self, store: Store, voices: Mapping[str, Voice]) -> None:
        self._store = store
        self._voices = voices

    async def show(
        self,
        row: OwedRow,
        lease: Lease,
        shown: Sequence[Shown],
        events: tuple[Event, ...] = (),
        save: Save | None = None,
    ) -> Performed:
        """Show everything, then remember it with `done`, so that a repeat edits instead of posting again."""
        so_far = _Progress()
        for one in shown:
            try:
                so_far.note(one, await self._one(one, so_far.place(one.place), again=row.repeated))
            except VoiceAway as away:
                return await self.later(row, lease, away, _remembering(so_far, None))
            except PlaceClosed as closed:
                if await self._gives_way(lease, closed):
                    return await self._moved(lease, closed, so_far)
        return Done(events, _remembering(so_far, save))

    async def _one(self, one: Shown, place: Place, *, again: bool) -> Posted | None:
        if one.same:
            return None
        return await self._voices[place.platform].show(place, one.key, one.card, one.ref, again=again)

    async def later(self, row: OwedRow, lease: Lease, away: VoiceAway, save: Save | None = None) -> Performed:
        """Owed again in its place. Raises what it was given once it has waited a day."""
        async with self._store.transaction(lease.account) as unit:
            now = unit.now
        if now - row.created_at > LONGEST_AWAY:
            raise away
        # An earlier attempt may have shown it: that this one did not changes nothing about that.
        sure = away.sure and not row.repeated
        return Later(now + timedelta(seconds=away.seconds), save, "unsent" if sure else "unsure")

    # ── A place that is closed ────────────────────────────────────────────────────────────────────────────────

    async def _gives_way(self, lease: Lease, closed: PlaceClosed) -> bool:
        """Whether another place can be had for it. A person who cannot be written to hears it somewhere else or not."""
        if closed.place.kind == "direct":
            return False
        async with self._store.transaction(lease.account) as unit:
            refuge = await self._refuge(unit, lease.subject, closed.place)
        return refuge is not None

    async def _refuge(self, unit: Unit, session_id: UUID, place: Place) -> Place | None:
        """The owner's direct messages; None where he has none or they are the place that is closed."""
        session = await unit.sessions.get(session_id)
        if session is None:
            return None
        found = await self._voices[place.platform].direct(unit, session.owner_id, place.workspace)
        return None if found is None or found.channel == place.channel else found

    async def _moved(self, lease: Lease, closed: PlaceClosed, so_far: _Progress) -> Performed:
        """Move the Session's thread into the owner's direct messages and tell him; the effect is tried again there."""
        async with self._store.transaction(lease.account) as unit:
            now = unit.now

        async def save(unit: Unit) -> None:
            await _remembering(so_far, None)(unit)
            refuge = await self._refuge(unit, lease.subject, closed.place)
            session = await unit.sessions.get(lease.subject)
            if refuge is None or session is None:
                return
            if closed.place.kind == "escalations":
                await unit.places.retire(closed.place.id)
            else:
                unopened = f"{UNOPENED}{session.id}"
                await unit.places.settle(closed.place.id, refuge.channel, unopened, refuge.workspace)
                await unit.places.forget_messages(closed.place.id)
            told = Tell(to=session.owner_id, what=closed.key)
            await unit.outbox.owe(session.id, (told, ShowCard(), *_open_step(session)))

        return Later(now, save, "unsent")


def _open_step(session: Session) -> tuple[ShowStep, ...]:
    """What he is asked stands where he can answer it."""
    return (ShowStep(step=session.current.number),) if session.current is not None else ()


def _remembering(so_far: _Progress, save: Save | None) -> Save:
    async def remember(unit: Unit) -> None:
        for place_id, moved in so_far.moved.items():
            if moved.place is not None:
                await unit.places.settle(
                    place_id, moved.place.channel, moved.place.thread, moved.place.workspace
                )
                if moved.link:
                    await unit.places.keep_link(place_id, moved.link)
                    await _linked(unit, moved.place)
        for one, posted in so_far.posted:
            if not one.same:
                ref = posted.ref if posted is not None else None
                await unit.places.keep(one.place.id, one.key, to_json(one.card), ref)
        if save is not None:
            await save(unit)

    return remember


async def _linked(unit: Unit, place: Place) -> None:
    """The escalation card of a Session that goes on here leads here from now on."""
    begun = await unit.sessions.get(place.session_id) if place.session_id else None
    parent = await unit.sessions.get(begun.parent_id) if begun and begun.parent_id else None
    if parent is not None and parent.status is Status.ESCALATED and not place.is_private:
        await unit.outbox.owe(parent.id, (ShowEscalation(),))


def root_first(shown: Sequence[Shown], card: Callable[[], Card]) -> list[Shown]:
    """The session card before anything else where a thread is not open yet: its message is the thread's root."""
    found: list[Shown] = []
    opened: set[UUID] = set()
    for one in shown:
        unopened = one.place.thread.startswith(UNOPENED) and one.place.id not in opened
        if unopened and one.key != "card":
            found.append(replace(one, key="card", card=card(), ref=None, same=False))
        opened.add(one.place.id)
        found.append(one)
    return found
