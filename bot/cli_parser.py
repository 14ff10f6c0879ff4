"""The words `flowpilot` understands; each command names the function that carries it out."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Group = argparse._SubParsersAction[argparse.ArgumentParser]

SETTINGS_HELP = """\
flowpilot settings set auto_push=on_resolve time_rounding_minutes=15
flowpilot settings set resolved_status="Help Desk: Completed; Alerts: Cleared"
flowpilot settings set resolved_status=none          leave every status alone
flowpilot settings set time_zone=Europe/Berlin business_hours="mon-fri 08:00-18:00" leads_only=no daily_tokens=500000"""


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog="flowpilot", description="Guided troubleshooting, documented in ConnectWise PSA."
    )
    groups = root.add_subparsers(metavar="COMMAND")
    for name, what in (
        ("web", "answer the chat platforms and the console"),
        ("worker", "do what is owed"),
        ("clock", "ring when something is due"),
    ):
        _command(groups, name, f"bot.cli_serve:{name}", f"{what}, until told to stop")
    _command(groups, "migrate", "bot.cli_ground:migrate", "bring the database up to date")
    _keys(groups)
    _accounts(groups)
    _users(groups)
    _teams(groups)
    _connect(groups)
    _workspaces(groups)
    _settings(groups)
    _flows(groups)
    _slack_manifest(groups)
    _teams_package(groups)
    doctor = _command(groups, "doctor", "bot.cli_doctor:doctor", "look at everything and say what to do")
    doctor.add_argument("--json", action="store_true")
    return root


def _command(
    group: Group, name: str, carried_out_by: str, what: str, **words: Any
) -> argparse.ArgumentParser:
    made = group.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".", **words)
    made.set_defaults(carried_out_by=carried_out_by, json=False)
    return made


def _group(groups: Group, name: str, what: str, *, required: bool = True) -> Group:
    made = groups.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
    inner: Group = made.add_subparsers(metavar="COMMAND", required=required)
    return inner


def _of_account(made: argparse.ArgumentParser, *, json: bool = False) -> argparse.ArgumentParser:
    made.add_argument("--account", metavar="NAME", help="which account; not needed where there is only one")
    if json:
        made.add_argument("--json", action="store_true", help="for programs")
    return made


def _keys(groups: Group) -> None:
    made = _command(groups, "keys", "bot.cli_ground:keys", "print a new encryption key")
    inner = made.add_subparsers(metavar="rotate")
    _command(inner, "rotate", "bot.cli_ground:rotate", "encrypt what is stored under the newest key")


def _accounts(groups: Group) -> None:
    inner = _group(groups, "accounts", "the companies that use this FlowPilot")
    made = _command(inner, "create", "bot.cli_people:accounts_create", "make an account and its first Admin")
    made.add_argument("name", metavar="NAME")
    made.add_argument("--admin", metavar="EMAIL", required=True)
    made.add_argument("--admin-name", metavar="NAME")
    made.add_argument("--time-zone", metavar="ZONE", help="for example Europe/Berlin")
    made = _command(inner, "list", "bot.cli_people:accounts_list", "all accounts")
    made.add_argument("--json", action="store_true", help="for programs")


def _users(groups: Group) -> None:
    inner = _group(groups, "users", "the people of an account")
    _of_account(_command(inner, "list", "bot.cli_people:users_list", "everyone, also inactive"), json=True)
    for name, what in (("add", "add somebody"), ("set", "change somebody; only what is named")):
        made = _of_account(_command(inner, name, f"bot.cli_people:users_{name}", what))
        made.add_argument("email", metavar="EMAIL")
        made.add_argument("--name", metavar="NAME")
        made.add_argument("--roles", metavar="ROLES", help="technician,lead,admin")
        made.add_argument(
            "--team", metavar="TEAM", action="append", help="repeat for several; none for no team"
        )
        made.add_argument("--map", metavar="MEMBER", help="number of his ConnectWise member, or none")
        if name == "set":
            state = made.add_mutually_exclusive_group()
            state.add_argument("--inactive", dest="active", action="store_const", const=False, default=None)
            state.add_argument("--active", dest="active", action="store_const", const=True)
    made = _of_account(_command(inner, "token", "bot.cli_people:users_token", "make a console token"))
    made.add_argument("email", metavar="EMAIL")
    made.add_argument("--revoke", action="store_true", help="his older tokens open nothing any more")


def _teams(groups: Group) -> None:
    inner = _group(groups, "teams", "the Teams of an account")
    made = _of_account(_command(inner, "add", "bot.cli_people:teams_add", "make a Team"))
    made.add_argument("name", metavar="NAME")
    _of_account(_command(inner, "list", "bot.cli_people:teams_list", "all Teams"), json=True)


def _connect(groups: Group) -> None:
    inner = _group(groups, "connect", "connect an account with its PSA")
    made = _command(
        inner, "connectwise", "bot.cli_connect:connectwise", "try the keys, then keep them encrypted"
    )
    _of_account(made)
    made.add_argument("--host", required=True, help="for example api-na.myconnectwise.net")
    made.add_argument("--company", required=True, help="as typed at the ConnectWise login")
    made.add_argument("--public-key", required=True, metavar="KEY")
    made.add_argument("--private-key", metavar="KEY", help="better: leave it out and type it when asked")
    made.add_argument("--private-key-file", metavar="FILE", help="a file with the key in its first line")
    made.add_argument("--client-id", metavar="ID", help="from developer.connectwise.com")


def _workspaces(groups: Group) -> None:
    inner = _group(groups, "link", "connect a chat workspace with an account")
    for platform, called in (("slack", "Slack"), ("teams", "Microsoft Teams")):
        made = _of_account(_command(inner, platform, "bot.cli_link:link", f"make a code to type in {called}"))
        made.add_argument("--by", metavar="EMAIL", required=True, help="the Admin who connects it")
        made.set_defaults(platform=platform)
    inner = _group(groups, "unlink", "take a chat workspace from its account")
    for platform, metavar, example in (
        ("slack", "TEAM", ", for example T0123ABCD"),
        ("teams", "TENANT", ": the id of its directory"),
    ):
        what = "so that it can be connected with another one"
        made = _command(inner, platform, "bot.cli_link:unlink", what)
        made.add_argument("workspace", metavar=metavar, help=f"as flowpilot workspaces shows it{example}")
        made.set_defaults(platform=platform)
    made = _command(groups, "workspaces", "bot.cli_link:workspaces", "chat workspaces and their accounts")
    made.add_argument("--json", action="store_true", help="for programs")


def _settings(groups: Group) -> None:
    inner = _group(groups, "settings", "the settings of an account and its PSA")
    _of_account(_command(inner, "show", "bot.cli_settings:show", "all of them"), json=True)
    made = _command(
        inner,
        "set",
        "bot.cli_settings:change",
        "change some of them, all or none",
        epilog=SETTINGS_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _of_account(made).add_argument("changes", metavar="NAME=VALUE", nargs="+")


def _flows(groups: Group) -> None:
    inner = _group(groups, "flows", "the troubleshooting flows of an account")
    _of_account(_command(inner, "list", "bot.cli_flows:listed", "built-in ones and your own"), json=True)
    made = _command(inner, "check", "bot.cli_flows:check", "name every problem of a file")
    made.add_argument("file", metavar="FILE")
    made = _of_account(_command(inner, "add", "bot.cli_flows:add", "keep a flow, or a new version of it"))
    made.add_argument("file", metavar="FILE")
    made = _of_account(_command(inner, "archive", "bot.cli_flows:archive", "do not offer a flow any more"))
    made.add_argument("id", metavar="ID")


def _slack_manifest(groups: Group) -> None:
    made = _command(groups, "slack-manifest", "bot.cli_slack:manifest", "print the manifest of the Slack app")
    which = made.add_mutually_exclusive_group(required=True)
    which.add_argument("--url", metavar="https://…", help="FlowPilot's public address: Slack calls it")
    which.add_argument("--socket", action="store_true", help="Socket Mode: no public address, one company")


def _teams_package(groups: Group) -> None:
    what = "make the app package for Microsoft Teams"
    made = _command(groups, "teams-package", "bot.cli_teams:packed", what)
    made.add_argument(
        "--out", metavar="FILE", default="flowpilot-teams.zip", help="flowpilot-teams.zip if left out"
    )
    made.add_argument("--url", metavar="https://…", help="a website of yours; the app's links lead there")
