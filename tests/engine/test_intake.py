"""Reading what people paste: ticket numbers, logs in the middle of prose, files, short answers, secrets."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.intake import (
    SIZE_LIMIT,
    Attachment,
    clean,
    is_small_talk,
    looks_like_secret,
    quick_answer,
    read,
    tidy_words,
)
from engine.replies import Quick
from engine.ticket_refs import without_edge_tickets

CW = "https://na.myconnectwise.net/v4_6_release"

# ---- tickets -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "#4711", "4711", "ticket 4711", "Ticket #4711", "SR 4711", "SR#4711", "CW4711", "ticket no. 4711",
    "ticket: 4711",
    "please look at ticket #4711", "service ticket 4711.", " #4711 ", "can you help with #4711 please",
])  # fmt: skip
def test_a_ticket_reference_alone_is_a_ticket_and_leaves_no_words(text: str) -> None:
    reading = read(text)
    assert (reading.type, reading.ticket_id, reading.text) == ("psa_ticket", 4711, "")
    assert reading.problem_line == "Ticket #4711" and reading.ticket_host is None


@pytest.mark.parametrize(("link", "host"), [
    (f"{CW}/services/system_io/Service/fv_sr100_request.rails?service_recid=4711&companyName=x",
    "na.myconnectwise.net"),
    (f"{CW}/ConnectWise.aspx?recid=4711", "na.myconnectwise.net"),
    (f"{CW}/ConnectWise.aspx?locale=en_US&routeTo=ServiceFV&recid=4711", "na.myconnectwise.net"),
    (f"<{CW}/ConnectWise.aspx?routeTo=ServiceFV&amp;recid=4711|the ticket>", "na.myconnectwise.net"),
    (f"{CW}/ConnectWise.html?routeTo=ServiceFV&srRecID=4711.", "na.myconnectwise.net"),
    ("https://CW.Example.com/v4_6_release/ConnectWise.aspx#XQAACJ%22ServiceTicket%22%3A4711",
    "cw.example.com"),
    (f"{CW}/apis/3.0/service/tickets/4711/notes", "na.myconnectwise.net"),
])  # fmt: skip
def test_a_connectwise_link_gives_ticket_and_host(link: str, host: str) -> None:
    reading = read(f"this one {link}")
    assert (reading.ticket_id, reading.ticket_host, reading.type) == (
        4711,
        host,
        "combined" if reading.text else "psa_ticket",
    )


@pytest.mark.parametrize("text", [
    "error 0x80070005 when printing", "this is #1 on the list", "event id 4740 on DC01", "call 555-123-4567",
    "error 4711 appears", "error #4711 appears", "color #336699 is wrong", "#4711ff", "5551234567",
    "ticket 365 users cannot open", "the ticket is 2 days old", "ticket 2024-01-15", "server 10.0.0.4711",
    f"{CW}/ConnectWise.aspx?routeTo=TimeEntryFV&recid=4711", "https://example.com/?recid=4711", "0", "#0",
    "https://[broken/v4_6_release?recid=4711", "KB4711 was installed", "1,500 users and ticket 1,500",
])  # fmt: skip
def test_other_numbers_are_not_tickets(text: str) -> None:
    assert read(text).ticket_id is None


def test_the_first_of_several_tickets_leads_and_the_others_are_kept() -> None:
    reading = read("tickets 4711, 4712 and #4713; also SR 4711")
    assert (reading.ticket_id, reading.other_ticket_ids) == (4711, (4712, 4713))
    assert read("4711, 4712").other_ticket_ids == (4712,)


def test_a_ticket_with_a_problem_keeps_the_persons_words() -> None:
    reading = read("Hi team,\nJane can't print since the update. Restarted twice. #4711")
    assert (reading.type, reading.ticket_id) == ("combined", 4711)
    assert reading.text.endswith("Restarted twice. #4711")
    assert reading.problem_line == "Jane can't print since the update"


# ---- logs in prose -----------------------------------------------------------------------------------------

LOG = "\n".join(
    f"2024-01-15 10:00:{n:02} {'ERROR spooler died' if n == 3 else 'INFO poll'}" for n in range(9)
)
TRACE = (
    'Traceback (most recent call last):\n  File "a.py", line 3, in <module>\n    go()\nValueError: bad host'
)


@pytest.mark.parametrize(
    "paste", [LOG, TRACE, "java.io.IOException: x\n\tat a.B.c(B.java:1)\n\tat a.B.d(B.java:2)"]
)
def test_the_log_is_told_apart_from_the_words_around_it(paste: str) -> None:
    reading = read(f"Printing fails for Jane.\n{paste}\nAny idea?")
    assert reading.log == paste and reading.text == "Printing fails for Jane.\nAny idea?"
    assert (
        reading.type == "combined" and reading.digest is not None and reading.digest.first_error is not None
    )


def test_a_code_fence_is_a_log_and_an_inline_command_is_not() -> None:
    for pasted in (
        f"see\n```\n{LOG}\n```\nthanks",
        f"see ```{LOG}``` thanks",
        f"see\n```log\n{LOG}```\nthanks",
    ):
        reading = read(pasted)
        assert reading.log == LOG and reading.text.split() == ["see", "thanks"]
    plain = read("I ran ```ipconfig /release``` and nothing happened")
    assert plain.log is None and "ipconfig /release" in plain.text


def test_an_unclosed_fence_and_an_error_code_in_prose_work() -> None:
    assert read(f"see\n```\n{LOG}").log == LOG
    assert read("Update fails with error 0x80070005 since 10:30 today").type == "free_text"


def test_a_technicians_own_timeline_is_not_a_log() -> None:
    notes = "10:30 user called, no mail\n10:45 rebooted the PC\n11:00 still down, same error"
    assert read(notes).type == "free_text" and read(notes).text == notes


def test_a_bare_log_takes_its_problem_line_from_the_first_error() -> None:
    reading = read(LOG)
    assert (reading.type, reading.text, reading.problem_line) == ("log_paste", "", "ERROR spooler died")


def test_an_event_description_stays_with_the_event_and_the_question_with_the_person() -> None:
    event = (
        "Log Name: System\nSource: Disk\nEvent ID: 7\nLevel: Error\nDescription:\nBad block.\n\nMore text."
    )
    reading = read(f"PC-7 is slow\n{event}\n\nAny idea what to do?")
    assert reading.text == "PC-7 is slow\nAny idea what to do?"
    assert reading.digest is not None and reading.digest.events[0].description.endswith("More text.")


def test_command_output_without_times_is_a_log() -> None:
    listing = "\n".join(f"   Adapter{n} . . . . : 10.0.0.{n}  up" for n in range(40))
    reading = read("Here is ipconfig for the PC\n" + listing)
    assert reading.text == "Here is ipconfig for the PC" and reading.log == listing


def test_ten_megabytes_pasted_and_one_endless_line_are_read() -> None:
    big = "\n".join(f"2024-01-15 10:00:00 INFO request {n} took {n % 97} ms" for n in range(200_000))
    reading = read("slow since monday\n" + big)
    assert reading.text == "slow since monday" and reading.log == big
    line = "x" * 10_000_000
    assert read(f"what is this?\n{line}").log == line


# ---- attachments -------------------------------------------------------------------------------------------


def test_attachments_are_sorted_into_pictures_logs_and_refusals() -> None:
    reading = read("printer broken", [
        Attachment("shot.PNG", "image/png", b"\x89PNG...."), Attachment("app.log", "", LOG.encode("utf-16")),
        Attachment("sys.evtx", "", b"ElfFile\0..."), Attachment("empty.txt", "text/plain", b""),
        Attachment("x.zip", "", b"PK\x03\x04"), Attachment("dump.bin", "", random.Random(2).randbytes(4000)),
        Attachment("phone.heic", "image/heic", b"...."), Attachment("huge.log", "", bytes(SIZE_LIMIT + 1)),
        Attachment("nul.txt", "", bytes(50)),
    ])  # fmt: skip
    assert reading.images == ("shot.PNG",) and reading.log == LOG and reading.type == "combined"
    why = dict(reading.refused)
    assert set(why) == {"sys.evtx", "empty.txt", "x.zip", "dump.bin", "phone.heic", "huge.log", "nul.txt"}
    assert "text or CSV" in why["sys.evtx"] and "20 MB" in why["huge.log"] and "not text" in why["dump.bin"]


def test_several_logs_are_joined_under_their_names() -> None:
    reading = read(LOG, [Attachment("a.log", "", b"ERROR a"), Attachment("b.log", "", b"ERROR b")])
    assert reading.log == f"==> pasted <==\n{LOG}\n==> a.log <==\nERROR a\n==> b.log <==\nERROR b"


def test_a_screenshot_alone_is_a_screenshot() -> None:
    reading = read("", [Attachment("shot.png", "image/png", b"x")])
    assert (reading.type, reading.problem_line) == ("screenshot", "Screenshot shot.png")


# ---- short messages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "expected"), [
    ("1", Quick("option", 1)), ("3.", Quick("option", 3)), ("option 2", Quick("option", 2)),
    ("2️⃣", Quick("option", 2)),
    ("y", Quick("yes")), ("Yes!", Quick("yes")), ("n", Quick("no")), ("nope", Quick("no")),
    ("Done.", Quick("done")),
    ("no change", Quick("no_change")), ("Didn’t help", Quick("no_change")),
    ("didn't help", Quick("no_change")),
    ("fixed", Quick("fixed")), ("that worked!", Quick("fixed")), ("5", None), ("0", None), ("4711", None),
    ("", None),
    ("yes but only on wifi", None), ("no, the second printer", None), ("👍", None),
])  # fmt: skip
def test_a_typed_answer_is_understood_only_when_it_is_nothing_more(text: str, expected: Quick | None) -> None:
    assert quick_answer(text, 4) == expected


@pytest.mark.parametrize(
    "text", ["brb", "ok", "OK!", "thx", "thanks 🙏", "one sec", "ok thanks", "👍🏽", ":+1:", "k", "brb 5 min"]
)
def test_small_talk_needs_no_answer(text: str) -> None:
    assert is_small_talk(text)


@pytest.mark.parametrize(
    "text", ["", "?", "the server is ok", "thanks, that broke it", "1", "yes", "ok now it crashes", "me too"]
)
def test_words_with_content_are_not_small_talk(text: str) -> None:
    assert not is_small_talk(text)


@pytest.mark.parametrize("text", [
    "password is Summer2024!", "her pw: hunter22", "creds admin / P@ssw0rd1",
    "the api key AKIAABCDEFGHIJKLMNOP",
    "Tr0ub4dor&3 is the password", "Passwort: Winter!23", "-----BEGIN RSA PRIVATE KEY-----",
])  # fmt: skip
def test_a_password_in_a_message_is_noticed(text: str) -> None:
    assert looks_like_secret(text)


@pytest.mark.parametrize("text", [
    "password expired for user jdoe", "reset the password for jane.doe@example.com",
    "password policy wants 12 characters",
    "login fails with 0x80070005", "password is wrong", "pass the cable through",
    "password reset on SRV-2022 failed",
])  # fmt: skip
def test_talk_about_passwords_is_not_a_password(text: str) -> None:
    assert not looks_like_secret(text)


# ---- cleaning ----------------------------------------------------------------------------------------------


def test_unseen_characters_go_and_the_cut_is_counted() -> None:
    assert tidy_words("a\0b\u202ec\u200bd\ufeff\r\ne\tf") == "abcd\ne\tf"
    assert clean("short", 100) == "short"
    assert clean("x" * 5000, 100) == "x" * 70 + "… (4,930 more characters kept)"


@settings(max_examples=100, deadline=None)
@given(st.text(), st.integers(0, 400))
def test_clean_text_keeps_its_limit(text: str, limit: int) -> None:
    assert len(clean(text * 20, limit)) <= max(limit, 40)


PIECES = st.lists(
    st.sampled_from([
        "```", "```\n", "\n", "#4711 ", "ticket 4711", ", 4712", f"{CW}/ConnectWise.aspx?recid=1 ",
        "<https://", "|", ">", " ",
        "2024-01-15 10:00:00 ERROR x\n", "\tat a.b(c)\n", 'File "x"\n',
        "Traceback (most recent call last):\n", "why?", "\r",
        "Log Name: x\n", "Description:\n", "Hi all,\n", "The words go on. ", "\u202e", "\ud800",
        "http://[", "x" * 5000,
    ]),
    max_size=30,
).map("".join)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(), PIECES), st.binary(max_size=200))
def test_any_message_is_read_and_no_word_is_lost(text: str, raw: bytes) -> None:
    reading = read(text)
    assert len(reading.problem_line) <= 100 and "\n" not in reading.problem_line
    assert reading.type in {"free_text", "psa_ticket", "log_paste", "combined"}
    if reading.ticket_id is None:
        left = (reading.text + (reading.log or "")).replace("```", "")
        assert sorted("".join(left.split())) == sorted("".join(tidy_words(text).replace("```", "").split()))
    read(text, [Attachment("f.log", "", raw), Attachment(text, text, raw)])
    quick_answer(text, 5)
    is_small_talk(text)
    looks_like_secret(text)


@pytest.mark.parametrize(
    "fragment", ["```", "#", "ticket ", "<https://", "hi\n", "? ", "password ", "`", "a.b", " ", "\n\n"]
)
def test_repeated_fragments_do_not_exhaust_the_reader(fragment: str) -> None:
    text = fragment * 50_000
    assert len(read(text).problem_line) <= 100
    looks_like_secret(text)


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("#4711: printer offline", "printer offline"),
        ("printer offline, ticket #4711.", "printer offline"),
        ("ticket 4711 #4711 printer offline.", "printer offline"),
        ("look at ticket 4716 please, printer is offline", "look at ticket 4716 please, printer is offline"),
        ("#4711", ""),
        ("The printer is offline.", "The printer is offline."),
    ],
)
def test_a_reference_is_cut_only_where_it_stands_at_an_end(written: str, left: str) -> None:
    assert without_edge_tickets(written) == left


def test_a_reference_between_words_stays_in_the_problem() -> None:
    assert read("look at ticket 4716 please, printer is offline").problem_line == (
        "look at ticket 4716 please, printer is offline"
    )
