"""What `flowpilot doctor` says of Claude, asked of the scripted model: it answers, or why not, in a sentence that helps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from bot.cli_claude import OFF, claude
from bot.settings import Settings
from bot.settings_check import problems
from demo.model import PracticeModel, practice_model


@pytest.fixture
async def model() -> AsyncIterator[PracticeModel]:
    async with practice_model() as model:
        yield model


def settings_of(model: PracticeModel, **changes: Any) -> Settings:
    known = Settings(anthropic_api_key=model.key, anthropic_base_url=model.url)
    return replace(known, **changes)


async def found(settings: Settings) -> dict[str, tuple[str, str]]:
    return {what: (verdict, say) for what, verdict, say in await claude(settings, problems(settings))}


async def test_without_a_key_claude_is_off_and_nothing_is_wrong() -> None:
    assert await found(Settings()) == {"Claude": ("ok", OFF)}


async def test_one_cheap_question_and_a_look_at_each_model(model: PracticeModel) -> None:
    said = await found(settings_of(model))
    verdict, sentence = said.pop("Claude")
    assert (verdict, sentence) == ("look", f"It answers at {model.url}, which is not Anthropic itself.")
    assert said == {
        "model claude-sonnet-5-5": ("ok", "For turn, package, briefing."),
        "model claude-haiku-5-5": ("ok", "For note, ticket, check."),
    }
    (asked,) = model.asked
    assert (asked.model, asked.body["max_tokens"]) == ("claude-haiku-5-5", 64)
    assert [entry.path for entry in model.journal[1:]] == [
        "/v1/models/claude-sonnet-5-5",
        "/v1/models/claude-haiku-5-5",
    ]


async def test_an_unknown_model_is_named_with_the_settings_that_hold_it(model: PracticeModel) -> None:
    said = await found(settings_of(model, model_turn="claude-x", model_note="claude-x"))
    assert said["model claude-x"] == (
        "wrong",
        "Claude knows no model claude-x, or not with this key. "
        "Put another one into FLOWPILOT_MODEL_TURN, FLOWPILOT_MODEL_NOTE.",
    )
    assert said["model claude-sonnet-5-5"][0] == "ok"


@pytest.mark.parametrize(
    ("fault", "verdict", "words"),
    [
        ({"kind": "status", "status": 401}, "wrong", "refuses ANTHROPIC_API_KEY"),
        ({"kind": "status", "status": 402}, "wrong", "unpaid"),
        ({"kind": "status", "status": 403}, "wrong", "may not do that (code 403)"),
        ({"kind": "status", "status": 429, "retry_after": 90}, "look", "Try again in 90 s"),
        ({"kind": "status", "status": 529}, "look", "trouble at the moment (code 529)"),
        ({"kind": "html", "status": 502}, "look", "trouble at the moment (code 502)"),
        ({"kind": "reset", "after": 0}, "wrong", "not reachable at http"),
        ({"kind": "status", "status": 400}, "wrong", "turned the question down (code 400)"),
    ],
)
async def test_why_it_does_not_answer_is_said_plainly(
    model: PracticeModel, fault: dict[str, Any], verdict: str, words: str
) -> None:
    model.faults.add(**fault)
    said = await found(settings_of(model))
    assert said["Claude"][0] == verdict
    assert words in said["Claude"][1]
    assert len(model.asked) == 1


async def test_a_wrong_key_is_refused_and_nobody_there_is_not_reachable(model: PracticeModel) -> None:
    said = await found(settings_of(model, anthropic_api_key="sk-another"))
    assert said.keys() == {"Claude"}
    assert "refuses ANTHROPIC_API_KEY" in said["Claude"][1]
    assert "sk-another" not in said["Claude"][1]
    said = await found(settings_of(model, anthropic_base_url="http://127.0.0.1:1"))
    assert "not reachable at http://127.0.0.1:1" in said["Claude"][1]


async def test_a_key_is_not_sent_to_an_address_that_is_wrong(model: PracticeModel) -> None:
    said = await found(settings_of(model, anthropic_base_url=model.url.replace("http", "ftp")))
    assert said == {
        "Claude": (
            "wrong",
            "Not asked: ANTHROPIC_BASE_URL cannot be used. Meanwhile the offline guide does all turns.",
        )
    }
    assert not model.journal
