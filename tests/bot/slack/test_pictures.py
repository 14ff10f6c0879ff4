"""The pictures of the guide: Slack takes what they show, and the guide shows each of them."""

from __future__ import annotations

from bench.pictures import FOLDER, LARGEST, pages


async def test_every_picture_of_the_guide_can_be_drawn_anew_and_is_shown_in_it() -> None:
    drawn = await pages()
    guide = (FOLDER.parent / "slack.md").read_text(encoding="utf-8")
    for picture, html in drawn.items():
        assert f"](slack/{picture.name}.png)" in guide
        assert "#4711" in html
    assert {path.stem for path in FOLDER.glob("*.png")} == {picture.name for picture in drawn}
    assert all(path.stat().st_size <= LARGEST for path in FOLDER.glob("*.png"))


async def test_the_story_stands_still() -> None:
    assert list((await pages()).values()) == list((await pages()).values())
