"""A test dialogue with the offline guide over two small flows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from engine import events, offline
from engine.events import GuideReply, SessionStarted, StepAnswered
from engine.flows import Flow, parse_flow
from engine.matching import Match
from engine.psa import Ticket
from engine.session import (
    HypothesisState,
    Intake,
    IntakeType,
    Manner,
    Step,
)
from tests.engine.playbook import ACCOUNT, ANNA, SESSION, Playbook

PRINTER = parse_flow(
    """
id: printer
title: Printer is offline
domain: printing
summary: A printer prints nothing.
state: validated
start: scope
nodes:
  - id: scope
    kind: question
    text: Who cannot print?
    why: One user points to his PC.
    options:
      - {id: one, label: Only one user, to: spooler, outcome: other, fact: Only one user cannot print., rules_out: Print server}
      - {id: all, label: Everyone, to: cable, outcome: other, suspects: Network cable, confidence: 60}
  - id: spooler
    kind: script
    text: Restart the print spooler on the PC.
    already: [restarted spooler, restarted the print spooler]
    script:
      {language: powershell, risk: changes_state, text: Restart-Service Spooler, rollback: Start-Service Spooler}
    options:
      - {id: fixed, label: It prints, to: verify, outcome: fixed, fact: The spooler hung., suspects: Stuck job, confidence: 90}
      - {id: no_change, label: No change, to: driver, outcome: no_change, rules_out: Stuck job}
  - id: driver
    kind: action
    text: Reinstall the printer driver.
    already: [reinstalled driver, reinstalled printer driver]
    options:
      - {id: fixed, label: Prints with the new driver, to: verify, outcome: fixed, fact: The driver was damaged.}
      - {id: no_change, label: Nothing comes out, to: escalate, outcome: no_change, rules_out: Printer driver}
  - id: cable
    kind: question
    text: Does the printer answer a ping?
    say_to_user: Please look whether the cable is plugged in.
    already: [pinged printer]
    options:
      - {id: answers, label: It answers, to: driver, outcome: yes, rules_out: Network cable}
      - {id: silent, label: Silent, to: verify, outcome: no, suspects: Network cable, confidence: 95}
  - id: verify
    kind: verification
    text: Have the user print twice.
    options:
      - {id: works, label: Both pages came, to: done, outcome: fixed, fact: The user printed two pages.}
      - {id: fails, label: Fails again, to: escalate, outcome: no}
  - id: done
    kind: resolution_suggestion
    text: The printer works.
    cause: "See the confirmed step."
    fix: What the confirmed step names was put right.
""",
    "printer.yaml",
)
VPN = parse_flow(
    """
id: vpn
title: VPN does not connect
domain: networking
summary: A VPN fails.
state: validated
nodes:
  - id: code
    kind: question
    text: Which error code?
    options:
      - {id: a, label: "691", to: login, outcome: other}
      - {id: b, label: "809", to: escalate, outcome: other}
  - id: login
    kind: verification
    text: Does the login work now?
    options:
      - {id: works, label: Connects, to: done, outcome: fixed, fact: The VPN connects.}
      - {id: fails, label: Refused, to: escalate, outcome: no}
  - id: done
    kind: resolution_suggestion
    text: The VPN connects.
    cause: The password had expired.
""",
    "vpn.yaml",
)
FLOWS = {"printer": PRINTER, "vpn": VPN}


def fits(printer: float = 0.0, vpn: float = 0.0) -> tuple[Match, ...]:
    found = (Match("printer", PRINTER.title, printer), Match("vpn", VPN.title, vpn))
    return tuple(sorted((m for m in found if m.score > 0), key=lambda m: -m.score))


@dataclass
class Talk:
    """A Session whose Guide is the offline one; `matches` are what the library says from now on."""

    matches: Sequence[Match] = ()
    ticket: Ticket | None = None
    flows: dict[str, Flow] = field(default_factory=lambda: dict(FLOWS))
    story: Playbook = field(default_factory=Playbook)
    reply: GuideReply = field(default_factory=lambda: GuideReply(None))

    def start(self, text: str = "Nothing prints", *tried: str, digest: str = "") -> Talk:
        intake = Intake(IntakeType.FREE_TEXT, text, tried=tried, log_digest=digest)
        self.story >> SessionStarted(SESSION, ACCOUNT, ANNA, intake)
        return self.guided()

    def guided(self) -> Talk:
        """The Guide is asked and its reply arrives."""
        self.reply = offline.propose(self.story.history(), self.flows, self.matches, self.ticket)
        self.story.after(timedelta(minutes=1)) >> events.GuideReplied(self.story.turn, self.reply)
        return self

    def click(self, option: str) -> Talk:
        assert option in [o.id for o in self.step.options], f"{option} is not offered: {self.step.options}"
        self.story.answer(option)
        return self.guided()

    def say(self, text: str, manner: Manner = Manner.ANSWERED) -> Talk:
        self.story >> StepAnswered(ANNA, self.step.number, text, manner=manner)
        return self.guided()

    @property
    def step(self) -> Step:
        step = self.story.table
        assert step is not None
        return step

    @property
    def offered(self) -> list[str]:
        return [option.id for option in self.step.options]

    def causes(self) -> dict[str, HypothesisState]:
        return {h.cause: h.state for h in self.story.it.hypotheses}

    def facts(self) -> list[str]:
        return [fact.text for fact in self.story.history().facts]


def printing(*tried: str) -> Talk:
    return Talk(fits(0.9)).start("Nothing prints since today", *tried)
