"""Settings that can be read and still cannot work: out of range, in contradiction, or an address that gives a key away."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Iterator
from dataclasses import fields
from urllib.parse import urlsplit

from bot.settings import Settings, SettingWrong
from engine.model import Models

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
    "model_retry_seconds": (0.01, 60),
    "model_seconds": (5, 900),
    "daily_tokens": (0, 10**12),
}
_MODEL_FIELDS = ("model_turn", "model_package", "model_briefing", "model_note", "model_ticket")
_MODEL_NAME = r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,99}"
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
    yield from _of_claude(settings, names)
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


def _of_claude(settings: Settings, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    key = settings.anthropic_api_key
    if not (key.isascii() and key.isprintable() and " " not in key):
        name = names["anthropic_api_key"]
        yield name, f"{name} holds a space or a letter that no key has. Copy it again."
    for field in _MODEL_FIELDS:
        if not re.fullmatch(_MODEL_NAME, getattr(settings, field)):
            yield names[field], f"{names[field]} is no name of a model, as {Models().turn} is one."
    if not _is_fit_for_a_key(settings.anthropic_base_url):
        name = names["anthropic_base_url"]
        yield (
            name,
            f"{name} must be an https address. Plain http is for a gateway in this network: a key can be read on "
            "its way.",
        )


def _is_fit_for_a_key(address: str) -> bool:
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    if not host or parts.query or parts.fragment or parts.username:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_near(host))


def _is_near(host: str) -> bool:
    """An address of this network, or a name without a dot: such names are looked up only here."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host
