"""What an Admin sees and changes: settings, the statuses of a board, the ConnectWise connection, people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from bot.card import Block, Card, Choice, Field
from bot.cards_forms import form_card, tick
from bot.cards_parts import Shortener, bounded, fields, texts
from bot.cards_receipt import money
from bot.views import ConnectionView, PersonLine, Spending
from bot.words import named, say
from engine.note_text import one_line
from engine.psa import Board, BoardStatus
from engine.psa_settings import ROUNDINGS, PsaSettings
from engine.session import Role

BOARDS = 20
STATUSES = 60
PEOPLE = 20
CHANGED = 5 + 100
"""People with a button: five in the row, the others in one menu."""
TEAMS = 20
MEMBERS = 90
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "auto_push": ("off", "on_resolve", "on_resolve_and_escalate"),
    "note_visibility": ("internal", "resolution", "discussion"),
    "time_entries": ("off", "draft", "automatic"),
}
_TYPED = ("business_hours", "time_zone")


# ── Settings ────────────────────────────────────────────────────────────────────────────────────────────────


def settings(
    connection: ConnectionView,
    boards: Sequence[Board] = (),
    *,
    admin: bool = True,
    spending: Spending | None = None,
) -> Card:
    """The seven settings and the account's own, with what Claude used today; for an Admin with a button for each place
    to change them.
    """
    short, chosen = Shortener(), connection.settings
    yes_no = {True: say("settings.yes"), False: say("settings.no")}
    pairs = [
        (say(f"settings.{name}"), say(f"settings.{name}.{getattr(chosen, name)}"))
        for name in ("auto_push", "note_visibility", "time_entries")
    ]
    pairs += [
        (say("settings.review_before_push"), yes_no[chosen.review_before_push]),
        (say("settings.time_rounding_minutes"), _rounding(chosen.time_rounding_minutes)),
        (say("settings.resolved_status"), _boards(chosen.resolved_status)),
        (say("settings.escalated_status"), _boards(chosen.escalated_status)),
        *channels(connection.account_settings, short),
        *((say(f"settings.{name}"), _word(connection, name, short)) for name in _TYPED),
        (say("settings.leads_only"), yes_no[connection.account_settings.get("leads_only") is True]),
        *(_spent(spending, short) if spending is not None else ()),
    ]
    choices = [Choice(say("settings.change"), "settings", style="primary"), _connect_choice(connection)]
    choices += [_board_choice(board) for board in boards[:BOARDS]]
    blocks = (*_connection(connection, short), *fields(pairs))
    return bounded(Card("list", say("settings.card"), blocks, tuple(choices) if admin else ()), cut=short.cut)


def _rounding(minutes: int) -> str:
    return say("settings.rounding", minutes=minutes) if minutes else say("settings.rounding_none")


def _boards(mapping: Mapping[int, int]) -> str:
    if not mapping:
        return say("settings.status_leave")
    return say("settings.by_board" if len(mapping) > 1 else "settings.by_board_one", count=len(mapping))


def _word(connection: ConnectionView, name: str, short: Shortener) -> str:
    value = connection.account_settings.get(name)
    return short.line(value, 100) if value else say("settings.unset")


def channels(account: Mapping[str, object], short: Shortener) -> tuple[tuple[str, str], ...]:
    """The escalation channel of each platform that has one; with none there is one line that says so."""
    label, teams = say("settings.escalation_channel"), account.get("escalation_channel_teams")
    slack = account.get("escalation_channel")
    shown = short.line(slack, 100) if slack else say("settings.unset")
    if not teams:
        return ((label, shown),)
    name = short.line(account.get("escalation_channel_teams_name") or teams, 100)
    there = (say("settings.escalation_channel_teams"), name)
    return ((label, shown), there) if slack else (there,)


def _spent(spending: Spending, short: Shortener) -> tuple[tuple[str, str], ...]:
    limit = f"{spending.limit:,}" if spending.limit else say("settings.no_limit")
    used = say("settings.today_row", tokens=f"{spending.tokens:,}", cost=money(spending.microdollars))
    return (
        (say("settings.claude"), claude(spending, short)),
        (
            say("settings.daily_tokens"),
            limit if spending.own else say("settings.daily_tokens_usual", limit=limit),
        ),
        (say("settings.today"), used),
    )


def claude(spending: Spending, short: Shortener) -> str:
    """Whether it is on, with the names of its models."""
    if not spending.models:
        return say("settings.claude_off")
    return say("settings.claude_on", models=", ".join(short.line(name, 40) for name in spending.models[:5]))


def _connect_choice(connection: ConnectionView) -> Choice:
    return Choice(say("settings.reconnect" if connection.host else "settings.connect"), "connect")


def _board_choice(board: Board) -> Choice:
    name = Shortener().line(board.name, 50)
    return Choice(say("settings.statuses_of", name=name), "settings", {"board": str(board.id)}, more=True)


def _connection(connection: ConnectionView, short: Shortener) -> tuple[Block, ...]:
    if not connection.host:
        return fields(((say("settings.connection"), say("settings.not_connected")),))
    told = say(
        "settings.connected",
        company=short.line(connection.company, 60),
        host=short.line(connection.host, 80),
        state=named("connection", connection.state),
    )
    problem = short.sentence(connection.problem, 300)
    warned = texts(say("settings.problem", problem=problem) if problem else "", tone="warning")
    return (*fields(((say("settings.connection"), told),)), *warned)


def settings_form(connection: ConnectionView) -> Card:
    """The settings by their stored names; the statuses of a board are a form of their own."""
    chosen, kept = connection.settings, connection.account_settings
    roundings = tuple((str(n), _rounding(n)) for n in ROUNDINGS)
    unit = str(chosen.time_rounding_minutes)
    inputs = [
        _one_of("auto_push", chosen),
        tick("review_before_push", say("settings.review_before_push"), on=chosen.review_before_push),
        _one_of("note_visibility", chosen),
        _one_of("time_entries", chosen),
        Field(
            "time_rounding_minutes",
            say("settings.time_rounding_minutes"),
            "choice",
            unit,
            roundings,
            required=True,
        ),
        _channel(kept),
        *(_typed(name, kept) for name in _TYPED),
        tick("leads_only", say("settings.leads_only"), on=kept.get("leads_only") is True),
        _typed("daily_tokens", kept),
    ]
    return form_card(say("settings.title"), "settings", None, say("settings.submit"), inputs)


def _one_of(name: str, chosen: PsaSettings) -> Field:
    options = tuple((value, say(f"settings.{name}.{value}")) for value in _CHOICES[name])
    return Field(name, say(f"settings.{name}"), "choice", str(getattr(chosen, name)), options, required=True)


def _channel(kept: Mapping[str, object]) -> Field:
    """Its id as it is kept: `C…`, `G…`, or with its workspace, `T…:C…`."""
    value = one_line(str(kept.get("escalation_channel") or ""), 200)
    label, hint = say("settings.escalation_channel"), say("settings.escalation_channel_hint")
    return Field("escalation_channel", label, "channel", value, hint=hint)


def _typed(name: str, kept: Mapping[str, object]) -> Field:
    given = kept.get(name)
    value = one_line("" if given is None else str(given), 200)
    return Field(name, say(f"settings.{name}"), value=value, hint=say(f"settings.{name}_hint"))


def board_form(board: Board, statuses: Sequence[BoardStatus], chosen: PsaSettings) -> Card:
    """The status after Resolve and after Escalate on one board; `leave` changes nothing."""
    short = Shortener()
    options = (("leave", say("settings.status_leave")), *(_status(s, short) for s in statuses[:STATUSES]))
    known = {value for value, _ in options}
    inputs = []
    for name, mapping in (
        ("resolved_status", chosen.resolved_status),
        ("escalated_status", chosen.escalated_status),
    ):
        value = str(mapping.get(board.id, "leave"))
        shown = value if value in known else "leave"
        inputs.append(Field(name, say(f"settings.{name}"), "choice", shown, options, required=True))
    intro = texts(say("settings.board", name=short.line(board.name, 80)))
    return form_card(
        say("settings.board_title"), "settings", None, say("settings.submit"), inputs, intro, board=board.id
    )


def _status(status: BoardStatus, short: Shortener) -> tuple[str, str]:
    name = short.line(status.name, 45)
    return str(status.id), say("settings.status_closing", name=name) if status.closed else name


# ── The connection ──────────────────────────────────────────────────────────────────────────────────────────


def connect_form(connection: ConnectionView) -> Card:
    """Keys are typed anew each time: they are never shown again."""
    short = Shortener()
    inputs = [
        Field("host", say("connect.host"), value=one_line(connection.host, 200), required=True, hint=say("connect.host_hint")),
        Field(
            "company", say("connect.company"), value=one_line(connection.company, 100), required=True,
            hint=say("connect.company_hint"),
        ),
        Field("public_key", say("connect.public_key"), required=True),
        Field("private_key", say("connect.private_key"), required=True),
        Field("client_id", say("connect.client_id"), hint=say("connect.client_id_hint")),
    ]  # fmt: skip
    problem = short.sentence(connection.problem, 300)
    company, host = short.line(connection.company, 60), short.line(connection.host, 80)
    blocks = (
        *texts(say("connect.intro")),
        *texts(say("connect.replaces", company=company, host=host) if host else "", tone="muted"),
        *texts(say("connect.problem", problem=problem) if problem else "", tone="warning"),
    )
    return form_card(
        say("connect.title"), "connect", None, say("connect.submit"), inputs, blocks, cut=short.cut
    )


# ── People ──────────────────────────────────────────────────────────────────────────────────────────────────


def people(lines: Sequence[PersonLine], *, admin: bool = True, name: str = "") -> Card:
    """Everybody with roles, Teams and mapping; for an Admin with a button to change each.

    `name`: these are only those who are called so.
    """
    short = Shortener()
    if not lines:
        return bounded(Card("list", say("people.title"), texts(say("people.none"))))
    no_lead = not name and not any(Role.LEAD.value in line.roles for line in lines)
    pairs = tuple((short.line(line.name, 60), _person(line, short)) for line in lines[:PEOPLE])
    left = len(lines) - PEOPLE
    blocks = (
        *texts(say("people.no_lead") if no_lead else "", tone="warning"),
        *fields(pairs),
        *texts(say("people.more", count=left) if left > 0 else "", tone="muted"),
    )
    choices = tuple(
        Choice(
            say("people.change", name=short.line(line.name, 50)),
            "people",
            {"user": str(line.id)},
            more=n >= 5,
        )
        for n, line in enumerate(lines[:CHANGED])
    )
    card = Card("list", say("people.title"), blocks, choices if admin else ())
    return bounded(card, cut=short.cut, choices=CHANGED)


def _person(line: PersonLine, short: Shortener) -> str:
    return say(
        "people.row",
        roles=", ".join(named("role", role) for role in line.roles[:5]),
        teams=", ".join(short.line(team, 40) for team in line.teams[:5]) or say("people.no_teams"),
        member=short.line(line.member, 60) if line.member else say("people.unmapped"),
    )


def person_form(
    line: PersonLine,
    teams: Sequence[tuple[UUID, str]] = (),
    members: Sequence[tuple[int, str]] = (),
    searched: str = "",
) -> Card:
    """Roles, Teams and the PSA Member of one person: `lead`, `admin`, `team:<id>`, `new_team`, `member`, and
    `other_member` where not all Members fit. His own Teams stand first; `searched` is the Member's name he gave.
    """
    short = Shortener()
    email = short.line(line.email, 80) if line.email else say("person.no_email")
    intro = texts(say("person.intro", name=short.line(line.name, 60), email=email))
    own_first = sorted(teams, key=lambda team: team[1] not in line.teams)
    inputs = [
        tick("lead", say("person.lead"), on=Role.LEAD.value in line.roles),
        tick("admin", say("person.admin"), on=Role.ADMIN.value in line.roles),
        *(
            tick(f"team:{team}", say("person.team", name=short.line(name, 60)), on=name in line.teams)
            for team, name in own_first[:TEAMS]
        ),
        Field("new_team", say("person.new_team"), hint=_team_hint(len(teams) - TEAMS)),
    ]
    if members:
        inputs.append(_member(line, members, short, searched))
    if len(members) > MEMBERS:
        inputs.append(Field("other_member", say("person.other_member"), hint=say("person.other_member_hint")))
    title, submit = say("person.title"), say("person.submit")
    return form_card(title, "people", None, submit, inputs, intro, cut=short.cut, user=line.id)


def _team_hint(left: int) -> str:
    return say("person.more_teams", count=left) if left > 0 else say("person.new_team_hint")


def _member(
    line: PersonLine, members: Sequence[tuple[int, str]], short: Shortener, searched: str = ""
) -> Field:
    """The mapped one is always among the options, however many there are, and then whoever was searched for."""
    mapped = [m for m in members if m[0] == line.member_id]
    if line.member_id is not None and not mapped:
        mapped = [(line.member_id, line.member or str(line.member_id))]
    others = [m for m in members if m[0] != line.member_id]
    wanted = " ".join(searched.casefold().split())
    if wanted:
        others.sort(key=lambda m: wanted not in m[1].casefold())
    options = (
        ("none", say("person.member_none")),
        *((str(number), short.line(name, 60)) for number, name in (*mapped, *others)[:MEMBERS]),
    )
    value = str(mapped[0][0]) if mapped else "none"
    hint = (
        say("person.member_searched", name=short.line(searched, 60)) if wanted else say("person.member_hint")
    )
    return Field("member", say("person.member"), "choice", value, options, hint=hint)
