"""What Microsoft's SDK does wrong, shown on the stock one, and that ours does not: each line is why a patch is there."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from botbuilder.core import InvokeResponse, TurnContext
from botbuilder.integration.aiohttp import CloudAdapter
from botbuilder.schema import Activity, ActivityTypes, Entity
from botframework.connector.auth import (
    AuthenticateRequestResult,
    BotFrameworkAuthenticationFactory,
    PasswordServiceClientCredentialFactory,
)

from bot.teams.adapter import Answer
from bot.teams.port import Unauthorized
from bot.teams.sdk_cloud import ISSUER, SCOPE, CredentialsFactory
from bot.teams.text import without_mention
from tests.bot.teams.connector_site import APP, PASSWORD, SAID, Scene, scene, site

CLONE = Path(__file__).resolve().parents[3]
PINS = {"botbuilder-core": "4.17.1", "botbuilder-integration-aiohttp": "4.17.1"}
CARD: dict[str, Any] = {
    "statusCode": 200,
    "type": "application/vnd.microsoft.activity.message",
    "value": "kept",
}


def stock(here: Scene) -> CloudAdapter:
    return CloudAdapter(
        BotFrameworkAuthenticationFactory.create(
            to_channel_from_bot_login_url=here.teams.login_url,
            to_channel_from_bot_oauth_scope=SCOPE,
            to_bot_from_channel_token_issuer=ISSUER,
            oauth_url="https://api.botframework.com",
            to_bot_from_channel_open_id_metadata_url=here.teams.openid_url,
            to_bot_from_emulator_open_id_metadata_url=here.teams.openid_url,
            credential_factory=PasswordServiceClientCredentialFactory(APP, PASSWORD),
        )
    )


class Answers:
    """A bot of the SDK that answers every invoke."""

    async def on_turn(self, context: TurnContext) -> None:
        value = InvokeResponse(status=200, body=CARD)
        await context.send_activity(Activity(type=ActivityTypes.invoke_response, value=value))


class Local(CloudAdapter):  # type: ignore[misc]
    """The stock adapter behind its own authentication, which would fetch keys with a call that blocks this loop."""

    async def process_activity(self, auth: Any, activity: Activity, logic: Any) -> Any:
        given = AuthenticateRequestResult()
        given.claims_identity = self.create_claims_identity(APP)
        given.connector_factory = self.bot_framework_authentication.create_connector_factory(
            given.claims_identity
        )
        return await super().process_activity(given, activity, logic)


async def posted(url: str, body: dict[str, Any], header: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json=body, headers={"Authorization": header}) as response,
    ):
        return response.status, await response.text()


async def test_the_stock_adapter_fails_on_every_answer_of_an_invoke_and_ours_gives_it_once() -> None:
    async with scene() as here:
        body = here.body(type="invoke", name="adaptiveCard/action")
        plain = Local(stock(here).bot_framework_authentication)

        async def theirs(request: web.Request) -> web.StreamResponse:
            answer: web.Response = await plain.process(request, Answers())
            return answer

        async def logic(_: Any) -> Answer:
            return Answer(200, CARD)

        async def ours(request: web.Request) -> web.StreamResponse:
            header = request.headers["Authorization"]
            answer = await here.adapter.process(await request.json(), header, logic)
            return web.json_response(answer.body, status=answer.status)

        async with site(theirs) as their_url, site(ours) as our_url:
            header = here.signed(body)
            assert (await posted(their_url, body, header))[0] == 500
            status, text = await posted(our_url, body, header)
        assert (status, text) == (200, '{"statusCode": 200, "type": "' + CARD["type"] + '", "value": "kept"}')


async def test_the_stock_adapter_stumbles_over_garbage_and_ours_says_401() -> None:
    async with scene() as here:
        plain = stock(here)
        with pytest.raises(jwt.DecodeError):
            await plain.bot_framework_authentication.authenticate_request(
                Activity(channel_id="msteams", service_url=here.teams.service_url), "Bearer this.is.garbage"
            )
        with pytest.raises(Unauthorized) as refused:
            await here.adapter.authenticate(here.body(), "Bearer this.is.garbage")
        assert refused.value.status == 401


async def test_the_stock_model_of_an_entity_forgets_all_but_its_type_and_ours_sends_it_whole() -> None:
    stream = {"type": "streaminfo", "streamType": "streaming", "streamSequence": 1}
    assert Entity().deserialize(stream).serialize() == {"type": "streaminfo"}
    assert Activity().deserialize({**SAID, "entities": [stream]}).serialize()["entities"] == [
        {"type": "streaminfo"}
    ]
    label = {
        "type": "https://schema.org/Message",
        "additionalType": ["AIGeneratedContent"],
        "unknown": {"a": [1]},
    }
    async with scene() as here:
        await here.adapter.open_thread(here.channel, {**SAID, "entities": [label], "ofTomorrow": 1})
        [message] = here.posted()
        assert message["entities"] == [label]


async def test_stock_credentials_are_made_anew_each_time_and_ours_once() -> None:
    theirs = PasswordServiceClientCredentialFactory(APP, PASSWORD)
    wanted = (APP, SCOPE, "https://login.microsoftonline.com/", True)
    assert await theirs.create_credentials(*wanted) is not await theirs.create_credentials(*wanted)
    ours = CredentialsFactory(APP, None)
    first = await ours.create_credentials(*wanted)
    assert await ours.create_credentials(*wanted) is first
    assert await ours.create_credentials(APP, "another scope", wanted[2], True) is not first


async def test_an_empty_app_id_turns_the_stock_authentication_off_and_not_ours() -> None:
    assert await PasswordServiceClientCredentialFactory("", "").is_authentication_disabled()
    async with scene() as here:
        factory = CredentialsFactory("", here.adapter._login)
        assert not await factory.is_authentication_disabled()
        assert not await factory.is_valid_app_id("")
        assert not await factory.is_valid_app_id(None)


def test_the_stock_removal_of_a_mention_takes_the_name_wherever_it_stands() -> None:
    bot = {"id": "28:app", "name": "FlowPilot"}
    mention = {"type": "mention", "text": "<at>FlowPilot</at>", "mentioned": bot}
    body = {"type": "message", "text": "<at>FlowPilot</at> my FlowPilot hangs", "recipient": bot}
    activity = Activity().deserialize(body)
    activity.entities = [Entity(type="mention")]
    activity.entities[0].additional_properties = mention
    assert TurnContext.remove_recipient_mention(activity).split() == ["my", "hangs"]
    assert without_mention({**body, "entities": [mention]}) == "my FlowPilot hangs"


async def test_a_signature_is_checked_without_holding_up_the_loop() -> None:
    """The stock one asks for the keys with a call that blocks it."""
    async with scene() as here:
        begun = time.monotonic()
        await here.adapter.authenticate(here.body(), here.signed(here.body()))
        # The practice Teams lives on this very loop: a blocking question could never be answered.
        assert time.monotonic() - begun < 5


def test_the_lock_holds_exactly_the_versions_that_were_patched() -> None:
    lock = dict(
        re.findall(r"^([a-z0-9-]+)==([^ \\]+)", (CLONE / "requirements.lock").read_text(), re.MULTILINE)
    )
    assert {name: lock[name] for name in PINS} == PINS
    family = {
        name: version for name, version in lock.items() if name.startswith(("botbuilder", "botframework"))
    }
    assert set(family.values()) == {"4.17.1"}
    asked = (CLONE / "pyproject.toml").read_text()
    for name, version in PINS.items():
        assert f'"{name}=={version}"' in asked
