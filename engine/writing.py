"""What becomes of a text the model worded: each sentence is compared with the record before anybody reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from engine.customer_text import guesses
from engine.drafting import draft_of as draft_of
from engine.drafting import wanted as wanted
from engine.escalation import PARTS, Sentence, briefing, checked, package
from engine.evidence import Support, stands_in
from engine.fresh_eyes import blind, without_beliefs
from engine.guide_json import Unusable, read
from engine.guide_quoting import cut
from engine.history import History
from engine.model import Purpose
from engine.note_text import one_line, sentence
from engine.ports import Worded
from engine.psa import Ticket
from engine.redact import Masks, unmask
from engine.session import Fact, Json
from engine.terms import terms
from engine.writing_prompt import TICKET_NOTE, Masked, Prompt, long_ticket, prompt, read_of, record
from engine.writing_schemas import SCHEMAS

MOST_SENTENCES = 10
LONG_TICKET = 6_000
"""Characters of description and notes above which a ticket is told by its summary."""
SUMMARY = 4_500
MOST_SAID = 15
TOLD = 0.8
"""Share of a sentence's telling words that make it told already."""
LATE = "Assessment unavailable: Claude gave no usable answer in time."
UNCARRIED = "Assessment unavailable: nothing that Claude wrote rests on what was done."


def asks(
    purpose: Purpose,
    history: History,
    ticket: Ticket | None,
    tag: str,
    masked: Masked,
    *,
    fresh: bool = False,
) -> Prompt:
    """The request. `fresh`: what anybody believes stands nowhere in it."""
    if purpose is Purpose.TICKET:
        return prompt(purpose, long_ticket(ticket or Ticket(0), tag, masked))
    if not fresh:
        return prompt(purpose, record(history, ticket, tag, masked))
    without = without_beliefs(history.session)
    return prompt(purpose, record(*blind(history, ticket), tag, lambda text: masked(without(text))))


def answer(purpose: Purpose, raw: str, masks: Masks) -> Json:
    """What was answered, with the values that were masked, secrets excepted. Raises Unusable."""
    found = _unmasked(read(raw, SCHEMAS[purpose]), masks)
    if not _anything(found):
        raise Unusable("it says nothing.")
    return cast("Json", found)


def _unmasked(value: object, masks: Masks) -> object:
    match value:
        case str():
            return unmask(value, masks)
        case dict():
            return {name: _unmasked(inner, masks) for name, inner in value.items()}
        case list():
            return [_unmasked(inner, masks) for inner in value]
        case _:
            return value


def _anything(value: object) -> bool:
    if isinstance(value, dict | list):
        return any(_anything(each) for each in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and bool(value.strip())


def sentences(given: object, most: int = MOST_SENTENCES) -> list[Sentence]:
    """The sentences of a list of any shape, each on one line of at most 400 characters with the Steps it cites."""
    rows = given if isinstance(given, list) else []
    return [
        {"text": text, "cites": sorted(set(row["cites"]))}
        for row in rows[:most]
        if isinstance(row, Mapping) and _whole(row) and (text := sentence(row["text"], 400))
    ]


def _whole(row: Mapping[str, object]) -> bool:
    cites = row.get("cites")
    return isinstance(row.get("text"), str) and isinstance(cites, list) and all(type(n) is int for n in cites)


# ── The package ─────────────────────────────────────────────────────────────────────────────────────────────


def package_of(history: History, ticket: Ticket | None, worded: Worded) -> dict[str, Any]:
    """The package in the model's words as far as the record carries them, in those of the rules where it was not
    asked; where it gave no answer, the facts alone.
    """
    rules = package(history, ticket)
    if worded.state == "rules":
        return rules
    if worded.said is None:
        return _unassessed(checked({**rules, "assessment": []}, history, ticket), LATE)
    said = {part: sentences(worded.said.get(part)) for part in PARTS}
    support = Support(history, ticket)
    # What to do next rests on what was done: a ticket's own text may hold anybody's orders.
    said["recommendation"] = [
        each
        for each in said["recommendation"]
        if support.carries(each["text"], [n for n in each["cites"] if n])
    ]
    made = checked({**rules, **said, "assessment_state": "model"}, history, ticket)
    if not made["assessment"]:
        made = _unassessed(made, UNCARRIED)
    for part in PARTS:
        if part != "assessment" or made["assessment"]:
            made[part] = [*made[part], *_untold(rules[part], made[part])]
    return made


def _unassessed(made: dict[str, Any], why: str) -> dict[str, Any]:
    return {**made, "assessment_state": "unavailable", "assessment_problem": why}


def _untold(rules: Sequence[Sentence], said: Sequence[Sentence]) -> list[Sentence]:
    """What the rules know of this part and nobody said: wording it anew must not lose it."""
    told = set(terms("\n".join(each["text"] for each in said)))
    missing = []
    for each in rules:
        words = set(terms(each["text"]))
        if len(words & told) < TOLD * len(words) and each not in said:
            missing.append(each)
    return missing


# ── The briefing ────────────────────────────────────────────────────────────────────────────────────────────


def briefing_of(
    history: History, ticket: Ticket | None, made: Json | None, worded: Worded, *, fresh: bool
) -> tuple[str, tuple[Fact, ...], tuple[str, ...]]:
    """The briefing of the rules with the model's words at its beginning, as far as the record carries them."""
    told: list[str] = []
    if worded.said is not None:
        seen, page = blind(history, ticket) if fresh else (history, ticket)
        support, without = Support(seen, page), without_beliefs(history.session)
        for each in sentences(worded.said.get("sentences"), 8):
            text = each["text"]
            believes = fresh and (guesses(text) or without(text) != text)
            if support.carries(text, each["cites"]) and not believes:
                told.append(text)
    return briefing(history, ticket, made, fresh, tuple(dict.fromkeys(told)))


# ── The ticket ──────────────────────────────────────────────────────────────────────────────────────────────


def is_long(ticket: Ticket) -> bool:
    return len(ticket.description or "") + sum(len(note.text) for note in ticket.notes) > LONG_TICKET


def shortened(ticket: Ticket, said: Json) -> Ticket:
    """The ticket with a summary in place of its description and notes; as it is where nothing of that holds.

    The notes keep their authors, who are masked wherever they stand, and say nothing.
    """
    source = long_ticket(ticket, "", str)
    problem = [text for line in _lines(said.get("problem")) if (text := _carried(line, source, 500))]
    lines: list[str] = []
    rows = said.get("said")
    for row in rows[:MOST_SAID] if isinstance(rows, list) else ():
        if isinstance(row, Mapping) and (text := _carried(row.get("text"), source, 400)):
            named = [one_line(str(row.get(name) or ""), 60) for name in ("when", "who")]
            by = ", ".join(part for part in named if part and part.casefold() in source.casefold())
            lines.append(f"{by}: {text}" if by else text)
    if not (problem or lines):
        return ticket
    head = "\n".join((_heading(ticket), *problem))
    while len(lines) > 1 and len(head) + sum(len(line) + 1 for line in lines) > SUMMARY:
        lines.pop(0)  # what was said last tells most
    silent = tuple(replace(note, text="") for note in ticket.notes)
    return replace(ticket, description=cut("\n".join((head, *lines)), SUMMARY), notes=silent)


def _heading(ticket: Ticket) -> str:
    """What the summary was made from, and no more than that."""
    seen, length = read_of(ticket), len(ticket.description or "")
    first = f"the first {seen.described} of " if seen.described < length else ""
    newest = f"{seen.of}" if len(seen.notes) == seen.of else f"the newest {len(seen.notes)} of {seen.of}"
    notes = f" and {newest} notes" if seen.of else ""
    cut_short = f", of each its first {TICKET_NOTE} characters" if seen.cut else ""
    return f"(In short, from {first}{length} characters of description{notes}{cut_short}.)"


def _lines(given: object) -> list[str]:
    """The sentences of a text."""
    return (
        [part for part in re.split(r"(?<=[.!?])\s+|\n", given) if part.strip()][:4]
        if isinstance(given, str)
        else []
    )


def _carried(given: object, source: str, limit: int) -> str:
    text = sentence(given, limit) if isinstance(given, str) else ""
    return text if text and stands_in(text, source) else ""
