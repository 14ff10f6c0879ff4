"""The practice ConnectWise: an HTTP server on loopback that remembers, refuses and fails like the real one.

Run `python -m demo.psa --port 0 --state FILE --ready-file FILE`, or in a test
`async with practice_psa() as psa`.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from demo.psa_control import Control
from demo.psa_door import Door
from demo.psa_faults import Faults
from demo.psa_room import Room, Settings
from demo.psa_state import State
from demo.psa_world import seed

LARGEST_BODY = 30 * 1024 * 1024


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class PracticePsa:
    """A running practice ConnectWise. `url` is its root; `api_url` ends with a slash."""

    url: str
    room: Room
    faults: Faults
    control: Control

    @property
    def api_url(self) -> str:
        return f"{self.url}/v4_6_release/apis/3.0/"

    @property
    def settings(self) -> Settings:
        return self.room.settings

    def records(self, kind: str, ticket: int | None = None) -> list[dict[str, Any]]:
        """`kind` as in /_practice/state: tickets, notes, timeEntries, emails …"""
        rows: list[dict[str, Any]] = self.control.state({"ticket": str(ticket or "")})[kind]
        return rows

    def journal(self, method: str = "", path: str = "") -> list[dict[str, Any]]:
        return self.control.journal({"method": method, "path": path})


@asynccontextmanager
async def practice_psa(
    *,
    port: int = 0,
    state_file: Path | None = None,
    settings: Settings | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> AsyncIterator[PracticePsa]:
    """Starts the server on 127.0.0.1 (a free port for 0) and stops it at the end."""
    state = State(state_file)
    room = Room(state, settings or Settings(), clock)
    faults = Faults()

    def start_again() -> None:
        state.restart(seed(clock()))

    if state.empty:
        start_again()
    else:
        state.compact()
    control = Control(room, faults, start_again)
    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_route("*", "/{path:.*}", Door(room, faults, control).answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        yield PracticePsa(f"http://127.0.0.1:{runner.addresses[0][1]}", room, faults, control)
    finally:
        await runner.cleanup()
        state.close()


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo.psa", description="A practice ConnectWise on this computer."
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--state", type=Path, help="keep everything in this file across restarts")
    parser.add_argument("--ready-file", type=Path, help="write the address here when it listens")
    for setting in fields(Settings):
        flag = "--" + setting.name.replace("_", "-")
        if isinstance(setting.default, bool):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=setting.default)
        else:
            parser.add_argument(flag, type=type(setting.default), default=setting.default)
    return parser.parse_args(argv)


def announce(ready_file: Path | None, url: str) -> None:
    """Prints the address and writes the ready file in one piece, so that a reader never sees half of it."""
    print(f"The practice ConnectWise listens on {url}", flush=True)
    if ready_file is not None:
        fresh = ready_file.with_name(ready_file.name + ".new")
        fresh.write_text(url + "\n", encoding="utf-8")
        fresh.replace(ready_file)


async def run(given: argparse.Namespace) -> None:
    """Serves until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    settings = Settings(**{one.name: getattr(given, one.name) for one in fields(Settings)})
    async with practice_psa(port=given.port, state_file=given.state, settings=settings) as psa:
        announce(given.ready_file, psa.url)
        await stop.wait()


def main() -> None:
    given = arguments(sys.argv[1:])
    try:
        asyncio.run(run(given))
    except (OSError, ValueError) as error:
        raise SystemExit(f"The practice ConnectWise could not start: {error}") from None


if __name__ == "__main__":
    main()
