"""Turns pasted or attached bytes into clean text, and reads a time and a severity from one log line."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

LINE_LIMIT = 2_000
"""Characters kept of one line; the rest is counted in a mark."""

_NOT_PRINTED = bytes(b for b in range(32) if b not in b"\t\n\r") + b"\x7f"
_ANSI = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\^_]")
_C1 = re.compile(rb"\xc2[\x80-\x84\x86-\x9f]")
_UNICODE_BREAK = re.compile(rb"\xc2\x85|\xe2\x80[\xa8\xa9]")
_SIGNATURES = (
    b"\x89PNG", b"PK\x03\x04", b"%PDF", b"\x1f\x8b", b"MZ\x90", b"ElfFile\0", b"\xff\xd8\xff", b"GIF8",
    b"\xd0\xcf\x11\xe0", b"7z\xbc\xaf", b"Rar!", b"PAGEDU", b"MDMP", b"SQLite format 3\0", b"\x7fELF",
)  # fmt: skip


class Severity(IntEnum):
    """How bad one line sounds; ordered, so `max` and `>=` work."""

    INFO = 0
    WARNING = 1
    ERROR = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time as it stands in the log; `when` only where the text names year, month, day and time."""

    text: str
    when: datetime | None


def decode(raw: bytes) -> str:
    """Any bytes as clean text with LF line ends: UTF-8, UTF-16 with or without BOM, else latin-1.

    NULs, ANSI escapes and control characters are dropped. Never raises. A file that mixes encodings, as
    PowerShell's `>>` makes them, is read line by line.
    """
    return _scrub(_as_utf8(raw))


def tidy(text: str) -> str:
    """The same cleaning for text that is already a string; lone surrogates become `?`."""
    return _scrub(text.encode("utf-8", "replace"))


def looks_binary(raw: bytes) -> bool:
    """Whether the bytes are no text at all: a known file signature, or too many control bytes, NULs aside."""
    if raw.startswith(_SIGNATURES):
        return True
    if _wide_encoding(raw):
        return False
    sample = (raw[:8192] + raw[len(raw) // 2 :][:8192]).replace(b"\0", b"")
    odd = len(sample) - len(sample.translate(None, _NOT_PRINTED.replace(b"\x1b", b"")))
    return odd * 50 > len(sample)


def looks_like_rubbish(text: str) -> bool:
    """Whether a string is binary read as latin-1: control, replacement and accented characters over 30 %."""
    sample = text[:4000].replace("\0", "")
    odd = sum(
        1 for c in sample if (c < " " and c not in "\t\n\r\x1b") or "\x7f" <= c <= "\xff" or c == "\ufffd"
    )
    return len(sample) > 40 and odd * 10 > len(sample) * 3


def cut(line: str, limit: int = LINE_LIMIT) -> str:
    """The line, or its beginning with the number of characters left out."""
    return line if len(line) <= limit else f"{line[:limit]} … ({len(line) - limit:,} more characters)"


def _as_utf8(raw: bytes) -> bytes:
    encoding = _wide_encoding(raw)
    if encoding:
        return raw.decode(encoding, "replace").encode("utf-8", "replace")
    raw = raw.removeprefix(codecs.BOM_UTF16_LE).removeprefix(codecs.BOM_UTF16_BE).replace(b"\0", b"")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return b"\n".join(map(_line_as_utf8, raw.split(b"\n")))
    return raw


def _line_as_utf8(line: bytes) -> bytes:
    for encoding in ("utf-8", "cp1252"):  # cp1252 is latin-1 as Windows writes it: quotes and € included
        try:
            return line.decode(encoding).encode()
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1").encode()


def _wide_encoding(raw: bytes) -> str | None:
    """The UTF-16 or UTF-32 codec that fits, or None; three samples, so that mixed files are noticed."""
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    starts = {0, len(raw) // 4 * 2, max(0, len(raw) - 2048) // 2 * 2}
    sides = {_side(raw[start : start + 2048]) for start in starts}
    if "narrow" in sides:
        return None
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if "le" in sides and "be" not in sides:
        return "utf-16-le"
    return "utf-16-be" if "be" in sides and "le" not in sides else None


def _side(sample: bytes) -> str:
    """Where UTF-16's high bytes sit: they are control bytes for all alphabets, and never so in plain
    ASCII.
    """
    if len(sample) < 4:
        return "unclear"
    sample = sample.removeprefix(codecs.BOM_UTF16_LE).removeprefix(codecs.BOM_UTF16_BE)
    low, high = sample[0::2], sample[1::2]
    low_odd = len(low) - len(low.translate(None, _NOT_PRINTED))
    high_odd = len(high) - len(high.translate(None, _NOT_PRINTED))
    if high_odd * 10 > len(high) * 4 and low_odd * 10 < len(low):
        return "le"
    if low_odd * 10 > len(low) * 4 and high_odd * 10 < len(high):
        return "be"
    return "narrow" if sample.isascii() and not low_odd and not high_odd else "unclear"


def _scrub(raw: bytes) -> str:
    """UTF-8 bytes without escapes and controls, line ends made LF; on bytes because that is ten
    times faster.
    """
    if b"\x1b" in raw:
        raw = _ANSI.sub(b"", raw)
    raw = raw.translate(None, _NOT_PRINTED)
    if not raw.isascii():
        raw = _UNICODE_BREAK.sub(b"\n", _C1.sub(b"", raw)).removeprefix(codecs.BOM_UTF8)
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return raw.decode("utf-8", "replace")


# ---- time --------------------------------------------------------------------------------------------------

_MONTHS = {
    m: n
    for n, m in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1
    )
}
_MONTH = "(?P<mon>" + "|".join(_MONTHS) + ")"
_CLOCK = r"(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,]\d{1,9})?)?"
_STAMPS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?<!\d)(?P<y>\d{{4}})[-/](?P<m>\d{{2}})[-/](?P<d>\d{{2}})[T ]{_CLOCK}(?P<z>Z"
        rf"|[+-]\d{{2}}:?\d{{2}})?",
        rf"(?<!\d)(?P<d>\d{{1,2}})/{_MONTH}/(?P<y>\d{{4}}):{_CLOCK}(?: (?P<z>[+-]\d{{4}}))?",
        rf"(?<![\d/])(?P<a>\d{{1,2}})/(?P<b>\d{{1,2}})/(?P<y>\d{{4}}),? {_CLOCK}(?: ?(?P<ampm>[AaPp][Mm]))?",
        rf"(?<![\d.])(?P<d>\d{{1,2}})\.(?P<m>\d{{1,2}})\.(?P<y>\d{{4}}),? {_CLOCK}",
        rf"\b{_MONTH} {{1,2}}(?P<d>\d{{1,2}}) {_CLOCK}(?: (?P<y>\d{{4}})\b)?",
        r"^(?P<yy>\d{2})(?P<m>\d{2})(?P<d>\d{2}) (?P<H>\d{2})(?P<M>\d{2})(?P<S>\d{2})\b",
        r"(?<![\d:])(?P<H>\d{2}):(?P<M>\d{2}):(?P<S>\d{2})(?:[.,]\d{1,9})?(?![\d:])",
    )
)


def find_stamp(line: str) -> Stamp | None:
    """The first time in the first 200 characters of a line, or None."""
    for pattern in _STAMPS:
        found = pattern.search(line[:200])
        if found:
            return Stamp(found[0], _moment({k: v for k, v in found.groupdict().items() if v}))
    return None


def _moment(part: dict[str, str]) -> datetime | None:
    """None when the year is not written, the numbers are no date, or 3/4/2024 could be March or April."""
    month, day = _month_and_day(part)
    year = int(part["y"]) if "y" in part else 2000 + int(part["yy"]) if "yy" in part else 0
    if not (year and month and day):
        return None
    hour = int(part["H"])
    if "ampm" in part:
        hour = hour % 12 + (12 if part["ampm"][0] in "Pp" else 0)
    zone = part.get("z", "").replace("Z", "+00:00")
    try:
        text = f"{year:04}-{month:02}-{day:02}T{hour:02}:{part['M']}:{part.get('S', '00')}{zone}"
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _month_and_day(part: dict[str, str]) -> tuple[int, int]:
    if "a" not in part:
        month = _MONTHS[part["mon"]] if "mon" in part else int(part.get("m", "0"))
        return month, int(part.get("d", "0"))
    first, second = int(part["a"]), int(part["b"])
    if first > 12:
        return second, first
    clear = second > 12 or first == second or "ampm" in part  # AM and PM are written where months come first
    return (first, second) if clear else (0, 0)


# ---- severity ----------------------------------------------------------------------------------------------

_LEVEL = re.compile(
    r"(?:^|[\s\[<|:(,\"=/.-])(?:(fatal|critical|crit|emerg|panic|severe)|(error|err|audit failure)"
    r"|(warn|warning|alert)|(info|information|notice|debug|trace|verbose|audit success))(?=[\s\]>|:),\"/]|$)"
)
_HARMLESS = re.compile(
    r"\b(?:no|0|zero|without|any) (?:errors?|failures?|warnings?|exceptions?)\b"
    r"|\b(?:errors?|failed|failures?|dropped|rejected|lost)(?: counts?)?[=: ]{1,2}0\b"
    r"|\b0 (?:failed|dropped|rejected|lost)\b"
)
_CRITICAL_WORDS = re.compile(
    r"out of memory|oom-kill|\bpanic|corrupt|segfault|\bfatal|bugcheck|data loss|i/o error|uncorrectable"
    r"|no space left|disk (?:is )?full|ransom|remount\w* .{0,40}read-only|unrecoverable"
)
_ERROR_WORDS = re.compile(
    r"error|fail|exception|denied|refused|unreachable|timed out|timeout|cannot|can't|could not"
    r"|couldn't|unable"
    r"|not found|no such|reject|expired|abort|\blost\b|missing|mismatch|exhaust|crash|unexpected"
    r"|degraded|invalid"
    r"|illegal|\bkilled|\bdead\b|deadlock|\bhung\b|violation|revoked|locked out|not respond"
    r"|no longer|not available"
    r"|unavailable|break-in|unauthori[sz]ed|forbidden|\bdown\b|offline|malware|quarantin|conflict"
    r"|undetermined|\" 5\d\d "
)
_WARNING_WORDS = re.compile(
    r"warn|retry|retries|\bslow|deprecated|\bskew|drift|exceed|too (?:many|long|large|big|low"
    r"|small|late)|not enough|insufficient|\bstall|watchdog|unreadable"
    r"|\bstale|backoff|throttl"
    r"|suspend|\bstuck|not synchroni|threshold|overheat|temperature|dropped|reset by|disconnect"
    r"|rolled back|rollback"
    r"|blocked for|possible|accepted password|nearly full|\blow (?:disk|memory|space|battery)"
    r"|reboot|shut ?down|bad "
)
SUSPECT = (
    "error", "fail", "exception", "denied", "refused", "fatal", "critical", "timeout", "timed out", "unable",
    "cannot", "warn", "panic", "corrupt", "killed", "lost",
)  # fmt: skip
"""The few lower-case stems that are looked for when there are too many lines to judge each in full."""


def severity(line: str) -> Severity:
    """What the level in the line's head says, corrected by its words.

    A line marked INFO is at most a warning, or an error when it speaks of corruption and the like:
    servicing logs write "Info … Failed to …", and some of it
    matters.
    """
    low = line[:400].lower()
    said = _LEVEL.search(low[:120])
    words = _worded(_HARMLESS.sub(" ", low))
    match said.lastindex if said else None:
        case None:
            return words
        case 1:
            return Severity.CRITICAL
        case 2:
            return max(words, Severity.ERROR) if words else Severity.INFO
        case 3:
            return Severity.ERROR if words is Severity.CRITICAL else Severity.WARNING
        case _:
            return Severity.ERROR if words is Severity.CRITICAL else min(words, Severity.WARNING)


def _worded(low: str) -> Severity:
    if _CRITICAL_WORDS.search(low):
        return Severity.CRITICAL
    if _ERROR_WORDS.search(low):
        return Severity.ERROR
    return Severity.WARNING if _WARNING_WORDS.search(low) else Severity.INFO
