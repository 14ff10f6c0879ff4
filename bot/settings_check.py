"""Settings that can be read and still cannot work: numbers out of range, and times that contradict each other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields

from bot.settings import Settings, SettingWrong

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_RANGES: dict[str, tuple[float, float]] = {
    "port": (0, 65535),
    "lease_seconds": (1, 3600),
    "talk_slots": (1, 1000),
    "work_slots": (1, 1000),
    "sweep_seconds": (0.05, 3600),
    "psa_timeout_seconds": (0.5, 600),
    "psa_deadline_seconds": (0.5, 600),
    "psa_settle_seconds": (1, 3600),
    "psa_retry_seconds": (0.1, 86_400),
}
FRESH_SECONDS = 2
"""How old a saved intent may be when its write leaves; see engine.posting."""


def problems(settings: Settings) -> dict[str, str]:
    """Name as in the environment → a sentence that says what to put there."""
    return dict(_problems(settings))


def refuse_impossible(settings: Settings) -> None:
    """Raises SettingWrong with the first of them."""
    for sentence in problems(settings).values():
        raise SettingWrong(sentence)


def _problems(settings: Settings) -> Iterator[tuple[str, str]]:
    names = {f.name: f.metadata["name"] for f in fields(Settings)}
    for field, (least, most) in _RANGES.items():
        value = getattr(settings, field)
        if not (math.isfinite(value) and least <= value <= most):
            yield names[field], f"{names[field]} is {value:g}; it must be between {least:g} and {most:g}."
    if settings.log_level.upper() not in LEVELS:
        name = names["log_level"]
        yield name, f"{name} is {settings.log_level}; it must be one of {', '.join(LEVELS)}."
    deadline, settle = settings.psa_deadline_seconds, settings.psa_settle_seconds
    if settle <= deadline + FRESH_SECONDS:
        yield (
            names["psa_settle_seconds"],
            f"{names['psa_settle_seconds']} is {settle:g} s; it must be longer than "
            f"{names['psa_deadline_seconds']} ({deadline:g} s) and {FRESH_SECONDS} s more, or a late write could "
            "be taken for absent and be sent twice.",
        )
    if settings.lease_seconds <= deadline:
        yield (
            names["lease_seconds"],
            f"{names['lease_seconds']} is {settings.lease_seconds:g} s; it must be longer than "
            f"{names['psa_deadline_seconds']} ({deadline:g} s), or a write outlives the right to make it.",
        )
