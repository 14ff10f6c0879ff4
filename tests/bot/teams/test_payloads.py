"""What Teams sends is kept once, in the order of its place, and what is nothing of ours is not kept at all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.teams.payloads import LONGEST_KEY, Kept, kept, kind_of, mentioned, payload, root
from tests.bot.teams.activities import (
    ANNA,
    BOT,
    CHAT,
    GROUP,
    HELP,
    TENANT,
    activity,
    carries,
    extension,
    mention,
    message,
    press,
    thumbs,
)

OURS = {"id": BOT, "name": "FlowPilot"}
BEN = {"id": "29:ben"}


def order(body: dict[str, Any]) -> str:
    found = kept(body)
    assert found is not None
    return found.order


# ── Once, and in order ──────────────────────────────────────────────────────────────────────────────────────


def test_an_activity_is_known_by_its_conversation_and_its_id() -> None:
    assert kept(message()) == Kept(f"act:{CHAT}:1700000000001", f"teams:{TENANT}:{ANNA}")
    assert kept(press(carries("undo"))) == Kept(f"act:{CHAT}:f:1", f"teams:{TENANT}:{ANNA}")


def test_a_thread_a_group_chat_and_a_person_each_have_an_order() -> None:
    thread = f"teams:{TENANT}:{HELP}:1690000000000"
    assert order(mention("x", HELP, "1690000000000")) == thread
    assert order(press(carries("undo"), HELP, "1690000000000")) == thread
    assert order(extension(HELP, "1690000000000")) == thread
    assert order(message("x", GROUP)) == f"teams:{TENANT}:{GROUP}"
    assert order(activity("conversationUpdate", HELP, membersAdded=[OURS])) == f"teams:{TENANT}"
    assert order(activity("installationUpdate", action="add")) == f"teams:{TENANT}:{ANNA}"


def test_a_post_without_a_named_root_is_its_own_and_a_reply_is_its_roots() -> None:
    assert root(mention()) == "1700000000001"
    assert root(mention(replyToId="1600")) == "1600"
    assert root(extension(HELP, replyToId="1500")) == "1500"
    assert root(extension(HELP)) == "1700000000500"
    assert root(press(carries("undo"), HELP, replyToId="")) == ""
    assert root(message("x", GROUP, replyToId="1600")) == ""


def test_the_row_holds_the_activity_as_it_came() -> None:
    raw = json.dumps(message("Größe 😀", extra={"unknown": [1.50]})).encode()
    assert payload(raw) == b'{"kind":"activity","body":' + raw + b"}"
    assert json.loads(payload(raw))["body"] == message("Größe 😀", extra={"unknown": [1.5]})


def test_keys_are_bounded_and_can_be_stored() -> None:
    odd = message(
        "x", "19:\x00\ud800" + "x" * 900 + "@thread.tacv2", "r" * 900, entities=mention()["entities"]
    )
    found = kept(odd)
    assert found is not None
    assert max(len(found.unique), len(found.order)) <= LONGEST_KEY
    assert found.unique != kept({**odd, "id": "2"}).unique  # type: ignore[union-attr]
    found.order.encode()
    assert "\x00" not in found.order


def test_what_brings_no_id_is_known_by_its_content() -> None:
    first, other = (
        activity("installationUpdate", action="add", id=""),
        activity("installationUpdate", action="remove", id=""),
    )
    assert kept(first) == kept(dict(first))
    assert kept(first) != kept(other)


# ── What is ours ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "body",
    [
        message(), message("x", GROUP), mention(), mention("x", HELP, "1600"), message("x", HELP, "1600"),
        message("", value=carries("answer", {"step": "1"})), message("", attachments=[{"contentType": "image/png"}]),
        press(carries("answer")), extension(), thumbs(),
        activity("installationUpdate", action="add"), activity("installationUpdate", action="remove"),
        activity("conversationUpdate", membersAdded=[BEN, OURS]), activity("conversationUpdate", membersRemoved=[OURS]),
    ],
    ids=lambda body: f"{body['type']} {body.get('name', '')}",
)  # fmt: skip
def test_words_to_us_presses_and_where_we_come_and_go_are_kept(body: dict[str, Any]) -> None:
    assert kept(body) is not None


@pytest.mark.parametrize(
    "body",
    [
        message("lunch?", HELP), message("lunch?", HELP, "1700000000001"), message("", value={"theirs": 1}),
        message("", value={"fp": {"verb": 7}}), message(id=""),
        activity("typing"), activity("messageReaction", reactionsAdded=[{"type": "like"}]),
        activity("endOfConversation"), activity("messageUpdate", text="x"), activity("messageDelete"),
        activity("event", name="application/vnd.microsoft.readReceipt"), activity("installationUpdate"),
        activity("conversationUpdate", membersAdded=[BEN]), activity("conversationUpdate"),
        activity("conversationUpdate", channelData={"tenant": {"id": TENANT}, "eventType": "channelRenamed"}),
        activity("invoke", name="task/fetch"), activity("invoke", name="signin/verifyState"), activity("invoke"),
        press({"theirs": 1}), press(carries("")), activity("invoke", name="adaptiveCard/action", value=None),
        {**message(), "from": {**OURS, "aadObjectId": ""}}, {**message(), "from": {"id": "28:another"}},
        {**message(), "from": {"id": "29:x", "role": "bot"}}, {**press(carries("undo")), "from": OURS},
        message(channelId="webchat"), message(channelId="directline"), press(carries("undo"), channelId="emulator"),
        {**message(), "channelData": {}, "conversation": {"id": CHAT}}, {**message(), "conversation": {}},
        {}, {"type": "message"}, {"type": ["message"], "channelId": "msteams"},
    ],
    ids=lambda body: f"{body.get('type', '')} {body.get('name', '')}",
)  # fmt: skip
def test_what_others_say_to_each_other_and_what_is_no_word_is_not_kept(body: dict[str, Any]) -> None:
    assert kept(body) is None


def test_we_are_mentioned_only_where_it_is_us() -> None:
    other = {
        "type": "mention",
        "mentioned": {"id": "29:ben", "name": "FlowPilot"},
        "text": "<at>FlowPilot</at>",
    }
    assert mentioned(mention())
    assert not mentioned(message("<at>FlowPilot</at> x", HELP, entities=[other]))
    odd: Any
    oddities: tuple[Any, ...] = (
        None,
        7,
        {},
        ["mention"],
        [{"type": "mention"}],
        [{"type": "mention", "mentioned": BOT}],
    )
    for odd in oddities:
        assert not mentioned(message(entities=odd))
    assert not mentioned({**mention(), "recipient": {}})


def test_the_chat_of_two_others_is_not_the_persons_chat_with_us() -> None:
    between = extension()
    between["conversation"] = {
        "id": "19:a_b@unq.gbl.spaces",
        "conversationType": "personal",
        "tenantId": TENANT,
    }
    assert kind_of(between) == "group"


@pytest.mark.parametrize(
    ("conversation", "kind"),
    [
        ({"id": "19:x@thread.tacv2;messageid=1"}, "channel"),
        ({"id": "19:x@thread.v2", "isGroup": True}, "group"),
        ({"id": "a:7"}, "personal"),
        ({"id": "a:7", "conversationType": "other"}, "personal"),
    ],
)
def test_a_conversation_that_does_not_say_its_kind_is_known_by_its_id(
    conversation: dict[str, Any], kind: str
) -> None:
    assert kind_of({**message(), "conversation": conversation}) == kind


@pytest.mark.parametrize(
    "name", ["from", "recipient", "conversation", "channelData", "entities", "value", "text", "id"]
)
@pytest.mark.parametrize("odd", [None, 7, "x", [], [[]], {"id": {}}, {"tenant": 7}, True], ids=str)
def test_no_odd_type_breaks_it(name: str, odd: Any) -> None:
    for body in (mention(), press(carries("undo"), GROUP), extension(), thumbs()):
        found = kept({**body, name: odd})
        assert found is None or (found.unique.startswith("act:") and found.order.startswith("teams:"))
