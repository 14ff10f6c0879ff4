"""Which verbs open a form, on whatever platform their button is pressed."""

from __future__ import annotations

from collections.abc import Mapping

OPENS_A_FORM = frozenset(
    {
        "resolve", "escalate", "pause", "link", "note", "advise", "pick_up", "postpone", "decline", "take_over",
        "abandon", "rate", "already_tried", "settings", "connect", "people", "start_form", "edit_text", "add_to",
    }
)  # fmt: skip
_SETTLED = {"link": "ticket", "rate": "rating"}


def opens(verb: str, args: Mapping[str, str]) -> bool:
    """Whether a form is opened for it. A button that already names the ticket or the rating needs none."""
    settled = _SETTLED.get(verb)
    return verb in OPENS_A_FORM and not (settled and args.get(settled))
