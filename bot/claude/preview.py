"""Before anything pasted goes to the model: a Step that shows what is masked and asks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from uuid import UUID

from bot.claude.masking import in_order
from bot.words import say
from engine.events import GuideReply
from engine.guide_news import whole
from engine.guide_quoting import cut
from engine.history import History
from engine.session import Json, Manner, NoteKind, Option, Step, StepKind

AGREED = "agreed"
OFFLINE = "offline"
PICTURES = "pictures"
"""What the person said, kept in the Session's stand: the pasted texts that may go out, by their marks; nothing may;
pictures may.
"""
SINCE = "offline_since"
"""How many notes there were when he said that nothing may: what stands in those does not take it back."""
SHOWN = "shown"
"""In the stand of a preview: the marks of the pasted texts it is about."""
AT = "preview"
UNDER = "under"
LINES = 4
LENGTH = 400
EXCERPT = 500
ASK_AFTER_ALL = frozenset({"ask claude", "use claude"})

GO_ON, WITHOUT, KEEP = "go_on", "keep_pictures", "offline"
_YES = frozenset("y yes yep yeah ok okay sure fine go continue proceed send agreed".split())  # noqa: SIM905 - a list of words reads as a text
_BESIDE_YES = frozenset(
    "on ahead it that this is please thanks thank you now just all right good i do".split()  # noqa: SIM905
)
_NO = frozenset(
    {
        "n",
        "no",
        "nope",
        "no thanks",
        "stop",
        "dont",
        "dont send",
        "dont send it",
        "do not send it",
        "do not send",
    }
)
_NO_PICTURE = re.compile(r"(?:yes |ok |go on )?without (?:the |any )?(?:pictures?|screenshots?|images?)")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person answered: `also` are more values to mask, `without`: no picture goes out."""

    agreed: bool = False
    offline: bool = False
    without: bool = False
    also: str = ""


@dataclass(frozen=True, slots=True)
class Showing:
    """What a preview shows: values masked by kind, the masked beginning of what was pasted, and pictures.

    `marks` name the texts it is about. `wanted` values were asked for, `missing` of them stand nowhere; `again` where a
    person wrote something. `lost`: what was masked before is no longer known.
    """

    counts: Mapping[str, int]
    marks: tuple[str, ...] = ()
    excerpt: str = ""
    log: bool = False
    pictures: int = 0
    again: bool = False
    wanted: int = 0
    missing: int = 0
    lost: bool = False


# ── Whether and what ────────────────────────────────────────────────────────────────────────────────────────


def pasted(history: History) -> tuple[str, ...]:
    """Texts of the Session that somebody pasted rather than wrote: logs, and whatever is long."""
    intake = history.session.intake
    said = [intake.text, *(note.text for note in history.notes if note.kind is not NoteKind.CHATTER)]
    said += [step.outcome.text for step in history.steps if step.outcome is not None and not step.beside]
    logs = [intake.log_digest, *(note.log_digest for note in history.notes)]
    return tuple(text for text in logs if text.strip()) + tuple(text for text in said if _is_long(text))


def _is_long(text: str) -> bool:
    return len(text) >= LENGTH or len([line for line in text.splitlines() if line.strip()]) >= LINES


def holds_a_log(history: History, texts: Iterable[str]) -> bool:
    logs = {history.session.intake.log_digest, *(note.log_digest for note in history.notes)}
    return any(text in logs for text in texts)


def mark(text: str) -> str:
    """A short name for a text, from which nobody reads it."""
    return sha256(text.encode()).hexdigest()[:16]


def shown(history: History) -> frozenset[str]:
    """The marks of everything a preview was shown for, whatever was answered."""
    return frozenset(each for step in whole(history).steps if _is_one(step) for each in _marks(step, SHOWN))


def agreed(history: History) -> frozenset[str]:
    """The marks of what may go out: also what was agreed to before an answer was taken back."""
    steps = (step for step in whole(history).steps if _is_one(step))
    told = (each for step in steps if (said := _wish(step)) and said.agreed for each in _marks(step, SHOWN))
    return frozenset((*told, *_names(history.session.stand.get(AGREED))))


def unagreed(history: History, also: Iterable[str] = ()) -> tuple[str, ...]:
    """The pasted texts that nobody has agreed to; `also`: marks that are agreed to elsewhere, as in the Session before."""
    known = agreed(history) | frozenset(also)
    return tuple(text for text in pasted(history) if mark(text) not in known)


def _is_one(step: Step) -> bool:
    return step.beside and step.stand.get("at") == AT


def _marks(step: Step, name: str) -> tuple[str, ...]:
    return _names(step.stand.get(name))


def _names(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


# ── The Step ────────────────────────────────────────────────────────────────────────────────────────────────


def proposed(history: History, showing: Showing) -> GuideReply:
    """The preview as the next Step; everything else stays as the Session has it."""
    session = history.session
    under = {name: value for name, value in session.stand.items() if name != "jump"}
    stand: Json = {"at": AT, UNDER: under, SHOWN: list(showing.marks)}
    step = Step(
        session.step_count + 1,
        StepKind.QUESTION,
        _text(showing),
        session.updated_at,
        why=say("preview.why"),
        options=_options(showing),
        stand=stand,
        confidence=session.confidence,
        beside=True,
    )
    return GuideReply(
        step,
        hypotheses=session.hypotheses,
        confidence=session.confidence,
        flow_id=session.flow_id,
        match_score=session.match_score,
        stand=stand,
    )


def _options(showing: Showing) -> tuple[Option, ...]:
    without = (Option(WITHOUT, say("preview.go_on_without")),) if showing.pictures else ()
    return (Option(GO_ON, say("preview.go_on")), *without, Option(KEEP, say("preview.keep")))


def _text(showing: Showing) -> str:
    parts = [say("preview.lost")] if showing.lost else []
    parts += [_again(showing)] if showing.again else []
    parts.append(_masked(showing.counts))
    if showing.log:
        parts.append(say("preview.log"))
    if showing.pictures:
        one = showing.pictures == 1
        parts.append(say("preview.picture" if one else "preview.pictures", count=showing.pictures))
    parts.append(say("preview.ask"))
    excerpt = say("preview.excerpt", excerpt=showing.excerpt) if showing.excerpt else ""
    return "\n\n".join(part for part in (" ".join(parts), excerpt) if part)


def _again(showing: Showing) -> str:
    if not showing.wanted:
        return say("preview.too_short")
    if not showing.missing:
        return say("preview.again")
    if showing.missing == showing.wanted:
        return say("preview.not_found")
    return say("preview.some_found", count=showing.missing, total=showing.wanted)


def _masked(counts: Mapping[str, int]) -> str:
    found = in_order(counts)
    if not found:
        return say("preview.nothing")
    total = sum(counts.values())
    values = say("preview.value") if total == 1 else say("preview.values", count=total)
    return say("preview.masked", values=values, kinds=", ".join(kind_words(*each) for each in found))


def kind_words(kind: str, count: int) -> str:
    """For example “2 e-mail addresses”."""
    number = "one" if count == 1 else "many"
    return f"{count} {say(f'masked.{kind.lower()}.{number}')}"


def excerpt(masked: str) -> str:
    """The beginning of a masked text, from the first line in which something is masked."""
    lines = [line.strip() for line in masked.splitlines() if line.strip()]
    first = next((at for at, line in enumerate(lines) if "⟦" in line), 0)
    return cut("\n".join(cut(line, 160) for line in lines[first : first + LINES]), EXCERPT)


# ── Its answer ──────────────────────────────────────────────────────────────────────────────────────────────


def behind(history: History) -> tuple[History, Wish | None]:
    """The record as it is without a preview on top of it, and what was answered to that; None where nothing was."""
    session, step = history.session, history.session.current
    stand: Json = _beneath(session.stand)
    if step is None or not _is_one(step):
        return replace(history, session=replace(session, stand=stand)), None
    wish = _wish(step)
    stand = dict(_beneath(step.stand))
    if wish is not None and wish.agreed:
        stand |= {AGREED: sorted({*_names(stand.get(AGREED)), *_marks(step, SHOWN)})}
        if any(option.id == WITHOUT for option in step.options):
            stand |= {PICTURES: not wish.without}  # nobody was asked about pictures before there was one
    if wish is not None and wish.offline:
        stand |= {OFFLINE: True, SINCE: len(history.notes)}
    known = {each.number: each for each in history.steps}
    known |= {each.number: each for each in (session.previous, step) if each is not None}
    work = [each for number, each in sorted(known.items()) if not each.beside]
    last = work[-1] if work else None
    below = replace(session, current=last, previous=None, stand=stand)
    return replace(history, session=below, steps=tuple(each for _, each in sorted(known.items()))), wish


def _beneath(stand: Json) -> Json:
    """The place in the work that previews were laid over."""
    while stand.get("at") == AT:
        under = stand.get(UNDER)
        stand = under if isinstance(under, Mapping) else {}
    return stand


def _wish(step: Step) -> Wish | None:
    if step.outcome is None or step.outcome.manner is Manner.WITHDRAWN:
        return None
    chosen, words = step.outcome.option, step.outcome.text.strip()
    if chosen not in (GO_ON, WITHOUT, KEEP):
        chosen = _meant(step, words)
    if chosen in (GO_ON, WITHOUT):
        return Wish(agreed=True, without=chosen == WITHOUT)
    if chosen == KEEP or (step.outcome.manner is Manner.CANNOT_DO and not words):
        return Wish(offline=True)
    return Wish(also=words)


def _meant(step: Step, words: str) -> str:
    """The option that typed words choose; none where they are values to be masked, as all in quotation marks are."""
    if words[:1] in '"“„`':
        return ""
    plain = " ".join(re.sub(r"[^\w\s]", "", words).casefold().split())
    if any(option.id == WITHOUT for option in step.options) and _NO_PICTURE.fullmatch(plain):
        return WITHOUT
    if plain in _NO:
        return KEEP
    said = frozenset(plain.split())
    return GO_ON if plain in ASK_AFTER_ALL or (said & _YES and said <= _YES | _BESIDE_YES) else ""


# ── After a no ──────────────────────────────────────────────────────────────────────────────────────────────


def asked_after_all(history: History) -> tuple[UUID, ...]:
    """Who has said, since somebody wanted nothing sent, that the model is to be asked; whether he may is not known here."""
    session = history.session
    if not session.stand.get(OFFLINE):
        return ()
    since = session.stand.get(SINCE)
    notes = history.notes[since if isinstance(since, int) else 0 :]
    said = [(note.by, note.text) for note in notes]
    step = session.current
    if step is not None and step.outcome is not None:
        said.append((step.outcome.by, step.outcome.text))
    return tuple(dict.fromkeys(by for by, text in said if text.strip(" .,“”\"'").casefold() in ASK_AFTER_ALL))


def taken_back(history: History) -> History:
    """The record as if nobody had wanted nothing sent. What was agreed to before stays so, the rest is shown again."""
    session = history.session
    stand = {name: value for name, value in session.stand.items() if name not in (OFFLINE, SINCE)}
    return replace(history, session=replace(session, stand=stand))
