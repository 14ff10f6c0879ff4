"""The standard triage: its questions, what the intake answers already, and the problem in one line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.history import History
from engine.psa import Ticket
from engine.session import NoteKind, Option, Step, StepKind
from engine.terms import terms
from engine.ticket_refs import without_edge_tickets, without_tickets

SUMMARY_LENGTH = 120
FACT_LENGTH = 200
SAID_ENOUGH = 8
"""A text with this many telling words says what exactly happens."""


@dataclass(frozen=True, slots=True)
class Question:
    """One triage question. `opening` begins the fact that its answer becomes; `answered` finds it in a text."""

    key: str
    text: str
    why: str
    opening: str
    options: tuple[Option, ...]
    answered: re.Pattern[str]
    say_to_user: str = ""

    @property
    def kind(self) -> StepKind:
        return StepKind.QUESTION if self.options else StepKind.INFORMATION_REQUEST


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


UNKNOWN = "unknown"
"""The id of the option that teaches nothing."""

QUESTIONS: tuple[Question, ...] = (
    Question(
        "what",
        "What exactly happens? What did the user do, what did they expect, and what came instead?",
        "The exact symptom decides where to look; “does not work” fits everything.",
        "Symptom",
        (),
        _words(r"(?!)"),
        "Please show me what you click, and tell me what you see then.",
    ),
    Question(
        "since",
        "Since when? Did it ever work before?",
        "A start date points to what changed then.",
        "Since",
        (
            Option("today", "Today"),
            Option("days", "A few days"),
            Option("longer", "Longer"),
            Option("never", "It never worked"),
            Option(UNKNOWN, "Nobody knows"),
        ),
        _words(
            r"\b(?:since|yesterday|today|tonight|this (?:morning|week|afternoon)|last (?:night|week|month|\w+day)"
            r"|(?:\d+|one|two|three|few|couple of) (?:minute|hour|day|week|month|year)s? ago"
            r"|for (?:\d+|a|an|one|two|three|some|several|many) (?:minute|hour|day|week|month|year)s?|never worked"
            r"|all of a sudden|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b"
        ),
    ),
    Question(
        "changed",
        "What changed before it began?",
        "Most faults follow a change: an update, a new device, a password, a move.",
        "Changed before",
        (
            Option("nothing", "Nothing known"),
            Option("update", "Update or new software"),
            Option("hardware", "New or moved hardware"),
            Option("account", "Password or account"),
            Option("network", "Network or provider"),
        ),
        _words(
            r"\b(?:(?:after|since) (?:the |a |an |he |she |they |we |i |installing |updating |changing |moving )"
            r"|updated?|upgraded?|migrat\w+|replaced|reinstalled|installed|new (?:pc|laptop|router|switch|phone|printer"
            r"|user|password|computer|monitor|server|firewall|provider)|changed|nothing (?:was |has |is )?(?:changed|new))\b"
        ),
    ),
    Question(
        "who",
        "Who else is affected?",
        "One person points to a PC or an account, everybody to a server, a service or the line.",
        "Affected",
        (
            Option("one", "Only this user"),
            Option("several", "Several people"),
            Option("everyone", "Everyone at the site"),
            Option(UNKNOWN, "Nobody knows"),
        ),
        _words(
            r"\b(?:only (?:me|her|him|one|this|the user|\w+)|just (?:me|her|him|one|this)|every(?:one|body)|nobody else"
            r"|no one else|all (?:the )?(?:users|staff|people|clients)|(?:whole|entire) (?:office|site|company|team)"
            r"|(?:other|several|many|some|two|three|\d+) (?:users|people|colleagues|pcs|machines)|others (?:are|can|work))\b"
        ),
        "Please ask a colleague to try the same. Does it work there?",
    ),
    Question(
        "error",
        "Which error text or code is shown? Copy it word for word, or paste the log.",
        "An exact message finds the cause faster than a description of it.",
        "Error",
        (Option("none", "No message appears"), Option(UNKNOWN, "Cannot see it now")),
        _words(
            r"\b0x[0-9a-f]{4,8}\b|\b(?:error|code|event|status|exception)(?: id| code)?[ :#]{0,3}\d{2,10}\b"
            r"|[\"“][^\"”\n]{8,200}[\"”]|\b(?:error|message|says|warning|exception)\b ?[:\"“]|\w+(?:Exception|Error)\b"
        ),
        "Please read me the message exactly as it stands there.",
    ),
)
KEYS = tuple(question.key for question in QUESTIONS)


def question(key: str) -> Question | None:
    return next((q for q in QUESTIONS if q.key == key), None)


def next_question(history: History, ticket: Ticket | None, asked: Sequence[str]) -> Question | None:
    """The first question neither asked yet nor answered by what was said; None when triage is through."""
    answers = (step.outcome.text for step in history.steps if step.outcome and step.counts)
    said = "\n".join((told(history, ticket), *answers))
    return next((q for q in QUESTIONS if q.key not in asked and not _answers(q, history, said)), None)


def told(history: History, ticket: Ticket | None) -> str:
    """Everything people said beside their answers: intake, ticket, evidence."""
    evidence = [note.text for note in history.notes if note.kind is NoteKind.EVIDENCE]
    of_ticket = [ticket.summary, ticket.description or ""] if ticket else []
    return "\n".join(part for part in (history.session.intake.text, *of_ticket, *evidence) if part)


def _answers(asked: Question, history: History, said: str) -> bool:
    if asked.key == "what":
        return len(set(terms(without_tickets(said)))) >= SAID_ENOUGH
    if asked.key == "error":
        shown = history.session.intake.log_digest or any(note.log_digest for note in history.notes)
        return bool(shown) or asked.answered.search(said) is not None
    return asked.answered.search(said) is not None


def learned_from(asked: Question, step: Step) -> str:
    """The fact that the answer to a triage question is; empty where it says nothing."""
    if step.outcome is None or step.outcome.option in (UNKNOWN, "nothing"):
        return ""
    said = " ".join(step.result.split())
    return clipped(f"{asked.opening}: {said}", FACT_LENGTH) if said else ""


def clipped(text: str, length: int) -> str:
    """The text in at most `length` characters, cut between words."""
    if len(text) <= length:
        return text
    head = text[: length - 1]
    cut = head.rsplit(" ", 1)[0] if " " in head[length // 2 :] else head
    return cut.rstrip(" ,;:.–-") + "…"


def summary_of(history: History, ticket: Ticket | None) -> str:
    """The problem in the person's own words, else the ticket's, else the log's; at most 120 characters."""
    intake = history.session.intake
    own = without_edge_tickets(_first_sentence(without_edge_tickets(intake.text)))
    if len(terms(without_tickets(own))) >= 2:
        return clipped(own, SUMMARY_LENGTH)
    if ticket is not None and ticket.summary:
        return clipped(" ".join(ticket.summary.split()), SUMMARY_LENGTH)
    digest = next((line for line in intake.log_digest.splitlines() if line.strip()), "")
    return clipped(own or " ".join(digest.split()) or "Not described yet", SUMMARY_LENGTH)


def _first_sentence(text: str) -> str:
    line = next((line for line in text.splitlines() if terms(line)), "")
    sentence = re.split(r"(?<=[.!?])\s+(?=[A-Z])", line.strip(), maxsplit=1)[0]
    return " ".join(sentence.split()).strip(" ,;:.–-")


_DOMAINS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (domain, _words(pattern))
    for domain, pattern in (
        (
            "security",
            r"\b(?:phish\w*|malware|ransom\w*|(?:anti-?)?virus|breach\w*|compromised|suspicious|hacked|spoof\w*|edr|defender|scam\w*|trojan"
            r"|encrypted (?:files?|folders?|documents?)|(?:files?|folders?|documents?) (?:are|were|got) encrypted)\b",
        ),
        ("backup", r"\b(?:back-?ups?|restor(?:es?|ed|ing)|deleted (?:files?|folders?)|sicherung(?:en)?|veeam|datto|acronis|shadow cop\w+|snapshots?)\b"),
        ("printing", r"\b(?:print\w*|spooler|toner|copier|scan to \w+|scann(?:er|ing)|labels?|mfp|drucke\w*|impresoras?)\b"),
        ("telephony", r"\b(?:voip|sip|telephon\w*|handset|voicemail|pbx|3cx|call queue|dial tone|desk phone|telefono|teléfono)\b"),
        ("m365", r"\b(?:outlook|exchange|teams|onedrive|sharepoint|office ?365|o365|m365|mailbox\w*|e-?mails?|correo|postfach|entra|mfa|intune)\b"),
        (
            "active_directory",
            r"\b(?:active directory|domain controller|ad account|gpo|group polic\w+|kerberos|ldap|account (?:is )?locked"
            r"|lock(?:ed)? ?outs?|locked out|password reset|netlogon|trust relationship|replicat\w+|sysvol|passwort zurück\w*)\b",
        ),
        (
            "networking",
            r"\b(?:network\w*|internet|wi-?fi|vpn|dns|dhcp|switch(?:es)?|router|firewall|vlan|ping\w*|latency|gateway|no connection|netzwerk|wlan)\b",
        ),
        ("hardware", r"\b(?:monitor|display|dock\w*|keyboard|mouse|battery|fan|power supply|ram|ssd|hard (?:drive|disk)|beeps?|usb|raid|degraded|bildschirm|pantalla)\b"),
        ("line_of_business", r"\b(?:quickbooks|sage|erp|crm|sql|database|line of business|datev|autocad|salesforce|dentrix)\b"),
        (
            "endpoint",
            r"\b(?:windows|laptop|pc|computer|workstation|desktop|macbook|mac|blue ?screen|bsod|slow|freez\w*|boot\w*|update\w*"
            r"|disk|drive|login|log ?on|sign ?in|app|browser|chrome)\b",
        ),
    )
)  # fmt: skip


def domain_of(text: str) -> str:
    """A guess by the words that name a field; the field with most of them, in the order above, else `other`."""
    counts = [
        (len({m.group().casefold() for m in words.finditer(text[:20_000])}), d) for d, words in _DOMAINS
    ]
    most = max(count for count, _ in counts)
    return next(domain for count, domain in counts if count == most) if most else "other"
