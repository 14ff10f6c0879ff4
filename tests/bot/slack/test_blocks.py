"""Cards as Slack messages: every card in every status, always within the limits, and never alive."""

from __future__ import annotations

import json
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import cards
from bot.card import Bullets, Card, Choice, Code, Fields, Text
from bot.slack import actions, blocks
from engine.session import Status
from tests.bot.card_views import OPEN_STEP, answered, view
from tests.bot.slack.drawing import (
    NASTY,
    assert_fallback,
    assert_harmless,
    assert_message,
    characters,
    of_every_card,
    of_type,
    texts,
)

SESSION = {"session": "00000000-0000-0000-0000-00000000004d"}


def message(
    *drawn: Text | Fields | Bullets | Code, title: str = "", choices: tuple[Choice, ...] = ()
) -> list[dict]:  # type: ignore[type-arg]
    found: list[dict] = blocks.message(Card("session", title, drawn, choices))["blocks"]  # type: ignore[type-arg]
    return found


looked_at: set[tuple[str, frozenset[tuple[str, tuple[tuple[str, str], ...]]]]] = set()


@pytest.mark.parametrize("status", Status)
def test_every_card_of_every_status_is_a_message_that_slack_takes(status: Status) -> None:
    for name, card in of_every_card(status):
        drawn = blocks.message(card)
        wanted = {(c.verb, tuple(c.args.items())) for c in card.choices}
        if (key := (json.dumps(drawn), frozenset(wanted))) in looked_at:
            continue  # most cards are the same in several statuses
        looked_at.add(key)
        assert_message(name, drawn)
        pressed = [actions.click(each) for each in of_type(drawn["blocks"], "button")]
        listed = [
            actions.click({"action_id": each["action_id"], "selected_option": option})
            for each in of_type(drawn["blocks"], "static_select")
            for option in each["options"]
        ]
        assert {(c.verb, tuple(c.args.items())) for c in [*pressed, *listed] if c} == wanted, name


# ── How a card looks ────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_card_has_its_title_its_table_and_its_verbs_with_the_rest_under_more() -> None:
    drawn = blocks.message(cards.session_card(view()))
    first, step, table, *_, last = drawn["blocks"]
    assert first["text"]["text"] == "#4711 Printer offline"
    assert texts([step]).startswith("Step 3:")
    assert table["fields"][0]["text"] == "*Status*\nActive"
    *buttons, more = last["elements"]
    assert [each["text"]["text"] for each in buttons] == [
        "Resolve and update #4711",
        "Pause",
        "Escalate and update #4711",
    ]
    assert buttons[0]["style"] == "primary"
    assert more["placeholder"]["text"] == "More"
    assert more["action_id"].startswith("fp:more:")
    assert drawn["text"].startswith("#4711 Printer offline – ")


def test_a_tickets_number_links_to_it_by_https_alone() -> None:
    found = texts(blocks.message(cards.session_card(view()))["blocks"])
    assert "recid=4711|#4711>\n" in f"{found}\n"
    plain = Fields((("Ticket", "#4711 Printer"),), {"#4711": "http://psa.example.com/4711"})
    assert "psa.example.com" not in json.dumps(message(plain))


def test_a_number_inside_a_longer_one_is_no_link() -> None:
    drawn = message(
        Fields((("Ticket", "#47 and #4711 in " + "x" * 90),), {"#47": "https://psa.example.com/47"})
    )
    assert [each["text"] for each in of_type(drawn, "link")] == ["#47"]


def test_a_row_of_a_list_links_the_ticket_in_its_title() -> None:
    drawn = blocks.message(cards.mine([view(problem_summary="A " + "long " * 30)]))["blocks"]
    assert [each["text"] for each in of_type(drawn, "link")] == ["#4711"]


def test_the_answers_of_a_step_stand_in_a_row_of_their_own_before_the_verbs() -> None:
    drawn = blocks.message(cards.step_card(view(), OPEN_STEP))["blocks"]
    answers, verbs = [block for block in drawn if block["type"] == "actions"]
    assert [each["text"]["text"] for each in answers["elements"]] == ["Yes", "No, it stays in the queue"]
    assert verbs["elements"][-1]["type"] == "static_select"


def test_a_step_that_is_done_is_one_line_and_no_header() -> None:
    done = cards.collapsed_step(answered(1, "Restart the spooler.", "no change"), {})
    drawn = blocks.message(done)
    assert [block["type"] for block in drawn["blocks"]] == ["rich_text"]
    assert drawn["text"] == "✓ Restart the spooler: no change"


def test_what_must_be_asked_is_asked_by_slack_before_it_counts() -> None:
    wipe = Choice("Wipe it", "answer", SESSION, "danger", confirm="Wipe the disk?")
    (drawn,) = message(choices=(wipe,))
    asked = drawn["elements"][0]["confirm"]
    assert (asked["title"]["text"], asked["text"]["text"]) == ("Wipe it", "Wipe the disk?")
    assert asked["style"] == "danger"
    assert drawn["elements"][0]["style"] == "danger"


def test_a_choice_under_more_that_asks_first_is_a_button() -> None:
    ask = Choice("Take it back", "withdraw", SESSION, more=True, confirm="Sure?")
    (drawn,) = message(choices=(Choice("Note", "note", SESSION, more=True), ask))
    assert [each["type"] for each in drawn["elements"]] == ["button", "static_select"]
    assert drawn["elements"][0]["confirm"]["text"]["text"] == "Sure?"


def test_the_same_choice_twice_under_more_is_one_option() -> None:
    (drawn,) = message(
        choices=(Choice("A", "note", SESSION, more=True), Choice("B", "note", SESSION, more=True))
    )
    assert [each["text"]["text"] for each in drawn["elements"][0]["options"]] == ["A"]


def test_a_choice_that_no_menu_can_carry_is_said_and_not_cut() -> None:
    with pytest.raises(ValueError, match="more than 150"):
        message(choices=(Choice("A", "note", {"session": "x" * 150}),))


def test_action_ids_run_on_over_several_cards() -> None:
    numbers = count()
    card = cards.session_card(view())
    drawn = [*blocks.drawn(card, numbers), *blocks.drawn(card, numbers)]
    ids = [each["action_id"] for each in of_type(drawn, "button", "static_select")]
    assert len(ids) == len(set(ids)) == 8


def test_a_warning_and_what_is_good_carry_a_small_sign_and_what_is_muted_is_a_context() -> None:
    warned, good, muted = message(
        Text("Careful", "warning"), Text("Solved", "good"), Text("*Aside*", "muted")
    )
    assert texts(warned) == "▲\n Careful"
    assert texts(good) == "✓\n Solved"
    assert (muted["type"], texts(muted)) == ("context", "Aside")


def test_a_script_says_its_risk_in_words_above_it() -> None:
    (drawn,) = message(Code("Get-Service", "powershell", "Reads only."))
    head, script = drawn["elements"]
    assert texts(head) == "powershell\n · \nReads only."
    assert script["type"] == "rich_text_preformatted"
    assert texts(script) == "Get-Service"


def test_a_long_value_stands_below_its_label_and_the_last_one_may_follow_a_table() -> None:
    table, rest = message(Fields((("Status", "Active"), ("Where", "x" * 90))))
    assert [each["text"] for each in table["fields"]] == ["*Status*\nActive"]
    assert texts(rest) == "Where\n\n\n" + "x" * 90
    (rows,) = message(Fields((("One", "x" * 90), ("Two", "short"))))
    assert rows["type"] == "rich_text"


def test_a_card_with_nothing_to_show_is_still_a_message() -> None:
    assert_message("empty", blocks.message(Card("notice")))


# ── What comes in stays as it is ────────────────────────────────────────────────────────────────────────────


def test_nothing_a_person_wrote_comes_alive_and_only_our_emphasis_is_bold() -> None:
    drawn = message(
        Text(NASTY), Text(NASTY, "muted"), Fields(((NASTY, NASTY),), {NASTY: "https://evil.example"}),
        Bullets(NASTY, (NASTY,)), Code(NASTY, NASTY, NASTY), title=NASTY[:150],
        choices=(Choice(NASTY, "note", SESSION, confirm=NASTY), Choice(NASTY, "path", SESSION, more=True)),
    )  # fmt: skip
    assert_harmless("nasty", drawn)
    assert of_type(drawn, "mrkdwn") == []
    said = drawn[1]["elements"][0]["elements"]
    assert [each["text"] for each in said if "style" in each] == ["bold"]
    assert "".join(each["text"] for each in said) == NASTY.replace("*bold*", "bold")


@pytest.mark.parametrize(
    "value", ["a*b", "SRV_DC", "`x`", "<!here>", "x|y", ":tada:", "https://e.example", "a@b.c", "~x~"]
)
def test_a_value_slack_could_read_as_markup_keeps_its_letters_in_rich_text(value: str) -> None:
    (drawn,) = message(Fields((("Company", "Contoso"), ("Site", value), ("Board", "Help"))))
    assert drawn["type"] == "rich_text"
    assert value in "".join(each["text"] for each in of_type(drawn, "text"))


def test_a_script_cannot_leave_its_block() -> None:
    wild = "echo hi\n```\n<!channel> *now* </pre>\n```"
    (drawn,) = message(Code(wild))
    assert drawn["elements"][0]["elements"] == [{"type": "text", "text": wild}]


def test_an_address_is_encoded_so_that_it_cannot_end_its_link() -> None:
    sly = Fields(
        (("Ticket", "#1 a"), ("Other", "#2 b")),
        {"#1": "https://x.example/>|<!channel>", "#2": "https://x.example/?a=1&b=ü"},
    )
    (drawn,) = message(sly)
    assert drawn["fields"][0]["text"] == "*Ticket*\n#1 a"
    assert drawn["fields"][1]["text"] == "*Other*\n<https://x.example/?a=1&amp;b=%C3%BC|#2> b"


@given(st.text(alphabet=st.sampled_from("ab1 *_~`<>&|:@#!\n/."), max_size=60))
def test_whatever_is_written_is_read_as_it_was_written(text: str) -> None:
    drawn = message(
        Text(text, "plain"), Fields(((f"L {text}", text), ("M", text)), {"a": "https://a.example"})
    )
    assert_harmless("written", drawn)
    assert_fallback("written", blocks.summary(Card("list", text, (Text(text),))))


@given(st.text(alphabet=st.sampled_from("ab <>&`\n\t_~:|"), min_size=1, max_size=60).filter(str.strip))
def test_without_stars_a_paragraph_is_the_text_letter_by_letter(text: str) -> None:
    (drawn,) = message(Text(text))
    assert "".join(each["text"] for each in of_type(drawn, "text")) == text


# ── Too large ───────────────────────────────────────────────────────────────────────────────────────────────


def test_of_a_card_too_large_the_least_important_text_is_cut_and_never_a_button_or_a_script() -> None:
    choices = tuple(Choice(f"Choice {n}", "open", {"session": str(n)}) for n in range(20))
    large = Card(
        "session", "T", (Text("m " * 2_000, "muted"), Text("w " * 1_400, "warning"), Code("c" * 2_900),
        *(Text("p " * 1_400) for _ in range(4))), choices,
    )  # fmt: skip
    drawn = blocks.message(large)
    assert_message("large", drawn)
    said = texts(drawn["blocks"])
    assert len(of_type(drawn["blocks"], "button")) == 20
    assert "c" * 2_900 in said
    assert ("w " * 1_400).strip() in said
    assert "…" in said and "Shortened here" in said
    assert drawn == blocks.message(large)


def test_of_more_paragraphs_than_a_message_holds_the_warnings_stay() -> None:
    many = Card("session", "T", (*(Text(f"p{n}") for n in range(70)), Text("Careful", "warning")), ())
    drawn = blocks.message(many)["blocks"]
    assert_message("many", {"text": "T", "blocks": drawn})
    assert len(drawn) == 50
    assert "Careful" in texts(drawn) and "p0\n" in texts(drawn) and "p69" not in texts(drawn)


def test_scripts_that_have_no_room_are_left_out_whole() -> None:
    drawn = message(*(Code(f"{n}" * 2_900) for n in range(6)))
    assert characters(drawn) <= 12_000
    assert [len(texts(each)) for each in drawn[:-1]] == [2_900] * 4


# ── After the click ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_spent_message_has_nothing_to_press_and_says_what_was_chosen() -> None:
    drawn = blocks.message(cards.step_card(view(), OPEN_STEP))["blocks"]
    left = blocks.spent(drawn, "Yes <!channel>")
    assert_message("spent", {"text": "x", "blocks": left})
    assert of_type(left, "button", "static_select") == []
    assert left[:-1] == [block for block in drawn if block["type"] != "actions"]
    assert left[-1] == {
        "type": "context",
        "elements": [{"type": "plain_text", "text": "✓ Yes <!channel>", "emoji": False}],
    }


def test_a_button_beside_a_section_goes_too_and_fifty_blocks_stay_fifty() -> None:
    foreign = [
        {"type": "section", "text": {"type": "plain_text", "text": "x"}, "accessory": {"type": "button"}}
    ] * 50
    left = blocks.spent(foreign, "Yes")
    assert len(left) == 50
    assert of_type(left, "button") == []


@pytest.mark.parametrize("text", ["", "   ", "**", ":::", "> ", "<>"])
def test_a_notification_always_says_something(text: str) -> None:
    assert blocks.message(Card("notice", text))["text"].strip()


def test_rows_under_each_other_stand_on_lines_of_their_own() -> None:
    drawn = message(Fields((("Host", "https://psa.example.com"), ("Hours", "always"))))
    (rich,) = drawn
    first, last = rich["elements"]
    assert first["elements"][-1]["text"] == "\n"
    assert last["elements"][-1]["text"] == "always"


@pytest.mark.parametrize("beside", ["always", "https://psa.example.com"])
def test_the_escalation_channel_among_the_settings_is_shown_by_its_name(beside: str) -> None:
    (drawn,) = message(Fields((("Other", beside), ("Escalation channel", "T0PRACTICE:C0ESC"))))
    assert "<#C0ESC>" in json.dumps(drawn) or of_type([drawn], "channel") == [
        {"type": "channel", "channel_id": "C0ESC"}
    ]
    (other,) = message(Fields((("Other", beside), ("Reported", "C0ESC"))))
    assert "<#" not in json.dumps(other)
    assert not of_type([other], "channel")
