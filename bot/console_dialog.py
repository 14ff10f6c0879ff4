"""What the console asks back before something is sent: a form's fields, a yes, the end of a paste."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bot.card import Choice, Form
from bot.console_asking import Asking, Question

YES = {"y", "yes"}


class Says(Protocol):
    def __call__(self, text: str, style: str = "") -> None: ...


class Dialog:
    """At most one thing is under way. `edits`: a prefilled value stands in the line; else an empty line keeps it."""

    def __init__(
        self,
        say: Says,
        *,
        edits: bool,
        submit: Callable[[Form, dict[str, str]], None],
        click: Callable[[Choice], None],
        paste: Callable[[str], None],
    ) -> None:
        self._say = say
        self._edits = edits
        self._submit, self._click, self._send_paste = submit, click, paste
        self._asking: Asking | None = None
        self._form: Form | None = None
        self._confirm: Choice | None = None
        self._pasting: list[str] | None = None

    @property
    def under_way(self) -> bool:
        return self._asking is not None or self._confirm is not None or self._pasting is not None

    def question(self) -> Question | None:
        """What stands at the prompt now; its lines are said here."""
        if self._confirm is not None:
            return Question(f"{self._confirm.confirm} y or n: ", editable=False)
        if self._pasting is not None:
            return Question("… ")
        if self._asking is None:
            return None
        question = self._asking.question
        for number, line in enumerate(question.lines):
            self._say(line, "bold" if not number else "" if line.startswith("  ") else "dim")
        if question.value and question.editable and not self._edits:
            self._say(f"[{question.value}]  (Enter keeps it, - empties it)")
        return question

    def take(self, typed: str) -> None:
        """The answer to the question."""
        if self._confirm is not None:
            choice, self._confirm = self._confirm, None
            if typed.strip().casefold() in YES:
                self._click(choice)
            else:
                self._say("Left as it was.", "dim")
        elif self._pasting is not None:
            self._paste(self._pasting, typed)
        elif self._asking is not None:
            self._answer(self._asking, typed)

    def leave(self) -> None:
        """Nothing of what is under way is sent; a form can be taken up again."""
        if self._asking is not None:
            self._form = self._asking.form
        self._asking = self._confirm = self._pasting = None

    def confirm(self, choice: Choice) -> None:
        self._confirm = choice

    def begin_paste(self) -> None:
        self._pasting = []
        self._say("Paste now. A line with a single dot sends it, Ctrl-C leaves it.", "dim")

    # ── Forms ───────────────────────────────────────────────────────────────────────────────────────────────

    def form_came(self, form: Form, *, start: Callable[[], bool]) -> None:
        """Asked at once where `start` frees the line for it, else it waits until `form` is typed."""
        self._form = form
        if not self.under_way:
            self._asking, self._form = Asking(form), None
            if start():
                return
            self._asking, self._form = None, form
        self._say("Type form to fill it in.", "dim")

    def fill(self) -> None:
        if self._form is None:
            self._say("There is no form to fill in.", "dim")
        else:
            self._asking, self._form = Asking(self._form), None

    def _answer(self, asking: Asking, typed: str) -> None:
        question = asking.question
        if not self._edits and question.editable:
            typed = {"": question.value, "-": ""}.get(typed.strip(), typed)
        if problem := asking.give(typed):
            self._say(problem, "yellow")
        if asking.cancelled:
            self.leave()
            self._say("Left; nothing was sent. Type form to fill it in after all.", "dim")
        elif asking.done:
            self._asking = None
            self._submit(asking.form, asking.values)

    # ── Pastes ──────────────────────────────────────────────────────────────────────────────────────────────

    def _paste(self, pasted: list[str], typed: str) -> None:
        lines = typed.split("\n")
        ends = lines[-1].strip() == "."
        pasted += lines[:-1] if ends else lines
        if not ends:
            return
        self._pasting = None
        text = "\n".join(pasted)
        if text.strip():
            self._send_paste(text)
        else:
            self._say("Nothing was pasted.", "dim")
