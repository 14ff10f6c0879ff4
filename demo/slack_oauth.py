"""Installing the app: codes, tokens, refresh tokens that work once, and taking it away again."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import urlencode

from demo.slack_refusals import Json, Refused
from demo.slack_world import APP, Grant, Team, World, install

CLIENT = "practice-client"
CLIENT_SECRET = "practice-client-secret"  # noqa: S105 - the practice app's
HOURS_12 = 43_200


def new_code(world: World, team: str, scopes: str = "", redirect_uri: str = "") -> str:
    """What Slack hands to redirect_uri after somebody pressed Allow. `scopes` "" means the manifest's."""
    code = secrets.token_hex(12)
    world.codes[code] = " ".join((team, scopes or "-", redirect_uri or "-"))
    return code


def allow(world: World, asked: Mapping[str, str]) -> str:
    """Where the browser goes after Allow (or Cancel, with `deny`); "" where nothing fits.

    `team` names the workspace; T0PRACTICE without it.
    """
    team = asked.get("team") or "T0PRACTICE"
    target = asked.get("redirect_uri", "")
    if asked.get("client_id") != CLIENT or team not in world.teams or not target:
        return ""
    if asked.get("deny"):
        found = {"error": "access_denied"}
    else:
        found = {"code": new_code(world, team, asked.get("scope", ""), target)}
    return f"{target}{'&' if '?' in target else '?'}{urlencode(found | {'state': asked.get('state', '')})}"


def access(world: World, args: Json) -> Json:
    """oauth.v2.access for a code, or for a refresh token."""
    if args.get("client_id") != CLIENT:
        raise Refused("invalid_client_id")
    if args.get("client_secret") != CLIENT_SECRET:
        raise Refused("bad_client_secret")
    if args.get("grant_type") == "refresh_token":
        return _refreshed(world, str(args.get("refresh_token", "")))
    kept = world.codes.pop(str(args.get("code", "")), "").split(" ")
    if len(kept) != 3:
        raise Refused("invalid_code")
    team, scopes, redirect_uri = kept
    if redirect_uri not in ("-", str(args.get("redirect_uri", redirect_uri))):
        raise Refused("bad_redirect_uri")
    return _answer(world, world.teams[team], None if scopes == "-" else set(scopes.split(",")))


def _refreshed(world: World, given: str) -> Json:
    team, _, scopes = world.refreshes.pop(given, "").partition(" ")
    if not team:
        raise Refused("invalid_refresh_token")
    return _answer(world, world.teams[team], set(scopes.split(",")))


def _answer(world: World, team: Team, scopes: set[str] | None = None) -> Json:
    grant = install(world, team, f"xoxb-{team.id}-{secrets.token_hex(8)}", scopes)
    found: Json = {
        "app_id": APP,
        "authed_user": {"id": next((one.id for one in world.people.values() if one.team == team.id), "")},
        "scope": ",".join(sorted(grant.scopes)),
        "token_type": "bot",
        "access_token": grant.token,
        "bot_user_id": team.bot_user,
        "team": {"id": team.id, "name": team.name},
        "enterprise": None,
        "is_enterprise_install": False,
    }
    if world.settings.rotate:
        grant.token = f"xoxe.{grant.token}"
        world.grants[grant.token] = world.grants.pop(found["access_token"])
        grant.expires = world.clock() + HOURS_12
        refresh = f"xoxe-1-{secrets.token_hex(12)}"
        world.refreshes[refresh] = f"{team.id} {found['scope']}"
        found |= {"access_token": grant.token, "refresh_token": refresh, "expires_in": HOURS_12}
    return found


def revoked(world: World, grant: Grant) -> Json:
    grant.refused = "token_revoked"
    return {"revoked": True}
