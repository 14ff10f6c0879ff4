"""A lease row for what only one process may do, by the database's time."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, or_, update
from sqlalchemy.dialects.postgresql import insert

from storage.store import Store
from storage.tables import leases


class Leader:
    """`holder` names this process. Leading must be asked for again before the lease ends."""

    def __init__(self, store: Store, name: str, holder: str) -> None:
        self._store = store
        self._name = name
        self._holder = holder

    async def lead(self, length: timedelta) -> bool:
        """Take or renew the lease; False while somebody else holds it."""
        until = func.now() + length
        statement = insert(leases).values(name=self._name, holder=self._holder, leased_until=until)
        taken = statement.on_conflict_do_update(
            index_elements=["name"],
            set_={"holder": self._holder, "leased_until": until, "version": leases.c.version + 1},
            where=or_(leases.c.holder == self._holder, leases.c.leased_until < func.now()),
        ).returning(leases.c.version)
        async with self._store.transaction() as unit:
            return (await unit.connection.execute(taken)).first() is not None

    async def resign(self) -> None:
        """Let the next one lead at once."""
        mine = (leases.c.name == self._name) & (leases.c.holder == self._holder)
        async with self._store.transaction() as unit:
            await unit.connection.execute(update(leases).where(mine).values(leased_until=func.now()))
