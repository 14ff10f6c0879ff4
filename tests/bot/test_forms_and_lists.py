"""Forms are filled without losing a word and say who reads what; lists carry the fix beside each line."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from bot import cards
from bot.card import Bullets
from bot.text_parts import split
from bot.views import ConnectionView, PersonLine, Spending, TimeLine
from engine.documentation import Documentation
from engine.ports import PostState
from engine.posts import ForecastLine
from engine.psa import TicketHit
from engine.session import (
    Escalation,
    Person,
    Status,
    Target,
)
from tests.bot.calls import CALLS
from tests.bot.card_views import (
    BEN,
    JANE,
    LEA,
    NOW,
    ZONE,
    button,
    minutes,
    post,
    session,
    view,
    words,
)

ASKED = Escalation(JANE, NOW - minutes(12), "stuck", Target())


def test_the_resolve_form_shows_who_reads_each_text_and_how_time_is_rounded() -> None:
    lines = (
        ForecastLine(
            "resolution:note", "note", "Fix: new driver.", "Internal analysis: only your team sees it."
        ),
        ForecastLine(
            "time:1", "time", "3 November, 13:25–13:55, 23 → 30 min. Solved.", "Can stand on the invoice."
        ),
        ForecastLine("gap:1", "time", "3 November, 12:00–12:40, 40 min without activity", "Nobody.", "gap"),
        ForecastLine("s", "status", "Completed", "Rules may e-mail the contact.", "closing_unconfirmed"),
    )
    card = cards.resolve_form(
        view(), Documentation("Offline", "Driver", "Printed", "Fix: driver", "Solved."), lines
    )
    assert card.form is not None
    fields = {f.name: f for f in card.form.fields}
    assert fields["technical"].value == "Fix: driver"
    assert "only your team" in fields["technical"].hint
    assert "23 → 30 min" in fields["time:1"].label
    assert [value for value, _ in fields["gap:1"].options] == ["later", "count", "drop"]
    assert fields["status_confirmed"].kind == "tick"
    assert fields["status_confirmed"].value == ""
    assert {"summary", "fix", "verification", "customer", "started_earlier", "post_time"} <= set(fields)
    assert card.form.submit == "Resolve and post"


def test_a_text_too_long_for_a_form_is_shown_from_its_start_with_a_button_to_its_parts() -> None:
    long = "word " * 2_000
    card = cards.resolve_form(view(), Documentation("Offline", "Driver", "", long, "Solved."))
    assert card.form is not None
    assert "technical" not in {f.name for f in card.form.fields}
    assert "it is posted whole" in words(card)
    (edit,) = card.choices
    assert edit.label == "Edit the technical text (4 parts)"
    assert (edit.verb, edit.args) == (
        "edit_text",
        {"session": str(session().id), "text": "technical", "part": "1", "of": "resolution"},
    )


def test_a_short_text_for_which_the_form_has_no_room_is_one_part() -> None:
    texts = Documentation("Offline", "Driver", "a" * 2_800, "b" * 2_800, "Solved.")
    card = cards.resolve_form(view(), texts)
    assert [c.label for c in card.choices] == ["Edit the technical text"]
    assert cards.escalate_form(view(), draft=texts).choices == ()


def test_a_part_says_which_one_it_is_and_carries_what_it_is_kept_by() -> None:
    parts = split("line\n" * 2_000)
    card = cards.part_form(view(), "technical", parts, 2, "escalation", "0123456789abcdef")
    assert card.title == "Technical text 2/4"
    assert card.form is not None
    assert (card.form.verb, card.form.submit) == ("keep_text", "Keep it")
    assert card.form.args == {
        "session": str(session().id), "text": "technical", "part": "2", "of": "escalation",
        "mark": "0123456789abcdef",
    }  # fmt: skip
    assert [(f.name, f.kind, f.value) for f in card.form.fields] == [("text", "long_text", parts[1].text)]


def test_the_rating_is_optional_and_last() -> None:
    form = cards.resolve_form(view(), Documentation("Offline", "Driver")).form
    assert form is not None
    last = form.fields[-1]
    assert (last.name, last.kind, last.value, last.required) == ("rating", "choice", "", False)
    assert [value for value, _ in last.options] == ["5", "4", "3", "2", "1"]


def test_a_form_handed_back_holds_what_was_typed_and_says_what_changed() -> None:
    typed = {"fix": "The new driver", "rating": "4", "to": "nobody", "post_time": "", "summary": "x" * 5_000}
    card = cards.resolve_form(
        view(),
        Documentation("Offline", "Driver"),
        under_way=cards.UnderWay(changed=["technical"], fields=typed),
    )
    assert card.form is not None
    values = {f.name: f.value for f in card.form.fields}
    assert (values["fix"], values["rating"], values["summary"]) == ("The new driver", "4", "Offline")
    assert "went on since you edited the technical text" in words(card)


def test_a_ticket_is_searched_and_the_open_ones_stand_there_at_once() -> None:
    hit = TicketHit(4711, "Printer offline", "Contoso")
    for form in (cards.link_form(view(), [hit]).form, cards.start_form([hit]).form):
        assert form is not None
        found = next(f for f in form.fields if f.name == "ticket")
        assert (found.kind, found.options) == ("ticket", (("4711", "#4711 Printer offline"),))
        assert not any(f.required for f in form.fields)
    bare = cards.link_form(view(psa_connected=False)).form
    assert bare is not None
    assert [(f.name, f.required) for f in bare.fields] == [("number", True)]


def test_the_start_form_takes_words_a_ticket_what_was_tried_and_files() -> None:
    form = cards.start_form().form
    assert form is not None
    assert (form.verb, form.args) == ("start", {})
    assert [(f.name, f.kind) for f in form.fields] == [
        ("text", "long_text"), ("ticket", "ticket"), ("tried", "long_text"), ("files", "file"),
    ]  # fmt: skip
    bare = cards.start_form(connected=False)
    assert bare.form is not None
    assert "ticket" not in {f.name for f in bare.form.fields}
    assert "not connected" in words(bare)


def test_the_escalation_channel_is_chosen_as_a_channel_and_shown_as_it_is_kept() -> None:
    form = cards.settings_form(ConnectionView(account_settings={"escalation_channel": "T0A:C0ESC"})).form
    assert form is not None
    channel = next(f for f in form.fields if f.name == "escalation_channel")
    assert (channel.kind, channel.value) == ("channel", "T0A:C0ESC")
    assert {f.name for f in form.fields} == {
        "auto_push", "review_before_push", "note_visibility", "time_entries", "time_rounding_minutes",
        "escalation_channel", "business_hours", "time_zone", "leads_only", "daily_tokens",
    }  # fmt: skip


@pytest.mark.parametrize(("kept", "shown"), [(None, ""), (500_000, "500000"), (0, "0")])
def test_the_daily_tokens_stand_in_the_form_as_they_are_kept(kept: int | None, shown: str) -> None:
    form = cards.settings_form(ConnectionView(account_settings={"daily_tokens": kept})).form
    assert form is not None
    assert next(f for f in form.fields if f.name == "daily_tokens").value == shown


USED = Spending(
    ("claude-sonnet-5-5", "claude-haiku-5-5"), 2_000_000, own=False, tokens=12_345, microdollars=51_200
)


def test_the_settings_say_which_models_are_on_what_they_may_use_and_what_they_used_today() -> None:
    usual = words(cards.settings(ConnectionView(), spending=USED))
    for said in ("on (claude-sonnet-5-5, claude-haiku-5-5)", "2,000,000 (as the installation has it)"):
        assert said in usual
    assert "12,345 tokens, $0.0512" in usual
    assert "2,000,000 (as" not in words(cards.settings(ConnectionView(), spending=replace(USED, own=True)))
    free = words(cards.settings(ConnectionView(), spending=replace(USED, own=True, limit=0)))
    assert "no limit" in free


def test_an_admins_home_says_in_one_line_whether_claude_is_on_and_what_it_used() -> None:
    def line(spending: Spending) -> str:
        card = cards.home_admin(ConnectionView(), spending)
        return words(card).partition("Claude: ")[2].split("\n")[0]

    models = "on (claude-sonnet-5-5, claude-haiku-5-5)"
    assert line(USED) == f"{models} · 12,345 of 2,000,000 tokens today"
    assert line(replace(USED, limit=0)) == f"{models} · 12,345 tokens today, no limit"
    assert line(Spending(limit=2_000_000)) == "off: the offline guide asks"


def test_home_puts_what_is_at_work_first_and_lets_the_paused_be_resumed() -> None:
    paused, active = view(Status.PAUSED), view(ticket_id=None, problem_summary="Newer")
    card = cards.home_sessions([paused, active])
    assert words(card).index("Newer") < words(card).index("#4711 Printer offline")
    assert [(c.verb, c.label) for c in card.choices] == [
        ("open", "Open Newer"), ("resume", "Resume #4711"), ("open", "Open #4711"),
    ]  # fmt: skip


def test_a_prefilled_text_is_exactly_the_draft() -> None:
    text = "Fix: driver.\nTried: nothing.\n\n\nEnd\u00ad."
    card = cards.resolve_form(view(), Documentation(technical=text))
    assert card.form is not None
    assert next(f for f in card.form.fields if f.name == "technical").value == text


def test_nobody_can_escalate_to_himself_or_to_the_owner() -> None:
    people = [Person(JANE, "Jane Doe"), Person(BEN, "Ben Carter"), Person(LEA, "Lea Stern")]
    card = cards.escalate_form(view(), teams=[(UUID(int=5), "Network")], people=people, by=people[2])
    assert card.form is not None
    to = next(f for f in card.form.fields if f.name == "to")
    assert [label for _, label in to.options] == ["Anyone", "Team: Network", "Ben Carter"]


def test_a_form_is_submitted_with_the_verb_that_opened_it() -> None:
    pause = cards.pause_form(view()).form
    assert pause is not None
    assert (pause.verb, pause.args) == ("pause", {"session": str(session().id)})
    assert [value for value, _ in pause.fields[0].options] == ["customer", "vendor", "parts", "me"]


def test_keys_are_never_shown_again() -> None:
    form = cards.connect_form(ConnectionView("na.example.net", "contoso", "ready")).form
    assert form is not None
    assert {f.name: f.value for f in form.fields if "key" in f.name} == {"public_key": "", "private_key": ""}


def test_time_shows_the_fix_beside_each_line() -> None:
    failed = post("time", PostState.FAILED, content={"billed_minutes": 30}, problem="The period is closed.")
    gap = ((NOW - minutes(60), NOW - minutes(25)),)
    card = cards.time([TimeLine(session(), minutes(50), minutes(200), (failed,), gap)], NOW, ZONE)
    said = words(card)
    assert "*Today 50 min, this week 3 h 20 min.*" in said
    assert "failed 30 min (The period is closed.)" in said
    assert "unconfirmed 35 min" in said
    assert [c.verb for c in card.choices] == ["count_time", "drop_time", "retry"]


def test_the_queue_puts_the_longest_waiting_first() -> None:
    later = view(
        Status.REQUESTING_ESCALATION,
        ticket_id=None,
        problem_summary="Newer",
        escalation=replace(ASKED, requested_at=NOW),
    )
    card = cards.queue([later, view(Status.REQUESTING_ESCALATION)])
    assert words(card).index("#4711 Printer offline") < words(card).index("Newer")
    assert "12 min · Priority 2 · Jane Doe asks Ben Carter: The queue stays stuck." in words(card)


def test_a_ticket_with_an_open_session_offers_three_ways() -> None:
    card = cards.duplicate_ticket(view())
    assert [c.verb for c in card.choices] == ["open", "ask_to_take", "start_anyway"]
    assert [c.verb for c in cards.duplicate_ticket(view(), yours=True).choices] == ["open", "start_anyway"]
    assert next(c.verb for c in cards.duplicate_ticket(view(Status.RESOLVED)).choices) == "follow_up"


def test_the_path_shows_what_was_done_and_lets_an_expert_jump() -> None:
    card = cards.path(view(), ("1. Print a test page", "2. New driver"), [("new-driver", "New driver")])
    assert "✓ Swap the cable: same error" in words(card)
    assert "2. New driver" in words(card)
    assert button(card, "jump").args["node"] == "new-driver"


def test_the_receipt_tells_what_left_masked_and_what_each_turn_cost() -> None:
    said = words(cards.receipt(view(), CALLS, pictures=1))
    assert "3 e-mail addresses" in said, "one that is named in three calls is one"
    assert "1 IP address" in said
    assert "1 secret" in said
    assert "6 calls, 14,050 tokens in, of which 6,850 from the cache, 660 out, $0.0289" in said
    assert "no answer came back, booked as $0.0074" in said
    assert "claude-sonnet-5-5: under way" in said
    assert "Package" in said and "nothing was charged" in said
    assert "Screenshots cannot be masked. 1 left as they are." in said


def test_where_no_model_was_asked_the_receipt_says_that_nothing_left() -> None:
    assert "Nothing left FlowPilot" in words(cards.receipt(view(), ()))


def test_a_failure_says_what_happened_what_was_kept_and_what_to_do() -> None:
    said = words(cards.error("E-1A2B3C4D"))
    assert "could not finish" in said
    assert "kept" in said
    assert "try again" in said
    assert "E-1A2B3C4D" in said


def test_a_whole_script_can_be_copied_in_pieces() -> None:
    text = "".join(f"echo {n}\n" for n in range(1_500))
    assert "\n".join(cards.pieces(text)) == text.rstrip("\n")


def test_a_long_list_of_people_says_how_the_others_are_found() -> None:
    lines = [PersonLine(UUID(int=n), f"Person {n}", None, ("lead",), (), None) for n in range(130)]
    card = cards.people(lines)
    assert "110 more are not listed. *people NAME* finds the others." in words(card)
    assert [c.more for c in card.choices] == [False] * 5 + [True] * 100
    assert "NAME" not in words(cards.people(lines[:3]))
    assert "No Lead yet" not in words(cards.people([replace(lines[0], roles=())], name="Person 0"))


def test_a_person_keeps_his_teams_and_his_member_in_the_form_however_many_there_are() -> None:
    teams = [(UUID(int=n), f"Team {n:02}") for n in range(30)]
    members = [(n, f"Member {n}") for n in range(1, 201)]
    line = PersonLine(JANE, "Jane Doe", None, (), ("Team 29",), "member 150", 150)
    form = cards.person_form(line, teams, members).form
    assert form is not None
    by_name = {f.name: f for f in form.fields}
    assert by_name[f"team:{UUID(int=29)}"].value == "yes"
    assert len([name for name in by_name if name.startswith("team:")]) == 20
    assert "10 more teams" in by_name["new_team"].hint
    assert by_name["member"].value == "150"
    assert "other_member" in by_name
    few = cards.person_form(line, teams[:2], members[:3]).form
    assert few is not None
    assert "other_member" not in [f.name for f in few.fields]
    assert next(f for f in few.fields if f.name == "member").value == "150"


def test_a_member_searched_by_name_stands_first() -> None:
    members = [(n, f"Member {n}") for n in range(1, 201)]
    line = PersonLine(JANE, "Jane Doe", None, (), (), None)
    form = cards.person_form(line, (), members, "member 177").form
    assert form is not None
    chosen = next(f for f in form.fields if f.name == "member")
    assert [value for value, _ in chosen.options][:2] == ["none", "177"]
    assert "member 177" in chosen.hint


def test_people_without_a_lead_are_told_so() -> None:
    line = PersonLine(JANE, "Jane Doe", None, ("technician",), (), None)
    assert "No Lead yet" in words(cards.people([line]))
    assert "No Lead yet" not in words(cards.people([replace(line, roles=("lead",))]))


@pytest.mark.parametrize(
    ("length", "said"),
    [(0, "under a minute"), (23, "23 min"), (65, "1 h 05 min"), (60 * 50, "2 d 2 h")],
)
def test_lengths_are_said_in_whole_minutes_hours_and_days(length: int, said: str) -> None:
    assert cards.span(timedelta(minutes=length)) == said


def test_times_carry_the_day_only_where_it_is_needed() -> None:
    assert cards.local(NOW, ZONE, NOW) == "14:05"
    assert cards.local(NOW + timedelta(days=1), ZONE, NOW) == "Wed 4 Nov, 14:05"
    assert cards.local(NOW - timedelta(days=365), ZONE, NOW) == "3 Nov 2025, 14:05"
    late = NOW.replace(hour=23, minute=30)
    assert cards.local(late, ZONE, NOW) == "Wed 4 Nov, 00:30"


def test_the_resolve_form_lists_each_part_that_is_posted_and_who_reads_it() -> None:
    lines = (
        ForecastLine("n", "note", "Fix: driver. " * 40, "Internal analysis: only your team sees it."),
        ForecastLine("t", "time", "13:25–13:55. Solved.", "Can stand on the invoice."),
        ForecastLine("s", "status", "Completed", "Rules may e-mail the contact."),
        ForecastLine("o", "owner", "You become the owner.", "Your team.", "owner_unmapped"),
    )
    card = cards.resolve_form(view(), Documentation("Offline", "Driver"), lines)
    listed = next(b for b in card.blocks if isinstance(b, Bullets))
    assert listed.title == "Submitting posts this to #4711"
    assert listed.items == (
        "Note: only your team sees it.",
        "Time: Can stand on the invoice.",
        "Status Completed: Rules may e-mail the contact.",
    )
    assert "Shortened here" not in words(card)
    assert "Submitting posts" not in words(cards.resolve_form(view(), Documentation("Offline", "Driver")))


def test_the_escalate_form_prefills_both_texts_with_their_readers() -> None:
    draft = Documentation(technical="Situation: Offline.", customer="We are working on it.")
    form = cards.escalate_form(view(), draft=draft).form
    assert form is not None
    fields = {f.name: f for f in form.fields}
    assert (fields["technical"].value, fields["technical"].kind) == (draft.technical, "long_text")
    assert "only your team" in fields["technical"].hint
    assert (fields["customer"].value, fields["customer"].kind) == (draft.customer, "long_text")
    assert "invoice" in fields["customer"].hint


def test_the_example_of_a_host_is_the_one_of_the_api() -> None:
    form = cards.connect_form(ConnectionView("", "", "none")).form
    assert form is not None
    assert "api-na.myconnectwise.net" in next(f.hint for f in form.fields if f.name == "host")
