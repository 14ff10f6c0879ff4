"""People in the practice Teams: what they write, press and fill in, and the shapes in which it reaches the bot."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from demo.teams_refusals import Impossible
from demo.teams_world import (
    ANNA,
    BEN,
    CARLA,
    ELSEWHERE,
    GROUP,
    HELP,
    OTHER_TEAM,
    PRIVATE,
    QUIET,
    STRANGER,
    TENANT,
)
from tests.demo.test_teams_calls import Ground, Json, card, ground, words

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 8
CARD_ANSWER = "application/vnd.microsoft.card.adaptive"
SPOKEN = "application/vnd.microsoft.activity.message"


@pytest.fixture
async def on() -> AsyncIterator[Ground]:
    async with ground() as made:
        yield made


def ask(name: str, label: str = "", kind: str = "Text", **more: Any) -> Json:
    return {"type": f"Input.{kind}", "id": name, **({"label": label} if label else {}), **more}


def go(title: str, kind: str = "Execute", **more: Any) -> Json:
    return {"type": f"Action.{kind}", "title": title, **more}


def opens(title: str, *body: Json, actions: list[Json]) -> Json:
    inner = {"type": "AdaptiveCard", "version": "1.5", "body": list(body), "actions": actions}
    return go(title, "ShowCard", card=inner)


async def shown(on: Ground, *body: Json, actions: list[Json], **more: Any) -> str:
    return await on.posted(HELP, attachments=[card(*body, actions=actions)], **more)


async def press(on: Ground, name: str, title: str | list[str], who: str = ANNA, **values: Any) -> Json:
    return await on.teams.act(who, "press", conversation=HELP, activity=name, title=title, values=values)


async def test_a_message_in_a_channel_begins_a_thread_and_mentions_the_bot(on: Ground) -> None:
    found = await on.teams.act(ANNA, "say", conversation=HELP, text="printer <b> & @Ben Ortiz")
    heard = on.bot.last
    assert heard["conversation"] == {
        "id": f"{HELP};messageid={found['id']}",
        "conversationType": "channel",
        "isGroup": True,
        "tenantId": TENANT,
    }
    assert heard["text"] == "<at>FlowPilot</at> printer <b> & <at>Ben Ortiz</at>"
    mentions = [one for one in heard["entities"] if one["type"] == "mention"]
    assert [one["mentioned"]["id"] for one in mentions] == [
        heard["recipient"]["id"],
        on.teams.world.people[BEN].wire,
    ]
    markup = heard["attachments"][0]["content"]
    assert "&lt;b&gt; &amp;" in markup
    assert 'itemid="1">Ben Ortiz</span>' in markup
    assert heard["channelData"]["tenant"] == {"id": TENANT}
    assert heard["channelData"]["channel"] == {"id": HELP}
    assert (heard["from"]["aadObjectId"], heard["serviceUrl"]) == (ANNA, on.teams.service_url)
    await on.teams.act(BEN, "say", conversation=HELP, thread=found["id"], text="me too")
    assert on.bot.last["conversation"]["id"] == found["conversation"]
    assert len(on.teams.conversation(HELP)["messages"][0]["replies"]) == 1


async def test_without_a_mention_the_bot_hears_nothing_unless_the_team_lets_it(on: Ground) -> None:
    unheard = await on.teams.act(ANNA, "say", conversation=HELP, text="hello", mention=False)
    assert (unheard["status"], on.bot.heard) == (0, [])
    assert (await on.teams.act(ANNA, "say", conversation=QUIET, text="@FlowPilot hello"))["status"] == 0
    on.teams.world.teams[on.teams.world.conversations[HELP].team].hears_all = True
    assert (await on.teams.act(ANNA, "say", conversation=HELP, text="hello", mention=False))["status"] == 200
    assert (await on.teams.act(ANNA, "say", conversation=PRIVATE, text="hello", mention=False))["status"] == 0
    with pytest.raises(Impossible):
        await on.teams.act(BEN, "say", conversation=PRIVATE, text="hello")


async def test_personal_and_group_chats_are_flat_and_a_stranger_brings_his_own_tenant(on: Ground) -> None:
    await on.teams.act(ANNA, "say", text="hello")
    assert on.bot.last["conversation"]["conversationType"] == "personal"
    assert (on.bot.last["text"], "isGroup" in on.bot.last["conversation"]) == ("hello", False)
    await on.teams.act(ANNA, "say", conversation=GROUP, text="hello")
    assert on.bot.last["conversation"]["id"] == GROUP
    assert on.bot.last["conversation"]["conversationType"] == "groupChat"
    await on.teams.act(STRANGER, "say", text="let me in")
    assert on.bot.last["channelData"]["tenant"] == {"id": ELSEWHERE}


async def test_a_pasted_picture_is_fetched_with_the_bots_token_only(on: Ground) -> None:
    await on.teams.act(ANNA, "say", text="see", image_b64=base64.b64encode(PNG).decode())
    picture, markup = on.bot.last["attachments"]
    assert (picture["contentType"], markup["contentType"]) == ("image/*", "text/html")
    assert picture["contentUrl"] in markup["content"]
    async with on.http.get(picture["contentUrl"], headers=on.headers) as answer:
        assert (await answer.read(), answer.content_type) == (PNG, "image/png")
    assert (await on.http.get(picture["contentUrl"])).status == 401
    await on.teams.act(ANNA, "say", text="see", image_url="https://evil.example/x.png")
    assert on.bot.last["attachments"][0]["contentUrl"] == "https://evil.example/x.png"


async def test_a_long_paste_comes_as_text_and_html_or_as_html_alone(on: Ground) -> None:
    await on.teams.act(ANNA, "say", html="<p>one &lt;two&gt;</p><p>three</p>")
    assert on.bot.last["text"] == "one <two>\nthree"
    await on.teams.act(ANNA, "say", text="", html="<pre>only here</pre>")
    assert on.bot.last["text"] == ""
    assert on.bot.last["attachments"][0] == {"contentType": "text/html", "content": "<pre>only here</pre>"}


async def test_people_change_and_take_back_their_own_messages(on: Ground) -> None:
    name = (await on.teams.act(ANNA, "say", text="first"))["id"]
    await on.teams.act(ANNA, "edit", activity=name, text="second")
    assert (on.bot.last["type"], on.bot.last["id"], on.bot.last["text"]) == ("messageUpdate", name, "second")
    assert on.bot.last["channelData"]["eventType"] == "editMessage"
    await on.teams.act(ANNA, "delete", activity=name)
    assert on.bot.last["type"] == "messageDelete"
    assert on.teams.personal(ANNA)["messages"] == []


async def test_an_execute_sends_its_data_with_the_inputs_of_its_card_and_those_around_it(on: Ground) -> None:
    form = opens(
        "Form", ask("f1:x", "Notes"), actions=[go("Send", verb="fp", id="s", data={"fp": {"verb": "go"}})]
    )
    other = opens("Other", ask("f2:x", "Notes"), actions=[go("Keep", verb="fp")])
    name = await shown(on, words(), ask("say", "Say"), actions=[form, other])
    on.bot.answers["adaptiveCard/action"] = {"statusCode": 200, "type": SPOKEN, "value": "kept"}
    found = await press(on, name, "Send", Notes="done", Say="hi")
    assert (found["shown"], found["text"]) == ("message", "kept")
    heard = on.bot.last
    assert (heard["type"], heard["name"], heard["replyToId"]) == ("invoke", "adaptiveCard/action", name)
    data = {"fp": {"verb": "go"}, "f1:x": "done", "say": "hi"}
    action = {"type": "Action.Execute", "id": "s", "title": "Send", "verb": "fp", "data": data}
    assert heard["value"] == {"action": action, "trigger": "manual"}
    await press(on, name, ["Other", "Keep"])
    assert on.bot.last["value"]["action"]["data"] == {}


async def test_a_button_or_an_input_that_is_not_there_cannot_be_used(on: Ground) -> None:
    name = await shown(
        on,
        ask("a", "A"),
        {
            "type": "Container",
            "isVisible": False,
            "items": [{"type": "ActionSet", "actions": [go("Hidden")]}],
        },
        actions=[
            go("Go"),
            opens("One", actions=[go("Same")]),
            opens("Two", ask("b", "B"), actions=[go("Same")]),
        ],
    )
    for title in ("Gone", "Hidden", "Same", ["One", "Go"]):
        with pytest.raises(Impossible, match="button"):
            await press(on, name, title)
    with pytest.raises(Impossible, match="no input"):
        await press(on, name, "Go", B="x")
    with pytest.raises(Impossible, match="was not found"):
        await press(on, "1", "Go")
    assert on.bot.heard == []
    await press(on, name, "Same", B="x")
    assert on.bot.last["value"]["action"]["data"] == {"b": "x"}
    assert (await press(on, name, "One"))["titles"] == ["Same"]


async def test_of_the_primary_buttons_six_are_shown(on: Ground) -> None:
    more = go("Seven", mode="secondary")
    name = await shown(on, words(), actions=[*(go(f"B{number}") for number in range(7)), more])
    with pytest.raises(Impossible):
        await press(on, name, "B6")
    await press(on, name, "Seven")
    await press(on, name, "B5")


async def test_inputs_take_what_they_can_hold(on: Ground) -> None:
    choices = [{"title": "Red", "value": "r"}, {"title": "Blue", "value": "b"}]
    name = await shown(
        on,
        ask("text", "Text", isRequired=True, maxLength=5, errorMessage="Say something"),
        ask("pick", "Pick", "ChoiceSet", choices=choices, value="b"),
        ask("many", "Many", "ChoiceSet", choices=choices, isMultiSelect=True),
        ask("tick", "", "Toggle", title="Agree", valueOn="yes", valueOff=""),
        ask("day", "Day", "Date"),
        ask("count", "Count", "Number", max=3),
        actions=[go("Go")],
    )
    await press(on, name, "Go", Text="x")
    assert on.bot.last["value"]["action"]["data"] == {"text": "x", "pick": "b"}
    await press(
        on, name, "Go", text="x", Pick="Red", Many=["Red", "b"], Agree=True, Day="2026-11-23", Count=2
    )
    found = on.bot.last["value"]["action"]["data"]
    assert found == {
        "text": "x",
        "pick": "r",
        "many": "r,b",
        "tick": "yes",
        "day": "2026-11-23",
        "count": "2",
    }
    wrong: list[Json] = [{}, {"Text": "too long"}, {"Text": "a\nb"}, {"Text": "x", "Pick": "Green"}]
    wrong += [{"Text": "x", "Day": "today"}, {"Text": "x", "Count": 4}, {"Text": "x", "Agree": "perhaps"}]
    before = len(on.bot.heard)
    for values in wrong:
        with pytest.raises(Impossible):
            await press(on, name, "Go", **values)
    assert len(on.bot.heard) == before


async def test_a_card_as_answer_is_the_pressers_own_until_the_message_is_updated(on: Ground) -> None:
    name = await shown(on, words("all"), actions=[go("Go")])
    own = card(words("yours"), actions=[go("Next")])["content"]
    on.bot.answers["adaptiveCard/action"] = {"statusCode": 200, "type": CARD_ANSWER, "value": own}
    assert (await press(on, name, "Go"))["shown"] == "card"
    for who, text in ((ANNA, "yours"), (BEN, "all"), ("", "all")):
        assert on.teams.conversation(HELP, who)["messages"][0]["cards"][0]["body"][0]["text"] == text
    await press(on, name, "Next")
    with pytest.raises(Impossible):
        await press(on, name, "Go")
    await press(on, name, "Go", BEN)
    sent = {"type": "message", "attachments": [card(words("new"), actions=[go("Go")])]}
    await on.call("PUT", "conversations", HELP, "activities", name, json=sent)
    await press(on, name, "Go")


@pytest.mark.parametrize(
    "answer",
    [
        500,
        200,
        {
            "statusCode": 400,
            "type": "application/vnd.microsoft.error",
            "value": {"code": "x", "message": "y"},
        },
        {"statusCode": 200, "type": CARD_ANSWER, "value": {"type": "AdaptiveCard"}},
    ],
)
async def test_an_answer_teams_cannot_show_is_an_error_to_the_presser(on: Ground, answer: Any) -> None:
    name = await shown(on, words(), actions=[go("Go")])
    on.bot.answers["adaptiveCard/action"] = answer
    assert (await press(on, name, "Go"))["shown"] == "error"


async def test_a_submit_is_a_message_with_a_value_and_a_link_opens_without_the_bot(on: Ground) -> None:
    link = go("Open", "OpenUrl", url="https://example.com/1")
    name = await shown(on, ask("a", "A"), actions=[go("Go", "Submit", data={"x": 1}), link])
    await press(on, name, "Go", A="y")
    assert (on.bot.last["type"], on.bot.last["value"], on.bot.last["replyToId"]) == (
        "message",
        {"x": 1, "a": "y"},
        name,
    )
    assert (await press(on, name, "Open"))["url"] == "https://example.com/1"
    assert len(on.bot.heard) == 1


async def test_what_is_sent_again_has_a_new_id_unless_the_same_is_wanted(on: Ground) -> None:
    name = await shown(on, words(), actions=[go("Go")])
    await on.teams.act(ANNA, "press", conversation=HELP, activity=name, title="Go", resend=True)
    first, again = on.bot.heard
    assert first["id"] != again["id"]
    assert first | {"id": ""} == again | {"id": ""}
    await on.teams.act(ANNA, "say", text="hello", resend="same")
    assert on.bot.heard[-1] == on.bot.heard[-2]
    assert len(on.teams.personal(ANNA)["messages"]) == 1


async def test_the_message_extension_carries_the_message_also_where_the_bot_is_not(on: Ground) -> None:
    said = await on.teams.act(BEN, "say", conversation=QUIET, text="broken & old")
    on.bot.answers["composeExtension/fetchTask"] = {"task": {"type": "message", "value": "Started"}}
    found = await on.teams.act(ANNA, "extension", command="start", conversation=QUIET, activity=said["id"])
    assert found["body"] == {"task": {"type": "message", "value": "Started"}}
    value = on.bot.last["value"]
    assert (on.bot.last["name"], value["commandId"], value["commandContext"]) == (
        "composeExtension/fetchTask",
        "start",
        "message",
    )
    payload = value["messagePayload"]
    assert payload["body"] == {
        "contentType": "html",
        "content": '<p><at id="0">FlowPilot</at> broken &amp; old</p>',
    }
    assert payload["from"]["user"] == {"userIdentityType": "aadUser", "id": BEN, "displayName": "Ben Ortiz"}
    assert payload["mentions"][0]["mentioned"]["application"]["displayName"] == "FlowPilot"
    assert (payload["id"], payload["replyToId"]) == (said["id"], None)
    reply = await on.teams.act(BEN, "say", conversation=said["conversation"], text="and more")
    await on.teams.act(
        ANNA, "extension", command="start", conversation=QUIET, activity=reply["id"], values={"a": "b"}
    )
    assert on.bot.last["name"] == "composeExtension/submitAction"
    assert (on.bot.last["value"]["data"], on.bot.last["value"]["messagePayload"]["replyToId"]) == (
        {"a": "b"},
        said["id"],
    )


async def test_thumbs_are_there_where_the_message_asks_for_them(on: Ground) -> None:
    name = await on.posted(HELP, text="x", channelData={"feedbackLoop": {"type": "default"}})
    sent = {"conversation": HELP, "activity": name, "reaction": "dislike", "words": "too slow"}
    await on.teams.act(ANNA, "thumbs", **sent)
    value = on.bot.last["value"]
    assert (on.bot.last["name"], on.bot.last["replyToId"]) == ("message/submitAction", name)
    assert (value["actionName"], value["actionValue"]["reaction"]) == ("feedback", "dislike")
    assert json.loads(value["actionValue"]["feedback"]) == {"feedbackText": "too slow"}
    plain = await on.posted(HELP, text="x")
    with pytest.raises(Impossible):
        await on.teams.act(ANNA, "thumbs", **sent | {"activity": plain})


async def test_the_app_hears_where_it_is_installed_and_removed(on: Ground) -> None:
    await on.teams.install(team=OTHER_TEAM)
    changed, installed = on.bot.heard
    assert (changed["type"], changed["membersAdded"]) == (
        "conversationUpdate",
        [{"id": on.teams.world.bot["id"]}],
    )
    assert changed["channelData"]["eventType"] == "teamMemberAdded"
    assert (installed["type"], installed["action"]) == ("installationUpdate", "add")
    assert installed["channelData"]["team"]["name"] == "Other"
    assert (await on.post(QUIET))[0] == 201
    await on.teams.install(team=OTHER_TEAM, remove=True)
    assert [one["type"] for one in on.bot.heard[2:]] == ["conversationUpdate", "installationUpdate"]
    assert on.bot.last["action"] == "remove"
    assert (await on.post(QUIET))[0] == 403
    await on.teams.install(person=CARLA, remove=True)
    assert (on.bot.last["type"], on.bot.last["action"]) == ("installationUpdate", "remove")
    assert (await on.teams.act(CARLA, "say", text="anybody?"))["status"] == 0


async def test_a_mention_notifies_only_where_its_text_stands_in_the_card(on: Ground) -> None:
    wire = on.teams.world.people[BEN].wire
    entity = {"type": "mention", "text": "<at>Ben</at>", "mentioned": {"id": wire, "name": "Ben"}}
    for text in ("Call <at>Ben</at>", "Call Ben"):
        await on.posted(HELP, attachments=[card(words(text), msteams={"entities": [entity]})])
    assert [one["notifies"] for one in on.teams.conversation(HELP)["messages"]] == [[BEN], []]


async def test_a_bot_that_does_not_answer_in_time_or_is_not_there_is_status_0(on: Ground) -> None:
    on.teams.messages_url = "http://127.0.0.1:9/api/messages"
    assert (await on.teams.act(ANNA, "say", text="x"))["status"] == 0
    on.teams.messages_url = ""
    assert (await on.teams.act(ANNA, "say", text="x"))["error"] == "the app has no address"


async def test_everything_people_do_is_there_over_http(on: Ground) -> None:
    control = f"{on.teams.url}/_practice"
    async with on.http.post(
        f"{control}/people/{ANNA}/say", json={"conversation": HELP, "text": "hi"}
    ) as answer:
        said = await answer.json()
        assert (answer.status, said["status"]) == (200, 200)
    gone = {"conversation": HELP, "activity": said["id"], "title": "Go"}
    assert (await on.http.post(f"{control}/people/{ANNA}/press", json=gone)).status == 409
    fault = await on.http.post(f"{control}/faults", json={"method": "post", "kind": "503", "times": 2})
    assert fault.status == 201
    assert (await on.http.post(f"{control}/faults", json={"method": "wrong", "kind": "503"})).status == 400
    assert [(await on.post())[0] for _ in range(3)] == [503, 503, 201]
    async with on.http.get(f"{control}/conversations/{HELP}", params={"as": ANNA}) as answer:
        assert len((await answer.json())["messages"]) == 2
    assert (await on.http.get(f"{control}/conversations/19:none@thread.v2")).status == 404
    async with on.http.get(f"{control}/journal", params={"method": "post"}) as answer:
        assert [one["status"] for one in await answer.json()] == [503, 503, 201]
    assert (await on.http.put(f"{control}/settings", json={"limits": True})).status == 200
    assert on.teams.settings.limits
    assert (await on.http.post(f"{control}/install", json={"person": BEN})).status == 200
    assert (await on.http.get(f"{on.teams.url}/nothing")).status == 404
