"""`./dev playground`: the practice desk with Teams switched on, and Microsoft's own Teams-like client in front of it."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp

from bot import practice, practice_model
from bot.demo import Progress
from bot.practice import CLONE, Desk, PracticeError
from bot.practice_memory import free_port
from bot.settings import environment

FOLDER = CLONE / ".data" / "playground"
SOURCE = CLONE / "demo" / "playground"
PACKAGE = Path("node_modules", "@microsoft", "m365agentsplayground")
INSTALL_SECONDS = 300.0
READY_SECONDS = 60.0
STOP_SECONDS = 3.0
TEAMS_ON = {"TEAMS_DEV_NO_AUTH": "1"}

READY = """\
Teams (Microsoft's Agents Playground): {url}   open it in a browser
  You are Anna there. In FlowPilot's chat say what is wrong; in the team Practice MSP write @FlowPilot first.
ConnectWise (practice): {psa}   the tickets, and what was written to them
Ben and Carla join from a terminal: ./dev demo --as carla --data {data}
Ctrl-C ends it; what was done is kept."""


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev playground",
        description="FlowPilot in Microsoft's Agents Playground, on this computer alone; needs Node 20 or newer.",
    )
    parser.add_argument("--data", type=Path, default=FOLDER, metavar="DIR", help="where it keeps its data")
    parser.add_argument(
        "--port", type=int, default=0, help="the playground's port; a free one if none is given"
    )
    parser.add_argument("--model", choices=practice_model.MODELS, help="who guides beside the flows")
    parser.add_argument("--fresh", action="store_true", help="delete the practice desk and make a new one")
    return parser.parse_args(given)


# ── Microsoft's client ──────────────────────────────────────────────────────────────────────────────────────


async def installed(folder: Path, say: Progress) -> Path:
    """Its folder, installed by npm at first use exactly as the lock beside people.yml has it. Raises PracticeError."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise PracticeError("The playground needs Node 20 or newer with npm. Install it, then try again.")
    home = folder / "node"
    home.mkdir(parents=True, exist_ok=True)
    lock = (SOURCE / "package-lock.json").read_bytes()
    stamp = home / "installed-lock.json"
    if stamp.exists() and stamp.read_bytes() == lock and (home / PACKAGE).is_dir():
        return home
    say("Fetching the playground with npm")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SOURCE / name, home / name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    log = home / "npm.log"
    with log.open("wb") as words:
        npm = await asyncio.create_subprocess_exec(
            *command, cwd=home, stdin=asyncio.subprocess.DEVNULL, stdout=words, stderr=words
        )
        try:
            async with asyncio.timeout(INSTALL_SECONDS):
                status = await npm.wait()
        except TimeoutError:
            npm.kill()
            status = await npm.wait()
    if status:
        raise PracticeError(f"npm could not fetch the playground. Look at {log}, then try again.")
    stamp.write_bytes(lock)
    return home


async def start(home: Path, port: int, bot_url: str) -> asyncio.subprocess.Process:
    """The client, on loopback, without telemetry; it ends with this process, whose end closes its input."""
    settings = {
        "M365_AGENTS_PLAYGROUND_CONFIG_PATH": str(SOURCE / "people.yml"),
        "TEAMSAPPTESTER_BROWSER": "none",
        "DEFAULT_CHANNEL_ID": "msteams",
        "SEND_INSTALLATION_ACTIVITY": "true",
        "NODE_OPTIONS": f"--require {SOURCE / 'loopback.cjs'}",
    }
    here = f"http://127.0.0.1:{port}"
    command = ["node", str(home / PACKAGE / "cli.js"), "start", "-e", f"{bot_url}/api/messages"]
    command += [
        "-c",
        "msteams",
        "-p",
        str(port),
        "--service-url",
        f"{here}/_connector",
        "--disable-telemetry",
    ]
    with (home / "playground.log").open("ab") as words:
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=home,
            env={**environment(), **settings},
            stdin=asyncio.subprocess.PIPE,
            stdout=words,
            stderr=words,
            start_new_session=True,
        )


async def answers(client: asyncio.subprocess.Process, url: str, log: Path) -> None:
    """Return once it answers. Raises PracticeError."""
    until = asyncio.get_running_loop().time() + READY_SECONDS
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
        while client.returncode is None and asyncio.get_running_loop().time() < until:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(f"{url}/") as reply:
                    if reply.status == 200:
                        return
            await asyncio.sleep(0.1)
    raise PracticeError(f"The playground does not answer. Look at {log}.")


async def end(client: asyncio.subprocess.Process) -> None:
    """It leaves when its input ends; what does not is ended."""
    if client.stdin is not None:
        client.stdin.close()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await client.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(client.pid, signal.SIGKILL)
        await client.wait()


# ── The command ─────────────────────────────────────────────────────────────────────────────────────────────


async def play(given: argparse.Namespace) -> int:
    """Both, until Ctrl-C or until one of them is gone."""
    folder: Path = given.data.resolve()
    if given.fresh:
        practice.start_afresh(folder)
    progress = Progress()
    home = await installed(folder, progress)
    port = free_port(given.port)
    progress("Starting the practice desk")
    model = practice_model.chosen(given.model, environment())
    host = None if practice.is_running(folder) else practice.spawn(folder, settings=TEAMS_ON, model=model)
    line = await practice.attach(folder, progress, host, model)
    progress("Starting the playground")
    client = await start(home, port, line.desk.url)
    url = f"http://127.0.0.1:{port}"
    try:
        await answers(client, url, home / "playground.log")
        progress.done()
        print(welcome(line.desk, url, folder), flush=True)
        await _until_over(client, line.gone())
    finally:
        await end(client)
        line.close()
    return 0


def welcome(desk: Desk, url: str, folder: Path) -> str:
    return READY.format(url=url, psa=desk.psa, data=folder)


async def _until_over(client: asyncio.subprocess.Process, desk_gone: Coroutine[Any, Any, None]) -> None:
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    over: tuple[Coroutine[Any, Any, Any], ...] = (asked.wait(), client.wait(), desk_gone)
    waits = [asyncio.create_task(each) for each in over]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for each in waits:
        each.cancel()


def main(given: list[str]) -> int:
    try:
        return asyncio.run(play(arguments(given)))
    except PracticeError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
