"""Settings: what is read, what is refused in which words, and that the example file says the same."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from bot import settings
from bot.settings import Settings, SettingWrong, meanings, names, read, read_each, required, strangers
from bot.settings_check import problems, refuse_impossible
from engine.posting import PostLimits

CLONE = Path(__file__).resolve().parents[2]


def test_without_an_environment_everything_has_its_default() -> None:
    assert read({}) == Settings()


def test_values_are_read_as_what_they_are_and_blanks_keep_the_default() -> None:
    found = read({"FLOWPILOT_PORT": " 9000 ", "FLOWPILOT_LEASE_SECONDS": "90", "FLOWPILOT_HOST": "  "})
    assert (found.port, found.lease_seconds, found.host) == (9000, 90.0, "127.0.0.1")


def test_a_number_that_is_none_is_named_with_an_example() -> None:
    with pytest.raises(
        SettingWrong, match="FLOWPILOT_PORT is 'eighty'; it must be a number, for example 8080"
    ):
        read({"FLOWPILOT_PORT": "eighty"})


def test_every_setting_that_cannot_be_read_is_named_not_only_the_first() -> None:
    found, unreadable = read_each(
        {"FLOWPILOT_PORT": "x", "FLOWPILOT_TALK_SLOTS": "2.5", "FLOWPILOT_HOST": "h"}
    )
    assert set(unreadable) == {"FLOWPILOT_PORT", "FLOWPILOT_TALK_SLOTS"}
    assert (found.port, found.host) == (8080, "h")


def test_a_misspelt_setting_is_noticed_and_other_peoples_names_are_not() -> None:
    assert strangers({"FLOWPILOT_PROT": "1", "FLOWPILOT_PORT": "1", "HOME": "/"}) == ("FLOWPILOT_PROT",)


def test_what_is_missing_is_named_with_its_meaning_and_a_way_to_try_without() -> None:
    with pytest.raises(SettingWrong) as refused:
        required(Settings(redis_url="redis://x"), "redis_url", "keys")
    assert "FLOWPILOT_KEYS is not set" in str(refused.value)
    assert "flowpilot keys" in str(refused.value)
    assert "./dev demo" in str(refused.value)


def test_keys_and_hosts_are_lists_separated_by_commas() -> None:
    found = read({"FLOWPILOT_KEYS": "new, old,", "FLOWPILOT_PSA_ALLOW_HOSTS": " a:1 ,b"})
    assert (found.key_ring, found.allowed_hosts) == (("new", "old"), ("a:1", "b"))


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    secret = dict.fromkeys(("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "FLOWPILOT_KEYS"), "s3cret")
    assert "s3cret" not in repr(read(secret))


def test_the_defaults_are_possible() -> None:
    refuse_impossible(Settings())


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("port", 70_000, "FLOWPILOT_PORT"),
        ("talk_slots", 0, "FLOWPILOT_TALK_SLOTS"),
        ("sweep_seconds", float("nan"), "FLOWPILOT_SWEEP_SECONDS"),
        ("psa_retry_seconds", float("inf"), "FLOWPILOT_PSA_RETRY_SECONDS"),
        ("log_level", "LOUD", "FLOWPILOT_LOG_LEVEL"),
        ("psa_settle_seconds", 22.0, "FLOWPILOT_PSA_SETTLE_SECONDS"),
        ("lease_seconds", 20.0, "FLOWPILOT_LEASE_SECONDS"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(field: str, value: object, name: str) -> None:
    found = problems(replace(Settings(), **{field: value}))  # type: ignore[arg-type]
    assert list(found) == [name]
    assert found[name].startswith(f"{name} is ")


def test_the_settle_time_is_judged_as_the_engine_judges_it() -> None:
    limits = PostLimits()
    deadline, fresh = limits.deadline.total_seconds(), limits.fresh.total_seconds()
    just = Settings(psa_deadline_seconds=deadline, psa_settle_seconds=deadline + fresh)
    assert problems(just)
    assert not problems(replace(just, psa_settle_seconds=deadline + fresh + 0.5))


def test_the_example_file_gives_each_setting_its_meaning_and_its_default() -> None:
    lines = (CLONE / ".env.example").read_text().splitlines()
    shown: dict[str, tuple[str, str]] = {}
    for before, line in pairwise(lines):
        if found := re.match(r"(?:# )?([A-Z_]+)=(.*)", line):
            shown[found[1]] = (found[2], before.removeprefix("# "))
    assert shown == meanings()


def test_each_setting_has_a_name_of_its_own() -> None:
    assert len(set(names())) == len(names()) == len(settings.meanings())
