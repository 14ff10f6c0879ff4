"""The SDK's cloud adapter with its defects closed: who signed, one connector client per address, one answer per invoke."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from botbuilder.core import InvokeResponse, TurnContext
from botbuilder.integration.aiohttp import CloudAdapter
from botbuilder.schema import Activity, ActivityTypes, ConversationAccount
from botframework.connector.aio import ConnectorClient
from botframework.connector.auth import (
    AuthenticationConfiguration,
    AuthenticationConstants,
    ConnectorFactory,
    ServiceClientCredentialsFactory,
    VerifyOptions,
)
from botframework.connector.auth._parameterized_bot_framework_authentication import (
    _ParameterizedBotFrameworkAuthentication,
)
from botframework.connector.auth.jwt_token_extractor import JwtTokenExtractor
from botframework.connector.bot_framework_sdk_client_async import BotFrameworkConnectorConfiguration

from bot.teams.port import Away
from bot.teams.sdk_keys import Keys
from bot.teams.sdk_pipeline import Credentials, Sender
from bot.teams.sdk_shapes import Answer, inside, text
from bot.teams.sdk_tokens import Login

SCOPE: str = AuthenticationConstants.TO_CHANNEL_FROM_BOT_OAUTH_SCOPE
ISSUER: str = AuthenticationConstants.TO_BOT_FROM_CHANNEL_TOKEN_ISSUER
CLOCK_SKEW = 300
MOST_CLIENTS = 64
"""Service addresses a process talks to: one per region, as a rule."""


class CredentialsFactory(ServiceClientCredentialsFactory):
    """One set of credentials per (app, scope, login), for the life of the process."""

    def __init__(self, app_id: str, login: Login | None) -> None:
        """Without a login nothing is signed and nobody is asked who he is."""
        self._app_id = app_id
        self._login = login
        self._made: dict[tuple[str, str, str], Credentials] = {}

    async def is_valid_app_id(self, app_id: object) -> bool:
        return bool(self._app_id) and app_id == self._app_id

    async def is_authentication_disabled(self) -> bool:
        return self._login is None

    async def create_credentials(
        self, app_id: str, oauth_scope: str, login_endpoint: str, validate_authority: bool
    ) -> Credentials:
        return self.credentials(oauth_scope, login_endpoint)

    def credentials(self, scope: str, address: str) -> Credentials:
        key = (self._app_id, scope, address)
        return self._made.setdefault(key, Credentials(self._app_id, self._login, scope))


class Clients(ConnectorFactory):
    """One connector client per service address, over our own pipeline."""

    def __init__(
        self, factory: CredentialsFactory, address: str, sender: Sender, pipeline: Callable[[Any], Any]
    ) -> None:
        self._factory = factory
        self._address = address
        self._sender = sender
        self._pipeline = pipeline
        self._made: dict[str, Any] = {}

    async def create(self, service_url: str, audience: str | None = None) -> Any:
        return self.at(service_url)

    def at(self, address: str) -> Any:
        if address not in self._made:
            if len(self._made) >= MOST_CLIENTS:
                del self._made[next(iter(self._made))]
            credentials = self._factory.credentials(SCOPE, self._address)
            configuration = BotFrameworkConnectorConfiguration(
                credentials, address, pipeline_type=self._pipeline, sender=self._sender
            )
            self._made[address] = ConnectorClient(credentials, address, custom_configuration=configuration)
        return self._made[address]


class Extractor(JwtTokenExtractor):
    """The SDK's check of a token, over keys that are fetched with a bound in time."""

    def __init__(self, address: str, keys: Keys) -> None:
        options = VerifyOptions(
            issuer=[ISSUER], audience=None, clock_tolerance=CLOCK_SKEW, ignore_expiration=False
        )
        super().__init__(options, address, ["RS256"])
        self.open_id_metadata = keys


class Authentication(_ParameterizedBotFrameworkAuthentication):
    """Tokens that Teams signed, and no others: neither an emulator's nor another bot's. Raises PermissionError, Away."""

    def __init__(
        self, factory: CredentialsFactory, clients: Clients, login: str, openid: str, keys: Keys
    ) -> None:
        super().__init__(
            validate_authority=True,
            to_channel_from_bot_login_url=login,
            to_channel_from_bot_oauth_scope=SCOPE,
            to_bot_from_channel_token_issuer=ISSUER,
            oauth_url="",
            to_bot_from_channel_open_id_metadata_url=openid,
            to_bot_from_emulator_open_id_metadata_url=openid,
            caller_id=None,
            credentials_factory=factory,
            auth_configuration=AuthenticationConfiguration(),
            http_client_factory=None,
        )
        self._clients = clients
        self._extractor = Extractor(openid, keys)

    async def authenticate_request(self, activity: Activity, auth_header: str | None) -> Any:
        result = await super().authenticate_request(activity, auth_header)
        result.connector_factory = self._clients
        return result

    def create_connector_factory(self, claims_identity: object) -> Clients:
        return self._clients

    async def create_user_token_client(self, claims_identity: object) -> None:
        """Nobody signs in through the bot."""

    async def _jwt_token_validation_authenticate_token(
        self, auth_header: str, channel_id: str, service_url: str
    ) -> Any:
        scheme, _, token = auth_header.partition(" ")
        try:
            identity = await self._extractor.get_identity(scheme, token, channel_id)
        except (Away, PermissionError):
            raise
        except Exception as wrong:  # noqa: BLE001 - the SDK and its parser raise whatever a made-up token provokes
            raise PermissionError(f"a token that is none: {type(wrong).__name__}") from None
        if identity is not None and not identity.claims.get("exp"):
            raise PermissionError("a token without an end")
        await self._government_channel_validation_validate_identity(identity, service_url)
        return identity


class Cloud(CloudAdapter):
    """CloudAdapter.process turns the body of an invoke's answer into text twice, which fails: ours does it once."""

    async def process(
        self,
        body: Mapping[str, Any],
        authenticated: Any,
        logic: Callable[[Mapping[str, Any]], Awaitable[Answer | None]],
    ) -> Answer:
        async def turn(context: TurnContext) -> None:
            answer = await logic(body)
            if answer is not None:
                value = InvokeResponse(status=answer.status, body=answer.body)
                await context.send_activity(Activity(type=ActivityTypes.invoke_response, value=value))

        found = await self.process_activity(authenticated, small(body), turn)
        return Answer(200) if found is None else Answer(int(found.status), found.body)


def small(body: Mapping[str, Any]) -> Activity:
    """As much of an activity as the SDK needs. The rest stays raw: its models drop what they do not know."""
    return Activity(
        type=text(body.get("type")),
        id=text(body.get("id")),
        name=text(body.get("name")),
        channel_id=text(body.get("channelId")),
        service_url=text(body.get("serviceUrl")),
        conversation=ConversationAccount(id=text(inside(body, "conversation").get("id"))),
    )
