"""The few answers that cannot wait for a worker: to a button, a form, a search for tickets and a message extension."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from sqlalchemy.exc import OperationalError

from bot.card import Card, Text
from bot.form_checks import WHOLE
from bot.teams import addresses, clicks, payloads
from bot.teams.clicks import Pressed
from bot.teams.payloads import Body, Kept
from bot.teams.port import Away
from bot.trouble import LoggedTrouble
from bot.words import say
from engine.note_text import one_line
from engine.ports import Raw
from storage import receiving

log = logging.getLogger("flowpilot.teams")

AWAY = (OperationalError, *receiving.AWAY)
MESSAGE = "application/vnd.microsoft.activity.message"
CARD = "application/vnd.microsoft.card.adaptive"
LONGEST_SENTENCE = 1_000
WORDS = 80
HITS = 20

Json = dict[str, Any]
Receive = Callable[[Raw], Awaitable[bool]]
Hits = Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds. Two in all where everything answers; `keep` is longer than the database itself may take for a row, so
    that what is said not to be kept is not kept after all.
    """

    keep: float = 2.4
    check: float = 0.6
    card: float = 0.5
    search: float = 1.3


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` None: without one."""

    status: int = 200
    body: Json | None = None


class Searches(Protocol):
    """Tickets as (number, label); none for somebody FlowPilot does not know. Raises where the PSA cannot be asked."""

    async def __call__(self, team: str, user: str, words: str) -> Hits: ...


class Checks(Protocol):
    """What cannot be taken, before it is kept. Changes nothing."""

    async def __call__(
        self, team: str, user: str, verb: str, args: Mapping[str, str], fields: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Field → sentence; the field "" stands for the whole form."""

    async def click(self, team: str, user: str, verb: str, args: Mapping[str, str]) -> str:
        """A sentence, "" where the button may count."""


class Shown(Protocol):
    """The card that stands under a reference, for a person whom its account knows."""

    async def __call__(self, tenant: str, person: str, ref: str) -> Card | None: ...


class Draws(Protocol):
    """How cards look here: `bot.teams.cards`."""

    def attachment(self, card: Card) -> Mapping[str, Any]: ...

    def focused(
        self, choice_form: Card, hits: Hits | None, back: bool, *, number: str
    ) -> Mapping[str, Any]: ...

    def form_of(self, card: Card, number: str) -> Card | None: ...


class Answers:
    """Each is bounded in time, and `invoke` raises nothing: whatever fails, a sentence says what was kept."""

    def __init__(
        self,
        receive: Receive,
        search: Searches,
        check: Checks,
        shown: Shown,
        draw: Draws,
        limits: Limits | None = None,
    ) -> None:
        self._receive = receive
        self._search = search
        self._check = check
        self._shown = shown
        self._draw = draw
        self._limits = limits or Limits()

    async def keep(self, kept: Kept, raw: bytes) -> bool:
        """Remember one row; False for a repeat. Raises where the database is away."""
        async with asyncio.timeout(self._limits.keep):
            return await self._receive(Raw("teams", kept.unique, kept.order, payloads.payload(raw)))

    async def invoke(self, body: Body, raw: bytes) -> Answer:
        """501 for what nobody here answers, as Teams expects it."""
        name = payloads.text(body, "name")
        try:
            if name == payloads.DIALOG:
                return Answer(body=_task(say("teams.use_card")))
            if name == payloads.PRESS and clicks.read(body.get("value")) is None:
                return _message(say("teams.not_a_button"))
            kept = payloads.kept(body)
            if kept is None:
                return Answer(501)
            if name == payloads.PRESS:
                return await self._pressed(body, kept, raw)
            await self.keep(kept, raw)
        except Exception as failure:  # noqa: BLE001 - said to the person in the answer itself
            status, sentence = not_kept(f"invoke {name[:40]}", failure)
            return _said(name, status, sentence)
        return Answer(body={} if name == payloads.THUMBS else _task(say("teams.extension_kept")))

    # ── Buttons and forms ─────────────────────────────────────────────────────────────────────────────────────

    async def _pressed(self, body: Body, kept: Kept, raw: bytes) -> Answer:
        pressed = clicks.read(body.get("value"))
        if pressed is None:
            return _message(say("teams.not_a_button"))
        match pressed.verb:
            case clicks.SEARCH:
                return await self._searched(body, pressed)
            case clicks.BACK:
                return await self._back(body)
            case clicks.SAY if not pressed.fields.get("text", "").strip():
                return _message(say("teams.empty_box"))
        if sentence := await self._refusal(body, pressed):
            return _message(sentence)
        await self.keep(kept, raw)
        return _message(say("teams.kept"))

    async def _refusal(self, body: Body, pressed: Pressed) -> str:
        """Shape, role and state. Where that cannot be found out in time the worker decides alone."""
        who = payloads.tenant(body), payloads.person(body)
        try:
            async with asyncio.timeout(self._limits.check):
                if not pressed.submitted:
                    return await self._check.click(*who, pressed.verb, pressed.args)
                wrong = await self._check(*who, pressed.verb, pressed.args, pressed.fields)
                return await self._beside_their_labels(body, pressed, wrong) if wrong else ""
        except Exception as failure:  # noqa: BLE001 - the worker decides again anyway
            log.warning("press not checked: %s", type(failure).__name__)
            return ""

    async def _beside_their_labels(self, body: Body, pressed: Pressed, wrong: Mapping[str, str]) -> str:
        """The sentences in one: Teams has no place for them beside their fields."""
        labels: dict[str, str] = {}
        if (
            set(wrong) != {WHOLE}
            and (card := await self._card(body))
            and (found := self._form(card, pressed))
        ):
            labels = {each.name: each.label for each in found[1].form.fields} if found[1].form else {}
        return " ".join(
            f"{labels[name]}: {text}" if labels.get(name) else text for name, text in wrong.items()
        )

    # ── Cards ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _searched(self, body: Body, pressed: Pressed) -> Answer:
        """The form alone, with what was found; what else he filled in stays."""
        async with asyncio.timeout(self._limits.card):
            card = await self._card(body)
        found = self._form(card, pressed) if card else None
        if found is None:
            return _message(say("teams.card_gone"))
        number, form = found
        words = " ".join(pressed.fields.get("search", "").split())[:WORDS]
        hits: Hits | None = None
        try:
            async with asyncio.timeout(self._limits.search):
                hits = await self._search(payloads.tenant(body), payloads.person(body), words)
        except Exception as failure:  # noqa: BLE001 - whatever it is, searching again is the way out
            log.warning("no suggestions: %s", type(failure).__name__)
        filled = _filled(form, pressed.fields)
        if hits is None:
            filled = replace(filled, blocks=(Text(say("teams.search_later"), "warning"), *filled.blocks))
        elif not hits:
            filled = replace(filled, blocks=(Text(say("teams.search_nothing")), *filled.blocks))
        shown = None if hits is None else tuple(hits[:HITS])
        drawn = self._draw.focused(filled, shown, True, number=number)
        return _invoked(CARD, drawn)

    async def _back(self, body: Body) -> Answer:
        async with asyncio.timeout(self._limits.card):
            card = await self._card(body)
        if card is None:
            return _message(say("teams.card_gone"))
        return _invoked(CARD, self._draw.attachment(card)["content"])

    def _form(self, card: Card, pressed: Pressed) -> tuple[str, Card] | None:
        """The form a press belongs to, and its number. Where the card was drawn anew since, its arguments find it."""
        args = {name: value for name, value in pressed.args.items() if name != "form"}
        for number in dict.fromkeys((pressed.form, *map(str, range(len(card.choices) + 1)))):
            form = self._draw.form_of(card, number)
            if form is not None and _carries(form, pressed, args):
                return number, form
        return None

    async def _card(self, body: Body) -> Card | None:
        """The card that was pressed on."""
        on = payloads.text(body, "replyToId")
        ref = addresses.ref(payloads.conversation(body), on)
        return await self._shown(payloads.tenant(body), payloads.person(body), ref) if on else None


# ── Forms of a card ─────────────────────────────────────────────────────────────────────────────────────────


def _carries(card: Card, pressed: Pressed, args: Mapping[str, str]) -> bool:
    form = card.form
    if form is None or dict(form.args) != args:
        return False
    if pressed.verb == clicks.SEARCH:
        return any(each.kind == "ticket" for each in form.fields)
    return form.verb == pressed.verb


def _filled(card: Card, given: Mapping[str, str]) -> Card:
    """With what he filled in so far, but for the ticket that he still looks for."""
    form = card.form
    if form is None:
        return card
    fields = tuple(
        replace(each, value=given[each.name]) if each.name in given and each.kind != "ticket" else each
        for each in form.fields
    )
    return replace(card, form=replace(form, fields=fields))


# ── What Teams is told ──────────────────────────────────────────────────────────────────────────────────────


def not_kept(what: str, failure: Exception) -> tuple[int, str]:
    """Status and sentence for somebody of whose words nothing is kept. Logged without any content."""
    if isinstance(failure, AWAY):
        log.warning("%s not kept: %s", what, type(failure).__name__)
        return 503, say("teams.no_database")
    if isinstance(failure, Away):
        log.warning("%s not checked: %s", what, failure.log_safe)
        return 503, say("teams.unchecked")
    return 500, say("teams.unexpected", error_id=LoggedTrouble().note(f"teams {what}", failure))


def _said(name: str, status: int, sentence: str) -> Answer:
    if name == payloads.PRESS:
        return _message(sentence)
    # Thumbs have no place for a sentence: the status alone says that they did not arrive.
    return Answer(status) if name == payloads.THUMBS else Answer(body=_task(sentence))


def _message(sentence: str) -> Answer:
    return _invoked(MESSAGE, one_line(sentence, LONGEST_SENTENCE))


def _invoked(kind: str, value: Any) -> Answer:
    return Answer(body={"statusCode": 200, "type": kind, "value": value})


def _task(sentence: str) -> Json:
    return {"task": {"type": "message", "value": sentence}}
