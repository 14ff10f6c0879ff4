"""Finds the personal values of a text by their shape, as spans: addresses, phones, accounts, devices, cards."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from engine.redact_patterns import MaskKind, Span, in_windows

_PERSONAL: tuple[tuple[MaskKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (MaskKind.EMAIL, r"(?<![\w.+-])\w[\w.+'-]{0,63}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}(?![\w@])"),
        (MaskKind.MAC, r"(?i)(?<![\w:-])[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}(?![\w:-])"),
        (MaskKind.MAC, r"(?i)(?<![\w.])[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}(?![\w.])"),
        (MaskKind.USER, r"\bS-1-5-21(?:-\d{4,10}){3}-\d{3,10}\b"),
        (MaskKind.USER, r"(?i)[\\/]users[\\/](?!public\b|default\b|all users\b|administrator\b|shared\b)(?P<v>[^\\/\s:*?\"<>|,;]{2,40})"),
        (MaskKind.USER, r"(?<![\w/])/home/(?P<v>[\w.-]{2,40})"),
        (MaskKind.USER, r"(?<![\w\\:./-])(?!NT |BUILTIN|AUTHORITY|HK[LCU]|IIS |SYSTEM|SOFTWARE|Microsoft|Windows|Program)[A-Z][A-Z0-9-]{1,14}\\(?P<v>[A-Za-z][\w.$-]{1,40})(?![\w\\])"),
        (MaskKind.HOST, r"(?<![\w\\:./-])(?!NT |BUILTIN|AUTHORITY|HK[LCU]|IIS |SYSTEM|SOFTWARE|WORKGROUP|AZUREAD|DOMAIN\b)(?P<v>[A-Z][A-Z0-9-]{2,14})(?=\\[A-Za-z][\w.$-]{1,40}(?![\w\\]))"),
        (MaskKind.USER, r"(?i)\b(?:account name|user ?name|logon name|samaccountname|upn|userid|user id|uid)\s{0,3}[:=]\s{0,10}[\"']?(?!system\b|administrator\b|admin\b|root\b|guest\b|anonymous|local service|network service|n/a|-\s|unknown|none|null|the\b)(?P<v>[a-z][\w.-]{1,40})"),
        (MaskKind.USER, r"(?i)\b(?:whoami|logged (?:in|on) as|run(?:ning)? as|user|account)\W{1,6}[a-z][a-z0-9-]{1,14}\\(?!system\b|network|local)(?P<v>[a-z][\w.-]{1,40})(?![\w\\])"),
        (MaskKind.PERSON, r"\b(?:[Cc]aller|[Rr]equester)[ ](?!Computer|Process|Account|Name|User|Service)(?P<v>[A-Z][a-z'’-]{1,20}[ ][A-Z][a-zA-Z'’-]{1,25})(?![\w@])"),
        (MaskKind.PERSON, r"\b(?:assistant|colleague|wife|husband|boss|receptionist|daughter|son)[ ](?P<v>[A-Z][a-z'’-]{2,20})(?![\w@])"),
        (MaskKind.USER, r"(?i)\b(?:for|invalid user|user|session opened for user)\s{1,3}(?P<v>[a-z][a-z0-9_-]{1,30})\s{1,3}from\s{1,3}\d"),
        (MaskKind.DEVICE, r"\b(?:DESKTOP|LAPTOP|WIN|MININT)-[A-Z0-9]{6,12}\b"),
        (MaskKind.DEVICE, r"(?i)\b(?:workstation name|computer ?name|hostname|source workstation|client name)\s{0,3}[:=]\s{0,10}(?!n/a|-\s|unknown|localhost)\\{0,2}(?P<v>[a-z][\w-]{2,40})\b"),
        (MaskKind.DEVICE, r"(?i)\b(?:s/n|seriennummer|num[ée]ro de s[ée]rie|n[úu]mero de serie|serial(?: ?(?:number|no\.?|#))?|service ?tag|asset ?tag|imei)\s{0,3}[:=#]?\s{0,3}(?P<v>(?=[a-z0-9-]{0,20}\d)[a-z0-9][a-z0-9-]{5,24})\b"),
        (MaskKind.HOST, r"(?i)(?<![\w.@-])[a-z0-9][\w-]{0,62}(?:\.[\w-]{1,63}){0,4}\.(?:local|lan|corp|internal|intra|intranet|ad|home)(?![\w-]|\.\w)"),
        (MaskKind.HOST, r"(?i)(?<![\w\\:%])\\\\(?!localhost\b|\d)(?P<v>[a-z][\w-]{1,62}(?:\.[\w-]{1,63}){0,5})(?=\\)"),
        (MaskKind.PERSON, r"\b(?:Mr|Mrs|Ms|Miss|Dr|Herr|Herrn|Frau)\.?[ ](?P<v>[A-ZÄÖÜ][\w'’-]{1,30}(?:[ ][A-ZÄÖÜ][\w'’-]{1,30})?)"),
        (MaskKind.PERSON, r"(?im:^|\b)(?:Contact|Caller|Requested by|Reported by|Name|From|Regards|Thanks|Cheers|Kind regards),?[:\n][ \t]{0,3}(?P<v>[A-Z][a-z'’-]{1,20}[ ](?:[A-Z]\.?[ ])?[A-Z][a-zA-Z'’-]{1,25})(?![\w@])"),
        (MaskKind.ADDRESS, r"\b\d{1,5}[a-z]?[ ](?:[A-Z][\w'.-]{1,25}[ ]){1,3}(?:St|Street|Ave|Avenue|Rd|Road|Blvd|Boulevard|Lane|Ln|Drive|Dr|Court|Ct|Way|Place|Pl|Square|Terrace|Close)\b\.?(?:,?[ ][A-Z][\w ]{2,30},?[ ][A-Z]{2}[ ]\d{5})?"),
        (MaskKind.ADDRESS, r"\b[A-ZÄÖÜ][a-zäöüß-]{2,30}(?:straße|strasse|str\.|weg|platz|allee|gasse)[ ]\d{1,4}[a-z]?\b(?:,?[ ]\d{5}[ ][A-ZÄÖÜ][a-zäöüß-]{2,30})?"),
    )
)  # fmt: skip
_IP4 = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
_IP6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{2,39}(?:%\w{1,12})?(?![\w:])")
_VERSION_BEFORE = re.compile(
    r"(?i)\b(?:v|version|ver|build|release|firmware|driver|update|patch)[\s:.=-]{0,3}$"
)
_PHONE = re.compile(
    r"(?<![\w.+/-])(?:\+\d{1,3}[ .\-/()\d]{6,18}\d|\(\d{2,5}\)[ -]?\d{3,5}[ .-]?\d{2,8}|\d{3}[ .-]\d{3}[ .-]\d{4}|0\d{2,4}[ /-]\d{3,8}(?:[ -]\d{1,6}){0,2})(?![\w-]|\.\d)(?:[ ]?(?:x|ext\.?)[ ]?\d{1,5})?"
)
_PHONE_CUE = re.compile(
    r"(?i)\b(?:tel|telefon|phone|mobile|mobil|handy|cell|call(?:[ ]\w{2,5})?(?:[ ](?:back[ ])?(?:on|at))?|ring|dial|fax|reach[ ]\w{2,5}[ ](?:on|at)|durchwahl)\b[.:#]{0,2}[ ]{0,3}(?:is[ ])?(?P<v>[+(]?\d[\d ().\-/]{5,18}\d)(?![\w-]|\.\d)"
)
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}[ ]?(?:[A-Z0-9]{4}[ ]?){2,7}[A-Z0-9]{1,4}\b")
_SSN = re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")
_NETS = tuple(
    (ipaddress.ip_network(net), tag)
    for net, tag in (
        ("10.0.0.0/8", "private"),
        ("172.16.0.0/12", "private"),
        ("192.168.0.0/16", "private"),
        ("fc00::/7", "private"),
        ("100.64.0.0/10", "shared"),
    )
)
_STAY_IP = frozenset({"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9"})


def personal_spans(text: str) -> Iterator[Span]:
    """E-mail addresses, phones, addresses of the network and other personal values; spans may overlap."""
    return in_windows(text, _personal)


def _personal(text: str) -> Iterator[Span]:
    for kind, pattern in _PERSONAL:
        for hit in pattern.finditer(text):
            yield Span(*hit.span("v" if "v" in pattern.groupindex else 0), kind)
    for hit in (*_IP4.finditer(text), *_IP6.finditer(text)):
        if tag := _ip_tag(text, hit):
            yield Span(*hit.span(), MaskKind.IP, tag)
    yield from _numbers(text)


def _numbers(text: str) -> Iterator[Span]:
    for pattern, group, least in ((_PHONE, 0, 7), (_PHONE_CUE, 1, 6)):
        for hit in pattern.finditer(text):
            if least <= sum(map(str.isdigit, hit[group])) <= 16:
                yield Span(*hit.span(group), MaskKind.PHONE)
    for hit in _CARD.finditer(text):
        if _luhn(hit[0]):
            yield Span(*hit.span(), MaskKind.CARD)
    for hit in (*_IBAN.finditer(text), *_SSN.finditer(text)):
        yield Span(*hit.span(), MaskKind.CARD)


def _ip_tag(text: str, hit: re.Match[str]) -> str:
    """What kind of address it is; nothing for versions, net masks and what belongs to nobody."""
    written = hit[0].partition("%")[0]
    if ":" in written and (written.count(":") < 2 or not any(map(str.isdigit, written))):
        return ""
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return ""
    if written in _STAY_IP or written.startswith("255.") or address.is_unspecified or address.is_multicast:
        return ""
    if _VERSION_BEFORE.search(text[max(0, hit.start() - 12) : hit.start()]):
        return ""
    if written.endswith(".0.0") and not address.is_private:
        return ""  # 1.18.0.0 is a version
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "link-local"
    return next((tag for net, tag in _NETS if address.version == net.version and address in net), "public")


def _luhn(number: str) -> bool:
    digits = [int(c) for c in number if c.isdigit()][::-1]
    doubled = (d * 2 - 9 if d > 4 else d * 2 for d in digits[1::2])
    return len(set(digits)) > 1 and (sum(digits[::2]) + sum(doubled)) % 10 == 0
