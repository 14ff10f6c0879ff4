"""Faults of Teams, met by real processes: nothing is lost, what stands there tells the truth, everybody is told."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Database
from tests.journeys.teams_office import (
    BEN,
    CARLA,
    ESCALATIONS,
    HELP,
    PERSONAL,
    TeamsOffice,
    answers,
    asked,
    labels,
    office,
    shown,
)

PASSWORD, HALL = "Outlook keeps asking for a password", "The printer in the hall prints nothing"


async def test_teams_in_trouble(empty_database: Database, redis_url: str, tmp_path: Path) -> None:
    """One office for all of it, because an office takes long to open."""
    async with office(empty_database, redis_url, tmp_path) as one:
        root = await what_teams_does_not_take_at_once_stands_in_the_end(one)
        await a_card_that_somebody_deleted_is_posted_anew(one, root)
        await where_the_bot_was_removed_the_session_goes_on_in_its_owners_chat(one)


async def what_teams_does_not_take_at_once_stands_in_the_end(one: TeamsOffice) -> str:
    """Every kind once while words, cards and Steps come."""
    faults = one.teams.faults
    one.teams.world.tokens.clear()  # the one we have is refused from now on
    faults.add(kind="503", method="token")
    faults.add(kind="429", method="post", retry_after=1)
    faults.add(kind="lost", method="post", skip=1)
    root = str((await one.say(BEN, PASSWORD))["id"])
    first = await one.step(1, thread=root)
    for kind in ("502", "503", "lost"):
        faults.add(kind=kind, method="update")
    faults.add(kind="504", method="post")
    await one.press(BEN, first, answers(first)[0])
    second = await one.step(2, thread=root)
    faults.add(kind="429", method="update", retry_after=1)
    faults.add(kind="reset", method="post")
    faults.add(kind="lost", method="update", status=504)
    for number in range(3):
        await one.say(BEN, f"note: number {number}", thread=root)
    await one.press(BEN, second, answers(second)[0])
    await one.step(3, thread=root)
    await one.settled()
    one.met()
    await _truth(one, root)
    return root


async def _truth(one: TeamsOffice, root: str) -> None:
    """Every Step stands there and the last one is asked. A first copy whose end nobody saw may stand there too."""
    _, history = await one.session()
    assert [note.text for note in history.notes] == ["number 0", "number 1", "number 2"]
    known = [
        ref for (ref,) in await one.rows("select external_ref from messages where external_ref is not null")
    ]
    ours = [m for m in one.messages(HELP, root) if f"{HELP}|{m['id']}" in known]
    # The card, two answered Steps in a line each, and the one on the table.
    assert len(ours) == 4
    assert [shown(m).strip()[0] for m in ours[1:3]] == ["✓", "✓"]
    assert sorted(number for m in ours for number in asked(m)) == [3]
    assert "Step 3" in shown(ours[0])
    copies = [m for m in one.messages(HELP, root) if m["from"] == "bot" and m not in ours]
    assert len(copies) <= 3


async def a_card_that_somebody_deleted_is_posted_anew(one: TeamsOffice, root: str) -> None:
    card = await one.card("Status: Active", thread=root)
    one.teams.world.conversations[HELP].messages[card["id"]].deleted = True
    third = await one.step(3, thread=root)
    one.teams.world.conversations[HELP].messages[third["id"]].deleted = True
    await one.say(BEN, "1", thread=root)
    anew = await one.card("Status: Active", thread=root)
    assert anew["id"] != card["id"]
    await one.step(4, thread=root)
    await one.press(BEN, anew, "Pause", "Pause", values={"Waiting for": "me", "What exactly": "Lunch"})
    await one.fresh(anew, lambda m: "Status: Paused" in shown(m))
    await one.settled()
    assert len(one.seen("Status: Paused", HELP, root)) == 1


async def where_the_bot_was_removed_the_session_goes_on_in_its_owners_chat(one: TeamsOffice) -> None:
    root = str((await one.say(BEN, HALL))["id"])
    first = await one.step(1, thread=root)
    await one.settled()
    one.teams.faults.add(kind="BotNotInConversationRoster", method="*", conversation=HELP, times=None)
    await one.press(BEN, first, answers(first)[0])
    await one.card("is not in the team or chat of this session any more", BEN)
    card = await one.card("Status: Active", BEN)
    assert HALL in shown(card)
    second = await one.step(2, BEN)
    await one.press(BEN, second, answers(second)[0], at=PERSONAL)
    third = await one.step(3, BEN)
    await one.say(BEN, "note: written in his own chat", PERSONAL)
    one.teams.faults.add(kind="BotNotInConversationRoster", method="*", conversation=ESCALATIONS, times=None)
    reason = {"Why do you need help": "I have no access to the print server."}
    await one.press(BEN, third, "Escalate", "Escalate", at=PERSONAL, values=reason)
    await one.card("is not in the team of the escalation channel", BEN)
    asks = await one.card("no access to the print server", BEN)
    assert asks["id"] != card["id"]
    _, history = await one.session()
    assert [note.text for note in history.notes][:1] == ["written in his own chat"]
    assert "Withdraw" in str(labels(await one.card("Status: Asking for help", BEN)))
    assert CARLA not in {m["from"] for m in one.messages(BEN)}
