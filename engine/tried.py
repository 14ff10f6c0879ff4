"""Reading a list of what a technician already tried: the items, what came of them, and which checks they were."""

import re
from collections.abc import Iterable, Mapping, Sequence

from engine.terms import terms

MAX_ITEMS = 40
MAX_CHARACTERS = 20_000

_BREAKS = re.compile(
    r"\s*(?:[;\n\r]+|,(?=\s)|\.(?=\s|$)|(?:^|(?<=\s))[-*•–](?=\s)|(?:^|(?<=\s))\d{1,2}[.)](?=\s))\s*"
)
_AND = re.compile(r"\s+(?:and(?: then| also)?|then|&|\+)\s+", re.IGNORECASE)
_LEAD_IN = re.compile(
    r"^(?:(?:i|we|they|user|already|also|have|has|had|ive|i've|we've|tried|to|so far|and|then|but|what)[\s:]+)+",
    re.IGNORECASE,
)
_ACTS = re.compile(
    r"^(?:(?:i|we|have|also|already|then)\s+)*(?:\w+ed|ran|re-?ran|reset|did|took|put|set|made|went|rebuilt|swapped|gave|got"
    r"|re-?start|re-?boot|re-?install|un-?install|check|clear|flush|update|repair|remove|add|delete|replace|swap|test|ping"
    r"|disable|enable|power|unplug|plug|turn|sign|log|run|scan|change|switch|recreate|re-?add)\b",
    re.IGNORECASE,
)

# The first pattern found wins; “fixed it for an hour” is neither fixed nor unchanged. Words that also name things
# (“clean boot”, “static ip fixed”, “error log”) count only where a phrase ends.
_NOT = r"(?:did ?n['’o]?t|did not|does ?n['’o]?t|does not|was ?n['’o]?t|has ?n['’o]?t|have ?n['’o]?t)"
_RESULTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), outcome)
    for pattern, outcome in (
        (
            r"\b(?:temporar\w+|for (?:a|an|one|two|some|\d+) \w+|(?:came|comes|come) back|back again|at first|briefly"
            r"|sometimes|(?:helped|better) (?:a (?:bit|little)|partly|somewhat))\b",
            "other",
        ),
        (r"\b(?:no|without|zero|0) (?:errors?|problems?|issues?|loss)\b", "yes"),
        (
            r"\b(?:no (?:change|difference|luck|joy|effect|improvement|good|use|dice|help)|nothing(?: changed| helped| worked)?"
            r"|(?:none of \w+|neither(?: of \w+)?) (?:helped|worked|fixed it)|unchanged|still(?! (?:work|fine|ok))(?: \w+){1,3}"
            r"|same (?:error|issue|problem|thing|result|message|again)|same$|no fix|without (?:success|effect|luck)"
            r"|to no avail|useless|not (?:fixed|working|helped|solved)"
            r"|" + _NOT + r" (?:help|work|fix|change|solve|do)\w*(?: (?:it|anything|either))?)",
            "no_change",
        ),
        (r"\b(?:could ?n['’o]?t|could not|cannot|can['’]?t|refused|timed out|denied)\b", "no"),
        (r"\b(?:fail(?:ed|s)?(?: again| too| with [\w ]+)?|errors?)\W*$", "no"),
        (
            r"\b(?:fixed|worked|works|solved|resolved|helped|back up|sorted)(?: (?:it|that|now|again|fine))*\W*$",
            "fixed",
        ),
        (r"\b(?:ok|okay|fine|good|pass(?:ed|es)?|succeeded|successful|clean|yes|clear|normal)\W*$", "yes"),
    )
)
_ASKED = re.compile(r"\b(?:if|whether)\b", re.IGNORECASE)
_OF_ALL = re.compile(
    r"^(?:but )?(?:none of|nothing|neither|no (?:change|luck) (?:with|from) (?:any|all))\b", re.IGNORECASE
)
_TAIL = re.compile(r"[:,;(→>=]|\s[-–]\s|\bbut\b")
_RESULT_FILLER = frozenset(
    """it that this but and then the all any of issue problem did nothing with so which for at a an after hour""".split()  # noqa: SIM905 - a list of words reads as a text
)


def split_tried(text: str) -> tuple[str, ...]:
    """The items of a list typed on one line or many, each with its result still attached.

    Commas, semicolons, full stops, bullets, numbers and lines separate; “and” does when another act follows. A piece
    that is only a result (“no change”) belongs to the item before it, “none of it helped” to every item without one.
    """
    items: list[str] = []
    for piece in (part for chunk in _BREAKS.split(text[:MAX_CHARACTERS]) for part in _split_at_and(chunk)):
        stripped = _LEAD_IN.sub("", piece.strip(" \t,;.-*•–")).strip()
        if not stripped:
            continue
        if not items or not _only_result(stripped):
            items.append(stripped)
        elif _OF_ALL.match(stripped):
            items = [item if read_result(item) else f"{item}, {stripped}" for item in items]
        else:
            items[-1] = f"{items[-1]}, {stripped}"
    return tuple(items[:MAX_ITEMS])


def read_result(phrase: str) -> str | None:
    """What came of it: `no_change`, `no` (failed), `fixed`, `yes` (passed), `other` (only for a while), or unsaid."""
    parts = _TAIL.split(phrase[:300], maxsplit=1)
    if len(parts) == 2 and (of_tail := _result(parts[1].rstrip(" )"))):
        return of_tail
    return None if _ASKED.search(parts[0]) else _result(phrase[:300])


def _result(phrase: str) -> str | None:
    return next((outcome for pattern, outcome in _RESULTS if pattern.search(phrase)), None)


def match_tried(
    checks: Mapping[str, tuple[Sequence[str], str]], phrases: Iterable[str]
) -> dict[str, tuple[str, str | None]]:
    """Which checks the phrases say were done: check id → (phrase, result or None).

    `checks` maps an id to its “already” phrases and its text. A phrase marks the check it fits best; checks that tie
    (the same check on two branches) are all marked. The first phrase that tells a check's result keeps it.
    """
    worded = {
        node: ([frozenset(terms(_LEAD_IN.sub("", known))) for known in already], frozenset(terms(text)))
        for node, (already, text) in checks.items()
    }
    found: dict[str, tuple[str, str | None]] = {}
    for phrase in phrases:
        said = frozenset(terms(_without_result(phrase)))
        fits = {node: _fit(said, *known) for node, known in worded.items()}
        best = max(fits.values(), default=0.0)
        if best > 0:
            for node in (node for node, fit in fits.items() if fit == best):
                if found.get(node, ("", None))[1] is None:
                    found[node] = (phrase, read_result(phrase))
    return found


def _fit(said: frozenset[str], already: Sequence[frozenset[str]], text: frozenset[str]) -> float:
    """0 when the phrase is not this check, else how much of both sides agrees.

    One shared word proves little (“restarted the router” is not “restarted”), so a one-word phrase must be equal.
    """
    if not said:
        return 0.0
    best = 0.0
    for known in already:
        shared = len(said & known)
        enough = said == known if len(known) == 1 else shared >= 2 and shared >= 0.65 * len(known)
        if enough:
            best = max(best, 1 + 2 * shared / (len(said) + len(known)))
    if best == 0 and len(said) >= 2 and len(said & text) >= max(2, 0.75 * len(said)):
        best = len(said & text) / len(said)
    return best


def _split_at_and(chunk: str) -> list[str]:
    parts: list[str] = []
    for part in _AND.split(chunk):
        if parts and not (_ACTS.match(part) or _only_result(part)):
            parts[-1] = f"{parts[-1]} and {part}"
        else:
            parts.append(part)
    return parts


def _only_result(piece: str) -> bool:
    """True for “no change” or “but it did not help”, false for “checked cables, fine”."""
    return read_result(piece) is not None and not _left_over(piece)


def _left_over(piece: str) -> list[str]:
    bare = piece
    for pattern, _ in _RESULTS:
        bare = pattern.sub(" ", bare)
    return [word for word in re.findall(r"[\w']+", bare.casefold()) if word not in _RESULT_FILLER]


def _without_result(phrase: str) -> str:
    bare = _LEAD_IN.sub("", phrase[:300])
    head = _TAIL.split(bare, maxsplit=1)[0]
    return head if terms(head) else bare
