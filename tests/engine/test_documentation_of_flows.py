"""What a flow declares reaches the documentation, and a request for help has texts of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.documentation import compose, edited, request_draft, request_texts
from engine.escalation import package
from engine.session import Escalation, Manner, Option, Outcome, Status, Step, StepKind, Target
from engine.walking import FIXED, NOT_FIXED
from tests.engine.record import ANA, NOON, TICKET, history, step

CONNECTED = Option("connected", "Connected and no prompt", outcome="fixed")
REMOVED = Option("done", "Removed them", outcome="yes")
VERIFIED = Option("verified", "Caller verified", outcome="yes")


def of_flow(number: int, text: str, option: Option, kind: StepKind, **more: Any) -> Step:
    return replace(step(number, text, option.id, kind=kind, **more), options=(option,))


CLEANED = of_flow(1, "Remove the stale entries", REMOVED, StepKind.ACTION)
SEEN = of_flow(2, "Open Outlook and wait", CONNECTED, StepKind.VERIFICATION)
ENDS = Step(
    3,
    StepKind.RESOLUTION_SUGGESTION,
    "The prompt is gone. Fix: Stale entries were removed.",
    NOON,
    options=(FIXED, NOT_FIXED),
)


def test_a_verification_whose_option_is_declared_as_fixed_is_written_down_as_passed() -> None:
    doc = compose(history(CLEANED, SEEN, current=ENDS), None, "resolution")
    assert doc.verification == "Open Outlook and wait: Connected and no prompt"
    assert "Not recorded" not in doc.technical


def test_the_answer_to_the_resolution_stands_behind_its_verification() -> None:
    answered = replace(ENDS, outcome=Outcome(Manner.ANSWERED, "", ANA, NOON, FIXED.id))
    doc = compose(history(CLEANED, SEEN, answered, current=answered), None, "resolution")
    assert doc.verification == (
        "Open Outlook and wait: Connected and no prompt. Ana Example reported: That fixed it"
    )
    assert doc.fix == "Stale entries were removed."


def test_the_fix_is_the_sentence_of_the_flow_and_no_instruction() -> None:
    assert (
        compose(history(CLEANED, SEEN, current=ENDS), None, "resolution").fix == "Stale entries were removed."
    )
    assert compose(history(CLEANED, SEEN), None, "resolution").fix == "Remove the stale entries"


def test_a_verified_caller_is_no_check_of_the_fix() -> None:
    caller = of_flow(1, "Verify the caller", VERIFIED, StepKind.VERIFICATION)
    reset = of_flow(2, "Reset the password", REMOVED, StepKind.ACTION)
    assert compose(history(caller, reset), None, "resolution").verification == ""


def test_a_passed_verification_is_no_negative_finding() -> None:
    told = package(history(CLEANED, SEEN), None)
    assert not any("no prompt" in each["text"] for each in told["background"])


# ── The texts of a request for help ─────────────────────────────────────────────────────────────────────────

REQUESTED = history(
    step(1),
    status=Status.REQUESTING_ESCALATION,
    escalation=Escalation(ANA, NOON, "Out of ideas", Target(), promised="Call back by five"),
)


def test_an_edited_request_is_posted_as_edited_and_the_reason_follows() -> None:
    mine = {"technical": "Spooler restarted twice.", "customer": "We are on it.", "occasion": "escalation"}
    doc = request_texts(REQUESTED, TICKET, mine)
    assert doc.technical == (
        "Spooler restarted twice.\nAsked for help because: Out of ideas.\nPromised to the user: Call back by five."
    )
    assert doc.customer == "We are on it."
    told = "I am out of ideas; I promised to call back by five."
    assert request_texts(REQUESTED, TICKET, {"technical": told}).technical == told


def test_a_request_nobody_edited_is_the_whole_note() -> None:
    drawn = request_draft(REQUESTED, TICKET)
    assert "Out of ideas" not in drawn.technical
    doc = request_texts(REQUESTED, TICKET, {"technical": drawn.technical.replace("\n", "\r\n")})
    assert doc == request_texts(REQUESTED, TICKET)
    assert "Asked for help because: Out of ideas (intake)." in doc.technical


def test_the_texts_of_a_request_fill_no_resolve_form() -> None:
    kept = {"technical": "SBAR", "customer": "Still on it.", "verification": "none", "occasion": "escalation"}
    doc = compose(history(CLEANED, SEEN, documentation=kept), None, "resolution")
    assert doc.verification == "Open Outlook and wait: Connected and no prompt"
    assert edited(doc, kept) == doc
