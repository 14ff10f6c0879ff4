"""The playground as the real command starts it, and Anna at its page in a headless Chromium."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from playwright.sync_api import Error, Locator, Page, Playwright, Request, sync_playwright
from playwright.sync_api import TimeoutError as TooLate

from bot.playground import PACKAGE
from bot.practice_teams import TENANT
from tests.journeys.desk import CLONE, DeskFolder, desk_folder, is_alive, until

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NEWEST_TOO_OLD = 19
READY_SECONDS = 180
STEP_SECONDS = 20
ANSWER = "Your answer in words"
CARLA = {"id": "29:carla", "name": "Carla Mendes", "aadObjectId": "a0000000-0000-4000-8000-000000000013"}
BOT = {"id": "28:flowpilot-playground", "name": "FlowPilot"}
_UNREACHED = re.compile(
    r"E(?:NOTFOUND|AI_AGAIN|CONNREFUSED|CONNRESET|TIMEDOUT|NETUNREACH|HOSTUNREACH|404)\b|network"
)


class AbsentError(Exception):
    """What this computer does not have; the sentence names it."""


def browser() -> str:
    """Its path. Raises AbsentError."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    raise AbsentError(f"There is no Chromium: none of {', '.join(BROWSERS)} is on the PATH.")


def node() -> None:
    """Raises AbsentError."""
    for name in ("node", "npm"):
        if shutil.which(name) is None:
            raise AbsentError(f"There is no {name} on the PATH.")
    told = subprocess.run(
        ["node", "--version"], capture_output=True, text=True, check=True, timeout=20
    ).stdout
    if int(told.strip().removeprefix("v").split(".")[0]) <= NEWEST_TOO_OLD:
        raise AbsentError(f"Node {told.strip()} is older than the playground needs.")


class PlaygroundProcess:
    """`python -m bot.playground`, with a log as its screen."""

    def __init__(self, desk: DeskFolder, log: Path) -> None:
        self.desk, self._log, self.url = desk, log, ""
        with log.open("wb") as screen:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bot.playground", "--data", str(desk.folder)],
                cwd=CLONE,
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=screen,
            )

    def ready(self) -> str:
        """Its address. Raises AbsentError where npm does not reach its registry."""
        until(lambda: "Ctrl-C" in self._said() or self._process.poll() is not None)
        said = self._said()
        npm = self.desk.folder / "node" / "npm.log"
        if "npm could not fetch" in said and _UNREACHED.search(npm.read_text(errors="replace")):
            raise AbsentError("npm does not reach its registry, which has the playground.")
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert self._process.poll() is None and found, f"it did not start:\n{said}"
        self.url = found.group()
        return self.url

    def _said(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def client(self) -> int:
        """The process id of Microsoft's client."""
        found = [pid for pid in self.desk._children_of(self._process.pid) if self._is_client(pid)]
        assert len(found) == 1, f"its clients are {found}"
        return found[0]

    @staticmethod
    def _is_client(pid: int) -> bool:
        told = subprocess.run(
            ["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return PACKAGE.name in told.stdout

    def ends(self, number: signal.Signals) -> int:
        """Its status, once its client is gone as well."""
        client = self.client
        self._process.send_signal(number)
        status = self._process.wait(STEP_SECONDS)
        until(lambda: not is_alive(client))
        return status

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STEP_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(STEP_SECONDS)


class Anna:
    """What she does on the page, found by what she reads there. Every wait is bounded by Playwright."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self._url = page, url
        page.set_default_timeout(STEP_SECONDS * 1000)
        page.goto(url)
        page.get_by_role("button", name="Hide log panel").click()

    def goes_to(self, place: str) -> None:
        """The "Personal Chat", or a channel of the team."""
        self.page.get_by_role("treeitem", name=place).click()

    def writes(self, words: str) -> None:
        """In the chat that is open."""
        self.page.get_by_role("textbox").last.click()
        self.page.keyboard.insert_text(words)
        self.page.keyboard.press("Enter")

    def mentions(self, words: str) -> None:
        """FlowPilot, in a new post of the channel that is open."""
        self.page.get_by_role("textbox").first.click()
        self.page.keyboard.type("@Flow")
        self.page.get_by_role("listbox").get_by_text("FlowPilot").first.click()
        self.page.keyboard.insert_text(f" {words}")
        self.page.get_by_role("button", name="Post", exact=True).click()

    def card(self, *texts: str) -> Locator:
        """The newest one that shows all of them."""
        found = self.page.locator(".ac-adaptiveCard")
        for text in texts:
            found = found.filter(has_text=text)
        return found.last

    def step(self, number: int) -> Locator:
        return self.card(f"Step {number} ·", ANSWER)

    def press(self, card: Locator, title: str) -> None:
        card.get_by_role("button", name=title, exact=True).click()

    def unfolds(self, card: Locator, title: str) -> None:
        """A form inside the card. A card that is drawn anew loses a press, so a press that did nothing is repeated."""
        button = card.get_by_role("button", name=title, exact=True).first
        opened = card.get_by_role("button", name=title, exact=True, expanded=True)
        for _ in range(STEP_SECONDS):
            button.click()
            with suppress(TooLate):
                opened.wait_for(timeout=1000)
                return
        raise AssertionError(f"{title} does not unfold")

    def submits(self, card: Locator, title: str) -> dict[str, Any]:
        """Press the submit of the form that is unfolded; what the page sends for it."""

        def is_press(request: Request) -> bool:
            return request.url.endswith("/invoke")

        with self.page.expect_request(is_press) as sent:
            card.get_by_role("button", name=title, exact=True).last.click()
        return dict(sent.value.post_data_json or {})

    def let_carla_press(self, given: dict[str, Any]) -> None:
        """The same press by Carla, through the playground's own way for activities of one's own."""
        channel = str(given["conversation"]["id"]).partition(";")[0]
        activity = {
            "type": "invoke",
            "id": str(uuid4()),
            "name": given["name"],
            "value": given["value"],
            "replyToId": given["replyToId"],
            "from": CARLA,
            "recipient": BOT,
            "conversation": {
                "id": given["conversation"]["id"],
                "conversationType": "channel",
                "isGroup": True,
                "tenantId": TENANT,
            },
            "channelId": "msteams",
            "channelData": {
                "tenant": {"id": TENANT}, "team": {"id": "team-practice"}, "channel": {"id": channel},
            },
            "serviceUrl": f"{self._url}/_connector",
        }  # fmt: skip
        self.page.request.post(f"{self._url}/_internal/v1/customActivities", data=activity)


@contextmanager
def chromium(playwright: Playwright, width: int = 1280, height: int = 1600) -> Iterator[Page]:
    opened = playwright.chromium.launch(executable_path=browser(), args=["--no-sandbox", "--disable-gpu"])
    try:
        yield opened.new_page(viewport={"width": width, "height": height})
    finally:
        with suppress(Error):
            opened.close()


@contextmanager
def playground(folder: Path) -> Iterator[tuple[PlaygroundProcess, Anna]]:
    """Both ready. The browser starts while the desk does. Raises AbsentError for what is not on this computer."""
    node()
    browser()
    with desk_folder(folder / "desk") as desk:
        started = PlaygroundProcess(desk, folder / "playground.log")
        try:
            with sync_playwright() as playwright, chromium(playwright) as page:
                yield started, Anna(page, started.ready())
        finally:
            started.close()
