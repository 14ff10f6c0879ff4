"""`./dev python -m bench.pictures`: draws the pictures of docs/slack.md from the real blocks; with `teams`, those of docs/teams.md."""

from __future__ import annotations

import asyncio
import importlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bench.pictures_story import NOW, told
from bot.card import Card
from bot.slack import blocks, home, modals
from demo.slack import PracticeSlack, practice_slack

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "slack"
LARGEST = 150_000
"""Bytes of one picture, so that the page opens quickly."""
SCALE = 0.8
"""Of the pictures: small enough for their bytes, large enough to read."""
SECONDS = 60
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_TOKEN = "xoxb-practice"  # noqa: S105 - the practice Slack's, which anybody may know
_BARE = "nav{display:none}"
_THREAD = f"{_BARE}main{{display:none}}aside{{flex:1;width:auto;border:0}}"
_WINDOW = f"{_BARE}.dim{{padding:1rem}}"


@dataclass(frozen=True, slots=True)
class Picture:
    """`page` is the practice Slack's; `style` leaves out what is not the subject. Size in pixels."""

    name: str
    page: str
    style: str
    width: int
    height: int


class Drawing:
    """Shows cards in the practice Slack through its Web API, which refuses what Slack refuses."""

    def __init__(self, slack: PracticeSlack, client: aiohttp.ClientSession) -> None:
        self._slack = slack
        self._client = client

    async def call(self, method: str, **args: object) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {_TOKEN}"}
        async with self._client.post(f"{self._slack.api_url}{method}", json=args, headers=headers) as reply:
            said: dict[str, Any] = await reply.json()
        if not said.get("ok"):
            raise SystemExit(f"The practice Slack refuses {method}: {said}")
        return said

    async def post(self, channel: str, card: Card, thread: str = "") -> str:
        drawn = blocks.message(card) | ({"thread_ts": thread} if thread else {})
        return str((await self.call("chat.postMessage", channel=channel, **drawn))["ts"])

    async def window(self, user: str, card: Card) -> None:
        trigger = self._slack.world.trigger("T0PRACTICE", user)
        await self.call("views.open", trigger_id=trigger, view=modals.view(card))

    async def page(self, address: str) -> str:
        async with self._client.get(f"{self._slack.url}/_practice/page/{address}") as reply:
            reply.raise_for_status()
            return await reply.text()


async def shown(drawing: Drawing) -> tuple[Picture, ...]:
    """Everything posted, opened and published; which page shows what."""
    story = told()
    root = await drawing.post("C0HELP", story.root)
    for line in story.lines:
        await drawing.post("C0HELP", line, root)
    await drawing.post("C0HELP", story.step, root)
    await drawing.post("C0ESC", story.escalation)
    for user, card in (("U0BEN", story.escalate), ("U0ANNA", story.resolve), ("U0CARLA", story.pick_up)):
        await drawing.window(user, card)
    await drawing.call("views.publish", user_id="U0BEN", view=home.view(story.home))
    return (
        Picture("thread", f"thread/C0HELP/{root}", _THREAD, 640, 1640),
        Picture("escalation", "channel/C0ESC", _BARE, 760, 560),
        Picture("resolve", "view/U0ANNA", _WINDOW, 600, 1960),
        Picture("escalate", "view/U0BEN", _WINDOW, 600, 1820),
        Picture("pick-up", "view/U0CARLA", _WINDOW, 600, 680),
        Picture("home", "home/U0BEN", _BARE, 820, 1200),
    )


def browser() -> str:
    """SystemExit with what to do where there is none."""
    for name in _BROWSERS:
        if found := shutil.which(name):
            return found
    raise SystemExit(
        f"The pictures need Chromium, and none of {', '.join(_BROWSERS)} is on the PATH. "
        "Nothing was drawn; install it and run this again."
    )


def photographed(chromium: str, html: str, picture: Picture) -> bytes:
    """One page as PNG. The page is a file, so that nothing of it depends on an address."""
    with tempfile.TemporaryDirectory() as folder:
        page, image = Path(folder) / "page.html", Path(folder) / "page.png"
        page.write_text(html.replace("</head>", f"<style>{picture.style}</style></head>"), encoding="utf-8")
        command = [
            chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            f"--user-data-dir={folder}/profile", f"--force-device-scale-factor={SCALE}",
            f"--window-size={picture.width},{picture.height}",
            f"--screenshot={image}", page.as_uri(),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
        return image.read_bytes()


async def pages() -> Mapping[Picture, str]:
    """The HTML of each picture. The practice Slack's clock stands still, so every run shows the same times."""
    async with (
        practice_slack("not a secret", clock=NOW.timestamp) as slack,
        aiohttp.ClientSession() as client,
    ):
        slack.settings.own_events = False
        drawing = Drawing(slack, client)
        return {picture: await drawing.page(picture.page) for picture in await shown(drawing)}


def main(given: Sequence[str] = ()) -> int:
    chromium = browser()
    if list(given) == ["teams"]:
        importlib.import_module("bench.pictures_teams").draw()
        return 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for picture, html in asyncio.run(pages()).items():
        drawn = photographed(chromium, html, picture)
        if len(drawn) > LARGEST:
            raise SystemExit(f"{picture.name}.png has {len(drawn):,} bytes, more than {LARGEST:,}.")
        (FOLDER / f"{picture.name}.png").write_bytes(drawn)
        sys.stdout.write(f"docs/slack/{picture.name}.png, {len(drawn) // 1000} kB\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
