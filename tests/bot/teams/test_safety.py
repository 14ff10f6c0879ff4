"""Nobody starts with Teams half set up, nor where somebody else could speak as one of the people."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.settings import Settings, SettingWrong, read
from bot.teams.safety import problems, refuse_unsafe
from tests.bot.commands import Flowpilot, settings_of
from tests.conftest import Database

ANYWHERE = "0.0.0.0"  # noqa: S104 - what is refused here
APP = Settings(teams_app_id="a", teams_app_password="s3cret", teams_app_tenant="t")
OPEN = Settings(teams_dev_no_auth="1")


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        APP,
        replace(APP, host=ANYWHERE),
        replace(APP, teams_allowed_tenants="no uuid, at all"),
        OPEN,
        replace(OPEN, host="localhost"),
        replace(OPEN, host="::1"),
        replace(OPEN, host="127.0.0.2"),
        Settings(host=ANYWHERE, teams_dev_no_auth="true"),
        replace(APP, teams_login_url="http://127.0.0.1:9", teams_openid_url="http://[::1]:9/keys"),
        Settings(teams_login_url="nonsense"),
    ],
)
def test_what_is_safe_starts(settings: Settings) -> None:
    refuse_unsafe(settings)


@pytest.mark.parametrize(
    ("settings", "names", "advice"),
    [
        (replace(OPEN, host=ANYWHERE), "FLOWPILOT_HOST is 0.0.0.0", "to 127.0.0.1"),
        (replace(OPEN, host="::"), "FLOWPILOT_HOST is ::", "to 127.0.0.1"),
        (replace(OPEN, host="desk.example"), "FLOWPILOT_HOST is desk.example", "to 127.0.0.1"),
        (replace(APP, teams_dev_no_auth="1"), "TEAMS_APP_ID is set", "Take TEAMS_DEV_NO_AUTH out"),
        (replace(APP, teams_app_password=""), "TEAMS_APP_PASSWORD is not", "client secret"),
        (replace(APP, teams_app_tenant=""), "TEAMS_APP_TENANTID is not", "directory (tenant) ID"),
        (replace(APP, teams_login_url="http://login.example"), "TEAMS_LOGIN_URL", "Leave it out"),
        (replace(APP, teams_login_url="https://me@login.example"), "TEAMS_LOGIN_URL", "Leave it out"),
        (replace(APP, teams_openid_url="http://10.0.0.1/keys"), "TEAMS_OPENID_URL", "Leave it out"),
        (replace(APP, teams_openid_url="https://["), "TEAMS_OPENID_URL", "Leave it out"),
    ],
)
def test_what_is_not_is_refused_with_what_to_change(settings: Settings, names: str, advice: str) -> None:
    with pytest.raises(SettingWrong) as refused:
        refuse_unsafe(settings)
    assert names in str(refused.value)
    assert advice in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_everything_that_is_wrong_can_be_named_at_once() -> None:
    worst = replace(APP, teams_dev_no_auth="1", host=ANYWHERE, teams_app_password="", teams_app_tenant="")
    assert len(problems(worst)) == 4


@pytest.mark.parametrize("process", ["web", "worker", "clock"])
async def test_no_process_starts_unsafe(database: Database, redis_url: str, process: str) -> None:
    flowpilot = Flowpilot(settings_of(database, redis_url))
    said = await flowpilot.refuses(process, status=2, TEAMS_DEV_NO_AUTH="1", FLOWPILOT_HOST=ANYWHERE)
    assert "could speak as one of your people" in said


def test_only_a_one_switches_authentication_off() -> None:
    for text in ("", "0", "yes", "true", "01", "1.0"):
        assert not read({"TEAMS_DEV_NO_AUTH": text}).teams_believes_all
