"""`flowpilot settings`: the seven of the PSA connection and the four of the Account, shown and changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.cards_receipt import money
from bot.claude import budget
from bot.cli_account import within
from bot.cli_psa import client_for, failure_sentence
from bot.cli_screen import CommandFailed, Here
from bot.cli_zones import time_zone
from engine import business_hours
from engine.psa import Board, BoardStatus, Psa, PsaFailure
from engine.psa_settings import PsaSettings, SettingsInvalid, parse_settings
from storage.accounts import PsaConnection

YES, NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")
STATUSES = ("resolved_status", "escalated_status")
OF_ACCOUNT = ("time_zone", "business_hours", "leads_only", budget.SETTING)
OF_PSA = (
    "auto_push",
    "review_before_push",
    "note_visibility",
    "time_entries",
    "time_rounding_minutes",
    *STATUSES,
)
UNCHANGED = "Nothing was changed."
Names = Mapping[int, tuple[Board, Mapping[int, str]]]


async def show(here: Here) -> int:
    async with within(here) as unit:
        account = await unit.accounts.settings()
        known = await unit.accounts.connection()
        spent = await budget.spending(unit, budget.Known(daily_tokens=here.settings.daily_tokens))
    shown: dict[str, Any] = {
        "time_zone": account.get("time_zone") or "UTC",
        "business_hours": account.get("business_hours") or "always",
        "leads_only": bool(account.get("leads_only")),
        budget.SETTING: budget.own_limit(account),
    }
    if known is not None:
        shown |= _stored(known).to_json()
    if here.given.json:
        here.screen.json(shown)
        return 0
    if not spent.own:
        shown[budget.SETTING] = f"{spent.limit or 'no limit'}, as the installation has it"
    names = await _names(here, known, shown) if known is not None else {}
    here.screen.table(("setting", "value"), [(name, _shown(value, names)) for name, value in shown.items()])
    here.screen.say("", f"Claude today: {spent.tokens:,} tokens, {money(spent.microdollars)}.")
    if known is None:
        here.screen.say("", "The other seven belong to a PSA: flowpilot connect connectwise")
    return 0


async def change(here: Here) -> int:
    """Everything that is named, or nothing."""
    given = _pairs(here.given.changes)
    account = _account_settings({name: text for name, text in given.items() if name in OF_ACCOUNT})
    wanted = {name: text for name, text in given.items() if name not in OF_ACCOUNT}
    async with within(here) as unit:
        known = await unit.accounts.connection()
    chosen = None
    if wanted:
        if known is None:
            raise CommandFailed(f"No PSA is connected yet. {UNCHANGED} Use: flowpilot connect connectwise")
        chosen = await _psa_settings(here, known, wanted)
    async with within(here) as unit:
        if account:
            await unit.accounts.change_settings(account)
        if chosen is not None and known is not None:
            await unit.accounts.change_connection(known.id, flowpilot_settings=chosen.to_json())
    here.screen.say(f"Changed: {', '.join(given)}.")
    return 0


def _pairs(changes: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for change_ in changes:
        name, equals, text = change_.partition("=")
        if not equals:
            raise CommandFailed(f"Write {change_} as NAME=VALUE. {UNCHANGED}")
        if name not in (*OF_PSA, *OF_ACCOUNT):
            there = ", ".join((*OF_ACCOUNT, *OF_PSA))
            raise CommandFailed(f"There is no setting {name}. {UNCHANGED} There are: {there}.")
        pairs[name] = text.strip()
    return pairs


def _account_settings(given: Mapping[str, str]) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    if "time_zone" in given:
        chosen["time_zone"] = time_zone(given["time_zone"])
    if "business_hours" in given:
        try:
            chosen["business_hours"] = str(business_hours.parse(given["business_hours"]))
        except business_hours.HoursInvalid as invalid:
            raise CommandFailed(f"business_hours: {invalid} {UNCHANGED}") from invalid
    if "leads_only" in given:
        chosen["leads_only"] = _yes_or_no("leads_only", given["leads_only"])
    if budget.SETTING in given:
        try:
            chosen[budget.SETTING] = budget.parse(given[budget.SETTING])
        except budget.BudgetInvalid as invalid:
            raise CommandFailed(f"{budget.SETTING}: {invalid}") from invalid
    return chosen


def _yes_or_no(name: str, text: str) -> bool:
    if text.casefold() not in (*YES, *NO):
        raise CommandFailed(f"{name}: Choose one of: yes, no. {UNCHANGED}")
    return text.casefold() in YES


async def _psa_settings(here: Here, known: PsaConnection, wanted: Mapping[str, str]) -> PsaSettings:
    before = _stored(known).to_json()
    chosen: dict[str, Any] = dict(before)
    for name, text in wanted.items():
        if name == "review_before_push":
            chosen[name] = _yes_or_no(name, text)
        elif name == "time_rounding_minutes":
            chosen[name] = int(text) if text.isascii() and text.isdigit() else text
        elif name not in STATUSES:
            chosen[name] = text
    if any(wanted.get(name) for name in STATUSES):
        try:
            async with client_for(here, known) as psa:
                for name in STATUSES:
                    if wanted.get(name):
                        chosen[name] = await _statuses(psa, name, wanted[name], before[name])
        except PsaFailure as failure:
            raise CommandFailed(f"{failure_sentence(failure)} {UNCHANGED}") from failure
    chosen |= {name: {} for name in STATUSES if wanted.get(name) == ""}
    try:
        return parse_settings(chosen)
    except SettingsInvalid as invalid:
        raise CommandFailed(f"{invalid.field}: {invalid.sentence} {UNCHANGED}") from invalid


async def _statuses(psa: Psa, name: str, text: str, before: Mapping[str, int]) -> dict[str, int]:
    """`Board: Status` pairs separated by `;`, as names or numbers. A board's `none` leaves its tickets alone;
    boards that are not named keep what they have, and `none` alone clears them all.
    """
    if text.casefold() == "none":
        return {}
    boards = await psa.boards()
    chosen = dict(before)
    for pair in (part.strip() for part in text.split(";") if part.strip()):
        board, status = _board_of(name, pair, boards)
        if status.casefold() == "none":
            chosen.pop(str(board.id), None)
            continue
        chosen[str(board.id)] = _status_of(name, board, status, await psa.statuses(board.id))
    return chosen


def _board_of(name: str, pair: str, boards: tuple[Board, ...]) -> tuple[Board, str]:
    """Its longest name first: one board may be called like the beginning of another."""
    called = [(each, word) for each in boards for word in (each.name, str(each.id))]
    for board, word in sorted(called, key=lambda known: -len(known[1])):
        rest = pair[len(word) :].lstrip()
        if word and pair.casefold().startswith(word.casefold()) and rest.startswith(":"):
            return board, rest[1:].strip()
    there = ", ".join(board.name for board in boards)
    example = f"{boards[0].name}: STATUS" if boards else "BOARD: STATUS"
    raise CommandFailed(
        f"{name}: “{pair}” names no board. {UNCHANGED} Write it like “{example}”; boards are: {there}."
    )


def _status_of(name: str, board: Board, wanted: str, statuses: tuple[BoardStatus, ...]) -> int:
    for status in statuses:
        if wanted.casefold() == status.name.casefold() or wanted == str(status.id):
            return status.id
    there = ", ".join(status.name for status in statuses)
    raise CommandFailed(
        f"{name}: the board {board.name} has no status “{wanted}”. {UNCHANGED} It has: {there}."
    )


def _stored(known: PsaConnection) -> PsaSettings:
    try:
        return parse_settings(known.settings)
    except SettingsInvalid as invalid:
        raise CommandFailed(
            f"The stored {invalid.field} cannot be read ({invalid.sentence}), so nothing is posted. "
            "Connect again, or restore it in psa_connections.flowpilot_settings."
        ) from invalid


async def _names(here: Here, known: PsaConnection, shown: Mapping[str, Any]) -> Names:
    """The boards and statuses that are set, by their numbers; nothing where ConnectWise cannot be asked."""
    wanted = {int(board) for name in STATUSES for board in shown[name]}
    if not wanted:
        return {}
    try:
        async with client_for(here, known) as psa:
            boards = [board for board in await psa.boards() if board.id in wanted]
            return {
                board.id: (board, {each.id: each.name for each in await psa.statuses(board.id)})
                for board in boards
            }
    except PsaFailure as failure:
        here.screen.warn(f"Boards and statuses are shown by number: {failure.sentence}")
        return {}


def _shown(value: Any, names: Names) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, dict):
        return str(value)
    parts = []
    for board, status in value.items():
        known = names.get(int(board))
        parts.append(f"{known[0].name}: {known[1].get(status, status)}" if known else f"{board}: {status}")
    return "; ".join(parts) or "leave as it is"
