"""Settings of Teams with which nobody may start: requests that nobody signed from other machines, or half an application."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from bot.settings import Settings, SettingWrong


def refuse_unsafe(settings: Settings) -> None:
    """Raises SettingWrong with the first of `problems`."""
    for sentence in problems(settings):
        raise SettingWrong(sentence)


def problems(settings: Settings) -> tuple[str, ...]:
    """A sentence for each that says what to change."""
    return (*_unsigned(settings), *_half(settings), *_addresses(settings))


def _unsigned(settings: Settings) -> Iterator[str]:
    if not settings.teams_believes_all:
        return
    if settings.teams_app_id:
        yield (
            "TEAMS_DEV_NO_AUTH is 1 and TEAMS_APP_ID is set: then anybody could speak as one of your people. Take "
            "TEAMS_DEV_NO_AUTH out to connect Teams, or TEAMS_APP_ID to try the playground."
        )
    if not is_loopback(settings.host):
        yield (
            f"TEAMS_DEV_NO_AUTH is 1 and FLOWPILOT_HOST is {settings.host}: then anybody who reaches this machine "
            "could speak as one of your people. Set FLOWPILOT_HOST to 127.0.0.1, or take TEAMS_DEV_NO_AUTH out."
        )


def _half(settings: Settings) -> Iterator[str]:
    if not settings.teams_app_id:
        return
    if not settings.teams_app_password:
        yield (
            "TEAMS_APP_ID is set and TEAMS_APP_PASSWORD is not. Make a client secret in the app registration, under "
            "Certificates & secrets, and put its value there."
        )
    if not settings.teams_app_tenant:
        yield (
            "TEAMS_APP_ID is set and TEAMS_APP_TENANTID is not. Copy the directory (tenant) ID from the overview of "
            "the app registration."
        )


def _addresses(settings: Settings) -> Iterator[str]:
    """The password goes to the one, and whoever answers at the other decides whom we believe."""
    if not settings.teams_on:
        return
    for name, address in (
        ("TEAMS_LOGIN_URL", settings.teams_login_url),
        ("TEAMS_OPENID_URL", settings.teams_openid_url),
    ):
        if not _is_trusted(address):
            yield f"{name} must be an https address. Leave it out for Microsoft's own."


def _is_trusted(address: str) -> bool:
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    if not host or parts.username:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def is_loopback(host: str) -> bool:
    """Only this machine is heard there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
