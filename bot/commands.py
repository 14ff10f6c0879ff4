"""Typed commands, the same on every platform: the first words decide, everything else is what a person says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

WORD_LIMIT = 600
"""A command is one short line; a longer text is never taken for one."""


@dataclass(frozen=True, slots=True)
class Command:
    verb: str
    args: Mapping[str, str] = field(default_factory=dict)


_BARE = {
    "status": "status",
    "path": "path",
    "show path": "path",
    "show the path": "path",
    "tickets": "tickets",
    "my tickets": "tickets",
    "link": "link",
    "pause": "pause",
    "resume": "resume",
    "escalate": "escalate",
    "withdraw": "withdraw",
    "pick up": "pick_up",
    "pickup": "pick_up",
    "pick up fresh": "pick_up_fresh",
    "advise": "advise",
    "take over": "take_over",
    "takeover": "take_over",
    "resolve": "resolve",
    "abandon": "abandon",
    "note": "note",
    "undo": "undo",
    "stop": "stop",
    "ask again": "ask_again",
    "catch up": "catch_up",
    "catchup": "catch_up",
    "receipt": "receipt",
    "what left": "receipt",
    "cost": "receipt",
    "mine": "mine",
    "queue": "queue",
    "time": "time",
    "people": "people",
    "settings": "settings",
    "connect": "connect",
    "help": "help",
    "?": "help",
    "start": "start",
    "retry": "retry",
    "rate": "rate",
    "already tried": "already_tried",
    "can't do that": "cannot_do",
    "cannot do that": "cannot_do",
    "carry on": "take_advice",
    "carry on with this": "take_advice",
    "still need you": "decline_advice",
    "postpone": "postpone",
    "decline": "decline",
    "follow up": "follow_up",
    "follow-up": "follow_up",
    "start anyway": "start_anyway",
    "copy": "copy",
    "cancel": "status",
}

# What takes words after it needs a sign that it is meant as a command: a colon, a number, a name after "to".
_WITH_WORDS: tuple[tuple[re.Pattern[str], str, tuple[str, ...]], ...] = (
    (re.compile(r"link\s+(?:ticket\s*)?#?(\d{1,9})$", re.IGNORECASE), "link", ("ticket",)),
    (re.compile(r"note\s*[:\-]\s*(.+)$", re.IGNORECASE | re.DOTALL), "note", ("text",)),
    (re.compile(r"note\s+(?!to\b)(.+)$", re.IGNORECASE | re.DOTALL), "note", ("text",)),
    (re.compile(r"advi[sc]e\s*[:\-]\s*(.+)$", re.IGNORECASE | re.DOTALL), "advise", ("text",)),
    (re.compile(r"already tried\s*[:\-]?\s+(.+)$", re.IGNORECASE | re.DOTALL), "already_tried", ("text",)),
    (
        re.compile(r"(?:can't|cannot) do that\s*[:\-,]\s*(.+)$", re.IGNORECASE | re.DOTALL),
        "cannot_do",
        ("text",),
    ),
    (
        re.compile(r"rate\s+([1-5])(?:\s*[:\-,]?\s*(.*))?$", re.IGNORECASE | re.DOTALL),
        "rate",
        ("rating", "feedback"),
    ),
    (
        re.compile(r"tickets\s+(?!is\b|was\b|has\b|#?\d+\W*$)([^#].{0,80})$", re.IGNORECASE),
        "tickets",
        ("text",),
    ),
    (
        # People's names, not what people do: "people cannot print" is a problem.
        re.compile(
            r"people\s+(?!(?:can|can't|can\u2019t|cannot|are|aren't|is|have|has|who|in|at|on|from|of|with|do|don't|don\u2019t|get|keep|lose|"
            r"see|say|report|complain|were|was|need|want|still|all|working|unable)\b)([^\W\d_][\w.@'\u2019+-]{0,79}(?:\s[\w.'\u2019-]{1,40}){0,2})$",
            re.IGNORECASE,
        ),
        "people",
        ("name",),
    ),
    (re.compile(r"open\s+(\d{1,3}|[0-9a-f-]{8,36})$", re.IGNORECASE), "open", ("session",)),
    (re.compile(r"jump(?:\s+to)?\s+([a-z0-9_-]{1,60})$", re.IGNORECASE), "jump", ("node",)),
    (
        re.compile(r"escalate\s+to\s+([^:\n]{1,60}?)(?:\s*:\s*(.+))?$", re.IGNORECASE | re.DOTALL),
        "escalate",
        ("to", "reason"),
    ),
    (re.compile(r"escalate\s*:\s*(.+)$", re.IGNORECASE | re.DOTALL), "escalate", ("reason",)),
    (re.compile(r"pause\s*:\s*(.+)$", re.IGNORECASE | re.DOTALL), "pause", ("reason",)),
    (
        re.compile(
            r"pause\s+(?:waiting\s+)?for\s+(?:the\s+)?(customer|vendor|parts|me)\b[,:]?\s*(.*)$",
            re.IGNORECASE | re.DOTALL,
        ),
        "pause",
        ("waiting_for", "reason"),
    ),
    (re.compile(r"pause\s+until\s+(.{1,40})$", re.IGNORECASE), "pause", ("remind_at",)),
    (re.compile(r"take over\s*:\s*(.+)$", re.IGNORECASE | re.DOTALL), "take_over", ("reason",)),
    (re.compile(r"abandon\s*:\s*(.+)$", re.IGNORECASE | re.DOTALL), "abandon", ("reason",)),
    (re.compile(r"postpone\s+(?:until\s+|to\s+)?(.{1,40})$", re.IGNORECASE), "postpone", ("until",)),
    (re.compile(r"decline\s*[:\-]\s*(.+)$", re.IGNORECASE | re.DOTALL), "decline", ("reason",)),
    (re.compile(r"start\s*[:\-]\s*(.+)$", re.IGNORECASE | re.DOTALL), "start", ("text",)),
)


def parse(text: str) -> Command | None:
    """The command a person typed, or None where he says something."""
    line = text.strip()
    if not line or len(line) > WORD_LIMIT:
        return None
    bare = re.sub(r"\s+", " ", line.casefold().rstrip(" .!")).replace("\u2019", "'")
    if bare in _BARE:
        return Command(_BARE[bare])
    for pattern, verb, names in _WITH_WORDS:
        found = pattern.match(line)
        if found:
            given = (value or "" for value in found.groups())
            return Command(verb, {n: v.strip() for n, v in zip(names, given, strict=False) if v.strip()})
    return None
