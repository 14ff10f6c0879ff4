"""Writes small .evtx files as Windows lays them out: header, chunks, and events that fill in a template (BinXML)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

CHUNK = 65_536
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_STRING, _BYTE, _WORD, _FILE_TIME, _HEX64 = 0x01, 0x04, 0x06, 0x11, 0x15
_SYSTEM = (_STRING, _WORD, _BYTE, _HEX64, _FILE_TIME, _STRING, _STRING)


@dataclass(frozen=True)
class Hole:
    """A place in the template that each event fills; its number and type."""

    number: int
    type: int


Inside = str | Hole | Sequence["Element"]


@dataclass(frozen=True)
class Element:
    name: str
    inside: Inside = ()
    attributes: tuple[tuple[str, str | Hole], ...] = ()


@dataclass(frozen=True)
class Logged:
    """One event. `audit` is "", "success" or "failure"; `values` are those of EventData, a name may be empty."""

    number: int
    provider: str
    event_id: int
    level: int
    when: datetime
    values: tuple[tuple[str, str], ...] = ()
    audit: str = ""


def event_log(*chunks: Sequence[Logged]) -> bytes:
    """A file with one chunk per row of events; the newest may stand in any chunk, as in a log that went round."""
    written = [_chunk(events) for events in chunks]
    head = struct.pack(
        "<8sQQQIHHHH", b"ElfFile\0", 0, max(0, len(written) - 1), 1, 128, 1, 3, 4096, len(written)
    )
    head = head.ljust(120, b"\0")
    return (head + struct.pack("<II", 0, zlib.crc32(head))).ljust(4096, b"\0") + b"".join(written)


@dataclass
class _Chunk:
    raw: bytearray = field(default_factory=lambda: bytearray(512))

    def name(self, name: str) -> None:
        total = 0
        for letter in name:
            total = (total * 65_599 + ord(letter)) & 0xFFFFFFFF
        self.raw += struct.pack("<IIHH", len(self.raw) + 4, 0, total & 0xFFFF, len(name))
        self.raw += name.encode("utf-16-le") + b"\0\0"

    def value(self, value: str | Hole) -> None:
        if isinstance(value, Hole):
            self.raw += struct.pack("<BHB", 0x0D, value.number, value.type)
        else:
            self.raw += struct.pack("<BBH", 0x05, _STRING, len(value)) + value.encode("utf-16-le")

    def element(self, element: Element) -> None:
        self.raw += struct.pack("<BH", 0x41 if element.attributes else 0x01, 0xFFFF)
        begun = self._size_to_come()
        self.name(element.name)
        if element.attributes:
            inner = self._size_to_come()
            for left, (name, value) in zip(
                range(len(element.attributes) - 1, -1, -1), element.attributes, strict=True
            ):
                self.raw.append(0x46 if left else 0x06)
                self.name(name)
                self.value(value)
            self._size_is_known(inner)
        self.raw.append(0x02)
        if isinstance(element.inside, str | Hole):
            self.value(element.inside)
        else:
            for one in element.inside:
                self.element(one)
        self.raw.append(0x04)
        self._size_is_known(begun)

    def record(self, event: Logged) -> int:
        """Where it begins. Each event brings its own template, as the first of its kind in a chunk does."""
        begun = len(self.raw)
        ticks = (event.when - _EPOCH) // timedelta(microseconds=1) * 10
        self.raw += struct.pack("<IIQQ", 0x2A2A, 0, event.number, ticks)
        self.raw += b"\x0f\x01\x01\x00\x0c\x01" + struct.pack("<II", event.number, len(self.raw) + 14)
        self.raw += struct.pack("<I16s", 0, event.number.to_bytes(16, "little"))
        size = self._size_to_come()
        self.raw += b"\x0f\x01\x01\x00"
        self.element(_template(event))
        self.raw.append(0x00)
        self._size_is_known(size)
        filled = _filled(event, ticks)
        self.raw += struct.pack("<I", len(filled))
        self.raw += b"".join(struct.pack("<HBB", len(value), kind, 0) for kind, value in filled)
        self.raw += b"".join(value for _, value in filled) + b"\0"
        self.raw += bytes(-(len(self.raw) - begun + 4) % 8)
        whole = struct.pack("<I", len(self.raw) - begun + 4)
        self.raw[begun + 4 : begun + 8] = whole
        self.raw += whole
        return begun

    def _size_to_come(self) -> int:
        self.raw += bytes(4)
        return len(self.raw)

    def _size_is_known(self, begun: int) -> None:
        self.raw[begun - 4 : begun] = struct.pack("<I", len(self.raw) - begun)


def _chunk(events: Sequence[Logged]) -> bytes:
    chunk = _Chunk()
    last = [chunk.record(event) for event in events][-1]
    ids = (events[0].number, events[-1].number)
    end, found = len(chunk.raw), zlib.crc32(chunk.raw[512:])
    chunk.raw[:128] = struct.pack("<8sQQQQIIII72x", b"ElfChnk\0", *ids, *ids, 128, last, end, found)
    chunk.raw[124:128] = struct.pack("<I", zlib.crc32(chunk.raw[:120] + chunk.raw[128:512]))
    return bytes(chunk.raw).ljust(CHUNK, b"\0")


def _template(event: Logged) -> Element:
    hole = [Hole(number, kind) for number, kind in enumerate(_SYSTEM)]
    system = (
        Element("Provider", attributes=(("Name", hole[0]),)),
        Element("EventID", hole[1]),
        Element("Level", hole[2]),
        Element("Keywords", hole[3]),
        Element("TimeCreated", attributes=(("SystemTime", hole[4]),)),
        Element("Channel", hole[5]),
        Element("Computer", hole[6]),
    )
    values = tuple(
        Element("Data", Hole(len(_SYSTEM) + place, _STRING), (("Name", name),) if name else ())
        for place, (name, _) in enumerate(event.values)
    )
    space = ("xmlns", "http://schemas.microsoft.com/win/2004/08/events/event")
    return Element("Event", (Element("System", system), Element("EventData", values)), (space,))


def _filled(event: Logged, ticks: int) -> list[tuple[int, bytes]]:
    keywords = {"": 0x80 << 48, "success": 0x8020 << 48, "failure": 0x8010 << 48}[event.audit]
    system = (
        event.provider.encode("utf-16-le"),
        struct.pack("<H", event.event_id),
        struct.pack("<B", event.level),
        struct.pack("<Q", keywords),
        struct.pack("<Q", ticks),
        "System".encode("utf-16-le"),
        "PC01.example".encode("utf-16-le"),
    )
    texts = [(_STRING, value.encode("utf-16-le")) for _, value in event.values]
    return [*zip(_SYSTEM, system, strict=True), *texts]
