"""`./dev demo`: the practice desk in a terminal, or a case played without a person."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bot import practice, practice_model
from bot.practice import FOLDER, PEOPLE, Desk, Line, PracticeError
from bot.settings import environment

if TYPE_CHECKING:
    from bot.console import Console
    from bot.console_wire import Wire

WELCOME = """\
Hello {name}. {leaves}
Say what is wrong, as you would to a colleague. For example:
  Outlook keeps asking for a password since this morning
  #4711
  file demo/logs/print_spooler.log
ConnectWise (practice): {psa}   in a browser: the tickets, and what was written to them
A second person: ./dev demo --as {other}{data}   in another terminal, to pick up what you escalate
help shows more; quit or Ctrl-D leaves."""


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev demo", description="Try FlowPilot here, with a practice ConnectWise and no accounts."
    )
    parser.add_argument(
        "--as",
        dest="who",
        choices=PEOPLE,
        default="anna",
        help="who you are: anna and ben are technicians, carla leads",
    )
    parser.add_argument("--intake", metavar="FILE", help="begin by sending this file")
    parser.add_argument("--fresh", action="store_true", help="delete the practice desk and make a new one")
    parser.add_argument("--data", type=Path, default=FOLDER, metavar="DIR", help="where it keeps its data")
    parser.add_argument("--play", type=Path, metavar="CASE", help="play a case without a person, then end")
    parser.add_argument("--json", action="store_true", help="with --play: the result as one JSON object")
    parser.add_argument(
        "--model",
        choices=practice_model.MODELS,
        help="who guides beside the flows: nobody, a scripted model on this computer, or Claude "
        "(which is asked without this option too where ANTHROPIC_API_KEY is set, except by --play)",
    )
    chosen = parser.parse_args(given)
    if chosen.json and chosen.play is None:
        parser.error("--json belongs to --play")
    return chosen


class Progress:
    """One line that says what is being started, gone when it is done; plain lines where nothing can be redrawn."""

    def __init__(self) -> None:
        self._redraws = sys.stdout.isatty()
        self._began = time.monotonic()

    def __call__(self, text: str) -> None:
        if self._redraws:
            print(f"\r\033[K{text} …", end="", flush=True)
        else:
            print(f"{text} …", file=sys.stderr, flush=True)

    def done(self) -> None:
        if self._redraws:
            print("\r\033[K", end="", flush=True)


async def desk(given: argparse.Namespace) -> int:
    """Attach a console, for as long as the person stays."""
    folder: Path = given.data.resolve()
    if given.fresh:
        practice.start_afresh(folder)
    model = practice_model.chosen(given.model, environment())
    # The host starts while this process still imports what draws.
    host = None if practice.is_running(folder) else practice.spawn(folder, model=model)
    progress = Progress()
    progress("Starting the practice desk")
    from bot.console import Console, run_console  # noqa: PLC0415 - see above
    from bot.console_wire import Wire  # noqa: PLC0415 - see above

    line = await practice.attach(folder, progress, host, model)
    progress.done()
    async with Wire(line.desk.url, line.desk.tokens[given.who]) as wire:
        console = Console(
            wire,
            welcome=lambda name: welcome(name, given.who, line.desk, folder, given.model),
            unsent=folder / f"unsent-{given.who}.json",
            intake=given.intake or "",
        )
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, console.close)
        holding = Holding(folder, line, wire)
        try:
            await run_console(console, holding.hold)
        finally:
            holding.close()
    return 0


def welcome(name: str, who: str, desk: Desk, folder: Path = FOLDER, wanted: str | None = None) -> str:
    """The first screen. A second person needs `--data` too where the desk does not live in its usual folder; a desk
    that runs keeps its model, whichever one is `wanted`.
    """
    other = "ben" if who != "ben" else "anna"
    data = "" if folder == FOLDER else f" --data {shlex.quote(str(folder))}"
    first = name.split(" ", maxsplit=1)[0] or who
    screen = WELCOME.format(
        name=first, leaves=practice_model.LEAVES[desk.model], psa=desk.psa, other=other, data=data
    )
    return "\n".join(part for part in (screen, practice_model.kept(wanted, desk.model)) if part)


class Holding:
    """Holds the line to the host; when the host dies, starts another one and attaches anew."""

    def __init__(self, folder: Path, line: Line, wire: Wire) -> None:
        self._folder = folder
        self._line = line
        self._wire = wire

    async def hold(self, console: Console) -> None:
        while True:
            await self._line.gone()
            console.say("The practice desk stopped. Starting it again; nothing is lost.", "yellow")
            before = self._line.desk.model
            try:
                self._line = await practice.attach(self._folder, model=before)
            except PracticeError as error:
                console.say(str(error), "yellow")
                console.close()
                return
            self._wire.url = self._line.desk.url
            console.say("The practice desk is back.", "dim")
            if self._line.desk.model != before:
                console.say(practice_model.changed(self._line.desk.model), "yellow")

    def close(self) -> None:
        self._line.close()


def main(given: list[str]) -> int:
    chosen = arguments(given)
    if chosen.model == practice_model.CLAUDE and not environment().get(practice_model.KEY):
        print(practice_model.NO_KEY, file=sys.stderr)
        return 1
    try:
        if chosen.play is not None:
            from bot.play import play  # noqa: PLC0415 - only one of the two is needed

            # Played without a person: nobody would see what it costs.
            model = chosen.model or practice_model.OFF
            return asyncio.run(play(chosen.play, as_json=chosen.json, model=model))
        return asyncio.run(desk(chosen))
    except PracticeError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
