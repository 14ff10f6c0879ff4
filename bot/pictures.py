"""Makes screenshots fit to be kept and shown to a model: told by their content, small, and nothing in them but pixels."""

from __future__ import annotations

import hashlib
import logging
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import BoundedSemaphore

from bot.words import say
from engine.intake import SIZE_LIMIT, Attachment, clean

log = logging.getLogger("flowpilot.pictures")

MOST_IN_A_MESSAGE = 6
SECONDS = 20.0
"""For all pictures of one message together, waiting for others included."""
LARGEST = 3_500_000
"""Bytes that a prepared picture never exceeds, whatever prepared it."""
NO_TIME, DAMAGED, TOO_MANY_PIXELS = "no_time", "damaged", "too_many_pixels"
_DECODER = Path(__file__).with_name("picture_decoder.py")
_AT_ONCE = BoundedSemaphore(2)
_READ = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF.{4}WEBP", re.DOTALL)
_UNREAD = re.compile(
    rb".{4}ftyp(?:hei|hev|mif1|msf1|avi[fs])|II\*\0|MM\0\*|BM.{4}\0{4}"
    rb"|(?:\xef\xbb\xbf)?\s*(?:<\?xml.{0,500}?\?>\s*(?:<!.{0,500}?>\s*)*)?<svg[\s>]",
    re.DOTALL | re.IGNORECASE,
)
_NAMED_SO = re.compile(r".*\.(?:png|jpe?g|gif|webp)\s*", re.IGNORECASE | re.DOTALL)
_NAMED_ELSE = re.compile(r".*\.(?:evtx|heic|heif|bmp|tiff?|svg|avif)\s*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture as it is kept. `key` names the file it was made of; `link`: where a person opens that one."""

    name: str
    media_type: str
    width: int
    height: int
    content: bytes
    key: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A picture that is not taken; `sentence` says why, and what to do."""

    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Sorted:
    """The files of a message. In `files` a picture that was prepared is only named; one that was refused is gone."""

    files: tuple[Attachment, ...]
    pictures: tuple[Prepared, ...] = ()
    refused: tuple[str, ...] = ()


def is_picture(file: Attachment) -> bool:
    """Whether it has to be prepared or refused here: by what it holds, or by what it wants to be taken for."""
    if _READ.match(file.content) or _UNREAD.match(file.content[:4_096]):
        return True
    wants = file.media_type.lower().startswith("image/") or _NAMED_SO.fullmatch(file.name)
    return bool(wants and file.content and not _NAMED_ELSE.fullmatch(file.name))


def sort(files: Sequence[Attachment], seconds: float = SECONDS) -> Sorted:
    """Prepare what is a picture. Takes seconds for large ones: not for the loop."""
    until = time.monotonic() + seconds
    kept: list[Attachment] = []
    pictures: list[Prepared] = []
    refused: list[str] = []
    more = 0
    for file in files:
        if not is_picture(file):
            kept.append(file)
            continue
        if len(pictures) == MOST_IN_A_MESSAGE:
            more += 1
            continue
        match prepared(file, until - time.monotonic()):
            case Prepared() as picture:
                pictures.append(picture)
                kept.append(stand_in(picture))
            case Refused(sentence=sentence):
                refused.append(sentence)
    if more:
        refused.append(say("picture.too_many", most=MOST_IN_A_MESSAGE, count=more))
    return Sorted(tuple(kept), tuple(pictures), tuple(refused))


def stand_in(picture: Prepared) -> Attachment:
    """What stands for a prepared picture where the rest of a message is read."""
    return Attachment(picture.name, picture.media_type, picture.key.encode())


def prepared(file: Attachment, seconds: float = SECONDS) -> Prepared | Refused:
    """The first frame of a PNG, JPEG, GIF or WebP, upright, with no edge over 1,568 pixels, metadata gone. Its name
    and what stands in it are whatever somebody wanted them to be.
    """
    name = _name(file)
    why = _why_not(file)
    if why:
        return Refused(name, why)
    made = _made(file.content, seconds)
    if isinstance(made, str):
        return Refused(name, say(f"picture.{made}"))
    key = hashlib.sha256(file.content).hexdigest()
    return replace(made, name=name, key=key, link=file.link)


def _name(file: Attachment) -> str:
    """One line of it. The ending of a format that is not read would be refused by it, whatever it holds."""
    name = " ".join(clean(file.name, 120).split()) or "picture"
    return f"{name}.png" if _NAMED_ELSE.fullmatch(name) else name


def _why_not(file: Attachment) -> str:
    if len(file.content) > SIZE_LIMIT:
        return say("picture.too_large", size=round(len(file.content) / 1024 / 1024))
    if _READ.match(file.content):
        return ""
    return say("picture.format" if _UNREAD.match(file.content[:4_096]) else "picture.none")


def _made(content: bytes, seconds: float) -> Prepared | str:
    """The picture, or the key of the sentence that says why there is none."""
    until = time.monotonic() + seconds
    if seconds <= 0 or not _AT_ONCE.acquire(timeout=seconds):
        log.warning("a picture was not prepared: others took all the time")
        return NO_TIME
    try:
        return _reported(content, until - time.monotonic())
    finally:
        _AT_ONCE.release()


def _reported(content: bytes, seconds: float) -> Prepared | str:
    """What the process of its own wrote. It gets no environment, so no secrets."""
    command = [sys.executable, "-I", str(_DECODER)]
    try:
        done = subprocess.run(
            command, input=content, capture_output=True, timeout=max(0.1, seconds), env={}, check=False
        )
    except subprocess.TimeoutExpired:
        log.warning("a picture of %d bytes was not prepared in time", len(content))
        return NO_TIME
    except OSError as failed:
        log.warning("a picture of %d bytes was not prepared: %s", len(content), type(failed).__name__)
        return NO_TIME
    if done.returncode:
        log.warning("a picture of %d bytes was not prepared: exit %d", len(content), done.returncode)
        return DAMAGED
    head, _, made = done.stdout.partition(b"\n")
    return _told(head.decode("ascii", "replace"), made)


def _told(head: str, content: bytes) -> Prepared | str:
    """A decoder that was taken over by what it decodes may write anything."""
    found = re.fullmatch(r"(image/(?:png|jpeg)) (\d{1,4}) (\d{1,4})", head)
    if found is None or not 0 < len(content) <= LARGEST or not _READ.match(content):
        return TOO_MANY_PIXELS if head == TOO_MANY_PIXELS else DAMAGED
    return Prepared("", found[1], int(found[2]), int(found[3]), content, "")


def without(one: Sorted, pictures: Sequence[Prepared], sentence: str) -> Sorted:
    """As if these had not come with the message, and a sentence that says so."""
    gone = {picture.key.encode() for picture in pictures}
    return replace(
        one,
        files=tuple(file for file in one.files if file.content not in gone),
        pictures=tuple(picture for picture in one.pictures if picture.key.encode() not in gone),
        refused=(*one.refused, sentence),
    )
