"""Every word FlowPilot shows, found by its key: `say` fills one in, and the tables say what a stored value is called."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bot.words_cards import CARDS
from bot.words_forms import FORMS
from bot.words_guide import GUIDE
from bot.words_lists import LISTS
from bot.words_model import MODEL
from bot.words_notices import NOTICES
from bot.words_pictures import PICTURES
from bot.words_slack import SLACK
from bot.words_slack_said import SLACK_SAID
from bot.words_teams import TEAMS

WORDS: Mapping[str, str] = MappingProxyType(
    {**CARDS, **FORMS, **GUIDE, **LISTS, **MODEL, **NOTICES, **PICTURES, **SLACK, **SLACK_SAID, **TEAMS}
)


def say(key: str, **values: object) -> str:
    """The words of a key with `{names}` filled in. KeyError for a key or a value that is missing."""
    return WORDS[key].format(**values)


def named(group: str, value: object) -> str:
    """What a stored value is called, for example ("status", "active"); an unknown one in its own letters."""
    stored = str(value)
    return WORDS.get(f"{group}.{stored}", stored.replace("_", " "))
