"""A Step as it stands open, with its answers, and as one line once it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from bot.card import Block, Card, Choice, Code
from bot.cards_parts import BLOCK_TEXT, Shortener, bounded, seen, texts
from bot.cards_verbs import choice, verbs
from bot.views import SessionView
from bot.words import WORDS, named, say
from engine.note_text import one_line
from engine.session import Manner, Risk, Script, Session, Status, Step, StepKind

SCRIPT = BLOCK_TEXT - 100
"""A longer script is not shown as one to run."""
SCRIPT_START = 600
WHY = 600
"""The guide's reason with what it rests on at its end."""
OPTIONS = 9
"""Typed digits choose an option, so there are never more."""


def step_card(view: SessionView, step: Step) -> Card:
    """The newest Step with its answers and the verbs that fit; one that is answered is drawn as its line."""
    if step.outcome is not None:
        return collapsed_step(step, view.history.names)
    short = Shortener()
    title = say("step.title", number=step.number, kind=named("kind", step.kind))
    blocks = (
        *texts(short.line(_aside(step.aside), 300), tone="muted"),
        *texts(short.lines(step.text, 2_000 if step.kind is StepKind.BRIEFING else 1_500)),
        *texts(say("step.why", text=short.lines(step.why, WHY)) if step.why else "", tone="muted"),
        *texts(say("step.say", text=short.lines(step.say_to_user, 500)) if step.say_to_user else ""),
        *(_script(step.script, short) if step.script else ()),
        *_how_to_answer(view, step, short),
    )
    asked = {"session": str(view.session.id), "step": str(step.number)}
    box = asked if view.session.status is Status.ACTIVE and _on_table(view.session, step) else {}
    by_model = step.guide != "offline" and step.kind is not StepKind.BRIEFING
    card = Card("step", title, blocks, _choices(view, step), box=box, ai=by_model)
    return bounded(card, say("short.step"), cut=short.cut)


def _aside(aside: str) -> str:
    """How the Step came to be: the sentence of a key, which may bring an amount behind a colon."""
    key, _, amount = aside.partition(":")
    return say(f"aside.{key}", amount=amount) if f"aside.{key}" in WORDS else named("aside", aside)


def _script(script: Script, short: Shortener) -> tuple[Block, ...]:
    text = seen(script.text).strip("\n")
    risk, language = named("risk", script.risk), short.line(script.language, 20)
    rollback = short.lines(script.rollback, 700)
    if rollback:
        back = say("step.rollback", text=rollback)
    else:
        back = "" if script.risk is Risk.READ_ONLY else say("step.no_rollback")
    tone = "warning" if script.risk is Risk.DESTRUCTIVE else "plain"
    if len(text) <= SCRIPT:
        return (Code(text, language, risk), *texts(back, tone=tone))
    short.cut = True
    part = Code(f"{text[:SCRIPT_START].rstrip()}\n…", language, risk)
    return (part, *texts(say("step.script_cut"), tone="warning"), *texts(back, tone=tone))


def _how_to_answer(view: SessionView, step: Step, short: Shortener) -> tuple[Block, ...]:
    session = view.session
    if session.status is not Status.ACTIVE:
        waits = say("step.not_active", status=named("status", session.status).lower())
        return texts(waits, tone="muted")
    guide = say("step.by_guide") if step.guide != "offline" and step.kind is not StepKind.BRIEFING else ""
    if step.kind is StepKind.BRIEFING:
        return texts(short.line(view.place_hint, 200), tone="muted")
    hint = say("step.answer_options" if step.options else "step.answer_words")
    return texts(guide, short.line(view.place_hint, 200) or hint, tone="muted")


def _choices(view: SessionView, step: Step) -> tuple[Choice, ...]:
    """What moves the Step on. One that waits offers only what ends the waiting; the session card has the rest."""
    session = view.session
    if session.status is not Status.ACTIVE:
        paused = session.status is Status.PAUSED
        return (choice("resume", session, style="primary"),) if paused else ()
    cut = step.script is not None and len(step.script.text) > SCRIPT
    copy = (choice("copy", session, label="verb.copy_script", step=step.number),) if cut else ()
    # This card is the owner's, and where nobody is a Lead nobody can take it over from him.
    all_verbs = tuple(c for c in verbs(view) if view.has_lead or c.verb != "take_over")
    if not _on_table(session, step):
        return (*(replace(c, more=True) for c in copy), *all_verbs)
    destructive = step.script is not None and step.script.risk is Risk.DESTRUCTIVE
    confirm = say("confirm.destructive") if destructive else ""
    options = tuple(
        _option(
            session, step, option.id, option.label or option.id, confirm if option.id != "escalate" else ""
        )
        for option in step.options[:OPTIONS]
    )
    under = tuple(replace(c, more=True) for c in (*copy, *_beside(session, step)))
    first = tuple(c for c in all_verbs if not c.more)
    rest = tuple(c for c in all_verbs if c.more)
    return (*options, *first, *under, *rest)


def _on_table(session: Session, step: Step) -> bool:
    return session.current is None or session.current.number == step.number


def _option(session: Session, step: Step, option: str, label: str, confirm: str) -> Choice:
    args = {"session": str(session.id), "step": str(step.number), "option": option}
    return Choice(one_line(label, 75) or option[:75], "answer", args, confirm=confirm)


def _beside(session: Session, step: Step) -> tuple[Choice, ...]:
    """Answers that fit every Step but a briefing, which is confirmed and no work."""
    if step.kind is StepKind.BRIEFING:
        return ()
    return (
        choice("already_tried", session, step=step.number),
        choice("cannot_do", session, step=step.number),
    )


# ── Answered ────────────────────────────────────────────────────────────────────────────────────────────────


def collapsed_step(step: Step, names: Mapping[UUID, str]) -> Card:
    """One line: `✓ Restarted spooler: no change`. The name is added where several people are in the Session."""
    line = step_line(step)
    by = names.get(step.outcome.by) if step.outcome is not None else None
    if by and len(names) > 1 and step.outcome and step.outcome.manner is not Manner.WITHDRAWN:
        line = say("step.by", line=line, name=one_line(by, 30))
    return bounded(Card("step_done", line, tone="plain" if step.counts else "muted"))


def step_line(step: Step) -> str:
    """A Step and what came of it, at most about 115 characters."""
    text = one_line(step.text, 60).rstrip(".:;,?")
    if step.outcome is None:
        return say("step.open", text=text)
    result = one_line(step.result, 45)
    if step.outcome.manner is Manner.WITHDRAWN:
        return say("step.withdrawn", text=text)
    if step.corrected_by is not None:
        return say(
            "step.corrected", text=text, result=result or say("step.no_result"), number=step.corrected_by
        )
    if step.kind is StepKind.BRIEFING:
        return say("step.briefed")
    match step.outcome.manner:
        case Manner.ALREADY_TRIED:
            return (
                say("step.tried", text=text, result=result) if result else say("step.tried_bare", text=text)
            )
        case Manner.CANNOT_DO:
            key = "step.cannot_because" if result else "step.cannot"
            return say(key, text=text, result=result)
        case _:
            return say("step.done", text=text, result=result or say("step.no_result"))
