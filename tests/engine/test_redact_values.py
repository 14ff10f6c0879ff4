"""Values that are known exactly are masked wherever they stand again on the way to the PSA."""

from __future__ import annotations

import pytest

from engine.note_lint import lint
from engine.redact import mask_secrets


@pytest.mark.parametrize(
    ("text", "value", "masked"),
    [
        ("project Bluebird failed", "bluebird", "project ⟦SECRET⟧ failed"),
        ("BLUEBIRD, bluebird", "Bluebird", "⟦SECRET⟧, ⟦SECRET⟧"),
        ("Bluebirds fly", "Bluebird", "Bluebirds fly"),
        ("on rack\n seven", "Rack Seven", "on ⟦SECRET⟧"),
        ("it said Sunsh…", "Sunshine12!", "it said ⟦SECRET⟧…"),
        ("it said Sun…", "Sunshine12!", "it said Sun…"),
        ("x ⟦IP_1⟧ y", "IP_1", "x ⟦IP_1⟧ y"),
        ("nothing of it", "", "nothing of it"),
    ],
)
def test_a_known_value_is_masked_as_a_word_of_its_own(text: str, value: str, masked: str) -> None:
    assert mask_secrets(text, (value,)) == masked
    assert mask_secrets(masked, (value,)) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (
            "the password is Sunshine12! for it. Tried Sunshine12! again, and sunshine12 too",
            "the password is ⟦SECRET⟧ for it. Tried ⟦SECRET⟧ again, and ⟦SECRET⟧ too",
        ),
        ("Tried Sunshine12! first. pwd=Sunshine12!", "Tried ⟦SECRET⟧ first. pwd=⟦SECRET⟧"),
        ("Do a password reset. A reset of it is due", "Do a password reset. A reset of it is due"),
    ],
)
def test_what_was_found_by_rule_is_masked_further_on_and_before(text: str, masked: str) -> None:
    assert mask_secrets(text) == masked
    assert mask_secrets(masked) == masked


def test_the_lint_knows_the_same_values_and_never_repeats_one() -> None:
    [found] = lint({"customer": "We moved Bluebird."}, secrets=("bluebird",))
    assert (found.kind, found.name, found.excerpt) == ("password", "customer", "We moved ⟦SECRET⟧")
    assert lint({"customer": "We moved ⟦SECRET⟧."}, secrets=("bluebird",)) == ()
