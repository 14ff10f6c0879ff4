"""Reads the records that span several lines: stack traces, and events from the Windows Event Viewer."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.log_lines import Severity, severity

_FRAMES_KEPT = 6
_FRAME = re.compile(
    r"[ \t]+at [^\s\d]|Caused by: |[ \t]+\.\.\. \d+ (?:more|common)|[ \t]+File \""
    r"|goroutine \d+ \[|--- End of "
    r"|[ \t]+--- End of |At line:\d+ char:\d+|Traceback \(most recent"
).match
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Trace:
    """One stack trace; `count` is how often the same head with the same first frame stands in the log."""

    head: str
    frames: tuple[str, ...]
    first_line: int
    count: int


@dataclass(frozen=True, slots=True)
class WindowsEvent:
    """One event as Event Viewer copies or exports it; a field that was not there is empty."""

    line: int
    log_name: str
    source: str
    event_id: str
    level: str
    when: str
    computer: str
    description: str

    @property
    def severity(self) -> Severity:
        """By the level's word, audit failures included; other languages' words fall back to the
        description.
        """
        return severity(f"[{self.level}] {self.description[:300]}")

    def as_line(self) -> str:
        return (
            f"{self.level or 'Event'} · {self.source} {self.event_id} · {' '.join(self.description.split())}"
        )


def find_traces(lines: Sequence[str]) -> tuple[tuple[Trace, ...], list[int]]:
    """Distinct traces in order of appearance, and the indexes of all their frames."""
    marks = [i for i, line in enumerate(lines) if line[:1] in " \tTCgA-" and _FRAME(line)]
    used: list[int] = []
    known: dict[tuple[str, str], list[object]] = {}
    end = -1
    for mark in marks:
        if mark <= end:
            continue
        head, frames, end = _block(lines, mark)
        used.extend(range(mark, end + 1))
        key = (_DIGITS.sub("0", head), _DIGITS.sub("0", frames[0]) if frames else "")
        entry = known.setdefault(key, [head, frames, max(1, mark), 0])
        entry[3] = int(str(entry[3])) + 1
    traces = tuple(Trace(str(h), _kept(f), int(str(n)), int(str(c))) for h, f, n, c in known.values())
    return traces, used


def _block(lines: Sequence[str], mark: int) -> tuple[str, list[str], int]:
    """Head, frames and last index of the trace whose first frame stands at `mark`."""
    end = mark
    if lines[mark].startswith("Traceback"):
        while end + 1 < len(lines) and lines[end + 1][:1] in (" ", "\t"):
            end += 1
        head = lines[end + 1] if end + 1 < len(lines) else lines[mark]
        return head, list(lines[mark + 1 : end + 1]), end
    go = lines[mark].startswith("goroutine")
    while end + 1 < len(lines) and (_FRAME(lines[end + 1]) or (go and lines[end + 1].strip())):
        end += 1
    before = next((lines[i] for i in range(mark - 1, max(-1, mark - 4), -1) if lines[i].strip()), lines[mark])
    return before, list(lines[mark : end + 1]), end


def _kept(frames: object) -> tuple[str, ...]:
    """The first frames and every cause; in Python the innermost frame is last, so there the last ones."""
    if not isinstance(frames, list):
        return ()
    stripped = [str(frame).strip() for frame in frames]
    if stripped and stripped[0].startswith('File "'):
        return tuple(stripped[-_FRAMES_KEPT:])
    causes = [frame for frame in stripped[_FRAMES_KEPT:] if frame.startswith("Caused by:")]
    return tuple(stripped[:_FRAMES_KEPT] + causes[:3])


# ---- Windows events ----------------------------------------------------------------------------------------

_FIELDS = {
    "log name": "log_name", "source": "source", "date": "when", "event id": "event_id", "level": "level",
    "keywords": "keywords", "computer": "computer", "description": "description", "task category": "",
    "user": "", "opcode": "", "logged": "when", "logged by": "", "provider name": "source",
}  # fmt: skip
_FIELD = re.compile(r"[ \t]*(Log Name|Source|Date|Event ID|Task Category|Level|Keywords|User|Computer"
                    r"|Description|OpCode|Logged|Provider Name)[ \t]*:[ \t]*(.*)", re.IGNORECASE)  # fmt: skip
_EXPORT_HEAD = re.compile(
    r"\"?(?:Level|Keywords)\"?[,\t]\"?Date and Time\"?[,\t]\"?Source\"?[,\t]\"?Event ID\"?"
)


def find_events(lines: Sequence[str]) -> tuple[WindowsEvent, ...]:
    """Events pasted from Event Viewer's details pane, or saved by it as CSV or text; none found → empty."""
    if lines and _EXPORT_HEAD.match(lines[0]):
        return _exported(lines)
    starts = [i for i, line in enumerate(lines) if line.lstrip()[:9].lower() == "log name:"]
    if not starts:
        head = "\n".join(lines[:40]).lower()
        starts = [0] if "event id:" in head and "source:" in head and "level:" in head else []
    ends = [*starts[1:], len(lines)][: len(starts)]
    return tuple(_pasted(lines, start, end) for start, end in zip(starts, ends, strict=True))


def _pasted(lines: Sequence[str], start: int, end: int) -> WindowsEvent:
    found: dict[str, str] = {}
    for i in range(start, end):
        field = _FIELD.match(lines[i])
        if not field:
            continue
        name = _FIELDS[field[1].lower()]
        if name == "description":
            found[name] = _description([field[2], *lines[i + 1 : end]])
            break
        found.setdefault(name, field[2].strip())
    return _event(start + 1, found)


def _description(lines: list[str]) -> str:
    stop = next((i for i, line in enumerate(lines) if line.strip().lower() == "event xml:"), len(lines))
    return "\n".join(line.strip() for line in lines[:stop]).strip()


def _exported(lines: Sequence[str]) -> tuple[WindowsEvent, ...]:
    """Rows of "Save all events as": CSV, or text with tabs; the description is the column without a name."""
    rows = csv.reader((f"{line}\n" for line in lines), delimiter="\t" if "\t" in lines[0] else ",")
    names = ["level", "when", "source", "event_id", "", "description"]
    events = []
    line = 1
    try:
        for row in rows:
            if len(row) >= 4 and line > 1:
                events.append(_event(line, dict(zip(names, map(str.strip, row), strict=False))))
            line = rows.line_num + 1
    except csv.Error:  # an unclosed quote swallowed more than csv accepts; what was read so far stands
        return tuple(events)
    return tuple(events)


def _event(line: int, found: dict[str, str]) -> WindowsEvent:
    level = found.get("level", "")
    audit = found.get("keywords", "")
    return WindowsEvent(
        line=line,
        log_name=found.get("log_name", ""),
        source=found.get("source", ""),
        event_id=found.get("event_id", ""),
        level=audit if "audit" in audit.lower() else level,
        when=found.get("when", ""),
        computer=found.get("computer", ""),
        description=found.get("description", ""),
    )
