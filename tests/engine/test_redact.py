"""Masking: what goes, what stays, and that a placeholder is given once, restored rightly and never forged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.psa import Configuration, Contact, RecentTicket, Ref, Ticket, TicketNote
from engine.redact import (
    Known,
    Mask,
    MaskKind,
    Masks,
    also,
    asked_for,
    counts,
    known_of,
    looks_like_secret,
    mask,
    mask_secrets,
    stands_in,
    unmask,
    without_lookalikes,
)

HERE = Path(__file__).resolve().parent
RECALL = yaml.safe_load((HERE / "redaction_recall.yaml").read_text())
TICKET = Ticket(
    id=4711,
    company=Ref(1, "Brightsmile Dental Ltd"),
    contact=Contact(7, "Jane Doe", "(555) 014-2233", "jane.doe@brightsmile.example"),
    site="Harbour Street",
    owner=Ref(3, "Priya Nair"),
    resources="wcarter, ssmith",
    notes=(TicketNote(1, "x", author="Ben Ochieng"),),
    configurations=(
        Configuration(
            1, "BSD-FRONT-01", ip_address="10.20.1.114", serial_number="5CG2140XQ1", last_login="BSD\\jdoe"
        ),
    ),
    recent=(RecentTicket(1, "y", solved_by="Mark Bell"),),
)


# ── The corpus ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Reached:
    secrets: tuple[int, int]
    values: tuple[int, int]
    falsely_masked: tuple[int, int]


def corpus(half: str) -> tuple[list[dict[str, Any]], tuple[Known, ...]]:
    raw = yaml.safe_load((HERE / f"redaction_corpus_{half}.yaml").read_text())
    return raw["lines"], tuple(Known(each["value"], MaskKind(each["kind"])) for each in raw["known"])


def reached(half: str) -> Reached:
    lines, known = corpus(half)
    gone: dict[str, list[bool]] = {"secrets": [], "values": [], "must_stay": []}
    for line in lines:
        masked, _ = mask(line["text"], (), known)
        for part in gone:
            gone[part] += [each not in masked for each in line.get(part, [])]
    secrets, values, stays = ((sum(each), len(each)) for each in gone.values())
    return Reached(secrets, values, stays)


def test_the_corpus_has_its_parts_and_each_entry_says_what_really_stands_in_it() -> None:
    for half, least in (("before", 50), ("after", 50), ("fresh", 30)):
        lines, _ = corpus(half)
        assert len(lines) >= least
        for line in lines:
            expected = [*line.get("secrets", []), *line.get("values", []), *line.get("must_stay", [])]
            assert expected and all(each in line["text"] for each in expected), line["text"]


@pytest.mark.parametrize(
    ("measured", "half"), [(when, half) for when, halves in RECALL.items() for half in halves]
)
def test_the_rules_reach_what_they_reached_when_they_were_measured(measured: str, half: str) -> None:
    wanted, now = RECALL[measured][half], reached(half)
    assert now.secrets[0] >= wanted["secrets"][0] and now.secrets[1] == wanted["secrets"][1]
    assert now.values[0] >= wanted["values"][0] and now.values[1] == wanted["values"][1]
    assert now.falsely_masked[0] <= wanted["falsely_masked"][0]
    assert now.falsely_masked[1] == wanted["falsely_masked"][1]


@pytest.mark.parametrize("half", ["before", "after", "fresh"])
def test_no_line_of_the_corpus_changes_when_it_is_masked_again(half: str) -> None:
    lines, known = corpus(half)
    masks: Masks = ()
    for line in lines:
        masked, masks = mask(line["text"], masks, known)
        assert mask(masked, masks, known) == (masked, masks)
        assert mask_secrets(mask_secrets(line["text"])) == mask_secrets(line["text"])


# ── Placeholders ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_value_has_the_same_placeholder_in_every_text() -> None:
    first, masks = mask("mail a@x.example from 10.0.0.5, password: Hunter2!")
    second, again = mask("10.0.0.5 and A@X.example again, he typed Hunter2! twice, 10.0.0.6 too", masks)
    assert first == "mail ⟦EMAIL_1⟧ from ⟦IP_1 private⟧, password: ⟦SECRET_1⟧"
    assert second == "⟦IP_1 private⟧ and ⟦EMAIL_1⟧ again, he typed ⟦SECRET_1⟧ twice, ⟦IP_2 private⟧ too"
    assert again[: len(masks)] == masks and len(again) == len(masks) + 1


def test_people_see_their_values_again_but_never_a_secret() -> None:
    text = "Call (555) 014-2233, mail a@x.example, pw is Hunter2!, PC DESKTOP-7F3K2L1"
    masked, masks = mask(text)
    assert unmask(masked, masks) == text.replace("Hunter2!", "⟦SECRET_1⟧")
    assert unmask("⟦EMAIL_9⟧ and ⟦SECRET_1⟧", masks) == "⟦EMAIL_9⟧ and ⟦SECRET_1⟧"


def test_a_text_cannot_bring_a_placeholder_of_its_own() -> None:
    masked, masks = mask("write to ⟦EMAIL_1⟧ and a@x.example ⟦oops")
    assert masked == "write to [EMAIL_1] and ⟦EMAIL_1⟧ [oops"
    assert unmask(masked, masks) == "write to [EMAIL_1] and a@x.example [oops"
    assert without_lookalikes("⟦SECRET_1⟧ 〚x〛") == "[SECRET_1] [x]"


def test_what_diagnosis_needs_of_an_address_stays_in_its_placeholder() -> None:
    masked, _ = mask("10.1.1.1 127.0.0.1 169.254.3.4 198.51.100.7 fe80::1 fd00::5 2001:db8::9 ::1 100.64.0.9")
    tags = [
        "private",
        "loopback",
        "link-local",
        "public",
        "link-local",
        "private",
        "public",
        "loopback",
        "shared",
    ]
    assert masked == " ".join(f"⟦IP_{n} {tag}⟧" for n, tag in enumerate(tags, 1))


def test_the_receipt_counts_by_kind() -> None:
    masked, _ = mask("a@x.example b@x.example 10.0.0.5 pw: Hunter2!")
    assert counts(masked) == {"EMAIL": 2, "IP": 1, "SECRET": 1}
    assert counts("nothing here") == {}


def test_a_person_can_have_more_masked() -> None:
    masks = also("Operation Bluebird, 4711-X; acquisition of Tessler", ())
    assert [each.kind for each in masks] == [MaskKind.SECRET] * 3
    masked, after = mask("About Operation Bluebird and the acquisition of Tessler (4711-X)", masks)
    assert masked == "About ⟦SECRET_1⟧ and the ⟦SECRET_3⟧ (⟦SECRET_2⟧)"
    assert also("Operation Bluebird, a", after) == after


def test_a_mask_of_another_session_is_numbered_on() -> None:
    masks = (Mask("⟦PERSON_7⟧", MaskKind.PERSON, "Ben Ochieng"),)
    masked, _ = mask("Ben Ochieng and Mr Smith", masks)
    assert masked == "⟦PERSON_7⟧ and Mr ⟦PERSON_8⟧"


# ── Known values ────────────────────────────────────────────────────────────────────────────────────────────


def test_what_the_ticket_names_is_masked_however_it_is_written() -> None:
    known = known_of(TICKET, ["Grace Lindqvist"], ["Northgate Legal LLP"])
    text = (
        "JANE DOE (jane.doe@brightsmile.example, 555 014 2233) of Brightsmile Dental at Harbour Street: bsd-front-01, 5CG2140XQ1, "
        "10.20.1.114, jdoe on mail.brightsmile.example. Priya, Ben Ochieng, wcarter, Grace and Mark Bell know it. Northgate Legal too."
    )
    masked, _ = mask(text, (), known)
    assert masked == (
        "⟦PERSON_1⟧ (⟦EMAIL_1⟧, ⟦PHONE_1⟧) of ⟦COMPANY_1⟧ at ⟦ADDRESS_1⟧: ⟦DEVICE_1⟧, ⟦DEVICE_2⟧, "
        "⟦IP_1 private⟧, ⟦USER_1⟧ on ⟦HOST_1⟧. ⟦PERSON_2⟧, ⟦PERSON_3⟧, ⟦PERSON_4⟧, ⟦PERSON_5⟧ and ⟦PERSON_6⟧ know it. ⟦COMPANY_2⟧ too."
    )


@pytest.mark.parametrize(
    "text",
    [
        "I will mark it and may bill later",
        "Will it work? Mark the box. May the update run?",
        "the office printer at the main site",
        "janet and doeskin",
    ],
)
def test_ordinary_words_are_not_taken_for_names(text: str) -> None:
    known = (*(Known(n, MaskKind.PERSON) for n in ("Will May", "Mark Bill", "Jane Doe")),)
    assert mask(text, (), known)[0] == text


def test_a_name_in_the_middle_of_a_sentence_is_a_name() -> None:
    assert mask(
        "Ask Will or Mark", (), (Known("Will Marsh", MaskKind.PERSON), Known("Mark Bell", MaskKind.PERSON))
    )[0] == ("Ask ⟦PERSON_1⟧ or ⟦PERSON_2⟧")


def test_a_name_is_known_without_its_accents() -> None:
    masked, masks = mask(
        "Tomas Rivera and Tomás Rivera; Tomas called", (), (Known("Tomás Rivera", MaskKind.PERSON),)
    )
    assert masked == "⟦PERSON_1⟧ and ⟦PERSON_2⟧; ⟦PERSON_3⟧ called"
    assert unmask(masked, masks) == "Tomas Rivera and Tomás Rivera; Tomas called"


@pytest.mark.parametrize(
    "text", ["Customer Experience Improvement", "field Caller Computer Name", "Contact Microsoft Support"]
)
def test_names_of_products_are_no_people(text: str) -> None:
    assert mask(text)[0] == text


def test_generic_names_are_not_known_values() -> None:
    plain = Ticket(
        id=1, site="Main Office", company=Ref(1, "IT"), configurations=(Configuration(1, "Server"),)
    )
    assert known_of(plain) == () and known_of(None) == ()


# ── Texts for the PSA ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", [
    "Password reset for Jane", "Reset the password and confirmed sign-in", "Password: stored in the vault",
    "Fix: Removed the stale credential.\nVerification: Jane signed in: yes.", "Wrong password; account locked, event 4740 on DC01",
    "Tried: Step 1, Change the password: no change. Step 2, Remove stored credentials: fixed.", "Pass rate 98%, login is slow since 10:42",
    "Jane (jane.doe@x.example, 10.0.0.5) changed her password on Friday", "Token expired. Kennwort geändert.",
])  # fmt: skip
def test_an_ordinary_note_stays_as_it_is(text: str) -> None:
    assert mask_secrets(text) == text
    assert not looks_like_secret(text)


def test_only_the_secret_of_a_note_is_masked() -> None:
    text = "Reset jane.doe@x.example on 10.0.0.5, password: Summer2024! and told ⟦SECRET_4⟧"
    masked = mask_secrets(text)
    assert masked == "Reset jane.doe@x.example on 10.0.0.5, password: ⟦SECRET⟧ and told ⟦SECRET⟧"
    assert mask_secrets(masked) == masked


@pytest.mark.parametrize("text", [
    "Outlook keeps asking for a password", "Outlook 365 keeps asking for a password since 10.4.2024 on LAPTOP-AB12CD3",
    "keeps asking for her password: Outlook, Teams and OneDrive", "Windows11 23H2 asks for the PIN again", "password prompt after Office2019 update",
    "the login takes 3 minutes", "user needs a password reset", "MFA token app replaced, AADSTS50076",
])  # fmt: skip
def test_ordinary_talk_of_outlook_is_no_secret(text: str) -> None:
    assert not looks_like_secret(text)


def test_a_secret_is_found_across_the_seams_of_a_long_text() -> None:
    for size in range(7_970, 8_020, 5):
        assert (
            "Hunter2!"
            not in mask(f"{'x ' * (size // 2)}{'y' * (size % 2)} password: Hunter2! {'z ' * 1_000}")[0]
        )


def test_an_account_with_the_name_of_somebody_met_before_is_hidden_without_its_capital_too() -> None:
    known = (Known("Jane Doe", MaskKind.PERSON),)
    _, masks = mask("Jane called", (), known)
    masked, masks = mask("C:\\Users\\jane\\Outlook\\jane.ost of Jane", masks, known)
    assert "jane" not in masked.casefold()
    assert mask(masked, masks, known) == (masked, masks)


@pytest.mark.parametrize("before", ["server", "the server", "client", "agent", "fileserver:"])
def test_an_address_behind_a_word_that_ends_like_a_version_is_masked(before: str) -> None:
    assert mask(f"{before} 10.20.30.40 is down")[0] == f"{before} ⟦IP_1 private⟧ is down"
    assert mask("version 10.20.30.40")[0] == "version 10.20.30.40"


def test_the_domain_in_front_of_a_user_names_the_customer_and_is_masked_too() -> None:
    said, masks = mask(r"Last login HARBORPINE\jdoe on the laptop")
    assert said == r"Last login ⟦HOST_1⟧\⟦USER_1⟧ on the laptop"
    assert mask("Is HARBORPINE a domain?", masks)[0] == "Is ⟦HOST_1⟧ a domain?"
    assert (
        mask(r"NT AUTHORITY\SYSTEM and HKLM\Software stay")[0]
        == r"NT AUTHORITY\SYSTEM and HKLM\Software stay"
    )


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("Bluebird, rack seven", ("Bluebird", "rack seven")),
        ("“blue, berry”, 'x1'; rack", ("blue, berry", "rack")),
        ('"a, b", "c; d"', ("a, b", "c; d")),
        ("blue, berry\nrack seven\n", ("blue, berry", "rack seven")),
        ("12\u201d monitor", ("12\u201d monitor",)),
        ("ab", ()),
    ],
)
def test_each_line_is_a_value_and_quotation_marks_keep_a_comma(written: str, values: tuple[str, ...]) -> None:
    assert asked_for(written) == values


def test_what_a_person_asked_for_is_hidden_whatever_its_case_under_one_placeholder() -> None:
    masks = also("Bluebird", ())
    assert mask("BLUEBIRD, bluebird and Bluebirds", masks) == ("⟦SECRET_1⟧, ⟦SECRET_1⟧ and Bluebirds", masks)
    assert also("BLUEBIRD", masks) == masks


def test_a_value_stands_in_a_text_in_clear_but_not_behind_a_placeholder() -> None:
    assert stands_in("about BlueBird now", ["bluebird"])
    assert not stands_in("about bluebirds and ⟦IP_1 bluebird⟧", ["bluebird"])
    assert not stands_in("", [""])
