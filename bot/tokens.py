"""Console tokens: shown once when they are made, and known afterwards only by their hash."""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """43 characters of chance behind a prefix that a search for leaked tokens can look for."""
    return f"fp_{secrets.token_urlsafe(32)}"


def token_id(token: str) -> str:
    """How a token is stored."""
    return hashlib.sha256(token.encode()).hexdigest()
