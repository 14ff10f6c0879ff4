"""Screenshots: what was read in one is asked back before anything rests on it."""

from __future__ import annotations

from engine.guide_news import Picture
from engine.session import Fact
from tests.engine.led import Led, answer, follow, on_the_printer_flow


def test_a_new_picture_is_read_back_before_anything_is_built_on_it() -> None:
    led = Led(pictures=(Picture("p1", "error.png"),)).start()
    led.model(
        answer(saw="0x8000ffff in Outlook", say="Reinstall Outlook", problem_summary="Outlook is broken")
    )
    assert led.step.text == "I read this in the screenshot: “0x8000ffff in Outlook” Is that right?"
    assert led.offered == ["right", "wrong"]
    assert led.step.why.endswith("Rests on the screenshot.")
    assert led.story.it.problem_summary == "Nothing prints"
    led.click("right").model(answer(problem_summary="Outlook shows 0x8000ffff", rests_on="picture"))
    assert led.story.history().facts == (Fact("Seen in the screenshot: 0x8000ffff in Outlook", 1),)
    assert led.story.it.problem_summary == "Outlook shows 0x8000ffff"


def test_what_was_read_wrongly_is_no_fact() -> None:
    led = Led(pictures=(Picture("p1"),)).start().model(answer(saw="0x80 in Outlook")).click("wrong")
    led.model(answer(rests_on="step 1"))
    assert led.story.history().facts == ()


def test_the_offline_guide_keeps_a_confirmed_picture_too() -> None:
    led = Led(pictures=(Picture("p1"),)).start().model(answer(saw="0x80 in Outlook")).click("right").away()
    assert led.story.history().facts == (Fact("Seen in the screenshot: 0x80 in Outlook", 1),)


def test_a_picture_in_a_flow_comes_back_to_the_flow() -> None:
    led = on_the_printer_flow().click("one")
    led.pictures = (Picture("p1"),)
    led.model(follow("spooler", saw="Error 0x0000011b", rests_on="step 1"))
    assert led.offered == ["right", "wrong"]
    led.click("right").model(follow("spooler", rests_on="step 2"))
    assert led.step.flow_node == "spooler"


def test_a_picture_that_says_nothing_is_sent_back() -> None:
    led = Led(pictures=(Picture("p1"),)).start()
    assert "new picture" in led.refused(answer(saw=" \u200b"))
