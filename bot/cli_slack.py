"""`flowpilot slack-manifest`: what to paste at api.slack.com/apps to make the app."""

from __future__ import annotations

from bot.cli_screen import CommandFailed, Here
from bot.slack.manifest import ManifestWrong, behind, root


def manifest(here: Here) -> int:
    """Nothing but the JSON on standard output, so that it can be piped."""
    try:
        made = behind(here.given.url) if here.given.url else root()
    except ManifestWrong as wrong:
        raise CommandFailed(str(wrong)) from wrong
    here.screen.json(made)
    return 0
