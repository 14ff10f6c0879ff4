"""What the practice desk remembers beside its database: keys, tokens and ports; light, so that a start is quick."""

from __future__ import annotations

import base64
import json
import secrets
import socket
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from uuid import uuid4

from bot.practice import PEOPLE, PracticeError
from storage.embedded_secrets import write_private

PORTS = range(20_000, 32_000)
"""Below those that systems give to outgoing connections and to whoever asks for any port: while a killed process is
started again, nobody gets the port it comes back to.
"""
TRIES = 100


@dataclass(frozen=True, slots=True)
class Kept:
    """`account` is the practice Account's id; `keys` encrypts; one token per person."""

    account: str
    keys: str
    tokens: dict[str, str]
    web_port: int = 0
    psa_port: int = 0
    model_port: int = 0


def read_or_make(folder: Path) -> Kept:
    """The desk's memory, made at first use, with ports that are free now. Raises PracticeError."""
    path = folder / "desk.json"
    known = _read(path) if path.exists() else _new()
    known = replace(known, web_port=free_port(known.web_port))
    known = replace(known, psa_port=free_port(known.psa_port, known.web_port))
    known = replace(known, model_port=free_port(known.model_port, known.web_port, known.psa_port))
    write_private(path, json.dumps(asdict(known), indent=2))
    return known


def free_port(wanted: int, *taken: int) -> int:
    """The wanted port where it is still free, so that links stay good; else one of PORTS. Raises PracticeError."""
    for port in (wanted, *(secrets.choice(PORTS) for _ in range(TRIES))):
        if port not in (0, *taken) and _is_free(port):
            return port
    raise PracticeError(
        "No port of this computer is free. Close what listens on many of them, then try again."
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _new() -> Kept:
    return Kept(
        str(uuid4()),
        base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        {who: secrets.token_urlsafe(32) for who in PEOPLE},
    )


def _read(path: Path) -> Kept:
    try:
        return Kept(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        message = (
            f"{path} cannot be read ({error}). Put it back as it was, or start anew with ./dev demo --fresh."
        )
        raise PracticeError(message) from error
