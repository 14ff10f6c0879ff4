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
from engine.model import Models, Purpose
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
    hidden = (
        "DATABASE_URL",
        "DATABASE_OWNER_URL",
        "REDIS_URL",
        "FLOWPILOT_KEYS",
        "ANTHROPIC_API_KEY",
        "TEAMS_APP_PASSWORD",
    )
    secret = dict.fromkeys(hidden, "s3cret")
    assert "s3cret" not in repr(read(secret))


def test_the_tenants_are_those_that_are_named_or_the_applications_own() -> None:
    assert read({}).allowed_tenants == ()
    assert read({"TEAMS_APP_TENANTID": "ours"}).allowed_tenants == ()
    named = {"TEAMS_APP_TENANTID": "ours", "TEAMS_ALLOWED_TENANTS": " one, two,"}
    assert read(named).allowed_tenants == ("one", "two")


@pytest.mark.parametrize(
    ("given", "on", "believes"),
    [
        ({}, False, False),
        ({"TEAMS_APP_PASSWORD": "p"}, False, False),
        ({"TEAMS_APP_ID": "a"}, True, False),
        ({"TEAMS_DEV_NO_AUTH": "1"}, True, True),
        ({"TEAMS_DEV_NO_AUTH": "0"}, False, False),
        ({"TEAMS_DEV_NO_AUTH": "true"}, False, False),
    ],
)
def test_teams_is_on_with_an_application_and_believes_everybody_only_for_a_one(
    given: dict[str, str], on: bool, believes: bool
) -> None:
    found = read(given)
    assert (found.teams_on, found.teams_believes_all) == (on, believes)


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
        ("model_seconds", 1.0, "FLOWPILOT_MODEL_SECONDS"),
        ("model_retry_seconds", 0.0, "FLOWPILOT_MODEL_RETRY_SECONDS"),
        ("daily_tokens", -1, "FLOWPILOT_DAILY_TOKENS"),
        ("model_turn", "", "FLOWPILOT_MODEL_TURN"),
        ("model_note", "../files", "FLOWPILOT_MODEL_NOTE"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(field: str, value: object, name: str) -> None:
    found = problems(replace(Settings(), **{field: value}))  # type: ignore[arg-type]
    assert list(found) == [name]
    assert found[name].startswith(f"{name} is ")


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        ("https://api.anthropic.com", True),
        ("https://gateway.example/claude/", True),
        ("http://127.0.0.1:4000", True),
        ("http://10.1.2.3:4000", True),
        ("http://[::1]:4000", True),
        ("http://litellm:4000", True),
        ("http://api.anthropic.com", False),
        ("http://8.8.8.8", False),
        ("ftp://api.anthropic.com", False),
        ("api.anthropic.com", False),
        ("https://", False),
        ("https://key@api.anthropic.com", False),
        ("https://api.anthropic.com:port", False),
        ("https://[", False),
    ],
)
def test_a_key_goes_only_where_nobody_reads_along(address: str, fits: bool) -> None:
    found = problems(Settings(anthropic_base_url=address))
    assert list(found) == ([] if fits else ["ANTHROPIC_BASE_URL"])


@pytest.mark.parametrize("key", ["sk ant", "sk-ключ", "sk\nant"])
def test_a_key_that_was_not_copied_whole_is_named_without_being_shown(key: str) -> None:
    found = problems(Settings(anthropic_api_key=key))
    assert list(found) == ["ANTHROPIC_API_KEY"]
    assert key not in found["ANTHROPIC_API_KEY"]


def test_each_purpose_has_the_model_that_was_set_for_it() -> None:
    found = read({"FLOWPILOT_MODEL_TURN": "claude-opus-5-5"})
    assert found.models == replace(Models(), turn="claude-opus-5-5")
    assert {found.models.of(purpose) for purpose in Purpose} >= {"claude-opus-5-5", "claude-haiku-5-5"}


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
