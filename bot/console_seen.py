"""What one console has seen: every message as drawn now, which thread is in focus, and what typed keys refer to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.card import Bullets, Card, Choice, Fields, Text
from bot.console_keys import keys_of, pressed
from bot.console_wire import Heard, Shown
from bot.words import say


@dataclass(frozen=True, slots=True)
class News:
    """A message that is new or was redrawn; `before` is how it looked. `opened`: the first of its place."""

    shown: Shown
    before: Card | None
    opened: bool


@dataclass(frozen=True, slots=True)
class Draw:
    card: Card


@dataclass(frozen=True, slots=True)
class Say:
    text: str
    style: str = ""


@dataclass(slots=True)
class Seen:
    """`focus` is a thread's place, or empty for home."""

    change: int = 0
    name: str = ""
    focus: str = ""
    home: str = ""
    messages: dict[int, Shown] = field(default_factory=dict)
    kinds: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    at_hand: int | None = None
    numbered: int | None = None
    listed: int | None = None

    # ── Taking in ───────────────────────────────────────────────────────────────────────────────────────────

    def take(self, heard: Heard) -> list[News]:
        """What is new in it, in the order it is told; repeats are left out."""
        self.change = max(self.change, heard.change)
        self.name = heard.name or self.name
        news = []
        for shown in sorted(heard.messages, key=_told_at):
            before = self.messages.get(shown.id)
            if before is not None and before.change >= shown.change:
                continue
            opened = shown.place not in self.kinds
            self.kinds[shown.place] = (shown.kind, shown.session)
            self.messages[shown.id] = shown
            if shown.kind == "direct":
                self.home = shown.place
            news.append(News(shown, before.card if before else None, opened))
        return news

    def point_at(self, shown: Shown) -> None:
        """It was just drawn: what is typed next refers to it."""
        keys = keys_of(shown.card)
        if keys:
            self.at_hand = shown.id
        if any(key.is_number for key in keys):
            self.numbered = shown.id
        if shown.card.kind == "list":
            self.listed = shown.id

    # ── Looking ─────────────────────────────────────────────────────────────────────────────────────────────

    def of(self, place: str, *kinds: str) -> list[Shown]:
        found = [
            m for m in self.messages.values() if m.place == place and (not kinds or m.card.kind in kinds)
        ]
        return sorted(found, key=lambda m: m.id)

    def session_card(self, place: str = "") -> Shown | None:
        found = self.of(place or self.focus, "session")
        return found[-1] if found else None

    def step(self) -> Shown | None:
        """The step on the table of the thread in focus."""
        found = self.of(self.focus, "step")
        return found[-1] if found else None

    @property
    def session(self) -> str | None:
        """The Session in focus."""
        return self.kinds.get(self.focus, ("", None))[1]

    def named(self, place: str) -> str:
        card = self.session_card(place)
        return card.card.title if card else "a session"

    def threads(self) -> list[Shown]:
        """The session cards of all threads, newest change last."""
        cards = [m for m in self.messages.values() if m.kind == "thread" and m.card.kind == "session"]
        return sorted(cards, key=lambda m: m.change)

    def way_to(self, place: str) -> str:
        """What is typed to go there: the ticket's number, or the first letters of the Session."""
        title, (_, session) = self.named(place), self.kinds.get(place, ("", None))
        if title.startswith("#"):
            return f"open {title.split(' ')[0]}"
        return f"open {(session or '')[:8]}"

    def find(self, wanted: str) -> str | None:
        """The place of a thread by ticket number, by the start of its Session's id, or by words of its title."""
        low = wanted.strip().casefold().lstrip("#")
        threads = list(reversed(self.threads()))
        exact = [m for m in threads if m.card.title.split(" ")[0] == f"#{low}"]
        by_id = [m for m in threads if len(low) >= 4 and (m.session or "").startswith(low)]
        by_words = [m for m in threads if len(low) >= 3 and low in m.card.title.casefold()]
        return next((m.place for m in (*exact, *by_id, *by_words)), None)

    def pressed(self, typed: str) -> Choice | None:
        """The choice a typed line means: a number on the newest numbered card, a word on the newest cards."""
        if typed.strip().isdigit():
            card = self.messages.get(self.numbered) if self.numbered is not None else None
            return pressed(card.card, typed) if card and card.card.kind != "step_done" else None
        newest = self.messages.get(self.at_hand) if self.at_hand is not None else None
        for shown in (newest, self.step(), self.session_card()):
            if shown is not None and (choice := pressed(shown.card, typed)) is not None:
                return choice
        return None

    def row(self, number: str) -> Choice | None:
        """A row of the list shown last, by its number."""
        shown = self.messages.get(self.listed) if self.listed is not None else None
        return pressed(shown.card, number) if shown is not None else None


def _told_at(shown: Shown) -> tuple[bool, bool, int]:
    """The session card stands at the root of its thread, so it opens it, whatever was redrawn last; forms come last."""
    return shown.card.kind != "session", shown.card.kind == "form", shown.id


# ── What is told ────────────────────────────────────────────────────────────────────────────────────────────


def telling(news: News, seen: Seen) -> list[Draw | Say]:
    """What a new or redrawn message puts on the screen; empty where the toolbar says enough."""
    shown, card = news.shown, news.shown.card
    if shown.kind == "escalations":
        return _escalation(news, seen)
    if shown.kind == "thread" and shown.place != seen.focus:
        return _elsewhere(news, seen)
    if card.kind == "session":
        return _session(news)
    if card.kind == "step" and news.before is not None and _same_answers(card, news.before):
        return []
    if news.before == card:
        return []
    return [Draw(card)]


def _same_answers(card: Card, before: Card) -> bool:
    return [c for c in card.choices if c.verb == "answer"] == [
        c for c in before.choices if c.verb == "answer"
    ]


def _elsewhere(news: News, seen: Seen) -> list[Draw | Say]:
    card = news.shown.card
    if news.before is not None or card.kind not in ("notice", "step"):
        return []
    what = _first_line(card) if card.kind == "notice" else f"a new step waits ({card.title})"
    return [Say(f"In {seen.named(news.shown.place)}: {what}  → {seen.way_to(news.shown.place)}", "magenta")]


def _escalation(news: News, seen: Seen) -> list[Draw | Say]:
    """The whole card to those who may help; one line where it only changed, nothing to the one who asked."""
    card = news.shown.card
    about = {choice.args.get("session") for choice in card.choices}
    if news.before is not None:
        return [] if news.before.title == card.title else [Say(card.title, "magenta")]
    if seen.session in about and seen.session is not None:
        return []
    return [Draw(card)]


def _session(news: News) -> list[Draw | Say]:
    """Whole when it is new or its ticket came in; later only what is news about posting, and warnings."""
    card, before = news.shown.card, news.before
    if _reading(card):
        return [] if before is not None else [Say(f"{card.title}: reading the ticket …", "dim")]
    if before is None or _reading(before) or _ticket(card) not in ("", _ticket(before)):
        return [Draw(card)]
    told: list[Draw | Say] = []
    known = {text for block in before.blocks if isinstance(block, Text) for text in (block.text,)}
    told += [
        Say(block.text, "yellow")
        for block in card.blocks
        if isinstance(block, Text) and block.tone == "warning" and block.text not in known
    ]
    posted = set(_bullets(before, say("post.title")))
    news_of_posts = [item for item in _bullets(card, say("post.title")) if item not in posted]
    told += [Say(f"{say('post.title')} · {item}", "dim") for item in news_of_posts]
    return told


def _reading(card: Card) -> bool:
    """Whether its ticket is on the way: the card is drawn whole once it is in."""
    sign = say("ticket.reading", ticket="#").split("#")[-1]
    return any(isinstance(block, Text) and block.text.endswith(sign) for block in card.blocks)


def _ticket(card: Card) -> str:
    """The number of the ticket it tells about; its summary is left out where the title has it."""
    pairs = (pair for block in card.blocks if isinstance(block, Fields) for pair in block.pairs)
    return next((value.partition(" ")[0] for label, value in pairs if label == say("ticket.ticket")), "")


def _bullets(card: Card, title: str) -> Iterable[str]:
    return (item for b in card.blocks if isinstance(b, Bullets) and b.title == title for item in b.items)


def _first_line(card: Card) -> str:
    if card.title:
        return card.title
    return next(
        (block.text.splitlines()[0] for block in card.blocks if isinstance(block, Text) and block.text), ""
    )


# ── The toolbar ─────────────────────────────────────────────────────────────────────────────────────────────


def toolbar(seen: Seen, details: dict[str, object] | None) -> str:
    """Status, ticket, step, tier, active minutes and posts of the Session in focus, in one line."""
    card = seen.session_card()
    if not seen.focus or card is None:
        count = len([m for m in seen.threads() if m.card.tone != "good"])
        return f"{seen.name} · home · {count} thread{'' if count == 1 else 's'} · help, mine, queue, quit"
    figures = {label: value for b in card.card.blocks if isinstance(b, Fields) for label, value in b.pairs}
    status, elapsed = figures.get(say("session.status"), ""), figures.get(say("session.elapsed"), "")
    tier = figures.get(say("session.tier"), "").split(":")[0]
    known = details or {}
    session, pushes = known.get("session"), known.get("pushes")
    ticket = f"#{session['ticket']}" if isinstance(session, dict) and session.get("ticket") else "no ticket"
    steps = session.get("steps") if isinstance(session, dict) else None
    step = f"step {steps[-1]['number']}" if isinstance(steps, list) and steps else ""
    parts = [
        seen.name,
        status,
        ticket,
        step,
        tier,
        elapsed,
        _posts(pushes if isinstance(pushes, list) else []),
    ]
    thinking = any(isinstance(b, Text) and b.text == say("session.thinking") for b in card.card.blocks)
    return " · ".join(part for part in (*parts, "working out the next step…" if thinking else "") if part)


MARKS = {"posted": "✓", "pending": "…", "sending": "…", "failed": "✗", "unknown": "?"}


def _posts(pushes: list[dict[str, str]]) -> str:
    return " ".join(
        f"{p['kind'].replace('_', ' ')} {'‖' if _held(p) else MARKS.get(p['state'], '…')}" for p in pushes
    )


def _held(push: dict[str, str]) -> bool:
    return bool(push.get("held_because")) and push["state"] != "posted"
