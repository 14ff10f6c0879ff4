"""Which addresses the bot speaks to, and which of them may see its token."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from yarl import URL

# Teams names pictures by its connector's host (…/v3/attachments/<id>/views/original). Microsoft's list of endpoints of
# Microsoft 365 has *.asm.skype.com for older ones; these hosts of it are seen in contentUrl. Each is written out:
# trafficmanager.net gives away names to anybody, and a list of exact names needs no thought about endings.
TOKEN_HOSTS = frozenset(
    {
        "smba.trafficmanager.net",
        "api.asm.skype.com",
        "us-api.asm.skype.com",
        "eu-api.asm.skype.com",
        "as-api.asm.skype.com",
        "in-api.asm.skype.com",
    }
)
# The address of an uploaded file carries its own short-lived permission.
SHAREPOINT = ".sharepoint.com"


def parsed(address: str) -> URL | None:
    """An absolute http(s) address without a user's name in it, else None."""
    try:
        url = URL(address)
        whole = url.scheme in {"http", "https"} and url.host and url.user is None and url.password is None
        return url if whole and url.port else None
    except (ValueError, TypeError):
        return None


def loopback(address: str) -> bool:
    """Whether an address, or a bare host, stays on this machine."""
    url = parsed(address) if "://" in address else None
    host = (url.host or "") if url is not None else "" if "://" in address else address.strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Hosts:
    """`local`: addresses on this machine are spoken to, without TLS too. `remote`: others are, with TLS."""

    local: bool
    remote: bool

    def connector(self, address: str) -> URL | None:
        """A connector's address that may be spoken to, None for every other."""
        url = parsed(address)
        if url is None or url.query_string or url.fragment:
            return None
        if loopback(address):
            return url if self.local else None
        return url if self.remote and url.scheme == "https" else None

    def file(self, address: str, connector: str) -> tuple[URL, bool] | None:
        """Where a file is fetched and whether with the token; None where it is not fetched at all."""
        url, own = parsed(address), self.connector(connector)
        if url is None or own is None:
            return None
        if url.origin() == own.origin():
            return url, True
        if not self.remote or url.scheme != "https" or url.port != 443:
            return None
        host = url.host or ""
        if host in TOKEN_HOSTS:
            return url, True
        return (url, False) if host.endswith(SHAREPOINT) else None
