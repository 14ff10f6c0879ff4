"""What the offline guide matches: reports alone, answers only together with the problem they are about."""

from __future__ import annotations

import pytest

from bot.guiding import best
from engine.matching import OFFER, SUGGEST, UNSURE
from engine.psa import Ticket
from storage.library import Library, packaged_libraries
from tests.engine.talk import Talk

VAGUE = "The user says that it began at about 55 past nine and ended by itself"


class Guided(Talk):
    """A dialogue over the packaged flows, matched as the offline guide matches."""

    def __init__(self, library: Library, ticket: Ticket | None = None) -> None:
        super().__init__(ticket=ticket, flows=dict(library.flows))
        self.library = library

    def guided(self) -> Talk:
        self.matches = best(self.library, self.story.history(), self.ticket)
        return super().guided()


@pytest.fixture(scope="module")
def library() -> Library:
    return packaged_libraries().of("anyone")


def test_a_vague_answer_after_none_of_these_follows_no_flow(library: Library) -> None:
    talk = Guided(library).start("my PC hangs").click("none").say(VAGUE)
    assert (talk.story.it.stand["at"], talk.story.it.flow_id) == ("triage", None)
    assert max((m.score for m in talk.matches if m.flow_id != "slow-pc"), default=0.0) < OFFER


@pytest.mark.parametrize("key", ["since", "changed", "who"])
def test_a_short_answer_is_matched_only_together_with_the_problem(library: Library, key: str) -> None:
    talk = Guided(library).start("The screen shows something odd")
    while talk.story.it.stand["key"] != key:
        talk.say("Cannot tell")
    talk.say("VPN does not connect")
    assert talk.matches == library.match(
        "\n".join(
            (
                "The screen shows something odd",
                *(s.outcome.text for s in talk.story.history().done if s.outcome),
            )
        )
    )


def test_what_exactly_happens_has_a_flow_offered_and_never_followed_for_itself(library: Library) -> None:
    talk = (
        Guided(library)
        .start("Ticket from Jane, please look at it")
        .say("We can reach the server by IP but not by its name")
    )
    assert talk.matches[0].flow_id == "dns-resolution"
    assert (talk.matches[0].score, talk.story.it.stand["at"]) == (UNSURE, "offer")


def test_an_answer_that_makes_the_problem_clear_is_followed(library: Library) -> None:
    talk = (
        Guided(library).start("It is broken").say("The printer says offline and the jobs stay in the queue")
    )
    assert talk.story.it.flow_id == "printer-offline"
    assert talk.matches[0].score >= SUGGEST
