"""Every card FlowPilot shows, drawn from a view without asking anybody: the front of the `cards_*` files.

A `Choice` whose verb needs a form opens it when it is pressed without fields; submitting the form is the same verb
with them. `bounded` has kept every card within what chat platforms draw.
"""

from bot.cards_admin import board_form, connect_form, people, person_form, settings, settings_form
from bot.cards_escalation import escalation_card
from bot.cards_forms import (
    YES,
    abandon_form,
    advise_form,
    already_tried_form,
    decline_form,
    link_form,
    note_form,
    pause_form,
    pick_up_form,
    postpone_form,
    rate_form,
    take_over_form,
)
from bot.cards_home import home_admin, home_new, home_sessions, home_start, home_tickets
from bot.cards_lists import copy, duplicate_ticket, error, help_card, mine, path, pieces, queue, tickets
from bot.cards_notices import notice
from bot.cards_parts import BLOCKS, CHARACTERS, CHOICES, LABEL, TITLE, local, size, span
from bot.cards_push_forms import escalate_form, resolve_form
from bot.cards_receipt import receipt
from bot.cards_session import session_card, status
from bot.cards_start import add_to_form, start_form
from bot.cards_steps import collapsed_step, step_card
from bot.cards_texts import UnderWay, part_form
from bot.cards_time import time
from bot.cards_verbs import verbs

__all__ = [
    "BLOCKS", "CHARACTERS", "CHOICES", "LABEL", "TITLE", "YES", "UnderWay",
    "abandon_form", "add_to_form", "advise_form", "already_tried_form", "board_form", "collapsed_step", "connect_form", "copy",
    "decline_form", "duplicate_ticket", "error", "escalate_form", "escalation_card", "help_card", "home_admin",
    "home_new", "home_sessions", "home_start", "home_tickets", "link_form", "local", "mine", "note_form", "notice",
    "part_form", "path", "pause_form", "people", "person_form", "pick_up_form", "pieces", "postpone_form", "queue",
    "rate_form", "receipt", "resolve_form", "session_card", "settings", "settings_form", "size", "span", "start_form", "status",
    "step_card", "take_over_form", "tickets", "time", "verbs",
]  # fmt: skip
