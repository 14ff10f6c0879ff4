"""Looks through texts on their way to the PSA for what a colleague or a customer should not have to read there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.redact_patterns import secret_spans
from engine.redact_values import value_spans

LintKind = Literal["password", "blame", "missing_result", "missing_verification"]

LONGEST = 120_000
MOST = 20
"""Findings; whoever sees so many rewrites the text anyhow."""


@dataclass(frozen=True, slots=True)
class Lint:
    """One finding; `name` is the text it stands in. A password is never repeated in its excerpt."""

    kind: LintKind
    excerpt: str
    name: str


def lint(
    texts: Mapping[str, str],
    occasion: str = "",
    *,
    has_steps: bool = True,
    by_people: Collection[str] = (),
    verified: bool | None = None,
    secrets: Sequence[str] = (),
) -> tuple[Lint, ...]:
    """What is wrong with texts given by their names (`technical`, `customer`, `fix`, …), in their order.

    `occasion` is one of WriteUp's; only a `resolution` must say how it was verified. `has_steps`: whether anything
    was done at all, so that results can be missing. `by_people`: first names of colleagues and users, whose blaming
    counts too. `verified` settles the verification where the caller knows it; None reads it from the texts.
    `secrets`: values that are known to be passwords, wherever they stand.
    """
    found = [
        each
        for name, text in texts.items()
        for each in _in_text(name, text[:LONGEST], has_steps, by_people, secrets)
    ]
    if occasion == "resolution" and has_steps:
        found += _verification(texts, verified)
    return tuple(dict.fromkeys(found))[:MOST]


def _in_text(
    name: str, text: str, has_steps: bool, people: Collection[str], secrets: Sequence[str]
) -> Iterator[Lint]:
    yield from _passwords(name, text, secrets)
    for said in _sentences(text):
        if _blames(said, people):
            yield Lint("blame", _short(said), name)
    if has_steps:
        for line in text.split("\n"):
            yield from (Lint("missing_result", _short(said), name) for said in _without_result(line))


# ── Passwords ───────────────────────────────────────────────────────────────────────────────────────────────


def _passwords(name: str, text: str, secrets: Sequence[str]) -> Iterator[Lint]:
    end = 0
    for span in sorted((*secret_spans(text), *value_spans(text, secrets))):
        if span.start >= end:
            first = max(text.rfind("\n", 0, span.start) + 1, span.start - 60)
            yield Lint("password", f"{' '.join(text[first : span.start].split())} ⟦SECRET⟧".strip(), name)
        end = max(end, span.end)


# ── Blame ───────────────────────────────────────────────────────────────────────────────────────────────────

_WHO = (
    r"(?:the |this |that |our |their |his |her |another )?(?:end[ -]?users?|users?|customers?|clients?|callers?|colleagues?|techs?|technicians?"
    r"|engineers?|staff|receptionists?|boss|admins?|vendor|previous (?:tech|technician|engineer|admin|it|provider|msp)|predecessor|she|he|they|somebody|someone)"
)
_DEED = (
    r"(?:(?:has|had|have|probably|obviously|clearly|once|simply|just|again|must have|always|never)\s){0,3}(?:broke|broken|messed|screwed|botched|bungled"
    r"|fat-fingered|forgot|forgotten|neglected|ignored|lied|refuses? to (?:learn|listen|read)|did ?n['’o]?t (?:bother|listen|read|think|care|pay attention)"
    r"|should have known|does ?n['’o]?t (?:understand|know what|know how|get it|listen|care)|has no (?:idea|clue)|is (?:clueless|useless|incompetent|lazy)"
    r"|are (?:clueless|useless|incompetent|lazy)|was (?:careless|too lazy|not paying attention|negligent)|(?:wrongly|stupidly|carelessly|foolishly) \w{2,20}"
    r"|failed to (?:read|listen|follow|tell|mention|check|document|do|inform)|caused (?:it|this|the (?:problem|issue|outage|mess))|is to blame|wasted)"
)
_BLAME = re.compile(
    rf"(?i)\b(?:user|operator|human|customer|pilot|layer 8) (?:error|mistake|fault|stupidity)\b(?! (?:message|dialog|code|report|text|prompt|page|log|log entry))|\bpebkac\b|\bpicnic\b(?! )|\bid-?10-?t\b|\blayer 8\b"
    rf"|\b(?:idiots?|morons?|stupid|dumb|incompetent|clueless|imbecile|useless (?:user|tech|admin|vendor|msp|staff)|lazy (?:user|tech|admin|staff))\b"
    rf"|\b(?:{_WHO})['’]s (?:own )?(?:fault|mistake|negligence|carelessness|stupidity)\b|\b(?:his|her|their) own (?:fault|doing|stupidity)\b"
    rf"|\b(?:blame|fault of) (?:the )?(?:user|customer|client|colleague|tech|technician|admin|vendor|msp)\b"
    rf"|\b{_WHO}\s{{1,3}}{_DEED}\b"
)
_FORGOT_A_PASSWORD = re.compile(
    r"(?i)\bforg\w{1,6}\b[^.;]{0,40}\b(?:password|pin|passcode|passphrase|code|pw|username|which|where)\b"
)
_BY_A_PERSON = re.compile(
    r"\b[A-ZÄÖÜ][a-zäöüß]{1,20} (?:has |had |probably |obviously |clearly |simply |again ){0,2}(?:forgot(?:ten)? (?:to|the|about|that|it)|neglected|lied"
    r"|messed (?:it|this|up|things)|screwed (?:it|this|up)|botched|did ?n['’o]?t bother|should have known|failed to (?:tell|mention|document|inform|read|listen)"
    r"|has no (?:idea|clue)|is (?:clueless|useless|incompetent|lazy))\b"
)


def _blames(said: str, people: Collection[str]) -> bool:
    """Conservative: a forgotten password is a cause, and what the user did with a result is a fact."""
    if _FORGOT_A_PASSWORD.search(said) and not re.search(r"(?i)\bstupid|idiot|useless|clueless\b", said):
        return False
    if _BLAME.search(said):
        return True
    named = "|".join(re.escape(name) for name in people if len(name) >= 2)
    if named and re.search(rf"(?i)\b(?:{named})\s{{1,3}}{_DEED}\b", said):
        return True
    return any(not _NO_PERSON.match(hit[0]) for hit in _BY_A_PERSON.finditer(said))


_NO_PERSON = re.compile(
    r"(?i)(?:outlook|windows|teams|office|exchange|server|printer|onedrive|vpn|update|this|that|it|which|what|step|system|app|application|service"
    r"|nothing|and|but|then|we|i|after|before|pc|laptop|driver|defender|intune|word|excel|edge|chrome|spooler|script|job|task|backup|disk|switch)\s"
)


# ── Results and verification ────────────────────────────────────────────────────────────────────────────────

_STEP = re.compile(
    r"\bSteps? \d{1,5}(?: \([^)\n]{1,60}\))?, [^\n]{1,900}?: (?:done before, |done, )?result not told(?=[.\s]|$)"
)
_FOLDED = re.compile(
    r"(?:\d{1,5} [^;\n]{1,60}|(?<=in short): ?[^;\n]{0,60}): (?:done before, |done, )?result not told"
)
_TRIED = re.compile(
    r"(?i)^\s{0,20}(?:[-*•]|\d{1,3}[.)])?\s{0,5}(?:tried|attempted|tested)\b(?P<what>[^\n]{3,300})$"
)
_RESULT = re.compile(
    r"(?i)[:→=>–]|\s-\s|\b(?:no|not|n['’]t|without|still|same|but|and|then|now|fail\w*|error\w*|work\w*|fix\w*|solv\w*|help\w*|ok(?:ay)?|fine|pass\w*"
    r"|success\w*|unchanged|result\w*|show\w*|return\w*|answer\w*|refus\w*|denied|time[ds]? out|came|went|got|gave|found|yes|confirmed|ruled)\b"
)
_NOT_RECORDED = re.compile(
    r"(?im)^\s{0,10}Verification:\s{0,3}(?:Not recorded\.?|none\.?|n/a|-|\?|unknown\.?)?\s{0,10}$"
)


def _without_result(line: str) -> Iterator[str]:
    """Steps whose result was not told, and a line of what was tried that ends before its result."""
    whole = [hit[0] for hit in _STEP.finditer(line[:40_000])]
    yield from (said[said.rfind("Step ") :] for said in whole)
    if not whole and "result not told" in line:
        yield from (hit[0].strip() for hit in _FOLDED.finditer(line[:40_000]))
    tried = _TRIED.match(line)
    if tried and not _RESULT.search(tried["what"]):
        yield line.strip()


def _verification(texts: Mapping[str, str], verified: bool | None) -> Iterator[Lint]:
    if verified:
        return
    for name, text in texts.items():
        hit = _NOT_RECORDED.search(text)
        if name == "verification" and not text.strip():
            yield Lint("missing_verification", "", name)
        elif hit:
            yield Lint("missing_verification", hit[0].strip(), name)
        elif name == "technical" and (
            verified is False or not re.search(r"(?im)^\s{0,10}Verification: \S", text)
        ):
            yield Lint("missing_verification", "", name)


def _sentences(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        yield from (part for part in re.split(r"(?<=[.!?;])\s{1,9}", line[:20_000]) if part.strip())


def _short(said: str) -> str:
    line = " ".join(said.split())
    return line if len(line) <= 160 else f"{line[:159]}…"
