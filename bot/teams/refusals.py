"""What the refusals of Teams mean to us: who may not speak, where nothing can be said, and what was too much."""

from __future__ import annotations

from bot.teams.port import Refused

LOST = "ActivityNotFoundInConversation"
_CLOSED = {
    "BotNotInConversationRoster": "not_in_team",
    "ConversationNotFound": "root_gone",
    LOST: "root_gone",
}
_FORBIDDEN, _UNKNOWN, _OURS = 403, 404, 401
_TOO_MUCH = frozenset({400, 413})


def lost(refused: Refused) -> bool:
    """The message cannot be edited because it is not there, so it is posted anew."""
    return refused.code == LOST or refused.status == _UNKNOWN


def closed(refused: Refused) -> str:
    """The end of the key of the sentence that says why nothing can be said there; "" where that is not it."""
    if refused.status not in (_FORBIDDEN, _UNKNOWN):
        return ""
    return _CLOSED.get(refused.code) or ("not_allowed" if refused.status == _FORBIDDEN else "root_gone")


def ours(refused: Refused) -> bool:
    """Teams refuses not what was asked but who asks: the app's password is not good any more."""
    return refused.status == _OURS


def too_much(refused: Refused) -> bool:
    """Not this message, but a smaller one."""
    return refused.status in _TOO_MUCH
