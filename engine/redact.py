"""Masks secrets and personal values behind placeholders, in layers, and puts the personal ones back for people."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.psa import Ticket
from engine.redact_patterns import MaskKind as MaskKind
from engine.redact_patterns import Span, secret_spans
from engine.redact_patterns import looks_like_secret as looks_like_secret
from engine.redact_personal import personal_spans
from engine.redact_values import further, value_spans


@dataclass(frozen=True, slots=True)
class Mask:
    """One value and what stands for it, for example `⟦IP_2 private⟧`."""

    placeholder: str
    kind: MaskKind
    value: str


@dataclass(frozen=True, slots=True)
class Known:
    """A value that is known to be personal wherever it stands."""

    value: str
    kind: MaskKind


Masks = tuple[Mask, ...]
_Placing = Callable[[str, MaskKind, str], str]

SECRET = "⟦SECRET⟧"  # noqa: S105 - what stands in place of one
_PLACEHOLDER = re.compile(r"⟦([A-Z]{2,10})(?:_(\d{1,6}))?(?: ([a-z-]{1,20}))?⟧")
_ROUNDS = 12
"""Masking a value may uncover another one beside it; each round masks at least one more."""


def mask(text: str, masks: Masks = (), known: Sequence[Known] = ()) -> tuple[str, Masks]:
    """The masked text and all masks, old and new. A value that was masked before keeps its placeholder.

    Placeholders of `masks` may stand in the text already; any other one is taken for a forgery and loses its
    brackets. Masking the result again with the same masks changes nothing.
    """
    vault = _Vault(masks)
    text = _without_foreign(text, vault.placeholders)
    exact = tuple(known)
    for _ in range(_ROUNDS):
        before = text
        text = _each_part(text, vault, exact)
        if text == before:
            break
    return text, tuple(vault.masks)


def unmask(text: str, masks: Masks) -> str:
    """Every kind but SECRET is put back; placeholders that nobody knows stay."""
    values = {m.placeholder: m.value for m in masks if m.kind is not MaskKind.SECRET}
    return _PLACEHOLDER.sub(lambda hit: values.get(hit[0], hit[0]), text)


def mask_secrets(text: str, values: Sequence[str] = ()) -> str:
    """The text for the PSA: each secret as `⟦SECRET⟧`, everything else as it was. Idempotent.

    `values`: secrets that are known exactly. One that is found by rule is masked wherever else it stands, too.
    """
    exact = tuple(values)
    text = _PLACEHOLDER.sub(lambda hit: SECRET if hit[1] == "SECRET" else hit[0], text)
    for _ in range(_ROUNDS):
        before = text
        parts = [
            (part, [] if _PLACEHOLDER.fullmatch(part) else [*secret_spans(part)]) for part in _parts(text)
        ]
        found = further(part[span.start : span.end] for part, spans in parts for span in spans)
        exact = tuple(dict.fromkeys((*exact, *found)))
        text = "".join(
            part
            if _PLACEHOLDER.fullmatch(part)
            else _replaced(part, _chosen([*spans, *value_spans(part, exact)]), lambda *_: SECRET)
            for part, spans in parts
        )
        if text == before:
            break
    return text


def counts(text: str) -> dict[str, int]:
    """How many placeholders of each kind stand in a masked text."""
    found: dict[str, int] = {}
    for hit in _PLACEHOLDER.finditer(text):
        found[hit[1]] = found.get(hit[1], 0) + 1
    return found


def also(values: str, masks: Masks) -> Masks:
    """The masks and one more SECRET for each value a person asked to hide."""
    vault = _Vault(masks)
    for value in asked_for(values):
        vault.placeholder(value, MaskKind.SECRET)
    return tuple(vault.masks)


def asked_for(values: str) -> tuple[str, ...]:
    """What a person wrote to have it hidden: each line is one value, in a single line each part between commas; what
    stands in quotation marks stays whole.
    """
    lines = [line.strip() for line in values[:10_000].splitlines() if line.strip()]
    parts = lines if len(lines) > 1 else [hit[0] for line in lines for hit in _PART.finditer(line)]
    found = (part.strip(" \t\r\"'`“”„") for part in parts)
    return tuple(dict.fromkeys(value for value in found if 3 <= len(value) <= 500))


_PART = re.compile(r"[ \t]*(?:\"[^\"]+\"|“[^”]+”|„[^“”]+[“”]|`[^`]+`)[ \t]*(?=[,;]|$)|[^,;]+")


def stands_in(text: str, values: Sequence[str]) -> bool:
    """Whether one of the values stands in a text in clear, whatever its case; a placeholder holds none."""
    return any(
        next(iter(value_spans(part, values)), None) is not None
        for part in _parts(text)
        if part and not _PLACEHOLDER.fullmatch(part)
    )


def without_lookalikes(text: str) -> str:
    """Text from outside, its own ⟦…⟧ in plain brackets, so that nobody forges a placeholder."""
    return text.translate(_PLAIN)


_PLAIN = str.maketrans({"⟦": "[", "⟧": "]", "〚": "[", "〛": "]"})


def _without_foreign(text: str, ours: Mapping[str, Mask]) -> str:
    return "".join(
        part if part in ours or part == SECRET else without_lookalikes(part) for part in _parts(text)
    )


def _parts(text: str) -> Iterator[str]:
    """The text cut before and behind each placeholder."""
    at = 0
    for hit in _PLACEHOLDER.finditer(text):
        yield text[at : hit.start()]
        yield hit[0]
        at = hit.end()
    yield text[at:]


# ── The vault while it is filled ────────────────────────────────────────────────────────────────────────────


class _Vault:
    """The masks so far: what has a placeholder already, and the next free number of each kind."""

    def __init__(self, masks: Masks) -> None:
        self.masks = list(masks)
        self.placeholders = {m.placeholder: m for m in masks}
        self._secrets = {m.value.casefold(): m for m in masks if m.kind is MaskKind.SECRET}
        self._others = {m.value.casefold(): m for m in masks if m.kind is not MaskKind.SECRET}
        self._last: dict[str, int] = {}
        for m in masks:
            if hit := _PLACEHOLDER.fullmatch(m.placeholder):
                self._last[hit[1]] = max(self._last.get(hit[1], 0), int(hit[2] or 0))

    def placeholder(self, value: str, kind: MaskKind, tag: str = "") -> str:
        secret = kind is MaskKind.SECRET
        found = (self._secrets if secret else self._others).get(value.casefold())
        # The first name “Jane” is looked for with its capital only; the account “jane” wherever it stands.
        bare = found is not None and found.kind is MaskKind.PERSON and " " not in found.value
        if found is not None and not (bare and kind is not MaskKind.PERSON):
            return found.placeholder
        number = self._last[kind] = self._last.get(kind, 0) + 1
        made = Mask(f"⟦{kind}_{number}{f' {tag}' if tag else ''}⟧", kind, value)
        self.masks.append(made)
        self.placeholders[made.placeholder] = made
        (self._secrets if secret else self._others)[value.casefold()] = made
        return made.placeholder


def _each_part(text: str, vault: _Vault, known: tuple[Known, ...]) -> str:
    done = []
    for part in _parts(text):
        if _PLACEHOLDER.fullmatch(part) or not part:
            done.append(part)
            continue
        exact = [*_exact(part, known), *_remembered(part, vault)]
        named = {(s.start, s.end) for s in exact if s.kind is not MaskKind.SECRET}
        # A known name right behind “password for” is no password.
        secret = [s for s in secret_spans(part) if (s.start, s.end) not in named]
        spans = _chosen([*secret, *exact, *personal_spans(part)])
        done.append(_replaced(part, spans, vault.placeholder))
    return "".join(done)


def _chosen(spans: Iterable[Span]) -> list[Span]:
    """Spans without overlap: secrets first, joined where they touch; then the longest of the others."""
    kept: list[Span] = []
    found = sorted(set(spans))
    for span in (s for s in found if s.kind is MaskKind.SECRET):
        if kept and span.start < kept[-1].end:
            kept[-1] = kept[-1]._replace(end=max(kept[-1].end, span.end))
        else:
            kept.append(span)
    others = sorted(
        (s for s in found if s.kind is not MaskKind.SECRET), key=lambda s: (s.start - s.end, s.start)
    )
    taken = bytearray()
    if others or kept:
        taken = bytearray(max(s.end for s in (*others, *kept)))
    for span in kept:
        taken[span.start : span.end] = b"\1" * (span.end - span.start)
    for span in others:
        if not any(taken[span.start : span.end]):
            taken[span.start : span.end] = b"\1" * (span.end - span.start)
            kept.append(span)
    return sorted(s for s in kept if s.end > s.start)


def _replaced(text: str, spans: Sequence[Span], placeholder: _Placing) -> str:
    pieces, at = [], 0
    for span in spans:
        pieces += [text[at : span.start], placeholder(text[span.start : span.end], span.kind, span.tag)]
        at = span.end
    return "".join((*pieces, text[at:]))


# ── Exact values ────────────────────────────────────────────────────────────────────────────────────────────

_GENERIC = frozenset(
    """main office head hq home site the and for test user users admin administrator root guest system server servers service support
    helpdesk scan scanner backup print printer reception it company group team default public domain local network client clients
    owner unknown none warehouse branch remote london paris berlin mail email info sales accounts office1 workstation laptop desktop
    computer router switch firewall phone microsoft windows outlook google apple dell lenovo""".split()  # noqa: SIM905 - a list of words reads as a text
)
_ALSO_WORDS = frozenset(
    """will may mark bill rich art grant price page frank grace hope joy dawn rose sue pat rob jack drew chase miles guy gene ray skip
    banks brooks case cook day field fields fox green gray hall hand hill king lane long love marsh moon parks power reed rivers short
    stone strong summer sun wells west white wise wood woods young best black brown church cross read post park ford""".split()  # noqa: SIM905
)
_LEGAL = re.compile(
    r"(?i)[ ,]{1,3}(?:ltd|limited|llc|llp|inc|corp|corporation|gmbh|ag|kg|co|company|plc|group|bv|sa|sarl|pty)\.?$"
)
_FREE_MAIL = frozenset(
    """gmail.com outlook.com hotmail.com live.com yahoo.com icloud.com me.com aol.com gmx.de gmx.net web.de t-online.de googlemail.com
    msn.com proton.me protonmail.com mail.com microsoft.com onmicrosoft.com""".split()  # noqa: SIM905
)


def known_of(
    ticket: Ticket | None, people: Sequence[str] = (), companies: Sequence[str] = ()
) -> tuple[Known, ...]:
    """What the ticket and the account name: contact, company, site, devices and people. No value stands twice."""
    found: list[tuple[str | None, MaskKind]] = [(name, MaskKind.PERSON) for name in people]
    found += [(name, MaskKind.COMPANY) for name in companies]
    if ticket is not None:
        if ticket.contact:
            found += [
                (ticket.contact.name, MaskKind.PERSON),
                (ticket.contact.email, MaskKind.EMAIL),
                (ticket.contact.phone, MaskKind.PHONE),
            ]
            domain = (ticket.contact.email or "").partition("@")[2].casefold()
            found.append((domain if domain not in _FREE_MAIL else "", MaskKind.HOST))
        found += [
            (ticket.company.name if ticket.company else "", MaskKind.COMPANY),
            (ticket.site, MaskKind.ADDRESS),
        ]
        found += [(ticket.owner.name if ticket.owner else "", MaskKind.PERSON)]
        found += [(name.strip(), MaskKind.PERSON) for name in (ticket.resources or "").split(",")]
        found += [(note.author, MaskKind.PERSON) for note in ticket.notes]
        found += [(other.solved_by, MaskKind.PERSON) for other in ticket.recent]
        for device in ticket.configurations:
            found += [
                (device.name, MaskKind.DEVICE),
                (device.serial_number, MaskKind.DEVICE),
                (device.ip_address, MaskKind.IP),
                ((device.last_login or "").rpartition("\\")[2], MaskKind.USER),
            ]
    kept = {Known(v, kind) for value, kind in found if (v := (value or "").strip()) and _telling(v)}
    return tuple(sorted(kept, key=lambda k: (-len(k.value), k.value, k.kind)))


def _telling(value: str) -> bool:
    """Whether a value says more than ordinary words, so that hiding it does not hide the problem."""
    words = re.findall(r"\w+", value.casefold())
    return len(value) >= 3 and not all(
        word in _GENERIC or (word.isdigit() and len(word) < 5) for word in words
    )


def _exact(text: str, known: Sequence[Known]) -> Iterator[Span]:
    folded = text.casefold()
    for each in known:
        for value, whole in _forms(each):
            if each.kind is MaskKind.PHONE:
                yield from _phone(text, value)
            elif value.casefold() in folded:
                yield from _occurrences(text, value, each.kind, whole=whole)


def _forms(known: Known) -> Iterator[tuple[str, bool]]:
    """A value and the parts of it people use alone; the second says whether it is the value itself."""
    if len(known.value) < 3:
        return
    yield known.value, True
    if not known.value.isascii() and (plain := _unaccented(known.value)) != known.value:
        yield from _forms(Known(plain, known.kind))
    if known.kind is MaskKind.PERSON and " " in known.value:
        yield from (
            (part, False) for part in re.split(r"[ ,]{1,3}", known.value) if len(part.strip(".")) >= 3
        )
    elif known.kind is MaskKind.COMPANY:
        short = _LEGAL.sub("", known.value)
        if short != known.value and len(short) >= 3 and _telling(short):
            yield short, True


def _unaccented(value: str) -> str:
    """`Tomás` as people type it."""
    return "".join(c for c in unicodedata.normalize("NFKD", value) if not unicodedata.combining(c))


def _remembered(text: str, vault: _Vault) -> Iterator[Span]:
    """What was masked before, here again; a common word that was somebody's user name is left alone."""
    folded = text.casefold()
    for mask_ in vault.masks:
        if len(mask_.value) >= 3 and mask_.value.casefold() in folded:
            whole = mask_.kind is not MaskKind.PERSON or " " in mask_.value
            if mask_.kind is MaskKind.SECRET or _telling(mask_.value):
                yield from _occurrences(text, mask_.value, mask_.kind, whole=whole)


def _occurrences(text: str, value: str, kind: MaskKind, *, whole: bool) -> Iterator[Span]:
    """Where the value stands as words of its own, whatever its case; part of a name only when capitalised."""
    left = r"(?<!\w)" if value[0].isalnum() else ""
    right = r"(?!\w)" if value[-1].isalnum() else ""
    inside = r"(?:[a-z0-9][\w-]{0,62}\.){0,4}" if kind is MaskKind.HOST else ""
    for hit in re.compile(f"{left}{inside}{re.escape(value)}{right}", re.IGNORECASE).finditer(text):
        if whole or _as_name(text, hit):
            yield Span(*hit.span(), kind, _tag(hit[0], kind))


def _as_name(text: str, hit: re.Match[str]) -> bool:
    if not hit[0][0].isupper():
        return False
    before = text[max(0, hit.start() - 3) : hit.start()].rstrip(" ")
    return hit[0].casefold() not in _ALSO_WORDS or (bool(before) and before[-1] not in ".!?\n:-•")


def _tag(value: str, kind: MaskKind) -> str:
    return next((span.tag for span in personal_spans(value) if span.tag), "") if kind is MaskKind.IP else ""


def _phone(text: str, value: str) -> Iterator[Span]:
    digits = re.sub(r"\D", "", value.partition("x")[0])
    if 6 <= len(digits) <= 16:
        between = r"[ ().\-/]{0,3}"
        for hit in re.finditer(rf"(?<![\d+])\+?{between.join(digits)}(?!\d)", text):
            yield Span(*hit.span(), MaskKind.PHONE)
