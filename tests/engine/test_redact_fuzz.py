"""Masking under any text: a second pass changes nothing, nothing is lost, and the work grows with the size."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.redact import Known, MaskKind, Masks, also, mask, mask_secrets, unmask, without_lookalikes

KNOWN = (
    Known("Jane Doe", MaskKind.PERSON),
    Known("brightsmile.example", MaskKind.HOST),
    Known("BSD-FRONT-01", MaskKind.DEVICE),
    Known("(555) 014-2233", MaskKind.PHONE),
)
PIECES = st.lists(
    st.sampled_from([
        "password", "is ", ": ", "=", " ", "\n", "Hunter2!", "Jane", "Doe", " for ", "login ", "/", "bob ", "⟦", "⟧",
        "⟦SECRET_1⟧", "⟦PERSON_1⟧", "⟦SECRET⟧", "10.0.0.5", "fe80::1", "user@x.example", "C:\\Users\\jane\\", "\\\\fs01\\x",
        "net user ", "-p ", "'", '"', "PIN ", "4821", "reset it to ", "Bearer ", "eyJhbGciOi.eyJzdWIi.c2ln", "555-014-2233",
        "bsd-front-01", "srv.brightsmile.example", "4111 1111 1111 1111", "-----BEGIN PRIVATE KEY-----", "Passwort ", "@",
    ]),
    max_size=25,
).map("".join)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.one_of(PIECES, st.text(max_size=200)))
def test_masking_a_masked_text_changes_nothing(text: str) -> None:
    masked, masks = mask(text, (), KNOWN)
    assert mask(masked, masks, KNOWN) == (masked, masks)
    once = mask_secrets(text)
    assert mask_secrets(once) == once


@settings(max_examples=80, deadline=None)
@given(PIECES, PIECES)
def test_what_is_put_back_is_what_was_there(first: str, second: str) -> None:
    masks: Masks = ()
    for text in (first, second):
        masked, masks = mask(text, masks)
        whole = masked
        for each in masks:
            whole = whole.replace(each.placeholder, each.value)
        said = without_lookalikes(text.replace("⟦SECRET⟧", "")).casefold()
        assert without_lookalikes(whole.replace("⟦SECRET⟧", "")).casefold() == said or "⟦" in text
    assert len({each.placeholder for each in masks}) == len(masks)


@settings(max_examples=50, deadline=None)
@given(PIECES, st.text(max_size=60))
def test_unmasking_never_brings_a_secret_back(text: str, more: str) -> None:
    masked, masks = mask(text, also(more, ()))
    hidden = {each.placeholder for each in masks if each.kind is MaskKind.SECRET}
    assert all(masked.count(p) == unmask(masked, masks).count(p) for p in hidden)


def _work(call: Callable[[], object]) -> int:
    """Lines of our code that ran: a measure that does not depend on how busy the machine is."""
    ran = 0

    def count(_frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal ran
        ran += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        call()
    finally:
        sys.settrace(before)
    return ran


@pytest.mark.parametrize(
    "fragment",
    ["password ", "pw: ", "login a/", "net user a ", "1.2.3.4 ", "a.", "a@", "::", "0 ", "1-", "\\\\a", "eyJ", "⟦", "Jane ", "curl -u ", "'"],
)  # fmt: skip
def test_the_work_grows_with_the_size_and_no_faster(fragment: str) -> None:
    small, large = fragment * (6_000 // len(fragment)), fragment * (24_000 // len(fragment))
    little = _work(lambda: mask_secrets(small))
    assert _work(lambda: mask_secrets(large)) <= 5 * little + 2_000
