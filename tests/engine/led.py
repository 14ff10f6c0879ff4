"""A test dialogue that the model leads: what it answers is said as changes of one plain answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from engine import events, guide, guide_prompt, offline
from engine.events import GuideReply, SessionStarted, StepAnswered
from engine.flows import Flow
from engine.guide_answers import Checked, Problem, check
from engine.guide_news import Picture, news, told_at_start
from engine.matching import Match
from engine.psa import Ticket
from engine.redact import Masks
from engine.session import Intake, IntakeType, Json, Manner, Step
from tests.engine.playbook import ACCOUNT, ANNA, SESSION, Playbook
from tests.engine.talk import FLOWS, fits

TAG = "k3v9"
PLAIN: dict[str, Any] = {
    "say": "Which printer is it?",
    "kind": "question",
    "why": "The queue decides where to look.",
    "rests_on": "intake",
    "say_to_user": "",
    "options": [{"label": "The one upstairs", "means": "other"}, {"label": "All of them", "means": "other"}],
    "script": {"language": "", "text": "", "risk": "", "rollback": ""},
    "facts": [],
    "ruled_out": [],
    "hypotheses": [],
    "confidence": 40,
    "problem_summary": "",
    "problem_domain": "",
    "flow": {"move": "none", "node": "", "reason": ""},
    "saw": "",
    "asks_interface": False,
}


def answer(**changes: Any) -> dict[str, Any]:
    return {**PLAIN, **changes}


def follow(node: str, **changes: Any) -> dict[str, Any]:
    return answer(flow={"move": "follow", "node": node, "reason": ""}, **changes)


def leave(reason: str, **changes: Any) -> dict[str, Any]:
    return answer(flow={"move": "leave", "node": "", "reason": reason}, **changes)


def same(text: str) -> str:
    return text


@dataclass
class Led:
    """A Session whose Steps come from the model, as the worker would make them."""

    matches: Sequence[Match] = ()
    ticket: Ticket | None = None
    flows: dict[str, Flow] = field(default_factory=lambda: dict(FLOWS))
    masks: Masks = ()
    story: Playbook = field(default_factory=Playbook)
    base: GuideReply = field(default_factory=lambda: GuideReply(None))
    reply: GuideReply = field(default_factory=lambda: GuideReply(None))
    pictures: tuple[Picture, ...] = ()
    covers: Json = field(default_factory=dict)
    sent: Json = field(default_factory=dict)
    told: str = ""

    def start(self, text: str = "Nothing prints", *tried: str, digest: str = "") -> Led:
        self.story >> SessionStarted(
            SESSION, ACCOUNT, ANNA, Intake(IntakeType.FREE_TEXT, text, tried=tried, log_digest=digest)
        )
        self.covers = told_at_start(self.story.history(), self.ticket, None)
        return self

    def proposed(self) -> GuideReply:
        """What the worker has before it asks the model."""
        history = self.story.history()
        back = guide.resumed(history, self.flows, self.matches, self.ticket)
        return back or offline.propose(history, self.flows, self.matches, self.ticket)

    def checked(self, found: dict[str, Any]) -> Checked | Problem:
        """What becomes of an answer before it is taken."""
        history = self.story.history()
        self.base = self.proposed()
        new = news(history, self.ticket, self._flow(), self.covers, self.pictures)
        blocks, self.sent = guide_prompt.user_turn(
            new, guide.state_of(history, self.flows, self.base, self.story.now), TAG, same
        )
        self.told = str(blocks[0]["text"])
        view = guide.view_of(
            history,
            self.ticket,
            self.flows,
            self.base,
            self.masks,
            len(new.pictures),
            seen_pictures=bool(self.pictures),
        )
        return check(json.dumps(found), view)

    def model(self, found: dict[str, Any]) -> Led:
        """The model answers, and what code makes of it is applied."""
        checked = self.checked(found)
        assert isinstance(checked, Checked), checked
        self.covers = self.sent
        self.reply = guide.proposal(checked, self.story.history(), self.flows, self.base)
        self.story.after(timedelta(minutes=1)) >> events.GuideReplied(self.story.turn, self.reply)
        return self

    def away(self) -> Led:
        """The model does not answer, and the offline guide takes the turn."""
        self.checked(PLAIN)
        self.reply = guide.fallback(self.base, "guide_away", self.story.history())
        self.story.after(timedelta(minutes=1)) >> events.GuideReplied(self.story.turn, self.reply)
        return self

    def refused(self, found: dict[str, Any]) -> str:
        """The sentence that sends this answer back."""
        problem = self.checked(found)
        assert isinstance(problem, Problem), problem
        return problem.sentence

    def click(self, option: str) -> Led:
        assert option in self.offered, f"{option} is not offered: {self.step.options}"
        self.story.answer(option)
        return self

    def say(self, text: str, manner: Manner = Manner.ANSWERED) -> Led:
        self.story >> StepAnswered(ANNA, self.step.number, text, manner=manner)
        return self

    def _flow(self) -> Flow | None:
        return self.flows.get(self.base.flow_id or "")

    @property
    def step(self) -> Step:
        step = self.story.table
        assert step is not None
        return step

    @property
    def offered(self) -> list[str]:
        return [option.id for option in self.step.options]


def on_the_printer_flow() -> Led:
    return (
        Led(fits(0.9))
        .start("Nothing prints since today")
        .model(follow("scope", say="Who is it that cannot print?"))
    )
