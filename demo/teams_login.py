"""The login: client credentials against tokens for the connector."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from demo.teams_refusals import Json
from demo.teams_world import World

SCOPE = "https://api.botframework.com/.default"


def discovery(world: World, tenant: str) -> Json:
    """What a client of the login reads first."""
    login = f"{world.base}/login/{tenant}"
    return {
        "token_endpoint": f"{login}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "authorization_endpoint": f"{login}/oauth2/v2.0/authorize",
        "issuer": f"{login}/v2.0",
        "response_types_supported": ["code", "id_token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
    }


def log_in(world: World, tenant: str, form: Mapping[str, str]) -> tuple[int, Json]:
    """(status, JSON) as Microsoft's login answers."""
    if tenant != world.tenant:
        return _refused(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
    if form.get("grant_type") != "client_credentials":
        return _refused(400, "unsupported_grant_type", 70003, "The grant type is not supported.")
    if form.get("client_id") != world.app_id:
        return _refused(400, "unauthorized_client", 700016, "The application was not found in the directory.")
    if form.get("client_secret") != world.password:
        return _refused(401, "invalid_client", 7000215, "Invalid client secret provided.")
    if form.get("scope") != SCOPE:
        return _refused(400, "invalid_scope", 70011, "The provided value for scope is not valid.")
    world.tokens_given += 1
    token = f"practice.{secrets.token_urlsafe(32)}"
    seconds = world.settings.token_seconds
    world.tokens[token] = world.clock() + seconds
    return 200, {
        "token_type": "Bearer",
        "expires_in": int(seconds),
        "ext_expires_in": int(seconds),
        "access_token": token,
    }


def _refused(status: int, error: str, number: int, what: str) -> tuple[int, Json]:
    return status, {"error": error, "error_description": f"AADSTS{number}: {what}", "error_codes": [number]}
