"""Finds values that are known exactly, passwords above all, wherever they stand again in a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from engine.redact_patterns import MaskKind, Span, secret_spans

SHORTEST, LONGEST, MOST = 3, 500, 300
_BESIDE = 4
"""Characters of a value that was found by rule, or of one that is cut off, from which on it is looked for."""
_ORDINARY = frozenset(
    """admin administrator root user users guest test server office printer scanner backup windows outlook microsoft password
    company customer domain default local network remote account email wrong expired reset""".split()  # noqa: SIM905 - a list of words reads as a text
)
_ENDS = " \t\r\n.,;:!?"


def value_spans(text: str, values: Sequence[str]) -> Iterator[Span]:
    """Where one of the values stands as a word of its own, whatever its case and whatever it is broken by; the
    beginning of one before a “…”, too, where a line was cut.
    """
    folded = text.casefold()
    for value in values:
        words = value.split()
        if not SHORTEST <= len(value) <= LONGEST or not words:
            continue
        if words[0][:_BESIDE].casefold() not in folded:
            continue
        for hit in _pattern(words).finditer(text):
            yield Span(*hit.span(), MaskKind.SECRET)
        yield from _cut_off(text, " ".join(words))


def secret_values(texts: Iterable[str]) -> tuple[str, ...]:
    """The values that the rules take for secrets in these texts, to be looked for in others and further on."""
    return further(text[s.start : s.end] for text in texts for s in secret_spans(text))


def further(found: Iterable[str]) -> tuple[str, ...]:
    """Values found by rule, without ordinary words and too short ones, each also without a sentence's end."""
    values: dict[str, None] = {}
    for each in found:
        bare = each.strip(_ENDS)
        # A number and its full stop are one password or the other: either way what comes back is hidden.
        for value in (each.strip(), bare if any(c.isdigit() for c in bare) else ""):
            if _BESIDE <= len(value) <= LONGEST and value.casefold() not in _ORDINARY:
                values[value] = None
        if len(values) >= MOST:
            break
    return tuple(values)


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    left = r"(?<!\w)" if words[0][0].isalnum() else ""
    right = r"(?!\w)" if words[-1][-1].isalnum() else ""
    value = r"\s{1,20}".join(map(re.escape, words))
    return re.compile(f"{left}{value}{right}", re.IGNORECASE)


def _cut_off(text: str, value: str) -> Iterator[Span]:
    """“Sunsh…”: what is left of a value where a text was shortened."""
    for dots in re.finditer("…", text):
        before = text[max(0, dots.start() - len(value)) : dots.start()].casefold()
        for length in range(min(len(value) - 1, len(before)), _BESIDE - 1, -1):
            start = dots.start() - length
            if before.endswith(value[:length].casefold()) and not (start and text[start - 1].isalnum()):
                yield Span(start, dots.start(), MaskKind.SECRET)
                break
