"""The vault: nothing readable at rest, keys rotate, and a wrong key says what to do."""

from __future__ import annotations

import pytest

from storage.vault import KeysUnusable, Vault, new_key

OLD, NEW, OTHER = new_key(), new_key(), new_key()
SECRET = b'{"private_key": "hunter2"}'


def test_what_is_sealed_cannot_be_read_and_opens_again() -> None:
    sealed = Vault([OLD]).seal(SECRET)
    assert b"hunter2" not in sealed
    assert Vault([OLD]).open(sealed) == SECRET


def test_the_same_content_is_sealed_differently_each_time() -> None:
    vault = Vault([OLD])
    assert vault.seal(SECRET) != vault.seal(SECRET)


def test_the_first_key_writes_and_all_of_them_read() -> None:
    old = Vault([OLD]).seal(SECRET)
    both = Vault([NEW, OLD])
    assert both.open(old) == SECRET
    assert Vault([NEW]).open(both.seal(SECRET)) == SECRET


def test_rotating_brings_old_content_under_the_newest_key() -> None:
    rotated = Vault([NEW, OLD]).rotate(Vault([OLD]).seal(SECRET))
    assert Vault([NEW]).open(rotated) == SECRET


@pytest.mark.parametrize("act", [Vault.open, Vault.rotate])
def test_a_key_that_does_not_fit_is_named_as_the_reason(act: object) -> None:
    assert callable(act)
    with pytest.raises(KeysUnusable, match="FLOWPILOT_KEYS"):
        act(Vault([OTHER]), Vault([OLD]).seal(SECRET))


def test_a_changed_byte_is_not_taken_for_content() -> None:
    sealed = bytearray(Vault([OLD]).seal(SECRET))
    sealed[-5] ^= 1
    with pytest.raises(KeysUnusable):
        Vault([OLD]).open(bytes(sealed))


@pytest.mark.parametrize("keys", [[], ["short"], [OLD, "not base64 at all"], [OLD, "ä" * 44]])
def test_missing_and_broken_keys_are_refused_with_the_next_step(keys: list[str]) -> None:
    with pytest.raises(KeysUnusable, match="flowpilot keys"):
        Vault(keys)
