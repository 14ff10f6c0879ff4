"""A Session that talks with the model, for the tests of what is kept of that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import event

from engine.model import ModelReply, Purpose, StopReason, Usage
from storage.conversations import CallRow, Chapter, NewCall, Piece
from tests.fakes import Office

SYSTEM = Piece(0, "system", '[{"type": "text", "text": "You guide."},  {"type":"text","text":"Ticket 4711"}]')
ASKED = Piece(1, "user", '[{"type":"text","text":"Grüße\\n\\u2713 Outlook"}]', {"steps": 0, "pictures": []})
SAID = '[{"type":"text","text":"{\\"say\\": \\"Restart it\\"}"}]'
REPLY = ModelReply(
    '{"say": "Restart it"}', StopReason.END_TURN, Usage(10, 200, 3000, 40), "msg_1", "req_1", "m"
)


TOTALS = (
    "select total_input_tokens, total_cache_read_tokens, total_cache_write_tokens, total_output_tokens"
    " from ai_sessions where id = %s"
)


@dataclass(frozen=True, slots=True)
class Talk:
    """A Session of an Account, and one transaction for each thing that is said."""

    place: Office
    session: UUID
    owner_url: str

    async def do(self, name: str, *given: Any, **more: Any) -> Any:
        async with self.place.store.transaction(self.place.account) as unit:
            return await getattr(unit.conversations, name)(*given, **more)

    @contextmanager
    def counting(self) -> Iterator[list[str]]:
        """The statements sent meanwhile, without the one that begins a transaction."""
        sent: list[str] = []

        def note(_db: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if "app.account_id" not in statement:
                sent.append(statement)

        event.listen(self.place.store.engine.sync_engine, "before_cursor_execute", note)
        yield sent
        event.remove(self.place.store.engine.sync_engine, "before_cursor_execute", note)

    def call(self, **other: Any) -> NewCall:
        first = NewCall(
            self.session, Purpose.TURN, 1, "m", 2000, chapter=1, upto=1, masked={"IP": ("⟦IP_1⟧", "⟦IP_2⟧")}
        )
        return replace(first, **other)

    async def opened(self) -> UUID:
        made: UUID = await self.do("open_turn", self.call(), (SYSTEM, ASKED))
        return made

    async def chapter(self) -> Chapter:
        found: Chapter | None = await self.do("chapter", self.session)
        assert found is not None
        return found

    async def rows(self) -> tuple[CallRow, ...]:
        found: tuple[CallRow, ...] = await self.do("of_session", self.session)
        return found

    async def only(self) -> CallRow:
        [row] = await self.rows()
        return row

    def ask(self, query: str, *given: Any) -> list[Any]:
        """As the owner of the tables."""
        with psycopg.connect(self.owner_url) as owner:
            found = owner.execute(query, given)
            return list(found.fetchall()) if found.description else []

    def totals(self) -> Usage:
        [row] = self.ask(TOTALS, self.session)
        return Usage(*row)
