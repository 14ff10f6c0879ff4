"""Lists: paging, sorting, chosen fields, and the sample world itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demo.psa import practice_psa
from demo.psa_caller import Caller, caller
from demo.psa_conditions import read_date
from demo.psa_world import seed


@pytest.fixture
async def ask() -> AsyncIterator[Caller]:
    async with practice_psa() as psa, caller(psa) as asking:
        yield asking


async def test_a_page_has_25_rows_unless_asked_otherwise_and_1000_at_most(ask: Caller) -> None:
    assert len((await ask("GET", "service/tickets")).body) == 25
    total = (await ask("GET", "service/tickets/count")).body["count"]
    assert total > 25
    assert len((await ask("GET", "service/tickets", query={"pageSize": "5000"})).body) == total


async def test_the_link_header_leads_through_all_pages_once(ask: Caller) -> None:
    seen: list[int] = []
    query: dict[str, str] | None = {"pageSize": "10", "fields": "id"}
    page = 1
    while query:
        heard = await ask("GET", "service/tickets", query=query)
        seen += [one["id"] for one in heard.body]
        page += 1
        more = 'rel="next"' in heard.headers.get("Link", "")
        assert not more or f"page={page}>" in heard.headers["Link"]
        query = {**query, "page": str(page)} if more else None
    assert len(seen) == len(set(seen)) == (await ask("GET", "service/tickets/count")).body["count"]


async def test_a_page_past_the_end_is_an_empty_list(ask: Caller) -> None:
    assert (await ask("GET", "service/tickets", query={"page": "99"})).body == []


async def test_forward_only_paging_goes_by_page_id_and_refuses_an_order(ask: Caller) -> None:
    header = {"pagination-type": "forward-only"}
    first = await ask("GET", "service/tickets", query={"pageSize": "7"}, headers=header)
    last = first.body[-1]["id"]
    assert f"pageId={last}>" in first.headers["Link"]
    following = await ask(
        "GET", "service/tickets", query={"pageSize": "7", "pageId": str(last)}, headers=header
    )
    assert all(one["id"] > last for one in following.body)
    assert (await ask("GET", "service/tickets", query={"orderBy": "id"}, headers=header)).status == 400


async def test_order_by_sorts_both_ways(ask: Caller) -> None:
    up = await ask("GET", "service/tickets", query={"orderBy": "board/name asc, id desc", "pageSize": "100"})
    boards = [one["board"]["name"] for one in up.body]
    assert boards == sorted(boards, key=str.lower)
    newest = await ask("GET", "service/tickets", query={"orderBy": "lastUpdated desc", "pageSize": "100"})
    moments = [one["_info"]["lastUpdated"] for one in newest.body]
    assert moments == sorted(moments, reverse=True)
    assert (await ask("GET", "service/tickets", query={"orderBy": "nonsense"})).status == 400


async def test_fields_cut_the_record_and_drop_info_unless_named(ask: Caller) -> None:
    heard = await ask("GET", "service/tickets/4711", query={"fields": "id,board/name"})
    assert heard.body == {"id": 4711, "board": {"name": "Help Desk"}}
    heard = await ask("GET", "service/tickets/4711", query={"fields": "id,_info"})
    assert "lastUpdated" in heard.body["_info"]


async def test_search_takes_the_conditions_from_the_body(ask: Caller) -> None:
    heard = await ask("POST", "service/tickets/search", body={"conditions": 'summary contains "vpn"'})
    assert {one["id"] for one in heard.body} == {4713, 4671}


async def test_child_conditions_find_a_contact_by_email(ask: Caller) -> None:
    query = {"childConditions": 'communicationItems/value = "jane.doe@harborpine.example"'}
    assert [one["id"] for one in (await ask("GET", "company/contacts", query=query)).body] == [601]
    wrong = {"conditions": 'communicationItems/value = "x"'}
    assert (await ask("GET", "company/contacts", query=wrong)).status == 400


async def test_members_hold_one_inactive_and_one_api_member(ask: Caller) -> None:
    active = (await ask("GET", "system/members", query={"conditions": "inactiveFlag=False"})).body
    people = {one["officeEmail"] for one in active if one["licenseClass"] != "A"}
    assert people == {"anna@practice.example", "ben@practice.example", "carla@practice.example"}
    assert len((await ask("GET", "system/members")).body) == 5


async def test_every_board_has_its_own_statuses_with_one_default_and_one_closing(ask: Caller) -> None:
    for board in (await ask("GET", "service/boards", query={"conditions": "inactiveFlag=False"})).body:
        rows = (await ask("GET", f"service/boards/{board['id']}/statuses")).body
        assert {row["board"]["id"] for row in rows} == {board["id"]}
        assert len([row for row in rows if row["defaultFlag"]]) == 1
        assert any(row["closedStatus"] for row in rows)


async def test_jane_has_three_closed_tickets_in_the_last_fourteen_days(ask: Caller) -> None:
    since = (datetime.now(UTC) - timedelta(days=14)).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = f"contact/id = 601 and closedFlag = True and closedDate > [{since}]"
    rows = (await ask("GET", "service/tickets", query={"conditions": conditions, "orderBy": "id"})).body
    assert [one["id"] for one in rows] == [4655, 4690, 4702]
    notes = (await ask("GET", "service/tickets/4690/notes")).body
    assert any(
        one["resolutionFlag"] and one["member"]["identifier"] == "ben" for one in notes if "member" in one
    )


async def test_the_merged_ticket_points_to_its_parent(ask: Caller) -> None:
    child = (await ask("GET", "service/tickets/4709")).body
    assert (child["mergedParentTicket"]["id"], child["closedFlag"]) == (4711, True)
    assert (await ask("GET", "service/tickets/4711")).body["hasMergedChildTicketFlag"] is True


async def test_the_devices_of_a_ticket_can_be_followed(ask: Caller) -> None:
    rows = (await ask("GET", "service/tickets/4711/configurations")).body
    device = (await ask("GET", f"company/configurations/{rows[0]['id']}")).body
    assert (device["deviceIdentifier"], device["contact"]["name"]) == ("HPL-LT-014", "Jane Doe")


def test_there_are_twenty_fresh_tickets_and_none_comes_from_the_future() -> None:
    now = datetime(2030, 2, 1, 12, 0, tzinfo=UTC)
    tickets = [record for _, kind, record in seed(now) if kind == "ticket"]
    fresh = [one for one in tickets if 4711 <= one["id"] <= 4730]
    assert len(fresh) == 20
    assert not any(one["closedFlag"] for one in fresh)
    entered = [read_date(one["_info"]["dateEntered"]) for one in tickets]
    assert all(moment is not None and moment < now for moment in entered)
    goals = [read_date(one["resolutionGoalUTC"]) for one in fresh]
    assert any(goal is not None and goal < now for goal in goals)
    assert any(goal is not None and goal > now for goal in goals)


def test_every_sample_ticket_has_a_phone_an_email_and_an_sla() -> None:
    for _, kind, record in seed(datetime(2030, 2, 1, tzinfo=UTC)):
        if kind == "ticket":
            assert record["contactPhoneNumber"].startswith("555-01")
            assert record["contactEmailAddress"].endswith(".example")
            assert record["sla"]["name"] in ("Standard", "Gold")


def test_the_outlook_log_holds_its_cause_exactly_once_among_about_three_hundred_lines() -> None:
    lines = (
        (Path(__file__).parents[2] / "demo/logs/outlook_events.txt").read_text(encoding="utf-8").splitlines()
    )
    assert 250 <= len(lines) <= 350
    assert len([line for line in lines if "0x80090016" in line]) == 1
    assert len([line for line in lines if "interaction_required" in line]) > 20
