"""What the linter of notes finds, and what it leaves alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.note_lint import Lint, lint

GOOD = "Fix: Removed the stale credential.\nProblem: Outlook keeps asking for a password. Reported as: cannot sign in.\nTried: Step 1, Restart Outlook: no change. Step 2, Remove stored credentials: fixed.\nVerification: Jane opened Outlook without a prompt: yes."  # fmt: skip


def kinds(text: str, occasion: str = "paused", name: str = "technical") -> list[str]:
    return [found.kind for found in lint({name: text}, occasion)]


def test_a_good_note_has_no_findings() -> None:
    assert lint({"technical": GOOD, "customer": "Your request has been solved."}, "resolution") == ()


@pytest.mark.parametrize("text", [
    "Set her password to Summer2024! and logged in.", "Temp pass Welcome123 given by phone", "login bob / Hunter2!",
    "Ran net user bob Pass1 /add", "The PIN is 4821.",
])  # fmt: skip
def test_a_password_is_found_and_not_repeated(text: str) -> None:
    (found,) = lint({"technical": text}, "paused")
    assert found.kind == "password" and "⟦SECRET⟧" in found.excerpt
    assert not any(word in found.excerpt for word in ("Summer2024", "Welcome123", "Hunter2", "Pass1", "4821"))


@pytest.mark.parametrize("text", [
    "Password reset for Jane", "Reset the password and confirmed sign-in", "Password: ⟦SECRET⟧",
    "Outlook keeps asking for a password", "The password is in the vault.", "Password expired on 2024-01-15.",
])  # fmt: skip
def test_talk_about_passwords_is_fine(text: str) -> None:
    assert kinds(text) == []


@pytest.mark.parametrize("text", [
    "User error.", "Turned out to be a user error again.", "The user broke the printer.", "Ben forgot to enable the rule.",
    "The idiot unplugged it.", "Classic PEBKAC.", "The previous technician messed up the DNS.", "It was the customer's fault.",
    "Client did not bother to read the mail.", "ID10T problem", "The receptionist has no clue.", "She ignored the warning.",
    "The tech failed to document the change.", "Human error in accounting.", "Obviously his own fault.",
])  # fmt: skip
def test_blame_is_found(text: str) -> None:
    assert kinds(text) == ["blame"]


@pytest.mark.parametrize("text", [
    "The user forgot her password; it was reset.", "The user restarted the PC: no change.", "Windows broke the profile with an update.",
    "Outlook forgot the profile after the update.", "Error 0x80070005 in the log.", "The user cannot print.", "Jane confirmed that it works.",
    "A user error message appears at logon: the user profile cannot be loaded.", "Default printer was wrong.", "The service failed to start.",
    "The switch failed to do PXE boot.", "Ben cleared the queue: fixed.", "The backup job ignored two files.", "Nothing to blame on DNS.",
])  # fmt: skip
def test_facts_are_no_blame(text: str) -> None:
    assert kinds(text) == []


def test_a_named_colleague_is_blamed_only_by_what_is_said_of_him() -> None:
    assert [f.kind for f in lint({"technical": "priya forgot to patch it."}, by_people=("Priya",))] == [
        "blame"
    ]
    assert lint({"technical": "Priya patched it: fixed."}, by_people=("Priya",)) == ()


@pytest.mark.parametrize(("text", "count"), [
    ("Tried: Step 1, Restart Outlook: done, result not told.", 1),
    ("Tried: Step 1, Restart: no change. Step 2, Reset: done, result not told. Step 3, Ping: done before, result not told.", 2),
    ("Tried: Step 4 (Anna Berg), Clear the queue: done, result not told.", 1),
    ("Steps 16 to 30 in short: 16 Restart: done, result not told; 17 Ping: yes.", 1),
    ("Tried a new cable", 1),
    ("- tried another port on the switch", 1),
    ("Tried a new cable: no change", 0),
    ("Tried another port, still offline", 0),
    ("Tried: Step 1, Restart Outlook: no change.", 0),
    ("Tried: Nothing yet.", 0),
    ("Attempted contact by phone, no answer", 0),
])  # fmt: skip
def test_a_step_without_a_result_is_found(text: str, count: int) -> None:
    found = lint({"technical": text}, "escalation")
    assert [f.kind for f in found] == ["missing_result"] * count


def test_the_excerpt_names_the_step_without_result() -> None:
    (found,) = lint({"technical": "Tried: Step 1, Restart: no change. Step 2, Reset: done, result not told."})
    assert found == Lint("missing_result", "Step 2, Reset: done, result not told", "technical")


@pytest.mark.parametrize(("text", "occasion", "count"), [
    ("Fix: Restarted.\nVerification: Not recorded.", "resolution", 1),
    ("Fix: Restarted.\nVerification:", "resolution", 1),
    ("Fix: Restarted.", "resolution", 1),
    ("Fix: Restarted.\nVerification: Jane printed a page: yes.", "resolution", 0),
    ("Outcome: Not solved yet.", "escalation", 0),
    ("Outcome: Not solved, the work was ended.", "abandoned", 0),
])  # fmt: skip
def test_only_a_resolution_needs_its_verification(text: str, occasion: str, count: int) -> None:
    assert kinds(text, occasion) == ["missing_verification"] * count


def test_the_form_of_a_resolution_may_leave_nothing_out() -> None:
    assert [f.name for f in lint({"fix": "Restarted.", "verification": " "}, "resolution")] == [
        "verification"
    ]
    assert lint({"technical": "Fix: x."}, "resolution", verified=True) == ()
    assert kinds("Fix: x.\nVerification: yes.", "resolution") == []
    assert [
        f.kind for f in lint({"technical": "Fix: x.\nVerification: yes."}, "resolution", verified=False)
    ] == ["missing_verification"]


def test_where_nothing_was_done_no_result_is_missing() -> None:
    assert lint({"technical": "Fix: x.\nTried a cable"}, "resolution", has_steps=False) == ()


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["technical", "customer", "fix"]), st.text(max_size=300)))
def test_any_text_can_be_looked_through(texts: dict[str, str]) -> None:
    assert all(found.name in texts for found in lint(texts, "resolution"))


@pytest.mark.parametrize(
    "fragment", ["Step 1, a: ", "The user ", "tried ", "forgot ", "A ", "result not told; ", "Ben has "]
)
def test_repeated_fragments_do_not_exhaust_the_linter(fragment: str) -> None:
    assert len(lint({"technical": fragment * (60_000 // len(fragment))}, "resolution")) <= 20
