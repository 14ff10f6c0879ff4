"""Gathers a log's lines into kinds of lines: digits folded, distinct keys counted, then a fixed-depth Drain.

After Drain (He et al., ICWS 2017), but on distinct keys only: a log of 10 MB usually has a few hundred.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, count
from math import log
from operator import eq

from engine.log_lines import SUSPECT, Severity, severity

KEY_LIMIT = 2_000
"""Distinct keys that are compared with each other; 120,000 unique lines took 35 s without it."""
_CHILD_LIMIT = 100
_GROUPS_PER_LEAF = 60
_ALIKE = 0.55

_FOLD = bytes.maketrans(b"123456789", b"0" * 9)
_CALENDAR = frozenset(
    [
        "Jan",
        "Feb",
        "Mar",
        "Apr",
        "May",
        "Jun",
        "Jul",
        "Aug",
        "Sep",
        "Oct",
        "Nov",
        "Dec",
        "Mon",
        "Tue",
        "Wed",
        "Thu",
        "Fri",
        "Sat",
        "Sun",
        "AM",
        "PM",
        "*",
    ]
)
# Codes tell one incident from another, so their digits are set aside as private characters before the
# folding.
_ASIDE = str.maketrans("0123456789", "".join(chr(0xE030 + n) for n in range(10)))
_BACK = {0xE030 + n: str(n) for n in range(10)}
_CODES = tuple(
    (hint, re.compile(pattern))
    for hint, pattern in (
        ("0x", r"0x[8cC][0-9a-fA-F]{7}\b"),
        ("vent", r"vent ?ID[ =:]{1,3}\d{1,5}\b"),
        ("rror", r"rror[ =:#]{1,3}\d{1,6}\b"),
        ("ode", r"ode[ =:]{1,3}\d{1,6}\b"),
        ("tatus", r"tatus[ =:]{1,3}\d{1,3}\b"),
        ('" ', r'" [1-5]\d\d '),
    )
)
_CODE_KINDS = 64
_SET_ASIDE = re.compile("[\ue030-\ue039]+")


@dataclass(frozen=True, slots=True)
class Group:
    """Lines of one kind; line numbers count from 1; `text` has `*` where they differ."""

    text: str
    count: int
    first_line: int
    last_line: int
    severity: Severity
    example: str
    score: float


@dataclass(frozen=True, slots=True)
class Grouping:
    """All groups, most telling first; `capped` when some keys were only gathered by their first words."""

    groups: tuple[Group, ...]
    first_error: int | None
    capped: bool


@dataclass(slots=True)
class _Kind:
    tokens: list[str]
    count: int
    first: int
    last: int
    severity: Severity

    def absorb(self, other: _Kind) -> None:
        self.tokens = [a if a == b else "*" for a, b in zip(self.tokens, other.tokens, strict=False)]
        self.count += other.count
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)


def group_lines(lines: Sequence[str], passed_over: Iterable[int] = ()) -> Grouping:
    """Groups the lines, except blank ones and the indexes `passed_over` (stack frames)."""
    keys = _fold(lines)
    for index in passed_over:
        keys[index] = ""
    spans = _merge_masked(keys)
    chosen, rest = _choose(spans)
    kinds = [_kind(key, spans[key], severity(lines[spans[key][1] - 1])) for key in chosen]
    errors = [kind.first for kind in kinds if kind.severity >= Severity.ERROR]
    gathered = _drain(kinds) + _by_first_words(rest, spans)
    return Grouping(_scored(gathered, lines), min(errors, default=None), bool(rest))


def _fold(lines: Sequence[str]) -> list[str]:
    """Every line with its digits made 0, except in error codes, event ids and HTTP statuses."""
    text = "\n".join(lines)
    for hint, pattern in _CODES:
        if hint in text:
            codes = set(pattern.findall(text))
            if len(codes) <= _CODE_KINDS:  # more than that are numbers, not codes
                text = pattern.sub(lambda found: found[0].translate(_ASIDE), text)
    return text.encode("utf-8", "replace").translate(_FOLD).decode().split("\n")


def _merge_masked(keys: list[str]) -> dict[str, tuple[int, int, int]]:
    """Masked key → (count, first line, last line); all passes over every line are done in C."""
    counts = Counter(keys)
    last = dict(zip(keys, count(1), strict=False))
    first = dict(zip(reversed(keys), count(len(keys), -1), strict=False))
    merged: dict[str, tuple[int, int, int]] = {}
    for key, number in counts.items():
        masked = " ".join([token if "0" not in token else _masked(token) for token in key.split()])
        known = merged.get(masked)
        if known:
            merged[masked] = (
                known[0] + number, min(known[1], first[key]), max(known[2], last[key]),
            )  # fmt: skip
        elif masked:
            merged[masked] = (number, first[key], last[key])
    return merged


def _masked(token: str) -> str:
    """`sshd[0000]:` keeps its name, `000.00.0.0` and `a0f0c0` do not matter."""
    head = token.partition("0")[0]
    return head + "*" if len(head) > 2 and head[-1] in "[=(:#/,_" else "*"


def _choose(spans: dict[str, tuple[int, int, int]]) -> tuple[list[str], list[str]]:
    """The keys worth comparing, and the rest: suspicious ones first, then the most frequent and the
    latest.
    """
    if len(spans) <= KEY_LIMIT:
        return list(spans), []
    suspects = _suspects(spans)
    by_count = sorted(suspects, key=lambda key: spans[key][0])
    wanted = dict.fromkeys(chain(suspects[:200], by_count[: KEY_LIMIT - 800], suspects[-100:]))
    frequent = sorted(spans, key=lambda key: -spans[key][0])
    wanted.update(dict.fromkeys(chain(frequent[:200], sorted(spans, key=lambda key: -spans[key][2])[:100])))
    for key in frequent[::-1]:
        if len(wanted) >= KEY_LIMIT:
            break
        wanted[key] = None
    return list(wanted), [key for key in spans if key not in wanted]


def _suspects(keys: Iterable[str]) -> list[str]:
    """Keys with a suspicious stem; stems that stand nowhere are not looked for in each key."""
    names = list(keys)
    text = "\n".join(names).lower()
    stems = [stem for stem in SUSPECT if stem in text]
    if not stems:
        return []
    return [name for name in names for low in (name.lower(),) if any(stem in low for stem in stems)]


def _kind(key: str, span: tuple[int, int, int], level: Severity) -> _Kind:
    tokens = key.split(" ")
    start = 0
    while start < min(6, len(tokens) - 1) and tokens[start] in _CALENDAR:
        start += 1
    return _Kind(tokens[start:], *span, level)


def _drain(kinds: list[_Kind]) -> list[_Kind]:
    """Merges kinds of one severity, length and codes whose first two words agree and whose others are mostly
    alike.
    """
    leaves: dict[tuple[object, ...], list[_Kind]] = {}
    children: dict[tuple[object, ...], set[str]] = {}
    for kind in kinds:
        codes = tuple(_SET_ASIDE.findall(" ".join(kind.tokens)))
        node: tuple[object, ...] = (kind.severity, len(kind.tokens), codes)
        for word in kind.tokens[:2]:
            known = children.setdefault(node, set())
            full = word not in known and len(known) >= _CHILD_LIMIT
            known.add("*" if full else word)
            node += ("*" if full else word,)
        leaf = leaves.setdefault(node, [])
        best = max(leaf, key=lambda other: _alike(other.tokens, kind.tokens), default=None)
        if best and (_alike(best.tokens, kind.tokens) >= _ALIKE or len(leaf) >= _GROUPS_PER_LEAF):
            best.absorb(kind)
        else:
            leaf.append(kind)
    return list(chain.from_iterable(leaves.values()))


def _alike(one: list[str], other: list[str]) -> float:
    """Share of equal words after the first two, wildcards not counted: headers would make everything
    alike.
    """
    a, b = one[2:], other[2:]
    stars = sum(1 for x, y in zip(a, b, strict=False) if x == "*" or y == "*")
    both = sum(1 for x, y in zip(a, b, strict=False) if x == "*" == y)
    constant = len(a) - stars
    return (sum(map(eq, a, b)) - both) / constant if constant else 1.0 if one[:2] == other[:2] else 0.0


def _by_first_words(rest: list[str], spans: dict[str, tuple[int, int, int]]) -> list[_Kind]:
    """One pass for the keys beyond the limit: lines of one length with the same two first words count
    as one.
    """
    gathered: dict[tuple[object, ...], _Kind] = {}
    for key in rest:
        number, first, last = spans[key]
        head = key.split(" ", 2)[:2]
        node = (key.count(" "), *head) if len(gathered) < KEY_LIMIT else ()
        known = gathered.get(node)
        if known is None:
            tokens = [*head, "*"] if node else ["(other lines)"]
            gathered[node] = _Kind(tokens, number, first, last, Severity.INFO)
        else:
            known.count += number
            known.first, known.last = min(known.first, first), max(known.last, last)
    return list(gathered.values())


def _scored(kinds: list[_Kind], lines: Sequence[str]) -> tuple[Group, ...]:
    """Score = severity + rarity + recency + how many of the words stand in no other kind."""
    total = max(2, sum(kind.count for kind in kinds))
    seen = Counter(word for kind in kinds for word in set(kind.tokens))
    groups = []
    for kind in kinds:
        words = [word for word in kind.tokens if word != "*"]
        novelty = sum(1 for word in words if seen[word] == 1) / max(1, len(words))
        rarity = 1 - log(kind.count) / log(total)
        score = _WEIGHT[kind.severity] + 2.5 * rarity + 0.5 * kind.last / len(lines) + novelty
        text = " ".join(kind.tokens).translate(_BACK)
        groups.append(
            Group(text, kind.count, kind.first, kind.last, kind.severity, lines[kind.first - 1], score)
        )
    return tuple(sorted(groups, key=lambda group: (-group.score, group.first_line)))


_WEIGHT = {Severity.INFO: 0.0, Severity.WARNING: 1.8, Severity.ERROR: 3.0, Severity.CRITICAL: 4.0}
