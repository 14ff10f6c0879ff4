"""The practice language model: a strict Messages API on loopback that remembers, refuses and fails like the real one.

Run `python -m demo.model --port 0 --ready-file FILE`, or in a test `async with practice_model() as model`.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path

from aiohttp import web

from demo.model_cache import Usage
from demo.model_control import Control
from demo.model_door import Door
from demo.model_faults import Faults
from demo.model_mind import Mind
from demo.model_refusals import Json
from demo.model_room import Clock, Entry, Room, Settings
from demo.model_script import Scripts

LARGEST_READ = 256 * 1024 * 1024  # so that a body too large is still read, and refused by a sentence
KEY = "practice-key"


class PracticeModel:
    """The whole of it. `url` is its root, known once it listens; `key` is one it takes."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.url = ""
        self.key = KEY
        self.room = Room(settings or Settings())
        self.faults = Faults()
        self.scripts = Scripts()
        self.control = Control(self.room, self.faults, self.scripts)
        self._door = Door(self.room, self.faults, Mind(self.scripts), self.control)

    @property
    def settings(self) -> Settings:
        return self.room.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self.room.settings = settings

    @property
    def clock(self) -> Clock:
        return self.room.clock

    @property
    def journal(self) -> list[Entry]:
        """Every request, oldest first."""
        return list(self.room.journal)

    @property
    def asked(self) -> list[Entry]:
        """The requests for a message alone."""
        return [entry for entry in self.room.journal if entry.path == "/v1/messages"]

    @property
    def totals(self) -> Usage:
        return self.room.totals

    def script(self, *turns: Json, when: str = "", purpose: str = "turn") -> None:
        """The answers of a conversation whose prompt holds `when`, ahead of every earlier script."""
        self.scripts.add(turns, when=when, purpose=purpose)

    def application(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_READ)
        app.router.add_route("*", "/{path:.*}", self._door.answer)
        return app


@asynccontextmanager
async def practice_model(*, port: int = 0, settings: Settings | None = None) -> AsyncIterator[PracticeModel]:
    """Starts the server on 127.0.0.1 (a free port for 0) and stops it at the end."""
    model = PracticeModel(settings)
    runner = web.AppRunner(model.application(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        model.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield model
    finally:
        await runner.cleanup()


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo.model", description="A practice language model on this computer."
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--ready-file", type=Path, help="write the address here when it listens")
    for setting in fields(Settings):
        flag = "--" + setting.name.replace("_", "-")
        if isinstance(setting.default, bool):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=setting.default)
        else:
            parser.add_argument(flag, type=type(setting.default), default=setting.default)
    return parser.parse_args(argv)


def announce(ready_file: Path | None, url: str) -> None:
    """Writes the ready file in one piece, so that a reader never sees half of it, then prints the address."""
    if ready_file is not None:
        fresh = ready_file.with_name(ready_file.name + ".new")
        fresh.write_text(url + "\n", encoding="utf-8")
        fresh.replace(ready_file)
    print(f"The practice model listens on {url}; any key that begins with “practice” is good", flush=True)


async def run(given: argparse.Namespace) -> None:
    """Serves until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    settings = Settings(**{one.name: getattr(given, one.name) for one in fields(Settings)})
    async with practice_model(port=given.port, settings=settings) as model:
        announce(given.ready_file, model.url)
        await stop.wait()


def main() -> None:
    given = arguments(sys.argv[1:])
    try:
        asyncio.run(run(given))
    except (OSError, ValueError) as error:
        raise SystemExit(f"The practice model could not start: {error}") from None


if __name__ == "__main__":
    main()
