"""`flowpilot teams-package`: the file that an admin uploads to Teams."""

from __future__ import annotations

from pathlib import Path

from bot.cli_screen import CommandFailed, Here
from bot.teams.package import PackageWrong, package


def packed(here: Here) -> int:
    """Writes the zip file; one that is there already is replaced."""
    try:
        made = package(here.settings.teams_app_id, here.given.url or "")
    except PackageWrong as wrong:
        raise CommandFailed(str(wrong)) from wrong
    out = Path(here.given.out)
    try:
        out.write_bytes(made)
    except OSError as refused:
        why = refused.strerror or type(refused).__name__
        raise CommandFailed(
            f"{out} cannot be written ({why}). No package was made. Choose another place with --out."
        ) from refused
    here.screen.say(f"Made {out} for the bot {here.settings.teams_app_id}.")
    if not here.given.url:
        here.screen.say(
            "Its links to a website, privacy and terms lead to flowpilot.example.com, which is nobody's. "
            "Give an address of yours with --url."
        )
    here.screen.say(
        "Upload it in the Teams admin center (Teams apps, Manage apps), or in Teams: Apps, Manage your apps, "
        "Upload an app. Then connect the organisation: flowpilot link teams --by EMAIL"
    )
    return 0
