"""What is heard while an answer comes in: the words for the person alone, unmasked, and never a secret."""

from __future__ import annotations

import json

import pytest

from bot.claude.aloud import Aloud
from engine.redact import Mask, MaskKind

MASKS = (
    Mask("⟦PERSON_1⟧", MaskKind.PERSON, "Jane Miller"),
    Mask("⟦SECRET_1⟧", MaskKind.SECRET, "hunter2-hunter2"),
)
SAYS = "Ask ⟦PERSON_1⟧ whether ⟦SECRET_1⟧ still works.\nThen press “OK”."
RAW = json.dumps({"say": SAYS, "kind": "question", "why": "⟦PERSON_1⟧ knows. " * 100})


class Heard:
    def __init__(self) -> None:
        self.deltas: list[str] = []
        self.waits: list[float] = []

    async def say(self, delta: str) -> None:
        self.deltas.append(delta)

    async def anew(self, waits: float = 0.0) -> None:
        self.waits.append(waits)
        self.deltas.clear()

    @property
    def text(self) -> str:
        return "".join(self.deltas)


@pytest.mark.parametrize("size", [1, 7, 50, 5_000])
async def test_only_the_visible_words_are_said_with_their_values_and_without_secrets(size: int) -> None:
    heard = Heard()
    aloud = Aloud(heard, MASKS)
    for at in range(0, len(RAW), size):
        await aloud.hear(RAW[at : at + size])
    await aloud.end()
    assert heard.text == "Ask Jane Miller whether ⟦SECRET_1⟧ still works.\nThen press “OK”."


async def test_half_a_placeholder_is_never_said() -> None:
    heard = Heard()
    aloud = Aloud(heard, MASKS)
    for at in range(0, len(RAW), 3):
        await aloud.hear(RAW[at : at + 3])
        assert "PERSON" not in heard.text


async def test_an_answer_that_begins_anew_says_so_once_and_starts_from_nothing() -> None:
    heard = Heard()
    aloud = Aloud(heard, MASKS)
    await aloud.hear(RAW[:60])
    assert heard.text
    await aloud.anew(5.0)
    assert (heard.text, heard.waits) == ("", [5.0])
    await aloud.hear(RAW)
    await aloud.end()
    assert heard.text.startswith("Ask Jane Miller")


async def test_nothing_that_was_not_begun_is_begun_anew() -> None:
    heard = Heard()
    await Aloud(heard, MASKS).anew()
    assert heard.waits == []
