"""What is said in the Sessions that the cache is measured with: reports, answers of technicians, answers of the model."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from engine.logs import condense

LOGS = Path(__file__).parents[1] / "demo" / "logs"
TURNS = 12
_REPORTS = (
    "Since Monday something is odd at the front desk, zq{code}: it stands still for a moment and then"
    " everything comes at once. It is fine for the first hour. Nothing was changed that the user knows of.",
    "Nobody can say why, but it stands still in the second office for a moment, several times a day, zq{code}. The user"
    " loses what she types. It was like this last week too, and it went away by itself on Thursday.",
    "The person in accounting says that it is all odd since the move to the other floor, zq{code}. Same machine, same desk,"
    " another socket in the wall. It shows at different hours and never when somebody looks.",
)
_SEEN = (
    "I opened it and sorted by memory: the top entry takes {n} percent and stays there",
    "It shows {n} entries in the last hour, all of the same kind, none before that",
    "Nothing of that to be seen, I looked through all {n} of them twice",
    "The user says that it began at about {n} past nine and ended by itself",
    "I tried it with the other account as well and counted {n} seconds until it came back",
    "It is the same on the neighbour's machine, only shorter, about {n} seconds",
)
_ASIDE = (
    "", "She has to leave at four, so a restart is possible only then.", "The fan is loud while it hangs.",
    "I can reach the machine remotely, but not see the screen while it hangs.", "Nothing else runs that I can see.",
    "I have done the same on Friday with the same result.", "The cable was changed already, it made no difference.",
)  # fmt: skip
_ASKS = (
    "Open the list of running programs, sort it by memory and look at it for a minute. Which of them stands at the top, and does it grow while you watch?",
    "Look at the events of the last two days around the time it hung. Is there one that comes each time, a few seconds before?",
    "Does the same happen with another account on this machine, signed in for at least a quarter of an hour?",
    "Watch the disk while it hangs. Is it busy all the time, and which program reads or writes the most?",
    "Does it also happen when the machine is not connected to the network, with the cable out and without wireless?",
    "How warm does it get? Look at the speed of the processor while it hangs, and compare it with what the maker names.",
)
_WHYS = (
    "It separates the machine from what runs on it, and it can be seen without changing anything.",
    "The answer before makes this the likeliest of the causes that are left, and it takes a minute to tell.",
    "Two of the causes would show themselves here in different ways, so one of them can be ruled out.",
)
_USER = (
    "Please go on with your work and tell me the moment it happens again; you need to close nothing for this."
)
_CAUSES = (
    "A program takes more and more memory until the machine has to swap",
    "The disk is slow because it is about to fail",
    "The network drive is not reached and every window waits for it",
    "The processor slows itself down because it gets too warm",
)
_OPTIONS = (
    "It is at the top each time",
    "Something else stands there",
    "Nothing stands out",
    "Cannot be seen",
)
_SCRIPT = {
    "language": "powershell",
    "text": "Get-Process | Sort-Object WorkingSet -Descending | Select-Object -First 10 Name, Id, WorkingSet, CPU\n"
    "Get-WinEvent -LogName System -MaxEvents 50 | Where-Object LevelDisplayName -eq 'Error' | Format-Table -Wrap",
    "risk": "read_only",
    "rollback": "",
}


def report(rng: random.Random, code: int) -> str:
    return rng.choice(_REPORTS).format(code=code)


def digest(rng: random.Random) -> str:
    """Of one of the practice logs, as it is condensed when somebody pastes it."""
    log = rng.choice(sorted(LOGS.iterdir()))
    return condense(log.read_text(encoding="utf-8")).as_text()


def said(rng: random.Random) -> str:
    """One or two sentences, as a technician types them between two telephones."""
    seen = rng.choice(_SEEN).format(n=rng.randrange(11, 58))
    return f"{seen}. {aside(rng)}".strip()


def aside(rng: random.Random) -> str:
    """What is said besides; nothing, now and then."""
    return rng.choice(_ASIDE)


def answers(rng: random.Random) -> list[dict[str, Any]]:
    """Of one conversation. Every third brings a script; the causes are told each time, as the schema wants it."""
    return [_answer(rng, number) for number in range(1, TURNS + 1)]


def _answer(rng: random.Random, number: int) -> dict[str, Any]:
    causes = [
        {"cause": cause, "state": "open", "evidence": [{"text": "What step saw", "step": n} for n in (number - 1,) if n]}
        for cause in _CAUSES[: 3 + number % 2]
    ]  # fmt: skip
    return {
        "say": f"{number}. {rng.choice(_ASKS)}",
        "kind": "script" if number % 3 == 0 else "question",
        "why": rng.choice(_WHYS),
        "rests_on": "intake",
        "say_to_user": _USER if number % 2 else "",
        "options": [{"label": one, "means": "other"} for one in _OPTIONS[: 3 + number % 2]],
        "script": _SCRIPT if number % 3 == 0 else {"language": "", "text": "", "risk": "", "rollback": ""},
        "facts": [],
        "ruled_out": [],
        "hypotheses": causes,
        "confidence": min(70, 30 + number // 3 * 10),
        "problem_summary": "The machine hangs several times a day" if number == 1 else "",
        "problem_domain": "endpoint" if number == 1 else "",
        "flow": {"move": "none", "node": "", "reason": ""},
        "saw": "",
        "asks_interface": False,
    }
