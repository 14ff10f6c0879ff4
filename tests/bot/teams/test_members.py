"""Who somebody in Teams is: tenants are linked by a code, members join by e-mail, guests and strangers stay outside."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.teams.fetching import FRESH_SECONDS, At, Fetching, WantsMember
from bot.teams.port import Away, Member
from engine.ports import PutOff
from storage.receiving import Receiving
from tests.bot.teams.scene import (
    ANNA,
    BEN,
    BOT,
    GROUP,
    GUEST,
    HELP,
    QUIET,
    STRANGER,
    TEAM,
    Stage,
    stage,
    table,
)
from tests.conftest import Database
from tests.fakes import Office, Stopwatch, move_in, office, receiving


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


@pytest.fixture
async def receives(database: Database) -> AsyncIterator[Receiving]:
    async with receiving(database.app_url) as opened:
        yield opened


@pytest.fixture
async def new(place: Office, receives: Receiving) -> Stage:
    """A tenant that nobody linked and that we have never heard of."""
    return await stage(place, receives, linked=False)


@pytest.fixture
async def team(place: Office, receives: Receiving) -> Stage:
    return await stage(place, receives)


async def nothing_kept(at: Stage) -> bool:
    """Whether the Account knows of nobody but its three people, and owes nothing."""
    return (
        (len(await at.users()), await at.identities(), await at.owed(), await at.sessions()) == (3, {}, [], [])
        and not await at.places("direct")
        and not await at.office.rows("select 1 from drafts")
        and not await at.office.rows("select 1 from conversation_references where kind = 'personal'")
    )  # fmt: skip


# ── A tenant of nobody ──────────────────────────────────────────────────────────────────────────────────────


async def test_the_first_word_of_a_tenant_makes_it_known_and_says_how_to_connect(new: Stage) -> None:
    await new.sends(new.calls(ANNA, "printer down", HELP, "1600"))
    found = await new.workspaces.find("teams", new.tenant)
    assert found is not None
    assert (found.bot_user_id, found.app_id, found.account_id, found.state) == (
        BOT, BOT[3:], None, "installed",
    )  # fmt: skip
    ((where, root, words),) = new.teams.said
    assert (where, root, "one-time code" in words) == (HELP, "1600", True)
    assert await nothing_kept(new)


async def test_whoever_presses_or_asks_elsewhere_is_told_in_his_own_chat(new: Stage) -> None:
    await new.sends(new.presses(ANNA, "help", {}, HELP, "1600"))
    await new.sends(new.troubleshoots(ANNA, "printer down", QUIET))
    assert [(where, root) for where, root, _ in new.teams.said] == [(f"a:{ANNA}", "")] * 2


async def test_talk_that_was_not_meant_for_us_is_not_answered(new: Stage) -> None:
    await new.sends(new.says(ANNA, "lunch?", HELP, "1600"))
    await new.sends(new.says(ANNA, "lunch?", GROUP))
    await new.sends(new.thumbs(ANNA, "1"))
    await new.sends(new.installs(ANNA, TEAM, "remove"))
    assert new.teams.said == []
    assert await nothing_kept(new)


async def test_who_adds_us_to_an_unlinked_tenant_hears_how_to_connect(new: Stage) -> None:
    await new.sends(new.installs(ANNA, TEAM))
    body = new.activity("conversationUpdate", ANNA, TEAM)
    await new.sends({**body, "membersAdded": [{"id": BOT}]})
    ((where, _, words),) = new.teams.said
    assert (where, "one-time code" in words) == (TEAM, True)


@pytest.mark.parametrize("typed", ["connect {0}", "  Connect {1}", "connect `{0}`", "connect {2} "])
async def test_a_code_links_the_tenant_and_who_typed_it_becomes_a_technician(new: Stage, typed: str) -> None:
    code = await new.code()
    written = typed.format(code, code.lower().replace("-", " "), code.replace("-", "–"))
    await new.sends(new.says(ANNA, written))
    assert await new.linked_to() == new.office.account
    anna = (await new.identities())[ANNA]
    user = next(each for each in await new.users() if each.id == anna)
    assert (user.name, user.email, user.roles) == ("Anna Keller", "anna@practice.example", ["technician"])
    told, mapped = await new.owed()
    assert (told.what, told.args["via"], mapped.verb) == ("notice:teams_linked", "teams:", "MapMember")
    assert new.teams.said == []
    reached = await new.reached(f"a:{ANNA}")
    assert reached is not None
    assert reached.person == ANNA


async def test_the_code_may_be_typed_to_our_name_in_a_channel(new: Stage) -> None:
    await new.sends(new.calls(ANNA, f"connect {await new.code()}"))
    assert await new.linked_to() == new.office.account


async def test_a_code_works_once_and_a_wrong_one_not_at_all(
    place: Office, receives: Receiving, new: Stage
) -> None:
    await new.sends(new.says(ANNA, "connect FP-0000-0000-0000"))
    assert "unknown" in new.teams.said[0][2]
    code = await new.code()
    await new.sends(new.says(ANNA, f"connect {code}"))
    later = await stage(place, receives, linked=False)
    await later.sends(later.says(BEN, f"connect {code}"))
    assert await later.linked_to() is None
    await later.sends(later.says(BEN, "connect please"))
    assert ["unknown" in words for _, _, words in later.teams.said] == [True, False]


async def test_a_tenant_of_another_account_stays_there_and_the_code_stays_good(
    place: Office, receives: Receiving, team: Stage
) -> None:
    other = await move_in(place.store)
    code = await team.code(other)
    await team.sends(team.says(ANNA, f"connect {code}"))
    assert await team.linked_to() == place.account
    fresh = await stage(other, receives, linked=False)
    await fresh.sends(fresh.says(ANNA, f"connect {code}"))
    assert await fresh.linked_to() == other.account


async def test_guests_and_strangers_link_nothing(new: Stage) -> None:
    code = await new.code()
    for user in (GUEST, STRANGER):
        await new.sends(new.says(user, f"connect {code}"))
    assert await new.linked_to() is None
    assert new.teams.said == []


# ── Members, guests, strangers ──────────────────────────────────────────────────────────────────────────────


async def test_a_full_member_becomes_a_technician_on_first_use_and_is_looked_up_once(team: Stage) -> None:
    await team.sends(team.says(ANNA, "help"))
    await team.sends(team.calls(ANNA, "help"))
    assert team.teams.looked_up == [ANNA]
    assert [each.verb for each in await team.owed()] == ["Show", "MapMember", "Show"]
    assert list(await team.identities()) == [ANNA]


async def test_somebody_is_joined_by_email_in_any_case_and_within_his_own_account_only(
    place: Office, receives: Receiving, team: Stage
) -> None:
    elsewhere = await stage(await move_in(place.store), receives)
    there = await elsewhere.add_user("Anna Keller", "anna@practice.example")
    here = await team.add_user("A. Keller", "ANNA@Practice.Example")
    await team.sends(team.says(ANNA, "help"))
    assert await team.identities() == {ANNA: here}
    assert await elsewhere.identities() == {}
    await elsewhere.sends(elsewhere.says(ANNA, "help"))
    assert await elsewhere.identities() == {ANNA: there}


async def test_people_without_an_email_are_never_joined_to_each_other(team: Stage) -> None:
    for aad in (ANNA, BEN):
        team.teams.people[aad] = Member(f"29:{aad}", aad, "Somebody")
        await team.sends(team.says(aad, "help"))
    assert len({*(await team.identities()).values()}) == 2


@pytest.mark.parametrize("user", [GUEST, STRANGER])
async def test_guests_and_strangers_get_nothing_and_leave_nothing(team: Stage, user: str) -> None:
    for body in (
        team.says(user, "printer down", attachments=[team.file("a.log")]),
        team.calls(user, "printer down"),
        team.thumbs(user, "1"),
        team.installs(user),
    ):
        await team.sends(body)
    assert team.teams.said == []
    assert await nothing_kept(team)


async def test_a_guest_who_was_told_at_once_that_we_have_it_hears_that_nothing_came_of_it(
    team: Stage,
) -> None:
    await team.sends(team.presses(GUEST, "help", {}, HELP, "1600"))
    await team.sends(team.troubleshoots(GUEST, "printer down"))
    assert [(where, "Guests" in words) for where, _, words in team.teams.said] == [(f"a:{GUEST}", True)] * 2
    assert await nothing_kept(team)


async def test_who_asks_from_a_chat_that_we_are_not_in_is_looked_up_in_his_own(team: Stage) -> None:
    team.teams.outside.add(QUIET)
    await team.sends(team.troubleshoots(ANNA, "printer down", QUIET))
    assert (await team.only()).intake.text == "printer down"
    await team.sends(team.troubleshoots(STRANGER, "printer down", QUIET))
    assert len(await team.sessions()) == 1


async def test_somebody_who_claims_to_be_another_is_nobody(team: Stage) -> None:
    team.teams.people[STRANGER] = team.teams.people[ANNA]
    await team.sends(team.says(STRANGER, "printer down"))
    assert await nothing_kept(team)


async def test_an_inactive_user_gets_nothing_whether_he_is_known_or_would_join_by_email(team: Stage) -> None:
    await team.add_user("Ben Ortiz", "ben@practice.example", active=False)
    await team.sends(team.says(BEN, "printer down"))
    assert await team.identities() == {}
    await team.sends(team.says(ANNA, "help"))
    await team.forget_owed()
    async with team.office.store.transaction(team.office.account) as unit:
        await unit.accounts.set_active((await team.identities())[ANNA], active=False)
    await team.sends(team.says(ANNA, "printer down"))
    assert await team.sessions() == []
    assert await team.owed() == []


async def test_added_to_somebodys_own_chat_he_is_welcomed_once_and_is_not_made_a_user_by_it(
    team: Stage,
) -> None:
    await team.sends(team.installs(ANNA))
    await team.sends(team.installs(ANNA, action="add-upgrade"))
    assert [where for where, _, _ in team.teams.said] == [f"a:{ANNA}"]
    assert await team.identities() == {}


# ── Fetching ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_roster_is_asked_once_in_ten_minutes_and_waited_for_while_teams_is_away(
    team: Stage,
) -> None:
    teams, clock = table(), Stopwatch()
    fetching = Fetching(teams, team.workspaces, clock)
    wanted = WantsMember(At(team.tenant, HELP, "channel", '{"serviceUrl": "https://x.example/"}'), GUEST)
    teams.away.append(Away(7, "asks for patience", unsure=False))
    with pytest.raises(PutOff) as put_off:
        await fetching.fetch(wanted)
    assert put_off.value.seconds == 7
    for _ in range(3):
        found = await fetching.fetch(wanted)
        assert isinstance(found, Member)
        assert not found.full
    assert teams.looked_up == [GUEST]
    clock.seconds += FRESH_SECONDS + 1
    await fetching.fetch(wanted)
    assert teams.looked_up == [GUEST] * 2
