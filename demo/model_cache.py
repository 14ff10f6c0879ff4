"""The prompt cache of the practice model: which part of a prompt was seen before, and what that costs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from demo.model_refusals import Json, wrong

LOOKS_BACK = 20  # blocks before a breakpoint that are tried
MOST_BREAKPOINTS = 4
MOST_KEPT = 50_000  # prefixes; the oldest go first
IMAGE_TOKENS = 1_500
SECONDS = {"5m": 300.0, "1h": 3600.0}


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a prompt in the order it is read. `ttl` is "" where there is no breakpoint."""

    role: str
    content: Json
    tokens: int
    ttl: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as they are billed; `input` is what neither came from the cache nor went into it."""

    input: int = 0
    read: int = 0
    written_5m: int = 0
    written_1h: int = 0
    output: int = 0

    @property
    def written(self) -> int:
        return self.written_5m + self.written_1h

    @property
    def prompt(self) -> int:
        return self.input + self.read + self.written

    def as_json(self) -> Json:
        return {
            "input_tokens": self.input,
            "cache_read_input_tokens": self.read,
            "cache_creation_input_tokens": self.written,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.written_5m,
                "ephemeral_1h_input_tokens": self.written_1h,
            },
            "output_tokens": self.output,
            "service_tier": "standard",
        }

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.read + other.read,
            self.written_5m + other.written_5m,
            self.written_1h + other.written_1h,
            self.output + other.output,
        )


def tokens_of(text: str) -> int:
    """A quarter of its bytes, rounded up."""
    return -(-len(text.encode()) // 4)


def block_tokens(block: Json) -> int:
    match block.get("type"):
        case "text":
            return tokens_of(str(block["text"]))
        case "image":
            return IMAGE_TOKENS
        case _:
            return tokens_of(json.dumps(block, ensure_ascii=False))


def blocks_of(body: Json) -> tuple[Block, ...]:
    """Tools, system and messages as one row of blocks; the top-level mark stands on the last."""
    found = [_block("tools", {"type": "tool", **tool}) for tool in body.get("tools") or ()]
    system = body.get("system") or ()
    pieces = [{"type": "text", "text": system}] if isinstance(system, str) else system
    found += [_block("system", piece) for piece in pieces]
    for message in body["messages"]:
        content = message["content"]
        pieces = [{"type": "text", "text": content}] if isinstance(content, str) else content
        found += [_block(message["role"], piece) for piece in pieces]
    return tuple(_with_last_mark(found, body.get("cache_control")))


def _block(role: str, piece: Json) -> Block:
    mark = piece.get("cache_control")
    return Block(role, piece, block_tokens(piece), mark.get("ttl", "5m") if mark else "")


def _with_last_mark(found: list[Block], mark: Json | None) -> Iterable[Block]:
    if mark is None or not found:
        return found
    last, ttl = found[-1], mark.get("ttl", "5m")
    if last.ttl and last.ttl != ttl:
        raise wrong("cache_control: the last block already has a cache_control with another ttl")
    return [*found[:-1], Block(last.role, last.content, last.tokens, ttl)]


def check_breakpoints(blocks: Iterable[Block]) -> None:
    """Raises Refused (400) for more than four breakpoints, or a long one behind a short one."""
    ttls = [block.ttl for block in blocks if block.ttl]
    if len(ttls) > MOST_BREAKPOINTS:
        raise wrong(
            f"A maximum of {MOST_BREAKPOINTS} blocks with cache_control may be provided. Found {len(ttls)}."
        )
    if "1h" in ttls and "5m" in ttls[: len(ttls) - 1 - ttls[::-1].index("1h")]:
        raise wrong("a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block")


@dataclass(slots=True)
class Kept:
    until: float
    ttl: str


class PromptCache:
    """Remembers prefixes by their digest. Times in seconds of the server's clock."""

    def __init__(self) -> None:
        self._kept: dict[bytes, Kept] = {}

    def clear(self) -> None:
        self._kept.clear()

    def use(self, seed: str, blocks: tuple[Block, ...], now: float, smallest: int = 0) -> Usage:
        """Reads the longest known prefix and keeps every new breakpoint. `smallest`: shorter prompts are not kept."""
        prefixes, sums = _prefixes(seed, blocks), _sums(blocks)
        marks = [at for at, block in enumerate(blocks) if block.ttl and sums[at] >= smallest]
        read = self._longest(prefixes, marks, now)
        for at in range(read + 1):
            if kept := self._alive(prefixes[at], now):
                kept.until = now + SECONDS[kept.ttl]
        told = sums[read] if read >= 0 else 0
        written, before = {"5m": 0, "1h": 0}, told
        for at in marks:
            if at > read:
                written[blocks[at].ttl] += sums[at] - before
                before = sums[at]
                self._kept[prefixes[at]] = Kept(now + SECONDS[blocks[at].ttl], blocks[at].ttl)
        while len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return Usage((sums[-1] if sums else 0) - before, told, written["5m"], written["1h"])

    def _longest(self, prefixes: list[bytes], marks: list[int], now: float) -> int:
        for mark in reversed(marks):
            for at in range(mark, max(-1, mark - LOOKS_BACK), -1):
                if self._alive(prefixes[at], now):
                    return at
        return -1

    def _alive(self, prefix: bytes, now: float) -> Kept | None:
        kept = self._kept.get(prefix)
        return kept if kept is not None and kept.until > now else None


def _prefixes(seed: str, blocks: tuple[Block, ...]) -> list[bytes]:
    """The digest of everything up to and including each block."""
    found, digest = [], hashlib.sha256(seed.encode()).digest()
    for block in blocks:
        digest = hashlib.sha256(digest + _bytes_of(block)).digest()
        found.append(digest)
    return found


def _bytes_of(block: Block) -> bytes:
    content: Any = block.content
    if content.get("type") == "text":
        return f"{block.role}:text:{content['text']}".encode()
    plain = {name: value for name, value in content.items() if name != "cache_control"}
    return f"{block.role}:{json.dumps(plain, sort_keys=True)}".encode()


def _sums(blocks: tuple[Block, ...]) -> list[int]:
    found, total = [], 0
    for block in blocks:
        total += block.tokens
        found.append(total)
    return found
