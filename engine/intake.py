"""Reads what a person typed, pasted or attached: the words, the ticket, the log and the pictures told
apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.log_lines import find_stamp
from engine.logs import Digest, condense, decode, looks_binary
from engine.replies import Quick, is_small_talk, looks_like_secret, quick_answer
from engine.ticket_refs import TicketRef, find_tickets, read_link, without_edge_tickets, without_tickets

__all__ = [
    "Attachment", "Quick", "Reading", "clean", "find_tickets", "is_small_talk", "looks_like_secret",
    "quick_answer", "read", "read_link", "tidy_words",
]  # fmt: skip

SIZE_LIMIT = 20 * 1024 * 1024
"""Bytes of one attachment that are read."""
PROBLEM_LIMIT = 100

_PICTURES = {"png", "jpg", "jpeg", "gif", "webp"}
_OTHER_PICTURES = {"heic", "heif", "bmp", "tif", "tiff", "svg", "avif"}
_ARCHIVES = {"zip", "7z", "rar", "gz", "tgz", "cab", "xz", "bz2", "zst"}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file as it arrived. `link`: where a person opens it, if there is such a place."""

    name: str
    media_type: str
    content: bytes
    link: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message holds.

    `type` is an intake type: free_text, psa_ticket, screenshot, log_paste, or combined for two or more
    of words,
    ticket, log and picture. `text` is what is left without the log, empty where a ticket reference was all.
    `log` is the pasted part followed by the attached logs; `refused` pairs each unread attachment with
    the reason.
    """

    type: str
    text: str
    problem_line: str
    ticket_id: int | None = None
    ticket_host: str | None = None
    other_ticket_ids: tuple[int, ...] = ()
    log: str | None = None
    digest: Digest | None = None
    images: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


def read(text: str, attachments: Sequence[Attachment] = ()) -> Reading:
    """Any text and any files as a Reading; never raises, and every word is in `text` or `log`."""
    words, pasted = _split_log(tidy_words(text))
    tickets = find_tickets(words[:_TICKET_SEARCH])
    words = words.strip()
    if tickets and _only_filler(without_tickets(words[:_TICKET_SEARCH])) and len(words) <= _TICKET_SEARCH:
        words = ""
    images, logs, refused = _sort_attachments(attachments)
    log = _joined(pasted, logs)
    digest = condense(log) if log else None
    return Reading(
        type=_type(bool(words), bool(tickets), bool(log), bool(images)),
        text=words,
        problem_line=_problem_line(words, tickets, digest, images),
        ticket_id=tickets[0].number if tickets else None,
        ticket_host=tickets[0].host if tickets else None,
        other_ticket_ids=tuple(ref.number for ref in tickets[1:]),
        log=log,
        digest=digest,
        images=tuple(images),
        refused=tuple(refused),
    )


# ---- cleaning ----------------------------------------------------------------------------------------------

_UNSEEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c"
    r"\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]"
)


def tidy_words(text: str) -> str:
    """Text without NULs, control, zero-width and bidirectional characters, line ends made LF.

    Bidirectional characters can make a command read differently from what it does; that is why they go.
    """
    text = text.encode("utf-8", "replace").decode()
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNSEEN.sub("", text)


def clean(text: str, limit: int) -> str:
    """Tidy text of at most `limit` characters (or the bare mark), the rest counted in a mark.


    The caller keeps the whole text elsewhere.
    """
    text = tidy_words(text)
    if len(text) <= limit:
        return text
    room = max(0, limit - len(_mark(len(text))))
    return text[:room] + _mark(len(text) - room)


def _mark(number: int) -> str:
    return f"… ({number:,} more characters kept)"


# ---- log or words ------------------------------------------------------------------------------------------

_TICKET_SEARCH = 20_000
_LONG_LINE = 2_000
_FENCE_TAG = re.compile(
    r"(?:log|text|txt|json|xml|bash|sh|powershell|ps1|python|java|csharp|console)[ \t]*\n"
)
_LOGGY = re.compile(
    r"\s*(?:at [\w.$<]+[.(]|File \"|Caused by: |Traceback \(most recent|\.\.\. \d+ more"
    r"|goroutine \d+ \[|At line:\d+ char"
    r"|[\w.]{1,80}(?:Exception|Error): |\+ CategoryInfo|\+ FullyQualifiedErrorId"
    r"|(?:Log Name|Source|Event ID|Task Category|Keywords|OpCode|Logged|Event Xml)[ \t]*:"
    r"|\[?(?:FATAL|CRITICAL|ERROR|WARN|WARNING|INFO|DEBUG|TRACE|VERBOSE)\b[\]:| ]"
    r"|==> .{1,200} <==$|#Fields: |<\d{1,3}>|\{\"|\"?(?:Level|Keywords)\"?[,\t]\"?Date and Time"
    r"|(?:Error|Warning|Information|Critical)[,\t]\d)"
)
_STAMPED = re.compile(
    r"[\[(<\"]{0,2}(?:\d{4}[-/]\d\d[-/]\d\d[T ]\d|\d{1,2}[/.]\d{1,2}[/.]\d{4},? \d{1,2}:\d\d:\d\d"
    r"|\d\d:\d\d:\d\d[.,\] ]"
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:"
    r"|\d{6} \d{6} |\d{2}/[A-Z][a-z]{2}/\d{4}:)"
    r"|\S{1,60} \S{1,40} \S{1,40} \[\d\d/[A-Z][a-z]{2}/\d{4}:"
)
_ASIDE = re.compile(
    r"(?:any ideas?|please|pls|can |could |what |why |how |i |i'|we |he |she |they |user |thanks"
    r"|thx|tried |already )|.*\?\s*$",
    re.IGNORECASE,
)


def _split_log(text: str) -> tuple[str, str]:
    """(words, log): code fences first, then the stretch from the first to the last line that reads
    like a log.
    """
    if "```" in text:
        words, fenced = _fences(text)
        if fenced:
            before, more = _split_log(words)
            return before, "\n".join(filter(None, (fenced, more)))
    lines = text.split("\n")
    if len(lines) <= 4 and max(map(len, lines)) > 2 * _LONG_LINE:
        long = [line for line in lines if len(line) > 2 * _LONG_LINE]
        return "\n".join(line for line in lines if len(line) <= 2 * _LONG_LINE), "\n".join(long)
    span = _log_span(lines)
    if span is None:
        return text, ""
    start, end = span
    return "\n".join([*lines[:start], *lines[end:]]), "\n".join(lines[start:end])


def _fences(text: str) -> tuple[str, str]:
    """Words and fenced logs; a fence of one plain line stays with the words, an unclosed one reaches
    to the end.
    """
    words: list[str] = []
    logs: list[str] = []
    for number, part in enumerate(text.split("```")):
        inner = _FENCE_TAG.sub("", part, count=1) if _FENCE_TAG.match(part) else part
        inner = inner.strip("\n")
        fenced = number % 2 == 1
        if fenced and ("\n" in inner or len(inner) > _LONG_LINE or _loggy(inner)):
            logs.append(inner)
            words.append("\n")
        else:
            words.append(f" {part} " if fenced else part)
    return "".join(words), "\n".join(logs)


def _log_span(lines: Sequence[str]) -> tuple[int, int] | None:
    """Half-open range of the log lines, or None. The middle of a long paste is not looked at: it is log."""
    edge = 200
    count = len(lines)
    places = range(count) if count <= 2 * edge else [*range(edge), *range(count - edge, count)]
    hits = [i for i in places if _loggy(lines[i])]
    if len(hits) < 2:
        return _listing_span(lines)
    start, end = hits[0], hits[-1] + 1
    while end < count and lines[end][:1] in ("\t", " ") and lines[end].strip():
        end += 1
    if end < count and _is_trace(lines[start:end]) and not _ASIDE.match(lines[end][:500]):
        end += 1
    if any(line.lstrip()[:9].lower() in ("log name:", "event id:") for line in lines[start:end][:400]):
        end = _event_end(lines, end)
    elif len(hits) * 5 < sum(1 for i in places if start <= i < end and lines[i].strip()):
        return None  # a time or a level here and there in ordinary sentences
    return start, end


def _is_trace(lines: Sequence[str]) -> bool:
    """Whether the stretch ends in a Python traceback, whose last line, the error itself, is not indented."""
    return any(line.lstrip().startswith('File "') for line in lines[-8:]) and not _EXCEPTION.match(lines[-1])


_EXCEPTION = re.compile(r"[\w.]{1,80}(?:Exception|Error|Warning|Exit|Interrupt): ")


def _event_end(lines: Sequence[str], end: int) -> int:
    """A Windows event's description is ordinary sentences: it ends where the person seems to speak again."""
    for i in range(end, len(lines)):
        if lines[i].strip() and not lines[i - 1].strip() and _ASIDE.match(lines[i][:500]):
            return i
    return len(lines)


def _listing_span(lines: Sequence[str]) -> tuple[int, int] | None:
    """Command output has no times or levels: 30 lines or more that are mostly not sentences."""
    filled = [i for i, line in enumerate(lines) if line.strip()]
    if len(filled) < 30:
        return None
    listed = [i for i in filled if not _reads_as_sentence(lines[i])]
    return (listed[0], filled[-1] + 1) if len(listed) * 2 > len(filled) else None


def _reads_as_sentence(line: str) -> bool:
    words = line[:300].split()
    plain = sum(1 for word in words if word.strip(".,;:!?'\"()").isalpha())
    return len(words) >= 4 and plain * 10 >= len(words) * 8 and "  " not in line.strip()


def _loggy(line: str) -> bool:
    return bool(_STAMPED.match(line[:200]) or _LOGGY.match(line[:300]))


# ---- attachments -------------------------------------------------------------------------------------------


def _sort_attachments(
    attachments: Sequence[Attachment],
) -> tuple[list[str], list[tuple[str, str]], list[tuple[str, str]]]:
    """(names of pictures, (name, text) of logs, (name, reason) of what cannot be read)."""
    images: list[str] = []
    logs: list[tuple[str, str]] = []
    refused: list[tuple[str, str]] = []
    for attachment in attachments:
        name = clean(attachment.name, 120).replace("\n", " ").strip() or "unnamed file"
        reason = _why_not(attachment)
        if reason:
            refused.append((name, reason))
        elif _ending(attachment.name) in _PICTURES or attachment.media_type.lower().startswith("image/"):
            images.append(name)
        else:
            text = decode(attachment.content)
            if text.strip():
                logs.append((name, text))
            else:
                refused.append((name, "The file holds no text. Send it again when it does."))
    return images, logs, refused


def _why_not(attachment: Attachment) -> str | None:
    ending, size = _ending(attachment.name), len(attachment.content)
    if ending in _OTHER_PICTURES or "svg" in attachment.media_type:
        return "This picture format cannot be read. Save it as PNG or JPEG and send it again."
    if size == 0:
        return "The file is empty. Send it again when it has something in it."
    if size > SIZE_LIMIT:
        return (
            f"The file has {size / 1024 / 1024:.0f} MB; up to 20 MB are read. Send the part around the error."
        )
    if attachment.content[:8] == b"ElfFile\0" or (ending == "evtx" and looks_binary(attachment.content)):
        return (
            "No events could be read from this file. In Event Viewer save them as text or CSV and send that."
        )
    if ending in _PICTURES or attachment.media_type.lower().startswith("image/"):
        return None
    if ending in _ARCHIVES:
        return "Archives are not opened. Unpack it and send the log inside."
    if looks_binary(attachment.content):
        return "This is not text, so it was not read. Send the log as text or CSV, or a screenshot."
    return None


def _ending(name: str) -> str:
    return name.rpartition(".")[2].strip().lower() if "." in name else ""


def _joined(pasted: str, logs: Sequence[tuple[str, str]]) -> str | None:
    """One log; where several are put together each begins with its name, as `tail` writes it."""
    parts = ([("pasted", pasted)] if pasted.strip() else []) + list(logs)
    if len(parts) < 2:
        return parts[0][1] if parts else None
    return "\n".join(f"==> {name} <==\n{text}" for name, text in parts)


# ---- what it is --------------------------------------------------------------------------------------------

_FILLER_TEXT = (
    "please pls look at see check the this that for on help with start open work working take can you "
    "could me re regarding ticket tickets my hi hey hello a is it number no new and or from to psa "
    "connectwise cw link here need i im"
)
_FILLER = frozenset(_FILLER_TEXT.split())
_GREETING = re.compile(
    r"(?:hi|hello|hey|good (?:morning|afternoon|evening)|dear|morning)\b[^.,!?\n]{0,30}[.,!?\n: ]+",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?](?=\s)|\n")


def _only_filler(text: str) -> bool:
    return _FILLER.issuperset(re.findall(r"\w+", text.lower().replace("'", "")))


def _type(words: bool, ticket: bool, log: bool, image: bool) -> str:
    if words + ticket + log + image > 1:
        return "combined"
    return "psa_ticket" if ticket else "log_paste" if log else "screenshot" if image else "free_text"


def _problem_line(
    words: str, tickets: Sequence[TicketRef], digest: Digest | None, images: Sequence[str]
) -> str:
    """The first sentence in the person's words; without words the first error, the ticket or the
    picture's name.
    """
    if words:
        return _first_sentence(words)
    if digest and digest.first_error:
        stamp = find_stamp(digest.first_error[1])
        return _short(
            digest.first_error[1].replace(stamp.text, "").strip(" -,:[]\t")
            if stamp
            else digest.first_error[1]
        )
    if tickets:
        return f"Ticket #{tickets[0].number}"
    if digest:
        return _short(digest.summary())
    return _short(f"Screenshot {images[0]}") if images else ""


def _first_sentence(words: str) -> str:
    head = words[:2000]
    bare = without_edge_tickets(head).strip(" \n\t:,;-–")
    source = _GREETING.sub("", bare, count=1).strip() or bare or head
    for end in _SENTENCE_END.finditer(source):
        if len(source[: end.start()].split()) >= 3:
            return _short(source[: end.start()])
    return _short(source)


def _short(text: str) -> str:
    text = " ".join(text.split())
    if len(text) <= PROBLEM_LIMIT:
        return text.rstrip(" ,;:")
    head = text[: PROBLEM_LIMIT - 1]
    return (head.rpartition(" ")[0] if " " in head[60:] else head).rstrip(" ,;:.") + "…"
