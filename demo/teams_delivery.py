"""The way to the app: activities, signed as Teams signs them, and what the app answers."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiohttp

from demo.teams_keys import Keys
from demo.teams_refusals import Heard, Json
from demo.teams_world import World

LARGEST_ANSWER = 1024 * 1024


class Delivery:
    """`url` is the app's /api/messages."""

    def __init__(self, world: World, keys: Keys, url: str = "") -> None:
        self.url = url
        self._world = world
        self._keys = keys
        self._session: aiohttp.ClientSession | None = None

    def signed(self, activity: Json, **changes: Any) -> dict[str, str]:
        """The headers that go with an activity; `changes` as Keys.token takes them."""
        claim = {"serviceurl": activity.get("serviceUrl", self._world.service_url)}
        return {
            "Authorization": f"Bearer {self._keys.token(**{**claim, **changes})}",
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Microsoft-SkypeBotApi (Microsoft-BotFramework/3.0)",
        }

    async def send(self, activity: Json, **changes: Any) -> Heard:
        """Posts it once."""
        if not self.url:
            return Heard(0, "", 0.0, "the app has no address")
        headers = self.signed(activity, **changes)
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(self._patience(activity)):
                status, body = await self._post(json.dumps(activity).encode(), headers)
        except TimeoutError:
            return self._noted(activity, Heard(0, "", _ms(begun), "timeout"))
        except aiohttp.ClientError as error:
            return self._noted(activity, Heard(0, "", _ms(begun), type(error).__name__))
        return self._noted(activity, Heard(status, body, _ms(begun)))

    def _patience(self, activity: Json) -> float:
        settings, name = self._world.settings, str(activity.get("name", ""))
        if activity.get("type") != "invoke":
            return settings.message_timeout
        return settings.extension_timeout if name.startswith("composeExtension/") else settings.invoke_timeout

    def _noted(self, activity: Json, heard: Heard) -> Heard:
        """What was sent to the app stands in the journal without its contents."""
        conversation = str((activity.get("conversation") or {}).get("id", ""))
        kind = str(activity.get("name") or activity.get("type"))
        self._world.note(
            method=f"app:{kind}",
            conversation=conversation,
            activity=activity.get("id", ""),
            status=heard.status,
            ms=heard.ms,
        )
        return heard

    async def _post(self, raw: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession()
        async with self._session.post(self.url, data=raw, headers=headers, allow_redirects=False) as answer:
            found = await answer.content.read(LARGEST_ANSWER)
            text = found.decode("utf-8", "replace")
            if answer.content_type != "application/json" or not text.strip():
                return answer.status, text
            try:
                return answer.status, json.loads(text)
            except json.JSONDecodeError:
                return answer.status, text

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _ms(begun: float) -> float:
    return round((time.perf_counter() - begun) * 1000, 1)
