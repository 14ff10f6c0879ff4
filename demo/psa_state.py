"""Remembers the records of the practice ConnectWise, in memory and in an append-only file."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Literal

from demo.psa_refusals import Json

Change = tuple[Literal["put", "delete"], str, Json]
LONGEST_JOURNAL = 50_000


class State:
    """Records by kind and id, and the journal of requests.

    With a path, every `commit` is one line on disk before it is visible: an answered write survives kill -9
    and a half-written one never appears. The journal of requests is there too, without waiting for the disk.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self._kinds: dict[str, dict[int, Json]] = {}
        self._highest: dict[str, int] = {}
        self.journal: deque[Json] = deque(maxlen=LONGEST_JOURNAL)
        self.requests_seen = 0
        if path is not None and path.exists():
            for line in _whole_lines(path):
                self._replay(line)

    @property
    def empty(self) -> bool:
        return not self._kinds

    def get(self, kind: str, number: int) -> Json | None:
        return self._kinds.get(kind, {}).get(number)

    def all(self, kind: str) -> list[Json]:
        return list(self._kinds.get(kind, {}).values())

    def kinds(self) -> dict[str, list[Json]]:
        return {kind: list(rows.values()) for kind, rows in self._kinds.items()}

    def take_id(self, kind: str) -> int:
        """A number never used before in this kind, deleted records included."""
        self._highest[kind] = self._highest.get(kind, 0) + 1
        return self._highest[kind]

    def commit(self, changes: Iterable[Change]) -> None:
        """Keeps all changes or none; returns when they are on disk."""
        kept = list(changes)
        self._write({"changes": kept}, wait=True)
        self._apply(kept)

    def note_request(self, entry: Json) -> None:
        self.requests_seen += 1
        entry["seq"] = self.requests_seen
        self._write({"request": entry}, wait=False)
        self.journal.append(entry)

    def forget_requests(self) -> None:
        self._write({"forget": "requests"}, wait=False)
        self.journal.clear()

    def restart(self, changes: Iterable[Change]) -> None:
        """Forgets everything and starts again from `changes`."""
        self._kinds, self._highest = {}, {}
        self.journal.clear()
        self._apply(changes)
        self.compact()

    def compact(self) -> None:
        """Writes a fresh file beside the old one and swaps them, then keeps it open for appending."""
        if self._path is None:
            return
        self.close()
        fresh = self._path.with_name(self._path.name + ".new")
        with fresh.open("w", encoding="utf-8") as out:
            for line in self._snapshot():
                out.write(json.dumps(line, separators=(",", ":")) + "\n")
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self._path)
        self._file = self._path.open("a", encoding="utf-8")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _snapshot(self) -> Iterator[Json]:
        yield {"highest": self._highest, "requests_seen": self.requests_seen}
        for kind, rows in self._kinds.items():
            yield {"changes": [("put", kind, row) for row in rows.values()]}
        for entry in self.journal:
            yield {"request": entry}

    def _write(self, line: Json, *, wait: bool) -> None:
        if self._file is None:
            return
        self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
        self._file.flush()
        if wait:
            os.fsync(self._file.fileno())

    def _replay(self, line: Json) -> None:
        if "changes" in line:
            self._apply((verb, kind, record) for verb, kind, record in line["changes"])
        elif "request" in line:
            self.journal.append(line["request"])
            self.requests_seen = max(self.requests_seen, int(line["request"]["seq"]))
        elif "forget" in line:
            self.journal.clear()
        else:
            self._highest = dict(line["highest"])
            self.requests_seen = int(line["requests_seen"])

    def _apply(self, changes: Iterable[Change]) -> None:
        for verb, kind, record in changes:
            rows = self._kinds.setdefault(kind, {})
            number = int(record["id"])
            if verb == "put":
                rows[number] = record
            else:
                rows.pop(number, None)
            self._highest[kind] = max(self._highest.get(kind, 0), number)


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Every finished line; a last line cut by a crash was never answered and is left out."""
    for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
        try:
            yield json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"{path.name} is damaged and cannot be read. Move it away to start afresh."
            ) from error
