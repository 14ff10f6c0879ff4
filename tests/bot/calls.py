"""Calls of a language model as they are stored, for the cards that tell of them."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from engine.model import Failure, Purpose, StopReason, Usage
from storage.conversations import CallRow, CallState
from tests.bot.card_views import NOW, SESSION

CALL = CallRow(
    id=UUID(int=1),
    session_id=SESSION,
    purpose=Purpose.TURN,
    turn=1,
    attempt=1,
    chapter=1,
    upto=1,
    model="claude-sonnet-5-5",
    max_tokens=2_000,
    cached=True,
    schema_version="1",
    state=CallState.ANSWERED,
    created_at=NOW,
    started_at=NOW,
    ended_at=NOW,
    usage=Usage(input=100, cache_read=0, cache_write=3_000, output=250),
    cost=14_700,
    stop_reason=StopReason.END_TURN,
    failure=None,
    status=200,
    message_id="msg_1",
    request_id="req_1",
    reply="{}",
    used=True,
    masked={"EMAIL": ["⟦EMAIL_1⟧", "⟦EMAIL_2⟧"], "SECRET": ["⟦SECRET_1⟧"]},
)
TWO = {"EMAIL": ["⟦EMAIL_2⟧", "⟦EMAIL_3⟧"]}
CALLS = (
    CALL,
    replace(CALL, turn=2, usage=Usage(120, 3_350, 90, 200), cost=3_300, masked=TWO),
    replace(
        CALL,
        turn=3,
        state=CallState.UNKNOWN,
        usage=Usage(3_700),
        cost=7_400,
        stop_reason=None,
        masked={"IP": ["⟦IP_1 private⟧"]},
    ),
    replace(CALL, turn=3, attempt=2, usage=Usage(100, 3_500, 90, 210), cost=3_500, masked={}),
    replace(CALL, turn=4, state=CallState.IN_FLIGHT, usage=Usage(), cost=0, stop_reason=None, masked={}),
    replace(
        CALL,
        purpose=Purpose.PACKAGE,
        state=CallState.FAILED,
        usage=Usage(),
        cost=0,
        failure=Failure.OVERLOADED,
        status=529,
        masked=TWO,
    ),
)
