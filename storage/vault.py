"""Encryption at rest: one ring of keys, the first one writes, all of them read."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

NO_KEY_FITS = "Something stored was encrypted with a key that is not in FLOWPILOT_KEYS any more."


class KeysUnusable(Exception):
    """The encryption keys are missing or wrong; the message says what to do."""


class Vault:
    """Seals bytes under the newest key. Keys are 32 url-safe base64 bytes, newest first."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise KeysUnusable("No encryption key is set. Run `flowpilot keys` and put it in FLOWPILOT_KEYS.")
        try:
            self._ring = MultiFernet([Fernet(key) for key in keys])
        except ValueError as wrong:
            raise KeysUnusable(
                "An encryption key in FLOWPILOT_KEYS is not valid. Run `flowpilot keys` for a new one."
            ) from wrong

    def seal(self, content: bytes) -> bytes:
        return self._ring.encrypt(content)

    def open(self, sealed: bytes) -> bytes:
        """The content. Raises KeysUnusable where none of the keys fits."""
        try:
            return self._ring.decrypt(bytes(sealed))
        except InvalidToken as wrong:
            raise KeysUnusable(NO_KEY_FITS) from wrong

    def rotate(self, sealed: bytes) -> bytes:
        """The same content under the newest key. Raises KeysUnusable where none of the keys fits."""
        try:
            return self._ring.rotate(bytes(sealed))
        except InvalidToken as wrong:
            raise KeysUnusable(NO_KEY_FITS) from wrong


def new_key() -> str:
    return Fernet.generate_key().decode()
