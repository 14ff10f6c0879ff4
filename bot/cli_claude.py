"""What `flowpilot doctor` finds out about Claude: one cheap question, and whether each model that is set exists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from typing import Literal, Protocol

from bot.settings import Settings, meanings
from engine.model import Failure, Hearing, ModelCall, ModelFailed, ModelReply, Purpose
from engine.session import Json

Found = tuple[str, Literal["ok", "look", "wrong"], str]
"""What was looked at, the verdict, what to do."""
PATIENCE = 20.0
OFF = "Claude is off: the offline guide does all turns."
MEANWHILE = "Meanwhile the offline guide does all turns."
NEEDED = ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")
CHECK: Json = {
    "type": "object",
    "properties": {"ready": {"type": "boolean"}},
    "required": ["ready"],
    "additionalProperties": False,
}


class Vendor(Protocol):
    """A model that also knows which models there are."""

    async def ask(self, call: ModelCall, hearing: Hearing = ...) -> ModelReply: ...

    async def has(self, model: str) -> bool:
        """Raises ModelFailed."""

    async def close(self) -> None: ...


async def claude(settings: Settings, wrong: Collection[str]) -> list[Found]:
    """`wrong` names the settings that cannot be used. Costs a few dozen tokens of the cheapest model."""
    if not settings.anthropic_api_key:
        return [("Claude", "ok", OFF)]
    if unusable := [name for name in NEEDED if name in wrong]:
        return [("Claude", "wrong", f"Not asked: {' and '.join(unusable)} cannot be used. {MEANWHILE}")]
    from bot.wiring import language_model  # noqa: PLC0415 - loads the whole product

    model = language_model(settings)
    if model is None:
        return [("Claude", "ok", OFF)]
    try:
        return [each async for each in _asked(model, settings)]
    finally:
        await model.close()


async def _asked(model: Vendor, settings: Settings) -> AsyncIterator[Found]:
    try:
        await model.ask(_question(settings))
    except ModelFailed as failed:
        yield "Claude", _verdict(failed.failure), _sentence(failed, settings)
        # A question that was turned down says nothing of the models: perhaps only the small one is missing.
        if failed.failure is not Failure.REJECTED:
            return
    else:
        yield _answers(settings)
    async for each in _models(model, settings):
        yield each


def _question(settings: Settings) -> ModelCall:
    asked = {"role": "user", "content": [{"type": "text", "text": "Say that you are ready."}]}
    return ModelCall(
        Purpose.CHECK,
        settings.models.of(Purpose.CHECK),
        (),
        (asked,),
        CHECK,
        max_tokens=64,
        cache=False,
        seconds=PATIENCE,
        silence=PATIENCE,
    )


def _answers(settings: Settings) -> Found:
    address = settings.anthropic_base_url
    if address == meanings()["ANTHROPIC_BASE_URL"][0]:
        return "Claude", "ok", "It answers."
    return "Claude", "look", f"It answers at {address}, which is not Anthropic itself."


async def _models(model: Vendor, settings: Settings) -> AsyncIterator[Found]:
    uses: dict[str, list[str]] = defaultdict(list)
    for purpose in Purpose:
        uses[settings.models.of(purpose)].append(purpose.value)
    for name, purposes in uses.items():
        what = f"model {name}"
        try:
            known = await model.has(name)
        except ModelFailed as failed:
            yield what, "look", f"Not found out: {_sentence(failed, settings)}"
            return
        if known:
            yield what, "ok", f"For {', '.join(purposes)}."
            continue
        lines = ", ".join(f"FLOWPILOT_MODEL_{each.upper()}" for each in purposes if each != Purpose.CHECK)
        do = f"Put another one into {lines}" if lines else "Update FlowPilot"
        yield what, "wrong", f"Claude knows no model {name}, or not with this key. {do}."


def _verdict(failure: Failure) -> Literal["look", "wrong"]:
    return "look" if failure in {Failure.BUSY, Failure.OVERLOADED} else "wrong"


def _sentence(failed: ModelFailed, settings: Settings) -> str:
    match failed.failure:
        case Failure.KEY_REFUSED:
            return f"Claude refuses ANTHROPIC_API_KEY. Make a new key in the Claude Console and put it there. {MEANWHILE}"
        case Failure.UNPAID:
            return f"The key is good and unpaid: no credit, or its limit is reached. See Billing in the Claude Console. {MEANWHILE}"
        case Failure.FORBIDDEN:
            return f"This key may not do that (code {failed.status}). Look at its workspace in the Claude Console, or at a proxy between. {MEANWHILE}"
        case Failure.BUSY:
            wait = f"in {failed.retry_after:.0f} s" if failed.retry_after else "in a minute"
            return f"Claude asks for a pause: too many requests with this key. Try again {wait}."
        case Failure.OVERLOADED:
            return f"Claude has trouble at the moment (code {failed.status}). Nothing is to be done here. {MEANWHILE}"
        case Failure.CONNECTION:
            return f"Claude is not reachable at {settings.anthropic_base_url}. Check the network, a proxy and ANTHROPIC_BASE_URL. {MEANWHILE}"
        case Failure.SILENT:
            return f"Claude did not answer within {PATIENCE:.0f} s. Try again in a minute."
        case Failure.TOO_LARGE | Failure.REJECTED:
            return f"Claude turned the question down (code {failed.status}). Check ANTHROPIC_BASE_URL, or update FlowPilot. {MEANWHILE}"
