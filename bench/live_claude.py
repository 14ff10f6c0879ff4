"""`./dev python -m bench.live_claude`: asks the real Claude once for each purpose and shows what came back. Costs a few cents.

For whoever has a key. With ANTHROPIC_BASE_URL set to the scripted model it tries itself out, and proves nothing of Claude.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from time import monotonic
from typing import Any

from jsonschema import Draft202012Validator

from bench.__main__ import table
from bot.cli_claude import CHECK
from bot.settings import Settings, read
from bot.wiring import language_model
from engine import writing_schemas
from engine.guide_prompt import system_blocks
from engine.guide_schemas import TURN
from engine.model import Model, ModelCall, ModelFailed, ModelReply, Purpose
from engine.pricing import cost
from engine.session import Json

NO_KEY = "Set ANTHROPIC_API_KEY to a key of the Claude Console, then run this again. Nothing was asked."
SNAPSHOT = (
    "Intake: Outlook 2019 on one PC asks for a password again and again since this morning. Others are fine."
)
SCHEMAS: Mapping[Purpose, Json] = {Purpose.TURN: TURN, **writing_schemas.SCHEMAS, Purpose.CHECK: CHECK}
STORY = (
    "Step 1, Sign out of every Office program and in again: the question came back. Step 2, Remove the saved "
    "credentials: the question is gone, and was still gone an hour later."
)
SAID = {
    Purpose.TURN: "The session begins. Next step number: 1. No flow is followed. Give the first step.",
    Purpose.PACKAGE: f"{STORY} Write the escalation package; every sentence cites its steps.",
    Purpose.BRIEFING: f"{STORY} Write the briefing for whoever takes over; every sentence cites its steps.",
    Purpose.NOTE: f"{STORY} Write the resolution note; every sentence cites its steps.",
    Purpose.TICKET: f"A ticket says: {SNAPSHOT} Summarize it.",
    Purpose.CHECK: "Say that you are ready.",
}
NEXT = "Answer to step 1: it did not help. Next step number: 2. Give the next step."
Row = dict[str, Any]


def call_for(purpose: Purpose, model: str) -> ModelCall:
    message = {"role": "user", "content": [{"type": "text", "text": SAID[purpose]}]}
    system = tuple(system_blocks(SNAPSHOT)) if purpose is Purpose.TURN else ()
    return ModelCall(purpose, model, system, (message,), SCHEMAS[purpose], max_tokens=4_096)


def following(call: ModelCall, reply: ModelReply) -> ModelCall:
    """The same conversation, one turn on: its prompt must come from the cache."""
    more = (
        {"role": "assistant", "content": [{"type": "text", "text": reply.text}]},
        {"role": "user", "content": [{"type": "text", "text": NEXT}]},
    )
    return replace(call, messages=(*call.messages, *more))


async def asked(model: Model, call: ModelCall, what: str) -> tuple[Row, ModelReply | None]:
    began = monotonic()
    row: Row = {"what": what, "model": call.model}
    try:
        reply = await model.ask(call)
    except ModelFailed as failed:
        return {**row, "ended": str(failed)}, None
    used = reply.usage
    return {
        **row,
        "ended": reply.stop_reason.value,
        "schema": _judged(reply.text, call.schema),
        "seconds": round(monotonic() - began, 1),
        "input": used.input,
        "cache_read": used.cache_read,
        "cache_write": used.cache_write,
        "output": used.output,
        "micro_dollars": cost(call.model, used),
    }, reply


def _judged(text: str, schema: Json) -> str:
    try:
        answer = json.loads(text)
    except ValueError:
        return "no JSON"
    wrong = next(iter(Draft202012Validator(dict(schema)).iter_errors(answer)), None)
    return "kept" if wrong is None else f"broken at {wrong.json_path}"


async def rows(settings: Settings) -> list[Row]:
    """One for each purpose, and the second turn of the guide. Raises ValueError without a key."""
    model = language_model(settings)
    if model is None:
        raise ValueError(NO_KEY)
    found: list[Row] = []
    try:
        for purpose in SCHEMAS:
            call = call_for(purpose, settings.models.of(purpose))
            row, reply = await asked(model, call, purpose.value)
            found.append(row)
            if purpose is Purpose.TURN and reply is not None:
                found.append((await asked(model, following(call, reply), "turn 2"))[0])
    finally:
        await model.close()
    return found


def main() -> int:
    settings = read()
    if not settings.anthropic_api_key:
        print(NO_KEY, file=sys.stderr)
        return 2
    found = asyncio.run(rows(settings))
    print(f"Asked at {settings.anthropic_base_url}:\n{table(found)}")
    return 0 if all(row.get("schema") == "kept" for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
