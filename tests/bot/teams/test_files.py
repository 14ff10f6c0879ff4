"""Files from Teams: pictures in a message, uploads in somebody's own chat, and what is refused for which reason."""

from __future__ import annotations

from typing import Any

import pytest

from bot.teams.files import LIMIT, SHARED, UPLOADED, download, is_file
from bot.teams.port import Download, FileRefused, Reference
from tests.bot.teams.scene import Table, table

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40
AT = Reference("t", "a:1", "personal", {"serviceUrl": "https://x.example/"})
URL = "https://smba.trafficmanager.net/emea/v3/attachments/1/views/original"


def picture(**more: Any) -> dict[str, Any]:
    return {"contentType": "image/*", "contentUrl": URL, **more}


def upload(name: str, url: str = URL) -> dict[str, Any]:
    return {"contentType": UPLOADED, "name": name, "contentUrl": "x", "content": {"downloadUrl": url}}


def holding(found: Download | FileRefused) -> Table:
    made = table()
    made.files[URL] = found
    return made


async def refusal(teams: Table, given: dict[str, Any], **more: Any) -> str:
    with pytest.raises(FileRefused) as refused:
        await download(teams, AT, given, **more)
    return refused.value.reason


async def test_a_pasted_picture_has_no_name_and_is_what_its_first_bytes_say() -> None:
    found = await download(holding(Download(PNG, "image/jpeg")), AT, picture())
    assert (found.name, found.media_type, found.content) == ("picture.png", "image/png", PNG)


async def test_an_upload_is_fetched_by_its_own_link_and_keeps_its_name() -> None:
    found = await download(
        holding(Download(b"log", "application/octet-stream")), AT, upload("C:\\tmp\\a\u202eb.log")
    )
    assert (found.name, found.media_type, found.content) == ("ab.log", "text/plain", b"log")


async def test_a_long_name_is_cut_and_keeps_how_it_ends() -> None:
    found = await download(holding(Download(b"log", "text/plain")), AT, upload(f"{'x' * 300}.log"))
    assert len(found.name) == 120
    assert found.name.endswith(".log")


@pytest.mark.parametrize(
    ("found", "given", "reason"),
    [
        (Download(b"<html>", "text/html"), picture(), "unreadable"),
        (Download(b"", "image/png"), picture(), "unreadable"),
        (Download(b"GIF not", "image/gif"), upload("a.gif"), "unreadable"),
        (Download(b"<!DOCTYPE html>", "text/html; charset=utf-8"), upload("a.log"), "gone"),
        (FileRefused("not_ours"), picture(), "not_ours"),
        (Download(PNG, "image/png"), picture(contentUrl=None), "gone"),
        (Download(b"log", "text/plain"), {**upload("a.log"), "content": None}, "gone"),
        (Download(b"log", "text/plain"), picture(contentType=SHARED), "elsewhere"),
        (Download(b"log", "text/plain"), picture(contentType="audio/mp3"), "unreadable"),
    ],
)
async def test_what_is_not_what_it_says_or_out_of_reach_is_refused(
    found: Download | FileRefused, given: dict[str, Any], reason: str
) -> None:
    assert await refusal(holding(found), given) == reason


async def test_nothing_larger_than_the_limit_is_taken_even_if_it_came() -> None:
    assert await refusal(holding(Download(PNG, "image/png")), picture(), limit=10) == "too_large"
    assert LIMIT == 20 * 1024 * 1024


async def test_an_html_page_that_somebody_uploaded_is_a_file() -> None:
    found = await download(holding(Download(b"<p>x</p>", "text/html")), AT, upload("report.html"))
    assert found.media_type == "text/html"


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        ("image/png", True), ("image/*", True), (UPLOADED, True), (SHARED, True), ("text/html", False),
        ("application/vnd.microsoft.card.adaptive", False), ("messageReference", False), ("", False),
    ],
)  # fmt: skip
def test_words_and_cards_are_no_files(kind: str, *, counts: bool) -> None:
    assert is_file({"contentType": kind}) is counts
