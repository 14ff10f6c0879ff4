"""Slack, Teams and the terminal offer the same choices and ask for the same fields, whatever is shown to whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from uuid import UUID

import pytest

from bot import cards
from bot.card import Card, Choice, Form
from bot.console_asking import Asking
from bot.console_draw import plain
from bot.console_keys import keys_of, pressed
from bot.slack import actions, blocks, modals
from bot.teams import cards as teams
from engine.session import Person, Status, StepKind
from tests.bot.card_views import BEN, JANE, LEA, NAMES, OPEN_STEP, POSTS, every_view, view
from tests.bot.slack.drawing import of_type as of_slack
from tests.bot.slack.drawing import state_of
from tests.bot.teams.drawing import Pressing, asked, lost, of_type, offered, pressable, with_forms
from tests.bot.test_cards import every_card

ROLES: Mapping[str, UUID] = {"owner": JANE, "technician": UUID(int=4), "lead": LEA, "requester": BEN}


def pressing(choice: Choice | actions.Click) -> Pressing:
    return choice.verb, tuple(sorted(choice.args.items()))


# ── What each platform offers ───────────────────────────────────────────────────────────────────────────────


def in_slack(card: Card) -> set[Pressing]:
    drawn = modals.view(card)["blocks"] if card.form else blocks.message(card)["blocks"]
    clicks = [actions.click(each) for each in of_slack(drawn, "button")]
    clicks += [
        actions.click({"action_id": each["action_id"], "selected_option": option})
        for each in of_slack(drawn, "static_select")
        if each["action_id"].startswith(actions.MORE)
        for option in each["options"]
    ]
    found = {pressing(each) for each in clicks if each}
    if card.form is not None:
        carried = actions.from_metadata(modals.view(card)["private_metadata"])
        found.add((carried.verb, tuple(sorted(carried.args.items()))))
    return found


def in_terminal(card: Card) -> set[Pressing]:
    """What a typed key presses; of rows and first verbs the key is drawn, too."""
    lines = "\n".join(plain(card))
    found = set()
    for key in keys_of(card):
        choice = pressed(card, key.typed)
        drawn = f"{key.typed}) {key.choice.label}" in lines if key.is_number else key.typed in lines
        if choice is not None and (drawn or len(card.choices) > 25):
            found.add(pressing(choice))
    return found | ({(card.form.verb, tuple(sorted(card.form.args.items())))} if card.form else set())


def in_teams(card: Card) -> set[Pressing]:
    return pressable(teams.attachment(card)["content"])


def differing(name: str, card: Card, enriched: Card | None = None) -> list[str]:
    """Where a platform offers something else than the others; `enriched` is the card with its forms inside."""
    here = {"Slack": in_slack(card), "Teams": in_teams(card), "terminal": in_terminal(card)}
    wanted = offered(card)
    found = [f"{name}: {where} {sorted(got ^ wanted)}" for where, got in here.items() if got != wanted]
    if enriched is not None and (missing := lost(enriched, teams.attachment(enriched)["content"])):
        found.append(f"{name}: Teams with forms {sorted(missing)}")
    return found


# ── The fields ──────────────────────────────────────────────────────────────────────────────────────────────


def fields_in_slack(card: Card) -> set[str]:
    return set(modals.fields(state_of(modals.view(card))))


def fields_in_teams(card: Card, form: Form) -> set[str]:
    """Files are attached to a message, as a line where the input would be says."""
    content = teams.attachment(card)["content"]
    return asked(content, "0") | {each.name for each in form.fields if each.kind == "file"}


def fields_inside_teams(card: Card, form: Form) -> set[str]:
    outer = Card("session", "T", choices=(Choice("Open", form.verb, form.args, form=card),))
    content = teams.attachment(outer)["content"]
    if not of_type(content, "Action.ShowCard"):
        return fields_in_teams(card, form)  # too large to stand inside another card
    return asked(content, "1") | {each.name for each in form.fields if each.kind == "file"}


def fields_in_terminal(form: Form) -> set[str]:
    """Files are sent by a command of their own."""
    typed = {"choice": "1", "tick": "y"}
    asking, found = Asking(form), {each.name for each in form.fields if each.kind == "file"}
    for each in (one for one in form.fields if one.kind != "file"):
        if each.label in asking.question.lines[0]:
            found.add(each.name)
        assert asking.give(typed.get(each.kind, each.value or "4711")) == "", each
    assert asking.give("") == "" and asking.done
    return found


def asking_otherwise(name: str, card: Card) -> list[str]:
    if card.form is None:
        return []
    wanted = {each.name for each in card.form.fields}
    here = {
        "Slack": fields_in_slack(card),
        "Teams": fields_in_teams(card, card.form),
        "Teams inside a card": fields_inside_teams(card, card.form),
        "terminal": fields_in_terminal(card.form),
    }
    return [f"{name}: {where} {sorted(got ^ wanted)}" for where, got in here.items() if got != wanted]


# ── The cards ───────────────────────────────────────────────────────────────────────────────────────────────


@cache
def standing() -> tuple[tuple[str, Card, Card], ...]:
    """The cards about a Session, however it stands, without the forms of their buttons and with them."""
    found: dict[str, tuple[str, Card, Card]] = {}
    for name, shown in every_view():
        table = replace(shown.session.current or OPEN_STEP, outcome=None)
        for kind, card in (
            ("session", cards.session_card(shown)),
            ("status", cards.status(shown)),
            ("step", cards.step_card(shown, table)),
            ("escalation", cards.escalation_card(shown)),
        ):
            key = repr((shown.session.status, kind, card.choices, card.box))
            if key not in found:
                found[key] = (f"{name}: {kind}", card, with_forms(card, shown))
    return tuple(found.values())


def read_by(role: str, status: Status) -> Iterator[tuple[str, Card]]:
    """Every card of a status as this person is shown it. Who asked for help owns the Session no more."""
    by = Person(ROLES[role], NAMES.get(ROLES[role], "Tom Tech"))
    shown = view(status, posts=POSTS["failed"])
    if role == "requester":
        shown = view(status, posts=POSTS["held"], owner_id=LEA)
        assert shown.session.owner_id != by.id
    yield from every_card(shown, "Plain words")
    yield "decline", cards.decline_form(shown, by)
    yield "escalate by", cards.escalate_form(shown, by=by, people=[by, Person(LEA, "Lea Stern")])
    yield "duplicate", cards.duplicate_ticket(shown, by.id)
    yield "people", cards.people([], admin=role == "lead")
    yield "help", cards.help_card(admin=role == "lead")


@pytest.mark.parametrize("status", Status)
def test_however_a_session_stands_its_cards_offer_the_same_on_every_platform(status: Status) -> None:
    looked_at = [each for each in standing() if each[0].startswith(f"{status},")]
    assert {name.rpartition(": ")[2] for name, _, _ in looked_at} == {
        "session",
        "status",
        "step",
        "escalation",
    }
    assert [wrong for each in looked_at for wrong in differing(*each)] == []


looked_at: set[str] = set()


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("role", ROLES)
def test_lists_notices_and_forms_offer_and_ask_for_the_same_whoever_reads_them(
    role: str, status: Status
) -> None:
    wrong = []
    for name, card in read_by(role, status):
        if (key := repr((card.kind, card.choices, card.form))) in looked_at:
            continue  # most are the same for several people and in several statuses
        looked_at.add(key)
        wrong += differing(name, card, with_forms(card, view(status)))
        wrong += asking_otherwise(name, card)
    assert wrong == []


def test_every_state_of_a_session_is_among_them() -> None:
    shown = [each for _, each in every_view()]
    seen = {(each.session.status, each.session.current.kind) for each in shown if each.session.current}
    assert seen == {(status, kind) for status in Status for kind in StepKind}
    advised = {
        (each.session.status, bool(each.session.escalation and each.session.escalation.advice_open))
        for each in shown
    }
    assert advised == {(status, advice) for status in Status for advice in (True, False)}
    verbs = {choice.verb for _, card, _ in standing() for choice in card.choices}
    assert verbs >= {
        "answer",
        "retry",
        "take_advice",
        "decline_advice",
        "pick_up",
        "withdraw",
        "resume",
        "follow_up",
    }


# ── This can fail ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_choice_that_one_platform_loses_is_found() -> None:
    for name, card, enriched in standing():
        for place, choice in enumerate(card.choices):
            fewer = replace(card, choices=(*card.choices[:place], *card.choices[place + 1 :]))
            if pressing(choice) in {pressing(each) for each in fewer.choices}:
                continue
            for offering in (in_slack, in_teams, in_terminal):
                assert pressing(choice) in offered(card) - offering(fewer), (name, offering)
        assert lost(enriched, teams.attachment(enriched)["content"]) == set()


def test_a_field_that_one_platform_does_not_ask_for_is_found() -> None:
    card = cards.pause_form(view())
    assert card.form is not None
    fewer = replace(card, form=replace(card.form, fields=card.form.fields[:-1]))
    assert fewer.form is not None
    wanted = {each.name for each in card.form.fields}
    assert wanted - fields_in_slack(fewer) == {"remind_at"}
    assert wanted - fields_in_teams(fewer, fewer.form) == {"remind_at"}
    assert wanted - fields_inside_teams(fewer, fewer.form) == {"remind_at"}
    assert wanted - fields_in_terminal(fewer.form) == {"remind_at"}
    assert asking_otherwise("pause", card) == []
