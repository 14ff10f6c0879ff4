"""Whole stories in Teams: real web and worker processes, a practice Teams that signs and refuses, a practice ConnectWise that remembers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from demo.teams_activities import envelope
from tests.conftest import Database
from tests.journeys.teams_office import (
    ANNA,
    CARLA,
    ELSEWHERE,
    ESCALATIONS,
    HELP,
    Json,
    TeamsOffice,
    answers,
    asked,
    labels,
    office,
    shown,
)

TICKET = 4712
# Workers die; what each leaves unfinished is taken up when its lease ends, and written when its write has settled.
SOON_GIVEN_UP = {
    "FLOWPILOT_LEASE_SECONDS": "1.5",
    "FLOWPILOT_PSA_TIMEOUT_SECONDS": "1",
    "FLOWPILOT_PSA_DEADLINE_SECONDS": "1",
    "FLOWPILOT_PSA_SETTLE_SECONDS": "3.1",
}
FIX = "Ended the disconnected session on TSL-RDS01 and unlocked the account."


async def test_two_people_go_from_a_mention_over_an_escalation_to_the_note_in_connectwise(
    empty_database: Database, redis_url: str, tmp_path: Path
) -> None:
    """The worker dies while it posts a card and again while it writes a note; Teams sends presses again."""
    async with office(empty_database, redis_url, tmp_path, settings=SOON_GIVEN_UP) as one:
        root = await _started(one)
        await _answered(one, root)
        await _escalated(one, root)
        await _picked_up(one, root)
        await _resolved(one, root)
        await _once(one, root)


async def _dies(one: TeamsOffice, fault: Any) -> None:
    """As soon as it is in the middle of this."""

    async def met() -> bool:
        return bool(fault.hits)

    await one.until(met, "the fault")
    worker = one.programs["worker"]
    await worker.kill()
    await worker.start()


async def _started(one: TeamsOffice) -> str:
    stalls = one.teams.faults.add(kind="stall", method="post", conversation=HELP, seconds=3.0)
    root = str((await one.say(ANNA, f"#{TICKET}"))["id"])
    await _dies(one, stalls)
    card = await one.card("Lena Fischer", thread=root)
    assert {f"Resolve and update #{TICKET}", f"Escalate and update #{TICKET}", "Pause"} <= set(labels(card))
    return root


async def _answered(one: TeamsOffice, root: str) -> None:
    first = await one.step(1, thread=root)
    said = await one.press(ANNA, first, answers(first)[0], resend=True)
    assert (said["shown"], said["again"]["status"]) == ("message", 200)
    second = await one.step(2, thread=root)
    await one.fresh(first, lambda m: not asked(m))
    await one.box(ANNA, second, "She gave the password she has with us", resend=True)
    await one.step(3, thread=root)
    note = ["More", "Add a note", "Keep it"]
    card = await one.card("Lena Fischer", thread=root)
    await one.press(ANNA, card, *note, values={"Note": "asked her by phone"}, resend=True)

    async def noted() -> bool:
        _, history = await one.session()
        return any("asked her by phone" in note.text for note in history.notes)

    await one.until(noted, "the note")
    await one.settled()
    session, history = await one.session()
    assert (session.step_count, session.current.number if session.current else 0) == (3, 3)
    assert [note.text for note in history.notes].count("asked her by phone") == 1


async def _escalated(one: TeamsOffice, root: str) -> None:
    slow = one.psa.faults.add(kind="delay", method="POST", path="notes", times=1, delay_after=4.0)
    card = await one.step(3, thread=root)
    reason = {
        "Why do you need help": "Lockouts come from TSL-RDS01 and I have no access to that server.",
        "What did you promise the user": "A call back before noon.",
    }
    escalate = f"Escalate and update #{TICKET}"
    await one.press(ANNA, card, escalate, "Escalate and post", values=reason, resend=True)
    await _dies(one, slow)
    asks = await one.card("TSL-RDS01", ESCALATIONS)
    assert {"Pick up", "Advise"} <= set(labels(asks))
    await one.noted(TICKET, "no access to that server")


async def _picked_up(one: TeamsOffice, root: str) -> None:
    asks = await one.card("TSL-RDS01", ESCALATIONS)
    chosen = {"How do you want to start": "continue", f"Make me the owner of #{TICKET} in ConnectWise": "yes"}
    await one.press(CARLA, asks, "Pick up", "Pick up", at=ESCALATIONS, values=chosen)
    taken = await one.fresh(asks, lambda m: "Pick up" not in labels(m), ESCALATIONS)
    assert "Carla Mendes" in shown(taken)
    await one.press(CARLA, await one.card("I have it", thread=root), "I have it")


async def _resolved(one: TeamsOffice, root: str) -> None:
    card = await one.card("Lena Fischer", thread=root)
    await one.fresh(card, lambda m: "Owner: Carla Mendes" in shown(m) and "Pause" in labels(m))
    said = {
        "What was the problem": "A forgotten session on TSL-RDS01 used the old password.",
        "What fixed it": FIX,
        "Set the status to Completed, which closes the ticket": "yes",
    }
    await one.press(
        CARLA, card, f"Resolve and update #{TICKET}", "Resolve and post", values=said, resend=True
    )
    await one.noted(TICKET, FIX)

    async def completed() -> bool:
        return bool(one.psa.records("tickets", TICKET)[0]["status"]["name"] == "Completed")

    await one.until(completed, "the ticket completed")


async def _once(one: TeamsOffice, root: str) -> None:
    """Everything owed is posted, each part once, and each card stands in Teams once."""
    session, history = await one.session()

    async def settled() -> bool:
        async with one.store.transaction(one.account) as unit:
            posts = await unit.posts.of_session(session.id)
            return all(post.state.value == "posted" or post.held_because for post in posts)

    await one.until(settled, "everything posted")
    await one.settled()
    notes = [str(note["text"]) for note in one.psa.records("notes", TICKET)]
    assert [sum(words in note for note in notes) for words in (FIX, "no access to that server")] == [1, 1]
    assert len(notes) == len(set(notes))
    assert sum(note.text == "asked her by phone" for note in history.notes) == 1
    numbers = [step.number for step in history.steps]
    assert numbers == sorted(set(numbers))
    posted = [m["id"] for m in one.messages(HELP, root) if m["from"] == "bot"]
    known = await one.rows("select external_ref from messages where external_ref is not null")
    assert {f"{HELP}|{each}" for each in posted} <= {ref for (ref,) in known}
    assert [m["id"] for m in one.messages() if m["from"] == "bot"] == posted
    assert len(one.messages(ESCALATIONS)) == 1


# ── What is let in ──────────────────────────────────────────────────────────────────────────────────────────


FORGED: tuple[tuple[str, int, Json, Json], ...] = (
    ("no token", 401, {"garbage": None}, {}),
    ("garbage", 401, {"garbage": True}, {}),
    ("another app", 401, {"aud": "somebody-else"}, {}),
    ("no audience", 401, {"aud": None}, {}),
    ("another issuer", 401, {"iss": "https://sts.windows.net/elsewhere/"}, {}),
    ("another service address", 401, {"serviceurl": "https://elsewhere.example/"}, {}),
    ("no service address", 401, {"serviceurl": None}, {}),
    ("expired", 401, {"nbf": 1_700_000_000, "exp": 1_700_003_600}, {}),
    ("an unknown key", 401, {"kid": "nobody-knows-this-one"}, {}),
    ("no key", 401, {"kid": None}, {}),
    ("signed by somebody else", 401, {"other_key": True}, {}),
    ("signed with the public key", 401, {"alg": "HS256"}, {}),
    ("not signed", 401, {"alg": "none"}, {}),
    ("another channel", 401, {}, {"channelId": "webchat"}),
    ("another tenant", 403, {}, {"channelData": {"tenant": {"id": ELSEWHERE}}}),
    ("no tenant", 403, {}, {"channelData": {}, "conversation": {"id": "a:1"}}),
)


async def test_only_what_teams_signed_for_us_is_let_in_and_nothing_else_is_kept(
    empty_database: Database, redis_url: str, tmp_path: Path
) -> None:
    async with office(empty_database, redis_url, tmp_path) as one:
        await one.settled()
        [before] = await one.rows("select count(*) from inbox")
        for name, status, token, body in FORGED:
            assert (name, await _sent(one, token, body)) == (name, status)
        assert await one.rows("select count(*) from inbox") == [before]
        assert await _sent(one, {}, {}) == 200
        assert await one.rows("select count(*) from inbox") == [(before[0] + 1,)]
        one.teams.keys.rotate()

        async def known() -> bool:
            return await _sent(one, {}, {"id": "f:after-the-keys-changed"}) == 200

        await one.until(known, "an answer to what is signed with the new key")
        await _invokes_answer(one)


async def _sent(one: TeamsOffice, token: Json, changes: Json) -> int:
    """The status of the answer to a message of Anna in her own chat."""
    world = one.teams.world
    anna = world.person(ANNA)
    activity = envelope(world, anna, world.personal(anna)) | {"type": "message", "text": "help"} | changes
    headers = one.teams.sign(activity, **token)
    if "garbage" in token and token["garbage"] is None:
        del headers["Authorization"]
    async with one.client.post(one.teams.messages_url, json=activity, headers=headers) as answer:
        return answer.status


async def _invokes_answer(one: TeamsOffice) -> None:
    """Each with its own body; what nobody knows with 501, as Teams expects it."""
    mine = (await one.say(ANNA, "The printer in the hall prints nothing"))["id"]
    step = await one.step(1, thread=mine)
    card = await one.card("The printer in the hall", thread=mine)
    said = await one.teams.act(ANNA, "extension", conversation=HELP, activity=mine, command="start")
    assert said["body"]["task"]["type"] == "message"
    found = await one.press(
        ANNA, card, "Link a ticket", "Search tickets", values={"Or another ticket": "locked"}
    )
    assert found["shown"] == "card"
    back = await one.press(ANNA, card, "Go back")
    assert back["shown"] == "card"
    assert (await one.box(ANNA, step, "   "))["text"].startswith("The box is empty")
    thumbs = {"actionName": "feedback", "actionValue": {"reaction": "like", "feedback": "{}"}}
    for name, value, status in (
        ("adaptiveCard/action", {"action": {"type": "Action.Execute", "verb": "x", "data": {}}}, 200),
        ("adaptiveCard/action", {"action": "nothing of ours"}, 200),
        ("message/submitAction", thumbs, 200),
        ("task/fetch", {"data": {}}, 200),
        ("composeExtension/query", {}, 501),
        ("application/search", {}, 501),
    ):
        given: Json = {"type": "invoke", "name": name, "value": value}
        answer = await one.teams.act(ANNA, "raw", conversation=HELP, thread=mine, activity=given)
        assert (name, answer["status"]) == (name, status)
        assert status == 501 or isinstance(answer["body"], dict), answer
