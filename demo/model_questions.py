"""Sensible diagnostic steps by field, for conversations nobody wrote a script for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from demo.model_refusals import Json

WORDS: Mapping[str, tuple[str, ...]] = {
    "printing": ("print", "toner", "spooler", "label", "scanner", "copier"),
    "m365": ("outlook", "teams", "onedrive", "sharepoint", "mailbox", "microsoft 365", "office", "exchange"),
    "active_directory": (
        "locked out",
        "lockout",
        "domain",
        "group policy",
        "active directory",
        "password expired",
    ),
    "networking": ("vpn", "wifi", "wi-fi", "dns", "network", "switch", "internet", "website", "dhcp"),
    "security": ("phish", "virus", "malware", "ransom", "bitlocker", "suspicious", "authenticator", "mfa"),
    "backup": ("backup", "restore", "snapshot"),
    "telephony": ("phone system", "voip", "headset", "call quality", "dial"),
    "hardware": ("fan", "battery", "screen flickers", "keyboard", "docking", "monitor"),
    "endpoint": ("slow", "blue screen", "windows", "laptop", "pc ", "disk", "update", "driver"),
    "line_of_business": ("erp", "accounting", "application", "database", "dental", "cad"),
}
CAUSES: Mapping[str, tuple[str, ...]] = {
    "printing": ("Stuck job or spooler", "Printer driver", "Printer hardware or its connection"),
    "m365": ("Stored sign-in on this PC", "Account or licence", "Service incident"),
    "active_directory": ("Old password stored somewhere", "Account locked by policy", "Replication delay"),
    "networking": ("Name resolution", "Cable, switch port or Wi-Fi", "Firewall or VPN policy"),
    "security": ("Compromised account", "Lost or changed device", "Misread warning"),
}
OTHER_CAUSES = ("A recent change on this device", "The user's profile", "The server or service behind it")


@dataclass(frozen=True, slots=True)
class Question:
    """One step nobody needs to know the case for. `rules_out`: what excludes the cause, by meaning of the answer."""

    say: str
    kind: str
    why: str
    options: tuple[tuple[str, str], ...] = ()
    say_to_user: str = ""
    rules_out: tuple[tuple[str, int], ...] = ()

    def as_answer(self) -> Json:
        return {
            "say": self.say,
            "kind": self.kind,
            "why": self.why,
            "say_to_user": self.say_to_user,
            "options": [{"label": label, "means": means} for label, means in self.options],
        }


QUESTIONS = (
    Question(
        "Does this happen to one person only, or to several?",
        "question",
        "One person points to the device or the account, several point to a service or the network.",
        (("Only this person", "other"), ("Several people", "other"), ("Not known yet", "other")),
    ),
    Question(
        "Since when does it happen, and what changed shortly before: an update, a password, a new device, a move?",
        "question",
        "Most faults begin with a change, and the change names the place to look.",
        (("Something changed", "yes"), ("Nothing that anybody knows of", "no"), ("It never worked", "other")),
        "Do you remember whether anything was new or different on the day it began?",
    ),
    Question(
        "Please send the exact words of the error, or a screenshot of it.",
        "information_request",
        "The exact words often name the part that fails, and they can be looked up.",
        (),
        "Could you read me the message on your screen, word for word?",
    ),
    Question(
        "Sign out, restart the device, and try once more without opening anything else first.",
        "action",
        "It is quick, changes nothing, and separates a passing state from a lasting fault.",
        (("It works now", "fixed"), ("No change", "no_change"), ("Something is different", "other")),
        "Please save your work, restart the computer and try again before you open anything else.",
        (("no_change", 0),),
    ),
    Question(
        "Try the same thing on another device, signed in as the same user.",
        "verification",
        "If it fails there too, the device is not the reason.",
        (
            ("Works on the other device", "yes"),
            ("Fails there too", "no"),
            ("No other device at hand", "other"),
        ),
        "",
        (("no", 0),),
    ),
    Question(
        "Look at the system and application events of the minutes in which it happened, and paste what is marked as error.",
        "information_request",
        "An event with its number says more than a description.",
    ),
)
HAND_OVER = Question(
    "The quick checks are used up. I would hand this over with what we know, to somebody who can look at the server side.",
    "question",
    "Every further step needs rights or knowledge that lie elsewhere; what was excluded saves the colleague time.",
    (("Escalate", "other"), ("I have another idea", "other"), ("It has started to work", "fixed")),
)
INTERFACE = Question(
    "Do you prefer the graphical interface or the command line for the next checks?",
    "question",
    "The next steps exist both ways.",
)


def domain_of(text: str) -> str:
    """The field whose words stand most often in a text; other where none does."""
    folded = text.lower()
    counts = {domain: sum(folded.count(word) for word in words) for domain, words in WORDS.items()}
    best = max(counts, key=lambda domain: counts[domain])
    return best if counts[best] else "other"


def causes_of(domain: str) -> tuple[str, ...]:
    return CAUSES.get(domain, OTHER_CAUSES)
