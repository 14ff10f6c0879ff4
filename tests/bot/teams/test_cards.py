"""Cards as Adaptive Cards: every card in every status, always within the limits, and never alive."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import cards as neutral
from bot.card import Bullets, Card, Choice, Code, Fields, Text
from bot.teams import cards
from engine.session import Status
from tests.bot.card_views import OPEN_STEP, answered, view
from tests.bot.teams.drawing import (
    NASTY,
    assert_activity,
    assert_card,
    assert_harmless,
    lost,
    of_every_card,
    of_type,
    offered,
    pressable,
    texts,
    titles,
)

Json = dict[str, Any]
SESSION = {"session": "00000000-0000-0000-0000-00000000004d"}
ANNA = ("teams", "t", "a0000000-0000-4000-8000-000000000001")


def content(*drawn: Text | Fields | Bullets | Code, title: str = "", **of_card: Any) -> Json:
    found: Json = cards.attachment(Card("session", title, drawn, **of_card))["content"]
    assert_card("content", found)
    return found


def runs(drawn: Json) -> list[Json]:
    return of_type(drawn, "TextRun")


def rows(drawn: Json) -> list[list[str]]:
    """Titles of the rows of the card itself."""
    return [[each["title"] for each in row["actions"]] for row in drawn["body"] if row["type"] == "ActionSet"]


looked_at: set[str] = set()


@pytest.mark.parametrize("status", Status)
def test_every_card_of_every_status_is_a_message_that_teams_takes_with_every_choice(status: Status) -> None:
    for name, card in of_every_card(status):
        drawn = cards.activity(card, note="Use the box.")
        if (key := json.dumps(drawn) + repr(card.choices)) in looked_at:
            continue  # most cards are the same in several statuses
        looked_at.add(key)
        assert_activity(name, drawn)
        assert lost(card, drawn) == set(), name
        assert pressable(drawn) <= offered(card) | offered(card, with_open_forms=False), name


# ── How a card looks ────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_card_has_its_title_its_table_and_its_verbs_with_the_rest_under_more() -> None:
    drawn = cards.activity(neutral.session_card(view()))
    found = drawn["attachments"][0]["content"]
    lines = texts(found).splitlines()
    assert lines[0] == "#4711 Printer offline"
    assert "Status: Active" in lines
    assert rows(found)[-1] == ["Resolve and update #4711", "Pause", "Escalate and update #4711", "More"]
    first, *_, more = found["body"][-1]["actions"]
    assert (first["type"], first["style"], first["associatedInputs"]) == (
        "Action.Execute",
        "positive",
        "none",
    )
    assert more["type"] == "Action.ShowCard"
    assert "Abandon" in " ".join(titles(more["card"]))
    assert drawn["summary"].startswith("#4711 Printer offline – ")
    assert found["fallbackText"] == drawn["summary"]


def test_the_answers_of_a_step_come_first_then_the_box_for_words_then_the_verbs() -> None:
    found = cards.attachment(neutral.step_card(view(), OPEN_STEP), note="Use the box.")["content"]
    assert [row[0] for row in rows(found)] == ["Yes", "Send", "Resolve and update #4711"]
    kinds = [each["type"] for each in found["body"]]
    at = kinds.index("Input.Text")
    box = found["body"][at]
    assert (box["id"], box["isMultiline"]) == ("say", True)
    assert "isRequired" not in box
    assert texts(found["body"][at - 1]) == "Use the box."
    (send,) = found["body"][at + 1]["actions"]
    assert send["data"] == {"fp": {"verb": "say", "args": {**SESSION, "step": "3"}}}
    assert send["associatedInputs"] == "auto"


def test_a_card_without_words_to_wait_for_has_neither_box_nor_note() -> None:
    found = cards.attachment(neutral.session_card(view()), note="Use the box.")["content"]
    assert "Use the box." not in texts(found)
    assert not of_type(found, "Input.Text")
    without = cards.attachment(neutral.step_card(view(), OPEN_STEP), box=False)["content"]
    assert "Send" not in titles(without)


def test_a_step_that_is_done_is_one_quiet_line() -> None:
    drawn = cards.activity(neutral.collapsed_step(answered(1, "Restart the spooler.", "no change"), {}))
    (line,) = drawn["attachments"][0]["content"]["body"]
    assert texts(line) == "✓ Restart the spooler: no change"
    assert "weight" not in line["inlines"][0]


def test_what_a_model_wrote_is_labelled_and_can_be_rated_and_nothing_else_is() -> None:
    drawn = cards.activity(neutral.step_card(view(), OPEN_STEP))
    assert drawn["entities"][0]["additionalType"] == ["AIGeneratedContent"]
    assert drawn["channelData"] == {"feedbackLoop": {"type": "default"}}
    by_hand = cards.activity(neutral.step_card(view(), replace(OPEN_STEP, guide="offline")))
    assert "entities" not in by_hand
    assert "channelData" not in by_hand


def test_rows_hold_five_buttons_and_nobody_has_to_look_for_more_alone() -> None:
    twelve = tuple(Choice(f"C{n}", "open", {"session": str(n)}) for n in range(12))
    found = content(choices=(*twelve, Choice("Note", "note", SESSION, more=True)))
    assert [len(row) for row in rows(found)] == [5, 5, 3]
    five = content(choices=(*twelve[:5], Choice("Note", "note", SESSION, more=True)))
    assert rows(five) == [["C0", "C1", "C2", "C3", "C4", "More"]]


def test_a_choice_that_asks_first_is_pressed_inside_a_card_of_its_own() -> None:
    found = content(choices=(Choice("Wipe it", "answer", SESSION, "danger", confirm="Wipe *all* of it?"),))
    (ask,) = of_type(found, "Action.ShowCard")
    assert (ask["title"], ask["style"]) == ("Wipe it", "destructive")
    assert texts(ask["card"]) == "Wipe all of it?"
    (sure,) = of_type(ask["card"], "Action.Execute")
    assert (sure["title"], sure["data"]["fp"]) == ("Yes", {"verb": "answer", "args": SESSION})


def test_an_older_client_presses_the_same_as_a_submit() -> None:
    (press,) = of_type(content(choices=(Choice("Note", "note", SESSION),)), "Action.Execute")
    assert press["fallback"] == {
        "type": "Action.Submit",
        "title": "Note",
        "data": {"fp": {"verb": "note", "args": SESSION}},
        "associatedInputs": "none",
    }


def test_a_long_value_stands_below_its_label() -> None:
    found = content(Fields((("Status", "Active"), ("Where", "x" * 90))))
    assert texts(found).splitlines() == ["Status: Active", "Where", "x" * 90]


def test_a_tickets_number_links_to_it_by_https_alone_and_not_inside_a_longer_one() -> None:
    pairs = Fields(
        (("Ticket", "#47 and #4711"),), {"#47": "https://psa.example.com/47", "and": "http://x.example"}
    )
    links = [
        (each["text"], each["selectAction"]["url"]) for each in runs(content(pairs)) if "selectAction" in each
    ]
    assert links == [("#47", "https://psa.example.com/47")]


def test_a_warning_and_what_is_good_carry_a_small_sign_and_what_is_muted_is_subtle() -> None:
    found = content(Text("Careful", "warning"), Text("Solved", "good"), Text("Aside", "muted"))
    assert texts(found).splitlines() == ["▲ Careful", "✓ Solved", "Aside"]
    assert runs(found)[-1]["isSubtle"] is True


def test_a_script_says_its_risk_in_words_above_it_and_keeps_its_lines_and_its_indent() -> None:
    found = content(Code("if ($x) {\n    Get-Service  spooler\n}", "powershell", "Reads only."))
    head, script = texts(found).split("\n", 1)
    assert head == "powershell · Reads only."
    assert script == "if ($x) {\n\u00a0\u00a0\u00a0\u00a0Get-Service\u00a0 spooler\n}"
    assert runs(found)[-1]["fontType"] == "Monospace"


def test_line_ends_of_a_paragraph_stay_in_its_runs() -> None:
    assert texts(content(Text("one\ntwo\r\nthree"))) == "one\ntwo\nthree"


def test_a_card_with_nothing_to_show_is_still_a_message() -> None:
    assert_activity("empty", cards.activity(Card("notice")))


# ── Who is called ───────────────────────────────────────────────────────────────────────────────────────────


def test_people_of_teams_are_called_by_name_and_others_are_not() -> None:
    card = Card("notice", "Help is asked for", calls=(ANNA, ("slack", "T0", "U0"), ANNA))
    found = cards.attachment(card, names={ANNA[2]: "Anna <b>*Köhler*</b> O’Neil-Weiß"})["content"]
    assert_card("called", found)
    name = "Anna bKöhlerb O’Neil-Weiß"
    assert found["msteams"]["entities"] == [
        {"type": "mention", "text": f"<at>{name}</at>", "mentioned": {"id": ANNA[2], "name": name}}
    ]
    (line,) = of_type(found, "TextBlock")
    assert line["text"] == f"<at>{name}</at>"


def test_somebody_without_a_name_is_called_all_the_same() -> None:
    found = cards.attachment(Card("notice", "T", calls=(ANNA, (*ANNA[:2], "b"))), names={"b": "]()"})[
        "content"
    ]
    assert [each["mentioned"]["name"] for each in found["msteams"]["entities"]] == ["Person 1", "Person 2"]


def test_of_very_many_only_so_many_are_called_as_a_card_holds() -> None:
    many = tuple(("teams", "t", f"{n}" * 36) for n in range(300))
    drawn = cards.activity(
        Card("notice", "T", (Text("w " * 3_000),), calls=many), names={each[2]: "ß" * 300 for each in many}
    )
    assert_activity("many", drawn)


# ── What comes in stays as it is ────────────────────────────────────────────────────────────────────────────


def test_nothing_a_person_wrote_comes_alive_and_only_our_emphasis_is_bold() -> None:
    found = content(
        Text(NASTY), Text(NASTY, "muted"), Fields(((NASTY, NASTY),), {NASTY: "https://evil.example"}),
        Bullets(NASTY, (NASTY,)), Code(NASTY, NASTY, NASTY), title=NASTY[:150],
        choices=(Choice(NASTY, "note", SESSION, confirm=NASTY), Choice(NASTY, "path", SESSION, more=True)),
    )  # fmt: skip
    assert "msteams" not in found
    said = [each for each in found["body"] if each["type"] == "RichTextBlock"][1]["inlines"]
    assert [each["text"] for each in said if "weight" in each] == ["star"]
    shown = "".join(each["text"] for each in said)
    assert "<at>Anna</at> **bold** _it_ ~~gone~~ `code`" in shown
    assert "{{DATE(2026-11-03T13:05:00Z, SHORT)}}" in shown


@given(
    st.text(alphabet=st.sampled_from("ab <>&`\n\t_~:|[](){}\\#-@🧯"), min_size=1, max_size=60).filter(
        str.strip
    )
)
def test_without_stars_a_paragraph_is_the_text_letter_by_letter(text: str) -> None:
    assert texts(content(Text(text))) == text


@given(st.text(max_size=80))
def test_whatever_is_written_is_harmless_and_its_summary_without_marks(text: str) -> None:
    card = Card(
        "list",
        text,
        (Text(text), Fields(((text, text),), {text: f"https://x.example/{text}"}), Code(text, text)),
    )
    drawn = cards.activity(card)
    assert_harmless("written", drawn["attachments"][0]["content"])
    assert not re.search(r"[*`~<>\[\]\n]", drawn["summary"])
    assert drawn["summary"].strip()


# ── After the click ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("card", [neutral.step_card(view(), OPEN_STEP), neutral.pause_form(view())])
def test_a_spent_message_has_nothing_to_press_and_says_what_was_chosen(card: Card) -> None:
    drawn = cards.spent(card, "Yes <at>x</at>")
    assert_activity("spent", drawn)
    found = drawn["attachments"][0]["content"]
    assert pressable(found) == set()
    assert not of_type(found, "ActionSet", "Input.Text", "Input.ChoiceSet", "Input.Toggle")
    assert texts(found).startswith(card.title)
    assert texts(found).endswith("✓ Yes <at>x</at>")
    assert ("channelData" in drawn) is card.ai


@pytest.mark.parametrize(
    "said", ["del *.log,*.txt", "copy *.log,*.tmp now", "**bold**", "2*3*4", "\\\\srv\\*\\logs\\*.old"]
)
def test_stars_of_a_file_pattern_are_no_emphasis(said: str) -> None:
    [drawn] = cards.drawn_block(Text(said))
    assert "".join(each["text"] for each in drawn["inlines"]) == said
    assert not any("weight" in each for each in drawn["inlines"])
