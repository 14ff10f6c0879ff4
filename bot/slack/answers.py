"""The few answers that cannot wait for a worker: the window while it loads, field errors, ticket suggestions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bot.form_checks import NO_TICKET
from bot.slack import modals, payloads
from bot.slack.actions import FIELD, PART, Metadata, from_metadata
from bot.slack.api import Away, Refused
from bot.slack.payloads import Body, Kept
from bot.trouble import LoggedTrouble
from bot.words import say
from engine.ports import Raw

log = logging.getLogger("flowpilot.slack")

OPTION_LABEL = 75
SUGGESTIONS = 20
TOKEN_ENDED = frozenset({"invalid_auth", "token_revoked", "token_expired", "account_inactive"})


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds. Slack waits 3 s for an answer; `answer` counts from a click's arrival to its window, after the row."""

    keep: float = 2.4
    answer: float = 2.0
    check: float = 1.0
    search: float = 1.5
    apology: float = 1.0


Receive = Callable[[Raw], Awaitable[bool]]


class Calls(Protocol):
    """One workspace's Web API."""

    async def call(self, method: str, *, timeout: float = ..., **arguments: Any) -> dict[str, Any]: ...


class Responds(Protocol):
    async def respond(self, response_url: str, payload: Mapping[str, Any]) -> None: ...


class Workspaces(Protocol):
    """`of` answers from the database or what is remembered of it, never from Slack."""

    async def of(self, team: str) -> Calls | None: ...

    def forget(self, team: str) -> None: ...

    def with_token(self, token: str = "") -> Responds: ...


class Searches(Protocol):
    """Tickets as (number, label); none for somebody FlowPilot does not know. Raises where the PSA cannot be asked."""

    async def __call__(self, team: str, user: str, words: str) -> Sequence[tuple[int, str]]: ...


class Checks(Protocol):
    """Field → sentence of what cannot be taken; the field "" stands for the whole form. Changes nothing."""

    async def __call__(
        self, team: str, user: str, verb: str, args: Mapping[str, str], fields: Mapping[str, str]
    ) -> dict[str, str]: ...


class Answers:
    """Each is bounded, and none raises: whatever fails, what was remembered is acknowledged."""

    def __init__(
        self,
        receive: Receive,
        workspaces: Workspaces,
        search: Searches,
        check: Checks,
        limits: Limits | None = None,
    ) -> None:
        self._receive = receive
        self._workspaces = workspaces
        self._search = search
        self._check = check
        self.limits = limits or Limits()

    async def keep(self, kept: Kept, body: Body, raw: bytes = b"") -> bool:
        """Remember one row; False for a repeat. Raises where the database is away."""
        async with asyncio.timeout(self.limits.keep):
            content = payloads.payload(kept.kind, body, raw)
            return await self._receive(Raw("slack", kept.unique, kept.order, content))

    # ── The window while it loads ─────────────────────────────────────────────────────────────────────────────

    async def open_window(self, body: Body, kept: Kept, until: float) -> None:
        """Opened while its trigger is fresh, filled by the worker. Where it cannot be, the worker says why."""
        if payloads.from_elsewhere(body):
            return  # nobody will fill it
        reason = await self._opened(body, kept, until)
        if not reason:
            return
        channel, thread = payloads.where(body)
        told = {
            "team": payloads.team(body),
            "user": payloads.user(body),
            "channel": channel,
            "thread": thread,
            "reason": reason,
            "response_url": str(body.get("response_url") or ""),
            "external_id": kept.opens,
        }
        failed = Kept("view_failed", f"vf:{body.get('trigger_id')}"[: payloads.LONGEST_KEY], kept.order)
        try:
            await self.keep(failed, told)
        except Exception as failure:  # noqa: BLE001 - the click itself is kept and acknowledged
            LoggedTrouble().note("slack window", failure)

    async def _opened(self, body: Body, kept: Kept, until: float) -> str:
        """Why it could not be opened, "" where it was."""
        inside = _view(body).get("type") == "modal"
        try:
            async with asyncio.timeout_at(until):
                api = await self._workspaces.of(payloads.team(body))
                if api is None:
                    return "no_token"
                await api.call(
                    "views.push" if inside else "views.open",
                    trigger_id=str(body.get("trigger_id") or ""),
                    view=modals.loading(kept.opens, kept.order),
                    timeout=self.limits.answer,
                )
        except Refused as refused:
            log.info("window not opened: %s", refused.log_safe)
            if refused.code in TOKEN_ENDED:
                self._workspaces.forget(payloads.team(body))
            return refused.code
        except (Away, TimeoutError) as away:
            log.warning("window not opened: %s", getattr(away, "log_safe", "time-out"))
            return "slack_away"
        except Exception as failure:  # noqa: BLE001 - no window is worth an acknowledgement
            LoggedTrouble().note("slack window", failure)
            return "unexpected"
        return ""

    # ── Suggestions ───────────────────────────────────────────────────────────────────────────────────────────

    async def suggestions(self, body: Body) -> dict[str, Any]:
        words = " ".join(str(body.get("value") or "").split())[:80]
        try:
            async with asyncio.timeout(self.limits.search):
                found = await self._search(payloads.team(body), payloads.user(body), words)
        except Exception as failure:  # noqa: BLE001 - whatever it is, typing on is the way out
            log.warning("no suggestions: %s", type(failure).__name__)
            return {"options": [_option(say("slack.search_later"), NO_TICKET)]}
        return {"options": [_option(label, str(number)) for number, label in found[:SUGGESTIONS]]}

    # ── A form that was submitted ─────────────────────────────────────────────────────────────────────────────

    async def submitted(self, body: Body, kept: Kept) -> dict[str, Any] | None:
        """What Slack is told: errors beside the fields, or what becomes of the window. Raises as `keep` does."""
        view = _view(body)
        meta = from_metadata(str(view.get("private_metadata") or ""))
        if not meta.verb:
            return {"response_action": "clear"}
        wrong = await self._wrong(body, meta)
        if wrong:
            return modals.errors(wrong, view)
        await self.keep(kept, body)
        if waiting := payloads.stays(body):
            return {"response_action": "update", "view": modals.loading(waiting, kept.order)}
        return {"response_action": "clear"}

    async def _wrong(self, body: Body, meta: Metadata) -> dict[str, str]:
        """Shape, role and state. Where that cannot be found out in time the worker decides alone."""
        view = _view(body)
        try:
            fields = modals.fields(view)
            names = _names(view)
            wrong = {
                name: say("error.blank")
                for name, required in names.items()
                if required and not fields.get(name, "").strip()
            }
            if wrong or meta.verb == "keep_text":
                return wrong
            async with asyncio.timeout(self.limits.check):
                wrong = await self._check(
                    payloads.team(body), payloads.user(body), meta.verb, meta.args, fields
                )
        except Exception as failure:  # noqa: BLE001 - the worker decides again anyway
            log.warning("form not checked: %s", type(failure).__name__)
            return {}
        return wrong

    # ── When nothing could be kept ────────────────────────────────────────────────────────────────────────────

    async def apologise(self, body: Body, text: str) -> None:
        """To the one who clicked, past the database; nothing where Slack gave no address or takes no answer."""
        url = str(body.get("response_url") or "")
        if not url:
            return
        said = {"response_type": "ephemeral", "replace_original": False, "text": text}
        try:
            async with asyncio.timeout(self.limits.apology):
                await self._workspaces.with_token().respond(url, said)
        except Exception as failure:  # noqa: BLE001 - Slack's own sign of failure remains
            log.warning("nobody could be told: %s", type(failure).__name__)


def _names(view: Mapping[str, Any]) -> dict[str, bool]:
    """The inputs in their order, and whether each must be filled in. Parts of a long text count as one."""
    found: dict[str, bool] = {}
    for block in view.get("blocks") or ():
        block_id = str(block.get("block_id") or "")
        if block.get("type") == "input" and block_id.startswith(FIELD):
            name, part, _ = block_id.removeprefix(FIELD).partition(PART)
            found.setdefault(name, not part and not block.get("optional"))
    return found


def _view(body: Body) -> Mapping[str, Any]:
    found = body.get("view")
    return found if isinstance(found, dict) else {}


def _option(label: str, value: str) -> dict[str, Any]:
    short = label if len(label) <= OPTION_LABEL else f"{label[: OPTION_LABEL - 1]}…"
    return {"text": {"type": "plain_text", "text": short or value, "emoji": False}, "value": value}
