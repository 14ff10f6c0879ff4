"""No text a person types can change the grammar of a ConnectWise condition."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from engine.clients.conditions import (
    MAX_TEXT,
    MAX_WORDS,
    all_of,
    any_of,
    contains,
    equals,
    is_word,
    moment_text,
    plain_text,
    since,
    words_of,
)

hostile = some.text(max_size=400) | some.text(
    alphabet="\"'\\[]%*() =<>!ANDORabc0;\n\x00\u201d\uff02", max_size=60
)


@given(hostile)
@example('x" OR closedFlag=True OR summary contains "')
@example("%' or 1=1 --")
@example("] [2020-01-01")
@example("\uff02 OR id>0")
def test_typed_text_stays_between_the_quotes_we_wrote(typed: str) -> None:
    try:
        condition = contains("summary", typed)
    except ValueError:
        assert plain_text(typed) == ""
        return
    found = re.fullmatch(r'summary contains "([^"]*)"', condition)
    assert found is not None
    assert not set(found.group(1)) & set("\"\\[]%*'()<>=\n\r\x00")
    assert all(character.isprintable() for character in found.group(1))
    assert len(found.group(1)) <= MAX_TEXT


@given(hostile)
def test_search_words_are_few_plain_and_say_something(typed: str) -> None:
    words = words_of(typed)
    assert len(words) <= MAX_WORDS
    assert len(set(words)) == len(words)
    for word in words:
        assert contains("summary", word) == f'summary contains "{word[:MAX_TEXT]}"'


def test_names_numbers_and_codes_survive() -> None:
    assert plain_text("Müller & Söhne: 0x80070005 a.b@c-d.example #4711") == (
        "Müller & Söhne: 0x80070005 a.b@c-d.example #4711"
    )
    assert words_of("O'Brien can't print - 50%") == ("Brien", "can", "print", "50")


@pytest.mark.parametrize("value", ["1 OR 1=1", "7", 7.5, None, [7]])
def test_only_whole_numbers_become_ids(value: object) -> None:
    if value in ("7", 7.5):
        # int() takes them, and what comes out is a bare number again.
        assert equals("owner/id", value) == "owner/id=7"  # type: ignore[arg-type]
        return
    with pytest.raises((ValueError, TypeError)):
        equals("owner/id", value)  # type: ignore[arg-type]


def test_flags_are_written_as_connectwise_reads_them() -> None:
    assert equals("closedFlag", False) == "closedFlag=False"
    assert equals("resolutionFlag", True) == "resolutionFlag=True"


def test_only_known_fields_and_plain_words_are_written() -> None:
    with pytest.raises(ValueError):
        equals("id=1 OR id", 2)  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        is_word("chargeToType", 'x" OR id>0')
    assert is_word("chargeToType", "ServiceTicket") == 'chargeToType="ServiceTicket"'


def test_moments_are_utc_with_seconds_and_without_milliseconds() -> None:
    moment = datetime(2026, 8, 20, 20, 4, 26, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert since("lastUpdated", moment) == "lastUpdated>=[2026-08-20T18:04:26Z]"
    with pytest.raises(ValueError):
        moment_text(datetime(2026, 8, 20, tzinfo=UTC).replace(tzinfo=None))
    assert moment_text(datetime(2026, 8, 20, tzinfo=UTC)) == "2026-08-20T00:00:00Z"


def test_parts_are_joined_with_their_brackets() -> None:
    mine = any_of((equals("owner/id", 7), contains("resources", "anna")))
    assert all_of((equals("closedFlag", False), mine)) == (
        'closedFlag=False AND (owner/id=7 OR resources contains "anna")'
    )
