"""The practice Slack: a server on loopback that remembers, refuses and fails like the real one.

Run `python -m demo.slack --port 0 --signing-secret S --events-url URL`, or in a test
`async with practice_slack("secret") as slack`.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from demo.slack_control import Control
from demo.slack_delivery import Delivery
from demo.slack_door import Door
from demo.slack_limits import Faults
from demo.slack_refusals import Json
from demo.slack_socket import Sockets
from demo.slack_world import Settings, World, seed

LARGEST_BODY = 30 * 1024 * 1024


class PracticeSlack:
    """The whole of it. `url` is known once it listens; `events_url` may be set later."""

    def __init__(
        self,
        signing_secret: str,
        events_url: str = "",
        *,
        clock: Callable[[], float] = time.time,
        settings: Settings | None = None,
    ) -> None:
        self.signing_secret = signing_secret
        self.world = World(clock, settings=settings or Settings())
        seed(self.world)
        self.delivery = Delivery(self.world, signing_secret, events_url)
        self.faults = Faults()
        self.sockets = Sockets(self.world, self.delivery)
        self.control = Control(self.world, self.delivery, self.faults, self.sockets)
        self._door = Door(self.world, self.delivery, self.faults, self.control, self.sockets)

    @property
    def url(self) -> str:
        return self.world.base

    @property
    def api_url(self) -> str:
        """What the app calls instead of https://slack.com/api/."""
        return f"{self.url}/api/"

    @property
    def events_url(self) -> str:
        return self.delivery.events_url

    @events_url.setter
    def events_url(self, url: str) -> None:
        self.delivery.events_url = url

    @property
    def settings(self) -> Settings:
        return self.world.settings

    def application(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._door.answer)
        app.on_shutdown.append(self._stop)
        return app

    async def _stop(self, _: web.Application) -> None:
        await self.sockets.disconnect("link_disabled")
        await self.delivery.close()

    async def act(self, user: str, verb: str, **sent: object) -> Json:
        """What POST /_practice/people/<user>/<verb> does; raises slack_refusals.Impossible."""
        return await self.control.people.act(user, verb, dict(sent))

    async def idle(self) -> None:
        """Until nothing is on its way to the app, retries included."""
        await self.delivery.idle()

    def channel(self, name: str) -> Json:
        return self.control.channel(name)

    def dm(self, user: str) -> Json:
        """The conversation of a person with the bot, as `channel` shows it."""
        return self.channel(self.world.dm(self.world.teams[self.world.people[user].team], user).id)

    def ephemerals(self, user: str) -> list[Json]:
        return self.world.ephemerals.get(user, [])

    def views(self, user: str) -> list[Json]:
        return self.control.views(user)

    def home(self, user: str) -> Json:
        return self.world.homes.get(user, {})

    def journal(self, **chosen: str) -> list[Json]:
        return self.control.journal(chosen)


@asynccontextmanager
async def practice_slack(
    signing_secret: str,
    events_url: str = "",
    *,
    port: int = 0,
    clock: Callable[[], float] = time.time,
    settings: Settings | None = None,
) -> AsyncIterator[PracticeSlack]:
    """Starts the server on 127.0.0.1 (a free port for 0) and stops it at the end."""
    slack = PracticeSlack(signing_secret, events_url, clock=clock, settings=settings)
    runner = web.AppRunner(slack.application(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        slack.world.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield slack
    finally:
        await runner.cleanup()


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo.slack", description="A practice Slack on this computer."
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--signing-secret", required=True, help="what the app checks signatures with")
    parser.add_argument("--events-url", default="", help="the app's /slack/events; none with Socket Mode")
    parser.add_argument("--ready-file", type=Path, help="write the address here when it listens")
    return parser.parse_args(argv)


def announce(ready_file: Path | None, url: str) -> None:
    """Prints the address and writes the ready file in one piece, so that a reader never sees half of it."""
    print(f"The practice Slack listens on {url}", flush=True)
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
    async with practice_slack(given.signing_secret, given.events_url, port=given.port) as slack:
        announce(given.ready_file, slack.url)
        await stop.wait()


def main() -> None:
    given = arguments(sys.argv[1:])
    try:
        asyncio.run(run(given))
    except OSError as error:
        raise SystemExit(f"The practice Slack could not start: {error}") from None


if __name__ == "__main__":
    main()
