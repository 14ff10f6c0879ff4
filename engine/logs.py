"""Condenses a log of any size into a digest that a card reads back and a guide can work from.

The order: one clean text, long lines cut, stack traces and Windows events set apart, the remaining
lines gathered
into kinds (`log_groups`), and of these the most telling that fit. Nothing here reads a clock or a file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from engine.log_groups import Group, Grouping, group_lines
from engine.log_lines import (
    LINE_LIMIT,
    Severity,
    Stamp,
    cut,
    decode,
    find_stamp,
    looks_binary,
    looks_like_rubbish,
    severity,
    tidy,
)
from engine.log_records import Trace, WindowsEvent, find_events, find_traces

__all__ = [
    "Digest",
    "Severity",
    "Stamp",
    "Template",
    "Trace",
    "WindowsEvent",
    "condense",
    "decode",
    "looks_binary",
]  # fmt: skip

_TAIL = 15
_SHOWN = 220
_EVENTS_KEPT = 40
_KINDS = (
    ("windows_servicing", re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d, (?:Info|Warning|Error) +\w+ ")),
    ("syslog", re.compile(r"^(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d [\d:.]{8,15}|\d{4}-\S{8,26}) \S+ "
                          r"[^\s:\[]{1,40}(?:\[\d+\])?: ")),
    ("web_access", re.compile(r"^#Fields: |^\S+ \S+ \S+ \[\d\d/\w{3}/\d{4}:[^\]]+\] \"")),
    ("json", re.compile(r"^\s*\{\"")),
    ("application", re.compile(r"^[\[(]?\d{2,4}.{6,26}[\s\[|:](?:FATAL|ERROR|WARN(?:ING)?|INFO|DEBUG)\b")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Template:
    """One kind of line: how often, where first and last (from 1), and its first occurrence in full."""

    text: str
    count: int
    first_line: int
    last_line: int
    severity: str
    example: str

    def as_text(self) -> str:
        """One line of the digest, `[error] ×1240 L10–88211 …`; a kind seen once shows its own words."""
        shown = cut(" ".join((self.example if self.count == 1 else self.text).split()), _SHOWN)
        return f"[{self.severity}] {_where(self.count, self.first_line, self.last_line)} {shown}"


@dataclass(frozen=True, slots=True)
class Digest:
    """What a log says, in a few thousand characters. Line numbers count from 1.

    `kind`: empty, not_text, windows_event, windows_servicing, syslog, web_access, json, application,
    stack_trace
    or generic. `truncated`: something of the log is not in here (kinds left out, long lines cut).
    `error_kinds` counts all kinds of error lines, `left_out` the kinds and lines that are not in `templates`.
    """

    kind: str
    line_count: int
    size_chars: int
    size_bytes: int
    first_timestamp: Stamp | None
    last_timestamp: Stamp | None
    first_error: tuple[int, str] | None
    error_kinds: int
    templates: tuple[Template, ...]
    left_out: tuple[int, int]
    stack_traces: tuple[Trace, ...]
    events: tuple[WindowsEvent, ...]
    tail: tuple[str, ...]
    truncated: bool
    limit_chars: int

    def summary(self) -> str:
        """One or two sentences that a card reads back."""
        if self.kind == "empty":
            return "The log is empty."
        if self.kind == "not_text":
            return "This is not text, so it was not read. Send the log as text or CSV."
        parts = [f"{_plural(self.line_count, 'line')}{self._span()}."]
        if self.first_error:
            parts.append(f"First error L{self.first_error[0]}: {_sentence(self.first_error[1])}")
        counts = [_plural(self.error_kinds, "kind of error", "kinds of errors")] if self.error_kinds else []
        if self.stack_traces:
            counts.append(_plural(len(self.stack_traces), "stack trace"))
        parts.append((", ".join(counts) if counts else "No line reads like an error") + ".")
        return " ".join(parts)

    def as_text(self) -> str:
        """The digest for a guide, at most `limit_chars` long."""
        blocks = [self.summary()]
        if self.stack_traces:
            blocks.append("Stack traces:\n" + "\n".join(_trace_text(trace) for trace in self.stack_traces))
        if self.templates:
            blocks.append("Kinds of lines, by first line:\n" + "\n".join(t.as_text() for t in self.templates))
        if self.left_out[0]:
            kinds = _plural(self.left_out[0], "more kind", "more kinds")
            blocks.append(f"Not shown: {kinds} of lines ({_plural(self.left_out[1], 'line')}).")
        if self.tail:
            blocks.append("Last lines:\n" + "\n".join(self.tail))
        return "\n\n".join(blocks)[: max(0, self.limit_chars)]

    def _span(self) -> str:
        first, last = self.first_timestamp, self.last_timestamp
        if not first or not last:
            return ""
        if first.when and last.when and first.when.date() == last.when.date():
            return f", {first.when:%H:%M}–{last.when:%H:%M}"
        days = [re.sub(r"(?<!\d)\d{1,2}:\d\d.*", "", stamp.text) for stamp in (first, last)]
        clocks = [re.search(r"(?<!\d)\d{1,2}:\d\d", stamp.text) for stamp in (first, last)]
        if days[0] == days[1] and clocks[0] and clocks[1]:
            return f", {clocks[0][0]}–{clocks[1][0]}"
        return f", {first.text} – {last.text}"


def condense(text: str, limit_chars: int = 6000) -> Digest:
    """Any text as a digest; never raises. 10 MB take under a second, unique lines included."""
    rubbish = looks_like_rubbish(text)
    text = tidy(text)
    if rubbish or not text.strip():
        return _nothing("not_text" if rubbish else "empty", text, limit_chars)
    lines = text.rstrip("\n").split("\n")
    long = max(map(len, lines)) > LINE_LIMIT
    if long:
        lines = [cut(line) for line in lines]
    events = find_events(lines)
    traces, frames = find_traces(lines)
    grouping = _event_kinds(events) if events else group_lines(lines, frames)
    error_at = grouping.first_error
    tail = _tail(lines, limit_chars)
    shown_traces = _fitting_traces(traces, limit_chars)
    spare = (
        limit_chars
        - 500
        - sum(map(len, tail))
        - len(tail)
        - sum(len(_trace_text(t)) + 1 for t in shown_traces)
    )
    templates = _fitting(grouping.groups, spare)
    covered = sum(template.count for template in templates)
    left = (len(grouping.groups) - len(templates), sum(g.count for g in grouping.groups) - covered)
    return Digest(
        kind=_kind(lines, events, frames),
        line_count=len(lines),
        size_chars=len(text),
        size_bytes=len(text.encode()),
        first_timestamp=_edge_stamp(lines[:300]),
        last_timestamp=_edge_stamp(lines[:-301:-1]),
        first_error=(error_at, _error_text(lines, events, error_at)) if error_at else None,
        error_kinds=sum(1 for group in grouping.groups if group.severity >= Severity.ERROR),
        templates=templates,
        left_out=left,
        stack_traces=shown_traces,
        events=events[:_EVENTS_KEPT],
        tail=tail,
        truncated=long or grouping.capped or left[0] > 0 or len(shown_traces) < len(traces),
        limit_chars=limit_chars,
    )


def _nothing(kind: str, text: str, limit_chars: int) -> Digest:
    lines = 0 if kind == "empty" else text.count("\n") + 1
    size = len(text.encode())
    return Digest(
        kind,
        lines,
        len(text),
        size,
        None,
        None,
        None,
        0,
        (),
        (0, 0),
        (),
        (),
        (),
        kind == "not_text",
        limit_chars,
    )


def _kind(lines: Sequence[str], events: Sequence[WindowsEvent], frames: Sequence[int]) -> str:
    if events:
        return "windows_event"
    if len(frames) * 2 > len(lines):
        return "stack_trace"
    sample = [line for line in lines[:200] if line.strip()][:40]
    votes = Counter(name for line in sample for name, pattern in _KINDS if pattern.search(line[:300]))
    if not votes:
        return "stack_trace" if frames else "generic"
    name, number = votes.most_common(1)[0]
    return name if number * 3 >= len(sample) or name == "web_access" else "generic"


def _event_kinds(events: Sequence[WindowsEvent]) -> Grouping:
    """Windows events are of one kind when level, source and id agree: digits may not be folded here."""
    texts = [event.as_line() for event in events]
    levels = {name: severity(f"[{name}]") for name in {event.level for event in events}}
    firsts: dict[tuple[str, str, str], list[int]] = {}
    for index, event in enumerate(events):
        firsts.setdefault((event.level, event.source, event.event_id), []).append(index)
    groups = []
    for places in firsts.values():
        event = events[places[0]]
        level = levels[event.level] if event.level else event.severity
        score = 2.0 * level + 1.0 / len(places) + places[-1] / len(events)
        at = [events[places[0]].line, events[places[-1]].line]
        text = texts[places[0]]
        groups.append(Group(text, len(places), at[0], at[1], level, text, score))
    errors = [group.first_line for group in groups if group.severity >= Severity.ERROR]
    ranked = tuple(sorted(groups, key=lambda group: (-group.score, group.first_line)))
    return Grouping(ranked, min(errors, default=None), capped=False)


def _error_text(lines: Sequence[str], events: Sequence[WindowsEvent], number: int) -> str:
    event = next((event for event in events if event.line == number), None)
    return event.as_line() if event else lines[number - 1].strip()


def _fitting(groups: Sequence[Group], budget: int) -> tuple[Template, ...]:
    """The most telling groups that fit, and a few of the most frequent for context; in order of first
    line.
    """
    frequent = sorted(groups, key=lambda group: -group.count)[:4]
    chosen: dict[Group, Template] = {}
    for limit, candidates in ((budget // 7, frequent), (budget, groups)):
        for group in candidates:
            template = _template(group)
            cost = len(template.as_text()) + 1
            if group in chosen or cost > limit:
                continue
            spent = sum(len(t.as_text()) + 1 for t in chosen.values())
            if spent + cost > limit:
                break
            chosen[group] = template
    return tuple(chosen[group] for group in sorted(chosen, key=lambda group: group.first_line))


def _template(group: Group) -> Template:
    word = group.severity.word
    return Template(group.text, group.count, group.first_line, group.last_line, word, group.example.strip())


def _fitting_traces(traces: Sequence[Trace], limit: int) -> tuple[Trace, ...]:
    """Traces up to a quarter of the limit; rare ones first, because the frequent ones also stand as lines."""
    kept, room = [], limit // 4
    for trace in sorted(traces, key=lambda trace: (trace.count, trace.first_line)):
        room -= len(_trace_text(trace)) + 1
        if room < 0:
            break
        kept.append(trace)
    return tuple(sorted(kept, key=lambda trace: trace.first_line))


def _trace_text(trace: Trace) -> str:
    frames = "".join(f"\n    {cut(frame, 120)}" for frame in trace.frames)
    return f"×{trace.count:,} L{trace.first_line} {cut(trace.head.strip(), _SHOWN)}{frames}"


def _tail(lines: Sequence[str], limit: int) -> tuple[str, ...]:
    """The last 15 lines that are not blank, together at most a quarter of the limit."""
    last = [line.rstrip() for line in lines[-200:] if line.strip()][-_TAIL:]
    width = max(20, limit // 4 // _TAIL)
    return tuple(line if len(line) <= width else line[: width - 1] + "…" for line in last)


def _edge_stamp(lines: Sequence[str]) -> Stamp | None:
    return next((stamp for stamp in map(find_stamp, lines) if stamp), None)


def _where(count: int, first: int, last: int) -> str:
    return f"L{first}" if count == 1 else f"×{count:,} L{first}–{last}"


def _sentence(text: str) -> str:
    shown = cut(" ".join(text.split()), 160)
    return shown if shown.endswith((".", "!", "?")) else shown + "."


def _plural(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
