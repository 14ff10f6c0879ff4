"""The practice Teams as a bot meets it: login, keys, the connector's calls and refusals."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
import jwt
import pytest
from aiohttp import web

from demo.teams import PracticeTeams, practice_teams
from demo.teams_world import (
    ANNA,
    BEN,
    ESCALATIONS,
    GROUP,
    GUEST,
    HELP,
    PRIVATE,
    QUIET,
    STRANGER,
    TEAM,
    TENANT,
)

APP = "0f000000-0000-4000-8000-00000000000f"
PASSWORD = "practice-password"
SCOPE = "https://api.botframework.com/.default"
ADAPTIVE = "application/vnd.microsoft.card.adaptive"
Json = dict[str, Any]


@dataclass(slots=True)
class Bot:
    """What the app heard, and what it answers by the name of an invoke or the type of an activity."""

    heard: list[Json] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)

    @property
    def last(self) -> Json:
        return self.heard[-1]

    async def take(self, request: web.Request) -> web.Response:
        activity = await request.json()
        self.heard.append(activity)
        self.tokens.append(request.headers["Authorization"].removeprefix("Bearer "))
        answer = self.answers.get(activity.get("name") or activity["type"], 200)
        return web.Response(status=answer) if isinstance(answer, int) else web.json_response(answer)


@dataclass(slots=True)
class Ground:
    teams: PracticeTeams
    bot: Bot
    http: aiohttp.ClientSession
    headers: dict[str, str] = field(default_factory=dict)

    async def login(self, **changes: str) -> tuple[int, Json]:
        form = {
            "grant_type": "client_credentials",
            "client_id": APP,
            "client_secret": PASSWORD,
            "scope": SCOPE,
        }
        address = f"{self.teams.login_url}/{changes.pop('tenant', TENANT)}/oauth2/v2.0/token"
        async with self.http.post(address, data=form | changes) as answer:
            return answer.status, await answer.json()

    async def call(self, verb: str, *parts: str, **more: Any) -> tuple[int, Any]:
        """(status, JSON) of a call under /connector/v3."""
        address = self.teams.service_url + "v3/" + "/".join(quote(one, safe="") for one in parts)
        async with self.http.request(verb, address, headers=self.headers, **more) as answer:
            return answer.status, await answer.json() if answer.content_length else None

    async def post(self, conversation: str = HELP, **activity: Any) -> tuple[int, Any]:
        given = {"type": "message", "text": "words"} if not activity else {"type": "message", **activity}
        return await self.call("POST", "conversations", conversation, "activities", json=given)

    async def posted(self, conversation: str, **activity: Any) -> str:
        status, body = await self.post(conversation, **activity)
        assert status == 201, body
        return str(body["id"])

    async def code(self, call: Any) -> tuple[int, str]:
        status, body = await call
        return status, body["error"]["code"]


@asynccontextmanager
async def ground(clock: Callable[[], float] = time.time) -> AsyncIterator[Ground]:
    bot = Bot()
    app = web.Application()
    app.router.add_post("/api/messages", bot.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/messages"
    try:
        async with (
            practice_teams(APP, PASSWORD, messages_url=url, clock=clock) as teams,
            aiohttp.ClientSession() as http,
        ):
            made = Ground(teams, bot, http)
            _, token = await made.login()
            made.headers = {"Authorization": f"Bearer {token['access_token']}"}
            yield made
    finally:
        await runner.cleanup()


def card(*body: Json, actions: list[Json] | None = None, **more: Any) -> Json:
    """An attachment."""
    content: Json = {"type": "AdaptiveCard", "version": "1.5", "body": list(body), "actions": actions or []}
    return {"contentType": ADAPTIVE, "content": content | more}


def words(text: str = "words") -> Json:
    return {"type": "TextBlock", "text": text, "wrap": True}


@pytest.fixture
async def on() -> AsyncIterator[Ground]:
    async with ground() as made:
        yield made


@pytest.fixture
def now() -> list[float]:
    """Epoch seconds of the practice Teams' clock, to be changed."""
    return [1_795_000_000.0]


@pytest.fixture
async def timed(now: list[float]) -> AsyncIterator[Ground]:
    async with ground(lambda: now[0]) as made:
        yield made


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "wrong"}, 400, "unauthorized_client"),
        ({"scope": "https://graph.microsoft.com/.default"}, 400, "invalid_scope"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"tenant": "elsewhere"}, 400, "invalid_request"),
    ],
)
async def test_a_wrong_login_is_refused(on: Ground, changes: dict[str, str], status: int, error: str) -> None:
    found, body = await on.login(**changes)
    assert (found, body["error"]) == (status, error)
    assert on.teams.world.tokens_given == 1


async def test_a_call_without_a_token_of_the_login_or_with_an_old_one_is_401(
    timed: Ground, now: list[float]
) -> None:
    assert (await timed.post())[0] == 201
    now[0] += 3600
    assert (await timed.post())[0] == 401
    timed.headers = {"Authorization": "Bearer guessed"}
    assert (await timed.post())[0] == 401
    timed.headers = {}
    assert (await timed.post())[0] == 401


async def test_what_it_sends_is_signed_with_the_published_key_and_a_forged_token_is_not(on: Ground) -> None:
    await on.teams.act(ANNA, "say", text="hello")
    metadata = await (await on.http.get(on.teams.openid_url)).json()
    published = (await (await on.http.get(metadata["jwks_uri"])).json())["keys"][0]
    key = jwt.PyJWK(published)

    def read(token: str) -> Json:
        found: Json = jwt.decode(token, key, ["RS256"], audience=APP, issuer=metadata["issuer"])
        return found

    claims = read(on.bot.tokens[-1])
    assert claims["serviceurl"] == on.bot.last["serviceUrl"]
    assert "msteams" in published["endorsements"]
    forged: list[Json] = [{"other_key": True}, {"aud": "x"}, {"iss": "x"}, {"exp": 1}, {"nbf": 9_999_999_999}]
    for changes in (*forged, {"alg": "HS256"}, {"alg": "none"}, {"garbage": True}):
        with pytest.raises(jwt.InvalidTokenError):
            read(on.teams.token(**changes))
    assert jwt.get_unverified_header(on.teams.token(kid="other"))["kid"] == "other"
    old = on.teams.keys.kid
    on.teams.keys.rotate()
    assert on.teams.keys.kid != old


async def test_signed_headers_open_the_door_of_the_app_with_the_activitys_own_address(on: Ground) -> None:
    headers = on.teams.sign({"serviceUrl": "https://evil.example/"})
    token = headers["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["serviceurl"] == "https://evil.example/"


async def test_a_post_begins_a_thread_and_a_threads_id_answers_in_it(on: Ground) -> None:
    root = await on.posted(HELP, text="first")
    reply = await on.posted(f"{HELP};messageid={root}", text="second")
    rows = on.teams.conversation(HELP)["messages"]
    assert [(one["id"], [each["id"] for each in one["replies"]]) for one in rows] == [(root, [reply])]
    wire = f"{HELP};messageid={reply}"
    assert await on.code(on.post(wire, text="x")) == (404, "ConversationNotFound")
    assert await on.code(on.post(f"{GROUP};messageid={root}", text="x")) == (404, "ConversationNotFound")


async def test_the_bot_opens_a_thread_and_a_chat_with_somebody(on: Ground) -> None:
    where = {"channel": {"id": ESCALATIONS}}
    sent = {"isGroup": True, "channelData": where, "activity": {"type": "message", "text": "help"}}
    status, body = await on.call("POST", "conversations", json=sent)
    assert (status, body["id"]) == (201, f"{ESCALATIONS};messageid={body['activityId']}")
    for wire in (BEN, on.teams.world.people[BEN].wire):
        sent = {"members": [{"id": wire}], "tenantId": TENANT, "bot": on.teams.world.bot}
        status, body = await on.call("POST", "conversations", json=sent)
        assert (status, body["id"]) == (201, on.teams.personal(BEN)["id"])


async def test_a_chat_that_cannot_be_opened_says_why(on: Ground) -> None:
    def opened(person: str, tenant: str = TENANT) -> Any:
        sent = {"members": [{"id": person}], "tenantId": tenant}
        return on.code(on.call("POST", "conversations", json=sent))

    assert await opened(STRANGER) == (400, "BadArgument")
    assert await opened("nobody") == (400, "BadArgument")
    assert await on.code(on.call("POST", "conversations", json={"members": []})) == (400, "BadSyntax")
    await on.teams.install(person=GUEST, remove=True)
    assert (await on.call("POST", "conversations", json={"members": [{"id": GUEST}], "tenantId": TENANT}))[
        0
    ] == 201
    await on.teams.install(team=TEAM, remove=True)
    assert await opened(GUEST) == (403, "ForbiddenOperationException")


async def test_where_the_bot_is_not_it_may_do_nothing(on: Ground) -> None:
    assert await on.code(on.post(QUIET)) == (403, "BotNotInConversationRoster")
    assert await on.code(on.post("19:nowhere@thread.tacv2")) == (404, "ConversationNotFound")
    assert await on.code(on.call("GET", "conversations", QUIET, "members")) == (
        403,
        "BotNotInConversationRoster",
    )
    sent = {
        "isGroup": True,
        "channelData": {"channel": {"id": QUIET}},
        "activity": {"type": "message", "text": "x"},
    }
    assert await on.code(on.call("POST", "conversations", json=sent)) == (403, "BotNotInConversationRoster")


async def test_an_update_replaces_the_message_and_one_that_is_gone_or_anothers_is_refused(on: Ground) -> None:
    name = await on.posted(HELP, text="before")
    at = ("conversations", HELP, "activities")
    change = {"type": "message", "text": "after"}
    assert await on.call("PUT", *at, name, json=change) == (200, {"id": name})
    row = on.teams.conversation(HELP)["messages"][0]
    assert (row["text"], row["edited"]) == ("after", True)
    theirs = (await on.teams.act(ANNA, "say", conversation=HELP, text="x"))["id"]
    assert (await on.call("PUT", *at, theirs, json=change))[0] == 403
    assert (await on.call("DELETE", *at, name))[0] == 200
    gone = (404, "ActivityNotFoundInConversation")
    assert await on.code(on.call("PUT", *at, name, json=change)) == gone
    assert await on.code(on.call("DELETE", *at, name)) == gone


@pytest.mark.parametrize(
    ("activity", "status", "code"),
    [
        ({"text": " "}, 400, "BadSyntax"),
        ({"type": "trace", "text": "x"}, 400, "BadSyntax"),
        ({"text": "x" * 52_000}, 413, "MessageSizeTooBig"),
        ({"attachments": [{"contentType": "text/x-unknown"}]}, 400, "BadSyntax"),
        ({"attachments": [card(words("x" * 29_000))]}, 413, "MessageSizeTooBig"),
        ({"attachments": [card(version="1.6")]}, 400, "BadSyntax"),
        ({"attachments": [card({"type": "Carousel"})]}, 400, "BadSyntax"),
        ({"attachments": [card({"type": "Input.Text"})]}, 400, "BadSyntax"),
        ({"attachments": [card(actions=[{"type": "Action.Http", "title": "x"}])]}, 400, "BadSyntax"),
        (
            {"attachments": [card(actions=[{"type": "Action.OpenUrl", "url": "javascript:x"}])]},
            400,
            "BadSyntax",
        ),
    ],
)
async def test_what_teams_cannot_show_is_refused(on: Ground, activity: Json, status: int, code: str) -> None:
    assert await on.code(on.post(HELP, **activity)) == (status, code)
    assert on.teams.conversation(HELP)["messages"] == []


async def test_the_same_id_twice_in_a_card_is_refused_also_inside_a_card_that_opens(on: Ground) -> None:
    one: Json = {"type": "Input.Text", "id": "x"}
    inner = {"type": "Action.ShowCard", "title": "More", "card": {"type": "AdaptiveCard", "body": [one]}}
    assert await on.code(on.post(HELP, attachments=[card(one, one)])) == (400, "BadSyntax")
    assert await on.code(on.post(HELP, attachments=[card(one, actions=[inner])])) == (400, "BadSyntax")
    assert (await on.post(HELP, attachments=[card(actions=[inner])]))[0] == 201


async def test_an_unknown_element_with_a_fallback_is_taken(on: Ground) -> None:
    assert (await on.post(HELP, attachments=[card({"type": "Carousel", "fallback": words()})]))[0] == 201


async def test_the_roster_in_one_piece_in_pages_and_one_person(on: Ground) -> None:
    _, rows = await on.call("GET", "conversations", HELP, "members")
    assert {one["aadObjectId"]: one["userRole"] for one in rows}[GUEST] == "guest"
    assert rows[0]["email"] == rows[0]["userPrincipalName"] == "anna@practice.example"
    on.teams.settings.page_size = 3
    at = ("conversations", HELP, "pagedmembers")
    _, first = await on.call("GET", *at, params={"pageSize": "100"})
    _, second = await on.call("GET", *at, params={"continuationToken": first["continuationToken"]})
    assert [one["id"] for one in first["members"] + second["members"]] == [one["id"] for one in rows]
    assert "continuationToken" not in second
    for key in (ANNA, rows[0]["id"]):
        assert (await on.call("GET", "conversations", HELP, "members", key))[1]["objectId"] == ANNA
    stranger = on.call("GET", "conversations", HELP, "members", STRANGER)
    assert await on.code(stranger) == (404, "MemberNotFoundInConversation")
    assert len((await on.call("GET", "conversations", PRIVATE, "members"))[1]) == 1


async def test_a_teams_channels_are_named_except_the_general_one(on: Ground) -> None:
    _, body = await on.call("GET", "teams", TEAM, "conversations")
    named = {one["id"]: one["name"] for one in body["conversations"]}
    assert named == {TEAM: None, HELP: "helpdesk", ESCALATIONS: "escalations"}
    assert (await on.call("GET", "teams", TEAM))[1]["name"] == "Practice MSP"
