"""The seven settings an Admin may choose for a PSA connection, their defaults and their check."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Visibility = Literal["internal", "discussion", "resolution"]
AutoPush = Literal["off", "on_resolve", "on_resolve_and_escalate"]
TimeEntries = Literal["off", "draft", "automatic"]


class SettingsInvalid(ValueError):
    """A setting has a value it cannot have; `sentence` is for the Admin who typed it."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(f"{name}: {sentence}")
        self.field = name
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class PsaSettings:
    """What an Admin may choose; the status mappings go from board id to status id, absent means leave it."""

    auto_push: AutoPush = "on_resolve_and_escalate"
    review_before_push: bool = True
    note_visibility: Visibility = "internal"
    time_entries: TimeEntries = "draft"
    time_rounding_minutes: int = 0
    resolved_status: Mapping[int, int] = field(default_factory=dict)
    escalated_status: Mapping[int, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "auto_push": self.auto_push,
            "review_before_push": self.review_before_push,
            "note_visibility": self.note_visibility,
            "time_entries": self.time_entries,
            "time_rounding_minutes": self.time_rounding_minutes,
            "resolved_status": {str(board): status for board, status in self.resolved_status.items()},
            "escalated_status": {str(board): status for board, status in self.escalated_status.items()},
        }


ROUNDINGS = (0, 5, 6, 15, 30)
_CHOICES: dict[str, tuple[Any, ...]] = {
    "auto_push": get_args(AutoPush),
    "note_visibility": get_args(Visibility),
    "time_entries": get_args(TimeEntries),
    "time_rounding_minutes": ROUNDINGS,
    "review_before_push": (True, False),
}


def parse_settings(given: Mapping[str, Any]) -> PsaSettings:
    """Settings from stored or typed values; absent ones keep their default. Raises SettingsInvalid."""
    chosen: dict[str, Any] = {}
    for name, value in given.items():
        if name in _CHOICES:
            chosen[name] = _one_of(name, value, _CHOICES[name])
        elif name in ("resolved_status", "escalated_status"):
            chosen[name] = _status_by_board(name, value)
        else:
            raise SettingsInvalid(name, "There is no setting with this name.")
    return PsaSettings(**chosen)


def _one_of(name: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    # 0 == False and 1 == True in Python, so the type must fit too.
    if any(type(value) is type(choice) and value == choice for choice in allowed):
        return value
    words = {True: "yes", False: "no"} if allowed == (True, False) else {}
    shown = ", ".join(words.get(each, str(each)) for each in allowed)
    raise SettingsInvalid(name, f"Choose one of: {shown}.")


def _status_by_board(name: str, value: Any) -> dict[int, int]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise SettingsInvalid(name, "Give one status per board.")
    chosen: dict[int, int] = {}
    for board, status in value.items():
        if status in (None, ""):
            continue
        if not (_is_record_id(board) and _is_record_id(status)):
            raise SettingsInvalid(name, "Boards and statuses are given by their numbers.")
        chosen[int(board)] = int(status)
    return chosen


def _is_record_id(value: Any) -> bool:
    return not isinstance(value, bool) and re.fullmatch(r"[1-9][0-9]{0,9}", str(value)) is not None
