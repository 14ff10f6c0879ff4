"""What an answer of the model claims to be known: kept where an answered Step carries it, dropped where none does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from engine.evidence import Support
from engine.history import History
from engine.note_text import BAD, declared, one_line, storable
from engine.polarity import denies, says_no
from engine.psa import Ticket
from engine.session import Fact, Hypothesis, HypothesisState, Json, Manner, Step
from engine.terms import terms

MOST_LISTED = 8
FACT = 300
CAUSE = 160
_DEED = re.compile(
    r"\bI(?:['’](?:ve|m|ll)| have| am| will)?(?: just| already| now| also){0,2} (?:e-?mail|mail|sen[dt]|clos|chang|set|post|add|book|bill"
    r"|reboot|restart|delet|remov|resolv|escalat|inform|notif|updat|reset|assign|record|order|writ|wrote)(?:e?s|e?d|t?ing|ten|e)?\b",
    re.IGNORECASE,
)


def tells_of_deeds(text: str) -> bool:
    """Whether a guide says of itself that it did something, or will: it has no hands."""
    return bool(_DEED.search(text))


class Claims:
    """Reads what is said about a record; `text` makes a text one that a person may read."""

    def __init__(self, history: History, ticket: Ticket | None, text: Callable[[object], str]) -> None:
        self._known = {hypothesis.cause.casefold() for hypothesis in history.session.hypotheses}
        self._support = Support(history, ticket)
        self._done = {step.number: step for step in history.done}
        self._text = text

    def facts(self, listed: object, last: Step | None) -> Iterator[Fact]:
        """Only of the answer given last; what its words do not carry is dropped, not sent back.

        Where a sentence says the opposite of the answer, the answer stands in its own words.
        """
        for each in _objects(listed):
            if last is None or _int(each["step"]) != last.number:
                continue
            fact = self._fact(each)
            if fact is None and self._opposes(each):
                fact = _in_own_words(last)
            if fact is not None and not _turned_round(fact.text, last):
                yield fact

    def hypotheses(self, listed: object) -> Iterator[Hypothesis]:
        """A cause is settled only by an answered step; one with no such evidence is open."""
        seen: set[str] = set()
        for each in _objects(listed):
            cause = one_line(self._text(each["cause"]), CAUSE)
            if not cause or cause.casefold() in seen:
                continue
            seen.add(cause.casefold())
            kept = (self._fact(one) for one in _objects(each["evidence"]))
            evidence = tuple(dict.fromkeys(fact for fact in kept if fact is not None))
            settled = any(fact.step in self._done for fact in evidence)
            state = HypothesisState(str(each["state"])) if settled else HypothesisState.OPEN
            yield Hypothesis(cause, state, evidence)

    def ruled_out(self, listed: object, hypotheses: Sequence[Hypothesis]) -> Iterator[Fact]:
        """Only by an answered step, and only a cause that was considered or that the step itself names."""
        known = self._known | {hypothesis.cause.casefold() for hypothesis in hypotheses}
        for each in _objects(listed):
            cause, number = one_line(self._text(each["cause"]), CAUSE), _int(each["step"])
            step = self._done.get(number)
            if step is None or not cause or step.outcome is None or step.outcome.manner is Manner.CANNOT_DO:
                continue
            # A cause is named by the very answer that says no to it.
            if cause.casefold() in known or self._support.names(cause, [number]):
                yield Fact(cause, number)

    def _fact(self, each: Json) -> Fact | None:
        """The sentence with its step, if the step happened and its words carry it; 0 is the intake."""
        text, step = self._text(each["text"]), _int(each["step"])
        if not text or len(text) > FACT or (step != 0 and step not in self._done):
            return None
        # What is believed becomes part of what a step carries: nothing may get in that its own words do not.
        return Fact(one_line(text), step) if self._support.carries(text, [step]) else None

    def _opposes(self, each: Json) -> bool:
        text, step = self._text(each["text"]), _int(each["step"])
        return self._support.names(text, [step]) and self._support.turns_round(text, [step])


def _in_own_words(step: Step) -> Fact | None:
    """The answer itself as a fact; nothing where it is a bare word or a question."""
    said = one_line(storable(step.outcome.text if step.outcome else ""), FACT)
    return Fact(said, step.number) if terms(said) and "?" not in said else None


def _turned_round(fact: str, step: Step) -> bool:
    """Whether a “no” was made a “yes”: the fact has only the question's words, and nothing that negates them."""
    if (declared(step) not in BAD and not says_no(step.result)) or denies(fact):
        return False
    return not set(terms(fact)) & set(terms(step.result))


def _objects(value: object) -> list[Json]:
    found = value[:MOST_LISTED] if isinstance(value, list) else []
    return [each for each in found if isinstance(each, Mapping)]


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0
