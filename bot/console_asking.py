"""A form, asked field by field: what to ask next, whether an answer fits, and everything at the end."""

from __future__ import annotations

from dataclasses import dataclass

from bot.card import Field, Form

CANCEL, BACK = "cancel", "back"
YES = {"y", "yes", "on", "true", "1", "x"}
NO = {"n", "no", "off", "false", "0", ""}


@dataclass(frozen=True, slots=True)
class Question:
    """`lines` stand above the prompt; `value` is what Enter keeps and can be edited where `editable`."""

    prompt: str
    lines: tuple[str, ...] = ()
    value: str = ""
    long: bool = False
    editable: bool = True


class Asking:
    """One form under way. `cancelled` and `done` end it; `values` is what is submitted."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.values = {field.name: field.value for field in form.fields}
        # In a terminal a file is sent by a command of its own.
        self._fields = tuple(field for field in form.fields if field.kind != "file")
        self.cancelled = False
        self.done = False
        self._at = 0

    @property
    def question(self) -> Question:
        if self._at >= len(self._fields):
            return Question(
                f"{self.form.submit}? Enter sends it, `back` goes back, `cancel` leaves: ", editable=False
            )
        return _question(self._fields[self._at], self.values, self._at + 1, len(self._fields))

    def give(self, typed: str) -> str:
        """Take an answer; a sentence says why it did not fit, and the same field is asked again."""
        said = typed.strip()
        if said.casefold() == CANCEL:
            self.cancelled = True
            return ""
        if said.casefold() == BACK:
            self._at = max(0, self._at - 1)
            return ""
        if self._at >= len(self._fields):
            return self._finish(said)
        field = self._fields[self._at]
        value, problem = _read(field, typed, self.values[field.name])
        if problem:
            return problem
        self.values[field.name] = value
        self._at += 1
        return ""

    def _finish(self, said: str) -> str:
        if said and said.casefold() not in YES:
            return "Press Enter to send it, or type back or cancel."
        self.done = True
        return ""


def _question(field: Field, values: dict[str, str], number: int, count: int) -> Question:
    value = values[field.name]
    lines = [f"{number} of {count}  {field.label}{' (needed)' if field.required else ''}"]
    if field.hint:
        lines.append(field.hint)
    if field.kind == "choice":
        lines += [
            f"  {at} {label}{'  ←' if chosen == value else ''}"
            for at, (chosen, label) in enumerate(field.options, 1)
        ]
        return Question("Number (Enter keeps ←): " if value else "Number: ", tuple(lines), editable=False)
    if field.kind == "ticket":
        # A number typed is the ticket's own, never a place in this list.
        lines += [f"  {label}" for _, label in field.options]
    if field.kind == "tick":
        kept = "yes" if value.casefold() in YES else "no"
        return Question(f"y or n (Enter keeps {kept}): ", tuple(lines), editable=False)
    return Question("> ", tuple(lines), value, long=field.kind == "long_text")


def _read(field: Field, typed: str, kept: str) -> tuple[str, str]:
    """(value, problem)."""
    said = typed.strip()
    match field.kind:
        case "choice":
            value = _chosen(field, said) if said else kept
            if value is None:
                return kept, f"Type a number from 1 to {len(field.options)}."
        case "tick":
            if said.casefold() not in YES | NO:
                return kept, "Type y or n."
            value = kept if not said else ("yes" if said.casefold() in YES else "")
        case _:
            value = said
    if field.required and not value.strip():
        return kept, f"{field.label}: this is needed. `cancel` leaves the form."
    return value, ""


def _chosen(field: Field, said: str) -> str | None:
    """By number, by label, or by the stored value."""
    if said.isdigit() and 1 <= int(said) <= len(field.options):
        return field.options[int(said) - 1][0]
    low = said.casefold()
    return next(
        (value for value, label in field.options if low in (value.casefold(), label.casefold())), None
    )
