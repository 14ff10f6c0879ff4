"""Whether a text says yes or no to its telling words, clause by clause, and whether a sentence turns that round."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from engine.terms import terms

Signs = Mapping[str, frozenset[int]]
"""Of each telling word what is said of it: 1 yes, -1 no, 0 neither surely."""

_LONGEST = 60_000
_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_ELIDED = re.compile(r"^(?:[cdjlns]|qu)['’](?=\w{2})")
_SENTENCE = re.compile(r"[^.!?;\n]+(?:[.!](?=\S)[^.!?;\n]*)*[.!?;]?")
_CLAUSE = re.compile(
    r"[,:()“”„\"\[\]–—…]+(?!\d)|\s-+\s|(?<=\w)\s+(?=(?:nor|weder)\b)"
    r"|\b(?:and|but|because|while|although|though|whereas|which|who|that|so|then|when|after|before|until|und|aber"
    r"|sondern|weil|dass|et|mais|y|pero)\b",
    re.IGNORECASE,
)
_JOINS = re.compile(r"\s*(?:and|und|et|y)\s*", re.IGNORECASE)
_ANSWER = re.compile(
    r"^\W*(?:(?P<no>no|nope|nein|non|not really)|(?P<yes>yes|yep|yeah|ja|oui|si|sí|correct))\b(?=\s*(?:[.,;:!–—-]|$)"
    r"|\s+(?:it|the|he|she|they|that|this|there|i|we|you|es|er|sie|das|der|die)\b)\W*",
    re.IGNORECASE,
)
_IF = re.compile(
    r"\b(?:if|whether|in case|unless|wenn|falls|ob)\b"
    r"|\bruled out\b|\bexcluded\b"
    r"|\b(?:has|have|had|needs?|remains?|is|are|was|were) to\b|\b(?:must|should|pending)\b(?! have\b)",
    re.IGNORECASE,
)
"""What is only supposed, or has yet to be done, says neither yes nor no."""
_ORDER = re.compile(r"\W*(?:please )?(?:do not|don['’]?t|never|avoid)\b", re.IGNORECASE)

_NOT = re.compile(
    r"not|never|cannot|hardly|unable|impossible|neither|nor|nicht|nie|niemals|weder|pas|jamais|nunca"
    r"|\w+n['’]t|(?:do|does|did|is|are|was|were|has|have|had|ca|could|wo|would|should)nt"
)
_NO = re.compile(r"no|none|nothing|nobody|zero|kein\w{0,2}|nichts|niemand|aucune?|ningun\w?|ningún")
_WITHOUT = re.compile(r"without|ohne|sans|sin")
_FAILED = re.compile(
    r"fail(?:s|ed|ing|ure|ures)?|refus(?:e|es|ed|al)|den(?:y|ies|ied)|gone|timed|disappeared|vanished|fehlgeschlagen"
)
_OPPOSITE = {
    "offline": "online", "stopped": "running", "disabled": "enabled", "disconnected": "connected",
    "unreachable": "reachable", "unavailable": "available", "inaccessible": "accessible", "invalid": "valid",
    "incorrect": "correct", "wrong": "correct", "unsuccessful": "successful", "unsuccessfully": "successful",
    "unlocked": "locked", "uninstalled": "installed", "unplugged": "plugged",
    "unchanged": "changed", "unresolved": "resolved", "unsolved": "solved", "inactive": "active",
    "unlicensed": "licensed", "unpaired": "paired", "unmapped": "mapped", "unresponsive": "responsive",
}  # fmt: skip
_AUXILIARY = frozenset(
    """is are was were be been being has have had does do did can could will would may might got gets ist war sind
    waren wird werden wurde wurden hat haben kann konnte konnten est sont""".split()  # noqa: SIM905
)
_PLACE = frozenset(
    """on in at from since for of with by into onto via under during through over within against auf im am an bei von vom
    mit seit aus für dans sur avec""".split()  # noqa: SIM905
)
_ARTICLE = frozenset(
    """the a an this that his her our their its my your
    der die das den dem ein eine le la""".split()  # noqa: SIM905
)
_UNTOLD = frozenset(
    """er sie es ihr wir ich sich noch mehr auch
    any able longer yet more either anymore""".split()  # noqa: SIM905
)


@dataclass(slots=True)
class _Word:
    """A telling word of a clause; `leads` where it is what the clause says of its subject, `place` where it
    tells where, when or with what.
    """

    term: str
    sign: int = 1
    leads: bool = False
    place: bool = False


@dataclass(slots=True)
class _Clause:
    words: list[_Word] = field(default_factory=list)

    @property
    def denies(self) -> bool:
        return any(word.sign < 0 for word in self.words)


def signs(texts: Iterable[str]) -> dict[str, frozenset[int]]:
    """What these texts say of each word; their questions and conditions say nothing."""
    found: dict[str, set[int]] = {}
    for text in texts:
        for sentence in _SENTENCE.findall(text[:_LONGEST]):
            if not sentence.rstrip().endswith("?"):
                for clause in _clauses(sentence):
                    _gather(clause, found)
    return {term: frozenset(said) for term, said in found.items()}


def answered(question: str, answer: str) -> dict[str, frozenset[int]]:
    """What a plain yes or no says of the words of the question asked last; nothing where it is neither."""
    said = _ANSWER.match(answer)
    asked = [part for part in _SENTENCE.findall(question[:_LONGEST]) if part.rstrip().endswith("?")]
    if said is None or not asked:
        return {}
    found: dict[str, set[int]] = {}
    for clause in _clauses(asked[-1].rstrip(" ?")):
        if said["no"]:
            # “No” to a question that has a “not” in it may mean either.
            leads = None if clause.denies else _asked_for(clause)
            for word in clause.words:
                word.sign = -1 if word is leads else 0
        _gather(clause, found)
    return {term: frozenset(each) for term, each in found.items()}


def says_no(answer: str) -> bool:
    """Whether an answer is a plain “no”, or begins with one."""
    said = _ANSWER.match(answer)
    return said is not None and bool(said["no"])


def denies(text: str) -> bool:
    """Whether anything in a text is negated."""
    return any(_kind(token) or token in _OPPOSITE for token in _tokens(text))


def merged(found: Iterable[Signs]) -> dict[str, frozenset[int]]:
    result: dict[str, frozenset[int]] = {}
    for each in found:
        for term, said in each.items():
            result[term] = result.get(term, frozenset()) | said
    return result


def opposes(text: str, source: Signs) -> bool:
    """Whether a clause says yes where its source says only no, or no where it says only yes.

    One such word is enough where it leads its clause; else they must be as many as the words that agree.
    """
    for sentence in _SENTENCE.findall(text[:_LONGEST]):
        for clause in () if sentence.rstrip().endswith("?") else _clauses(sentence):
            against = [word for word in clause.words if _against(word, source)]
            agree = sum(word.sign in source.get(word.term, ()) for word in clause.words if word.sign)
            if against and (len(against) >= agree or any(w.leads or w.sign < 0 for w in against)):
                return True
    return False


def _against(word: _Word, source: Signs) -> bool:
    said = source.get(word.term)
    return word.sign != 0 and said is not None and said == frozenset({-word.sign})


def _asked_for(clause: _Clause) -> _Word | None:
    """What a question asks of its subject: its last word before any “on the server”."""
    words = [word for word in clause.words if not word.place]
    return words[-1] if words else None


def _gather(clause: _Clause, found: dict[str, set[int]]) -> None:
    for word in clause.words:
        found.setdefault(word.term, set()).add(word.sign)


# ── Clauses ─────────────────────────────────────────────────────────────────────────────────────────────────


def _clauses(sentence: str) -> Iterator[_Clause]:
    bare = _ANSWER.sub("", sentence)
    at, joined, before = 0, "", _Clause()
    for cut in (*_CLAUSE.finditer(bare), None):
        part = bare[at : cut.start() if cut else len(bare)]
        if not (_IF.search(part) or _ORDER.match(part)):
            clause = _read(list(_tokens(part)))
            if before.denies and (_hangs_on(part, joined) or joined.casefold() in ("that", "dass")):
                # “cannot print and scan”, “not true that”: how far the “not” reaches is for nobody to say.
                for word in clause.words:
                    word.sign = 0
            yield clause
            before = clause
        if cut:
            at, joined = cut.end(), cut[0]


def _hangs_on(part: str, joined: str) -> bool:
    """Whether a piece has no subject and no verb of its own: one of a list that something else governs."""
    tokens = list(_tokens(part))
    own = any(token in _AUXILIARY or token in _ARTICLE or _kind(token) for token in tokens)
    listed = bool(_JOINS.fullmatch(joined)) or (joined == "," and "or" in tokens)
    return listed and not own and len(tokens) <= 4


def _tokens(text: str) -> Iterator[str]:
    return (_ELIDED.sub("", found[0].casefold()) for found in _TOKEN.finditer(text))


def _kind(token: str) -> str:
    """`not`, `no`, `without` or `failed` for a word that negates, else nothing."""
    for kind, pattern in (("not", _NOT), ("no", _NO), ("without", _WITHOUT), ("failed", _FAILED)):
        if pattern.fullmatch(token):
            return kind
    return ""


@lru_cache(maxsize=4_096)
def _term(word: str) -> str:
    if word in _UNTOLD or word in _AUXILIARY or word in _ARTICLE or word in _PLACE:
        return ""
    # “Help” alone is no telling word elsewhere; here “did not help” is all there is.
    found = ["help"] if word == "help" else terms(word)
    return found[0] if found else ""


def _read(tokens: list[str]) -> _Clause:
    """The words of one clause, each under the negations that reach it."""
    reading = _Reading()
    for at, token in enumerate(tokens):
        reading.take(token, tokens[at - 1] if at else "", tokens[at + 1] if at + 1 < len(tokens) else "")
    return reading.closed()


class _Reading:
    """Goes through a clause word by word; a negation reaches what follows it, up to where or when."""

    def __init__(self) -> None:
        self._clause = _Clause()
        self._open = ""  # the negation that reaches the next word
        self._reached = 0  # how many words it reached
        self._neutral = False
        self._verb = False
        self._place = False
        self._before: tuple[int, ...] = ()

    def take(self, token: str, before: str, after: str) -> None:
        kind = _kind(token)
        if kind == "not" and after in ("only", "just"):
            return
        if kind == "failed":
            self._failed(token, before, after)
        elif kind:
            self._negation(kind, before)
        elif token in _AUXILIARY:
            self._auxiliary()
        elif token in _PLACE:
            self._neutral = self._neutral or (bool(self._open) and self._reached > 0)
            self._place = bool(self._clause.words)
        else:
            self._word(token, before)

    def closed(self) -> _Clause:
        if self._open and not self._reached:
            # “Der Drucker druckt nicht”: what it negates stands before it.
            words = self._clause.words
            for word in words[-1:] if self._open == "no" else words[1:] or words:
                word.sign = -1
        return self._clause

    def _negation(self, kind: str, before: str) -> None:
        if self._cancels():
            return
        if self._open:
            self._open = "" if kind != "no" else kind
            return
        self._before = tuple(word.sign for word in self._clause.words)
        if kind != "without" and not (kind == "no" and before in ("with", "mit")):
            for word in self._clause.words:
                word.sign, word.leads = 0, False
        self._open, self._reached, self._neutral = kind, 0, False

    def _cancels(self) -> bool:
        """“Not without”, “did not fail”: what stands before is said as if neither were there."""
        if not self._open or self._reached:
            return False
        for word, sign in zip(self._clause.words, self._before, strict=False):
            word.sign = sign
        self._open = ""
        return True

    def _failed(self, token: str, before: str, after: str) -> None:
        """“Failed to print” reaches on, “the restore failed” back; “the failed disk” is a name, “did not fail” a yes."""
        if before in _ARTICLE:
            return
        if self._cancels():
            return
        if after in ("to", "zu"):
            self._negation("not", before)
            return
        for word in self._clause.words:
            word.sign = -word.sign
        self._clause.words.append(_Word(_term(token), 0))
        self._open, self._reached, self._neutral = "failed", 1, True

    def _auxiliary(self) -> None:
        self._verb = True
        if self._open == "not" and self._reached:
            self._open, self._neutral = "", False

    def _word(self, token: str, before: str) -> None:
        named = before in _ARTICLE
        flips = token in _OPPOSITE and not named
        term = _term(_OPPOSITE[token] if flips else token)
        if not term:
            return
        sign = -1 if flips else 1
        if self._open:
            sign = 0 if self._neutral else -sign
            self._reached += 1
        leads = (self._verb or (token.endswith("ed") and not named)) and not self._neutral
        self._verb = False if leads else self._verb
        self._clause.words.append(_Word(term, sign, leads, self._place))
