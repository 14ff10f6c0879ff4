"""The flows an account can use, and which of them fits a text: packaged flows, its own, one match index each."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from threading import Lock
from types import MappingProxyType

from engine.flows import BUILT_IN_SIZE, Flow, FlowInvalid, Problem, parse_flow
from engine.matching import Match, MatchIndex, build_index, match

KEPT_LIBRARIES = 64


@dataclass(frozen=True, slots=True)
class FlowText:
    """One of an account's own flows as it is stored: `source` names it in messages, `text` is its YAML."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Library:
    """What one account can use. `problems` says why some of its own texts were left out."""

    flows: Mapping[str, Flow]
    problems: tuple[Problem, ...]
    index: MatchIndex

    def flow(self, flow_id: str) -> Flow | None:
        """The flow with this id in any state, or None. A running session may stand on an archived one."""
        return self.flows.get(flow_id)

    def match(self, text: str, k: int = 3) -> tuple[Match, ...]:
        """The best `k` flows for a text; see `engine.matching`."""
        return match(self.index, text, k)


class Libraries:
    """One library per account, rebuilt when its own texts change, the most recently used ones kept.

    Safe to share between threads. Building takes about a millisecond per flow of CPU, so call `of` off the event loop.
    """

    def __init__(self, built_in: Sequence[Flow], decoys: Sequence[str], keep: int = KEPT_LIBRARIES) -> None:
        self._built_in = tuple(built_in)
        self._decoys = tuple(decoys)
        self._keep = keep
        self._plain: Library | None = None
        self._kept: OrderedDict[str, tuple[bytes, Library]] = OrderedDict()
        self._lock = Lock()

    def of(self, account_id: str, own: Sequence[FlowText] = ()) -> Library:
        """The library of an account with these texts of its own; accounts without any share one.

        An own flow takes the place of a packaged one with the same id (also when it is archived, which hides both).
        """
        if not own:
            self.forget(account_id)
            return self._without_own()
        fingerprint = _fingerprint(own)
        with self._lock:
            kept = self._kept.get(account_id)
            if kept and kept[0] == fingerprint:
                self._kept.move_to_end(account_id)
                return kept[1]
        built = _library(self._built_in, own, self._decoys)
        with self._lock:
            self._kept[account_id] = (fingerprint, built)
            self._kept.move_to_end(account_id)
            while len(self._kept) > self._keep:
                self._kept.popitem(last=False)
        return built

    def _without_own(self) -> Library:
        """Built when somebody asks for it: a process that never looks for a flow starts without."""
        with self._lock:
            if self._plain is None:
                self._plain = _library(self._built_in, (), self._decoys)
            return self._plain

    def forget(self, account_id: str) -> None:
        """Drop what is kept for an account, for instance when it is uninstalled."""
        with self._lock:
            self._kept.pop(account_id, None)


def packaged_libraries(keep: int = KEPT_LIBRARIES) -> Libraries:
    """Libraries over the flows and decoys that ship with FlowPilot."""
    return Libraries(built_in_flows(), built_in_decoys(), keep)


@lru_cache(maxsize=1)
def built_in_flows() -> tuple[Flow, ...]:
    """The packaged flows in the order of their file names; FlowInvalid names every problem of a damaged file."""
    folder = files("engine") / "flow_library"
    found = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".yaml")), key=lambda entry: entry.name
    )
    return tuple(parse_flow(entry.read_text(encoding="utf-8"), entry.name, BUILT_IN_SIZE) for entry in found)


@lru_cache(maxsize=1)
def built_in_decoys() -> tuple[str, ...]:
    """Summaries of ordinary problems no packaged flow covers; they keep a small library from matching everything."""
    text = (files("engine") / "decoys.txt").read_text(encoding="utf-8")
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _library(built_in: Sequence[Flow], own: Sequence[FlowText], decoys: Sequence[str]) -> Library:
    flows = {flow.id: flow for flow in built_in}
    problems: list[Problem] = []
    sources: dict[str, str] = {}
    for entry in own:
        try:
            flow = parse_flow(entry.text, entry.source)
        except FlowInvalid as invalid:
            problems.extend(invalid.problems)
            continue
        if flow.id in sources:
            problems.append(
                Problem(
                    entry.source, "", "id", f"“{flow.id}” is already used by {sources[flow.id]}. Rename one."
                )
            )
            continue
        sources[flow.id] = entry.source
        flows[flow.id] = flow
    index = build_index(tuple(flows.values()), decoys)
    return Library(MappingProxyType(flows), tuple(problems), index)


def _fingerprint(own: Sequence[FlowText]) -> bytes:
    digest = hashlib.sha256()
    for entry in own:
        for part in (entry.source.encode(), entry.text.encode("utf-8", "replace")):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()
