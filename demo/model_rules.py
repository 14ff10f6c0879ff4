"""What a request to the practice Messages API must look like; everything else is refused with 400."""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any

from demo.model_catalogue import EFFORTS, LARGEST_ANSWER, LARGEST_PROMPT, Offered, offered
from demo.model_refusals import Json, wrong
from demo.model_schema import check_schema

FIELDS = frozenset(
    {
        *(
            "model",
            "messages",
            "max_tokens",
            "system",
            "stream",
            "cache_control",
            "output_config",
            "thinking",
        ),
        *("tools", "tool_choice", "stop_sequences", "metadata", "service_tier", "diagnostics", "container"),
        *("inference_geo", "speed", "temperature", "top_p", "top_k"),
    }
)
SAMPLING = ("temperature", "top_p", "top_k")
LARGEST_IMAGE = 5 * 1024 * 1024  # bytes of base64
MOST_MESSAGES = 100_000
MAGIC: Mapping[str, Callable[[bytes], bool]] = {
    "image/png": lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"),
    "image/jpeg": lambda head: head.startswith(b"\xff\xd8\xff"),
    "image/gif": lambda head: head.startswith((b"GIF87a", b"GIF89a")),
    "image/webp": lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP",
}


def read_body(raw: bytes) -> Json:
    """The JSON object of a body; raises Refused (400)."""
    try:
        body = json.loads(raw)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise wrong(f"The request body is not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise wrong("The request body must be a JSON object.")
    return body


def check_request(body: Json) -> Offered:
    """Raises Refused for whatever the 5.5 family does not take; answers the model that is asked."""
    for name in ("model", "messages", "max_tokens"):
        if body.get(name) is None:
            raise wrong(f"{name}: Field required")
    if stray := sorted(set(body) - FIELDS):
        raise wrong(f"{stray[0]}: Extra inputs are not permitted")
    if not isinstance(body["model"], str) or not isinstance(body.get("stream", False), bool):
        raise wrong("model: Input should be a valid string; stream: Input should be a valid boolean")
    model = offered(body["model"])
    for name in SAMPLING:
        if name in body:
            raise wrong(f"{name}: sampling parameters are not supported by {model.id}. Remove `{name}`.")
    _check_size(body["max_tokens"])
    _check_thinking(body.get("thinking"), model)
    _check_tools(body, model)
    _check_output(body.get("output_config"))
    _check_mark("cache_control", body.get("cache_control"))
    _check_system(body.get("system"))
    _check_messages(body["messages"], model)
    return model


def check_prompt_size(tokens: int) -> None:
    if tokens > LARGEST_PROMPT:
        raise wrong(f"prompt is too long: {tokens} tokens > {LARGEST_PROMPT} maximum")


def _check_size(size: Any) -> None:
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise wrong("max_tokens: Input should be a valid integer that is not negative")
    if size > LARGEST_ANSWER:
        raise wrong(f"max_tokens: {size} > {LARGEST_ANSWER}, which is the maximum allowed number of tokens")


def _check_thinking(thinking: Any, model: Offered) -> None:
    if thinking is None:
        return
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    if kind not in model.thinking:
        allowed = ", ".join(sorted(model.thinking))
        raise wrong(f'thinking.type: "{kind}" is not supported by {model.id}. Supported values: {allowed}')


def _check_tools(body: Json, model: Offered) -> None:
    choice = body.get("tool_choice")
    if choice is None:
        return
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind not in {"auto", "any", "tool", "none"}:
        raise wrong("tool_choice: Input tag must be one of 'auto', 'any', 'tool', 'none'")
    if kind in {"any", "tool"} and not model.forced_tools:
        raise wrong(f"tool_choice: forcing tool use is not supported by {model.id}")
    if kind != "none" and not body.get("tools"):
        raise wrong("tool_choice: may only be specified while providing tools")


def _check_output(config: Any) -> None:
    if config is None:
        return
    if not isinstance(config, dict) or set(config) - {"format", "effort"}:
        raise wrong("output_config: only `format` and `effort` are permitted")
    if config.get("effort") not in (None, *EFFORTS):
        raise wrong(f"output_config.effort: Input should be one of {', '.join(EFFORTS)}")
    form = config.get("format")
    if form is None:
        return
    if not isinstance(form, dict) or form.get("type") != "json_schema" or set(form) - {"type", "schema"}:
        raise wrong("output_config.format: Input tag must be 'json_schema', with nothing but a schema")
    check_schema(form.get("schema"))


def _check_mark(where: str, mark: Any) -> None:
    if mark is None:
        return
    if not isinstance(mark, dict) or mark.get("type") != "ephemeral" or set(mark) - {"type", "ttl"}:
        raise wrong(f"{where}: Input tag must be 'ephemeral'")
    if mark.get("ttl", "5m") not in {"5m", "1h"}:
        raise wrong(f"{where}.ephemeral.ttl: Input should be '5m' or '1h'")


def _check_system(system: Any) -> None:
    if system is None or isinstance(system, str):
        return
    if not isinstance(system, list):
        raise wrong("system: Input should be a valid string or list")
    for at, block in enumerate(system):
        if not isinstance(block, dict) or block.get("type") != "text":
            raise wrong(f"system.{at}: only text blocks are permitted")
        _check_text(f"system.{at}", block)


def _check_messages(messages: Any, model: Offered) -> None:
    if not isinstance(messages, list) or not messages:
        raise wrong("messages: at least one message is required")
    if len(messages) > MOST_MESSAGES:
        raise wrong(f"messages: at most {MOST_MESSAGES} messages are permitted")
    for at, message in enumerate(messages):
        _check_message(f"messages.{at}", message)
    if messages[0]["role"] != "user":
        raise wrong("messages: first message must use the user role")
    if messages[-1]["role"] == "assistant":
        raise wrong(
            f"{model.id} does not support assistant message prefill. "
            "The conversation must end with a user message."
        )


def _check_message(where: str, message: Any) -> None:
    if not isinstance(message, dict) or set(message) - {"role", "content"}:
        raise wrong(f"{where}: a message has a role and a content, nothing else")
    role, content = message.get("role"), message.get("content")
    if role not in {"user", "assistant"}:
        raise wrong(f"{where}.role: Input should be 'user' or 'assistant'")
    if isinstance(content, str):
        if not content.strip():
            raise wrong(f"{where}: all messages must have non-empty content")
        return
    if not isinstance(content, list) or not content:
        raise wrong(f"{where}: all messages must have non-empty content")
    for at, block in enumerate(content):
        _check_block(f"{where}.content.{at}", block, role)


def _check_block(where: str, block: Any, role: str) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    match kind:
        case "text":
            _check_text(where, block)
        case "image" if role == "user":
            _check_mark(f"{where}.cache_control", block.get("cache_control"))
            _check_image(where, block)
        case "thinking" | "redacted_thinking" if role == "assistant":
            if "cache_control" in block:
                raise wrong(f"{where}: thinking blocks cannot have cache_control")
        case "tool_use" if role == "assistant":
            return
        case "tool_result" | "document" if role == "user":
            _check_mark(f"{where}.cache_control", block.get("cache_control"))
        case _:
            raise wrong(f"{where}: Input tag {kind!r} does not match any of the expected tags for {role}")


def _check_text(where: str, block: Json) -> None:
    if stray := sorted(set(block) - {"type", "text", "cache_control", "citations"}):
        raise wrong(f"{where}.text.{stray[0]}: Extra inputs are not permitted")
    text = block.get("text")
    if not isinstance(text, str):
        raise wrong(f"{where}.text.text: Input should be a valid string")
    _check_mark(f"{where}.cache_control", block.get("cache_control"))
    if not text:
        mark = "cache_control cannot be set for empty text blocks"
        raise wrong(
            f"{where}: {mark if block.get('cache_control') else 'text content blocks must be non-empty'}"
        )
    if not text.strip():
        raise wrong(f"{where}: text content blocks must contain non-whitespace text")


def _check_image(where: str, block: Json) -> None:
    source = block.get("source")
    if not isinstance(source, dict) or set(block) - {"type", "source", "cache_control"}:
        raise wrong(f"{where}.image.source: Field required")
    if source.get("type") != "base64":
        raise wrong(f"{where}.image.source: this practice server takes base64 only")
    media, text = source.get("media_type"), source.get("data")
    if not isinstance(media, str) or media not in MAGIC:
        raise wrong(f"{where}.image.source.base64.media_type: Input should be one of {', '.join(MAGIC)}")
    if not isinstance(text, str) or not text:
        raise wrong(f"{where}.image.source.base64: image cannot be empty")
    if len(text) > LARGEST_IMAGE:
        raise wrong(f"{where}.image.source.base64: image exceeds 5 MB maximum: {len(text)} bytes")
    try:
        content = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise wrong(f"{where}.image.source.base64.data: Invalid base64 data") from None
    if not MAGIC[media](content[:16]):
        raise wrong(f"{where}: Image does not match the provided media type {media}")
