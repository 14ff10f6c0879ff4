"""What can be typed to press a button: numbers for answers and rows, words for everything else."""

from __future__ import annotations

from dataclasses import dataclass

from bot.card import Card, Choice

SPOKEN = {"take_advice": "carry on", "decline_advice": "still need you", "cannot_do": "can't do that"}
"""Where the verb is not what a person would say."""


@dataclass(frozen=True, slots=True)
class Key:
    """`typed` presses `choice`. A numbered one is drawn on a line of its own."""

    typed: str
    choice: Choice

    @property
    def is_number(self) -> bool:
        return self.typed.isdigit()


def keys_of(card: Card) -> tuple[Key, ...]:
    """A key for every choice: a Step's answers and a list's rows by number, the rest by word."""
    keys: list[Key] = []
    taken: set[str] = set()
    number = 0
    for choice in card.choices:
        if _numbered(card, choice):
            number += 1
            keys.append(Key(str(number), choice))
            continue
        word = _word(choice, taken)
        taken.add(word)
        keys.append(Key(word, choice))
    return tuple(keys)


def pressed(card: Card | None, typed: str) -> Choice | None:
    """The choice a typed line means, by its number, its word or its whole label; None where it means none."""
    if card is None:
        return None
    said = _plain(typed)
    keys = keys_of(card)
    by_key = next((key.choice for key in keys if key.typed == said), None)
    labels = [key.choice for key in keys if _plain(key.choice.label) == said]
    return by_key or (labels[0] if len(labels) == 1 else None)


def _numbered(card: Card, choice: Choice) -> bool:
    if card.kind == "step":
        return choice.verb == "answer"
    return card.kind == "list" and not choice.more


def _word(choice: Choice, taken: set[str]) -> str:
    verb, label = SPOKEN.get(choice.verb, choice.verb.replace("_", " ")), _plain(choice.label)
    word = verb if verb not in taken and verb != "answer" else label
    count = 2
    while word in taken:
        word, count = f"{label} {count}", count + 1
    return word


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("’", "'").split()).rstrip(".!")
