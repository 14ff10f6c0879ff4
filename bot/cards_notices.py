"""The short messages: what happened, what was refused and why, reminders, and what to press next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.card import Block, Card, Choice, Tone
from bot.cards_parts import Shortener, bounded, bullets, local, span, texts
from bot.cards_posts import part_of, state_of
from bot.cards_session import problem_title, reminder, view_name, waits_for
from bot.cards_verbs import choice, escalate_verb, post_verbs, resolve_verb, stuck
from bot.views import SessionView
from bot.words import WORDS, named, say
from engine.ports import OwedPost, PostState
from engine.rules import TEAM_MAY_HELP_AFTER
from engine.session import NoteKind, Status, WaitingFor
from engine.timekeeping import active


def notice(
    what: str,
    view: SessionView | None = None,
    about: str = "",
    *,
    post: OwedPost | None = None,
    lines: Sequence[str] = (),
    names: Sequence[str] = (),
    error_id: str = "",
    text: str = "",
) -> Card:
    """The sentence of a Tell, Announce, reminder or refusal, with the buttons that answer it.

    `about` is the name of the person it speaks of; `post` the part a failed push is about; `lines` those of a
    catch-up; `names` whom a reminder mentions; `text` what ConnectWise or a check said. KeyError for an unknown key.
    """
    short = Shortener()
    key = _variant(what, view, post, about)
    values = _values(view, about, short) if view is not None else {"name": short.line(about, 60)}
    values |= {
        "names": ", ".join(short.line(name, 60) for name in names[:8]) or values.get("target", ""),
        "error": say("said.error_id", error_id=short.line(error_id, 40)) if error_id else "",
        "text": short.sentence(text, 400),
    }
    if view is not None and post is not None:
        values |= {"part": part_of(view, post, short), "reason": short.sentence(post.problem, 400)}
    if what == "paused_reminder" and view is not None and view.session.pause is not None:
        # Said to the owner alone, unlike the sentence in the thread.
        mine = view.session.pause.waiting_for is WaitingFor.ME
        values["waiting"] = say("waiting.you") if mine else values["waiting"]
    if what == "unposted" and view is not None:
        values["parts"] = _unposted(view, short)
    said = " ".join(say(key, **values).split())
    choices = _choices(what, view)
    tone: Tone = "warning" if what in _WARNINGS or what.startswith("refused.") else "plain"
    if what == "catch_up":
        return _catch_up(said, lines, choices, short)
    return bounded(Card("notice", "", texts(said, tone=tone), choices, tone=tone), cut=short.cut)


_WARNINGS = frozenset({
    "push_parked", "guide_failed", "ticket_unreadable", "unposted", "not_linked", "connect_failed", "keys_unused", "setting_wrong",
    "secret",
})  # fmt: skip


def _variant(what: str, view: SessionView | None, post: OwedPost | None, about: str) -> str:
    """The words' key: some sentences depend on what is known."""
    if what.startswith("refused."):
        return what
    key = f"notice.{what}"
    if what == "push_parked" and post is not None and post.state is PostState.UNKNOWN:
        key += "_unknown"
    elif what == "push_parked" and (post is None or not post.problem.strip()):
        key += "_bare"
    elif what == "abandoned" and not about:
        key += "_idle"
    elif what == "paused" and view is not None and view.session.pause and view.session.pause.reason.strip():
        key += "_for"
    return key


def _values(view: SessionView, about: str, short: Shortener) -> dict[str, object]:
    """What any of the sentences may name."""
    session, asked, pause = view.session, view.session.escalation, view.session.pause
    requested = asked.requested_at if asked else view.now
    until = asked.postponed_until if asked and asked.postponed_until else view.now
    at = (view.zone, view.now)
    told: dict[str, object] = {
        "name": short.line(about, 60) or say("escalation.somebody"),
        "owner": view_name(view, session.owner_id, short),
        "requester": view_name(view, asked.requested_by if asked else session.owner_id, short),
        "target": short.line(asked.to.name, 60) if asked else "",
        "problem": short.line(problem_title(view), 100),
        "ticket": f"#{session.ticket_id}" if session.ticket_id else say("said.the_ticket"),
        "status": named("status", session.status).lower(),
        "reason": short.sentence(asked.reason if asked else "", 300) or say("escalation.no_reason"),
        "age": span(view.now - requested),
        "until": local(until, *at),
        "team_at": local(requested + TEAM_MAY_HELP_AFTER, *at),
        "advice": short.sentence(_last(view, NoteKind.ADVICE), 600),
        "said": short.sentence(_declined(view), 400),
        "elapsed": span(active(session, view.now)),
        "ticket_problem": short.sentence(session.ticket_problem, 300),
        "summary": short.sentence(session.resolution_summary, 300) or say("said.no_summary"),
        "waiting": waits_for(view, short),
        "since": local(pause.at, *at) if pause else "",
        "reminder": reminder(view),
        "part": say("said.a_part"),
    }
    if pause is not None and session.status is Status.PAUSED:
        told["reason"] = short.sentence(pause.reason, 200)
    return told


def _last(view: SessionView, kind: NoteKind) -> str:
    return next((n.text for n in reversed((*view.history.notes, *view.session.notes)) if n.kind is kind), "")


def _declined(view: SessionView) -> str:
    """What was said with the refusal of a pickup: the note without the word it was filed under."""
    for note in reversed((*view.history.notes, *view.session.notes)):
        filed, colon, said = note.text.partition(": ")
        if (
            note.kind is NoteKind.NOTE
            and colon
            and filed in (say("filed.declined"), say("filed.more_needed"))
        ):
            return said
    return ""


def _unposted(view: SessionView, short: Shortener) -> str:
    left = [p for p in view.posts if p.state is not PostState.POSTED]
    shown = [
        say("said.unposted_part", part=part_of(view, p, short), state=state_of(view, p, short).rstrip("."))
        for p in left[:4]
    ]
    more = [say("ticket.more", count=len(left) - 4)] if len(left) > 4 else []
    return "; ".join((*shown, *more)) or say("said.nothing_posted")


def _catch_up(said: str, lines: Sequence[str], choices: tuple[Choice, ...], short: Shortener) -> Card:
    shown = [short.line(line, 400) for line in lines[:25]]
    short.cut = short.cut or len(lines) > 25
    blocks: tuple[Block, ...] = bullets("", shown) or texts(say("said.catch_up_empty"), tone="muted")
    return bounded(Card("notice", said, blocks, choices), say("short.session"), cut=short.cut)


# ── What answers it ─────────────────────────────────────────────────────────────────────────────────────────

_VERBS: Mapping[str, tuple[str, ...]] = {
    "advice": ("take_advice", "decline_advice"),
    "pickup_declined": ("withdraw",),
    "more_needed": ("note", "withdraw"),
    "time_box": ("escalate",),
    "guide_failed": ("escalate", "resolve"),
    "guide_stopped": ("ask_again",),
    "ticket_unreadable": ("link",),
    "push_parked": ("retry",),
    "paused_reminder": ("resume", "resolve"),
    "idle_owner": ("catch_up", "pause", "resolve"),
    "idle_lead": ("take_over", "catch_up"),
    "unclaimed": ("pick_up", "advise"),
    "unclaimed_mention": ("pick_up", "advise"),
    "unposted": ("post",),
    "taken_over_from_you": ("catch_up",),
    "picked_up": ("catch_up",),
    "asked_to_take": ("escalate",),
    "refused.ended": ("follow_up",),
    "refused.ended_words": ("follow_up",),
    "kept_while_paused": ("resume",),
    "refused.while_paused": ("resume",),
    "refused.while_requesting_escalation": ("withdraw",),
    "refused.own_escalation": ("withdraw",),
    "refused.undo_too_late": ("note",),
    "refused.not_owner": ("note",),
    "refused.named_team_later": ("advise",),
    "refused.named_other": ("advise",),
    "refused.other_team": ("advise",),
    "refused.leads_only": ("advise",),
}
_OPEN_FOR: Mapping[str, frozenset[Status]] = {
    "take_advice": frozenset({Status.REQUESTING_ESCALATION}),
    "decline_advice": frozenset({Status.REQUESTING_ESCALATION}),
    "withdraw": frozenset({Status.REQUESTING_ESCALATION}),
    "pick_up": frozenset({Status.REQUESTING_ESCALATION}),
    "advise": frozenset({Status.REQUESTING_ESCALATION}),
    "escalate": frozenset({Status.ACTIVE, Status.PAUSED}),
    "take_over": frozenset({Status.ACTIVE, Status.PAUSED}),
    "pause": frozenset({Status.ACTIVE}),
    "ask_again": frozenset({Status.ACTIVE}),
    "resume": frozenset({Status.PAUSED}),
    "resolve": frozenset({Status.ACTIVE, Status.PAUSED, Status.REQUESTING_ESCALATION}),
    "note": frozenset({Status.ACTIVE, Status.PAUSED, Status.REQUESTING_ESCALATION}),
    "follow_up": frozenset({Status.RESOLVED, Status.ABANDONED}),
}


def _choices(what: str, view: SessionView | None) -> tuple[Choice, ...]:
    if view is None:
        return ()
    status = view.session.status
    found: list[Choice] = []
    for verb in _VERBS.get(what, ()):
        if status not in _OPEN_FOR.get(verb, frozenset(Status)):
            continue
        found += _button(verb, view)
    return tuple(found[:3])


def _button(verb: str, view: SessionView) -> tuple[Choice, ...]:
    match verb:
        case "resolve":
            return (resolve_verb(view, style="plain"),)
        case "escalate":
            return (escalate_verb(view),)
        case "post":
            owed = post_verbs(view)
            bare = view.session.ticket_id is None
            return (*owed, choice("copy", view.session)) if bare else owed
        case "retry":
            return (choice("retry", view.session, style="primary"),) if _retries(view) else ()
        case _:
            return (choice(verb, view.session),)


def _retries(view: SessionView) -> bool:
    return not view.posts or any(stuck(p) for p in view.posts)


def notice_keys() -> frozenset[str]:
    """Every `what` that has a sentence of its own."""
    return frozenset(k.removeprefix("notice.") for k in WORDS if k.startswith(("notice.", "refused.")))
