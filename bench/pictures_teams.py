"""Draws the pictures of docs/teams.md: the real bot in Microsoft's Agents Playground, as a browser shows it."""

from __future__ import annotations

import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator

from tests.journeys.playground_office import Anna, playground

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
LARGEST = 150_000
"""Bytes of one picture, so that the page opens quickly."""
COLOURS = 64
WIDEST = 520
BOX = 78
"""Pixels of the playground's own box for a reply."""
WORDS = "Outlook keeps asking for a password since this morning"
REASON = "The prompt comes back, and I cannot see the sign-in log of this tenant"


def draw() -> None:
    """SystemExit where the playground cannot be had, or a picture is too large."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fp-", dir="/tmp") as name, playground(Path(name)) as (_, anna):
        anna.page.set_viewport_size({"width": 1280, "height": 2600})
        _escalation(anna)
        _thread(anna)


def _escalation(anna: Anna) -> None:
    """First in the chat, where the form unfolds, then in the channel."""
    anna.writes(WORDS)
    anna.press(anna.step(1), "Only this user")
    step = anna.step(2)
    anna.unfolds(step, "Escalate")
    step.get_by_label("Why do you need help").fill(REASON)
    keep("escalate", step)
    anna.submits(step, "Escalate")
    anna.goes_to("escalations")
    asked = anna.card(f"Help wanted: {WORDS}")
    asked.wait_for()
    keep("escalation", asked)


def _thread(anna: Anna) -> None:
    anna.goes_to("General")
    anna.mentions("#4711")
    anna.step(1).wait_for()
    anna.press(anna.step(1), "Only this user")
    anna.step(2).wait_for()
    keep("thread", anna.page.get_by_role("group").filter(has=anna.step(2)).last, below=BOX)


def keep(name: str, what: Locator, below: int = 0) -> None:
    """Without the empty right of it and so many pixels `below`; few colours, because it is text."""
    what.scroll_into_view_if_needed()
    image = Image.open(BytesIO(what.screenshot(animations="disabled"))).convert("RGB")
    image = image.crop((0, 0, min(image.width, WIDEST), image.height - below))
    drawn = BytesIO()
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(drawn, "PNG", optimize=True)
    if len(drawn.getvalue()) > LARGEST:
        raise SystemExit(f"teams-{name}.png has {len(drawn.getvalue()):,} bytes, more than {LARGEST:,}.")
    (FOLDER / f"teams-{name}.png").write_bytes(drawn.getvalue())
    sys.stdout.write(f"docs/pictures/teams-{name}.png, {len(drawn.getvalue()) // 1000} kB\n")
