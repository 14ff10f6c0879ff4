"""What is deleted, and when: inbox payloads after 7 days, drafts after a day, closed effects after 30, used-up codes,
the masks of a conversation when they expire, the pictures of a Session 30 days after its end. A call whose process died
is booked as it began.
"""

from __future__ import annotations

from datetime import timedelta

from storage.store import Store

INBOX = timedelta(days=7)
DRAFTS = timedelta(days=1)
OUTBOX = timedelta(days=30)
PICTURES = timedelta(days=30)
CALLS = timedelta(hours=1)
"""Longer than any call may be in flight."""


class Retention:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def clean(self) -> int:
        """How many rows went, and calls that nobody ends any more are unknown from now on. A link code goes as soon as it expired, a draft of any kind after a day."""
        rows = await self._store.rows(
            "select fp_retain(now() - :inbox, now() - :drafts, now() - :outbox, now() - :pictures, now() - :calls) as gone",
            inbox=INBOX,
            drafts=DRAFTS,
            outbox=OUTBOX,
            pictures=PICTURES,
            calls=CALLS,
        )
        gone: int = rows[0].gone
        return gone
