"""What must hold for anything drawn for Teams: its limits, who waits for which input, and that no foreign text comes alive."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from bot import cards
from bot.card import Card
from bot.inbound import storable
from bot.teams import clicks
from bot.teams.inputs import TICKED
from bot.teams.markup import calm
from bot.views import SessionView
from engine.documentation import Documentation
from engine.psa import TicketHit
from engine.session import Status
from tests.bot.card_views import OPEN_STEP, hostile_view, view
from tests.bot.test_cards import HIT, cards_of, every_card, forecast

NASTY = storable(
    "<at>Anna</at> **bold** _it_ ~~gone~~ `code` ```fence``` [click](https://evil.example) <b>x</b> &lt;at&gt; \"q\" 'q' "
    "\\back\\slash\\ 🧯👩‍💻 \u202egpj.exe\u202c \u200f\u200e \x00 \ud83d *star* {{DATE(2026-11-03T13:05:00Z, SHORT)}} ${x} "
    "\r\n# head\r\n- item\r\n1. one\n> quoted\n"
)
LONG_NASTY = (NASTY * 80)[:10_000]
PRESSED_ALONE = {clicks.SAY, clicks.SEARCH, clicks.BACK}
ASKS = {"Input.Text", "Input.ChoiceSet", "Input.Toggle"}

Json = dict[str, Any]
Pressing = tuple[str, tuple[tuple[str, str], ...]]


# ── The cards ───────────────────────────────────────────────────────────────────────────────────────────────


@cache
def of_every_card(status: Status) -> tuple[tuple[str, Card], ...]:
    """Every card of a status, from plain words, from nothing and from ten thousand hostile characters; with the forms
    of its buttons and without them.
    """
    shown = {"plain": view(status), "empty": view(status), "hostile": hostile_view(status)}
    found = [(f"{how} {name}", card, shown[how]) for how in shown for name, card in cards_of(status, how)]
    nasty = view(status, problem_summary=NASTY)
    found += [(f"nasty {name}", card, nasty) for name, card in every_card(nasty, LONG_NASTY)]
    bare = [(name, card) for name, card, _ in found]
    forms = [(f"{name} with forms", with_forms(card, each, _text(name))) for name, card, each in found]
    return (*bare, *((name, card) for name, card in forms if any(c.form for c in card.choices)))


def _text(name: str) -> str:
    return LONG_NASTY if name.startswith(("nasty", "hostile")) else "Plain words"


def with_forms(card: Card, shown: SessionView, text: str = "Plain words") -> Card:
    """The card with the form of every button that opens one."""
    drawn = _forms(shown, text)
    choices = tuple(replace(each, form=drawn.get(each.verb)) for each in card.choices)
    return replace(card, choices=choices)


_kept: dict[tuple[int, str], tuple[SessionView, Mapping[str, Card]]] = {}


def _forms(shown: SessionView, text: str) -> Mapping[str, Card]:
    """Made once for a view, which is kept so that its number stays its own."""
    if (id(shown), text) not in _kept:
        _kept[id(shown), text] = (shown, _made(shown, text))
    return _kept[id(shown), text][1]


def _made(shown: SessionView, text: str) -> Mapping[str, Card]:
    draft = Documentation(text, text, text, text, text, text)
    hits: list[TicketHit] = [replace(HIT, id=4711 + n, summary=text) for n in range(20)]
    short = ("advise", "postpone", "decline", "pause", "take_over", "abandon", "note", "rate", "pick_up")
    return {
        "resolve": cards.resolve_form(shown, draft, forecast(text)),
        "escalate": cards.escalate_form(shown, forecast(text), draft=draft),
        "link": cards.link_form(shown, hits),
        "already_tried": cards.already_tried_form(shown, shown.session.current or OPEN_STEP),
        **{name: getattr(cards, f"{name}_form")(shown) for name in short},
    }


# ── Reading what was drawn ──────────────────────────────────────────────────────────────────────────────────


def parts(drawn: Any) -> Iterator[Json]:
    """Every object in it, the outermost first; what stands there for older clients is left out."""
    if isinstance(drawn, dict):
        yield drawn
        for name, each in drawn.items():
            if name != "fallback":
                yield from parts(each)
    elif isinstance(drawn, list):
        for each in drawn:
            yield from parts(each)


def of_type(drawn: Any, *types: str) -> list[Json]:
    return [each for each in parts(drawn) if each.get("type") in types]


def texts(drawn: Any) -> str:
    """What is read in it, a line for each paragraph."""
    blocks = of_type(drawn, "RichTextBlock")
    return "\n".join("".join(run["text"] for run in block["inlines"]) for block in blocks)


def titles(drawn: Any) -> list[str]:
    return [each["title"] for each in of_type(drawn, "Action.Execute", "Action.ShowCard")]


def size(drawn: Any) -> int:
    return len(json.dumps(drawn, ensure_ascii=False).encode())


def pressable(drawn: Any) -> set[Pressing]:
    """Verb and arguments of every button, wherever it stands; the box and the search of tickets are none."""
    read = [clicks.read({"action": each}) for each in of_type(drawn, "Action.Execute")]
    return {(p.verb, tuple(sorted(p.args.items()))) for p in read if p and p.verb not in PRESSED_ALONE}


def offered(card: Card, *, with_open_forms: bool = True) -> set[Pressing]:
    """The same of a neutral card; of a button whose form is drawn inside, the form's own."""
    found = set()
    for each in card.choices:
        inside = each.form if with_open_forms else None
        if inside is not None and inside.form is not None:
            found.add((inside.form.verb, tuple(sorted(inside.form.args.items()))))
            found |= offered(inside)
        else:
            found.add((each.verb, tuple(sorted(each.args.items()))))
    if card.form is not None:
        found.add((card.form.verb, tuple(sorted(card.form.args.items()))))
    return found


def lost(card: Card, drawn: Any) -> set[Pressing]:
    """Choices that are neither a button nor the form that it opens."""
    got = pressable(drawn)
    found = set()
    for place, each in enumerate(card.choices, 1):
        inside = each.form.form if each.form else None
        verb, args = each.verb, each.args
        if inside is not None and asked(drawn, str(place)):
            verb, args = inside.verb, inside.args
        found |= {(verb, tuple(sorted(args.items())))} - got
    return found


def asked(drawn: Any, number: str) -> set[str]:
    """Names of the fields of one form."""
    prefix = f"f{number}:"
    ids = [each["id"] for each in of_type(drawn, *ASKS)]
    return {
        each.removeprefix(prefix).removesuffix(clicks.SEARCHED) for each in ids if each.startswith(prefix)
    }


def values(drawn: Any) -> dict[str, str]:
    """Every input as it is sent where nobody touched it."""
    return {each["id"]: each.get("value", "") for each in of_type(drawn, *ASKS)}


# ── What must hold ──────────────────────────────────────────────────────────────────────────────────────────


def assert_activity(name: str, drawn: Json) -> None:
    assert drawn["type"] == "message", name
    assert drawn["summary"].strip() and "\n" not in drawn["summary"] and len(drawn["summary"]) <= 300, name
    (attached,) = drawn["attachments"]
    assert attached["contentType"] == "application/vnd.microsoft.card.adaptive", name
    assert len(json.dumps(drawn, ensure_ascii=False).encode("utf-16-le")) <= 80_000, name
    assert_card(name, attached["content"])


def assert_card(name: str, content: Json) -> None:
    assert (content["type"], content["version"]) == ("AdaptiveCard", "1.5"), name
    assert size(content) <= 25_000, (name, size(content))
    assert content["body"], name
    assert content["fallbackText"].strip(), name
    for row in of_type(content, "ActionSet"):
        assert 1 <= len(row["actions"]) <= 6, name
    for action in of_type(content, "Action.Execute", "Action.ShowCard"):
        assert 1 <= len(action["title"]) <= 75 and action["title"].strip(), name
        assert action.get("style", "positive") in {"positive", "destructive"}, name
    for action in of_type(content, "Action.Execute"):
        _assert_pressable(name, action)
    ids = [each["id"] for each in of_type(content, *ASKS)]
    assert len(ids) == len(set(ids)), name
    for each in of_type(content, *ASKS):
        _assert_input(name, each)
    _assert_waits(name, content, [])
    assert_harmless(name, content)


def _assert_pressable(name: str, action: Json) -> None:
    assert action["verb"] == "fp", name
    assert clicks.read({"action": action}), (name, action)
    assert action["associatedInputs"] in {"auto", "none"}, name
    if "fallback" in action:
        same = {**action["fallback"], "type": "Action.Execute", "verb": "fp"}
        assert same == {key: part for key, part in action.items() if key != "fallback"}, name
        assert action["fallback"]["type"] == "Action.Submit", name


def _assert_input(name: str, each: Json) -> None:
    assert each["id"] == "say" or re.fullmatch(r"f\d+:.+", each["id"]), (name, each["id"])
    assert each["label"].strip(), name
    assert ("errorMessage" in each) == each.get("isRequired", False), name
    match each["type"]:
        case "Input.Toggle":
            assert (each["valueOn"], each["valueOff"], each["wrap"]) == (TICKED, "", True), name
            assert each["title"] == "Yes", name  # a title is read as markdown
        case "Input.ChoiceSet":
            known = [choice["value"] for choice in each["choices"]]
            assert 1 <= len(known) <= 100 and len(known) == len(set(known)), name
            assert each.get("value") in {None, *known}, name
            if each["style"] == "expanded":
                assert len(known) <= 4 and all(calm(choice["title"]) for choice in each["choices"]), name


def _assert_waits(name: str, card: Json, above: list[Json]) -> None:
    """A button that takes inputs takes those of its card and of the cards around it; only its own form may hold it up."""
    inputs, buttons, inner = list(above), [], []
    for each in _own(card):
        if each.get("type") in ASKS:
            inputs.append(each)
        elif each.get("type") == "Action.Execute":
            buttons.append(each)
        elif each.get("type") == "Action.ShowCard":
            inner.append(each["card"])
    for button in buttons:
        if button["associatedInputs"] == "auto":
            pressed = clicks.read({"action": button})
            waits = {each["id"] for each in inputs if each.get("isRequired")}
            assert pressed and all(each.startswith(f"f{pressed.form}:") for each in waits), (name, waits)
    for each in inner:
        _assert_waits(name, each, inputs)


def _own(card: Any) -> Iterator[Json]:
    """Every object of a card but those of the cards inside it."""
    for each in card if isinstance(card, list) else card.values():
        if isinstance(each, dict):
            yield each
            if each.get("type") != "Action.ShowCard":
                yield from _own(each)
        elif isinstance(each, list):
            yield from _own([one for one in each if isinstance(one, dict)])


def assert_harmless(name: str, content: Json) -> None:
    """Foreign text stands only where no client reads markup; who is called is the one place that does."""
    entities = content.get("msteams", {}).get("entities", [])
    for block in of_type(content, "TextBlock"):
        assert block["wrap"] is True, name
        assert block["text"] == " ".join(each["text"] for each in entities), name
        assert all(re.fullmatch(r"<at>[\w .,'’-]+</at>", each["text"]) for each in entities), name
    assert not of_type(content, "FactSet", "Table", "Image"), name
    for run in of_type(content, "TextRun"):
        assert run["text"], name
        assert not re.search(r"\{\{(?:DATE|TIME)\(", run["text"]), name
    for link in of_type(content, "Action.OpenUrl"):
        assert re.fullmatch(r"https://[^\s<>|\"\\]+", link["url"]), (name, link)
    assert not re.search(r"[*`~<>\[\]{}|\\]", content["fallbackText"]), (name, content["fallbackText"])
    for said in (texts(content), *titles(content), content["fallbackText"]):
        assert not re.search("[\u202a-\u202e\u200e\u200f\x00\r]", said), name
