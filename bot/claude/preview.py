"""Before anything pasted goes to the model for the first time: a Step that shows what is masked and asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.claude.masking import in_order
from bot.words import say
from engine.events import GuideReply
from engine.guide_quoting import cut
from engine.history import History
from engine.session import Json, Manner, NoteKind, Option, Step, StepKind

AGREED = "agreed"
OFFLINE = "offline"
PICTURES = "pictures"
"""What the person said, kept in the Session's stand: text may go out; nothing may; pictures may."""
AT = "preview"
UNDER = "under"
LINES = 4
LENGTH = 400
EXCERPT = 500
ASK_AFTER_ALL = frozenset({"ask claude", "use claude"})

GO_ON, WITHOUT, KEEP = "go_on", "keep_pictures", "offline"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person answered: `also` are more values to mask, `without`: no picture goes out."""

    agreed: bool = False
    offline: bool = False
    without: bool = False
    also: str = ""


@dataclass(frozen=True, slots=True)
class Showing:
    """What a preview shows: values masked by kind, the masked beginning of what was pasted, and pictures."""

    counts: Mapping[str, int]
    excerpt: str = ""
    log: bool = False
    pictures: int = 0
    again: bool = False


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


def holds_a_log(history: History) -> bool:
    return bool(history.session.intake.log_digest or any(note.log_digest for note in history.notes))


# ── The Step ────────────────────────────────────────────────────────────────────────────────────────────────


def proposed(history: History, showing: Showing) -> GuideReply:
    """The preview as the next Step; everything else stays as the Session has it."""
    session = history.session
    under = {name: value for name, value in session.stand.items() if name != "jump"}
    stand: Json = {"at": AT, UNDER: under}
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
    parts = [say("preview.again")] if showing.again else []
    parts.append(_masked(showing.counts))
    if showing.log:
        parts.append(say("preview.log"))
    if showing.pictures:
        one = showing.pictures == 1
        parts.append(say("preview.picture" if one else "preview.pictures", count=showing.pictures))
    parts.append(say("preview.ask"))
    excerpt = say("preview.excerpt", excerpt=showing.excerpt) if showing.excerpt else ""
    return "\n\n".join(part for part in (" ".join(parts), excerpt) if part)


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
    if step is None or not step.beside or step.stand.get("at") != AT:
        return _asked_after_all(history), None
    wish = _wish(step)
    under = step.stand.get(UNDER)
    stand: dict[str, object] = dict(under) if isinstance(under, Mapping) else {}
    if wish is not None and wish.agreed:
        stand |= {AGREED: True}
        if any(option.id == WITHOUT for option in step.options):
            stand |= {PICTURES: not wish.without}  # nobody was asked about pictures before there was one
    if wish is not None and wish.offline:
        stand |= {OFFLINE: True}
    known = {each.number: each for each in history.steps}
    known |= {each.number: each for each in (session.previous,) if each is not None}
    work = [each for number, each in sorted(known.items()) if not each.beside]
    last = work[-1] if work else None
    return replace(history, session=replace(session, current=last, previous=None, stand=stand)), wish


def _wish(step: Step) -> Wish | None:
    if step.outcome is None or step.outcome.manner is Manner.WITHDRAWN:
        return None
    chosen, words = step.outcome.option, step.outcome.text.strip()
    if chosen in (GO_ON, WITHOUT):
        return Wish(agreed=True, without=chosen == WITHOUT)
    if chosen == KEEP or (step.outcome.manner is Manner.CANNOT_DO and not words):
        return Wish(offline=True)
    return Wish(also=words)


def _asked_after_all(history: History) -> History:
    """Somebody who did not want anything sent may change his mind by saying so."""
    session = history.session
    if not session.stand.get(OFFLINE):
        return history
    step = session.current
    said = [step.outcome.text] if step is not None and step.outcome is not None else []
    said += [note.text for note in history.notes[-1:]]
    if not any(text.strip(" .,“”\"'").casefold() in ASK_AFTER_ALL for text in said):
        return history
    stand = {name: value for name, value in session.stand.items() if name not in (OFFLINE, AGREED)}
    return replace(history, session=replace(session, stand=stand))
