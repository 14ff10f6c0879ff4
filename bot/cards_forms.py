"""The short forms: pick up, advise, postpone, decline, pause, take over, abandon, note, link, rate, already tried."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from bot.card import Block, Card, Choice, Field, Form
from bot.cards_parts import Shortener, bounded, bullets, texts
from bot.cards_session import paused_line, view_name
from bot.cards_verbs import post_verbs
from bot.views import SessionView
from bot.words import say
from engine.escalation import UNAVAILABLE, brief
from engine.escalation import package as made
from engine.fresh_eyes import blind
from engine.note_text import one_line
from engine.psa import TicketHit
from engine.session import Person, Session, Status, Step, WaitingFor

YES = "yes"
"""The value of a tick that is set; an empty one is not."""
TICKETS = 20


def form_card(
    title: str,
    verb: str,
    session: Session | None,
    submit: str,
    inputs: Sequence[Field],
    blocks: Sequence[Block] = (),
    *,
    choices: Sequence[Choice] = (),
    cut: bool = False,
    **args: object,
) -> Card:
    """A form whose submission is the verb with `args` and the fields; `choices` are buttons beside it."""
    told = {"session": str(session.id)} if session is not None else {}
    told |= {name: str(value) for name, value in args.items()}
    form = Form(verb, tuple(inputs), submit, told)
    card = Card("form", title, tuple(blocks), tuple(choices), form)
    return bounded(card, say("short.form"), cut=cut)


def tick(name: str, label: str, *, on: bool = False, hint: str = "", required: bool = False) -> Field:
    return Field(name, label, "tick", YES if on else "", hint=hint, required=required)


def long_text(name: str, label: str, *, value: str = "", hint: str = "", required: bool = False) -> Field:
    return Field(name, label, "long_text", value, required=required, hint=hint)


def when(view: SessionView, name: str, label: str, ahead: timedelta, *, required: bool = False) -> Field:
    """A time in words; the hint shows one a while from now."""
    clock = f"{(view.now + ahead).astimezone(view.zone):%H:%M}"
    return Field(name, label, "time", required=required, hint=say("form.when", clock=clock))


# ── Answers to an escalation ────────────────────────────────────────────────────────────────────────────────


def pick_up_form(view: SessionView, *, fresh: bool = False) -> Card:
    """The briefing, how to start, and whether to own the ticket. Fresh eyes are not shown the guesses."""
    short, session = Shortener(), view.session
    asked = session.escalation
    intro = ""
    if asked is not None:
        intro = say(
            "pick_up.intro",
            requester=view_name(view, asked.requested_by, short),
            target=short.line(asked.to.name, 60),
            reason="" if fresh else short.sentence(asked.reason, 300),
        ).rstrip(": ")
    package = made(*blind(view.history, view.ticket)) if fresh and session.package else session.package
    # The reason stands above; fresh eyes are not shown it there.
    bare = {**package, "reason": ""} if package else None
    lines = [short.line(line, 260) for line in brief(bare) if line != UNAVAILABLE] if bare else []
    briefing = bullets(say("pick_up.briefing"), lines) or texts(say("pick_up.no_briefing"), tone="muted")
    manners = (("continue", say("pick_up.continue")), ("fresh", say("pick_up.fresh")))
    chosen = "fresh" if fresh else "continue"
    inputs = [Field("manner", say("pick_up.manner"), "choice", chosen, manners, required=True)]
    if session.ticket_id is not None and view.psa_connected:
        inputs.append(tick("make_owner", say("pick_up.make_owner", ticket=session.ticket_id)))
    blocks = (*texts(intro), *briefing)
    return form_card(
        say("pick_up.title"), "pick_up", session, say("pick_up.submit"), inputs, blocks, cut=short.cut
    )


def _requester(view: SessionView) -> str:
    asked = view.session.escalation
    return view_name(view, asked.requested_by if asked else view.session.owner_id, Shortener())


def advise_form(view: SessionView) -> Card:
    hint = say("advise.hint", requester=_requester(view))
    inputs = [long_text("text", say("advise.text"), required=True, hint=hint)]
    return form_card(say("advise.title"), "advise", view.session, say("advise.submit"), inputs)


def postpone_form(view: SessionView) -> Card:
    inputs = [when(view, "until", say("postpone.until"), timedelta(hours=1), required=True)]
    note = texts(say("postpone.note", requester=_requester(view)), tone="muted")
    return form_card(say("postpone.title"), "postpone", view.session, say("postpone.submit"), inputs, note)


def decline_form(view: SessionView, by: Person | None = None) -> Card:
    """The one who was named declines; anyone else needs more first."""
    asked = view.session.escalation
    named = by is not None and asked is not None and asked.to.user == by.id
    title = say("decline.title_named" if named else "decline.title")
    label = say("decline.reason_named" if named else "decline.reason")
    note = texts(say("decline.note", requester=_requester(view)), tone="muted")
    inputs = [long_text("reason", label, required=True)]
    return form_card(title, "decline", view.session, say("decline.submit"), inputs, note)


# ── Pausing and ending ──────────────────────────────────────────────────────────────────────────────────────


def pause_form(view: SessionView) -> Card:
    waits = tuple((each.value, say(f"pause.{each.value}")) for each in WaitingFor)
    inputs = [
        Field(
            "waiting_for", say("pause.waiting_for"), "choice", WaitingFor.CUSTOMER.value, waits, required=True
        ),
        Field("reason", say("pause.reason"), hint=say("form.optional")),
        when(view, "remind_at", say("pause.remind_at"), timedelta(hours=2)),
    ]
    note = texts(say("pause.note"), tone="muted")
    return form_card(say("pause.title"), "pause", view.session, say("pause.submit"), inputs, note)


def take_over_form(view: SessionView) -> Card:
    short = Shortener()
    paused = paused_line(view, short) if view.session.status is Status.PAUSED else ""
    note = say("take_over.note", owner=view_name(view, view.session.owner_id, short))
    inputs = [long_text("reason", say("take_over.reason"), required=True)]
    blocks = (*texts(paused), *texts(note, tone="muted"))
    return form_card(
        say("take_over.title"), "take_over", view.session, say("take_over.submit"), inputs, blocks
    )


def abandon_form(view: SessionView) -> Card:
    inputs = [long_text("reason", say("abandon.reason"), required=True)]
    note = texts(say("abandon.note"), tone="muted")
    return form_card(say("abandon.title"), "abandon", view.session, say("abandon.submit"), inputs, note)


def rating_field(given: str = "", *, required: bool = False, hint: str = "") -> Field:
    rated = tuple((str(n), say(f"rate.{n}")) for n in range(5, 0, -1))
    return Field("rating", say("rate.rating"), "choice", given, rated, required=required, hint=hint)


def rate_form(view: SessionView) -> Card:
    inputs = [
        rating_field(str(view.session.rating or ""), required=True),
        long_text("feedback", say("rate.feedback"), hint=say("form.optional")),
    ]
    return form_card(say("rate.title"), "rate", view.session, say("rate.submit"), inputs)


# ── Adding to it ────────────────────────────────────────────────────────────────────────────────────────────


def note_form(view: SessionView) -> Card:
    inputs = [long_text("text", say("note.text"), required=True, hint=say("note.hint"))]
    return form_card(say("note.title"), "note", view.session, say("note.submit"), inputs)


def ticket_field(label: str, hits: Sequence[TicketHit], hint: str = "") -> Field:
    """A ticket found by searching; the technician's own open ones, the nearest goal first, stand there at once."""
    options = tuple(
        (str(hit.id), one_line(say("link.option", ticket=hit.id, summary=one_line(hit.summary, 60)), 75))
        for hit in hits[:TICKETS]
    )
    return Field("ticket", label, "ticket", options=options, hint=hint)


def link_form(view: SessionView, hits: Sequence[TicketHit] = ()) -> Card:
    """A ticket of the technician's open ones or one he searches, or a number; `number` counts where both are given."""
    session = view.session
    posts = any(c.label == say("verb.link_and_post") for c in post_verbs(view))
    connected = view.psa_connected
    inputs = [ticket_field(say("link.choice"), hits, say("link.search"))] if connected else []
    hint = say("link.number_hint" if connected else "link.none")
    inputs.append(Field("number", say("link.number"), hint=hint, required=not connected))
    now = say("link.now", ticket=session.ticket_id) if session.ticket_id else ""
    blocks = texts(now, say("link.post_note") if posts else "", tone="muted")
    title = say("link.title_post" if posts else "link.title")
    submit = say("link.submit_post" if posts else "link.submit")
    return form_card(title, "link", session, submit, inputs, blocks)


def already_tried_form(view: SessionView, step: Step) -> Card:
    short = Shortener()
    intro = texts(say("tried.intro", number=step.number, text=short.line(step.text, 300)))
    inputs = [long_text("text", say("tried.result"), required=True, hint=say("tried.hint"))]
    return form_card(
        say("tried.title"),
        "already_tried",
        view.session,
        say("tried.submit"),
        inputs,
        intro,
        step=step.number,
    )
