"""The app package: the same bytes every time, of one bot, and nothing promised in it that FlowPilot does not understand."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from bench import teams_icons
from bot.commands import parse
from bot.teams.package import FOLDER, PackageWrong, manifest, package, template
from tests.bot.commands import Flowpilot

BOT = "7b000000-0000-4000-8000-0000000000ab"
ROUNDED = 8
"""Of 255: how far two versions of the drawing library may be apart at an edge."""
NOBODY = "00000000-0000-0000-0000-000000000000"


def opened(made: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(made)) as found:
        assert found.testzip() is None
        return {each.filename: found.read(each) for each in found.infolist()}


def command_lists() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = template()["bots"][0]["commandLists"]
    return found


def test_the_package_holds_the_manifest_of_this_bot_and_the_two_icons_that_it_names() -> None:
    found = opened(package(BOT))
    made = json.loads(found["manifest.json"])
    assert set(found) == {"manifest.json", *made["icons"].values()}
    assert NOBODY not in found["manifest.json"].decode()
    ids = (made["id"], made["bots"][0]["botId"], made["composeExtensions"][0]["botId"])
    assert {*ids, made["webApplicationInfo"]["id"]} == {BOT}


def test_the_same_bot_gets_the_same_bytes_however_its_id_is_written() -> None:
    assert package(BOT) == package(BOT.upper()) == package(BOT)
    with zipfile.ZipFile(io.BytesIO(package(BOT))) as made:
        assert {each.date_time for each in made.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {each.compress_type for each in made.infolist()} == {zipfile.ZIP_STORED}


def test_a_website_is_where_every_link_leads() -> None:
    made = manifest(BOT, "https://desk.example.com/")
    links = {made["developer"][name] for name in ("websiteUrl", "privacyUrl", "termsOfUseUrl")}
    assert links == {"https://desk.example.com"}
    assert made["validDomains"] == ["desk.example.com"]
    assert "validDomains" not in manifest(BOT)


@pytest.mark.parametrize("app_id", ["", "app", f"{BOT}0", BOT.replace("-", ""), NOBODY[:-1]])
def test_without_an_application_there_is_no_package(app_id: str) -> None:
    with pytest.raises(PackageWrong, match=r"TEAMS_APP_ID is.*No package was made\..*app registration"):
        package(app_id)


@pytest.mark.parametrize(
    "address", ["http://a.example", "a.example", "https://", "https://me@a.example", "https://["]
)
def test_a_website_that_is_none_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(PackageWrong, match=r"https://flowpilot\.example\.com"):
        package(BOT, address)


def test_every_command_it_lists_is_one_flowpilot_understands() -> None:
    for commands in command_lists():
        for each in commands["commands"]:
            assert parse(each["title"]) is not None, each["title"]


def test_commands_fit_what_teams_shows() -> None:
    scopes = [scope for commands in command_lists() for scope in commands["scopes"]]
    assert sorted(scopes) == sorted(template()["bots"][0]["scopes"]) == ["groupChat", "personal", "team"]
    for commands in command_lists():
        assert len(commands["commands"]) <= 10
        assert all(len(each["title"]) <= 32 for each in commands["commands"])
        assert all(len(each["description"]) <= 128 for each in commands["commands"])


def test_a_session_starts_from_a_message_and_channels_are_heard_only_where_a_team_agrees() -> None:
    made = template()
    [command] = made["composeExtensions"][0]["commands"]
    assert (command["id"], command["type"], command["context"], command["fetchTask"]) == (
        "troubleshoot", "action", ["message"], True,
    )  # fmt: skip
    assert made["authorization"]["permissions"]["resourceSpecific"] == [
        {"name": "ChannelMessage.Read.Group", "type": "Application"}
    ]


def test_the_icons_are_as_microsoft_asks_for_them() -> None:
    with Image.open(FOLDER / "color.png") as color, Image.open(FOLDER / "outline.png") as outline:
        assert (color.size, outline.size) == ((192, 192), (32, 32))
        assert color.convert("RGBA").getchannel("A").getextrema() == (255, 255)
        *ink, transparency = outline.convert("RGBA").split()
        assert [channel.getextrema() for channel in ink] == [(255, 255)] * 3
        assert transparency.getextrema() == (0, 255)


def test_the_icons_are_those_that_the_drawing_draws() -> None:
    for name, drawn in (("color.png", teams_icons.color()), ("outline.png", teams_icons.outline())):
        with Image.open(FOLDER / name) as kept:
            apart = ImageChops.difference(kept.convert("RGBA"), drawn).tobytes()
        assert max(apart) <= ROUNDED, name


async def test_the_command_writes_the_package_and_says_what_to_do_with_it(tmp_path: Path) -> None:
    out = tmp_path / "app.zip"
    flowpilot = Flowpilot({"TEAMS_APP_ID": BOT})
    said = (await flowpilot.does("teams-package", "--out", str(out))).out
    assert out.read_bytes() == package(BOT)
    assert "example.com, which is nobody's" in said
    assert "flowpilot link teams" in said
    site = "https://desk.example.com"
    said = (await flowpilot.does("teams-package", "--out", str(out), "--url", site)).out
    assert "nobody" not in said
    assert out.read_bytes() == package(BOT, site)


async def test_the_command_makes_no_file_where_it_cannot(tmp_path: Path) -> None:
    out = tmp_path / "app.zip"
    assert "TEAMS_APP_ID is not set" in await Flowpilot({}).refuses("teams-package", "--out", str(out))
    assert not out.exists()
    flowpilot = Flowpilot({"TEAMS_APP_ID": BOT})
    nowhere = tmp_path / "none" / "app.zip"
    refused = await flowpilot.refuses("teams-package", "--out", str(nowhere))
    assert "cannot be written (No such file or directory). No package was made" in refused
