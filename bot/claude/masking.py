"""What is masked in one Session: the values known of its ticket and its people, and the vault they are kept in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from uuid import UUID

from engine.flows import Flow
from engine.guide_quoting import clean
from engine.history import History
from engine.psa import Ticket
from engine.redact import Known, Mask, Masks, known_of, mask
from storage.library import built_in_flows
from storage.store import Unit

KEPT = timedelta(days=30)
"""After the last call the vault of a Session is kept so long."""

LONGEST = 48_000
"""Characters of one text that are looked at: some times what a prompt shows of it."""


class Masking:
    """Masks text after text; a value that comes again keeps its placeholder. Made once for each turn."""

    def __init__(self, masks: Masks, known: Sequence[Known]) -> None:
        self.masks = masks
        self._known = tuple(known)

    def __call__(self, text: str) -> str:
        if text in _packaged():
            return text  # ours, and the same for everybody
        if len(text) > LONGEST:
            # No prompt takes so much of one text; a line that would be cut in two goes as a whole.
            text = text[:LONGEST].rpartition("\n")[0] or text[: LONGEST // 2]
        masked, self.masks = mask(text, self.masks, self._known)
        return masked

    def counts(self, masked: str) -> dict[str, int]:
        """How many different values of each kind stand masked in this text."""
        return _by_kind([each for each in self.masks if each.placeholder in masked])

    async def save(self, unit: Unit, session_id: UUID, *, anyway: bool = False) -> None:
        """With what was rendered, or its placeholders would mean nothing. It is written where nothing is new as well:
        while a Session is worked on its vault does not expire. `anyway`: also an empty one.
        """
        if self.masks or anyway:
            await unit.masks.write(session_id, self.masks, KEPT)


def known_values(history: History, ticket: Ticket | None, account: str) -> tuple[Known, ...]:
    """`history` names everyone of the Account; `account` is its own name."""
    return known_of(ticket, tuple(history.names.values()), (account,))


@lru_cache(maxsize=1)
def _packaged() -> frozenset[str]:
    """Every text of the flows that ship with FlowPilot: nobody's words, so there is nobody to hide."""
    return frozenset(clean(text) for flow in built_in_flows() for text in _texts(flow) if text)


def _texts(flow: Flow) -> Iterator[str | None]:
    yield from (flow.title, flow.summary)
    for node in flow.nodes.values():
        yield from (node.text, node.why, node.say_to_user, node.cause, node.fix)
        yield node.script.text if node.script is not None else None
        for option in node.options:
            yield from (option.label, option.fact, option.rules_out, option.suspects)


def _by_kind(masks: Sequence[Mask]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in masks:
        found[each.kind.value] = found.get(each.kind.value, 0) + 1
    return found


def in_order(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Kinds with how many, the most first."""
    return tuple(sorted(counts.items(), key=lambda each: (-each[1], each[0])))
