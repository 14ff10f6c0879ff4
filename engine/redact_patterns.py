"""Finds what must never leave: passwords, keys and tokens, as spans of a text.

Every quantifier is bounded and none is nested, because `re` has no time-out; long texts are read in windows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple


class MaskKind(StrEnum):
    SECRET = "SECRET"  # noqa: S105 - the name of a kind
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    PERSON = "PERSON"
    COMPANY = "COMPANY"
    USER = "USER"
    DEVICE = "DEVICE"
    HOST = "HOST"
    IP = "IP"
    MAC = "MAC"
    CARD = "CARD"
    ADDRESS = "ADDRESS"


class Span(NamedTuple):
    """Where a value stands; `tag` is what diagnosis still needs of it, for example `private`."""

    start: int
    end: int
    kind: MaskKind
    tag: str = ""


WINDOW = 8_000
OVERLAP = 600
"""No value and no way from a cue to its value is longer, private key blocks excepted."""


def in_windows(text: str, find: Callable[[str], Iterator[Span]]) -> Iterator[Span]:
    """The spans of a text of any length; each window sees `OVERLAP` characters on both sides of its own."""
    if len(text) <= WINDOW:
        yield from find(text)
        return
    for own in range(0, len(text), WINDOW):
        first = max(0, own - OVERLAP)
        for span in find(text[first : own + WINDOW + OVERLAP]):
            if own <= first + span.start < own + WINDOW:
                yield span._replace(start=first + span.start, end=first + span.end)


# ── Tokens: shapes that are a secret wherever they stand ────────────────────────────────────────────────────

_TOKENS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}\b",
        r"\bgh[pousr]_\w{20,255}|\bgithub_pat_\w{20,255}|\bglpat-[\w-]{15,100}|\bnpm_\w{30,60}|\bpypi-[\w-]{30,250}",
        r"\bxox[a-z]-[\w-]{6,250}|\bxapp-[\w-]{6,250}|hooks\.slack\.com/(?P<s>services/[\w/]{10,150})",
        r"\bsk-[\w-]{16,250}|\b[rs]k_(?:live|test)_\w{10,250}|\bAIza[\w-]{30,60}|\bSG\.[\w-]{15,100}\.[\w-]{15,100}",
        r"\bhf_\w{20,100}|\bdop_v1_\w{30,100}|\bya29\.[\w-]{20,400}|\bSK[0-9a-f]{32}\b|\bkey-[0-9a-z]{32}\b",
        r"\beyJ[\w-]{8,400}\.[\w-]{4,400}(?:\.[\w-]{0,400})?",
        r"\b\w{3}[78]Q~[\w.~-]{20,60}",
        r"(?i)[?&;]sig=(?P<s>[\w%+/=-]{16,200})",
        r"(?i)\b(?:AccountKey|SharedAccessKey|SharedAccessSignature)\s{0,2}=\s{0,2}(?P<s>[^\s;\"']{8,400})",
        r"(?<![\w+/])[A-Za-z0-9+/]{86}==",
        r"(?i)\bauthorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:basic|bearer|negotiate|ntlm|token)\s{1,3}(?P<s>[\w.~+/=-]{4,500})",
        r"(?i)\bbearer\s{1,3}(?P<s>[\w.~+/=-]{16,500})",
        r"(?i)\b(?:x-)?api-?key[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?P<s>[\w.~+/=-]{8,250})",
        r"(?i)\b(?:set-)?cookie\s{0,2}:\s{0,3}(?P<s>[^\n]{6,500})",
        r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s/@:\"']{0,100}:(?P<s>[^\s/@\"']{1,150})@",
        r"(?<!\d)\d{6}(?:-\d{6}){7}(?!\d)",
        r"(?<![\w-])(?=[A-Z0-9-]{0,28}\d)[A-Z0-9]{5}(?:-[A-Z0-9]{5}){4}(?![\w-])",
        r"(?<![\w-])(?=[A-Z0-9 ]{0,28}\d)[A-Z0-9]{5}(?: [A-Z0-9]{5}){4}(?![\w-])",
        r"(?i)(?<![0-9a-f])[0-9a-f]{32}:[0-9a-f]{32}(?![0-9a-f])",
        r"(?i)\$krb5\w{2,10}\$[^\s]{8,500}|\$(?:1|5|6|y|apr1|2[aby])\$[^\s$]{1,60}\$?[\w./$]{10,200}",
        r"(?i)\b[\w.-]{1,60}::[\w.-]{1,60}:(?P<s>[0-9a-f]{16}:[0-9a-f]{32}:[0-9a-f]{8,400})",
        r"(?i:\b(?:seed|secret)\W{1,3})(?P<s>[A-Z2-7]{16,64})(?!\w)",
        r"(?i)(?<!error )(?<!exit )(?<!stop )(?<!event )(?<!status )(?<!result )\bcode (?:is|was|est|es|e|è|ist|lautet) (?P<s>\d{4,8})(?![\w.:-])",
        r"(?i)\bssid\b[^\n]{0,60}?\b(?:key|pass\w{0,8}|pw|psk)\b\s{0,3}[:=]?\s{0,3}(?:is\s)?(?P<s>[^\s,;]{8,63})",
        r"(?i)\botpauth://[^\s]{8,300}",
        r"\bWIFI:[^\n]{0,100}?;P:(?P<s>[^;\n]{4,80});",
    )
)
_BLOCK_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_BLOCK_END = re.compile(r"-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")

# ── Commands and settings with a place for a password ───────────────────────────────────────────────────────

_ARG = r"(?:\"(?P<a>[^\"\n]{1,120})\"|'(?P<b>[^'\n]{1,120})'|(?P<c>[^\s\"',;|&]{2,120}))"
_COMMANDS = tuple(
    re.compile(pattern.replace("ARG", _ARG), re.IGNORECASE)
    for pattern in (
        r"\bnet\s{1,3}user\s{1,3}(?:\"[^\"\n]{1,60}\"|[^\s\"/]{1,60})\s{1,3}(?!/)ARG",
        r"\bnet\s{1,3}use\s[^\n]{0,120}?\s(?:\\\\|//)[^\s]{1,120}\s{1,3}(?!/)ARG(?=\s{1,3}/user)",
        r"\bnet\s{1,3}use\s[^\n]{0,160}?/user:(?:\"[^\"\n]{1,60}\"|[^\s\"]{1,60})\s{1,3}(?!/)ARG",
        r"\bconvertto-securestring\s{1,3}(?:-string\s{1,3})?(?!-)ARG",
        r"[\s(]-(?:\w{0,20}password|passwd|pass|pwd|pw|secret|\w{0,20}secret|apikey|token|passphrase)(?:\s{1,3}|[:=])(?![-($])ARG",
        r"\s/(?:pass|password|passwd|pwd|rp|pw|p)[:=]ARG",
        r"\s/rp\s{1,3}ARG",
        r"\b(?:psexec(?:64)?|winexe|paexec|sshpass|sqlcmd|bcp|osql|mysql\w{0,10}|ldapsearch|smbclient|plink|pscp|winrs|az|docker\s{1,3}login|mosquitto_pub)"
        r"(?:\.exe)?\s(?:[^\n]{0,160}?\s)?-(?:p|pw|w)[\s:=]{1,3}ARG",
        r"\bmysql\w{0,10}\s(?:[^\n]{0,80}?\s)?-p(?P<c2>[^\s]{3,60})",
        r"\bcurl\s(?:[^\n]{0,120}?\s)?(?:-u|--user)\s{1,3}[\"']?[^\s:\"']{1,60}:(?P<c2>[^\s\"']{1,100})",
        r"\b(?:smbclient|rpcclient|net)\s[^\n]{0,120}?-U\s{1,3}[\"']?[^\s%\"']{1,60}%(?P<c2>[^\s\"']{1,100})",
        r"\bidentified\s{1,3}by\s{1,3}(?:password\s{1,3})?ARG",
        r"\bpassword\s{1,3}(?:0|5|7|encrypted)\s{1,3}ARG",
        r"\b(?:enable\s{1,3}secret|secret)\s{1,3}(?:0|5|8|9)\s{1,3}ARG",
        r"\bisakmp\s{1,3}key\s{1,3}(?:[06]\s{1,3})?ARG",
        r"\bpre-shared-(?:key|secret)\s{1,3}(?:(?:local|remote|ascii-text|hexadecimal)\s{1,3}){0,2}(?=[\"']|\S{0,40}\d)ARG",
        r"\b\w{0,20}pass\w{0,12}[\"']\s{1,3}value\s{0,2}=\s{0,2}ARG|<(?:\w{0,20}:)?\w{0,20}(?:password|passwd|pwd|secret)>(?P<c2>[^<\s]{3,120})<",
        r"(?<![\w./\\-])(?:admin|administrator|root|sa|ubnt|user|cisco|support)\s?[:/]\s?(?P<c2>(?=[a-z]{0,30}\d)[a-z0-9!@#$%&*_-]{5,40}|calvin|changeme"
        r"|raspberry|ubnt|toor|letmein|password)(?![\w./\\:@-])",
        r"\bsnmp-server\s{1,3}community\s{1,3}ARG",
        r"\becho\s{1,3}ARG\s{0,3}\|\s{0,3}(?:sudo\s{1,3}-S|passwd)",
        r"\bredis-cli\s(?:[^\n]{0,120}?\s)?-a\s{1,3}ARG",
        r"\bdsmod\s[^\n]{0,160}?-pwd\s{1,3}ARG",
    )
)

# ── Cues: words beside which a password stands ──────────────────────────────────────────────────────────────

_CUE = re.compile(
    r"(?:(?<![a-zäöüßñç$])|(?<=[a-z_.-])(?=(?-i:[A-Z]|p)))(?:p[a@]ss?w?[ro0d]{2,4}s?|pswd|p@ss|passw|mots? de passe|mdp|contrase[ñn]y?as?|clave|wachtwoord|senha|laps"
    r"|recovery[ -](?:code|phrase)|puk|static challenge|(?:secret|security)(?: question)?['’]?s? answer|authenticator (?:number|code)|passwords?|passwd|passcodes?|pass[ -]?phrases?|pass[ -]?words?|pwd|p/?w|pass|secret"
    r"|tokens?|api[ _-]?keys?|access[ _-]?keys?|private[ _-]?keys?|public[ _-]?keys?|shared[ _-]?(?:secret|key)|pre-?shared[ _-]?key"
    r"|psk|wpa2?[ _-]?key|(?:wi-?fi|wlan|network|security|encryption|recovery|licen[cs]e|product|activation|bitlocker)[ _-]key"
    r"|community[ _-]string|creds?|credentials?|kennw(?:ort|örter)\w{0,2}|passw(?:ort|örter)\w{0,2}|zugangsdaten|logins?|pin(?:[ -]?code)?"
    r"|(?:security|mfa|2fa|sms|otp|verification|one-?time|backup|auth\w{0,12}|login|door|alarm|voicemail|access|unlock)[ -](?:code|pin))"
    r"(?![a-zäöüßñç]|\.\w{1,40}\()",
    re.IGNORECASE,
)
_SOFT = re.compile(r"(?i)pass|clave|laps|logins?|tokens?|secret|public[ _-]?keys?|creds?|credentials?")
_NUMERIC = re.compile(
    r"(?i)pin.{0,6}|puk|static challenge|authenticator number|.{1,20}[ -](?:code|pin)|passcodes?"
)
_OPERATOR = re.compile(
    r"[ \t]{0,3}[\"'`*_\])]{0,3}[ \t]{0,3}(?:=>|->|→|:=|[:=])[ \t*_]{0,4}(?:\n[ \t]{0,8})?"
)
_WORD = re.compile(r"\S{1,160}")
_BE = frozenset(
    "is was are now to as = : -> => → be became lautet ist war heißt heisst auf est es é è".split()  # noqa: SIM905
)
_STOP = frozenset(
    """expired reset wrong incorrect invalid unknown none null empty blank yes no true false required correct changed ok okay failed
    n/a same see in vault stored not never the a an user users is was policy hidden redacted prompt saved protected prompts entered typed
    being too old still set always again fine good bad working accepted rejected denied needed wanted asked different missing ready short
    long weak strong case-sensitive only just now also about already at on of for from with by and or but if when because so that this
    it its his her their my your our new current default temporary temp there here sent shared known unchanged locked unlocked disabled
    enabled active inactive gone lost forgotten synced unsynced mandatory optional broken visible safe secure set. to be are were has had
    will would can cannot could should must may might do does did don't doesn't isn't wasn't won't what which who how why via using
    abgelaufen falsch zurückgesetzt geändert gesperrt richtig ungültig unbekannt nicht korrekt vergessen ist war keychain bitwarden
    keepass lastpass hudu itglue passportal 1password manager screen window dialog box field page link email mail message error change
    expiry expires history hash sync writeback age length attempt attempts text string number object credential credentials password
    passwords outlook teams onedrive windows office exchange sharepoint vpn wifi token tokens provider required. accounts account admin administrator owner""".split()  # noqa: SIM905 - a list of words reads as a text
)
_STRIP_LEFT = "\"'`([<{„“”‘’«»*_"
_STRIP_RIGHT = "\"'`)]>},;”’“‘»«*_"
_NOT_A_VALUE = re.compile(
    r"\$[\w:{(].{0,150}|%\w{1,60}%|<.{0,100}>|\{\{.{0,100}|[*•.xX•_-]{3,150}|\[.{0,100}\]|⟦.{0,100}|https?:.{0,160}|[a-z]{2,8}://.{0,160}"
    r"|[A-Za-z_.]{2,60}\(.{0,150}|[A-Za-z]:\\.{0,160}|\\\\.{0,160}|/[\w.-]{1,40}/.{0,150}|[\w.+-]{1,80}@[\w-]{1,60}(?:\.[\w-]{1,30}){1,4}|@.{0,100}"
)
_ORDINARY = re.compile(
    r"(?i)0x[0-9a-f]{1,16}|kb\d{4,8}|v?\d{1,5}(?:\.\d{1,7}){1,4}|\d{1,4}[/.:-]\d{1,2}(?:[/.:-]\d{1,4})?(?:[ap]m)?|\d{4}-\d\d-\d\dt[\d:.]{1,20}(?:z|[+-][\d:]{2,6})?|\d{1,2}[ap]m"
    r"|(?:office|windows?|win|exchange|server|sql|outlook|ios|ipados|macos|iphone|ipad|m|o|sha|md|aes|rsa|tls|ssl|ipv|event|error|tier"
    r"|level|port|hresult|ticket|step|chrome|firefox|edge|teams|word|excel|acrobat|adobe|quickbooks|sage|vlan|room|floor|wpa|gen"
    r"|ws|srv|dc|pc|nb|lt|fs|ts|rds|vpn|x|usb|hp|office-|ntlmv|oauth|smbv?|cve-\d{4}-)[ -]?\d{1,6}(?:h\d)?"
    r"|(?:microsoft|windows|office|outlook)\w{1,60}|[\w-]{1,60}\.(?:exe|dll|ps1|bat|cmd|sys|msi|log|xml|json|ini|txt|pst|ost|docx?|xlsx?|pdf|zip|png|jpe?g|com|net|org|local|de|io|htm|html)"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|s-1-\d[\d-]{1,80}|(?:aadsts|event)\d{3,7}|#\d{1,8}"
    r"|[a-z]{2,12}-[a-z]{2,40}|(?:ctrl|alt|shift|win|cmd|fn)\+[\w+]{1,20}|\d{1,3}(?:%|x|st|nd|rd|th|gb|mb|kb|tb|ms|min|mins|hrs?|s|h|d|k)"
)


def shape(word: str) -> int:
    """How many of lower, upper, digit, symbol a stripped word mixes; 0 where it is too short or ordinary."""
    if not 5 <= len(word) <= 128 or "](" in word or _ORDINARY.fullmatch(word) or _NOT_A_VALUE.fullmatch(word):
        return 0
    if re.fullmatch(r"[A-Z]+[-\dA-Z]*|[\d.,:/()+-]+|[\w-]+(?:[./][\w-]+){1,8}", word) and not re.search(
        r"[a-z]\d|\d[a-z]", word
    ):
        return 0
    symbol = any(not c.isalnum() and c not in "-'’./_,()" for c in word)
    digit = any(map(str.isdigit, word))
    lower, upper = any(map(str.islower, word)), any(map(str.isupper, word))
    return lower + upper + digit + symbol if digit or symbol else 0


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in _STRIP_LEFT:
        start += 1
    while end > start and (text[end - 1] in _STRIP_RIGHT or (text[end - 1] in ".?:" and end - start > 1)):
        end -= 1
    return start, end


def _given(text: str, at: int, least: int, weakest: int) -> tuple[int, int] | None:
    """The value that begins at `at`: all within quotes, else one word of enough shape."""
    opening = text[at : at + 1]
    closing = {'"': '"', "'": "'", "`": "`", "“": "”", "„": "“", "«": "»", "‘": "’"}.get(opening)
    if closing:
        ends = [
            e
            for c in {closing, *("”" if opening == "„" else "")}
            if (e := text.find(c, at + 1, at + 130)) > 0
        ]
        if ends and "\n" not in text[at : min(ends)]:
            start, end = at + 1, min(ends)
            return (start, end) if end - start >= least and _can_be(text[start:end], 0) else None
    word = _WORD.match(text, at)
    if word is None:
        return None
    setting = re.search(r";\w{2,40}=", word[0])  # of `Password=x;Timeout=30` only x
    start, end = _stripped(text, word.start(), word.start() + setting.start() if setting else word.end())
    return (start, end) if end - start >= least and _can_be(text[start:end], weakest) else None


def _can_be(word: str, weakest: int) -> bool:
    low = word.casefold()
    if low in _STOP or low.rstrip("!.") in _STOP or _NOT_A_VALUE.fullmatch(word):
        return False
    return weakest == 0 or shape(word) >= weakest


def _plain_word(word: str) -> bool:
    """Whether a word after `is` reads like prose (“was changed”, “is working”)."""
    return bool(re.fullmatch(r"(?i)[a-z’'-]{1,60}", word)) and bool(
        re.search(r"(?i)(?:ed|ing|ly|en|n't|able)$", word)
    )


def _of_cue(text: str, cue: re.Match[str]) -> Iterator[tuple[int, int]]:
    soft, numeric = bool(_SOFT.fullmatch(cue[0])), bool(_NUMERIC.fullmatch(cue[0]))
    operator = _OPERATOR.match(text, cue.end())
    if operator:
        found = _given(text, operator.end(), 3, 1 if soft and cue[0].lower() not in ("pass", "secret") else 0)
        if found and not _plain_word(text[slice(*found)]):
            yield found
    words = list(_WORD.finditer(text, cue.end(), min(len(text), cue.end() + 130)))[:9]
    if numeric:
        near = re.compile(r"[^\d\n]{0,40}?(?<![\w.:/-])(\d{4,8}|\d{2,4}[ -]\d{3,4})(?![\w:/-]|\.\d)").match(
            text, cue.end()
        )
        if near:
            yield near.span(1)
    yield from _told(text, cue, words)
    before = list(_WORD.finditer(text, max(0, cue.start() - 70), cue.start()))[-5:]
    line = text.rfind("\n", 0, cue.start()) + 1
    after = [w for w in _same_line(text, cue.end(), words) if not operator or w.start() >= operator.end()]
    # Beside “login” stand many words of letters and digits: printers, rooms, versions.
    least = 4 if cue[0].casefold() in ("login", "logins") else 0
    for word in (*(w for w in before if w.start() >= line), *after[:7]):
        # Of `admin:Hunter2` only what follows the colon; `Database=erp` is a setting with a name of its own.
        colon = word[0].rstrip(_STRIP_RIGHT + ".").rfind(":") + 1
        start, end = _stripped(text, word.start() + colon, word.end())
        if _strong(text[start:end]) and shape(text[start:end]) >= least:
            yield start, end
    if _PHRASE.fullmatch(cue[0]) and (said := _PHRASE_VALUE.match(text, cue.end())):
        yield said.span(1)


def _strong(word: str) -> bool:
    """Whether a word with no operator before it looks like a password; a setting or a list does not."""
    if re.fullmatch(r"(?=\D{0,60}\d)(?=[^a-z]{0,60}[a-z])[\w~.-]{20,128}", word) and not _ORDINARY.fullmatch(
        word
    ):
        return (
            "." not in word or "~" in word
        )  # a key of one piece; longer names with dots are hosts and files
    return shape(word) >= 3 and not re.match(r"\w{2,40}=|[^,]{1,120},\w", word)


def _same_line(text: str, at: int, words: list[re.Match[str]]) -> list[re.Match[str]]:
    stop = text.find("\n", at)
    return [
        w
        for w in words
        if stop < 0 or w.start() < stop or (w is words[0] and not text[at:stop].strip(" :\t"))
    ]


def _told(text: str, cue: re.Match[str], words: list[re.Match[str]]) -> Iterator[tuple[int, int]]:
    """`password for the scanner account is sunshine12`: words until `is`, `to` or a colon, then the value."""
    for index, word in enumerate(words[:7]):
        said = word[0].casefold()
        if index + 1 < len(words) and (said in _BE or said.endswith(":")):
            after = words[index + 1]
            if after[0].casefold() in _BE or after[0].casefold() in ("set", "reset", "changed"):
                continue
            found = _given(text, after.start(), 4, 2)
            if found and " " in text[slice(*found)] and (index or _SOFT.fullmatch(cue[0])):
                return
            lone = (
                ("heißt", "heisst", "lautet")
                if index
                else ("is", "was", "ist", "lautet", "heißt", "est", "es")
            )
            if found is None and said in lone:
                found = _lone(text, after)
            if found:
                yield found
            return
        if said[-1] in ".!?;,":
            return


def _lone(text: str, word: re.Match[str]) -> tuple[int, int] | None:
    """`the password is sunshine` at the end of its sentence."""
    start, end = _stripped(text, word.start(), word.end())
    said, rest = text[start:end], text[word.end() : word.end() + 3]
    ends = word[0][-1] in ".,;" or not rest.strip(" ") or rest.startswith("\n")
    fits = 6 <= len(said) <= 40 and said.isalpha() and _can_be(said, 0) and not _plain_word(said)
    return (start, end) if ends and fits else None


_SET_TO = re.compile(
    r"(?i)\b(?:reset|changed?|set|updated?|switched|put)\s{1,3}(?:it|hers|his|theirs|them|her|him|that|this)?\s{0,3}(?:back\s{1,3}|over\s{1,3})?to\s{1,3}(?=\S)"
)
_USER_AND = re.compile(
    r"(?i)\bu(?:n|ser|sername)?\s?[:=]\s?[^\s,;]{1,60}[\s,;/]{1,4}p(?:w|wd|ass)?\s?[:=]\s?(?=\S)"
)
_PAIR = re.compile(
    r"(?i)\b(?:log ?[io]n|sign ?in|logged in|signed in|login|creds?|credentials|account|user(?:name)?)\b[^\n/|]{1,60}?\s{0,2}[/|]\s{0,2}(?=\S)"
)
_PHRASE = re.compile(r"(?i)pass[ -]?phrases?")
_PHRASE_VALUE = re.compile(
    r"(?i)(?:[ \t]{0,3}[:=]|[ \t]{1,3}(?:is|was))[ \t]{1,3}(?!not\b|wrong|too|set\b|stored|required|in\b)([a-z]{3,20}(?:[ -][a-z]{3,20}){2,7})(?=[.\n]|$)"
)
_GETS_IN = re.compile(
    r"(?i)\b(?:gets?|got|logs?|logged|signs?|signed|unlock(?:s|ed)?)\s{1,3}(?:back\s{1,3})?(?:in|on|it|into\s{1,3}\S{1,30})?\s{0,3}(?:with|using)\s{1,3}(?=\S)"
    r"|\bsticky[ -]note\b[^\n]{0,40}?\b(?:says|reads|with)\s{1,3}(?=\S)"
)
_AS_PASSWORD = re.compile(
    r"(?i)\b(?:use|try|enter|type)\s{1,3}(?P<s>\S{4,100})\s{1,3}(?:as|for)\s[^\n]{0,30}?pass"
)


def secret_spans(text: str) -> Iterator[Span]:
    """Passwords, keys and tokens; spans may overlap."""
    yield from _blocks(text)
    yield from in_windows(text, _secrets)


def _blocks(text: str) -> Iterator[Span]:
    at = 0
    while begin := _BLOCK_BEGIN.search(text, at):
        end = _BLOCK_END.search(text, begin.end(), begin.end() + 20_000)
        stop = end.end() if end else min(len(text), begin.end() + 4_000)
        yield Span(begin.start(), stop, MaskKind.SECRET)
        at = stop


def _secrets(text: str) -> Iterator[Span]:
    found = (*_of_shape(text), *_of_commands(text), *_of_cues(text), *_of_sentences(text))
    return (Span(start, end, MaskKind.SECRET) for start, end in found)


def _of_shape(text: str) -> Iterator[tuple[int, int]]:
    for pattern in _TOKENS:
        for hit in pattern.finditer(text):
            yield hit.span("s" if "s" in pattern.groupindex and hit["s"] else 0)


def _of_commands(text: str) -> Iterator[tuple[int, int]]:
    for pattern in _COMMANDS:
        for hit in pattern.finditer(text):
            name = next((n for n, v in hit.groupdict().items() if v), None)
            if name and _can_be(hit[name], 0):
                yield hit.span(name)


def _of_cues(text: str) -> Iterator[tuple[int, int]]:
    for cue in _CUE.finditer(text):
        yield from _of_cue(text, cue)


def _of_sentences(text: str) -> Iterator[tuple[int, int]]:
    for pattern, weakest in ((_SET_TO, 3), (_PAIR, 3), (_GETS_IN, 3), (_USER_AND, 0)):
        for hit in pattern.finditer(text):
            found = _given(text, hit.end(), 4, weakest)
            if found and (not weakest or _strong(text[slice(*found)])):
                yield found
    for hit in _AS_PASSWORD.finditer(text):
        start, end = _stripped(text, *hit.span("s"))
        if end - start >= 4 and _can_be(text[start:end], 0):
            yield start, end


def looks_like_secret(text: str) -> bool:
    """Whether a message seems to hold a password, key or token. For a warning only: it errs on both sides."""
    return any(True for _ in secret_spans(text[:20_000]))
