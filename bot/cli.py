"""`flowpilot`: finds the command, runs it, and turns every failure into a sentence and an exit status."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.cli_failures import sentence_for
from bot.cli_parser import parser
from bot.cli_screen import CommandFailed, Here, Screen
from bot.settings import SettingWrong, read_each, strangers
from bot.trouble import LoggedTrouble

COULD_NOT_BEGIN = 2
INTERRUPTED = 130


def main(
    arguments: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
    screen: Screen | None = None,
) -> int:
    """0 when it worked, 1 when it did not or found something wrong, 2 when it could not begin."""
    words = parser()
    given = words.parse_args(arguments)
    shown = screen or Screen()
    if not hasattr(given, "carried_out_by"):
        words.print_help(shown.out)
        return 0
    try:
        return _run(given, environment, shown)
    except CommandFailed as failed:
        shown.warn(str(failed))
        return failed.status
    except KeyboardInterrupt:
        shown.warn("Stopped. What was not reported as done was not changed.")
        return INTERRUPTED
    except BrokenPipeError:  # the reader has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as failure:  # noqa: BLE001 - the edge of the process: a person gets a sentence, never a trace
        shown.warn(sentence_for(failure) or _unexpected(failure))
        return COULD_NOT_BEGIN


def _run(given: Any, environment: Mapping[str, str] | None, screen: Screen) -> int:
    settings, unreadable = read_each(environment)
    if unreadable and given.carried_out_by != "bot.cli_doctor:doctor":
        raise SettingWrong(next(iter(unreadable.values())))
    command = function(given.carried_out_by)
    outcome = command(Here(settings, screen, given, unreadable, strangers(environment)))
    status: int = asyncio.run(outcome) if inspect.iscoroutine(outcome) else outcome
    return status


def function(named: str) -> Callable[[Here], Any]:
    """`module:name` of a command; loaded only when it is asked for, so that small commands start fast."""
    module, _, name = named.partition(":")
    found: Callable[[Here], Any] = getattr(importlib.import_module(module), name)
    return found


def _unexpected(failure: BaseException) -> str:
    logging.basicConfig(format="%(levelname)s %(name)s %(message)s")
    error_id = LoggedTrouble().note("flowpilot", failure)
    return (
        f"Something happened that FlowPilot does not expect. The line with {error_id} says where in the code."
    )


if __name__ == "__main__":
    sys.exit(main())
