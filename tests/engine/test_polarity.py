"""What a sentence may say of its source: never yes where only no stands there, never no where only yes does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.evidence import Support, stands_in
from engine.guide_claims import Claims
from engine.polarity import answered, denies, merged, opposes, says_no, signs
from tests.engine.record import history, step

TURNED_ROUND = [
    # yes where the source says no
    ("The backup could not be restored and the user cannot print", "The backup was restored and the user can print"),
    ("could not be restored, the vendor refused", "The vendor restored the mailbox backup"),
    ("could not be restored, the vendor is working on it", "The vendor restored the mailbox backup"),
    ("No, the service isn't running on the server, it stopped", "The print service is running on the server"),
    ("The backup of Monday evening finished but could not be restored", "The backup of Monday evening was restored"),
    ("The printer does not print", "The printer prints"),
    ("The printer doesnt print", "The printer prints"),
    ("The printer doesn’t print", "The printer prints"),
    ("Nothing prints since Monday", "It prints since Monday"),
    ("The VPN never connected", "The VPN connected"),
    ("The restore failed", "The restore worked"),
    ("Backup failed last night", "The backup was successful last night"),
    ("We failed to restore the mailbox", "The mailbox was restored"),
    ("She was unable to sign in", "She was able to sign in"),
    ("The server is unreachable", "The server is reachable"),
    ("The spooler is stopped", "The spooler is running"),
    ("The account is locked", "The account is unlocked"),
    ("No errors were found in the log", "Errors were found in the log"),
    ("It works without the add-in", "It works with the add-in"),
    ("The mailbox still not synced", "The mailbox synced"),
    ("Neither the scanner nor the printer answered", "The printer answered"),
    ("cannot print or scan", "She can scan"),
    ("The vendor refused to replace the disk", "The vendor replaced the disk"),
    ("The port was not opened on the firewall", "The port was opened on the firewall"),
    ("Der Drucker druckt nicht", "Der Drucker druckt"),
    ("Das Backup konnte nicht wiederhergestellt werden", "Das Backup konnte wiederhergestellt werden"),
    ("Es gibt keine Verbindung zum Server", "Es gibt eine Verbindung zum Server"),
    # no where the source says yes
    ("The backup was restored and the user can print", "The backup could not be restored"),
    ("The printer prints", "The printer does not print"),
    ("Yes, the service is running", "The service is not running"),
    ("The VPN connected at once", "The VPN never connected"),
    ("The restore did not fail", "The restore failed"),
    ("Jane can sign in", "Jane cannot sign in"),
    ("The log shows errors", "The log shows no errors"),
    ("The server is reachable", "The server is unreachable"),
    ("Der Drucker druckt", "Der Drucker druckt nicht"),
    ("It did not help", "It helped"),
    ("L'imprimante n'imprime pas", "L'imprimante imprime"),
    ("It is impossible to print", "She can print"),
    ("Ping timed out", "Ping works"),
    ("Restarted the spooler, no change", "The spooler was not restarted"),
    ("The licence was neither assigned nor activated", "The licence was assigned"),
]  # fmt: skip

THE_SAME = [
    ("The printer does not print", "No printing is possible"),
    ("No printing possible", "The printer does not print"),
    ("The backup could not be restored", "The backup was not restored"),
    ("No backup was restored", "The backup was not restored"),
    ("The backup was not restored", "The restore of the backup failed"),
    ("She cannot sign in", "She is unable to sign in"),
    ("The server is not reachable", "The server is unreachable"),
    ("The service isn't running on the server", "The service on the server is stopped"),
    ("The restore did not fail", "The restore worked"),
    ("The check never failed", "The check passed"),
    ("Not without errors", "There were errors"),
    ("It prints without errors", "It prints, no errors"),
    ("The printer prints, no errors", "The printer works without errors"),
    ("It is not only slow", "It is slow"),
    ("No change – the jobs come back", "The jobs come back"),
    ("No, the queue is empty", "The queue is empty"),
    ("No the queue is empty", "The queue is empty"),
    ("It does not print from Word but it prints from Excel", "It prints from Excel"),
    ("Ping to SRV-01 works, login to SRV-01 failed", "SRV-01 works with ping"),
    ("cannot print, the vendor was called", "The vendor was called"),
    ("The backup could not be restored", "The backup still has to be restored"),
    ("The backup could not be restored", "It was asked whether the backup was restored"),
    ("Is the printer offline? It is online", "The printer is online"),
    ("restarted the spooler twice", "Do not restart the spooler again"),
    ("The failed disk was replaced", "The disk was replaced"),
    ("It did not print until the driver was replaced", "The driver was replaced"),
    ("The printer is offline", "The printer is offline"),
    ("nothing changed", "It is unchanged"),
    ("no longer prints", "It does not print any longer"),
    ("Der Drucker druckt nicht", "Der Drucker druckt nicht"),
    ("kein Papier im Fach", "Im Fach ist kein Papier"),
    ("Restarted the spooler, no change", "Restarting the spooler changed nothing"),
    ("The cable was not loose", "A loose cable is ruled out"),
    ("It is not confirmed that the backup was restored", "The backup could not be restored"),
]


@pytest.mark.parametrize(("source", "said"), TURNED_ROUND)
def test_the_opposite_of_its_source_is_seen(source: str, said: str) -> None:
    assert opposes(said, signs([source]))


@pytest.mark.parametrize(("source", "said"), THE_SAME)
def test_another_way_to_say_the_same_is_left_alone(source: str, said: str) -> None:
    assert not opposes(said, signs([source]))


@pytest.mark.parametrize("said", [each for row in (*TURNED_ROUND, *THE_SAME) for each in row])
def test_nothing_is_the_opposite_of_itself(said: str) -> None:
    assert not opposes(said, signs([said]))


@pytest.mark.parametrize(
    ("question", "answer", "said", "opposite"),
    [
        ("Is the print service running on the server?", "No", "The print service is running", True),
        ("Is the print service running on the server?", "No", "The print service is not running", False),
        ("Is the print service running on the server?", "No", "The print service is stopped", False),
        ("Is the print service running on the server?", "Yes", "The print service is not running", True),
        ("Is the print service running on the server?", "Yes", "The print service is running", False),
        ("Is the printer not reachable?", "No", "The printer is reachable", False),
        ("Can she sign in?", "Nein", "She can sign in", True),
        ("Restart it. Does it print?", "No – same as before", "It prints", True),
        ("Does it print?", "Only from Word", "It prints", False),
        ("Restart the spooler.", "No", "The spooler was restarted", False),
    ],
)
def test_a_plain_yes_or_no_speaks_of_what_was_asked(
    question: str, answer: str, said: str, opposite: bool
) -> None:
    assert opposes(said, merged([signs([answer]), answered(question, answer)])) is opposite


def test_a_plain_no_and_a_denial_are_told_apart() -> None:
    assert says_no("No – nothing comes out")
    assert says_no("no it does not")
    assert not says_no("No printers are shown")
    assert denies("The spooler is stopped")
    assert not denies("Under the desk, until noon")


@pytest.mark.parametrize(
    ("answered_so", "claimed", "kept"),
    [
        (
            "The backup could not be restored and the user cannot print",
            "The backup was restored and the user can print",
            ["The backup could not be restored and the user cannot print"],
        ),
        ("No", "The backup was restored", []),
        ("The backup could not be restored", "The backup was not restored", ["The backup was not restored"]),
        ("Nobody called the vendor", "The weather is fine", []),
    ],
)
def test_a_fact_that_turns_the_answer_round_gives_way_to_the_answers_own_words(
    answered_so: str, claimed: str, kept: list[str]
) -> None:
    last = step(1, "Was the backup restored and can the user print?", None, answered_so)
    claims = Claims(history(last), None, str)
    assert [fact.text for fact in claims.facts([{"text": claimed, "step": 1}], last)] == kept


def test_a_cause_is_ruled_out_by_the_answer_that_says_no_to_it() -> None:
    last = step(1, "Look for a paper jam", None, "no paper jam anywhere")
    claims = Claims(history(last), None, str)
    assert [f.text for f in claims.ruled_out([{"cause": "Paper jam", "step": 1}], ())] == ["Paper jam"]


REFUSED = history(
    step(
        1, "Ask the vendor to restore the mailbox backup", None, "could not be restored, the vendor refused"
    ),
    step(2, "Can the user print?", None, "The backup could not be restored and the user cannot print"),
)


@pytest.mark.parametrize(
    ("said", "number", "carried"),
    [
        ("The vendor restored the mailbox backup.", 1, False),
        ("The mailbox backup could not be restored.", 1, True),
        ("The vendor refused to restore the mailbox backup.", 1, True),
        ("The backup was restored and the user can print.", 2, False),
        ("The user cannot print.", 2, True),
    ],
)
def test_a_sentence_is_not_carried_by_the_step_that_says_the_opposite(
    said: str, number: int, carried: bool
) -> None:
    assert Support(REFUSED).carries(said, [number]) is carried


def test_what_was_reported_is_over_once_a_cited_step_fixed_it() -> None:
    asked = history(step(1, "Set the port", "fixed", "ok now"), step(2, "Restart it", "no_change"))
    support = Support(asked)
    assert support.carries("Jane can print", [0, 1])
    assert not support.carries("Jane can print", [0, 2])
    assert not support.carries("Jane can print", [0])


def test_a_summary_does_not_turn_a_ticket_round() -> None:
    ticket = "The backup of the finance share could not be restored.\nJane called twice."
    assert not stands_in("The backup of the finance share was restored.", ticket)
    assert stands_in("The backup of the finance share could not be restored.", ticket)


@settings(max_examples=120, deadline=None)
@given(st.text(max_size=200))
def test_any_text_can_be_read_and_agrees_with_itself(text: str) -> None:
    assert not opposes(text, signs([text]))


@pytest.mark.parametrize(
    "piece", ["not ", "no, ", "failed and ", "(", "a.b.", "?!", "-- ", "n't", "und nicht "]
)
def test_a_long_text_is_read_in_one_go(piece: str) -> None:
    opposes(piece * 8_000, signs([piece * 20_000]))
