"""The words a text is compared by: folded, lightly stemmed, without the ones that say nothing."""

import re
import unicodedata

MAX_CHARACTERS = 60_000
MAX_WORDS = 4_000

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

# Spellings of one thing that people split, join or hyphenate as they please.
_JOINED = tuple(
    (re.compile(pattern), joined)
    for pattern, joined in (
        (r"\bwi[- ]fi\b", "wifi"),
        (r"\be-mail", "email"),
        (r"\b(?:log|sign)(?:ged|ging|s|ning|ned)?[- ](?:in|on)(?:to)?\b", "login"),
        (r"\bone drive\b", "onedrive"),
        (r"\bbit locker\b", "bitlocker"),
        (r"\b(?:out ?of ?office|ooo)\b", "outofoffice"),
        (r"\b(?:2|two)[- ]?(?:fa\b|factor)", "mfa"),
        (r"\block(?:s|ed|ing)?[- ]?outs?\b", "locked"),
        (r"\bpop[- ]?ups?\b", "popup"),
        (r"\bshut(?:s|ting)?[- ]down\b", "shutdown"),
    )
)

_SAME = {
    "logon": "login", "logins": "login", "logons": "login", "signin": "login", "mail": "email", "mails": "email",
    "computer": "pc", "laptop": "pc", "machine": "pc", "workstation": "pc", "computers": "pc", "laptops": "pc",
    "machines": "pc", "workstations": "pc", "pcs": "pc", "notebook": "pc", "cellphone": "phone", "mobile": "phone",
    "passcode": "password", "passwords": "password", "pwd": "password", "credential": "password",
    "credentials": "password", "reboot": "restart", "reboots": "restart", "rebooted": "restart",
    "rebooting": "restart", "mic": "microphone", "synced": "sync", "syncing": "sync",
    "syncs": "sync", "synchronise": "sync", "synchronize": "sync", "synchronising": "sync", "printout": "print",
    "wireless": "wifi", "authentication": "authenticator", "losing": "lose", "slowly": "slow",
    "hdd": "disk", "ran": "run", "asks": "ask", "asking": "ask",
}  # fmt: skip

_STOP = frozenset(
    """a about after again all already also always am an and any anymore are as at be because been before being
but by can cannot cant could couldnt did didnt do does doesnt doing dont even every few for from get
gets getting give gives go goes going got had has hasnt have havent having he hello help her here hey hi
him his how i id if ill im in into is isnt it its ive just know let like lot me my need needs no nor not
now of off oh ok on one only or our out over please s say says saying seem seems she should so some
someone something still such t than thank thanks that thats the their them then there these they theyre
thing things this those though to today too trying up us user very want wants was wasnt we weve well
were what when where which while who why will with wont would yes yet you your since whenever much""".split()  # noqa: SIM905 - a list of words reads as a text
)


def terms(text: str) -> list[str]:
    """The comparable words of a text, in order, repeats kept; at most `MAX_WORDS` are read."""
    folded = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS]).casefold()
    for pattern, joined in _JOINED:
        folded = pattern.sub(joined, folded)
    kept: list[str] = []
    for number, found in enumerate(_WORD.finditer(folded)):
        if number >= MAX_WORDS:
            break
        word = found.group().replace("'", "").replace("’", "")
        if word not in _STOP and (len(word) > 1 or not word.isascii()):
            kept.append(_SAME.get(word) or stem(word))
    return kept


def stem(word: str) -> str:
    """Strip plural, -ing and -ed, and a silent e; error codes and short words stay as they are."""
    if len(word) < 4 or not word.isalpha():
        return word
    if word.endswith(("ies", "ied")) and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return _undoubled(word[: -len(ending)])
    return word[:-1] if word.endswith("e") and len(word) > 4 else _undoubled(word)


def _undoubled(word: str) -> str:
    """`stopp` and `install` both lose their last double, so that `stop` meets `stopped`."""
    if len(word) > 3 and word[-1] == word[-2]:
        return word[:-1]
    return word[:-1] if word.endswith("e") and len(word) > 4 else word
