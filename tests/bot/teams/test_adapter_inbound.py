"""Who signed an activity: everything that Teams did not sign is 401, another tenant 403, and nobody hangs or is blamed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from bot.teams.adapter import Answer, TeamsAdapter, Unsafe, refuse_unsafe, tenant_of
from bot.teams.port import Away, Reference, Refused, Unauthorized
from bot.teams.sdk_keys import AWAY_AGAIN_SECONDS, DAY
from demo.teams_world import TENANT
from tests.bot.teams.connector_site import (
    APP,
    HELP,
    PASSWORD,
    QUICK,
    SAID,
    Clock,
    Scene,
    adapter_for,
    scene,
    site,
)

HOUR = 3600


@pytest.fixture
async def here() -> AsyncIterator[Scene]:
    async with scene() as found:
        yield found


async def refusal(here: Scene, body: dict[str, Any], authorization: str) -> Unauthorized:
    with pytest.raises(Unauthorized) as refused:
        await here.adapter.authenticate(body, authorization)
    return refused.value


async def test_what_teams_signed_is_let_in(here: Scene) -> None:
    await here.adapter.authenticate(here.body(), here.signed(here.body()))


@pytest.mark.parametrize(
    "changes",
    [
        {"garbage": True},
        {"exp": int(time.time()) - HOUR, "nbf": int(time.time()) - 2 * HOUR},
        {"exp": None},
        {"nbf": int(time.time()) + HOUR},
        {"kid": "nobody's"},
        {"kid": None},
        {"other_key": True},
        {"alg": "none"},
        {"alg": "HS256"},
        {"aud": "another-app"},
        {"aud": [APP]},
        {"aud": None},
        {"iss": "https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/"},
        {"iss": None},
        {"serviceurl": "https://elsewhere.example/"},
        {"serviceurl": None},
        {"iss": "https://sts.windows.net/f8cdef31-a31e-4b4a-93e4-5f571e91255a/", "ver": "1.0", "appid": APP},
        {"ver": "2.0", "azp": "another-bot"},
    ],
)
async def test_a_token_that_is_not_teams_is_401(here: Scene, changes: dict[str, Any]) -> None:
    refused = await refusal(here, here.body(), here.signed(here.body(), **changes))
    assert refused.status == 401
    assert len(refused.log_safe) < 80


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic QQ==", "Bearer a b", "Bearer \u00fc.\u00fc.\u00fc", "Bearer ..", "bearer x.y.z",
     "Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6N30.eyJpc3MiOiJodHRwczovL2FwaS5ib3RmcmFtZXdvcmsuY29tIn0.AA",  # kid: 7
     "Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOlsiaHR0cHM6Ly9hcGkuYm90ZnJhbWV3b3JrLmNvbSJdfQ.AA",  # iss: a list
     "Bearer eyJhbGciOiJSUzI1NiJ9.W10.AA",  # claims: a list
     "Bearer " + "e30." * 3000, "Bearer " + "W1tbW1tbW1tb" * 500 + ".e30.e30"],
)  # fmt: skip
async def test_a_header_that_holds_no_token_is_401(here: Scene, header: str) -> None:
    assert (await refusal(here, here.body(), header)).status == 401


async def test_what_a_stranger_wrote_into_his_token_does_not_reach_the_log(here: Scene) -> None:
    refused = await refusal(here, here.body(), here.signed(here.body(), aud="evil\nline"))
    assert refused.log_safe == "a token for another app"


async def test_another_channel_of_the_same_bot_is_not_teams(here: Scene) -> None:
    """Direct Line's users name themselves, with real tokens."""
    body = here.body(channelId="directline")
    assert (await refusal(here, body, here.signed(body))).log_safe == "not from Teams"


async def test_a_key_that_is_not_endorsed_for_teams_does_not_count(here: Scene) -> None:
    here.teams.keys.endorsements = ["directline"]
    assert (await refusal(here, here.body(), here.signed(here.body()))).status == 401


@pytest.mark.parametrize("address", ["", None, 7, "http://teams.example/", "https://a:b@teams.example/"])
async def test_a_service_address_that_is_not_spoken_to_is_401(here: Scene, address: object) -> None:
    body = here.body(serviceUrl=address)
    assert (await refusal(here, body, here.signed(here.body()))).status == 401


async def test_a_tenant_that_is_not_allowed_is_403_whichever_way_it_is_named() -> None:
    async with scene(allowed_tenants=[TENANT.upper(), " "]) as here:
        await here.adapter.authenticate(here.body(), here.signed(here.body()))
        only_here = here.body(channelData=None)
        await here.adapter.authenticate(only_here, here.signed(only_here))
        for body in (
            here.body(channelData={"tenant": {"id": "another"}}),
            here.body(channelData={}, conversation={"id": HELP, "tenantId": "another"}),
            here.body(channelData=None, conversation={"id": HELP}),
            here.body(channelData="?", conversation=[]),
        ):
            assert (await refusal(here, body, here.signed(body))).status == 403
        forged = here.body(channelData={"tenant": {"id": "another"}})
        assert (await refusal(here, forged, "")).status == 401


def test_whose_activity_it_is() -> None:
    assert tenant_of({"channelData": {"tenant": {"id": "a"}}, "conversation": {"tenantId": "b"}}) == "a"
    assert tenant_of({"conversation": {"tenantId": "b"}}) == "b"
    assert tenant_of({"channelData": {"tenant": {"id": 7}}}) == ""


# ── The keys ────────────────────────────────────────────────────────────────────────────────────────────────


def asked(here: Scene) -> int:
    return len(here.calls("openid"))


async def test_the_keys_are_fetched_once_for_many_at_once(here: Scene) -> None:
    header = here.signed(here.body())
    await asyncio.gather(*(here.adapter.authenticate(here.body(), header) for _ in range(8)))
    assert asked(here) == 2  # the description, and the keys


async def test_a_new_key_is_learnt_and_made_up_ones_do_not_make_us_ask_all_the_time() -> None:
    clock = Clock(time.time())
    async with scene(clock=clock) as here:
        await here.adapter.authenticate(here.body(), here.signed(here.body()))
        here.teams.keys.rotate()
        await refusal(here, here.body(), here.signed(here.body()))  # too soon to look again
        await refusal(here, here.body(), here.signed(here.body(), kid="made-up"))
        assert asked(here) == 2
        clock.now += 120
        await here.adapter.authenticate(here.body(), here.signed(here.body()))
        assert asked(here) == 4


@pytest.mark.parametrize("kind", ["503", "reset", "500"])
async def test_where_the_keys_cannot_be_had_nobody_is_blamed(here: Scene, kind: str) -> None:
    here.teams.faults.add(kind=kind, method="openid", times=None)
    for _ in range(3):
        with pytest.raises(Away) as away:
            await here.adapter.authenticate(here.body(), here.signed(here.body()))
        assert not away.value.unsure
    assert asked(here) <= 2  # it is not asked again for each activity


async def test_a_host_of_keys_that_does_not_answer_does_not_hang_us() -> None:
    async with scene(limits=replace(QUICK, keys=0.05)) as here:
        here.teams.faults.add(kind="stall", method="openid", times=None, seconds=20)
        async with asyncio.timeout(3):
            with pytest.raises(Away):
                await here.adapter.authenticate(here.body(), here.signed(here.body()))


async def test_keys_we_have_are_good_for_another_day_while_nobody_answers() -> None:
    clock = Clock(time.time())
    async with scene(clock=clock) as here:
        body, header = here.body(), here.signed(here.body())
        await here.adapter.authenticate(body, header)
        here.teams.faults.add(kind="503", method="openid", times=None)
        clock.now += DAY + 60
        await here.adapter.authenticate(body, header)
        clock.now += DAY
        with pytest.raises(Away):
            await here.adapter.authenticate(body, header)
        here.teams.faults.clear()
        clock.now += AWAY_AGAIN_SECONDS + 1
        await here.adapter.authenticate(body, header)


async def test_an_unknown_key_while_nobody_answers_is_no_ones_fault() -> None:
    clock = Clock(time.time())
    async with scene(clock=clock) as here:
        await here.adapter.authenticate(here.body(), here.signed(here.body()))
        here.teams.keys.rotate()
        here.teams.faults.add(kind="503", method="openid", times=None)
        clock.now += 120
        with pytest.raises(Away):
            await here.adapter.authenticate(here.body(), here.signed(here.body()))


@pytest.mark.parametrize(
    "found",
    [
        "[]",
        "{}",
        "no json",
        '{"jwks_uri": "http://teams.example/keys"}',
        '{"jwks_uri": 7}',
        '{"keys": [{"kid": "x"}]}',
    ],
)
async def test_keys_that_cannot_be_read_are_nobodys_fault(found: str) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=found, content_type="application/json")

    async with scene() as here, site(answer) as url:
        adapter = adapter_for(here.teams, openid_url=f"{url}/openid")
        with pytest.raises(Away):
            await adapter.authenticate(here.body(), here.signed(here.body()))
        await adapter.close()


# ── An invoke's answer ──────────────────────────────────────────────────────────────────────────────────────


async def test_an_invoke_is_answered_with_what_the_logic_returns_and_sees_the_raw_body(here: Scene) -> None:
    body = here.body(
        type="invoke", name="adaptiveCard/action", value={"action": {"unknown": [1, {"a": None}]}}
    )
    seen: list[Any] = []

    async def logic(given: Any) -> Answer:
        seen.append(given)
        return Answer(200, {"statusCode": 200, "value": {"ü": [1, None]}})

    answer = await here.adapter.process(body, here.signed(body), logic)
    assert answer == Answer(200, {"statusCode": 200, "value": {"ü": [1, None]}})
    assert seen == [body]


async def test_a_message_is_200_and_an_invoke_nobody_answers_501(here: Scene) -> None:
    async def silent(_: Any) -> None:
        return None

    body = here.body()
    assert await here.adapter.process(body, here.signed(body), silent) == Answer(200)
    invoke = here.body(type="invoke", name="unknown")
    assert (await here.adapter.process(invoke, here.signed(invoke), silent)).status == 501


async def test_the_logic_never_sees_what_teams_did_not_sign(here: Scene) -> None:
    seen: list[Any] = []

    async def logic(given: Any) -> Answer:
        seen.append(given)
        return Answer(200)

    with pytest.raises(Unauthorized):
        await here.adapter.process(here.body(), here.signed(here.body(), other_key=True), logic)
    assert seen == []


async def test_what_the_logic_raises_is_not_swallowed(here: Scene) -> None:
    async def logic(_: Any) -> Answer:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await here.adapter.process(here.body(), here.signed(here.body()), logic)


# ── Without authentication ──────────────────────────────────────────────────────────────────────────────────


def test_nobody_starts_with_the_door_open() -> None:
    refuse_unsafe(APP, no_auth=False, host="0.0.0.0")  # noqa: S104
    for host in ("127.0.0.1", "::1", "[::1]", "localhost"):
        refuse_unsafe("", no_auth=True, host=host)
    for host in ("0.0.0.0", "", "::", "192.168.1.5", "127.0.0.1.evil.example", "localhost.example"):  # noqa: S104
        with pytest.raises(Unsafe):
            refuse_unsafe("", no_auth=True, host=host)
    for host in ("127.0.0.1", "0.0.0.0"):  # noqa: S104
        with pytest.raises(Unsafe):
            refuse_unsafe("", no_auth=False, host=host)
    with pytest.raises(Unsafe):
        TeamsAdapter("", PASSWORD)


@pytest.mark.parametrize("address", ["http://login.example", "login.example", "file:///tmp/x", ""])
def test_logins_and_keys_are_asked_for_over_tls(address: str) -> None:
    with pytest.raises(Unsafe):
        TeamsAdapter(APP, PASSWORD, login_url=address)
    with pytest.raises(Unsafe):
        TeamsAdapter(APP, PASSWORD, openid_url=address)


async def test_without_authentication_only_this_machine_is_believed_and_spoken_to() -> None:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        return web.json_response({"id": "1"}, status=201)

    adapter = TeamsAdapter("", "", no_auth=True)
    body = {"type": "message", "channelId": "msteams", "conversation": {"id": "a:1"}}
    async with site(answer) as url:
        await adapter.authenticate({**body, "serviceUrl": url}, "")
        await adapter.authenticate({**body, "serviceUrl": url}, "Bearer whatever")
        for address in ("https://smba.trafficmanager.net/amer/", "http://10.0.0.1/"):
            with pytest.raises(Unauthorized):
                await adapter.authenticate({**body, "serviceUrl": address}, "")
            with pytest.raises(Refused):
                await adapter.post(Reference("t", "a:1", "personal", {"serviceUrl": address}), SAID)
        assert await adapter.post(Reference("t", "a:1", "personal", {"serviceUrl": url}), SAID) == "1"
        [request] = asked
        assert "Authorization" not in request.headers
    await adapter.close()


async def test_with_real_logins_this_machine_is_not_spoken_to() -> None:
    """Or an activity could turn the bot against what listens beside it."""
    adapter = TeamsAdapter(APP, PASSWORD)
    for address in ("http://127.0.0.1:6379/", "https://127.0.0.1/", "https://localhost/", "https://[::1]/"):
        with pytest.raises(Refused):
            await adapter.post(Reference("t", "a:1", "personal", {"serviceUrl": address}), SAID)
    await adapter.close()
