"""The form that starts a Session: what happened, a ticket, what was tried, and files, in any mix."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from bot.card import Card, Field
from bot.cards_forms import form_card, long_text, ticket_field
from bot.cards_parts import texts
from bot.cards_session import problem_title
from bot.views import SessionView
from bot.words import say
from engine.note_text import one_line
from engine.psa import TicketHit


def start_form(hits: Sequence[TicketHit] = (), *, connected: bool = True, problem: str = "") -> Card:
    """Submitting it is `start` with `text`, `ticket`, `tried` and `files`. `problem`: why no tickets are offered."""
    ticket = [ticket_field(say("start.ticket"), hits, say("start.ticket_hint"))] if connected else []
    inputs = [
        long_text("text", say("start.text"), hint=say("start.text_hint")),
        *ticket,
        long_text("tried", say("start.tried"), hint=say("start.tried_hint")),
        Field("files", say("start.files"), "file", hint=say("start.files_hint")),
    ]
    away = problem if connected else say("start.no_psa")
    blocks = (*texts(say("start.intro")), *texts(away, tone="muted"))
    return form_card(say("start.title"), "start", None, say("start.submit"), inputs, blocks)


def add_to_form(views: Sequence[SessionView], draft: UUID | None) -> Card:
    """Which of his open sessions a message is added to; submitting it is `add_to` with `session`."""
    options = tuple((str(view.session.id), one_line(problem_title(view), 70)) for view in views)
    chosen = Field("session", say("add_to.session"), "choice", options[0][0], options, required=True)
    return form_card(say("add_to.title"), "add_to", None, say("add_to.submit"), [chosen], draft=draft or "")
