"""The pipeline of requests under the SDK's connector client: patience, the token, and a sender with bounds in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from botframework.connector.auth import AppCredentials
from msrest.pipeline import AsyncHTTPPolicy, AsyncHTTPSender, AsyncPipeline, Response
from yarl import URL

from bot.teams.port import Away
from bot.teams.sdk_limits import AWAY_SECONDS, Limits, retry_after
from bot.teams.sdk_tokens import Login
from bot.teams.sdk_web import Answered, Web

SURELY_NOT_DONE = frozenset({412, 429, 503})
PERHAPS_DONE = frozenset({502, 504})


@dataclass(slots=True)
class Journey:
    """What is known of one request on its way. `left`: it may have arrived since the last answer."""

    left: bool = False


class Sender(AsyncHTTPSender):
    """Sends over our own session: the stock one blocks a thread for as long as the other side likes."""

    def __init__(self, web: Web, limits: Limits) -> None:
        self._web = web
        self._limits = limits

    def build_context(self) -> Journey:
        return Journey()

    async def __aexit__(self, *exc_details: object) -> None:
        """The session belongs to the adapter, which closes it."""

    async def send(self, request: Any, **config: Any) -> Any:
        sent = request.http_request
        request.context.left = True
        try:
            answer = await self._web.ask(
                sent.method,
                URL(sent.url, encoded=True),
                sent.what,
                self._limits.attempt,
                headers=dict(sent.headers),
                data=sent.data,
            )
        except Away as away:
            request.context.left = away.unsure
            raise
        request.context.left = answer.status_code in PERHAPS_DONE
        return Response(request, answer)


class Credentials(AppCredentials):
    """The bot's token, for one scope. Without a login there is none: for a development client on this machine."""

    def __init__(self, app_id: str, login: Login | None, scope: str) -> None:
        super().__init__(app_id, oauth_scope=scope)
        self._login = login

    async def token(self, refused: str = "") -> str:
        """Empty without a login. Raises Refused or Away."""
        return await self._login.token(self.oauth_scope, refused) if self._login is not None else ""


class Signing(AsyncHTTPPolicy):
    """Puts the token on each request. A refused one is thrown away, once. The stock one blocks the loop for it."""

    def __init__(self, credentials: Credentials) -> None:
        super().__init__()
        self._credentials = credentials

    async def send(self, request: Any, **kwargs: Any) -> Any:
        token = await self._credentials.token()
        response = await self._sent(request, token, kwargs)
        if token and response.http_response.status_code == 401:
            response = await self._sent(request, await self._credentials.token(refused=token), kwargs)
        return response

    async def _sent(self, request: Any, token: str, kwargs: dict[str, Any]) -> Any:
        if token:
            request.http_request.headers["Authorization"] = f"Bearer {token}"
        return await self.next.send(request, **kwargs)


class Patience(AsyncHTTPPolicy):
    """Asks again as Teams wants it, within bounds. Raises Away once they are used up."""

    def __init__(
        self,
        limits: Limits,
        *,
        clock: Callable[[], float],
        pause: Callable[[float], Awaitable[None]],
        chance: Callable[[], float],
    ) -> None:
        """`clock`: epoch seconds, for dates in Retry-After."""
        super().__init__()
        self._limits = limits
        self._clock = clock
        self._pause = pause
        self._chance = chance

    async def send(self, request: Any, **kwargs: Any) -> Any:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._limits.call
        writes = request.http_request.method != "GET"
        unsure = False
        for repeat in range(1, self._limits.repeats + 2):
            found = await self._tried(request, until - loop.time(), kwargs)
            if not isinstance(found, Away):
                return found
            unsure = unsure or (writes and found.unsure)
            wait = max(found.retry_after, self._limits.backoff(repeat, self._chance))
            given_up = unsure and not self._limits.repeat_unsure
            if given_up or repeat > self._limits.repeats or loop.time() + wait >= until:
                raise Away(found.retry_after or AWAY_SECONDS, found.log_safe, unsure=unsure)
            await self._pause(wait)
        raise AssertionError("the last repeat raises")

    async def _tried(self, request: Any, seconds: float, kwargs: dict[str, Any]) -> Any:
        """The response, or the Away that may be repeated; retry_after 0 where nobody named a wait."""
        what = request.http_request.what
        try:
            async with asyncio.timeout(seconds):
                response = await self.next.send(request, **kwargs)
        except TimeoutError:
            return Away(0.0, f"{what}: timeout", unsure=request.context.left)
        except Away as away:
            return away
        answer: Answered = response.http_response
        if answer.status_code in SURELY_NOT_DONE | PERHAPS_DONE:
            asked = retry_after(answer.headers, self._clock()) or 0.0
            unsure = answer.status_code in PERHAPS_DONE
            return Away(asked, f"{what}: http_{answer.status_code}", unsure=unsure)
        return response


def pipeline(limits: Limits, **chances: Any) -> Callable[[Any], AsyncPipeline]:
    """What the SDK's configuration calls to put its pipeline together. The log of whole requests is left out."""

    def build(config: Any) -> AsyncPipeline:
        policies = [config.user_agent_policy, Patience(limits, **chances), Signing(config.credentials)]
        return AsyncPipeline(policies, config.sender)

    return build
