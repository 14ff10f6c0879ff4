"""Teams through Microsoft's SDK: the port's Connector, who signed an activity, and the answer of an invoke."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from bot.teams import addresses, sdk_files, sdk_web
from bot.teams import sdk_shapes as shapes
from bot.teams.port import Away, Download, FileRefused, Member, Reference, Refused, Unauthorized
from bot.teams.sdk_hosts import Hosts, loopback, parsed
from bot.teams.sdk_limits import AWAY_SECONDS, LIMITS, Limits
from bot.teams.sdk_shapes import Answer as Answer
from bot.teams.sdk_shapes import tenant_of as tenant_of
from bot.teams.sdk_tokens import Login
from bot.teams.sdk_tokens import TokenCache as TokenCache
from bot.teams.sdk_web import Answered, Web

LOGIN_URL = "https://login.microsoftonline.com"
OPENID_URL = "https://login.botframework.com/v1/.well-known/openidconfiguration"
_PAGE, _MOST_PAGES = 500, 100
_CREATE = "/v3/conversations"
_POST = "/v3/conversations/{conversation}/activities"
_ACTIVITY = "/v3/conversations/{conversation}/activities/{activity}"
_MEMBER = "/v3/conversations/{conversation}/members/{member}"
_MEMBERS = "/v3/conversations/{conversation}/pagedmembers"
_CHANNELS = "/v3/teams/{team}/conversations"
_WHY = (
    ("Invalid AppId", "a token for another app"),
    ("Invalid 'serviceurl'", "a token for another service address"),
    ("'serviceurl' claim missing", "a token for no service address"),
    ("Identity missing", "no token, or another issuer's"),
    ("unknown key", "a token signed with an unknown key"),
    ("a token", ""),
)
"""How the SDK begins its reasons, and ours: its own words repeat what a stranger wrote into his token."""


class Unsafe(Exception):
    """Settings under which anybody could speak for Teams, or listen; the message says what to do."""


def refuse_unsafe(app_id: str, no_auth: bool, host: str) -> None:
    """Raises Unsafe where activities would be taken from anybody who reaches `host`, the address we listen on."""
    if no_auth and not loopback(host):
        raise Unsafe(
            f"TEAMS_DEV_NO_AUTH=1 takes activities from anybody, so it only works on 127.0.0.1, not on {host or '*'}."
            " Remove it, or listen on 127.0.0.1."
        )
    if not app_id and not no_auth:
        raise Unsafe(
            "Teams is on without TEAMS_APP_ID: nobody could prove that he is Teams. Set TEAMS_APP_ID."
        )


class TeamsAdapter:
    """One app's way to Teams and from it. `close` it at the end.

    `clock`: epoch seconds. `pause` and `chance` (0 up to 1) are for the waits between repeats.
    """

    def __init__(
        self,
        app_id: str,
        password: str,
        tenant: str = "",
        *,
        allowed_tenants: Collection[str] = (),
        login_url: str = LOGIN_URL,
        openid_url: str = OPENID_URL,
        no_auth: bool = False,
        cache: TokenCache | None = None,
        limits: Limits = LIMITS,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Without `allowed_tenants` every tenant that Teams vouches for is let in. Loads the SDK: half a second, 28 MB.
        Raises Unsafe.
        """
        # The SDK comes with the first adapter: a process without Teams never loads it.
        from bot.teams import sdk_cloud, sdk_pipeline  # noqa: PLC0415
        from bot.teams.sdk_keys import AGAIN_SECONDS, Keys  # noqa: PLC0415

        refuse_unsafe(app_id, no_auth, "127.0.0.1")
        for address in (login_url, openid_url):
            _refuse_open(address)
        here = loopback(login_url) and loopback(openid_url)
        self._hosts = Hosts(local=no_auth or here, remote=not no_auth)
        self._allowed = frozenset(each.strip().lower() for each in allowed_tenants if each.strip())
        self._no_auth = no_auth
        self._limits = limits
        self._web = Web(limits, proxies=not (here or no_auth))
        self._login = (
            None
            if no_auth
            else Login(
                app_id, password, login_url, tenant, web=self._web, cache=cache, clock=clock, limits=limits
            )
        )
        self._scope = sdk_cloud.SCOPE
        factory = sdk_cloud.CredentialsFactory(app_id, self._login)
        pipeline = sdk_pipeline.pipeline(limits, clock=clock, pause=pause, chance=chance)
        self._clients = sdk_cloud.Clients(
            factory, login_url, sdk_pipeline.Sender(self._web, limits), pipeline
        )
        # A stand-in has new keys with each start.
        again = 1.0 if here else AGAIN_SECONDS
        keys = Keys(openid_url, web=self._web, clock=clock, limits=limits, again=again)
        authentication = sdk_cloud.Authentication(factory, self._clients, login_url, openid_url, keys)
        self._cloud = sdk_cloud.Cloud(authentication)
        self._small = sdk_cloud.small

    async def close(self) -> None:
        await self._web.close()

    # What comes in

    async def authenticate(self, body: Mapping[str, Any], authorization: str) -> None:
        """Whether Teams signed this and its tenant is allowed. Raises Unauthorized; Away where nobody can say now."""
        await self._authenticated(body, authorization)

    async def process(
        self,
        body: Mapping[str, Any],
        authorization: str,
        logic: Callable[[Mapping[str, Any]], Awaitable[Answer | None]],
    ) -> Answer:
        """Authenticate, then let `logic` answer the raw body; what it returns is an invoke's answer, else 200. An
        invoke without an answer is 501. Raises Unauthorized, Away, and what `logic` raises.
        """
        result = await self._authenticated(body, authorization)
        answer: Answer = await self._cloud.process(body, result, logic)
        return answer

    async def _authenticated(self, body: Mapping[str, Any], authorization: str) -> Any:
        if body.get("channelId") != shapes.CHANNEL:
            # Other channels of the same bot vouch for their own users: whoever writes there could call himself anybody.
            raise Unauthorized(401, "not from Teams")
        if self._hosts.connector(shapes.text(body.get("serviceUrl"))) is None:
            raise Unauthorized(401, "a service address that is not spoken to")
        header = None if self._no_auth else authorization
        try:
            result = await self._cloud.bot_framework_authentication.authenticate_request(
                self._small(body), header
            )
        except PermissionError as wrong:
            raise Unauthorized(401, _why(str(wrong))) from None
        if self._allowed and tenant_of(body).lower() not in self._allowed:
            raise Unauthorized(403, "a tenant that is not allowed")
        return result

    # What goes out

    async def post(self, at: Reference, activity: Mapping[str, Any], root: str = "") -> str:
        conversation = addresses.thread_id(at.conversation, root)
        body = shapes.outgoing(at, activity, conversation)
        return shapes.text((await self._ask("post", at, _POST, body, conversation=conversation)).get("id"))

    async def update(
        self, at: Reference, activity_id: str, activity: Mapping[str, Any], root: str = ""
    ) -> None:
        conversation = addresses.thread_id(at.conversation, root)
        body = {**shapes.outgoing(at, activity, conversation), "id": activity_id}
        await self._ask("update", at, _ACTIVITY, body, conversation=conversation, activity=activity_id)

    async def delete(self, at: Reference, activity_id: str, root: str = "") -> None:
        conversation = addresses.thread_id(at.conversation, root)
        await self._ask("delete", at, _ACTIVITY, conversation=conversation, activity=activity_id)

    async def open_thread(self, at: Reference, activity: Mapping[str, Any]) -> str:
        root = shapes.root_of(await self._ask("create", at, _CREATE, shapes.thread_wish(at, activity)))
        if not root:
            raise Away(AWAY_SECONDS, "create: answered without an id", unsure=True)
        return root

    async def open_chat(self, like: Reference, person: str) -> Reference:
        try:
            created = await self._ask("create", like, _CREATE, shapes.chat_wish(like, person))
        except Refused as refused:
            # Not every connector knows people by their ids in the directory; the roster does.
            known = await self.member(like, person) if refused.status == 400 else None
            if known is None or known.id in {"", person}:
                raise
            created = await self._ask("create", like, _CREATE, shapes.chat_wish(like, known.id))
        conversation = shapes.text(created.get("id"))
        if not conversation:
            raise Away(AWAY_SECONDS, "create: answered without an id", unsure=True)
        return shapes.opened_chat(like, person, conversation)

    async def member(self, at: Reference, person: str) -> Member | None:
        try:
            found = await self._ask("member", at, _MEMBER, conversation=at.conversation, member=person)
        except Refused as refused:
            if refused.status == 404 and refused.code != "ConversationNotFound":
                return None
            raise
        return shapes.member(found, at.tenant) if found.get("id") else None

    async def members(self, at: Reference) -> Sequence[Member]:
        found: list[Member] = []
        query = {"pageSize": str(_PAGE)}
        for _ in range(_MOST_PAGES):
            page = await self._ask("members", at, _MEMBERS, query=query, conversation=at.conversation)
            listed = page.get("members")
            everybody = listed if isinstance(listed, list) else []
            found += [shapes.member(each, at.tenant) for each in everybody if isinstance(each, dict)]
            token = shapes.text(page.get("continuationToken"))
            if not token or token == query.get("continuationToken"):
                break
            query = {"pageSize": str(_PAGE), "continuationToken": token}
        return found

    async def channels(self, at: Reference) -> Sequence[tuple[str, str]]:
        if not at.team:
            return ()
        listed = (await self._ask("channels", at, _CHANNELS, team=at.team)).get("conversations")
        found = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
        # Teams leaves the first channel without a name, because each language has its own.
        return [(shapes.text(each.get("id")), shapes.text(each.get("name")) or "General") for each in found]

    async def download(self, at: Reference, url: str, limit: int) -> Download:
        found = self._hosts.file(url, at.address)
        if found is None:
            raise FileRefused("not_ours")
        address, ours = found
        login = self._login if ours else None
        if login is None:
            return await sdk_files.fetch(self._web, address, "", limit, self._limits)
        token = ""
        for _ in range(2):
            token = await login.token(self._scope, refused=token)
            try:
                return await sdk_files.fetch(self._web, address, token, limit, self._limits)
            except sdk_files.TokenRefused:
                continue
        raise FileRefused("not_ours")

    async def _ask(
        self,
        what: str,
        at: Reference,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        **ids: str,
    ) -> Mapping[str, Any]:
        """Teams' answer. Raw JSON through the SDK's client: its models would drop what they do not know."""
        base = self._hosts.connector(at.address)
        if base is None:
            raise Refused(400, "ServiceUrlRefused", what)
        if not all(ids.values()):
            raise Refused(400, "NoId", what)
        client = self._clients.at(str(base))._client
        method = {"update": "put", "delete": "delete", "post": "post", "create": "post"}.get(what, "get")
        request = getattr(client, method)(
            client.format_url(path, **{name: quote(value, safe="") for name, value in ids.items()}),
            {name: quote(value, safe="") for name, value in (query or {}).items()},
            {"Accept": "application/json"},
        )
        request.what = what
        if body is not None:
            request.headers["Content-Type"] = "application/json; charset=utf-8"
            request.data = sdk_web.as_bytes(body)
        return _read(await client.async_send(request, stream=False), what, writes=method != "get")


def _read(answer: Answered, what: str, *, writes: bool) -> Mapping[str, Any]:
    try:
        found = answer.json() if answer.content.strip() else {}
    except ValueError:
        found = None
    status = answer.status_code
    if status >= 500 or (status < 300 and not isinstance(found, dict)):
        reason = f"http_{status}" if status >= 500 else "unreadable_answer"
        raise Away(AWAY_SECONDS, f"{what}: {reason}", unsure=writes)
    if status >= 300:
        raise Refused(status, shapes.refusal(status, found), what)
    return found if isinstance(found, dict) else {}


def _why(said: str) -> str:
    """A reason fit for the log, whatever a stranger wrote into his token."""
    for beginning, ours in _WHY:
        if said.startswith(beginning):
            return ours or said
    return "a token that is not Teams'"


def _refuse_open(address: str) -> None:
    url = parsed(address)
    if url is None or (url.scheme != "https" and not loopback(address)):
        raise Unsafe(f"{address} is no https address: TEAMS_LOGIN_URL and TEAMS_OPENID_URL have to be.")
