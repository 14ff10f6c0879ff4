"""Puts one answer together: the script or the brain, the schema, the limits of the request, a fault."""

from __future__ import annotations

import json
from dataclasses import replace

from demo.model_brain import turn
from demo.model_cache import Usage, tokens_of
from demo.model_faults import Fault
from demo.model_obedience import orders
from demo.model_prompt import Prompt
from demo.model_reply import Reply, thinking_block, unknown_block
from demo.model_room import Settings
from demo.model_schema import fitted
from demo.model_script import Scripts
from demo.model_writing import write

UNBOUND = frozenset(
    {"hostile", "answer"}
)  # a hostile answer arrives whole, however few tokens were asked for


class Mind:
    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def reply(
        self, prompt: Prompt, settings: Settings, usage: Usage, message_id: str, fault: Fault | None
    ) -> Reply:
        """The whole answer; `usage` holds the prompt's part."""
        text = self._text(prompt, settings)
        stop_reason = "end_turn"
        before = _ahead(fault)
        if fault is not None:
            text = fault.spoilt(text)
            stop_reason = fault.kind if fault.kind in {"refusal", "max_tokens"} else stop_reason
        stopped_by = None
        if fault is None or fault.kind not in UNBOUND:
            text, stop_reason, stopped_by = _limited(text, stop_reason, prompt)
        reply = Reply(message_id, prompt.body["model"], text, stop_reason, usage, stopped_by, before)
        return replace(reply, usage=replace(usage, output=tokens_of(text) + reply.thinking_tokens))

    def _text(self, prompt: Prompt, settings: Settings) -> str:
        if not prompt.schema:
            return "Hello. The practice model is here."
        own = turn(prompt, settings.picture_text) if prompt.purpose == "turn" else write(prompt)
        answer = self._scripts.answer(prompt, own)
        answer = own if answer is None else answer
        if settings.obedient:
            answer = {**answer, **orders(prompt, settings.picture_text)}
        return json.dumps(fitted(prompt.schema, answer), ensure_ascii=False)


def _ahead(fault: Fault | None) -> tuple[dict[str, object], ...]:
    match fault.kind if fault is not None else "":
        case "thinking_first":
            return (thinking_block(),)
        case "unknown_block":
            return (unknown_block(),)
        case _:
            return ()


def _limited(text: str, stop_reason: str, prompt: Prompt) -> tuple[str, str, str | None]:
    """The text as far as stop_sequences and max_tokens let it come."""
    for stop in prompt.body.get("stop_sequences") or ():
        if stop in text:
            text = text[: text.index(stop)]
            return text, "stop_sequence", stop
    most = prompt.body["max_tokens"]
    if tokens_of(text) > most:
        return text.encode()[: most * 4].decode("utf-8", "ignore"), "max_tokens", None
    return text, stop_reason, None
