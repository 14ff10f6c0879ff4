"""Who said or pressed what, where, read from the activity that was kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bot.teams.clicks import Pressed
from bot.teams.payloads import payload
from bot.teams.said import LONGEST, Word, read
from tests.bot.teams.activities import (
    ANNA,
    BOT,
    CHAT,
    GROUP,
    HELP,
    SERVICE,
    TENANT,
    activity,
    carries,
    extension,
    mention,
    message,
    press,
    thumbs,
)

QUOTED = (
    '<blockquote itemscope itemtype="http://schema.skype.com/Reply" itemid="17"><strong itemprop="mri">Ben</strong>'
    '<p itemprop="preview">Event 4625 on SRV1 &amp; SRV2</p></blockquote><p>what is this</p>'
)


def word(body: Mapping[str, Any]) -> Word:
    found = read(payload(json.dumps(body).encode()))
    assert found is not None
    return found


def test_a_mention_in_a_thread_is_read_whole() -> None:
    said = word(mention("The printer is offline", HELP, "1690000000000", replyToId="1690000000000"))
    assert said == Word(
        "message",
        TENANT,
        ANNA,
        person_id="29:anna",
        name="Anna",
        conversation=HELP,
        root="1690000000000",
        kind_of_conversation="channel",
        activity="1700000000001",
        reply_to="1690000000000",
        text="The printer is offline",
        mentioned=True,
        team="19:team@thread.tacv2",
        team_name="Practice MSP",
        reference={
            "serviceUrl": SERVICE,
            "channelId": "msteams",
            "bot": {"id": BOT, "name": "FlowPilot"},
            "conversation": {"id": HELP, "conversationType": "channel", "tenantId": TENANT, "isGroup": True},
        },
        locale="en-GB",
    )


def test_the_way_back_is_the_same_for_every_message_of_a_conversation() -> None:
    first, later = word(mention("x", HELP, "1")), word(mention("y", HELP, "2", id="3", timestamp="later"))
    assert first.reference == later.reference


def test_a_personal_chat_and_a_group_have_no_root() -> None:
    alone, together = word(message()), word(message("x", GROUP))
    assert (alone.kind_of_conversation, alone.root, alone.conversation) == ("personal", "", CHAT)
    assert (together.kind_of_conversation, together.root) == ("group", "")
    assert together.reference["conversation"]["isGroup"] is True


def test_a_press_carries_what_it_stands_for_and_the_card_it_was_on() -> None:
    found = word(press(carries("answer", {"step": "2", "option": "yes"}), HELP, "1690000000000"))
    assert (found.kind, found.pressed) == ("press", Pressed("answer", {"step": "2", "option": "yes"}))
    assert (found.reply_to, found.root, found.text) == ("1700000000900", "1690000000000", "")


def test_the_submit_of_a_client_that_cannot_execute_is_a_press_as_well() -> None:
    found = word(message("", value=carries("pause", {"session": "s"}, "1", reason="Vendor"), replyToId="17"))
    assert (found.kind, found.reply_to) == ("press", "17")
    assert found.pressed == Pressed("pause", {"session": "s"}, {"reason": "Vendor"}, True, "1")


def test_a_message_extension_brings_the_message_it_was_asked_for() -> None:
    found = word(extension(HELP, "1690000000000", subject="Alert"))
    assert (found.kind, found.about, found.author) == ("extension", "1700000000500", "Ben")
    assert found.text == "Alert\nDisk full on SRV1"
    assert found.root == "1690000000000"


def test_an_alert_that_is_a_card_is_read_from_its_card() -> None:
    card = {
        "type": "AdaptiveCard",
        "body": [
            {"type": "TextBlock", "text": "Disk full"},
            {"type": "FactSet", "facts": [{"title": "Server", "value": "SRV1"}]},
        ],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": json.dumps(card)}
    sender = {"user": None, "application": {"displayName": "Watchdog"}}
    found = word(
        extension(attachments=[attachment], body={"contentType": "html", "content": ""}, **{"from": sender})
    )
    assert found.text == "Disk full\nServer\nSRV1"
    assert found.author == "Watchdog"
    assert found.files == ()


def test_thumbs_bring_their_reaction_and_the_words_beside_it() -> None:
    found = word(thumbs())
    assert (found.kind, found.reaction, found.text, found.reply_to) == (
        "thumbs", "dislike", "Wrong printer", "1700000000900"
    )  # fmt: skip
    assert word(thumbs("like", "")).text == word(thumbs("like", "[" * 50_000)).text == ""
    assert read(payload(json.dumps(thumbs("shrug")).encode())) is None


def test_coming_and_going_is_told_apart() -> None:
    us = [{"id": BOT}]
    kinds = {
        "installed": activity("installationUpdate", action="add-upgrade"),
        "gone": activity("installationUpdate", action="remove"),
        "joined": activity("conversationUpdate", HELP, membersAdded=us),
    }
    assert {kind: word(body).kind for kind, body in kinds.items()} == {kind: kind for kind in kinds}
    assert word(activity("conversationUpdate", HELP, membersRemoved=us)).kind == "gone"


def test_files_are_kept_and_what_repeats_the_words_is_not() -> None:
    picture = {"contentType": "image/png", "contentUrl": "https://smba.trafficmanager.net/x", "name": "a.png"}
    same = {"contentType": "text/html", "content": "<p>The printer is offline</p>"}
    found = word(message(attachments=[same, picture, "odd", None]))
    assert [json.loads(each) for each in found.files] == [picture]
    assert len(word(message(attachments=[picture] * 40)).files) == 10


def test_what_he_quotes_stands_beside_his_own_words() -> None:
    found = word(
        message("Ben Event 4625 what is this", attachments=[{"contentType": "text/html", "content": QUOTED}])
    )
    assert found.quoted == "Ben\nEvent 4625 on SRV1 & SRV2"
    assert found.text == "what is this"


def test_words_that_came_as_html_alone_are_read() -> None:
    html = {"contentType": "text/html", "content": "<div>first</div><div>second</div>"}
    assert word(message("", attachments=[html])).text == "first\nsecond"


def test_what_no_database_holds_and_what_is_endless_is_left_out() -> None:
    found = word({**message("a\x00b"), "from": {"id": "29:x", "name": "n" * 9_000, "aadObjectId": ANNA}})
    assert found.text == "ab"
    assert len(found.name) == LONGEST


@pytest.mark.parametrize(
    "row", [b"", b"[]", b"{}", b'{"kind":"event","body":{}}', b'{"kind":"activity","body":7}']
)
def test_what_is_no_payload_of_ours_is_refused(row: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read(row)


def test_what_nothing_follows_from_is_nothing() -> None:
    assert read(payload(json.dumps(activity("typing")).encode())) is None


@pytest.mark.parametrize(
    "name", ["value", "attachments", "entities", "channelData", "recipient", "from", "conversation", "text"]
)
@pytest.mark.parametrize(
    "odd", [None, 7, "x", [[]], {"messagePayload": 7}, {"messagePayload": {"body": [], "from": 1}}], ids=str
)
def test_no_odd_type_breaks_it(name: str, odd: Any) -> None:
    for body in (mention(), press(carries("undo")), extension(), thumbs()):
        read(payload(json.dumps({**body, name: odd}).encode()))
