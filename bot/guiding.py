"""The offline guide at work: an Account's library, the best matches for everything said so far, the next Step."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from engine import guide_stand, offline
from engine.events import GuideReply
from engine.flows import Flow, outline_steps
from engine.history import History
from engine.matching import UNSURE, Match
from engine.ports import Answered, Live
from engine.psa import Ticket
from engine.session import NoteKind
from storage.library import Libraries, Library
from storage.store import Store


@dataclass(frozen=True, slots=True)
class Considered:
    """What the offline guide proposes, and all that it chose from. `jumped`: an expert named the step himself."""

    reply: GuideReply
    flows: Mapping[str, Flow]
    jumped: bool = False


class OfflineGuide:
    """Works without any model. Matching and index building are CPU work and leave the loop."""

    def __init__(self, store: Store, libraries: Libraries) -> None:
        self._store = store
        self._libraries = libraries

    async def library(self, account: UUID) -> Library:
        async with self._store.transaction(account) as unit:
            own = await unit.trees.texts()
        return await asyncio.to_thread(self._libraries.of, str(account), own)

    async def reply(self, history: History, ticket: Ticket | None, live: Live) -> Answered:
        return Answered(await self.proposed(history, ticket))

    async def proposed(self, history: History, ticket: Ticket | None) -> GuideReply:
        return (await self.considered(history, ticket)).reply

    async def considered(self, history: History, ticket: Ticket | None) -> Considered:
        library = await self.library(history.session.account_id)
        history, node = _jump(history, library)
        if node is not None:
            return Considered(offline.jump_to(history, library.flows, node), library.flows, jumped=True)
        matches = await asyncio.to_thread(best, library, history, ticket)
        # A question that the model put in between is none of the offline guide's own.
        reply = guide_stand.resumed(history, library.flows, matches, ticket)
        return Considered(reply or offline.propose(history, library.flows, matches, ticket), library.flows)

    async def path(self, history: History) -> tuple[str, ...]:
        """The remaining outline, numbered."""
        library = await self.library(history.session.account_id)
        return offline.path(history, library.flows)

    async def jumps(self, history: History) -> tuple[tuple[str, str], ...]:
        """(node, line) of the outline's Steps, for an expert who goes there at once."""
        library = await self.library(history.session.account_id)
        flow, step = library.flow(history.session.flow_id or ""), history.session.current
        if flow is None or step is None or step.flow_node not in flow.nodes:
            return ()
        return outline_steps(flow, str(step.flow_node))[1:]


def _jump(history: History, library: Library) -> tuple[History, str | None]:
    """Where an expert wants to go: a node's id, or its number in the outline; None where there is no such node."""
    stand = dict(history.session.stand)
    wanted = stand.pop("jump", None)
    history = replace(history, session=replace(history.session, stand=stand))
    flow = library.flow(history.session.flow_id or "")
    if not isinstance(wanted, str) or flow is None:
        return history, None
    if wanted.isdigit() and history.session.current and history.session.current.flow_node in flow.nodes:
        ahead = outline_steps(flow, str(history.session.current.flow_node))
        number = int(wanted)
        wanted = ahead[number - 1][0] if 1 <= number <= len(ahead) else ""
    return history, wanted if wanted in flow.nodes else None


def best(library: Library, history: History, ticket: Ticket | None) -> tuple[Match, ...]:
    """The best score of each Flow over report and ticket, one by one, and over all that was said together: a long
    description around a clear summary must not drown it. An answer is taken together with the problem it is about,
    for alone it may mean anything; only the one to “What exactly happens?” may by itself have a Flow offered.
    """
    reported = [part for part in _reported(history, ticket) if part.strip()][:2]
    together = "\n".join(said_so_far(history, ticket))[:20_000]
    most = {_symptom(history): UNSURE} | dict.fromkeys((*reported, together), 1.0)
    found: dict[str, Match] = {}
    for text, ceiling in most.items():
        for match in library.match(text):
            score = min(match.score, ceiling)
            if match.flow_id not in found or found[match.flow_id].score < score:
                found[match.flow_id] = replace(match, score=score)
    return tuple(sorted(found.values(), key=lambda m: -m.score)[:3])


def _reported(history: History, ticket: Ticket | None) -> list[str]:
    told = [ticket.summary, (ticket.description or "")[:2_000]] if ticket is not None else []
    return [history.session.intake.text, *told]


def _symptom(history: History) -> str:
    """The last answer to “What exactly happens?”, which is asked where the report tells too little."""
    told = [s.outcome.text for s in history.done if s.outcome and s.stand.get("key") == "what"]
    return told[-1] if told else ""


def said_so_far(history: History, ticket: Ticket | None) -> tuple[str, ...]:
    """All that was told: intake, ticket, answers outside of flows, evidence, the first error of a log."""
    parts = _reported(history, ticket)
    parts += [s.outcome.text for s in history.done if s.outcome and s.outcome.text and s.flow_node is None]
    parts += [note.text for note in history.notes if note.kind is NoteKind.EVIDENCE]
    parts += [_first_error(history.session.intake.log_digest)]
    return tuple(part for part in parts if part.strip())


def _first_error(digest: str) -> str:
    return next((line for line in digest.splitlines() if line.startswith("First error")), "")[:300]
