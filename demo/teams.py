"""The practice Teams: a login, a connector and people on loopback that remember, refuse and fail like the real ones.

Run `python -m demo.teams --port 0 --app-id A --password P --messages-url URL`, or in a test
`async with practice_teams("app", "secret") as teams`.
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
from typing import Any

from aiohttp import web

from demo.teams_control import Control
from demo.teams_delivery import Delivery
from demo.teams_door import Door
from demo.teams_keys import Keys
from demo.teams_limits import Faults
from demo.teams_refusals import Heard, Json
from demo.teams_world import TENANT, Settings, World, seed

LARGEST_BODY = 30 * 1024 * 1024


class PracticeTeams:
    """The whole of it. `url` is known once it listens (the first request says it, where nobody sets it);
    `messages_url` may be set later.
    """

    def __init__(
        self,
        app_id: str,
        password: str,
        tenant: str = TENANT,
        messages_url: str = "",
        *,
        clock: Callable[[], float] = time.time,
        settings: Settings | None = None,
    ) -> None:
        self.world = World(app_id, password, tenant, clock, settings=settings or Settings())
        seed(self.world)
        self.keys = Keys(self.world)
        self.delivery = Delivery(self.world, self.keys, messages_url)
        self.faults = Faults()
        self.control = Control(self.world, self.delivery, self.faults, self.keys)
        self._door = Door(self.world, self.faults, self.keys, self.control)

    @property
    def url(self) -> str:
        return self.world.base

    @url.setter
    def url(self, url: str) -> None:
        self.world.base = url.rstrip("/")

    @property
    def login_url(self) -> str:
        """What the app calls instead of https://login.microsoftonline.com."""
        return f"{self.url}/login"

    @property
    def openid_url(self) -> str:
        return f"{self.url}/openid/.well-known/openidconfiguration"

    @property
    def service_url(self) -> str:
        return self.world.service_url

    @property
    def messages_url(self) -> str:
        return self.delivery.url

    @messages_url.setter
    def messages_url(self, url: str) -> None:
        self.delivery.url = url

    @property
    def settings(self) -> Settings:
        return self.world.settings

    def application(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._door.answer)
        app.on_shutdown.append(self._stop)
        return app

    async def _stop(self, _: web.Application) -> None:
        await self.delivery.close()

    def token(self, **changes: Any) -> str:
        """A token as Teams signs it, or a forged one: see teams_keys.Keys.token."""
        return self.keys.token(**changes)

    def sign(self, activity: Json, **changes: Any) -> dict[str, str]:
        """The headers of a request with this activity."""
        return self.delivery.signed(activity, **changes)

    async def send(self, activity: Json, **changes: Any) -> Heard:
        """Posts an activity to the app as it is."""
        return await self.delivery.send(activity, **changes)

    async def act(self, aad: str, verb: str, **sent: object) -> Json:
        """What POST /_practice/people/<aad>/<verb> does; raises teams_refusals.Impossible."""
        return await self.control.people.act(aad, verb, dict(sent))

    async def install(self, **sent: Any) -> Json:
        return await self.control.install(**sent)

    def conversation(self, wire: str, viewer: str = "") -> Json:
        return self.control.conversation(wire, viewer)

    def personal(self, aad: str) -> Json:
        """The chat of a person with the bot, as he sees it."""
        return self.control.conversation(self.world.personal(self.world.person(aad)).id, aad)

    def journal(self, **chosen: str) -> list[Json]:
        return self.control.journal(chosen)


@asynccontextmanager
async def practice_teams(
    app_id: str,
    password: str,
    tenant: str = TENANT,
    messages_url: str = "",
    *,
    port: int = 0,
    clock: Callable[[], float] = time.time,
    settings: Settings | None = None,
) -> AsyncIterator[PracticeTeams]:
    """Starts the server on 127.0.0.1 (a free port for 0) and stops it at the end."""
    teams = PracticeTeams(app_id, password, tenant, messages_url, clock=clock, settings=settings)
    runner = web.AppRunner(teams.application(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        teams.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield teams
    finally:
        await runner.cleanup()


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo.teams", description="A practice Teams on this computer."
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--app-id", required=True, help="the bot's app id")
    parser.add_argument("--password", required=True, help="the secret the bot logs in with")
    parser.add_argument("--tenant", default=TENANT, help="the tenant of app and people")
    parser.add_argument("--messages-url", default="", help="the app's /api/messages")
    parser.add_argument("--ready-file", type=Path, help="write the address here when it listens")
    return parser.parse_args(argv)


def announce(ready_file: Path | None, url: str) -> None:
    """Prints the address and writes the ready file in one piece, so that a reader never sees half of it."""
    print(f"The practice Teams listens on {url}", flush=True)
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
    served = practice_teams(given.app_id, given.password, given.tenant, given.messages_url, port=given.port)
    async with served as teams:
        announce(given.ready_file, teams.url)
        await stop.wait()


def main() -> None:
    given = arguments(sys.argv[1:])
    try:
        asyncio.run(run(given))
    except OSError as error:
        raise SystemExit(f"The practice Teams could not start: {error}") from None


if __name__ == "__main__":
    main()
