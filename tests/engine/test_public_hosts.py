"""Host names as people type them: what could never be one is refused in a sentence before anything is asked."""

from __future__ import annotations

import pytest

from engine.clients.public_hosts import base_url
from engine.psa import PsaWrongHost


@pytest.mark.parametrize(
    "typed",
    [
        "a" * 5_000, "a." * 2_500 + "com", "a..example", ".example", "a" * 64 + ".example", "ü" * 300 + ".example",
        "ä..example", f"https://{'a' * 5_000}:443/", ".".join(["a" * 60] * 5), "", "https://", "..",
    ],
)  # fmt: skip
def test_what_no_resolver_could_be_asked_for_is_not_a_host_name(typed: str) -> None:
    with pytest.raises(PsaWrongHost, match="This is not a host name"):
        base_url(typed, ())


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("api-na.myconnectwise.net", "https://api-na.myconnectwise.net"),
        ("psa.example.", "https://psa.example."),
        (f"{'a' * 63}.example", f"https://{'a' * 63}.example"),
        ("https://[2606:4700::1111]:8443/", "https://[2606:4700::1111]:8443"),
    ],
)
def test_a_host_name_stays_one(typed: str, found: str) -> None:
    assert str(base_url(typed, ())).rstrip("/") == found
