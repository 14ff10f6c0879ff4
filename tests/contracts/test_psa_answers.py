"""Every odd answer the API or a gateway can give, and what the client makes of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from engine.clients.connectwise import ConnectWise
from engine.psa import (
    OwnerWrite,
    PsaBroken,
    PsaBusy,
    PsaFailure,
    PsaForbidden,
    PsaKeysRefused,
    PsaNotFound,
    PsaRefused,
    PsaUnreachable,
    PsaWrongHost,
    StatusWrite,
)
from storage.limiter import LocalLimiter
from tests.contracts.answering import Request, Say, answering, client_of, connection_to, utc_now
from tests.contracts.psa_contract import ANNA, TICKET, note, time

PAGE = "<html><head><title>502 Bad Gateway</title></head></html>"
NO_PLACE = "Please choose where to display the notes in order to save this record."
STATUS_17 = "Service Status 17 not found for Service Board 21"


def said(status: int, code: str, message: str, *, field: str = "") -> Say:
    errors = [{"code": code, "message": message, "resource": "ticket", "field": field}] if field else None
    outer = "ticket object is invalid" if field else message
    return Say(status, {"code": "InvalidObject" if field else code, "message": outer, "errors": errors})


def page(status: int) -> Say:
    return Say(status, PAGE, "text/html")


# answer, failure, outcome of a write, a piece of the sentence
ANSWERS: list[tuple[Say, type[PsaFailure], str, str]] = [
    (said(400, "InvalidObject", NO_PLACE, field="text"), PsaRefused, "not_done", "choose where to display"),
    (said(400, "NotFound", STATUS_17, field="status/id"), PsaRefused, "not_done", STATUS_17),
    (said(400, "MaxLengthField", "summary is too long", field="summary"), PsaRefused, "not_done", "too long"),
    (said(400, "ObjectExists", "It exists."), PsaRefused, "not_done", "It exists."),
    (said(400, "ApiFindCondition", "x is not a name."), PsaRefused, "not_done", "x is not"),
    (
        Say(400, "Cannot route. Codebase/company is invalid", "text/plain"),
        PsaKeysRefused,
        "not_done",
        "Cannot route",
    ),
    (said(401, "Unauthorized", "No clientId."), PsaKeysRefused, "not_done", "No clientId."),
    (said(404, "UserNotAuthenticated", "Wrong."), PsaKeysRefused, "not_done", "keys"),
    (said(403, "Security", "You do not have security permission."), PsaForbidden, "not_done", "needs: "),
    (said(403, "Security", "SSL is required."), PsaWrongHost, "not_done", "api-"),
    (said(405, "MethodNotAllowed", "Not allowed."), PsaNotFound, "not_done", "Not allowed"),
    (said(409, "RecordInUse", "In use by another user."), PsaBusy, "not_done", "In use"),
    (said(415, "UnsupportedMediaType", "Not JSON."), PsaRefused, "not_done", "Not JSON."),
    (Say(429, {"error": "ConnectWiseAPI", "message": "again in 12 seconds."}), PsaBusy, "unknown", "12 s"),
    (said(500, "InternalServerError", "String was not recognized"), PsaBroken, "unknown", "not recognized"),
    (Say(500, "", "application/json"), PsaBroken, "unknown", "code 500"),
    (page(200), PsaWrongHost, "unknown", "api-"),
    (page(201), PsaWrongHost, "unknown", "api-"),
    (page(502), PsaBroken, "unknown", "code 502"),
    (page(503), PsaBroken, "unknown", "code 503"),
    (Say(302, "", headers={"Location": "/elsewhere"}), PsaWrongHost, "unknown", "api-"),
    (Say(200, '{"id":90417,"tick'), PsaBroken, "unknown", "cannot be read"),
    (Say(201, ""), PsaBroken, "unknown", "cannot be read"),
    (Say(204, ""), PsaBroken, "unknown", "code 204"),
    (Say(200, "[" * 100_000), PsaBroken, "unknown", "cannot be read"),
    (Say(hang_up=True), PsaUnreachable, "unknown", "broke"),
]


@pytest.mark.parametrize(("answer", "failure", "outcome", "piece"), ANSWERS)
async def test_every_answer_that_is_no_success_has_its_failure(
    answer: Say, failure: type[PsaFailure], outcome: str, piece: str
) -> None:
    writes: tuple[Callable[[ConnectWise], Awaitable[int]], ...] = (
        lambda client: client.add_note(note()),
        lambda client: client.add_time(time(show_on="internal")),
    )
    async with answering(lambda _: answer) as site:
        for write in writes:
            async with client_of(site.url) as client:
                with pytest.raises(failure) as failed:
                    await write(client)
            assert type(failed.value) is failure
            assert failed.value.outcome == outcome
            assert piece in failed.value.sentence
        assert [each.method for each in site.api()] == ["POST", "POST"]
        async with client_of(site.url) as client:
            with pytest.raises(failure) as reading:
                await client.members()
        assert reading.value.outcome == "not_done"


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {"id": "90417"},
        {"id": True},
        {"id": None, "ticketId": TICKET},
        {"id": 5, "ticketId": TICKET + 1, "chargeToId": TICKET + 1},
        {"id": 5, "ticketId": TICKET, "chargeToId": None, "text": "somebody else's"},
    ],
)
async def test_a_success_that_is_not_surely_ours_is_unknown(body: Any) -> None:
    async with answering(lambda _: Say(201, body)) as site, client_of(site.url) as client:
        with pytest.raises(PsaBroken) as failed:
            await client.add_note(note())
        assert failed.value.outcome == "unknown"
        if isinstance(body, dict) and "text" in body:
            return
        with pytest.raises(PsaBroken) as failed:
            await client.add_time(time())
        assert failed.value.outcome == "unknown"


@pytest.mark.parametrize("keys_work", [True, False])
async def test_a_404_means_missing_only_where_the_keys_work(keys_work: bool) -> None:
    def answer(request: Request) -> Say:
        asked_for_system = request.path.endswith("/system/info")
        return (
            Say(body={"version": "v2025.1"})
            if asked_for_system and keys_work
            else said(404, "NotFound", "No.")
        )

    async with answering(answer) as site, client_of(site.url) as client:
        for act in (client.ticket(TICKET), client.add_note(note()), client.members()):
            with pytest.raises(PsaNotFound if keys_work else PsaKeysRefused) as failed:
                await act
            assert failed.value.outcome == "not_done"


async def test_an_answer_with_new_fields_and_without_optional_ones_is_a_success() -> None:
    async with (
        answering(lambda _: Say(201, {"id": 5, "newField": [1]})) as site,
        client_of(site.url) as client,
    ):
        assert await client.add_note(note()) == 5
        assert await client.add_time(time()) == 5


@pytest.mark.parametrize(("header", "wait"), [("17", 17.0), ("99999", 3600.0), ("soon", 30.0), (None, 30.0)])
async def test_the_wait_after_too_many_requests_is_told_and_kept(header: str | None, wait: float) -> None:
    headers = {"Retry-After": header} if header else {}
    async with answering(lambda _: Say(429, {}, headers=headers)) as site, client_of(site.url) as client:
        with pytest.raises(PsaBusy) as failed:
            await client.boards()
        assert failed.value.retry_after == wait
        with pytest.raises(PsaBusy) as held:
            await client.add_note(note())
        assert held.value.outcome == "not_done"
        assert len(site.api()) == 1


async def test_a_read_is_tried_once_more_after_a_broken_connection_and_a_write_never() -> None:
    answers = iter([Say(hang_up=True), Say(body=[{"id": 1, "name": "Help Desk"}]), *[Say(hang_up=True)] * 9])
    async with answering(lambda _: next(answers)) as site, client_of(site.url) as client:
        assert [each.name for each in await client.boards()] == ["Help Desk"]
        with pytest.raises(PsaUnreachable):
            await client.boards()
        before = len(site.api())
        with pytest.raises(PsaUnreachable):
            await client.set_status(StatusWrite(TICKET, "ServiceTicket", 3))
        assert len(site.api()) == before + 1


async def test_a_write_without_an_answer_ends_at_its_deadline_as_unknown() -> None:
    async with answering(lambda _: Say(never=True)) as site, client_of(site.url) as client:
        with pytest.raises(PsaUnreachable) as failed:
            await client.add_note(note(), deadline=0.3)
        assert failed.value.outcome == "unknown"
        assert failed.value.retryable
        assert len(site.api()) == 1


async def test_parts_of_a_ticket_that_never_come_do_not_hold_it_up() -> None:
    def answer(request: Request) -> Say:
        return (
            Say(body={"id": TICKET, "contact": {"id": 9}})
            if request.path.endswith(str(TICKET))
            else Say(never=True)
        )

    async with answering(answer) as site, client_of(site.url, deadline=0.4) as client:
        ticket = await client.ticket(TICKET)
    assert ticket.missing == ("configurations", "contact", "description", "notes", "recent")


async def test_nobody_listening_means_not_done() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    async with client_of(address, connection_to(address, codebase="v4_6_release/")) as client:
        with pytest.raises(PsaUnreachable, match="cannot be reached") as failed:
            await client.add_note(note())
    assert failed.value.outcome == "not_done"


async def test_a_full_limiter_means_not_done_and_nothing_sent() -> None:
    limiter = LocalLimiter(in_flight=0, max_wait=0)
    async with answering(lambda _: Say()) as site:
        client = ConnectWise(connection_to(site.url), limiter, allow_hosts={"127.0.0.1"}, now=utc_now)
        with pytest.raises(PsaBusy) as failed:
            await client.add_note(note())
        await client.close()
        assert failed.value.outcome == "not_done"
        assert site.seen == []


async def test_more_than_the_size_limit_is_not_read() -> None:
    large = Say(body=["x" * 1000] * 50)
    async with answering(lambda _: large) as site, client_of(site.url, max_bytes=20_000) as client:
        with pytest.raises(PsaBroken, match="more than FlowPilot accepts") as failed:
            await client.boards()
        assert not failed.value.retryable


async def test_a_redirect_is_never_followed() -> None:
    moved = Say(307, "", headers={"Location": "/v2025_1/apis/3.0/system/info"})
    async with answering(lambda _: moved) as site, client_of(site.url) as client:
        with pytest.raises(PsaWrongHost):
            await client.boards()
        assert [each.path for each in site.api()] == ["/v2025_1/apis/3.0/service/boards"]


async def test_every_call_carries_client_id_version_and_keys_but_the_first_no_keys() -> None:
    async with answering(lambda _: Say(body=[])) as site, client_of(site.url) as client:
        await client.boards()
        await client.statuses(1)
        company, *calls = site.seen
        assert company.path == "/login/companyinfo/practice"
        assert "Authorization" not in company.headers
        assert len(calls) == 2
        for each in site.seen:
            assert each.headers["clientId"] == "00000000-0000-4000-8000-000000000000"
            assert each.headers["Accept"] == "application/vnd.connectwise.com+json; version=2025.16"
        for each in calls:
            assert each.headers["Authorization"].startswith("Basic ")
            assert each.path.startswith("/v2025_1/apis/3.0/")


async def test_after_a_wrong_host_the_release_is_asked_anew() -> None:
    answers = iter([page(200), Say(body=[])])
    async with answering(lambda _: next(answers)) as site, client_of(site.url) as client:
        with pytest.raises(PsaWrongHost):
            await client.boards()
        assert await client.boards() == ()
        assert [each.path.startswith("/login/") for each in site.seen] == [True, False, True, False]


@pytest.mark.parametrize("codebase", ["../../x/", "a/b/c", "v1?x=", "?"])
async def test_a_release_that_is_no_plain_word_is_not_used(codebase: str) -> None:
    async with answering(lambda _: Say()) as site:
        async with client_of(site.url, connection_to(site.url, codebase=codebase)) as client:
            with pytest.raises(PsaWrongHost):
                await client.boards()
        assert site.seen == []


async def test_time_that_must_have_a_place_goes_to_internal_on_the_second_way() -> None:
    answers = iter([said(400, "InvalidObject", NO_PLACE, field="notes"), Say(201, {"id": 7})])
    async with answering(lambda _: next(answers)) as site, client_of(site.url) as client:
        assert await client.add_time(time()) == 7
        first, second = (each.body for each in site.api())
        assert {key for key in first if first[key] != second[key]} == {"addToInternalAnalysisFlag"}
        assert second["addToInternalAnalysisFlag"] is True


async def test_hidden_internal_notes_make_absence_uncertain_only_for_the_same_start() -> None:
    write = time(start=time().start, marker="[fp:00000000]")
    entry = {"id": 3, "chargeToId": TICKET, "member": {"id": ANNA}, "timeStart": "2026-08-20T09:00:00Z"}
    async with answering(lambda _: Say(body=[entry])) as site, client_of(site.url) as client:
        with pytest.raises(PsaBroken, match="cannot be read"):
            await client.find_time(write)
        later = replace(write, start=write.start + timedelta(minutes=1))
        assert await client.find_time(later) is None


@pytest.mark.parametrize("told", [{"id": TICKET, "owner": {"id": 102}}, {"id": TICKET}, {}])
async def test_an_owner_that_was_not_kept_is_a_refusal_even_after_a_200(told: dict[str, Any]) -> None:
    kept = {"id": TICKET, "owner": {"id": ANNA, "name": "Anna Keller"}}

    def answer(request: Request) -> Say:
        return Say(body=told if request.method == "PATCH" else kept)

    async with answering(answer) as site, client_of(site.url) as client:
        with pytest.raises(PsaRefused, match=r'did not keep it\. It is still "Anna Keller"'):
            await client.set_owner(OwnerWrite(TICKET, "ServiceTicket", 102))
        body = site.api()[0].body
        assert body == [{"op": "replace", "path": "owner", "value": {"id": 102}}]


async def test_a_patch_that_cannot_be_read_back_is_unknown() -> None:
    def answer(request: Request) -> Say:
        return Say(body={"id": TICKET, "status": {"id": 3}}) if request.method == "PATCH" else page(502)

    async with answering(answer) as site, client_of(site.url) as client:
        with pytest.raises(PsaBroken) as failed:
            await client.set_status(StatusWrite(TICKET, "ServiceTicket", 3))
        assert failed.value.outcome == "unknown"


async def test_slots_come_back_after_failures_and_cancelled_calls() -> None:
    async with answering(lambda _: Say(never=True)) as site, client_of(site.url, deadline=30.0) as client:
        calls = [asyncio.create_task(client.boards()) for _ in range(20)]
        await site.until(lambda: len(site.api()) == 8)
        for each in calls:
            each.cancel()
        assert all(
            isinstance(each, asyncio.CancelledError)
            for each in await asyncio.gather(*calls, return_exceptions=True)
        )
        with pytest.raises(PsaUnreachable):
            await client.add_note(note(marker=f"[fp:{uuid4().hex[:8]}]"), deadline=0.2)


@pytest.mark.parametrize(
    "host",
    [
        "http://api-na.myconnectwise.net",
        "127.0.0.1",
        "https://127.0.0.1:8443",
        "https://[::1]",
        "https://[::ffff:10.0.0.1]",
        "https://[64:ff9b::a00:1]",
        "169.254.169.254",
        "10.1.2.3",
        "localhost",
        "https://user:pass@psa.example",
        "psa.example/v4_6_release",
        "psa.example?x=1",
        "ftp://psa.example",
        "",
        "a b",
    ],
)
async def test_only_public_https_hosts_are_asked(host: str) -> None:
    async with client_of("", connection_to(host), allow_hosts=(), deadline=5.0) as client:
        with pytest.raises(PsaWrongHost):
            await client.boards()


async def test_an_allowed_host_may_be_named_with_its_port() -> None:
    async with answering(lambda _: Say(body=[])) as site:
        async with client_of(site.url, allow_hosts={site.url.removeprefix("http://")}) as client:
            assert await client.boards() == ()
        async with client_of(site.url, allow_hosts={"127.0.0.1:1"}) as client:
            with pytest.raises(PsaWrongHost):
                await client.boards()
