"""What a Session keeps of the one it goes on from: what may not leave, and that nobody tells it what was believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from engine.events import AnswerCorrected, SessionStarted
from engine.inheriting import FRESH, inherited, intake_of, is_fresh, is_ours, readable
from engine.psa import TicketNote, marker_for
from engine.session import Hypothesis, HypothesisState, Intake, IntakeType, Json, Manner, Outcome, Session
from tests.engine.playbook import ACCOUNT, ANNA, MONDAY, SESSION, Playbook, asks, working
from tests.engine.record import NOON, TICKET, history

PREVIEW: Json = {"at": "preview", "under": {}}


def standing(**stand: Any) -> Session:
    return history(stand=stand).session


@pytest.mark.parametrize(
    "stand",
    [
        {"offline": True},
        {"at": "preview", "under": {"offline": True}},
        {"at": "preview", "under": {"at": "preview", "under": {"offline": True}}},
    ],
)
def test_that_nothing_may_leave_is_inherited_from_beneath_any_preview(stand: dict[str, Any]) -> None:
    assert inherited(standing(**stand)) == {"offline": True}


def test_texts_that_were_agreed_to_are_inherited_and_nothing_else_of_the_place() -> None:
    stand = {"at": "node", "flow": "printer", "agreed": ["a1"], "pictures": False, "model_call": "x"}
    assert inherited(standing(**stand)) == {"agreed": ["a1"]}
    assert inherited(standing(**PREVIEW)) == {}


def test_his_answer_to_a_preview_counts_before_the_guide_has_read_it() -> None:
    shown = replace(asks(), beside=True, stand=PREVIEW)
    said = replace(shown, outcome=Outcome(Manner.ANSWERED, "", ANNA.id, MONDAY, "offline"))
    assert inherited(replace(standing(**PREVIEW), current=said)) == {"offline": True}
    assert inherited(replace(standing(**PREVIEW), current=shown)) == {}


def test_a_step_that_is_asked_again_does_not_undo_that_nothing_may_leave() -> None:
    story = working().answer("yes").guide(asks("And now?"), stand={"offline": True})
    assert (story >> AnswerCorrected(ANNA)).it.stand["offline"] is True


def test_no_reply_takes_the_fresh_eyes_away() -> None:
    intake = Intake(IntakeType.FREE_TEXT, "The printer is offline")
    begun = SessionStarted(SESSION, ACCOUNT, ANNA, intake, UUID(int=5), stand={FRESH: True, "offline": True})
    story = Playbook() >> begun
    assert is_fresh(story.it)
    assert story.it.stand["offline"] is True
    story = story.guide(asks(), stand={"at": "triage"}).answer("yes").guide(asks("And now?"))
    assert is_fresh(story.it)
    assert is_fresh((story >> AnswerCorrected(ANNA)).it)
    assert not is_fresh(replace(story.it, parent_id=None))


def test_the_report_comes_without_the_causes_the_parent_was_after() -> None:
    text = "Prints nothing, Ben bets on a Broken  driver"
    parent = history(
        hypotheses=(Hypothesis("Broken driver"), Hypothesis("Paper jam", HypothesisState.RULED_OUT)),
        intake=Intake(IntakeType.FREE_TEXT, text, log_digest="broken driver", tried=("cleared a paper jam",)),
        ticket_id=4711,
    ).session
    found = intake_of(parent)
    assert (found.text, found.ticket_id) == ("Prints nothing, Ben bets on a …", 4711)
    assert (found.log_digest, found.tried) == ("broken driver", ("cleared a paper jam",))
    only = replace(parent, intake=replace(parent.intake, text="Broken driver"))
    assert intake_of(only).text == "Broken driver"


def test_our_own_notes_are_silent_for_fresh_eyes_and_their_authors_stay() -> None:
    ours = f"Possible: Broken driver\n{marker_for(SESSION)}"
    ticket = replace(
        TICKET, notes=(TicketNote(1, ours, "Api Member", at=NOON), TicketNote(2, "Called", "Mia"))
    )
    session = replace(history(ticket=ticket.to_json()).session, parent_id=SESSION)
    read = readable(replace(session, stand={FRESH: True}))
    assert read is not None
    assert [(note.author, note.text) for note in read.notes] == [("Api Member", ""), ("Mia", "Called")]
    assert readable(session) == ticket
    assert readable(session, fresh=True) == read


@pytest.mark.parametrize("text", ["x [fp:12ab34cd]", "x \\[FP: 12ab34cd\\]", "x &#91;fp:12ab34cd&#93;"])
def test_our_mark_is_known_however_it_was_stored(text: str) -> None:
    assert is_ours(text)
    assert not is_ours("the [fp:file] and 12ab34cd")
