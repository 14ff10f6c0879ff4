"""The app package that an admin uploads to Teams: a manifest for this bot and two icons, the same bytes every time."""

from __future__ import annotations

import copy
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from yarl import URL

FOLDER = Path(__file__).parent
MANIFEST = "manifest.json"
COLOR, OUTLINE = "color.png", "outline.png"
MADE = (1980, 1, 1, 0, 0, 0)
"""A fixed time, the first a zip file can name, so that equal contents are equal files."""
READABLE = 0o644 << 16
_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


class PackageWrong(Exception):
    """No package can be made; the message says what to do."""


def template() -> dict[str, Any]:
    """The manifest as it is in the file, of no bot."""
    found: dict[str, Any] = json.loads(_file(MANIFEST))
    return found


def manifest(app_id: str, address: str = "") -> dict[str, Any]:
    """That of the bot with this application id. `address`: where FlowPilot, or its company, is on the web. PackageWrong."""
    bot = _bot(app_id)
    made = copy.deepcopy(template())
    made["id"] = made["webApplicationInfo"]["id"] = bot
    for part in (*made["bots"], *made["composeExtensions"]):
        part["botId"] = bot
    if address:
        url = _web(address)
        base = str(url).rstrip("/")
        made["developer"] |= dict.fromkeys(("websiteUrl", "privacyUrl", "termsOfUseUrl"), base)
        made["validDomains"] = [url.host]
    return made


def package(app_id: str, address: str = "") -> bytes:
    """The zip file. Raises PackageWrong."""
    text = json.dumps(manifest(app_id, address), indent=2, ensure_ascii=False) + "\n"
    held = io.BytesIO()
    # Stored as they are: what a compressor makes differs from one of its versions to the next.
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as made:
        for name, content in (
            (MANIFEST, text.encode()),
            (COLOR, _file(COLOR)),
            (OUTLINE, _file(OUTLINE)),
        ):
            entry = zipfile.ZipInfo(name, MADE)
            entry.external_attr = READABLE
            entry.create_system = 3  # Unix, also where it is made on Windows
            made.writestr(entry, content)
    return held.getvalue()


def _bot(app_id: str) -> str:
    if not app_id:
        raise PackageWrong(
            "TEAMS_APP_ID is not set, so Teams would not know whose app this is. No package was made. Copy the "
            "application (client) ID from the overview of the app registration, put it there and try again."
        )
    if not re.fullmatch(_GUID, app_id):
        raise PackageWrong(
            "TEAMS_APP_ID is no application (client) ID: that has 32 digits and letters in five groups. No package was "
            "made. Copy it again from the overview of the app registration."
        )
    return app_id.lower()


def _web(address: str) -> URL:
    wrong = (
        "The address must begin with https:// and name a host, for example https://flowpilot.example.com. "
        "No package was made."
    )
    try:
        url = URL(address)
    except ValueError:
        raise PackageWrong(wrong) from None
    if url.scheme != "https" or not url.host or url.user or url.query_string or url.fragment:
        raise PackageWrong(wrong)
    return url


def _file(name: str) -> bytes:
    try:
        return (FOLDER / name).read_bytes()
    except OSError as wrong:
        raise PackageWrong(f"{FOLDER / name} cannot be read. Put the file of this version back.") from wrong
