"""Words as parts of an Adaptive Card that cannot come alive: nothing a person, a log or a model wrote formats or calls.

The one way: what others wrote stands in text runs, which no client reads for markup, in titles of buttons and in the
labels and values of inputs. Only our own *stars* become bold and only given https addresses become links.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from bot.cards_parts import seen
from engine.note_text import one_line

Json = dict[str, Any]

STARS = re.compile(r"(?<![\w*])\*(?![.\\/,;*])(\S(?:[^*\n]*\S)?)\*(?![\w*]|[.\\/]\w)")
"""The only markup a card's text carries."""
NOTHING = "–"
_DATED = re.compile(r"(?<=\{)(?=\{(?:DATE|TIME)\()")
"""Within braces like these a client would put a date of its own."""
_MARKED = re.compile(r"[\\`*_{}\[\]<>#|~@^&!+]|://|^\s*(?:[-=]|\d+[.)])")
_MARKS = re.compile(r"[\\`*~<>\[\]{}|^]|(?<![^\W_])_|_(?![^\W_])")
_BEGINS = re.compile(r"^(?:[-+#]+(?: |$))+")
"""Of a heading or a list."""
_URL = 500
_SPACES = re.compile(r"^ +|(?<= ) +(?= )|(?<=\S) (?= )", re.MULTILINE)


def weight(drawn: Any) -> int:
    """Its bytes as JSON in UTF-8, with the comma behind it."""
    return len(json.dumps(drawn, ensure_ascii=False).encode("utf-8", "surrogatepass")) + 2


def unstarred(text: str) -> str:
    return STARS.sub(r"\1", text)


def sound(text: str) -> str:
    """The text as JSON can carry it: without NULs and halves of characters. Nothing else of it changes."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def plain(text: str, limit: int = 75, most: int = 300) -> str:
    """One line of 1 to `limit` characters and at most `most` bytes of JSON, “…” where it was cut."""
    shown = one_line(sound(text[: limit * 8]), limit)
    if _bytes(shown) > most:
        shown = shown[: most - 3]
        while _bytes(shown) > most - 3:
            shown = shown[:-1]
        shown = f"{shown.rstrip()}…"
    return shown if shown.strip() else NOTHING


def _bytes(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode()) - 2


def calm(text: str) -> bool:
    """Whether it reads the same where a client would look for markdown."""
    return not _MARKED.search(text)


def calmed(text: str, limit: int = 300) -> str:
    """One line for a notification or an old client, without the marks of any markup."""
    bare = " ".join(_MARKS.sub("", unstarred(one_line(sound(text), limit))).split())
    return _BEGINS.sub("", bare)


def https(url: str) -> str:
    """The address as it may be linked, or nothing: https only, no longer than 500."""
    if len(url) > _URL or not re.fullmatch(r"https://[^\s<>|\"\\]+", url):
        return ""
    return quote(url, safe="/:?#[]@!$&'()*+,;=%-._~")


# ── Text runs ───────────────────────────────────────────────────────────────────────────────────────────────


def rich(*runs: Json, spacing: str = "") -> Json:
    """One paragraph; line ends within its runs are shown as such."""
    made: Json = {"type": "RichTextBlock", "inlines": list(runs) or [_run(NOTHING, {})]}
    return made | {"spacing": spacing} if spacing else made


def runs(
    text: str, links: Mapping[str, str] | None = None, *, bold: bool = False, **look: object
) -> list[Json]:
    """The text as runs: our *emphasis* bolder, each text of `links` an address, everything else as it is."""
    found: list[Json] = []
    at, given = 0, sound(seen(text))
    heavy = {**look, "weight": "Bolder"}
    usual = heavy if bold else look
    for star in STARS.finditer(given):
        found += _linked(given[at : star.start()], links or {}, usual)
        found += _linked(star[1], links or {}, heavy)
        at = star.end()
    return found + _linked(given[at:], links or {}, usual)


def script_runs(text: str) -> list[Json]:
    """Lines to copy, stars and all. A browser shows several spaces as one, so all but the last of them are those that
    do not break: it shows them all, and copies them as plain spaces.
    """
    given = sound(seen(text)).replace("\t", "    ")
    kept = _SPACES.sub(lambda found: "\u00a0" * len(found[0]), given)
    return [_run(piece, {"fontType": "Monospace"}) for piece in _DATED.split(kept) if piece]


def _linked(text: str, links: Mapping[str, str], look: Mapping[str, object]) -> list[Json]:
    return [
        _run(part, look, https(links[piece]) if linked else "")
        for piece, linked in _pieces(text, links)
        for part in _DATED.split(piece)
        if part
    ]


def _pieces(text: str, links: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
    """(piece, whether it is a text of `links`); `#47` is no part of `#4711`."""
    named = sorted((each for each, url in links.items() if each and https(url)), key=len, reverse=True)
    if not named:
        yield text, False
        return
    at = 0
    for found in re.finditer(rf"(?<!\w)(?:{'|'.join(map(re.escape, named))})(?!\w)", text):
        yield text[at : found.start()], False
        yield found[0], True
        at = found.end()
    yield text[at:], False


def _run(text: str, look: Mapping[str, object], url: str = "") -> Json:
    made: Json = {"type": "TextRun", "text": text, **look}
    return made | {"selectAction": {"type": "Action.OpenUrl", "url": url}} if url else made
