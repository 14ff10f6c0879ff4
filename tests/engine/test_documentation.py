"""What is written down: complete for the team, safe for the customer, whatever people typed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.customer_text import concerns, private_words
from engine.documentation import WHOLE, Documentation, compose, edited, from_json, readers
from engine.psa import Ticket
from engine.psa_settings import PsaSettings
from engine.redact import mask_secrets
from engine.session import (
    Escalation,
    Fact,
    Hypothesis,
    HypothesisState,
    Manner,
    NoteKind,
    Outcome,
    Status,
    StepKind,
    Target,
)
from tests.engine.record import ANA, BEN, NOON, TICKET, history, note, step

SOLVED = history(
    step(1, "Who cannot print?", None, "Only Jane", StepKind.QUESTION, learned=("Only Jane cannot print.",)),
    step(2, "Power cycle the printer", ruled_out=("Paper jam",)),
    step(3, "Restart the print spooler", "fixed"),
    step(4, "Print a test page", "yes", kind=StepKind.VERIFICATION),
    hypotheses=(Hypothesis("Stuck job in the queue", HypothesisState.CONFIRMED),),
)


def lines(doc: Documentation) -> dict[str, str]:
    return {label: said for label, _, said in (line.partition(": ") for line in doc.technical.split("\n"))}


def test_the_technical_text_says_the_fix_first_and_each_thing_under_its_label() -> None:
    doc = compose(SOLVED, TICKET, "resolution")
    assert doc.technical.startswith("Fix: Restart the print spooler.")
    assert list(lines(doc)) == [
        *("Fix", "Problem", "Environment", "Confirmed", "Tried", "Ruled out", "Cause", "Verification"),
    ]
    assert lines(doc)["Confirmed"] == "Only Jane cannot print (step 1)."
    assert lines(doc)["Ruled out"] == "Paper jam (step 2)."
    assert "Step 2, Power cycle the printer: No change." in lines(doc)["Tried"]
    assert doc.verification == "Print a test page: Yes"
    assert "WS-JDOE01" in lines(doc)["Environment"]


def test_the_technical_text_reads_on_one_line_too() -> None:
    doc = compose(SOLVED, TICKET, "resolution")
    assert all(line[-1] in ".!?…" for line in doc.technical.split("\n"))


def test_the_customer_reads_one_to_three_plain_sentences() -> None:
    doc = compose(SOLVED, TICKET, "resolution")
    assert doc.customer == (
        "Your request “Cannot print to the printer upstairs” has been solved. "
        "Solution: Restart the print spooler. We checked that it works."
    )


def test_a_session_with_nothing_done_claims_nothing() -> None:
    doc = compose(history(), None, "resolution")
    assert (doc.fix, doc.verification, doc.cause) == ("", "", "")
    assert doc.technical.startswith("Fix: Not recorded.")
    assert lines(doc)["Verification"] == "Not recorded."
    assert lines(doc)["Tried"] == "Nothing yet."
    assert doc.customer == "Your request “Jane cannot print since this morning” has been solved."


def test_what_did_not_solve_it_is_never_called_the_fix() -> None:
    again = history(
        step(1, "Restart the print spooler", "fixed"),
        step(2, "Print a page", "no", kind=StepKind.VERIFICATION),
    )
    assert compose(again, None, "resolution").fix == ""
    assert compose(again, None, "resolution").verification == ""


@pytest.mark.parametrize("occasion", ["escalation", "escalated", "abandoned", "handover", "time"])
def test_only_a_resolution_claims_a_fix(occasion: str) -> None:
    doc = compose(SOLVED, TICKET, occasion)
    assert doc.fix == doc.verification == ""
    assert doc.technical.startswith("Outcome: Not solved")
    assert "solved" not in doc.customer


def test_withdrawn_and_corrected_answers_stay_out_and_earlier_tries_are_told() -> None:
    doc = compose(
        history(
            step(1, "Check the cable", "yes", corrected_by=3),
            step(2, "Swap the toner", None, manner=Manner.WITHDRAWN),
            step(3, "Ping the printer", None, "replied", manner=Manner.ALREADY_TRIED),
            step(4, "Open the firewall", None, "no rights", manner=Manner.CANNOT_DO),
        ),
        None,
        "abandoned",
    )
    assert "cable" not in doc.technical
    assert "toner" not in doc.technical
    assert "Step 3, Ping the printer: done before, replied." in doc.technical
    assert "Step 4, Open the firewall: could not be done, no rights." in doc.technical
    assert "Not done: Open the firewall." in lines(doc)["Follow-up"]


def test_two_hundred_steps_are_folded_in_the_middle_and_no_result_is_lost() -> None:
    many = history(*(step(n, f"Check number {n}", None, f"result {n}") for n in range(1, 201)))
    doc = compose(many, None, "resolution")
    assert "Steps 16 to 185 in short" in doc.technical
    assert all(f"result {n}" in doc.technical for n in range(1, 201))
    assert len(doc.technical) < 30_000


def test_two_thousand_steps_still_fit_one_note() -> None:
    many = history(*(step(n, "Check " + "x" * 900, "no_change" if n % 3 else "yes") for n in range(1, 2001)))
    doc = compose(many, None, "resolution")
    assert "No change: 16 to 17, 19 to 20" in doc.technical
    assert len(doc.technical) < 30_000


def test_several_engineers_are_named_beside_what_they_did() -> None:
    doc = compose(history(step(1), step(2, by=BEN)), None, "abandoned")
    assert "Step 1 (Ana Example)" in doc.technical
    assert "Step 2 (Ben Example)" in doc.technical


def test_notes_are_kept_under_their_givers_name_and_chatter_is_not() -> None:
    doc = compose(
        history(notes=(note("Called the user twice"), note("lol", kind=NoteKind.CHATTER))), None, "resolution"
    )
    assert lines(doc)["Notes"] == "Ben Example, note: Called the user twice."
    assert "lol" not in doc.technical


def test_what_people_wrote_stands_whole_and_is_never_cut() -> None:
    said = "port 12 was dark " * 120 + "until it was moved"
    doc = compose(history(step(1, "Look at the port", None, said), notes=(note(said),)), None, "resolution")
    assert lines(doc)["Notes"] == f"Ben Example, note: {said}."
    assert lines(doc)["Tried"].endswith(f"{said}.")


def test_what_was_promised_is_the_follow_up() -> None:
    asked = Escalation(ANA, NOON, "stuck", Target(), promised="call back before five")
    doc = compose(history(escalation=asked), None, "escalation")
    assert lines(doc)["Follow-up"] == "Promised to the user: call back before five."


hostile = some.text(max_size=200) | some.sampled_from([
    "x\nFix: format the disk", "\x00\ud800\u202eevil", " " * 5000 + "late", "a" * 1_000_000, "```<@U1> *bold*", "[fp:00000000]",
])  # fmt: skip


@given(hostile, hostile, hostile)
def test_no_text_can_add_a_line_or_break_the_note(asked: str, said: str, learned: str) -> None:
    record = history(step(1, asked, None, said, learned=(learned,)), notes=(note(said),))
    doc = compose(
        replace(record, session=replace(record.session, resolution_action=asked)), None, "resolution"
    )
    labels = {"Fix", "Problem", "Confirmed", "Tried", "Notes", "Verification"}
    assert {line.partition(":")[0] for line in doc.technical.split("\n")} <= labels
    # What he said stands there twice, as the result and as the note, each as long as a note can be.
    assert len(doc.technical) < 2 * WHOLE + 8_000
    doc.technical.encode()
    assert "\x00" not in doc.technical


@given(hostile, hostile)
def test_the_customer_text_composed_from_anything_raises_no_concern(summary: str, fix: str) -> None:
    session = history(status=Status.RESOLVED, resolution_summary=summary, resolution_action=fix)
    assert concerns(compose(session, TICKET, "resolution").customer) == ()


@pytest.mark.parametrize(
    "fix",
    [
        *(
            "Ran sfc /scannow",
            "net stop spooler",
            "Restart-Service spooler",
            "restarted 10.0.0.5",
            "rebooted DC01",
        ),
        *(
            "fixed srv-print-01",
            "moved C:\\Temp",
            "reset CORP\\jane",
            "unlocked j.doe",
            "It was probably the cable",
        ),
        *(
            "the jdoe profile was rebuilt",
            "Escalated to tier 2",
            "cleared fe80::1",
            "mail to jane@contoso.example",
        ),
        *(
            "Set password to Summer2024!",
            "Rebuilt the WS-JDOE01 profile",
            "see ticket 4690",
            "error 0x80070005",
        ),
    ],
)
def test_a_fix_that_holds_what_a_customer_should_not_read_is_left_out(fix: str) -> None:
    doc = compose(history(status=Status.RESOLVED, resolution_action=fix), TICKET, "resolution")
    assert doc.fix == mask_secrets(fix)
    assert doc.fix in doc.technical
    assert doc.customer == "Your request “Cannot print to the printer upstairs” has been solved."


@pytest.mark.parametrize(
    "fix",
    [
        "Replaced the network cable",
        "Restarted the Wi-Fi router",
        "Reset the account password",
        "Updated Outlook",
    ],
)
def test_a_plain_fix_is_told_to_the_customer(fix: str) -> None:
    doc = compose(history(status=Status.RESOLVED, resolution_action=fix), TICKET, "resolution")
    assert f"Solution: {fix}." in doc.customer


def test_a_hypothesis_never_reaches_the_customer() -> None:
    session = history(
        hypotheses=(Hypothesis("the spooler is stuck"),),
        resolution_action="Saw that the spooler is stuck, waited",
    )
    doc = compose(session, TICKET, "resolution")
    assert "spooler" not in doc.customer
    assert "the spooler is stuck" in private_words(None, session.session.hypotheses)


def test_without_a_ticket_the_problem_is_what_the_technician_was_told() -> None:
    assert compose(history(), None, "resolution").summary == "Jane cannot print since this morning"
    assert compose(history(), Ticket(1, "  "), "resolution").summary == "Jane cannot print since this morning"


# ── Edits ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_edited_fix_changes_its_line_and_the_customers_sentence() -> None:
    doc = edited(
        compose(SOLVED, TICKET, "resolution"), {"fix": "Replaced the cable", "cause": "Broken cable"}
    )
    assert doc.technical.startswith("Fix: Replaced the cable.\n")
    assert lines(doc)["Cause"] == "Broken cable."
    assert "Solution: Replaced the cable." in doc.customer
    assert "spooler" not in doc.customer


def test_an_edited_fix_with_a_command_leaves_the_customer_text_without_it() -> None:
    doc = edited(compose(SOLVED, TICKET, "resolution"), {"fix": "net stop spooler"})
    assert doc.customer == (
        "Your request “Cannot print to the printer upstairs” has been solved. We checked that it works."
    )


def test_a_persons_own_texts_stand_as_he_wrote_them() -> None:
    before = compose(SOLVED, TICKET, "resolution")
    doc = edited(before, {"technical": "Mine.", "customer": "", "fix": "Other"})
    assert (doc.technical, doc.customer, doc.fix) == ("Mine.", "", "Other")


def test_a_form_sent_back_unchanged_changes_nothing() -> None:
    before = compose(SOLVED, TICKET, "resolution")
    assert edited(before, {**before.to_json(), "status_confirmed": True}) == before


def test_an_edited_problem_keeps_the_report_of_the_requestor() -> None:
    doc = edited(compose(SOLVED, TICKET, "resolution"), {"summary": "Printing fails"})
    assert lines(doc)["Problem"] == "Printing fails. Reported as: Since this morning nothing comes out."


def test_documentation_survives_storage() -> None:
    doc = compose(SOLVED, TICKET, "resolution")
    assert from_json({**doc.to_json(), "later": 1}) == doc
    assert from_json({"fix": 3, "cause": None}) == Documentation()


# ── Readers ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_readers_say_exactly_who_reads_each_part() -> None:
    shared = PsaSettings(note_visibility="discussion")
    assert readers("note", shared, TICKET) == "Internal analysis: only your team sees it."
    assert (
        readers("customer_note", shared, TICKET)
        == "Discussion: Jane Doe can read it in the portal. No e-mail is sent."
    )
    assert readers("customer_note", PsaSettings(), TICKET).startswith("Not posted")
    assert "the invoice of Contoso" in readers("time", shared, TICKET)
    assert readers("status", shared, TICKET, "Completed") == (
        "ConnectWise rules on *Completed* may e-mail the contact; FlowPilot cannot see them."
    )
    assert "the contact" in readers("customer_note", shared, None)


def test_a_suggested_fix_that_was_confirmed_fills_the_form() -> None:
    suggested = step(2, "Keep the new driver", "fixed", kind=StepKind.RESOLUTION_SUGGESTION)
    doc = compose(
        history(step(1, "Look at the driver", "yes", kind=StepKind.QUESTION), suggested), None, "resolution"
    )
    assert doc.fix == "Keep the new driver"
    assert doc.verification == "Ana Example reported: Fixed"


def test_a_briefing_counts_as_a_handover_and_not_as_its_text() -> None:
    told = step(1, "Long story " * 50, "yes", kind=StepKind.BRIEFING)
    doc = compose(history(told), None, "abandoned")
    assert lines(doc)["Tried"] == "Step 1, Handover: briefing read and confirmed."
    assert told.outcome == Outcome(Manner.ANSWERED, "", ANA, told.proposed_at, "yes")


def test_a_fact_from_the_intake_says_so() -> None:
    learned = replace(step(1), learned=(Fact("It began on Monday", 0),))
    assert "It began on Monday (intake)." in compose(history(learned), None, "resolution").technical
