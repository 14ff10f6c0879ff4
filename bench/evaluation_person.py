"""The technician of a case: knows the truth, answers each step by it, and always in the same way for one seed."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.evaluation_cases import Case
from engine.session import Option, Step, StepKind

UNSURE = ("I cannot tell from here.", "Not known, and I have no way to find out now.", "No idea, sorry.")
NO_CHANGE = (
    "Done, no change.",
    "I did that, it made no difference.",
    "Did it. The problem is still there.",
)
WORKS = ("Done, and it works now.", "That did it, the problem is gone.", "I did that and it is fixed.")
SEEN = ("Yes, it works as it should.", "Checked with the user: it works.", "It works, the user confirmed it.")
NOT_SEEN = ("No, it still fails.", "Checked: the problem is still there.", "It does not work yet.")
ASKS = {
    "changed": r"\bchang|recently|before it (?:began|started)",
    "since": r"since when|when did|how long|first (?:seen|noticed)",
    "who": r"who else|anyone else|other (?:people|users)|only (?:this|one)|affected|colleague",
    "error": r"error|message|code|exact text|event",
    "what": r"what exactly|what happens|describe|see exactly|symptom",
}
DOINGS = (StepKind.ACTION, StepKind.SCRIPT)
GIVE_UP = re.compile(r"\bescalat|\bhand (?:it|this|the \w+) ?over|\bhand over|second line", re.IGNORECASE)
CALLER = re.compile(r"\bverif\w+ (?:the )?caller|identity of the caller|caller and that the", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pick:
    option: str


@dataclass(frozen=True, slots=True)
class Words:
    text: str


@dataclass(frozen=True, slots=True)
class Ending:
    """`solved`: he resolves; else he asks for help."""

    solved: bool


@dataclass(frozen=True, slots=True)
class Cannot:
    """The step cannot be done, or none of its answers fits."""

    text: str


Reaction = Pick | Words | Ending | Cannot


@dataclass(slots=True)
class Technician:
    """`fixed`: the problem is gone. `guessed` are steps for which the case says nothing; `worded` those that he answered
    in his own words.
    """

    case: Case
    seed: int
    fixed: bool = False
    moved: int = 0
    guessed: list[str] = field(default_factory=list)
    worded: set[str] = field(default_factory=set)
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(f"{self.seed}:{self.case.name}")

    def opening(self, ticket: int | None) -> str:
        """The report, each run in other words, with the log below it."""
        say = self.case.intake.say
        words = say[self.seed % len(say)].replace("{ticket}", str(ticket or ""))
        log = self.case.intake.log
        return f"{words}\n\n{log}" if log else words

    def reason(self) -> str:
        return self._one(self.case.truth.reason)

    def react(self, step: Step) -> Reaction:
        """What he does about the step on the table."""
        if step.stand.get("at") == "preview":
            return Pick("go_on")
        said = "\n".join(
            (step.text, step.script.text if step.script else "", *(o.label for o in step.options))
        )
        offered = [o.id for o in step.options if o.id.startswith("flow:")]
        if offered and (chosen := self._flow(step, offered)) is not None:
            return chosen
        if step.kind is StepKind.RESOLUTION_SUGGESTION:
            return self._judged(step)
        self.fixed = self.fixed or self._fixes(step)
        found = self._picked(step, said) or self._led(step) or self._worked(step)
        return found or self._told(step, said) or self._by_kind(step, said)

    # ── By what is on the table ─────────────────────────────────────────────────────────────────────────────

    def _flow(self, step: Step, offered: Sequence[str]) -> Reaction | None:
        """He knows which title fits his problem; where none does he says so."""
        fits = [f"flow:{name}" for name in self.case.expect.flow if f"flow:{name}" in offered]
        if fits and not self.case.expect.leaves:
            return Pick(fits[0])
        return Pick("none") if any(o.id == "none" for o in step.options) else None

    def _judged(self, step: Step) -> Reaction:
        wanted = "fixed" if self.fixed else "not_fixed"
        if any(o.id == wanted for o in step.options):
            return Pick(wanted)
        return Words(self._one(SEEN if self.fixed else NOT_SEEN))

    def _picked(self, step: Step, said: str) -> Reaction | None:
        """The offered answer that says what he knows."""
        for each in self.case.truth.knows:
            if not (each.pick and re.search(each.when, said, re.IGNORECASE)):
                continue
            option = _labelled(step.options, each.pick)
            if option is not None:
                self.fixed = self.fixed or option.outcome == "fixed"
                return Pick(option.id)
        return None

    def _fixes(self, step: Step) -> bool:
        fix, shown = self.case.truth.fixed_by, f"{step.text}\n{step.script.text if step.script else ''}"
        return bool(fix) and step.kind in DOINGS and re.search(fix, shown, re.IGNORECASE) is not None

    def _worked(self, step: Step) -> Reaction | None:
        """What fixes it, and what is seen after that."""
        if self._fixes(step):
            return self._meaning(step, ("fixed", "yes"), WORKS)
        if step.kind is StepKind.VERIFICATION and (self.fixed or CALLER.search(step.text)):
            return self._meaning(step, ("fixed", "yes"), SEEN)
        return None

    def _told(self, step: Step, said: str) -> Reaction | None:
        """What he knows, in his own words."""
        for each in self.case.truth.knows:
            only_words = not each.pick or not step.options
            if each.say and only_words and re.search(each.when, said, re.IGNORECASE):
                return self._in_words(step, each.say)
        return None

    def _led(self, step: Step) -> Reaction | None:
        """Where the guide asks what he does next: his own moves, then the end."""
        ids = {o.id for o in step.options}
        if "escalate" not in ids:
            gives_up = self.case.end == "escalate" and GIVE_UP.search(step.text)
            return Ending(solved=False) if gives_up else None
        if self.fixed and "fixed" in ids:
            return Pick("fixed")
        moves = self.case.truth.moves
        if self.moved >= len(moves) or self.fixed:
            return Ending(solved=self.fixed)
        if "words" in ids:
            return Pick("words")
        move = moves[self.moved]
        self.moved += 1
        self.fixed = move.fixes
        return Words(self._one(move.say))

    def _by_kind(self, step: Step, said: str) -> Reaction:
        """Where the case says nothing."""
        if step.kind is StepKind.VERIFICATION:
            return self._meaning(step, ("no", "no_change"), NOT_SEEN)
        if step.kind in DOINGS:
            self.guessed.append(step.text)
            return self._meaning(step, ("no_change",), NO_CHANGE)
        return self._asked(step, said)

    def _asked(self, step: Step, said: str) -> Reaction:
        ids = [o.id for o in step.options]
        if {"gui", "cli"} <= set(ids):
            return Pick("gui")
        topics = [topic for topic, pattern in ASKS.items() if re.search(pattern, said, re.IGNORECASE)]
        for topic in [step.stand["key"]] if step.stand.get("at") == "triage" else topics:
            if known := getattr(self.case.truth, str(topic)):
                return self._in_words(step, known)
        self.guessed.append(step.text)
        unknown = next((i for i in ids if i in ("unknown", "nothing", "none")), None)
        if unknown:
            return Pick(unknown)
        return Cannot(self._one(UNSURE)) if ids else Words(self._one(UNSURE))

    def _meaning(self, step: Step, wanted: Sequence[str], words: Sequence[str]) -> Reaction:
        for outcome in wanted:
            option = next((o for o in step.options if o.outcome == outcome), None)
            if option is not None:
                return Pick(option.id)
        return self._in_words(step, words)

    def _in_words(self, step: Step, words: Sequence[str]) -> Reaction:
        """Once; where the same step comes again with its answers, none of them is true."""
        again, self.worded = step.text[-60:] in self.worded, self.worded | {step.text[-60:]}
        return Cannot(self._one(words)) if again and step.options else Words(self._one(words))

    def _one(self, wordings: Sequence[str]) -> str:
        return self.chance.choice(wordings)


def _labelled(options: Sequence[Option], pattern: str) -> Option | None:
    return next((o for o in options if re.search(pattern, o.label, re.IGNORECASE)), None)
