"""The text a customer may read: composed from sentences that are safe to show, and a check of edited ones."""

from __future__ import annotations

import re
from collections.abc import Collection

from engine.note_text import one_line, sentence
from engine.psa import Ticket
from engine.replies import looks_like_secret
from engine.session import Hypothesis

_LONGEST = 2_000

_COMMAND = re.compile(
    r"\b(?:ipconfig|ifconfig|nslookup|ping|tracert|traceroute|gpupdate|gpresult|sfc|dism|chkdsk|regedit|netsh"
    r"|nbtstat|netstat|robocopy|taskkill|tasklist|systemctl|sudo|powershell|cmd|bash|chmod|chown|certutil|klist"
    r"|w32tm|diskpart|bcdedit|wmic|msiexec|kubectl|docker|grep|ssh|curl|net (?:stop|start|user|use)"
    r"|sc (?:stop|start|query|config))\b"
    r"|\b(?:Get|Set|New|Remove|Restart|Start|Stop|Test|Invoke|Enable|Disable|Add|Clear|Import|Export|Update|Install"
    r"|Uninstall|Reset|Repair|Resolve|Connect|Disconnect|Unlock|Unblock|Register|Rename|Copy|Move|Write|Select|Out)"
    r"-[A-Z][A-Za-z]{2,40}"
    r"|(?:^|\s)(?:--?[A-Za-z][\w-]{0,40}|/[A-Za-z?]\w{0,40})(?=[\s:.,=]|$)"
    r"|[A-Za-z]:\\|(?:^|\s)/\w{1,60}/|\bHK(?:LM|CU|EY)\b|%\w{1,60}%|[`|{}<>;=$]"
    r"|\w\.(?:exe|dll|ps1|bat|cmd|sys|msi|log|reg|vbs|sh|conf|ini|ost|pst)\b|\b0x[0-9a-f]+|\b[0-9a-f]{12,}\b",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[0-9A-Fa-f]{1,4}[:-]){3,7}[0-9A-Fa-f]{0,4}|::[0-9A-Fa-f]|https?:"
    r"|\b[A-Z][A-Z0-9]{1,30}(?:-[A-Z0-9]{1,30}){1,4}\b|\b[A-Z]{2,15}\d{1,15}\b|\b[A-Za-z]{2,15}-?\d{2,8}\b"
    r"|\b[a-z]{1,15}(?:-[a-z0-9]{1,15}){0,4}-\d{1,6}\b|\b\w[\w-]{0,60}(?:\.\w[\w-]{0,60}){0,6}\.[A-Za-z]{2,12}\b|\\\\"
)
_ACCOUNT = re.compile(
    r"\w\\\w|\w@\w|\b(?:account|user|username|login|logon)\s{1,3}(?:name\s)?[:\"'“‘]{0,2}(?=[A-Za-z]{0,30}[._\d])[A-Za-z]",
    re.IGNORECASE,
)
_GUESS = re.compile(
    r"\b(?:probabl[ey]|maybe|perhaps|possibly|suspect\w{0,4}|likely|might|hypothes\w{0,4}|presumably|seems? to|could be"
    r"|guess\w{0,4}|theory|assum\w{0,5})\b",
    re.IGNORECASE,
)
_INSIDE = re.compile(
    r"\b(?:escalat\w{0,5}|sla|tier ?\d|l[123]|psa|connectwise|flowpilot|internal(?:ly)?|(?:non-?)?billable|tickets?"
    r"|service board|triage|technician|root cause|steps? \d+)\b|#\d{2,}|\[fp:|⟦",
    re.IGNORECASE,
)
_REASONS = (
    (_COMMAND, "It holds a command, a path or an error code."),
    (_PLACE, "It names a device or an address."),
    (_ACCOUNT, "It names an account."),
    (_GUESS, "It guesses at a cause."),
    (_INSIDE, "It uses words from inside the team."),
)


def private_words(ticket: Ticket | None, hypotheses: Collection[Hypothesis] = ()) -> frozenset[str]:
    """What a customer's text must not say, known exactly: devices, account names, causes we thought of."""
    words = [h.cause for h in hypotheses]
    if ticket is not None:
        for device in ticket.configurations:
            words += [
                device.name,
                device.ip_address or "",
                device.serial_number or "",
                device.last_login or "",
            ]
        if ticket.contact and ticket.contact.email:
            words += [ticket.contact.email, ticket.contact.email.partition("@")[0]]
    return frozenset(folded for word in words if len(folded := _folded(word)) >= 3)


def concerns(text: str, private: Collection[str] = ()) -> tuple[str, ...]:
    """Why a text should not be shown to a customer, as sentences; empty when nothing was found.

    By patterns and exact values, so it errs on both sides: what code composes is dropped on any concern,
    what a person wrote is only pointed out to him.
    """
    said = text[:_LONGEST]
    found = [reason for pattern, reason in _REASONS if pattern.search(said)]
    folded = f" {_folded(said)} "
    if any(f" {word} " in folded for word in private):
        found.append("It names a device, an account or a cause from the session.")
    if looks_like_secret(said):
        found.append("It looks like it holds a password.")
    return tuple(dict.fromkeys(found))


def guesses(text: str) -> bool:
    """Whether it says that something may be so, rather than that it is."""
    return bool(_GUESS.search(text[:_LONGEST]))


def _folded(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())


def customer_text(
    occasion: str, summary: str, fix: str, verified: bool, private: Collection[str] = ()
) -> str:
    """One to three sentences. Any part that is not safe to show is left out, never reworded."""
    safe = shown(summary, private, 120).rstrip(".!?…").replace("“", "'").replace("”", "'")
    request = f"your request “{safe}”" if safe else "your request"
    if occasion != "resolution":
        return {
            "escalation": f"We are working on {request}. A colleague is helping with it.",
            "escalated": f"We are working on {request}. A colleague is helping with it.",
            "abandoned": f"We looked into {request}.",
        }.get(occasion, f"We worked on {request}.")
    said = (
        f"Y{request[1:]} has been solved.",
        fix_sentence(fix, private),
        "We checked that it works." if verified else "",
    )
    return " ".join(part for part in said if part)


def fix_sentence(fix: str, private: Collection[str] = ()) -> str:
    """`Solution: …`, or nothing when the fix is not safe to show."""
    safe = shown(fix, private, 200)
    return f"Solution: {safe}" if safe else ""


def shown(text: str, private: Collection[str], limit: int) -> str:
    """The text as one short sentence when it is safe, else nothing; long texts are left out, not cut."""
    line = one_line(text, limit + 1)
    inner = re.search(r"[.!?]\s", line)
    if not line or len(line) > limit or inner or concerns(line, private):
        return ""
    return sentence(line, limit + 1)
