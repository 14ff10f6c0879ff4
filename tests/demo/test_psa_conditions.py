"""The condition language of ConnectWise, read strictly."""

from __future__ import annotations

import pytest

from demo.psa_conditions import parse
from demo.psa_lists import names_of
from demo.psa_refusals import Refusal

TICKET = {
    "id": 4711,
    "summary": "Outlook keeps asking for password",
    "board": {"id": 1, "name": "Help Desk"},
    "closedFlag": False,
    "requiredDate": "2026-08-20T18:04:26Z",
    "actualHours": 1.5,
    "_info": {"lastUpdated": "2026-08-20T10:00:00Z"},
    "_practice": {"configuration": [{"id": 801}]},
}


def holds(text: str) -> bool:
    return parse(text, names_of("ticket").finder)(TICKET)


@pytest.mark.parametrize(
    "text",
    [
        "id = 4711",
        "id=4711",
        "id != 4712",
        "id > 4000 and id <= 4711",
        "id in (1, 4711)",
        "id not in (1,2)",
        'board/name = "help desk"',
        "board/id=1",
        'summary contains "ASKING"',
        'summary like "Outlook%password"',
        'summary not contains "printer"',
        "closedFlag = False",
        "closedFlag=false",
        "actualHours >= 1.5",
        "owner/id = null",
        "board/id != null",
        "requiredDate < [2026-08-20T18:04:27Z]",
        "lastUpdated > [2026-08-20]",
        "_info/lastUpdated > [2026-08-19]",
        'id = 9 or (board/id = 1 AND summary contains "outlook")',
        "not (id = 9)",
        "configuration/id = 801",
    ],
)
def test_a_true_condition_keeps_the_ticket(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "id = 4712",
        "closedFlag = True",
        'board/name = "Alerts" and id = 4711',
        "owner/id = 101",
        "id = 1 or id = 2 and id = 4711",
        "lastUpdated > [2026-08-20T10:00:00Z]",
        'summary = "Outlook"',
        "configuration/id = 802",
        "owner/id > 3",
    ],
)
def test_a_false_condition_drops_the_ticket(text: str) -> None:
    assert not holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "id =",
        "= 4",
        "id = 4711 and",
        "(id = 4711",
        "id = 4711)",
        "id == 4711",
        "summary = 'single quotes'",
        'summary = "open',
        "summary = bare",
        "nonsense = 1",
        "board = 1",
        "board/colour = 1",
        "id/name = 1",
        'id = "4711"',
        "summary > 5",
        "closedFlag = 1",
        "requiredDate > [yesterday]",
        "id in 4711",
        "id in ()",
        "summary contains 5",
        "id = 4711; drop",
        "customFields/id = 1",
        "id = 4711 id = 4711",
    ],
)
def test_a_malformed_condition_is_refused_as_api_find_condition(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        holds(text)
    assert refused.value.reply.status == 400
    assert refused.value.reply.body["code"] == "ApiFindCondition"


def test_very_deep_parentheses_are_refused_instead_of_exhausting_the_stack() -> None:
    with pytest.raises(Refusal):
        holds("(" * 3000 + "id = 1" + ")" * 3000)


def test_an_unknown_name_is_refused_in_connectwises_words() -> None:
    with pytest.raises(Refusal) as refused:
        holds("invoiceDate = 1")
    assert refused.value.reply.body["message"] == "invoiceDate is not a recognized name."
