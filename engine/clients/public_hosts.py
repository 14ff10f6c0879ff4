"""Which addresses a PSA may have: https and public ones, unless the operator allows the host."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Collection

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver
from yarl import URL

from engine.psa import PsaWrongHost

LONGEST = 253 + len("https://:65535/")
"""No host name has more than 253 characters (RFC 1035 allows 255 octets on the wire)."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class PrivateAddress(OSError):
    """A name led to an address inside a private network."""


def base_url(host: str, allowed: Collection[str]) -> URL:
    """`api-na.myconnectwise.net` or `https://psa.example:8443` as a URL without a path.

    PsaWrongHost when it is anything more than a host, or plain http or a private address without leave.
    """
    typed = host.strip()
    try:
        url = URL(typed if "://" in typed else f"https://{typed}")
        name, port = url.host, url.port
    except ValueError:
        name, port, url = None, None, URL()
    extra = url.user or url.password or url.query_string or url.fragment or url.path not in ("", "/")
    absurd = len(typed) > LONGEST or re.search(r"[\s\\]", typed) or url.scheme not in ("https", "http")
    if not name or not port or extra or absurd or not _is_name(name):
        raise PsaWrongHost("This is not a host name. Give it like api-na.myconnectwise.net, without a path.")
    if not is_allowed(name, port, allowed):
        if url.scheme != "https":
            raise PsaWrongHost(f"{name} must be reached over https.")
        if _is_literal(name) and not is_public(name):
            raise PsaWrongHost(private_sentence(name))
    return url.origin()


def is_allowed(name: str, port: int, allowed: Collection[str]) -> bool:
    """Whether the operator's list holds the host, alone or with its port."""
    wanted = {entry.strip().casefold() for entry in allowed}
    return name.casefold() in wanted or f"{name}:{port}".casefold() in wanted


def private_sentence(name: str) -> str:
    return f"{name} is inside a private network. The operator of FlowPilot can allow this host."


def is_public(address: str) -> bool:
    """False for loopback, private, link-local, reserved and multicast, also when wrapped in IPv6."""
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


class PublicOnlyResolver(AbstractResolver):
    """Looks names up at connect time and refuses private answers, so a name cannot be moved after a check."""

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = allowed
        self._names = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._names.resolve(host, port, family)
        if not is_allowed(host, port, self._allowed) and not all(is_public(each["host"]) for each in found):
            raise PrivateAddress(private_sentence(host))
        return found

    async def close(self) -> None:
        await self._names.close()


def _is_name(name: str) -> bool:
    """Whether a resolver can be asked for it: one with an empty or overlong label raises UnicodeError there."""
    if ":" in name:  # IPv6
        return True
    labels = name.removesuffix(".").split(".")
    return len(name) <= 253 and all(1 <= len(label) <= 63 for label in labels)


def _is_literal(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        # Old spellings such as 127.1 or 0x7f000001 that a system resolver still takes for an address.
        return False
    return True
