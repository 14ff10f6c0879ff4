"""What is masked in one Session: the values known of its ticket and its people, and the vault they are kept in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from engine.history import History
from engine.psa import Ticket
from engine.redact import Known, Mask, Masks, known_of, mask
from storage.store import Unit

KEPT = timedelta(days=30)
"""After the last new value the vault of a Session is kept so long."""

LONGEST = 48_000
"""Characters of one text that are looked at: some times what a prompt shows of it."""


class Masking:
    """Masks text after text; a value that comes again keeps its placeholder. Made once for each turn."""

    def __init__(self, masks: Masks, known: Sequence[Known]) -> None:
        self.masks = masks
        self._known = tuple(known)
        self._before = len(masks)

    def __call__(self, text: str) -> str:
        if len(text) > LONGEST:
            # No prompt takes so much of one text; a line that would be cut in two goes as a whole.
            text = text[:LONGEST].rpartition("\n")[0] or text[: LONGEST // 2]
        masked, self.masks = mask(text, self.masks, self._known)
        return masked

    @property
    def new(self) -> tuple[Mask, ...]:
        """The values that were masked here for the first time."""
        return self.masks[self._before :]

    def counts(self) -> dict[str, int]:
        """How many different values of each kind are masked so far."""
        return _by_kind(self.masks)

    async def save(self, unit: Unit, session_id: UUID, *, anyway: bool = False) -> None:
        """With what was rendered, or its placeholders would mean nothing. Where nothing is new it is only written
        `anyway`: a person asked for values that stand in no text so far.
        """
        if self.new or anyway:
            await unit.masks.write(session_id, self.masks, KEPT)


def known_values(history: History, ticket: Ticket | None, account: str) -> tuple[Known, ...]:
    """`history` names everyone of the Account; `account` is its own name."""
    return known_of(ticket, tuple(history.names.values()), (account,))


def _by_kind(masks: Sequence[Mask]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in masks:
        found[each.kind.value] = found.get(each.kind.value, 0) + 1
    return found


def in_order(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Kinds with how many, the most first."""
    return tuple(sorted(counts.items(), key=lambda each: (-each[1], each[0])))
