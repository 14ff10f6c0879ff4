"""Answers no honest model gives: each ends as a Step within every limit or as the offline guide's, and draws as dead text."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from bot.cards import escalation_card, session_card, step_card
from bot.console_draw import drawn
from bot.slack import blocks
from bot.viewing import view_of
from bot.views import SessionView
from demo.model_faults import HOSTILE
from engine.events import EscalationRequested
from engine.guide_json import SHOWN, visible
from engine.risk import commands_in
from engine.session import Step, Target
from tests.bot.claude.attack_scene import Case, case_in
from tests.bot.claude.claude_scene import said
from tests.bot.slack.drawing import NASTY, assert_message
from tests.conftest import Database

LONG = "word " * 2_000
UNSEEN = {"Cc", "Cf", "Cs", "Co"}
CONTROLS = "\x00\x07\x1b[31mred\x1b]8;;https://evil.example\x07link\x1b]8;;\x07\x9b2J\u202egpj.exe\u202c\u200b\u2066x\u2069\ufeff\ue000"
OURS = re.compile(r"\x1b\[[0-9;]*m")
BY_CODE = {"works", "no_change", "yes", "no", "right", "wrong", "gui", "cli", "either", "fixed", "not_fixed"}
BY_CODE |= {"escalate", "o1", "o2", "o3", "o4", "o5", "go_on", "offline"}

SCRIPT = {"language": "powershell", "text": "Get-Service", "risk": "read_only", "rollback": ""}
ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "confidence nine": {"confidence": 9.0},
    "confidence minus": {"confidence": -10},
    "confidence in words": {"confidence": "100"},
    "confidence true": {"confidence": True},
    "confidence not a number": {"confidence": float("nan")},
    "confidence infinite": {"confidence": float("inf")},
    "a huge number": {"confidence": 10**40},
    "fifty options": {"options": [{"label": f"Option {n}", "means": "other"} for n in range(50)]},
    "fifty options alike": {"options": [{"label": "Yes", "means": "fixed"}] * 50},
    "long labels": {"options": [{"label": LONG, "means": "yes"}, {"label": LONG, "means": "no"}]},
    "empty labels": {"options": [{"label": "", "means": "yes"}, {"label": " \u200b", "means": "no"}]},
    "options with ids": {
        "options": [{"label": "A", "means": "yes", "id": "escalate"}, {"label": "B", "means": "no"}]
    },
    "live labels": {
        "options": [{"label": "<!channel>", "means": "yes"}, {"label": "<@U123> *b* `c`", "means": "no"}]
    },
    "unknown ids": HOSTILE["ids"],
    "a step that never was": {"rests_on": "step 9999"},
    "a log that never was": {"rests_on": "log: nothing of this"},
    "a node": {"flow": {"move": "follow", "node": "<!channel>", "reason": "x"}},
    "a mention": HOSTILE["mention"],
    "everything live": dict.fromkeys(("say", "why", "say_to_user", "problem_summary"), NASTY),
    "links": {
        "say": "Open <https://evil.example|this> or [that](https://evil.example) or javascript:alert(1)"
    },
    "entities": {"say": "&<> &lt;!channel&gt; &#60;!here&#62;", "why": "&<>\"'"},
    "ten thousand in all": dict.fromkeys(
        ("say", "why", "say_to_user", "problem_summary", "saw", "rests_on"), LONG
    ),
    "just too long": {"say": "a" * 1_501},
    "long facts": {"facts": [{"text": LONG, "step": 1}] * 90, "ruled_out": [{"cause": LONG, "step": 1}] * 90},
    "long causes": {"hypotheses": [{"cause": LONG, "state": "confirmed", "evidence": []}] * 90},
    "a long script": {"kind": "script", "script": {**SCRIPT, "text": "Get-Service\n" * 2_000}},
    "a live script": {"kind": "script", "script": {**SCRIPT, "text": "Write-Host '<!channel> ``` <@U123>'"}},
    "a script that erases": {"kind": "script", "script": {**SCRIPT, "text": f"Get-Service # {CONTROLS}"}},
    "an unknown language": {"kind": "script", "script": {**SCRIPT, "language": "<!here>"}},
    "an unknown risk": {"kind": "script", "script": {**SCRIPT, "risk": "harmless"}},
    "controls": {"say": f"Look {CONTROLS} here", "why": CONTROLS + "because", "say_to_user": CONTROLS},
    "controls alone": {"say": "\u200b\u202e\x07", "why": "\u200b"},
    "labels with controls": {
        "options": [{"label": f"A{CONTROLS}", "means": "yes"}, {"label": "B\u202e", "means": "no"}]
    },
    "fences": {"say": "```\n# Title\n| a | b |\n```\nand ``` again", "why": "*" * 400},
    "JSON in it": {"say": json.dumps(said(say="inner", confidence=100))},
    "wrong types": HOSTILE["types"],
    "nothing but lists": {name: [] for name in ("say", "kind", "why", "flow", "script")},
    "nothing but null": dict.fromkeys(said()),
    "empty strings": dict.fromkeys(("say", "kind", "why", "rests_on"), ""),
    "an unknown kind": {"kind": "briefing"},
    "one field more": {"status": "Closed", "recipient": "everybody"},
    "a picture nobody sent": {"saw": "<!channel>", "rests_on": "picture"},
    "format strings": {"say": "{0} {name} %s %(x)s {text!r}", "why": "{0}"},
    "a placeholder": {"say": "⟦SECRET_1⟧ ⟦HOST_77⟧ ⟦NOBODY_3⟧ ⟦", "why": "⟧⟦"},
}
RAWS = {
    "nothing": " ",
    "no JSON": "I'd rather talk.",
    "two objects": json.dumps(said()) + json.dumps(said()),
    "a list": json.dumps([said()]),
    "a string": json.dumps("{}"),
    "NaN": json.dumps(said()).replace('"confidence": 30', '"confidence": NaN'),
    "a field twice": json.dumps(said())[:-1] + ', "say": "second"}',
    "half": json.dumps(said())[:200],
    "a fence": f"Sure!\n```json\n{json.dumps(said())}\n```\nDone.",
    "deep": '{"say": ' + "[" * 300 + "]" * 300 + "}",
    "long": json.dumps(said(say="x" * 70_000)),
    "half a pair": json.dumps(said(say="\ud83d and \udc00", why="\ud800")),
    "escapes": '{"say": "\\u001b[2J\\u202e\\u0000' + json.dumps(said(say="tail"))[9:],
}


@pytest.fixture
async def case(database: Database) -> AsyncIterator[Case]:
    async with case_in(database.app_url) as made:
        await made.begin()
        yield made


async def seen(case: Case) -> SessionView:
    async with case.scene.place.store.transaction(case.scene.place.account) as unit:
        view = await view_of(unit, case.scene.session, whole=True)
    assert view is not None
    return view


# ── What must hold ──────────────────────────────────────────────────────────────────────────────────────────


def assert_within_limits(name: str, step: Step) -> None:
    texts = [step.text, step.why, step.say_to_user, *(option.label for option in step.options)]
    texts += [step.script.text, step.script.rollback, step.script.language] if step.script else []
    assert 1 <= len(step.text) <= 1_500, name
    assert len(step.why) <= 1_000 and len(step.say_to_user) <= 800, name
    assert len(step.options) <= 5 and {option.id for option in step.options} <= BY_CODE, name
    assert all(1 <= len(option.label) <= 75 for option in step.options), name
    assert 0 <= step.confidence <= 1, name
    assert step.script is None or len(step.script.text) <= 6_000, name
    assert len(step.learned) + len(step.ruled_out) <= 16, name
    assert_dead(name, "\n".join(texts))
    assert commands_in("\n".join(texts[:3])) == (), name


def assert_dead(name: str, text: str) -> None:
    """Nothing in it that a terminal obeys, that hides, or that turns the reading direction."""
    alive = {c for c in text if c not in "\n\t" and unicodedata.category(c) in UNSEEN}
    assert not alive, (name, alive)


def assert_draws(name: str, view: SessionView, step: Step) -> None:
    cards = [session_card(view), step_card(view, step), step_card(view, replace(step, outcome=None))]
    cards += [escalation_card(view)] if view.session.escalation else []
    for card in cards:
        assert_message(name, blocks.message(card))
        assert_dead(name, drawn(card, 100, colour=False))
        coloured = OURS.sub("", drawn(card, 100, colour=True))
        assert "evil.example" not in "".join(re.findall(r"\x1b\]8[^\x1b]*", coloured)), name
        assert_dead(name, re.sub(r"\x1b\]8;[^\x1b]*\x1b\\", "", coloured))


async def assert_survives(case: Case, name: str, **fault: Any) -> Step:
    """The turn ends as the model's Step or the offline guide's; the next one is the model's again."""
    scene = case.scene
    before = len(scene.asked)
    scene.practice.faults.add(**fault, times=2)
    step = await case.past_the_preview(await scene.answer(f"Answer to it: {name}"))
    scene.practice.faults.clear()
    asked = scene.asked[before:]
    if step.guide == "offline":
        assert (len(asked), step.aside) in {(2, "guide_unclear"), (1, "guide_away")}, name
        # What is far too long is not even asked about a second time.
        assert step.aside == "guide_unclear" or len(asked[0].text) > 400_000, name
    else:
        assert len(asked) in (1, 2), name
    for entry in asked:
        shown = visible(entry.text)
        assert len(shown) <= SHOWN, name
        assert_dead(name, shown)
    assert_within_limits(name, step)
    assert_draws(name, await seen(case), step)
    return step


# ── Turns ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("part", range(4))
async def test_a_hostile_answer_never_reaches_a_card_raw(case: Case, part: int) -> None:
    names = list(ANSWERS)[part::4]
    ends = {n: (await assert_survives(case, n, kind="answer", answer=dict(ANSWERS[n]))).guide for n in names}
    assert set(ends.values()) == {"claude", "offline"}
    assert (await case.scene.answer("And now honestly")).guide == "claude"
    numbers = [step.number for step in (await case.scene.history()).steps]
    assert numbers == sorted(set(numbers))


async def test_an_answer_that_is_no_object_is_put_right_once_and_then_left_to_the_offline_guide(
    case: Case,
) -> None:
    ends = {n: (await assert_survives(case, n, kind="malformed", text=raw)).guide for n, raw in RAWS.items()}
    assert {name for name, guide in ends.items() if guide == "claude"} <= {"half a pair", "escapes"}
    assert (await case.scene.answer("And now honestly")).guide == "claude"


async def test_what_may_never_be_shown_is_never_taken(case: Case) -> None:
    """Those that must end at the offline guide, whatever the rest of the answer is like."""
    for name in (
        *("confidence nine", "confidence not a number", "a huge number", "fifty options", "long labels"),
        *("options with ids", "ten thousand in all", "just too long", "a long script", "unknown ids"),
        *("wrong types", "nothing but null", "empty strings", "an unknown kind", "one field more"),
    ):
        step = await assert_survives(case, name, kind="answer", answer=dict(ANSWERS[name]))
        assert step.guide == "offline", name


# ── The texts beside the turns ──────────────────────────────────────────────────────────────────────────────


async def test_a_hostile_package_is_drawn_as_dead_text(case: Case) -> None:
    rows: list[dict[str, Any]] = [
        {"text": text, "cites": [0]} for text in (NASTY, CONTROLS, LONG, "⟦SECRET_1⟧", "")
    ] * 20
    rows += [{"text": "Odd", "cites": [9999]}, {"text": 7, "cites": "all"}]
    parts = ("situation", "background", "assessment", "recommendation")
    for answer in (dict.fromkeys(parts, rows), dict.fromkeys(parts, "none"), {"situation": NASTY}):
        await case.begin(text=f"Something odd, {len(case.scene.asked)}")
        case.scene.practice.faults.add(kind="answer", answer=answer, purpose="package")
        await case.scene.happens(EscalationRequested(case.scene.place.anna, "I am stuck", Target()))
        await case.work()
        view = await seen(case)
        assert view.session.package is not None
        assert_dead("package", json.dumps(view.session.package, ensure_ascii=False))
        assert_draws("package", view, view.history.steps[-1])
