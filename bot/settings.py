"""The one place that reads the environment: every setting, its default and what it is for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from engine.model import Models

_MODELS = Models()


class SettingWrong(ValueError):
    """A setting is missing or cannot be read; the message names it and says what to put there."""


def _setting(name: str, default: Any, meaning: str, *, secret: bool = False) -> Any:
    """A secret one never shows in a repr."""
    return field(default=default, repr=not secret, metadata={"name": name, "meaning": meaning})


@dataclass(frozen=True, slots=True)
class Settings:
    database_url: str = _setting(
        "DATABASE_URL", "", "PostgreSQL, as the application's plain role.", secret=True
    )
    owner_database_url: str = _setting(
        "DATABASE_OWNER_URL",
        "",
        "The same database as the role that owns the tables; only migrations use it.",
        secret=True,
    )
    redis_url: str = _setting("REDIS_URL", "", "A Redis protocol server. It only wakes workers.", secret=True)
    keys: str = _setting(
        "FLOWPILOT_KEYS",
        "",
        "Encryption keys, newest first, separated by commas. `flowpilot keys` makes one.",
        secret=True,
    )
    host: str = _setting("FLOWPILOT_HOST", "127.0.0.1", "The address the web process listens on.")
    port: int = _setting("FLOWPILOT_PORT", 8080, "The port the web process listens on.")
    lease_seconds: float = _setting(
        "FLOWPILOT_LEASE_SECONDS", 60.0, "How long a worker may be silent before another takes its work."
    )
    talk_slots: int = _setting(
        "FLOWPILOT_TALK_SLOTS", 16, "Cards and messages delivered at once by a worker."
    )
    work_slots: int = _setting("FLOWPILOT_WORK_SLOTS", 64, "Guide and PSA calls at once by a worker.")
    sweep_seconds: float = _setting(
        "FLOWPILOT_SWEEP_SECONDS", 3.0, "How often the clock looks for what is owed and nobody was woken for."
    )
    psa_timeout_seconds: float = _setting(
        "FLOWPILOT_PSA_TIMEOUT_SECONDS", 30.0, "The longest read from the PSA."
    )
    psa_deadline_seconds: float = _setting(
        "FLOWPILOT_PSA_DEADLINE_SECONDS", 20.0, "The longest a write to the PSA may take."
    )
    psa_settle_seconds: float = _setting(
        "FLOWPILOT_PSA_SETTLE_SECONDS",
        45.0,
        "How long to wait before looking whether a write with an unknown end arrived; longer than the deadline.",
    )
    psa_retry_seconds: float = _setting(
        "FLOWPILOT_PSA_RETRY_SECONDS", 300.0, "The wait between the three automatic retries."
    )
    psa_allow_hosts: str = _setting(
        "FLOWPILOT_PSA_ALLOW_HOSTS",
        "",
        "On-premises PSA hosts (host or host:port, separated by commas) that may be private or plain http.",
    )
    psa_client_id: str = _setting(
        "FLOWPILOT_PSA_CLIENT_ID",
        "",
        "The ConnectWise clientId of this installation, if an account brings none.",
    )
    slack_signing_secret: str = _setting(
        "SLACK_SIGNING_SECRET",
        "",
        "Slack app, Basic Information: proves that a request is Slack's.",
        secret=True,
    )
    slack_bot_token: str = _setting(
        "SLACK_BOT_TOKEN",
        "",
        "The token of one workspace (xoxb-…). Leave it empty where many install the app.",
        secret=True,
    )
    slack_app_token: str = _setting(
        "SLACK_APP_TOKEN",
        "",
        "Socket Mode (xapp-…): Slack is reached from here, without a public address.",
        secret=True,
    )
    slack_client_id: str = _setting("SLACK_CLIENT_ID", "", "For the install page of many workspaces.")
    slack_client_secret: str = _setting(
        "SLACK_CLIENT_SECRET", "", "For the install page of many workspaces.", secret=True
    )
    slack_api_url: str = _setting(
        "SLACK_API_URL", "https://slack.com/api/", "Where Slack's Web API is; another one only for tests."
    )
    teams_app_id: str = _setting(
        "TEAMS_APP_ID", "", "Microsoft Teams: the application id of the Azure Bot. Empty is off."
    )
    teams_app_password: str = _setting(
        "TEAMS_APP_PASSWORD", "", "A client secret of that application.", secret=True
    )
    teams_app_tenant: str = _setting(
        "TEAMS_APP_TENANTID", "", "The directory (tenant) in which the application is registered."
    )
    teams_allowed_tenants: str = _setting(
        "TEAMS_ALLOWED_TENANTS",
        "",
        "Let in only these tenants, by their ids, separated by commas; empty is every one that connects with a code.",
    )
    teams_dev_no_auth: str = _setting(
        "TEAMS_DEV_NO_AUTH",
        "",
        "1 believes whoever asks, for Microsoft's playground on this machine alone. Never where Teams is connected.",
    )
    teams_login_url: str = _setting(
        "TEAMS_LOGIN_URL",
        "https://login.microsoftonline.com",
        "Where the bot's tokens come from; another one only for tests and sovereign clouds.",
    )
    teams_openid_url: str = _setting(
        "TEAMS_OPENID_URL",
        "https://login.botframework.com/v1/.well-known/openidconfiguration",
        "Where the keys are that Teams signs with; another one only for tests and sovereign clouds.",
    )
    anthropic_api_key: str = _setting(
        "ANTHROPIC_API_KEY",
        "",
        "Claude. Without a key the offline guide does all turns.",
        secret=True,
    )
    anthropic_base_url: str = _setting(
        "ANTHROPIC_BASE_URL",
        "https://api.anthropic.com",
        "Where Claude is; another one for a gateway of yours.",
    )
    model_turn: str = _setting(
        "FLOWPILOT_MODEL_TURN",
        _MODELS.turn,
        "The model that guides, step by step. A large one: small ones lose their way.",
    )
    model_package: str = _setting(
        "FLOWPILOT_MODEL_PACKAGE", _MODELS.package, "The model for escalation packages."
    )
    model_briefing: str = _setting(
        "FLOWPILOT_MODEL_BRIEFING",
        _MODELS.briefing,
        "The model for the briefing of whoever takes a session over.",
    )
    model_note: str = _setting("FLOWPILOT_MODEL_NOTE", _MODELS.note, "The model for resolution notes.")
    model_ticket: str = _setting(
        "FLOWPILOT_MODEL_TICKET", _MODELS.ticket, "The model for summaries of tickets."
    )
    model_retry_seconds: float = _setting(
        "FLOWPILOT_MODEL_RETRY_SECONDS",
        2.0,
        "The wait before Claude is asked again after a failure; each further one is longer, up to 30 times this.",
    )
    model_seconds: float = _setting(
        "FLOWPILOT_MODEL_SECONDS",
        180.0,
        "The longest that one call of Claude may take.",
    )
    daily_tokens: int = _setting(
        "FLOWPILOT_DAILY_TOKENS",
        2_000_000,
        "Tokens that an account may use in a day; then the offline guide does its turns. 0 is no limit.",
    )
    log_level: str = _setting("FLOWPILOT_LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR.")
    parent_fd: int = _setting(
        "FLOWPILOT_PARENT_FD",
        -1,
        "A pipe that ends with the process that started this one; the practice desk sets it.",
    )

    @property
    def key_ring(self) -> tuple[str, ...]:
        return tuple(key.strip() for key in self.keys.split(",") if key.strip())

    @property
    def models(self) -> Models:
        return Models(
            self.model_turn, self.model_package, self.model_briefing, self.model_note, self.model_ticket
        )

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        return tuple(host.strip() for host in self.psa_allow_hosts.split(",") if host.strip())

    @property
    def teams_believes_all(self) -> bool:
        """Requests are not authenticated; bot.teams.safety says where that may be."""
        return self.teams_dev_no_auth == "1"

    @property
    def teams_on(self) -> bool:
        return bool(self.teams_app_id) or self.teams_believes_all

    @property
    def allowed_tenants(self) -> tuple[str, ...]:
        """Only these are let in. Empty: every tenant that Teams vouches for, and a code decides whom it belongs to."""
        return tuple(each.strip() for each in self.teams_allowed_tenants.split(",") if each.strip())


def environment() -> Mapping[str, str]:
    """All of it, for those who look at what a person's shell brings, and pass it on to processes."""
    return os.environ


def names() -> tuple[str, ...]:
    """The names of all settings as they stand in the environment."""
    return tuple(f.metadata["name"] for f in fields(Settings))


def meanings() -> dict[str, tuple[str, str]]:
    """Name → (default, meaning), for `.env.example` and `flowpilot doctor`."""
    return {f.metadata["name"]: (str(f.default), f.metadata["meaning"]) for f in fields(Settings)}


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment. Raises SettingWrong naming the first that cannot be read."""
    settings, unreadable = read_each(environment)
    for sentence in unreadable.values():
        raise SettingWrong(sentence)
    return settings


def read_each(environment: Mapping[str, str] | None = None) -> tuple[Settings, dict[str, str]]:
    """Settings as far as they can be read, and a sentence for each name that cannot, which keeps its default."""
    given = os.environ if environment is None else environment
    chosen: dict[str, Any] = {}
    unreadable: dict[str, str] = {}
    for f in fields(Settings):
        name = f.metadata["name"]
        text = given.get(name, "").strip()
        try:
            if text:
                chosen[f.name] = _converted(name, text, f.default)
        except SettingWrong as wrong:
            unreadable[name] = str(wrong)
    return Settings(**chosen), unreadable


def strangers(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Names that look like ours and are none of them: most likely misspelt."""
    given = os.environ if environment is None else environment
    return tuple(sorted(name for name in given if name.startswith("FLOWPILOT_") and name not in names()))


def _converted(name: str, text: str, default: Any) -> Any:
    try:
        return type(default)(text)
    except ValueError as wrong:
        raise SettingWrong(f"{name} is {text!r}; it must be a number, for example {default}.") from wrong


def required(settings: Settings, *wanted: str) -> None:
    """Raises SettingWrong naming what is missing and how to get it."""
    for f in fields(Settings):
        if f.name in wanted and not getattr(settings, f.name):
            raise SettingWrong(
                f"{f.metadata['name']} is not set. {f.metadata['meaning']} "
                "To try FlowPilot without any of this, run ./dev demo."
            )
