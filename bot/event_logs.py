"""Turns attached Windows event logs (.evtx) into text before a message is read: the engine knows text only."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import BoundedSemaphore

from engine import intake
from engine.intake import SIZE_LIMIT, Attachment, Reading

log = logging.getLogger("flowpilot.event_logs")

MAGIC = b"ElfFile\0"
MOST_EVENTS = 20_000
SECONDS = 10.0
"""For all event logs of one message together, waiting for others included."""
_READER = Path(__file__).with_name("event_records.py")
_AT_ONCE = BoundedSemaphore(2)


def read(text: str, attachments: Sequence[Attachment] = ()) -> Reading:
    """As `engine.intake.read`, event logs included. Takes seconds for large ones: not for the loop."""
    return intake.read(text, opened(attachments))


def opened(attachments: Sequence[Attachment], seconds: float = SECONDS) -> tuple[Attachment, ...]:
    """The same files, event logs as text under their own names. One that cannot be read stays as it is, and is
    refused with its sentence where files are sorted.
    """
    until = time.monotonic() + seconds
    return tuple(_opened(file, until) if _is_event_log(file) else file for file in attachments)


def _is_event_log(file: Attachment) -> bool:
    """By what it begins with: a text that somebody named .evtx is read as the text it is."""
    return file.content.startswith(MAGIC) and len(file.content) <= SIZE_LIMIT


def _opened(file: Attachment, until: float) -> Attachment:
    left = until - time.monotonic()
    if left <= 0 or not _AT_ONCE.acquire(timeout=left):
        log.warning("an event log was not read: others took all the time")
        return file
    try:
        lines = _lines(file.content, until - time.monotonic())
    finally:
        _AT_ONCE.release()
    return replace(file, media_type="text/plain", content=lines) if lines else file


def _lines(content: bytes, seconds: float) -> bytes:
    """Empty where nothing could be read."""
    *rows, _ = _reported(content, seconds).split(b"\n")  # what follows the last line end was cut off
    whole = rows[-1:] == [b"end"]
    events = sorted(
        (int(number), line) for number, tab, line in (row.partition(b"\t") for row in rows) if tab
    )
    lines = [line for _, line in events[-MOST_EVENTS:]]
    if lines and not (whole and len(events) == len(lines)):
        lines.insert(0, b"(the newest %d events that could be read; older ones were not)" % len(lines))
    return b"\n".join(lines)


def _reported(content: bytes, seconds: float) -> bytes:
    """What the reader wrote, until it was done, failed or ran out of time. It gets no environment, so no secrets."""
    command = [sys.executable, "-I", str(_READER)]
    try:
        done = subprocess.run(
            command, input=content, capture_output=True, timeout=max(0.1, seconds), env={}, check=False
        )
    except subprocess.TimeoutExpired as late:
        log.warning("an event log of %d bytes was not read to its end in time", len(content))
        return late.output or b""
    except OSError as failed:
        log.warning("an event log of %d bytes was not read: %s", len(content), type(failed).__name__)
        return b""
    if done.returncode:
        log.warning(
            "an event log of %d bytes was not read to its end: exit %d", len(content), done.returncode
        )
    return done.stdout
