"""The page a person looks at: complete, readable, and safe with any text."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from demo.psa import practice_psa
from demo.psa_caller import Caller, caller


@pytest.fixture
async def ask() -> AsyncIterator[Caller]:
    async with practice_psa() as psa, caller(psa) as asking:
        yield asking


async def test_the_list_shows_every_ticket_with_its_company_and_contact(ask: Caller) -> None:
    page = (await ask("GET", "/")).text
    for ticket in ask.psa.records("tickets"):
        assert f"/ticket/{ticket['id']}'" in page
    assert "Harbor Pine Law" in page
    assert "Jane Doe" in page


async def test_the_ticket_page_shows_notes_with_author_and_who_can_read_them(ask: Caller) -> None:
    page = (await ask("GET", "/ticket/4690")).text
    assert "Ben Ortiz" in page
    assert "Internal, staff only" in page
    assert "Resolution, the client sees it" in page
    assert "Jane Doe (client)" in page
    assert "Cleared stored Office credentials" in page
    assert "None. Nobody was e-mailed." in page


async def test_an_email_that_would_have_gone_out_is_on_the_page(ask: Caller) -> None:
    change = [{"op": "replace", "path": "status", "value": {"id": 6}}]
    await ask("PATCH", "service/tickets/4711", body=change)
    page = (await ask("GET", "/ticket/4711")).text
    assert "jane.doe@harborpine.example" in page
    assert "Completed (closed)" in page


async def test_text_from_outside_is_never_markup(ask: Caller) -> None:
    body = {"text": "<script>alert(1)</script>", "internalAnalysisFlag": True}
    await ask("POST", "service/tickets/4711/notes", body=body)
    change = [{"op": "replace", "path": "summary", "value": "<img src=x>'\""}]
    await ask("PATCH", "service/tickets/4711", body=change)
    for path in ("/", "/ticket/4711"):
        page = (await ask("GET", path)).text
        assert "<script" not in page
        assert "<img" not in page


async def test_the_page_needs_nothing_from_elsewhere_and_refreshes_itself(ask: Caller) -> None:
    page = (await ask("GET", "/ticket/4711")).text
    assert "http-equiv='refresh' content='3'" in page
    assert "http://" not in page
    assert "https://" not in page


async def test_an_unknown_ticket_has_a_plain_404(ask: Caller) -> None:
    assert (await ask("GET", "/ticket/1")).status == 404
    assert (await ask("GET", "/ticket/abc")).status == 404


async def test_a_connectwise_deep_link_leads_to_the_ticket_page(ask: Caller) -> None:
    heard = await ask(
        "GET", "/v4_6_release/ConnectWise.aspx", query={"routeTo": "ServiceFV", "recid": "4711"}
    )
    assert (heard.status, heard.headers["Location"]) == (302, "/ticket/4711")


async def test_looking_at_the_page_leaves_no_trace_in_the_journal(ask: Caller) -> None:
    await ask("GET", "/")
    await ask("GET", "/ticket/4711")
    assert ask.psa.journal() == []
