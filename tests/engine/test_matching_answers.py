"""What is said in answer to a question names no flow by chance: words that no other flow has, and single words."""

from __future__ import annotations

import pytest

from engine.matching import OFFER, SUGGEST, MatchIndex, build_index
from storage.library import built_in_decoys, built_in_flows
from tests.engine.test_matching import best, lines

# What technicians answer to a question, and what names no problem when it stands alone. Written before the mending
# of single words, but for the first: two of the forty were above SUGGEST then, for one word that no other flow has.
ANSWERS = """
    The user says that it began at about 55 past nine and ended by itself
    It went away by itself after a few minutes
    Nothing happens when she clicks it
    It shows a window and closes it again
    She gets a message but clicked it away
    He opened it this morning as always and it was gone
    It happens when he sends something
    Always in the afternoon, about three times
    After lunch it was fine again
    I could not see it myself, the user is on the phone
    It does not open any more
    There is an error, but I did not write it down
    It takes very long until something shows
    Everything is grey and then it works again
    The screen flickers for a second
    It says that it cannot connect
    It asks for something and she presses cancel
    Only on this device, the other one works
    All of them in the second office
    Since the update on Friday
    Nothing was changed as far as she knows
    The colleague at the next desk has the same
    It stops in the middle and starts again from the beginning
    She hears a noise and then it is quiet
    The light blinks twice and goes out
    It is full of entries of the same kind
    It stays at 30 percent
    She was away for a week and it was like that when she came back
    He tried the other port and it is the same
    The new one does it as well
    No idea, the ticket says nothing more
    It lost the connection for a moment
    Sometimes it is there and sometimes not
    The window stays white for about 20 seconds
    He cannot type while it is like that
    The list is empty although there was something yesterday
    I restarted it and nothing changed
    It shows the wrong name
    The message is in English and disappears quickly
    It was moved to another socket and back
"""


@pytest.fixture(scope="module")
def index() -> MatchIndex:
    return build_index(built_in_flows(), built_in_decoys())


def test_an_answer_that_names_no_problem_is_never_suggested_and_hardly_ever_offered(
    index: MatchIndex,
) -> None:
    """Measured: 1 of 40 at or above OFFER."""
    scores = [best(index, line)[1] for line in lines(ANSWERS)]
    assert len(scores) == 40
    assert max(scores) < SUGGEST
    assert sum(score >= OFFER for score in scores) <= 2


def test_one_word_that_no_other_flow_has_is_offered_and_never_suggested(index: MatchIndex) -> None:
    for word in ("bitlocker", "vpn", "onedrive", "rdp", "wifi", "slow"):
        assert OFFER <= best(index, word)[1] < SUGGEST
    assert best(index, "it began at about 55 past nine and ended by itself")[1] < OFFER
    assert best(index, "the vpn does not connect")[1] >= SUGGEST
