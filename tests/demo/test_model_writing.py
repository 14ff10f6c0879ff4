"""Packages, briefings, notes and summaries of the practice model, held against what the record carries."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from demo.model_cache import Usage
from demo.model_mind import Mind
from demo.model_prompt import read_prompt
from demo.model_refusals import Json
from demo.model_room import Settings
from demo.model_rules import check_request
from demo.model_script import Scripts
from engine import writing
from engine.evidence import Support
from engine.history import History
from engine.model import Purpose
from engine.ports import Worded
from engine.psa import Ticket
from engine.session import Fact, Hypothesis, Manner, Option, StepKind
from engine.writing_schemas import MOST_TOKENS, SCHEMAS
from tests.engine.led import TAG, same
from tests.engine.record import TICKET, history, step

PRINTS = (Option("fixed", "It prints"), Option("no_change", "No change"))
DONE = (
    step(1, "Restart the print spooler", "no_change", "the jobs come back"),
    step(2, "Give the printer a new address", None, "no rights on the router", manner=Manner.CANNOT_DO),
    replace(step(3, "Set the port to 10.0.4.90", "fixed", "it prints again"), options=PRINTS),
    step(4, "Print a test page and a document", "yes", kind=StepKind.VERIFICATION),
)


def record() -> History:
    suspected = Hypothesis("Changed address of the port", evidence=(Fact("The port has an old address.", 3),))
    return history(*DONE, hypotheses=(suspected,))


def worded(purpose: Purpose, ticket: Ticket | None = TICKET) -> Json:
    """What the practice model answers to what the real writer asks."""
    asked = writing.asks(purpose, record(), ticket, TAG, same)
    body: dict[str, Any] = {
        "model": "claude-haiku-5-5",
        "max_tokens": MOST_TOKENS[purpose],
        "system": list(asked.system),
        "messages": list(asked.messages),
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMAS[purpose]}},
    }
    check_request(body)
    prompt = read_prompt(body)
    assert prompt.purpose == purpose.value
    found: Json = json.loads(Mind(Scripts()).reply(prompt, Settings(), Usage(), "m", None).text)
    return found


def carried(rows: list[Json]) -> list[bool]:
    support = Support(record(), TICKET)
    return [support.carries(row["text"], row["cites"]) for row in rows]


def test_every_sentence_of_a_package_is_carried_by_the_step_it_cites() -> None:
    said = worded(Purpose.PACKAGE)
    for part in ("situation", "background", "assessment", "recommendation"):
        assert said[part], part
        assert all(carried(said[part])), (part, said[part])
    made = writing.package_of(record(), TICKET, Worded("model", said))
    assert made["assessment_state"] == "model"


def test_a_briefing_is_short_and_carried() -> None:
    said = worded(Purpose.BRIEFING)
    assert 2 <= len(said["sentences"]) <= 5
    assert all(carried(said["sentences"]))


def test_a_note_names_the_step_that_solved_it_and_the_one_that_checked_it() -> None:
    said = worded(Purpose.NOTE)
    assert [row["cites"] for row in (*said["fix"], *said["verification"])] == [[3], [4]]
    assert all(carried([*said["fix"], *said["verification"]]))
    assert said["customer"]


def test_a_ticket_is_summed_up_in_its_own_words() -> None:
    long = replace(TICKET, description="Nothing prints since Monday. " * 300)
    said = worded(Purpose.TICKET, long)
    assert "Nothing prints since Monday." in said["problem"]
    assert len(json.dumps(said)) < 2_000
    short = writing.shortened(long, said)
    assert len(short.description or "") < 1_000 < len(long.description or "")
