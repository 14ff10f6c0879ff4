"""Whether a sentence rests on the Steps it cites: they happened, they share its words, they do not say the opposite."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache

from engine.history import History
from engine.note_text import BAD, GOOD, came_out
from engine.polarity import Signs, answered, merged, opposes, signs
from engine.psa import Ticket
from engine.session import Manner, Step, StepKind
from engine.terms import terms
from engine.tried import read_result

ENOUGH = 0.6
"""Share of a sentence's telling words that must stand in what it cites."""

_EXACT = re.compile(r"[\w.:\\/-]*\d[\w.:\\/-]*")
_STEP_NUMBERS = re.compile(r"\bsteps? \d+(?:(?:, | to | and )\d+)*", re.IGNORECASE)
_NOT = re.compile(r"\b(?:not|no|never|ruled out|excluded|without|cannot|neither)\b|n['’]t\b", re.IGNORECASE)
_DONE = re.compile(r"\b(?:was|were|been|works?|now|\w{2,}ed)\b", re.IGNORECASE)
_UNDONE = re.compile(
    r"\b(?:still|to be|to do|left|remain\w*|need\w*|blocked|lack\w*|unable|refused|denied|pending|must|should|next"
    r"|once|until|fail\w*)\b",
    re.IGNORECASE,
)


class Support:
    """What each Step of a Session carries; 0 is the intake, the ticket and the request for help."""

    def __init__(self, history: History, ticket: Ticket | None = None) -> None:
        self._texts: dict[int, str] = {0: _intake(history, ticket)}
        self._came_out: dict[int, str | None] = {0: read_result(history.session.intake.text[:2_000])}
        self._not_done: dict[int, str] = {}
        self._said: dict[int, Signs] = {}
        self._reported = self._texts[0]
        self._healed: set[int] = set()
        for step in history.done:
            self._said[step.number] = said_by(step)
            if _heals(step):
                self._healed.add(step.number)
            self._texts[step.number] = _told(step)
            self._came_out[step.number] = _outcome(step)
            if step.outcome is not None and step.outcome.manner is Manner.CANNOT_DO:
                self._not_done[step.number] = step.outcome.text
        current = history.session.current
        if current is not None and current.outcome is None and not current.beside:
            self._texts[current.number] = current.text
            self._came_out[current.number] = None
            self._not_done[current.number] = ""
        for hypothesis in history.session.hypotheses:
            for fact in hypothesis.evidence:
                if fact.step in self._texts:
                    self._texts[fact.step] += f"\n{hypothesis.cause}\n{fact.text}"
        self._ruled_out = [_folded(f.text) for f in history.ruled_out if f.text.strip()]

    def happened(self, cites: Iterable[int]) -> bool:
        return all(number in self._texts for number in cites)

    def carries(self, text: str, cites: Sequence[int]) -> bool:
        """By words, results and their yes or no, not by meaning: it does not catch every wrong turn of phrase."""
        return self.names(text, cites) and not self.turns_round(text, cites)

    def turns_round(self, text: str, cites: Sequence[int]) -> bool:
        """Whether its words stand under a “not” where nothing of that kind stands in what it cites, or the reverse."""
        if 0 in cites and 0 not in self._said:
            self._said[0] = signs([self._reported])  # long, and seldom asked for
        # What was reported first is over once a cited step fixed it.
        counted = [n for n in cites if n in self._said and (n != 0 or not self._healed & set(cites))]
        return opposes(_STEP_NUMBERS.sub(" ", text), merged(self._said[n] for n in counted))

    def names(self, text: str, cites: Sequence[int]) -> bool:
        """Whether it shares the words and the results of what it cites, whatever it says of them."""
        if not cites or not self.happened(cites):
            return False
        rests_on = "\n".join(self._texts[n] for n in cites)
        return (
            _shares_words(_STEP_NUMBERS.sub(" ", text), rests_on)
            and not self._contradicts(text, cites)
            and not self._revives(text)
            and not self._claims(text, cites)
        )

    def _contradicts(self, text: str, cites: Sequence[int]) -> bool:
        claim = read_result(text)
        outcomes = {self._came_out[n] for n in cites}
        if claim == "fixed":
            return bool(outcomes & BAD) and not outcomes & GOOD
        return claim == "no_change" and bool(outcomes) and outcomes <= GOOD

    def _claims(self, text: str, cites: Sequence[int]) -> bool:
        """Whether it tells of something as done which nobody did, or has done yet."""
        undone = [n for n in cites if n != 0]
        if not undone or not self._not_done.keys() >= set(undone):
            return False
        if _shares_words(_STEP_NUMBERS.sub(" ", text), "\n".join(self._not_done[n] for n in undone)):
            return False  # so the technician said himself
        return bool(_DONE.search(text)) and not (_NOT.search(text) or _UNDONE.search(text))

    def _revives(self, text: str) -> bool:
        """Whether it names a cause that was ruled out without saying so."""
        said = _folded(text)
        return any(f" {cause} " in f" {said} " for cause in self._ruled_out) and not _NOT.search(text)


def stands_in(text: str, source: str) -> bool:
    """Whether the words of a sentence, and every number and name with a number in it, stand in a text of any
    length, and whether that text does not say the opposite of them.
    """
    folded = source.casefold()
    if any(exact.strip(".:/-").casefold() not in folded for exact in _EXACT.findall(text)):
        return False
    said = set(terms(text))
    found = {word for line in source.split("\n") for word in terms(line)}
    return bool(said) and len(said & found) >= ENOUGH * len(said) and not opposes(text, _signs_of(source))


@lru_cache(maxsize=1)
def _signs_of(source: str) -> Signs:
    """Of one long text, which many sentences are compared with."""
    return signs([source])


def said_by(step: Step) -> Signs:
    """What the answer to a Step says; its own text is a question or an order, and says nothing but with the answer."""
    return merged(
        [signs([step.result, *(fact.text for fact in step.learned)]), answered(step.text, step.result)]
    )


def _heals(step: Step) -> bool:
    seen = step.kind in (StepKind.VERIFICATION, StepKind.RESOLUTION_SUGGESTION)
    return _outcome(step) == "fixed" or (seen and _outcome(step) == "yes")


def _shares_words(text: str, rests_on: str) -> bool:
    source = rests_on.casefold()
    if any(exact.strip(".:/-").casefold() not in source for exact in _EXACT.findall(text)):
        return False
    said = set(terms(text))
    return bool(said) and len(said & set(terms(rests_on))) >= ENOUGH * len(said)


def _told(step: Step) -> str:
    learned = [fact.text for fact in step.learned]
    return "\n".join([step.text, step.result, *learned, *step.ruled_out])


def _outcome(step: Step) -> str | None:
    if step.outcome is None or step.outcome.manner is Manner.CANNOT_DO:
        return None
    return came_out(step)


def _intake(history: History, ticket: Ticket | None) -> str:
    session = history.session
    escalation = session.escalation
    asked = (escalation.reason, escalation.blockers, escalation.promised) if escalation else ()
    snapshot = session.ticket if ticket is None else asdict(ticket)
    return "\n".join([session.intake.text, session.intake.log_digest, *asked, *_strings(snapshot)])[:60_000]


def _strings(value: object) -> Iterable[str]:
    """Every text in a stored ticket, wherever it stands."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)


def _folded(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())
