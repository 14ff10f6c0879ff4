"""Draws a neutral Card as an Adaptive Card 1.5: pure, and always within what Teams takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from bot.card import Block, Bullets, Card, Code, Fields, Text
from bot.teams.addresses import PLATFORM
from bot.teams.controls import TOP, Shown, button, controls, form, number_of, with_form
from bot.teams.fitting import drawn, fitting, size
from bot.teams.inputs import ROOMS, Hits
from bot.teams.markup import Json, calmed, https, plain, rich, runs, script_runs, weight
from bot.words import say

CARD = "application/vnd.microsoft.card.adaptive"
SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
VERSION = "1.5"
LIMIT = 25_000
"""Bytes of a card as JSON in UTF-8."""
AIM = 24_000
_SHELL = 1_600
"""Bytes of a card around its body: its frame and the words for clients that cannot draw it."""
_BODY = 8_000
"""Bytes of the body that forms never take away; what is a script counts beside it."""
_LEAST = 2_000
"""Bytes of the body that buttons leave it, where they can be shorter."""
_INSIDE = 4_000
"""Bytes of the text above a form that opens inside a card."""
_TITLE = 300
_CALLED, _NAME = 15, 40
_SHORT = 80
"""A longer value does not stand beside its label."""
AI_LABEL: Json = {
    "type": "https://schema.org/Message",
    "@type": "Message",
    "@context": "https://schema.org",
    "additionalType": ["AIGeneratedContent"],
}
FEEDBACK: Json = {"feedbackLoop": {"type": "default"}}


def activity(
    card: Card,
    *,
    note: str = "",
    box: bool = True,
    hits: Hits | None = None,
    opened: str | None = None,
    names: Mapping[str, str] | None = None,
) -> Json:
    """The card as a message; its summary is what a notification shows. What a model wrote is labelled as such."""
    return _activity(card, attachment(card, note=note, box=box, hits=hits, opened=opened, names=names))


def attachment(
    card: Card,
    *,
    note: str = "",
    box: bool = True,
    hits: Hits | None = None,
    opened: str | None = None,
    names: Mapping[str, str] | None = None,
) -> Json:
    """`note` stands above the box for words. `hits`: what a search for a ticket found. `opened`: the number of a form
    that stands open at the end instead of behind its button. `names`: what those it calls are called, by their ids.
    """
    opened = opened or ""
    # What an open form requires would hold up the box as well.
    shown = Shown(_inside, box=box and not opened, note=note, hits=hits, opened=opened)
    called, entities = _called(card, names or {})
    content = _content(card, [*title(card), *called], shown, reserved=size(entities))
    if entities:
        content["msteams"] = {"entities": entities}
    return {"contentType": CARD, "content": content}


def spent(card: Card, label: str) -> Json:
    """The message after a click: nothing left to press, and what was chosen."""
    bare = replace(card, choices=(), form=None, box={}, calls=())
    chosen = rich(*runs(say("teams.spent", label=plain(label)), isSubtle=True))
    content = _content(bare, title(bare), Shown(_inside), [chosen])
    return _activity(card, {"contentType": CARD, "content": content})


def focused(
    choice_form: Card,
    hits: Hits | None,
    back: bool,
    *,
    number: str = TOP,
) -> Json:
    """The content of one form alone. `number`: the one it has in the card that it comes from."""
    alone = replace(choice_form, choices=(), box={}, calls=())
    return _content(alone, title(alone), Shown(_inside, hits=hits), number=number, back=back)


def form_of(card: Card, number: str) -> Card | None:
    """The form of that number in a card, as a card of its own."""
    if number == TOP:
        return card if card.form is not None else None
    places = (each.form for place, each in enumerate(card.choices) if number_of(place) == number)
    return next(places, None)


def summary(card: Card) -> str:
    """One line: the title and the first words below it, without markup."""
    said = " – ".join(each for each in (card.title, _first_words(card.blocks)) if each.strip())
    return calmed(said) or say("teams.name")


def _activity(card: Card, attached: Json) -> Json:
    made: Json = {"type": "message", "summary": summary(card), "attachments": [attached]}
    return made | {"entities": [dict(AI_LABEL)], "channelData": dict(FEEDBACK)} if card.ai else made


def _first_words(blocks: Sequence[Block]) -> str:
    for block in blocks:
        match block:
            case Text() if block.text.strip():
                return block.text
            case Bullets() if block.items:
                return f"{block.title}: {block.items[0]}" if block.title else block.items[0]
            case _:
                continue
    return ""


# ── What fits ───────────────────────────────────────────────────────────────────────────────────────────────


def _content(
    card: Card,
    head: list[Json],
    shown: Shown,
    last: Sequence[Json] = (),
    *,
    number: str = TOP,
    back: bool = False,
    reserved: int = 0,
) -> Json:
    """The body gives way to the forms down to its least, then the way for old clients to the forms of the first row,
    then forms to the buttons they stand behind, the last ones first, then the body to the buttons; buttons and what is
    filled in stay.
    """
    room = AIM - _SHELL - reserved - size(head) - size(last)
    whole = size(drawn(card.blocks, drawn_block))
    fixed = sum(size(drawn_block(each)) for each in card.blocks if isinstance(each, Code))
    least = min(whole, _BODY + fixed)
    below, card, shown = _below(card, shown, room, (least, min(whole, _LEAST)), number, back=back)
    kept = tuple(_kept(card, shown, room - size(below) - least))
    bare = replace(shown, room=replace(shown.room, fallback=False))
    if shown.room.fallback and _at_hand(card) - set(kept):
        # A form at hand is worth more than the way for clients that are years old.
        spare = _pressed(card, bare, number, back=back)
        more = tuple(_kept(card, bare, room - size(spare) - least))
        if _at_hand(card) & set(more) > _at_hand(card) & set(kept):
            kept, shown = more, bare
    if kept:
        below = _pressed(card, replace(shown, forms=kept), number, back=back)
    body = fitting(card.blocks, drawn_block, room - size(below))
    made = [*head, *body, *below, *last] or [_quiet(say("teams.name"))]
    frame: Json = {"type": "AdaptiveCard", "$schema": SCHEMA, "version": VERSION}
    return {**frame, "body": made, "fallbackText": summary(card)}


def _below(
    card: Card, shown: Shown, room: int, least: tuple[int, int], number: str, *, back: bool
) -> tuple[list[Json], Card, Shown]:
    """What stands below the body without any form behind a button, as roomy as the body of at `least` so many bytes
    leaves it, or else a body of fewer. A form that does not fit at all is told of instead.
    """
    *roomy, tight = ROOMS
    for each, left in (
        *((one, least[0]) for one in roomy),
        (roomy[-1], least[1]),
        (tight, least[1]),
        (tight, 0),
    ):
        tried = replace(shown, room=each)
        below = _pressed(card, tried, number, back=back)
        if size(below) <= room - left:
            return below, card, tried
    bare = replace(shown, room=tight, opened="")
    if card.form is not None:
        told = Text(say("teams.form_too_long"), "warning")
        card = replace(card, form=None, blocks=(told, *card.blocks))
    return _pressed(card, bare, number, back=back), card, bare


def _pressed(card: Card, shown: Shown, number: str, *, back: bool) -> list[Json]:
    """The card's own form, its buttons, and the form that stands open."""
    own = form(card, number, shown, back=back, beside=False)
    return [*own, *controls(card, shown), *_opened(card, shown)]


def _opened(card: Card, shown: Shown) -> list[Json]:
    found = form_of(card, shown.opened) if shown.opened and shown.opened != TOP else None
    if found is None:
        return []
    return [*title(found), *_inside(found), *form(found, shown.opened, shown)]


def _kept(card: Card, shown: Shown, left: int) -> Iterator[int]:
    """Which forms are drawn behind their buttons; none beside one that stands open, whose inputs they would wait for."""
    for place in with_form(card) if not shown.opened else ():
        choice = card.choices[place]
        bare = weight(button(choice, place, shown))
        cost = weight(button(choice, place, replace(shown, forms=(place,)))) - bare
        if cost <= left:
            left -= cost
            yield place


def _at_hand(card: Card) -> set[int]:
    """The forms behind buttons of the first row, which are what most people came for."""
    return {place for place in with_form(card) if not card.choices[place].more}


def _inside(card: Card) -> list[Json]:
    """The words above a form that opens inside a card."""
    return fitting(card.blocks, drawn_block, _INSIDE)


# ── Blocks ──────────────────────────────────────────────────────────────────────────────────────────────────


def title(card: Card) -> list[Json]:
    """A Step that is done steps back into one quiet line."""
    if not card.title.strip():
        return []
    line = plain(card.title, _TITLE, 2 * _TITLE)
    if card.kind == "step_done":
        return drawn_block(Text(line, "muted" if card.tone == "muted" else "plain"))
    return [rich(*runs(line, bold=True, size="Medium"))]


def drawn_block(block: Block) -> list[Json]:
    """None for a block without words."""
    match block:
        case Text():
            return _paragraph(block) if block.text.strip() else []
        case Fields():
            return _fields(block)
        case Bullets():
            head = [rich(*runs(block.title, bold=True))] if block.title.strip() else []
            items = [rich(*runs(f"• {item}"), spacing="Small") for item in block.items if item.strip()]
            return [*head, *items]
        case Code():
            return _code(block) if block.text.strip() else []


def _paragraph(block: Text) -> list[Json]:
    match block.tone:
        case "muted":
            return [_quiet(block.text)]
        case "warning":
            return [rich(*runs(f"{say('teams.warning')} ", bold=True, color="Warning"), *runs(block.text))]
        case "good":
            return [rich(*runs(f"{say('teams.good')} ", bold=True, color="Good"), *runs(block.text))]
        case "plain":
            return [rich(*runs(block.text))]


def _quiet(text: str) -> Json:
    return rich(*runs(text, isSubtle=True, size="Small"))


def _fields(block: Fields) -> list[Json]:
    """A line each, the label bold before its value; a long value stands below its label."""
    links = {text: url for text, url in block.links.items() if https(url)}
    found: list[Json] = []
    for label, value in block.pairs:
        if not (label.strip() or value.strip()):
            continue
        spacing = "Small" if found else ""
        if len(value) > _SHORT and label.strip():
            found += [
                rich(*runs(label, bold=True), spacing=spacing),
                rich(*runs(value, links), spacing="None"),
            ]
            continue
        between = ": " if label.strip() and value.strip() else ""
        found.append(
            rich(
                *runs(label, links, bold=True),
                *runs(between, bold=True),
                *runs(value, links),
                spacing=spacing,
            )
        )
    return found


def _code(block: Code) -> list[Json]:
    """Its language and its risk in words above it."""
    said = [*runs(block.language), *runs(" · " if block.language and block.risk else "")]
    head = [*said, *runs(block.risk, bold=True)]
    script: Json = {"type": "Container", "style": "emphasis", "items": [rich(*script_runs(block.text))]}
    return [*([rich(*head)] if head else []), {**script, "spacing": "Small"}]


# ── Who is called ───────────────────────────────────────────────────────────────────────────────────────────


def _called(card: Card, names: Mapping[str, str]) -> tuple[list[Json], list[Json]]:
    """A line that calls people and what Teams needs to find them. The one place that is read as markdown, so a name
    keeps only what none of it can be made of.
    """
    entities: list[Json] = []
    called = [each for each in dict.fromkeys(card.calls) if each[0] == PLATFORM and each[2]]
    for _, _, person in called[:_CALLED]:
        name = callable_name(names.get(person, ""), len(entities) + 1)
        mentioned = {"id": person, "name": name}
        entities.append({"type": "mention", "text": f"<at>{name}</at>", "mentioned": mentioned})
    if not entities:
        return [], []
    line = " ".join(each["text"] for each in entities)
    return [{"type": "TextBlock", "text": line, "wrap": True}], entities


def callable_name(name: str, number: int) -> str:
    """Letters, digits, spaces and the marks of names; a number where nothing is left of it."""
    kept = "".join(each for each in name if each.isalnum() or each in " .,'’-")
    return " ".join(kept.split())[:_NAME].strip(" -.,") or say("teams.somebody", number=number)
