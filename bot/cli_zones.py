"""Reads the name of a time zone, and knows what was probably meant."""

from __future__ import annotations

import difflib
import zoneinfo

from bot.cli_screen import CommandFailed


def time_zone(text: str) -> str:
    """The zone's proper name, whatever case it was typed in. Raises CommandFailed."""
    known = zoneinfo.available_timezones()
    typed = text.strip().replace(" ", "_")
    if typed in known:
        return typed
    by_case = {name.casefold(): name for name in known}
    if (name := by_case.get(typed.casefold())) is not None:
        return name
    near = difflib.get_close_matches(typed.casefold(), by_case, n=3, cutoff=0.6)
    cities = [name for name in sorted(known) if name.rpartition("/")[2].casefold() == typed.casefold()]
    meant = cities or [by_case[name] for name in near]
    hint = f"Did you mean {' or '.join(meant)}?" if meant else "Write it like Europe/Berlin."
    raise CommandFailed(f"There is no time zone {text}. Nothing was changed. {hint}")
