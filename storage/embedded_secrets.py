"""The passwords of one folder's embedded servers, and the error all of them raise."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

USE_YOUR_OWN = (
    "Set DATABASE_URL, DATABASE_OWNER_URL and REDIS_URL to servers of your own, "
    "or start FlowPilot as an ordinary user."
)


class EmbeddedError(RuntimeError):
    """A server cannot run here. The message is for the person at the keyboard."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The passwords of one folder, and the name (`id`) its data has among root's."""

    folder: str
    id: str
    superuser: str
    owner: str
    app: str
    valkey: str


def read_or_make(folder: Path, *, data_stays_behind: bool) -> Secrets:
    """The secrets of a folder, made at first use. Raises EmbeddedError when data is there without them.

    `data_stays_behind`: the data lives elsewhere under `id` (root's does), so that a copied folder needs
    an id of its own: two clones must not share one database.
    """
    path = folder / "secrets.json"
    if not path.exists():
        if (folder / "postgres").exists():
            raise EmbeddedError(
                f"The passwords of the database in {folder} are missing ({path}); the data was not touched. "
                "Put the file back, or remove the folder to start with an empty database."
            )
        return _write(path, _new(folder))
    known = _read(path)
    if known.folder == str(folder):
        return known
    original = Path(known.folder) / "secrets.json"
    if data_stays_behind and original.exists() and _read(original).id == known.id:
        return _write(path, _new(folder))
    return _write(path, replace(known, folder=str(folder)))


def write_private(path: Path, text: str) -> None:
    """Write a 0600 file, whole or not at all, even through a power cut."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(handle)
    Path(name).replace(path)
    parent = os.open(path.parent, os.O_RDONLY)
    os.fsync(parent)
    os.close(parent)


def _new(folder: Path) -> Secrets:
    superuser, owner, app, valkey = (secrets.token_hex(24) for _ in range(4))
    return Secrets(str(folder), secrets.token_hex(8), superuser, owner, app, valkey)


def _read(path: Path) -> Secrets:
    try:
        return Secrets(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        message = (
            f"{path} cannot be read as passwords ({error}); the data was not touched. "
            "Put the file back as it was, or remove the folder to start with an empty database."
        )
        raise EmbeddedError(message) from error


def _write(path: Path, known: Secrets) -> Secrets:
    write_private(path, json.dumps(asdict(known), indent=2))
    return known
