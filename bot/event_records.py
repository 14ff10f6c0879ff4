"""The process of its own that reads one .evtx file from its input and writes its events as lines of a log.

A foreign file in a binary format is parsed here, so that neither a crash, nor a loop, nor a flood of memory reaches
the bot. It runs isolated: nothing but the standard library and the parser is imported.
"""

from __future__ import annotations

import contextlib
import json
import re
import resource
import struct
import sys
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

from evtx import PyEvtxParser

MOST_BYTES = 32 * 1024 * 1024
MOST_EVENTS = 20_000
MOST_BYTES_WRITTEN = 8_000_000
LONGEST_LINE = 1_500
SECONDS = 7.0
MEMORY = 1024 * 1024 * 1024
"""Bytes of address space; a file at its largest needs about a tenth."""

_HEAD, _CHUNK = 4096, 65_536
_ONE_CHUNK = struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, 0, 1, 128, 1, 3, _HEAD, 1).ljust(_HEAD, b"\0")
_LEVELS = {1: "Critical", 2: "Error", 3: "Warning", 4: "Information", 5: "Verbose"}
_AUDIT_FAILURE, _AUDIT_SUCCESS = 1 << 52, 1 << 53
_NOT_SHOWN = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")

Line = tuple[int, str]
"""The number of the record and its line."""


def main() -> int:
    _bounded()
    report(sys.stdin.buffer.read(MOST_BYTES), time.monotonic() + SECONDS, _written)
    return 0


def _written(part: bytes) -> None:
    """At once: what was read stands, should a later chunk end or hold up this process."""
    sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()


def _bounded() -> None:
    """Asked of the system too. macOS does not know every one of these limits; the parent's time limit stands there."""
    for limit, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, 12)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (most, most))


def report(raw: bytes, until: float, write: Callable[[bytes], object]) -> None:
    """Writes a chunk's events at a time, the newest chunk first: per line the number of the record, a tab and the
    event. The line `end` follows where that were all of them. `until` is a monotonic time.

    Damaged chunks come last, as the parser may never come back from one.
    """
    chunks = [raw[at : at + _CHUNK] for at in _newest_first(raw)]
    intact = [_is_intact(chunk) for chunk in chunks]
    whole = [_report([c for c, good in zip(chunks, intact, strict=True) if good is wanted], until, write)
             for wanted in (True, False)]  # fmt: skip
    if all(whole):
        write(b"end\n")


def _report(chunks: Sequence[bytes], until: float, write: Callable[[bytes], object]) -> bool:
    """Whether all of them were read."""
    events = size = 0
    for chunk in chunks:
        if events >= MOST_EVENTS or size >= MOST_BYTES_WRITTEN or time.monotonic() > until:
            return False
        lines = [f"{number}\t{line}\n" for number, line in _lines(chunk)]
        part = "".join(lines).encode("utf-8", "replace")
        events, size = events + len(lines), size + len(part)
        write(part)
    return True


def _is_intact(chunk: bytes) -> bool:
    """By its checksums; the chunk that Windows was writing when the file was copied may fail them too."""
    end, found = struct.unpack_from("<II", chunk, 48)
    head = zlib.crc32(chunk[:120] + chunk[128:512]).to_bytes(4, "little")
    return head == chunk[124:128] and zlib.crc32(chunk[512:end]) == found


def _newest_first(raw: bytes) -> list[int]:
    """Where the chunks begin. A log that is full goes round, so their order in the file is not that of time."""
    # What is no chunk is damaged, or was never used.
    places = (at for at in range(_HEAD, len(raw) - 512, _CHUNK) if raw[at : at + 8] == b"ElfChnk\0")
    return sorted(places, key=lambda at: int.from_bytes(raw[at + 32 : at + 40], "little"), reverse=True)


def _lines(chunk: bytes) -> Iterator[Line]:
    """The events of one chunk, read as a file of its own: what is damaged in it costs no other."""
    whole = BytesIO(_ONE_CHUNK + chunk.ljust(_CHUNK, b"\0"))
    # Damaged: what came before stays. The parser warns of every such record, with what stands in it.
    with warnings.catch_warnings(action="ignore"), contextlib.suppress(RuntimeError, ValueError, OSError):
        records: Iterator[Any] = PyEvtxParser(whole, number_of_threads=1, skip_errors=True).records_json()
        for record in records:
            with contextlib.suppress(ValueError, TypeError, AttributeError):
                yield int(record["event_record_id"]), line_of(json.loads(record["data"]), record["timestamp"])


def line_of(parsed: Mapping[str, Any], stored: str) -> str:
    """`2024-01-15 10:00:00Z [Error] Service Control Manager 7031: param1=Spooler` with the time in UTC."""
    event = parsed.get("Event") or {}
    system = event.get("System") or {}
    created = _attribute(system.get("TimeCreated"), "SystemTime") or stored
    body = " ".join(_values(event.get("EventData") or event.get("UserData"), ""))
    head = (
        f"{created[:19].replace('T', ' ')}Z [{_level(system)}] {_attribute(system.get('Provider'), 'Name')}"
    )
    return _one_line(f"{head} {_text(system.get('EventID'))}: {body}")


def _level(system: Mapping[str, Any]) -> str:
    """Its word. Security events have no level; what they tell stands among the keywords."""
    with contextlib.suppress(ValueError):
        keywords = int(_text(system.get("Keywords")) or "0", 0)
        if keywords & _AUDIT_FAILURE:
            return "Audit Failure"
        if keywords & _AUDIT_SUCCESS:
            return "Audit Success"
        return _LEVELS.get(int(_text(system.get("Level")) or "0"), "Information")
    return "Information"


def _attribute(node: Any, name: str) -> str:
    held = node.get("#attributes") if isinstance(node, dict) else None
    return _text(held.get(name)) if isinstance(held, dict) else ""


def _text(node: Any) -> str:
    """What an element says; EventID comes as a number, or with its Qualifiers as an element."""
    if isinstance(node, dict):
        node = node.get("#text")
    return "" if node is None else str(node)


def _values(node: Any, name: str, depth: int = 0) -> Iterator[str]:
    """`name=value` for what is named, the bare value for what is not; attributes tell nothing more."""
    if isinstance(node, dict) and depth < 6:
        for key, inner in node.items():
            if key != "#attributes":
                yield from _values(inner, name if key in ("#text", "Data") else key, depth + 1)
    elif isinstance(node, list) and depth < 6:
        for inner in node:
            yield from _values(inner, name, depth + 1)
    elif node not in (None, "") and depth < 6:
        yield f"{name}={node}" if name else str(node)


def _one_line(text: str) -> str:
    short = _NOT_SHOWN.sub(" ", text[: 4 * LONGEST_LINE]).strip()
    return short if len(short) <= LONGEST_LINE else f"{short[:LONGEST_LINE]} …"


if __name__ == "__main__":
    sys.exit(main())
