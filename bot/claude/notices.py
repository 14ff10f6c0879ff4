"""Tells the Admins of an Account, once an hour, that the model does not let it in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from engine.effects import Tell
from engine.model import Failure
from engine.session import Role
from storage.store import Unit

EVERY = timedelta(hours=1)
TOLD = "model_refused_told"
"""Among an Account's settings: when its Admins were told last."""
SENTENCES: Mapping[Failure, str] = {
    Failure.KEY_REFUSED: "model_key_refused",
    Failure.UNPAID: "model_unpaid",
    Failure.FORBIDDEN: "model_forbidden",
}


async def tell_admins(unit: Unit, failure: Failure) -> None:
    """Owe each of them one sentence, unless they heard of it within the hour."""
    what = SENTENCES.get(failure)
    if what is None or not _due((await unit.accounts.settings()).get(TOLD), unit.now):
        return
    await unit.accounts.change_settings({TOLD: unit.now.isoformat()})
    for user in await unit.accounts.users():
        if Role.ADMIN in user.roles:
            await unit.outbox.owe(user.id, (Tell(to=user.id, what=what),))


def _due(told: object, now: datetime) -> bool:
    try:
        return now - datetime.fromisoformat(str(told)) >= EVERY
    except ValueError:
        return True
