"""Shows cards in Slack: posts and edits messages, fills windows, answers privately, and says where nothing can be shown."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import UUID

from bot.card import Card, Choice, Text
from bot.slack import blocks, home, modals, reach
from bot.slack.api import Api, Away, Refused
from bot.slack.refusals import CLOSED, CLOSED_VIEW, GONE, LOST, NOBODY, TOO_MUCH
from bot.slack.routes import Route, route_of
from bot.slack.tokens import Apis
from bot.voices import UNOPENED, PlaceClosed, Posted, VoiceAway
from bot.words import say
from engine.session import Session
from storage.places import Place
from storage.store import Store, Unit

log = logging.getLogger("flowpilot.slack")

GONE_SECONDS = (3.0, 30.0)
"""How often to look whether an app that is gone is installed again: at first, and after some minutes. What is owed is
shown soon after that, if it is within a day."""
LOOK_BACK = 100
WINDOW_SECONDS = 0.2
EVENT = "flowpilot_card"


class SlackVoice:
    """`store` for routes and Places; everything said goes through the workspace's own token."""

    inline_forms = False

    def __init__(self, store: Store, apis: Apis) -> None:
        self._store = store
        self._apis = apis
        self._gone_since: dict[str, float] = {}

    # ── Places ────────────────────────────────────────────────────────────────────────────────────────────────

    async def direct(self, unit: Unit, user: UUID, prefer: str = "") -> Place | None:
        known = await reach.identity(unit, user, prefer)
        return await unit.places.ensure("direct", "slack", *known) if known else None

    async def thread(self, unit: Unit, session: Session) -> Place | None:
        """Beside its parent, where it has one in Slack; else in its owner's direct messages."""
        unopened, beside = f"{UNOPENED}{session.id}", ""
        if session.parent_id is not None:
            for parent in await unit.places.of_session(session.parent_id):
                if parent.platform != "slack" or parent.kind != "thread":
                    continue
                beside = beside or parent.workspace
                if not parent.channel.startswith(reach.DIRECT):
                    args = ("thread", "slack", parent.workspace, parent.channel, unopened, session.id)
                    return await unit.places.ensure(*args)
        own = await self.direct(unit, session.owner_id, beside)
        if own is None:
            return None
        return await unit.places.ensure("thread", "slack", own.workspace, own.channel, unopened, session.id)

    async def channel(self, unit: Unit) -> Place | None:
        team, channel = await reach.escalation_channel(unit)
        if not team:
            return None
        place = await unit.places.ensure("escalations", "slack", team, channel)
        return place if place.kind == "escalations" else None

    # ── Messages ──────────────────────────────────────────────────────────────────────────────────────────────

    async def show(
        self, place: Place, key: str, card: Card, ref: str | None, *, again: bool
    ) -> Posted | None:
        """Raises VoiceAway, and PlaceClosed where nothing can be said there any more."""
        api = await self._api(place.workspace)
        drawn = _calling(card, place.workspace, blocks.message(card))
        try:
            posted = await self._shown(api, place, key, drawn, ref, again=again)
        except Away as away:
            raise VoiceAway(away.retry_after, away.log_safe, sure=not away.unsure) from away
        except Refused as refused:
            self._closed(place, refused)
            return None
        self._gone_since.pop(place.workspace, None)
        return posted

    async def _shown(
        self, api: Api, place: Place, key: str, drawn: dict[str, Any], ref: str | None, *, again: bool
    ) -> Posted:
        if ref is not None and await self._edit(api, ref, drawn):
            return Posted(ref)
        found = await self._posted_before(api, place, key) if again else None
        if found is None or not await self._edit(api, found, drawn):
            found = await self._post(api, place, key, drawn)
        return await self._posted(api, place, found)

    async def _edit(self, api: Api, ref: str, drawn: dict[str, Any]) -> bool:
        """False where the message is gone: somebody deleted it, so it is posted anew."""
        channel, _, ts = ref.partition(":")
        try:
            await _said(api, "chat.update", drawn, channel=channel, ts=ts)
        except Refused as refused:
            if refused.code in LOST:
                return False
            raise
        return True

    async def _post(self, api: Api, place: Place, key: str, drawn: dict[str, Any]) -> str:
        thread = None if place.thread.startswith(UNOPENED) else place.thread or None
        answer = await _said(
            api,
            "chat.postMessage",
            drawn,
            channel=place.channel,
            thread_ts=thread,
            unfurl_links=False,
            unfurl_media=False,
            metadata={"event_type": EVENT, "event_payload": {"key": _mark(place, key)}},
        )
        return f"{answer['channel']}:{answer['ts']}"

    async def _posted(self, api: Api, place: Place, ref: str) -> Posted:
        """A thread that was not open has its root now, and with it an address and a link."""
        if place.kind != "thread" or not place.thread.startswith(UNOPENED):
            return Posted(ref)
        channel, _, ts = ref.partition(":")
        link = ""
        try:
            link = str(
                (await api.call("chat.getPermalink", channel=channel, message_ts=ts)).get("permalink") or ""
            )
        except (Refused, Away) as without:
            log.info("a thread has no link: %s", without.log_safe)
        return Posted(ref, replace(place, channel=channel, thread=ts), link)

    async def _posted_before(self, api: Api, place: Place, key: str) -> str | None:
        """The message of an attempt whose end nobody saw, by the mark it carries."""
        channel = place.channel
        if channel.startswith(("U", "W")):
            channel = (await api.call("conversations.open", users=channel))["channel"]["id"]
        args: dict[str, Any] = {"channel": channel, "limit": LOOK_BACK, "include_all_metadata": True}
        if place.thread and not place.thread.startswith(UNOPENED):
            method, args = "conversations.replies", args | {"ts": place.thread}
        else:
            method = "conversations.history"
        wanted, cursor = _mark(place, key), ""
        for _ in range(5):
            found = await api.call(method, **args, cursor=cursor or None)
            for message in found.get("messages") or ():
                payload = (message.get("metadata") or {}).get("event_payload") or {}
                if payload.get("key") == wanted:
                    return f"{channel}:{message['ts']}"
            cursor = str((found.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                break
        return None

    def _closed(self, place: Place, refused: Refused) -> None:
        self._gone(place.workspace, refused)
        if refused.code in NOBODY or (place.kind == "direct" and refused.code in CLOSED):
            log.info("somebody cannot be written to: %s", refused.log_safe)
            return
        if refused.code in CLOSED:
            raise PlaceClosed(place, CLOSED[refused.code]) from refused
        raise refused

    async def _api(self, team: str) -> Api:
        try:
            api = await self._apis.of(team)
        except Away as away:
            raise VoiceAway(away.retry_after, away.log_safe, sure=True) from away
        if api is None:
            raise self._not_there(team, "the app is not installed")
        return api

    def _gone(self, team: str, refused: Refused) -> None:
        """Raises VoiceAway where it is not this that Slack refuses, but us."""
        if refused.code in GONE:
            self._apis.forget(team)
            raise self._not_there(team, refused.log_safe) from refused

    def _not_there(self, team: str, why: str) -> VoiceAway:
        first, longest = GONE_SECONDS
        since = self._gone_since.setdefault(team, monotonic())
        return VoiceAway(min(max(first, (monotonic() - since) / 4), longest), why, sure=True)

    # ── To one person ─────────────────────────────────────────────────────────────────────────────────────────

    async def answer(self, account: UUID, to: UUID, way: str, card: Card) -> bool:
        """In the window that waits, beside what he clicked, or as the answer to his command."""
        async with self._store.transaction(account) as unit:
            route, now = await route_of(unit, way, to), unit.now
            card = await reach.offered_in(unit, route.team, card) if route else card
        if route is None:
            return False
        try:
            api = await self._apis.of(route.team)
            if api is None:
                return False
            if route.view:
                return await self._in_window(api, route, card, now)
            drawn = blocks.message(_as_message(card))
            by_url = route.takes_answers(now) and (route.command or not route.answer_thread)
            if by_url and await _responded(api, route, drawn):
                return True
            return await self._beside(api, route, drawn)
        except Away as away:
            raise VoiceAway(away.retry_after, away.log_safe, sure=not away.unsure) from away

    async def _in_window(self, api: Api, route: Route, card: Card, now: datetime) -> bool:
        if card.form is not None and route.origin:
            card = replace(card, form=replace(card.form, args={**card.form.args, "from": route.origin}))
        view = modals.view(card, route.view, route.order)
        try:
            await api.call("views.update", external_id=route.view, view=view)
        except Refused as refused:
            if refused.code in CLOSED_VIEW and route.opening(now):
                # The worker is quicker than Slack opens a window.
                raise VoiceAway(WINDOW_SECONDS, "the window is not there yet", sure=True) from refused
            if refused.code in CLOSED_VIEW:
                return True  # he closed it, or it never opened, which he was told
            self._gone(route.team, refused)
            log.warning("a window was refused and says so: %s", refused.log_safe)
            await _window_refused(api, route, now)
        return True

    async def _beside(self, api: Api, route: Route, drawn: dict[str, Any]) -> bool:
        """Seen by him alone: in a channel as a message that only he sees, in direct messages as any other."""
        if not route.channel:
            return False
        thread = route.answer_thread or None
        try:
            if route.direct:
                await _said(api, "chat.postMessage", drawn, channel=route.channel, thread_ts=thread)
            else:
                await _said(
                    api, "chat.postEphemeral", drawn, channel=route.channel, user=route.user, thread_ts=thread
                )
        except Refused as refused:
            log.info("answered in direct messages instead: %s", refused.log_safe)
            return False
        return True

    async def home(self, account: UUID, to: UUID, way: str, cards: Sequence[Card]) -> None:
        async with self._store.transaction(account) as unit:
            route = await route_of(unit, way, to)
        if route is None:
            return
        api = await self._api(route.team)
        try:
            await api.call("views.publish", user_id=route.user, view=home.view(cards))
        except Away as away:
            raise VoiceAway(away.retry_after, away.log_safe, sure=True) from away
        except Refused as refused:
            self._gone(route.team, refused)
            if refused.code not in NOBODY:
                raise

    async def elsewhere(self, account: UUID, session: Session) -> Place | None:
        """Under the escalation card, or in his direct messages, where he sees none of the Session's threads."""
        async with self._store.transaction(account) as unit:
            places = [
                p
                for p in await unit.places.of_session(session.id)
                if p.platform == "slack" and p.kind == "thread"
            ]
            card = await self._escalation_card(unit, session)
            near = [p.workspace for p in (*places, *((card,) if card else ()))]
            known = {team: await self.direct(unit, session.owner_id, team) for team in (*near, "")}
        mine = {team: own for team, own in known.items() if own is not None and own.workspace == team}
        fallback = next((mine[team] for team in near if team in mine), known[""])
        if fallback is None:
            return None
        try:
            for place in places:
                own = mine.get(place.workspace)
                if own is not None and (place.channel == own.channel or await self._sees(place, own.channel)):
                    return None
        except Away as away:
            raise VoiceAway(away.retry_after, away.log_safe, sure=True) from away
        if card is not None and card.workspace in mine:
            return card
        return replace(fallback, kind="thread", thread=f"{UNOPENED}{session.id}")

    async def _escalation_card(self, unit: Unit, session: Session) -> Place | None:
        place = await self.channel(unit)
        if place is None:
            return None
        for asked in (session.id, session.parent_id):
            posted = await unit.places.message(place.id, f"escalation:{asked}") if asked else None
            if posted is not None and posted.external_ref:
                channel, _, ts = posted.external_ref.partition(":")
                return replace(place, kind="thread", channel=channel, thread=ts)
        return None

    async def _sees(self, place: Place, person: str = "") -> bool:
        """Whether this member can read there, or without one whether everybody in that workspace can."""
        api = await self._api(place.workspace)
        try:
            if not place.channel.startswith(("U", "W")) and await reach.is_public(api, place.channel):
                return True
            return bool(person) and await reach.is_member(api, place.channel, person)
        except Refused as refused:
            self._gone(place.workspace, refused)
            log.info("nobody can say who reads there: %s", refused.log_safe)
        return False

    async def opens(self, account: UUID, place: Place) -> bool:
        if place.channel.startswith(reach.DIRECT):
            return False
        async with self._store.transaction(account) as unit:
            team, channel = await reach.escalation_channel(unit)
        if team and (team, channel) != (place.workspace, place.channel):
            try:
                return team == place.workspace and await self._sees(place)
            except Away as away:
                raise VoiceAway(away.retry_after, away.log_safe, sure=True) from away
        return True


def _calling(card: Card, team: str, drawn: dict[str, Any]) -> dict[str, Any]:
    """The people it calls, as Slack notifies them; nothing that anybody wrote can do that."""
    called = [
        external for platform, workspace, external in card.calls if (platform, workspace) == ("slack", team)
    ]
    if not called:
        return drawn
    users = [{"type": "user", "user_id": external} for external in called[:10]]
    spaced = [part for user in users for part in (user, {"type": "text", "text": " "})]
    line = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": spaced}]}
    return {**drawn, "blocks": [line, *drawn["blocks"]]}


async def _said(api: Api, method: str, drawn: dict[str, Any], **args: Any) -> dict[str, Any]:
    """What Slack finds too large or malformed is said in short with its buttons, else as text, rather than not at all."""
    short = f"{drawn['text'][:2_500]}\n{say('slack.too_large')}"
    told = {"type": "section", "text": {"type": "mrkdwn", "text": short}}
    pressed = [block for block in drawn["blocks"] if block["type"] == "actions"]
    for shown in (drawn, {"text": short, "blocks": [told, *pressed]}):
        try:
            return await api.call(method, **args, **shown)
        except Refused as refused:
            if refused.code not in TOO_MUCH:
                raise
            log.warning("a card was refused and is shown shorter: %s", refused.log_safe)
    return await api.call(method, **args, text=short, blocks=[])


async def _window_refused(api: Api, route: Route, now: datetime) -> None:
    """A window that Slack does not take must not stay as if it were still loading."""
    card = Card("notice", "", (Text(say("slack.window_refused"), tone="warning"),))
    try:
        await api.call(
            "views.update", external_id=route.view, view=modals.view(card, route.view, route.order)
        )
    except Refused as refused:
        if refused.code not in CLOSED_VIEW:
            raise
        if route.opening(now):
            raise VoiceAway(WINDOW_SECONDS, "the window is not there yet", sure=True) from refused


async def _responded(api: Api, route: Route, drawn: dict[str, Any]) -> bool:
    try:
        await api.respond(
            route.response_url, {"response_type": "ephemeral", "replace_original": False, **drawn}
        )
    except Refused:
        return False
    return True


def _as_message(card: Card) -> Card:
    """A form cannot stand in a message: its words do, with a button that opens it."""
    if card.form is None:
        return card
    opening = Choice(say("slack.open_form"), card.form.verb, _short(card.form.args), "primary")
    told = tuple(block for block in card.blocks if isinstance(block, Text))[:2]
    return Card("notice", card.title, told, (opening,))


def _short(args: Any) -> dict[str, str]:
    return {name: value for name, value in args.items() if name in ("session", "user", "board", "step")}


def _mark(place: Place, key: str) -> str:
    return f"{place.id}:{key}"
