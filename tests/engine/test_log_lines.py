"""Any bytes become clean text; a time and a severity are read from one line."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.log_lines import Severity, find_stamp, severity
from engine.logs import condense, decode, looks_binary

WORDS = "2024-01-15 10:00:00 Fehler: Gerät „Drucker“ nicht bereit\nzweite Zeile"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "utf-32"]
)
def test_every_usual_encoding_reads_the_same(encoding: str) -> None:
    assert decode(WORDS.encode(encoding)) == WORDS


def test_cyrillic_utf_16_without_bom_is_recognised() -> None:
    text = "ошибка службы печати принтер не найден\n" * 3
    assert decode(text.encode("utf-16-le")) == text


def test_latin_1_bytes_that_windows_never_wrote_still_decode() -> None:
    assert decode(b"caf\xe9 \x81 open") == "café  open"


def test_one_bad_line_does_not_spoil_the_good_ones() -> None:
    assert decode("Müller\n".encode() + "Müller".encode("cp1252")) == "Müller\nMüller"


def test_text_appended_to_a_utf_16_file_stays_readable() -> None:
    mixed = ("first part\n" * 400).encode("utf-16") + b"appended as plain bytes\n" * 400
    assert decode(mixed).count("appended as plain bytes") == 400
    assert decode(mixed).count("first part") == 400


def test_nuls_escapes_and_controls_go_and_line_ends_become_one_kind() -> None:
    raw = b"\x1b[31mred\x1b[0m\0\0 \x1b]0;title\x07text\x08\r\nnext\rlast\ttab"
    assert decode(raw) == "red text\nnext\nlast\ttab"


@pytest.mark.parametrize(
    "raw", [b"\x89PNG\r\n\x1a\n" + bytes(40), b"ElfFile\0" + bytes(60), b"PK\x03\x04abc"]
)
def test_known_file_kinds_are_not_text(raw: bytes) -> None:
    assert looks_binary(raw)


def test_random_bytes_are_not_text_but_a_log_with_a_nul_tail_is() -> None:
    assert looks_binary(random.Random(3).randbytes(5000))
    assert not looks_binary(b"Jun 14 15:16:01 combo sshd: ok\n" * 20 + bytes(65_536))
    assert not looks_binary(WORDS.encode("utf-16-le"))


@pytest.mark.parametrize(("line", "expected"), [
    ("ERROR disk", Severity.ERROR), ("12:00 INFO finished with 0 errors", Severity.INFO),
    ("Info CBS Failed to open", Severity.WARNING), ("kernel: Out of memory: Killed", Severity.CRITICAL),
    ("service started", Severity.INFO), ("failed=0 ok=12", Severity.INFO),
    ("WARN slow query", Severity.WARNING),
])  # fmt: skip
def test_severity_weighs_the_level_against_the_words(line: str, expected: Severity) -> None:
    assert severity(line) is expected


@pytest.mark.parametrize(("line", "iso"), [
    ("2024-01-15T10:00:00.123456789Z x", "2024-01-15T10:00:00+00:00"), ("1/15/2024 9:12:01 PM",
    "2024-01-15T21:12:01"),
    ("15.01.2024 10:00:00 x", "2024-01-15T10:00:00"), ("[15/Jan/2024:10:00:00 +0100]",
    "2024-01-15T10:00:00+01:00"),
    ("Jun 14 15:16:01 combo", None), ("03/04/2024 10:00:00", None), ("2024-13-45 10:00:00", None),
])  # fmt: skip
def test_times_are_parsed_only_when_they_are_certain(line: str, iso: str | None) -> None:
    stamp = find_stamp(line)
    assert stamp is not None
    assert (stamp.when.isoformat() if stamp.when else None) == iso


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=3000))
def test_any_bytes_decode_without_controls(raw: bytes) -> None:
    text = decode(raw)
    assert not any(c < " " and c not in "\n\t" for c in text)
    assert decode(text.encode()).lstrip("\ufeff") == text.lstrip("\ufeff")
    assert len(condense(text, 2000).as_text()) <= 2000


REPEATS: list[Callable[[int], str]] = [
    lambda n: "\x1b]" * n, lambda n: "\x1b[" + "0" * n, lambda n: " " * n + "at x", lambda n: "0x8" * n,
    lambda n: '" ' * n, lambda n: "[" * n, lambda n: "Log Name:\n" * n, lambda n: "\tat a(b)\n" * n,
    lambda n: "Traceback (most recent call last):\n" * n, lambda n: "goroutine 1 [\n" * n,
    lambda n: "error " * n,
]  # fmt: skip


@pytest.mark.parametrize("make", REPEATS)
def test_repeated_fragments_meant_to_exhaust_a_pattern_are_harmless(make: Callable[[int], str]) -> None:
    assert len(condense(make(40_000)).as_text()) <= 6000
