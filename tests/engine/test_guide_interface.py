"""The question for the graphical interface or the command line: asked once, by the model or else by code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.flows import NodeKind
from engine.guide_text import INTERFACE
from engine.session import StepKind
from tests.engine.led import Led, answer, follow, on_the_printer_flow
from tests.engine.talk import PRINTER, fits


def test_the_interface_is_asked_once_with_answers_by_code() -> None:
    led = Led().start().model(answer(asks_interface=True, options=[]))
    assert led.offered == ["gui", "cli", "either"]
    assert led.step.stand["interface"] == "asked"
    led = led.click("cli")
    assert "asked already" in led.refused(answer(asks_interface=True, rests_on="step 1"))
    led.model(answer(rests_on="step 1"))
    assert led.story.it.stand["interface"] == "cli"
    assert "prefers the command line" in led.told


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("PowerShell is fine", "cli"),
        ("rather by mouse", "gui"),
        ("GUI or terminal", "either"),
        ("whatever", "asked"),
    ],
)
def test_the_wish_may_be_typed(said: str, kept: str) -> None:
    led = Led().start().model(answer(asks_interface=True)).say(said).model(answer(rests_on="step 1"))
    assert led.story.it.stand["interface"] == kept


def test_the_wish_outlives_a_turn_of_the_offline_guide() -> None:
    led = Led().start().model(answer(asks_interface=True)).click("gui").away().say("Nothing").model(answer())
    assert led.story.it.stand["interface"] == "gui"


def test_the_interface_question_in_a_flow_is_no_detour() -> None:
    led = (
        on_the_printer_flow().click("one").model(answer(asks_interface=True, rests_on="step 1")).click("cli")
    )
    led.model(follow("spooler", rests_on="step 1"))
    assert led.step.flow_node == "spooler"
    assert led.story.it.stand["interface"] == "cli"


def doing(text: str, number: int) -> dict[str, Any]:
    ground = f"step {number}" if number else "intake"
    return answer(kind="action", say=text, options=[], rests_on=ground)


def test_code_asks_for_the_interface_where_the_model_has_not_by_its_third_deed() -> None:
    led = Led().start().model(doing("Restart the PC", 0)).click("no_change").model(answer(rests_on="step 1"))
    assert "Interface: not asked yet." in led.told
    led.click("o1").model(doing("Change the cable", 2)).click("no_change")
    led.model(doing("Reinstall the driver", 3))
    assert (led.step.kind, led.step.text) == (StepKind.QUESTION, INTERFACE)
    assert led.offered == ["gui", "cli", "either"]
    assert led.step.script is None and led.step.why.endswith("Rests on step 3.")
    led.click("cli").model(doing("Reinstall the driver", 4))
    assert "FlowPilot asked this in place of the step you proposed." in led.told
    assert "prefers the command line" in led.told
    assert led.step.text == "Reinstall the driver"
    led.click("no_change").model(doing("Replace the printer", 5))
    assert led.step.text == "Replace the printer", "it is asked once"


def test_a_model_that_asked_for_the_interface_is_left_alone() -> None:
    led = Led().start().model(answer(asks_interface=True)).click("gui")
    for number in range(1, 5):
        led.model(doing(f"Deed {number}", number))
        assert led.step.text == f"Deed {number}"
        led.click("no_change")


def test_in_a_flow_the_interface_is_asked_between_two_deeds_and_the_flow_goes_on() -> None:
    scope = replace(PRINTER.nodes["scope"], kind=NodeKind.ACTION)
    flow = replace(PRINTER, nodes={**PRINTER.nodes, "scope": scope})
    led = Led(fits(0.9), flows={"printer": flow}).start("Only one user cannot print")
    led.model(follow("scope")).click("one").model(follow("spooler", rests_on="step 1")).click("no_change")
    led.model(follow("driver", rests_on="step 2"))
    assert (led.step.text, led.step.flow_node, led.story.it.flow_id) == (INTERFACE, None, "printer")
    led.click("either").model(follow("driver", rests_on="step 2"))
    assert (led.step.flow_node, led.story.it.stand["interface"]) == ("driver", "either")
