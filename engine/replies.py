"""Reads the short things people type in a thread: an answer to the step, small talk, a password by
mistake.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from engine.redact_patterns import looks_like_secret as looks_like_secret

QuickKind = Literal["option", "yes", "no", "done", "no_change", "fixed"]


@dataclass(frozen=True, slots=True)
class Quick:
    """A typed answer to the current step; `number` counts options from 1 and is set only for "option"."""

    kind: QuickKind
    number: int | None = None


_ANSWERS: dict[QuickKind, frozenset[str]] = {
    "yes": frozenset({
        "y", "yes", "yep", "yeah", "yup", "ya", "correct", "yes it is", "yes it does", "yes please",
    }),
    "no": frozenset({"n", "no", "nope", "nah", "no it isnt", "no it doesnt", "no it does not", "not yet"}),
    "done": frozenset({
        "done", "did it", "did that", "all done", "ok done", "done that", "done it", "its done",
        "completed", "finished",
    }),
    "no_change": frozenset({
        "no change", "nothing changed", "no changes", "didnt help", "did not help",
        "that didnt help", "no difference",
        "still the same", "same", "same thing", "same problem", "same error", "same issue",
        "no luck", "no effect",
        "didnt work", "did not work", "that didnt work", "still broken", "still not working",
        "not working", "nope same",
        "unchanged", "done no change", "still happening", "no joy", "doesnt help",
    }),
    "fixed": frozenset({
        "fixed", "solved", "resolved", "it works", "works", "works now", "it works now",
        "that worked", "that fixed it",
        "fixed it", "its fixed", "working now", "its working", "its working now", "that did it",
        "that solved it",
        "all good now", "fixed now", "problem solved",
    }),
}  # fmt: skip
_OPTION = re.compile(r"(?:option |opt |answer |number |no |nr )?([1-9])")
_SMALL_TEXT = (
    "brb ok okay okey k kk thx thanks thank you ty tysm cheers great nice cool perfect awesome hi hello "
    "hey morning good afternoon evening lol haha hm hmm hmmm sec second moment min minute minutes mins "
    "one a just sure got it roger noted afk back bbl gtg hold on wait np all alright right will do in "
    "much so many the again for your help works me too danke merci appreciated bye ciao 1 2 3 5 10 15 "
    "lunch coffee understood"
)
_SMALL = frozenset(_SMALL_TEXT.split())
_SMALL_CORE_TEXT = (
    "brb ok okay okey k kk thx thanks thank ty tysm cheers great nice cool perfect awesome hi hello hey "
    "morning afternoon evening lol haha hm hmm hmmm sec second moment minute min mins minutes sure roger "
    "noted afk bbl gtg hold wait np alright danke merci appreciated bye ciao understood got lunch back"
)
_SMALL_CORE = frozenset(_SMALL_CORE_TEXT.split())
_SHORTCODE = re.compile(r":[a-z0-9_+\-]{1,40}:")


def quick_answer(text: str, option_count: int) -> Quick | None:
    """The typed answer, or None when the message says more than an answer. Options beyond the count
    are None.
    """
    said = _plain(text)
    option = _OPTION.fullmatch(said)
    if option:
        number = int(option[1])
        return Quick("option", number) if number <= option_count else None
    return next((Quick(kind) for kind, words in _ANSWERS.items() if said in words), None)


def is_small_talk(text: str) -> bool:
    """Whether a message needs no reply: `brb`, `ok thanks`, `one sec`, emoji alone. Empty text is not
    small talk.
    """
    bare = _SHORTCODE.sub("", text).strip()
    if text.strip() and not any(c.isalnum() or c in "?!" for c in bare):
        return _is_emoji(bare) or (not bare and bool(_SHORTCODE.search(text)))
    words = _plain(bare).split()
    return 0 < len(words) <= 6 and _SMALL.issuperset(words) and not _SMALL_CORE.isdisjoint(words)


def _is_emoji(text: str) -> bool:
    marks = [c for c in text if not c.isspace()]
    return bool(marks) and all(unicodedata.category(c) in {"So", "Sk", "Mn", "Cf", "Me"} for c in marks)


def _plain(text: str) -> str:
    """Lower case, apostrophes dropped, other punctuation and emoji as spaces; keycaps become their digit."""
    low = (
        _SHORTCODE.sub(" ", text[:200]).lower().replace("’", "").replace("'", "").replace("\ufe0f\u20e3", "")
    )
    return " ".join("".join(c if c.isalnum() else " " for c in low).split()) if len(text) <= 200 else ""
