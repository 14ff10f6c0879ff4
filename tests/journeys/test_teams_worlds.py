"""One person in both worlds: the same Account in Teams and in Slack, whose cards tell the same truth."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Database
from tests.journeys import slack_office
from tests.journeys.teams_office import ANNA, BEN, CARLA, ESCALATIONS, TeamsOffice, answers, labels, office
from tests.journeys.teams_office import shown as shown_in_teams

TICKET = 4712
FIX = "Ended the disconnected session on TSL-RDS01 and unlocked the account."


async def test_what_is_begun_in_teams_is_picked_up_and_solved_in_slack_and_both_tell_the_truth(
    empty_database: Database, redis_url: str, tmp_path: Path
) -> None:
    async with office(empty_database, redis_url, tmp_path, slack=True) as one:
        assert one.slack is not None
        root = str((await one.say(BEN, f"#{TICKET}"))["id"])
        await one.press(BEN, first := await one.step(1, thread=root), answers(first)[0])
        await _is_one_person(one, one.slack)
        there, asks = await _asked_for_help(one, one.slack, root)
        await _picked_up_in_slack(one, one.slack, there, asks, root)
        await _solved_in_slack(one, one.slack, root)


async def _is_one_person(one: TeamsOffice, slack: slack_office.Office) -> None:
    """By his e-mail, whichever world he came from first."""
    await slack.command(slack_office.BEN, "mine")
    await slack.private(slack_office.BEN, "#4712")
    assert await slack.user(slack_office.BEN) == await one.user(BEN)
    await one.say(CARLA, "mine", "personal")

    async def known() -> bool:
        async with one.store.transaction() as unit:
            return await unit.identity("teams", one.teams.world.tenant, CARLA) is not None

    await one.until(known, "Carla in Teams")
    assert await one.user(CARLA) == one.users[CARLA]


async def _asked_for_help(
    one: TeamsOffice, slack: slack_office.Office, root: str
) -> tuple[slack_office.Json, dict[str, object]]:
    """The request stands in both escalation channels."""
    card = await one.step(2, thread=root)
    why = {"Why do you need help": "I have no access to TSL-RDS01."}
    await one.press(BEN, card, f"Escalate and update #{TICKET}", "Escalate and post", values=why)
    asks = await one.card("no access to TSL-RDS01", ESCALATIONS)
    there = await slack.card("no access to TSL-RDS01", channel=slack_office.ESCALATIONS)
    assert "Pick up" in labels(asks)
    assert "Pick up" in slack_office.labels(there)
    return there, asks


async def _picked_up_in_slack(
    one: TeamsOffice, slack: slack_office.Office, there: slack_office.Json, asks: dict[str, object], root: str
) -> None:
    await slack.click(slack_office.CARLA, there, "Pick up", channel=slack_office.ESCALATIONS)
    await slack.submit(slack_office.CARLA, manner="continue")
    taken = await one.fresh(asks, lambda m: "Pick up" not in labels(m), ESCALATIONS)
    assert "Carla Mendes" in shown_in_teams(taken)

    async def taken_there() -> slack_office.Json | None:
        card = (await slack.messages(slack_office.ESCALATIONS))[0]
        return None if "Pick up" in slack_office.labels(card) else card

    assert "Carla Mendes" in slack_office.shown(await slack.until(taken_there, "the card without its button"))
    card = await one.card("Lena Fischer", thread=root)
    await one.fresh(card, lambda m: "Owner: Carla Mendes" in shown_in_teams(m))


async def _solved_in_slack(one: TeamsOffice, slack: slack_office.Office, root: str) -> None:
    """She goes on where she picked it up."""
    await one.card("I have it", thread=root)

    briefing = await _under_the_card(slack, "I have it")
    await slack.click(slack_office.CARLA, briefing, "I have it", channel=slack_office.ESCALATIONS)

    there = await _under_the_card(slack, f"Resolve and update #{TICKET}")
    await slack.click(
        slack_office.CARLA, there, f"Resolve and update #{TICKET}", channel=slack_office.ESCALATIONS
    )
    await slack.submit(slack_office.CARLA, summary="An old session.", fix=FIX, status_confirmed="yes")
    await one.noted(TICKET, FIX)
    card = await one.card("Lena Fischer", thread=root)
    solved = await one.fresh(card, lambda m: "Status: Resolved" in shown_in_teams(m))
    assert FIX in shown_in_teams(solved)
    await one.settled()
    assert "Pick up" not in labels(await one.card("Carla Mendes", ESCALATIONS))
    in_slack = (await slack.messages(slack_office.ESCALATIONS))[0]
    assert "Carla Mendes" in slack_office.shown(in_slack)
    assert slack_office.labels(in_slack) == []
    ended = [m for m in in_slack["replies"] if "Resolved" in slack_office.shown(m)]
    assert [FIX in slack_office.shown(m) for m in ended] == [True]
    assert sum(FIX in str(note["text"]) for note in one.psa.records("notes", TICKET)) == 1
    # Nobody is told twice, or in a world where it does not stand.
    assert len(one.messages(ESCALATIONS)) == 1
    assert len(await slack.messages(slack_office.ESCALATIONS)) == 1
    assert one.users[ANNA] != await one.user(BEN)


async def _under_the_card(slack: slack_office.Office, label: str) -> slack_office.Json:
    """The first message in the thread of the request for help that has this button."""

    async def found() -> slack_office.Json | None:
        under: list[slack_office.Json] = [
            reply
            for card in await slack.messages(slack_office.ESCALATIONS)
            for reply in card.get("replies", [])
        ]
        return next((one for one in under if label in slack_office.labels(one)), None)

    return await slack.until(found, f"{label!r} under the card in Slack")
