"""Who somebody in Slack is: workspaces are linked by a code, members join by e-mail, guests and strangers stay outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import psycopg
import pytest

from bot.front import Front
from bot.slack import payloads
from bot.slack.fetching import SlackPerson, WantsFile, WantsGone, WantsPerson, WantsSaid
from bot.slack.reading import SlackReader
from engine.ports import Raw
from storage.receiving import Receiving
from tests.bot.slack.scene import BOT, ESC, HELP, SHARED, Stage, Table, stage
from tests.conftest import Database
from tests.fakes import Office, move_in, office, receiving, room


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
    """A workspace where FlowPilot was installed and that nobody linked yet."""
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
    )  # fmt: skip


# ── A workspace of nobody ───────────────────────────────────────────────────────────────────────────────────


async def test_in_an_unlinked_workspace_nothing_is_stored_and_everybody_who_asks_is_told_how(
    new: Stage,
) -> None:
    for body in (
        new.command("U0ANNA", "printer down"),
        new.command("U0ANNA", ""),
        new.direct("U0ANNA", "printer down"),
        new.said("U0ANNA", f"<@{BOT}> printer down"),
        new.shortcut("U0ANNA", "troubleshoot_this", "printer down", files=[new.file("a.log")]),
        new.event(type="app_home_opened", user="U0ANNA", channel="D0ANNA", tab="home"),
    ):
        assert await new.sends(body)
        assert new.handled.pop() == 1
    assert [(each.key, each.user) for each in new.slack.said] == [("slack.unlinked", "U0ANNA")] * 6
    assert [bool(each.view) for each in new.slack.said] == [False, True, False, False, True, False]
    assert [each.in_home for each in new.slack.said] == [False] * 5 + [True]
    assert new.slack.of(WantsFile) == []
    assert await nothing_kept(new)
    assert await new.linked_to() is None


async def test_talk_that_was_not_meant_for_us_is_not_answered_in_an_unlinked_workspace(new: Stage) -> None:
    await new.sends(new.said("U0ANNA", "lunch?", thread="1700000000.1"))
    await new.sends(new.event(type="app_home_opened", user="U0ANNA", channel="D0ANNA", tab="messages"))
    await new.sends(new.event(type="agent_session_stopped", user="U0ANNA", channel="D0ANNA", thread_ts="1.1"))
    await new.remembers(
        "view_failed", "vf:1", "slack:x", {"team": new.team, "user": "U0ANNA", "reason": "late"}
    )
    assert new.slack.asked == []
    assert await nothing_kept(new)


@pytest.mark.parametrize(
    "typed", ["connect {0}", "  Connect {1}", "connect `{0}`", "connect {2} ", "connect *{0}*."]
)
async def test_a_code_links_the_workspace_and_who_typed_it_becomes_a_technician(
    new: Stage, typed: str
) -> None:
    code = await new.code()
    await new.sends(
        new.command("U0ANNA", typed.format(code, code.lower().replace("-", " "), code.replace("-", "–")))
    )
    assert await new.linked_to() == new.office.account
    anna = (await new.identities())["U0ANNA"]
    user = next(each for each in await new.users() if each.id == anna)
    assert (user.name, user.email, user.roles) == ("Anna Keller", "anna@practice.example", ["technician"])
    told, mapped = await new.owed()
    assert (told.verb, told.what, mapped.verb) == ("Show", "notice:slack_linked", "MapMember")
    assert (await new.route(told)).response_url.startswith("https://hooks.slack.com/commands/")
    assert new.slack.said == []


async def test_the_code_may_be_typed_in_a_direct_message_or_to_our_name(new: Stage) -> None:
    await new.sends(new.said("U0ANNA", f"<@{BOT}> connect {await new.code()}"))
    assert await new.linked_to() == new.office.account


async def test_whoever_types_the_code_is_joined_to_his_user_by_email_in_any_case(new: Stage) -> None:
    known = await new.add_user("A. Keller", "ANNA@Practice.Example")
    await new.sends(new.direct("U0ANNA", f"connect {await new.code()}"))
    assert await new.identities() == {"U0ANNA": known}
    assert len(await new.users()) == 4


async def test_a_code_works_once_and_a_wrong_one_not_at_all(
    place: Office, receives: Receiving, new: Stage
) -> None:
    await new.sends(new.command("U0ANNA", "connect FP-0000-0000-0000"))
    assert [each.key for each in new.slack.said] == ["slack.code_wrong"]
    assert await nothing_kept(new)
    code = await new.code()
    await new.sends(new.command("U0ANNA", f"connect {code}"))
    later = await stage(place, receives, linked=False)
    await later.sends(later.command("U0BEN", f"connect {code}"))
    assert [each.key for each in later.slack.said] == ["slack.code_wrong"]
    assert await later.linked_to() is None


async def test_a_code_that_is_not_one_is_told_how_to_connect(new: Stage) -> None:
    await new.sends(new.command("U0ANNA", "connect"))
    await new.sends(new.command("U0ANNA", "connect please"))
    assert [each.key for each in new.slack.said] == ["slack.unlinked"] * 2


async def test_guests_strangers_and_bots_link_nothing(new: Stage) -> None:
    code = await new.code()
    for user in ("U0GUEST", "U0STRANGE", "U0BOT", "U0GONE"):
        await new.sends(new.command(user, f"connect {code}"))
    assert new.slack.said == []
    assert await new.linked_to() is None
    assert await nothing_kept(new)


async def test_in_a_linked_workspace_a_code_is_not_used_and_no_session_starts_from_it(
    place: Office, team: Stage
) -> None:
    other = await move_in(place.store)
    code = await team.code(other)
    for body in (
        team.command("U0ANNA", f"connect {code}"),
        team.direct("U0ANNA", f"connect {code}"),
        team.said("U0ANNA", f"<@{BOT}> connect {code}"),
    ):
        await team.sends(body)
    assert await team.shown() == ["notice:slack_linked_already"] * 3
    assert await team.sessions() == []
    assert await team.linked_to() == place.account
    async with place.store.transaction() as unit:  # it was not spent
        await team.workspaces.install("slack", f"{team.team}2", "Other", BOT, "B0FLOW", "A0FLOW", {})
        assert await unit.redeem("slack", f"{team.team}2", code) == other.account


async def test_somebody_inactive_may_not_join_by_the_code_he_types(new: Stage) -> None:
    await new.add_user("Anna Keller", "anna@practice.example", active=False)
    await new.sends(new.command("U0ANNA", f"connect {await new.code()}"))
    assert await new.identities() == {}
    assert await new.owed() == []


# ── Members, guests, strangers ──────────────────────────────────────────────────────────────────────────────


async def test_a_full_member_becomes_a_technician_on_first_use_and_is_looked_up_once(team: Stage) -> None:
    await team.sends(team.command("U0ANNA", "help"))
    await team.sends(team.command("U0ANNA", "help"))
    assert team.slack.of(WantsPerson) == [WantsPerson(team.team, "U0ANNA")]
    assert [each.verb for each in await team.owed()] == ["Show", "MapMember", "Show"]
    assert list(await team.identities()) == ["U0ANNA"]


@pytest.mark.parametrize("user", ["U0GUEST", "U0STRANGE", "U0BOT", "U0GONE", "U0NOBODY"])
async def test_guests_strangers_bots_and_people_who_left_get_nothing_and_leave_nothing(
    team: Stage, user: str
) -> None:
    for body in (
        team.command(user, "printer down"),
        team.direct(user, "printer down"),
        team.said(user, f"<@{BOT}> printer down", files=[team.file("a.log")]),
        team.click(user, "help"),
        team.submission(user, "start", {}, {"text": "printer down"}),
        team.shortcut(user, "troubleshoot_this", "printer down"),
        team.event(type="app_home_opened", user=user, channel="D1", tab="home"),
    ):
        await team.sends(body)
        assert team.handled.pop() == 1
    assert await nothing_kept(team)
    said = [each for each in team.slack.asked if not isinstance(each, WantsPerson)]
    # Only a window that was opened before anybody knew who he is says so, for it would wait for ever.
    assert all(isinstance(each, WantsSaid) and each.key == "slack.guest" and each.view for each in said)


async def test_somebody_of_another_workspace_in_a_shared_channel_is_not_even_looked_up(team: Stage) -> None:
    thread = "1700000000.5"
    await team.know()
    await team.session_in(thread, SHARED)
    body = team.said(
        "U0ANNA", f"<@{BOT}> status", SHARED, user_team="T0ELSEWHERE", thread=thread, shared=True
    )
    await team.sends(body)
    clicked = team.click("U0ANNA", "status", channel=SHARED, thread=thread)
    clicked["user"]["team_id"] = "T0ELSEWHERE"
    await team.sends(clicked)
    assert team.slack.asked == []
    assert await team.owed() == []


async def test_an_inactive_user_gets_nothing_whether_he_is_known_or_would_join_by_email(team: Stage) -> None:
    await team.add_user("Ben Ortiz", "ben@practice.example", active=False)
    await team.sends(team.command("U0BEN", "printer down"))
    assert await team.identities() == {}
    await team.sends(team.command("U0ANNA", "help"))
    await team.forget_owed()
    async with team.office.store.transaction(team.office.account) as unit:
        await unit.accounts.set_active(await team.person("U0ANNA"), active=False)
    await team.sends(team.command("U0ANNA", "printer down"))
    assert await team.sessions() == []
    assert await team.owed() == []


async def test_somebody_is_joined_by_email_within_his_own_account_only(
    place: Office, receives: Receiving, team: Stage
) -> None:
    elsewhere = await stage(await move_in(place.store), receives)
    there = await elsewhere.add_user("Anna Keller", "anna@practice.example")
    await team.sends(team.command("U0ANNA", "help"))
    assert await team.person("U0ANNA") != there
    assert await elsewhere.identities() == {}
    await elsewhere.sends(elsewhere.command("U0ANNA", "help"))
    assert await elsewhere.identities() == {"U0ANNA": there}


async def test_the_same_person_in_two_workspaces_of_one_account_is_one_user(
    place: Office, receives: Receiving, team: Stage
) -> None:
    second = await stage(place, receives)
    second.slack.people["U9ANNA"] = SlackPerson(True, "Anna K.", "Anna@practice.example")
    await team.sends(team.command("U0ANNA", "help"))
    await second.sends(second.command("U9ANNA", "help"))
    assert await team.person("U0ANNA") == await second.person("U9ANNA")
    assert len(await team.users()) == 4


async def test_people_without_an_email_are_never_joined_to_each_other(team: Stage) -> None:
    team.slack.people["U0ANNA"] = team.slack.people["U0BEN"] = SlackPerson(True, "Somebody")
    await team.sends(team.command("U0ANNA", "help"))
    await team.sends(team.command("U0BEN", "help"))
    assert len({*(await team.identities()).values()}) == 2


async def test_who_only_opens_our_messages_is_looked_for_in_the_psa_too(team: Stage) -> None:
    await team.sends(team.event(type="app_home_opened", user="U0ANNA", channel="D0ANNA", tab="messages"))
    assert [each.verb for each in await team.owed()] == ["MapMember"]


async def test_who_says_only_thanks_in_a_channel_is_looked_for_in_the_psa_too(team: Stage) -> None:
    await team.sends(team.said("U0ANNA", f"<@{BOT}> thanks"))
    assert [each.verb for each in await team.owed()] == ["MapMember"]


async def test_after_a_workspace_went_to_another_account_its_people_start_anew_there(
    place: Office, team: Stage
) -> None:
    await team.sends(team.command("U0ANNA", "help"))
    await team.workspaces.unlink("slack", team.team)
    other = await move_in(place.store)
    moved = Stage(other, team.receives, team.team, team.slack, team.room, team.workspaces)
    await moved.link()
    assert await moved.linked_to() == other.account
    await moved.sends(moved.command("U0ANNA", "help"))
    assert await moved.shown() == ["help"]
    assert len(await moved.places("direct")) == 1
    assert await team.identities() == {}


@pytest.mark.parametrize("email", ["anna@practice.example", ""])
async def test_two_first_words_at_once_make_one_user_and_neither_is_lost(
    database: Database, team: Stage, email: str
) -> None:
    both_looked = asyncio.Barrier(2)

    class Together(Table):
        async def fetch(self, wanted: object) -> object:
            if isinstance(wanted, WantsPerson):
                await both_looked.wait()
                return SlackPerson(True, "Anna Keller", email)
            return await super().fetch(wanted)

    desk = room(team.office, team.receives, front=cast("Any", Front({"slack": SlackReader(Together())}))).desk
    orders = []
    for body in (team.command("U0ANNA", "help"), team.said("U0ANNA", f"<@{BOT}> printer down")):
        kept = payloads.kept(body)
        assert kept is not None
        await desk.receive(
            Raw("slack", kept.unique + team.team, kept.order, payloads.payload(kept.kind, body))
        )
        orders.append(kept.order)
    await asyncio.gather(*(desk.handle(order) for order in orders))
    with psycopg.connect(database.owner_url) as owner:  # as if the wait after a failure were over
        owner.execute(
            "update inbox set due_at = now() - interval '1 second' where order_key = any(%s)", (orders,)
        )
    for order in orders:
        await desk.handle(order)
    assert (len(await team.users()), list(await team.identities())) == (4, ["U0ANNA"])
    assert len(await team.sessions()) == 1
    assert await team.shown() == ["help"]


# ── Coming and going ────────────────────────────────────────────────────────────────────────────────────────


async def test_an_uninstalled_app_gives_its_keys_up(team: Stage) -> None:
    await team.sends(team.event(type="app_uninstalled"))
    assert [each.team for each in team.slack.of(WantsGone)] == [team.team]


@pytest.mark.parametrize(
    ("tokens", "gone"),
    [({"oauth": ["U0ANNA"], "bot": [BOT]}, 1), ({"oauth": ["U0ANNA"]}, 0), ({"oauth": ["U0ANNA"], "bot": []}, 0), ({}, 0)],
)  # fmt: skip
async def test_only_revoked_bot_tokens_are_the_end_of_the_keys(
    team: Stage, tokens: dict[str, Any], gone: int
) -> None:
    await team.sends(team.event(type="tokens_revoked", tokens=tokens))
    assert len(team.slack.of(WantsGone)) == gone


async def test_what_comes_from_a_workspace_that_nobody_installed_is_dropped(team: Stage) -> None:
    for body in (
        team.direct("U0ANNA", "printer down"),
        team.event(type="app_home_opened", user="U0ANNA", tab="home"),
    ):
        body["team_id"] = "T0NEVER"
        await team.sends(body)
    assert team.slack.asked == []
    assert await nothing_kept(team)


async def test_who_invites_us_into_a_channel_hears_how_to_start(team: Stage) -> None:
    await team.sends(team.event(type="member_joined_channel", user=BOT, channel=HELP, inviter="U0ANNA"))
    assert team.slack.said == [WantsSaid(team.team, "U0ANNA", HELP, "slack.hello")]
    assert await nothing_kept(team)


async def test_people_who_join_a_channel_and_shared_channels_are_no_matter(team: Stage) -> None:
    await team.sends(team.event(type="member_joined_channel", user="U0BEN", channel=HELP, inviter="U0ANNA"))
    await team.sends(team.event(type="member_joined_channel", user=BOT, channel=HELP))
    shared = team.event(type="member_joined_channel", user=BOT, channel=SHARED, inviter="U0ANNA")
    await team.sends(shared | {"is_ext_shared_channel": True})
    assert team.slack.asked == []


async def test_nobody_is_greeted_in_an_unlinked_workspace(new: Stage) -> None:
    await new.sends(new.event(type="member_joined_channel", user=BOT, channel=HELP, inviter="U0ANNA"))
    assert new.slack.asked == []


async def test_an_escalation_channel_that_was_closed_to_us_is_open_again_once_we_are_invited(
    team: Stage,
) -> None:
    async with team.office.store.transaction(team.office.account) as unit:
        at = await unit.places.ensure("escalations", "slack", team.team, ESC)
        await unit.places.retire(at.id)
    assert await team.places("escalations") == []
    await team.sends(team.event(type="member_joined_channel", user=BOT, channel=ESC, inviter="U0CARLA"))
    assert [each.channel for each in await team.places("escalations")] == [ESC]
