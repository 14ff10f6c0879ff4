"""The methods about who and where: auth.test, users.*, conversations.*, reactions, bots."""

from __future__ import annotations

from demo import slack_messages as messages
from demo.slack_call import Call
from demo.slack_refusals import Json, Refused
from demo.slack_world import KINDS, Channel, Person


def auth_test(call: Call) -> Json:
    team = call.team
    found: Json = {"url": f"https://{team.domain}.slack.com/", "team": team.name, "team_id": team.id}
    return found | {
        "user": "flowpilot",
        "user_id": team.bot_user,
        "bot_id": team.bot_id,
        "is_enterprise_install": False,
    }


def user_record(call: Call, person: Person) -> Json:
    profile: Json = {
        "real_name": person.real_name,
        "real_name_normalized": person.real_name,
        "display_name": person.name,
        "display_name_normalized": person.name,
        "team": person.team,
    }
    stranger = person.team != call.team.id
    if "users:read.email" in call.grant.scopes and person.email and not stranger:
        profile["email"] = person.email
    return {
        "id": person.id,
        "team_id": person.team,
        "name": person.name,
        "real_name": person.real_name,
        "deleted": person.deleted,
        "tz": person.tz,
        "tz_label": "Central European Time",
        "tz_offset": 3600,
        "profile": profile,
        "is_bot": person.bot,
        "is_admin": False,
        "is_owner": False,
        "is_restricted": person.restricted,
        "is_ultra_restricted": False,
        "is_app_user": False,
        "updated": 1_700_000_000,
        **({"is_stranger": True} if stranger else {}),
    }


def known(call: Call, user: str) -> Person:
    """Somebody of the team, or somebody met in a shared channel."""
    person = call.world.people.get(user)
    if person is None:
        raise Refused("user_not_found")
    shared = any(user in one.members and one.team == call.team.id for one in call.world.channels.values())
    if person.team != call.team.id and not shared:
        raise Refused("user_not_visible")
    return person


def users_info(call: Call) -> Json:
    return {"user": user_record(call, known(call, call.text("user")))}


def users_list(call: Call) -> Json:
    rows = [user_record(call, one) for one in call.world.people.values() if one.team == call.team.id]
    members, more = call.page(rows, 100)
    return {"members": members, "cache_ts": int(call.world.clock()), "response_metadata": more}


def users_by_email(call: Call) -> Json:
    call.needs("users:read.email")
    mail = call.text("email").lower()
    for one in call.world.people.values():
        if one.team == call.team.id and mail and one.email.lower() == mail:
            return {"user": user_record(call, one)}
    raise Refused("users_not_found")


def described(call: Call, channel: Channel) -> Json:
    found = channel.described()
    return found if channel.kind == "im" else found | {"is_member": call.team.bot_user in channel.members}


def info(call: Call) -> Json:
    return {"channel": described(call, call.channel(right="read"))}


def listing(call: Call) -> Json:
    wanted = {
        {"public_channel": "channel", "private_channel": "group"}.get(one, one)
        for one in (call.text("types") or "public_channel").split(",")
    }
    for kind in wanted:
        if kind not in KINDS:
            raise Refused("invalid_types")
        call.needs(f"{KINDS[kind]}:read")
    rows = [
        described(call, one)
        for one in call.world.channels.values()
        if one.team == call.team.id
        and one.kind in wanted
        and (one.kind == "channel" or call.team.bot_user in one.members)
        and not (call.flag("exclude_archived") and one.archived)
    ]
    channels, more = call.page(rows, 100)
    return {"channels": channels, "response_metadata": more}


def members(call: Call) -> Json:
    channel = call.channel(right="read")
    rows: list[Json] = [{"id": one} for one in channel.members]
    shown, more = call.page(rows, 100)
    return {"members": [one["id"] for one in shown], "response_metadata": more}


def opened(call: Call) -> Json:
    users = [one for one in call.text("users").split(",") if one]
    if len(users) != 1:
        raise Refused("users_list_not_supplied" if not users else "missing_scope", needed="mpim:write")
    person = known(call, users[0])
    if person.bot:
        raise Refused("cannot_dm_bot")
    channel = call.world.dm(call.team, person.id)
    shown = channel.described() if call.flag("return_im") else {"id": channel.id}
    return {"channel": shown}


def history(call: Call) -> Json:
    channel = call.channel(member=True, right="history")
    rows = [_read(call, one) for one in reversed(messages.roots_of(channel)) if _within(call, one)]
    shown, more = call.page(rows, 100)
    return {
        "messages": shown,
        "has_more": bool(more["next_cursor"]),
        "pin_count": 0,
        "response_metadata": more,
    }


def replies(call: Call) -> Json:
    channel = call.channel(member=True, right="history")
    root = channel.messages.get(call.text("ts"))
    if root is None:
        raise Refused("thread_not_found")
    thread = str(root.get("thread_ts", root["ts"]))
    head = channel.messages.get(thread)
    found = [*([head] if head else []), *messages.replies_of(channel, thread)]
    rows = [_read(call, one) for one in found if one is head or _within(call, one)]
    shown, more = call.page(rows, 1000)
    return {"messages": shown, "has_more": bool(more["next_cursor"]), "response_metadata": more}


def _within(call: Call, message: Json) -> bool:
    """`oldest` and `latest`; the ends count with `inclusive`."""
    at, inclusive = float(message["ts"]), call.flag("inclusive")
    try:
        oldest, latest = float(call.text("oldest") or 0), float(call.text("latest") or "inf")
    except ValueError:
        raise Refused("invalid_ts_oldest") from None
    return oldest < at < latest or (inclusive and at in (oldest, latest))


def _read(call: Call, message: Json) -> Json:
    kept = call.flag("include_all_metadata")
    return {name: value for name, value in message.items() if kept or name != "metadata"}


def add_reaction(call: Call) -> Json:
    channel, name = call.channel(member=True), call.text("name")
    message = channel.messages.get(call.text("timestamp"))
    if message is None:
        raise Refused("message_not_found")
    if not name.replace("_", "").replace("-", "").replace("+", "").isalnum():
        raise Refused("invalid_name")
    reactions = message.setdefault("reactions", [])
    row = next((one for one in reactions if one["name"] == name), None)
    if row is None:
        row = {"name": name, "users": [], "count": 0}
        reactions.append(row)
    if call.team.bot_user in row["users"]:
        raise Refused("already_reacted")
    row["users"].append(call.team.bot_user)
    row["count"] += 1
    return {}


def remove_reaction(call: Call) -> Json:
    channel = call.channel(member=True)
    message = channel.messages.get(call.text("timestamp"))
    if message is None:
        raise Refused("message_not_found")
    row = next((one for one in message.get("reactions", []) if one["name"] == call.text("name")), None)
    if row is None or call.team.bot_user not in row["users"]:
        raise Refused("no_reaction")
    row["users"].remove(call.team.bot_user)
    row["count"] -= 1
    message["reactions"] = [one for one in message["reactions"] if one["count"]]
    return {}
