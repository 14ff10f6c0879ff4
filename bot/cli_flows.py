"""`flowpilot flows`: what there is, whether a file can be used, keeping one, and archiving one."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from bot.cli_account import within
from bot.cli_screen import CommandFailed, Here
from engine.flows import Flow, FlowInvalid, FlowState, parse_flow
from storage.library import Libraries, built_in_decoys, built_in_flows

LARGEST = 1_000_000


async def listed(here: Here) -> int:
    async with within(here) as unit:
        own = await unit.trees.texts()
        stored = await unit.trees.listed()
    library = Libraries(built_in_flows(), built_in_decoys()).of("this", own)
    mine, packaged = {flow_id for flow_id, *_ in stored}, {flow.id for flow in built_in_flows()}
    rows: list[dict[str, Any]] = [
        {
            "id": flow.id,
            "title": flow.title,
            "domain": flow.domain,
            "state": flow.state.value,
            "steps": len(flow.nodes),
            "from": _origin(flow.id in mine, flow.id in packaged),
        }
        for flow in library.flows.values()
    ]
    here.listed(
        ("id", "title", "domain", "state", "from"), sorted(rows, key=lambda row: row["id"]), "No flow."
    )
    for problem in library.problems:
        here.screen.warn(f"Left out: {problem}")
    return 1 if library.problems else 0


def _origin(mine: bool, packaged: bool) -> str:
    if mine:
        return "yours, instead of the built-in one" if packaged else "yours"
    return "built in"


def check(here: Here) -> int:
    """Needs no database: every problem of a file, with its step and field."""
    flow = _read(here)[0]
    here.screen.say(f"{flow.source} can be used: “{flow.title}” ({flow.id}), {len(flow.nodes)} steps.")
    return 0


async def add(here: Here) -> int:
    flow, text = _read(here)
    async with within(here) as unit:
        known = {flow_id for flow_id, *_ in await unit.trees.listed()}
        await unit.trees.keep(flow.id, flow.title, flow.state.value, text)
    here.screen.say(f"“{flow.title}” ({flow.id}) is {'changed' if flow.id in known else 'added'}.")
    if flow.id not in known and flow.id in {each.id for each in built_in_flows()}:
        here.screen.say("It takes the place of the built-in flow with this id.")
    if flow.state is FlowState.WIP:
        here.screen.say("Its state is wip, so it is not offered yet. Set state: not_validated or validated.")
    if flow.state is FlowState.ARCHIVED:
        here.screen.say("Its state is archived, so it is not offered.")
    return 0


async def archive(here: Here) -> int:
    """An own flow, or a built-in one by keeping an archived copy of it. Sessions on it go on."""
    wanted = here.given.id
    async with within(here) as unit:
        own = {entry.source: entry.text for entry in await unit.trees.texts()}
        text = own.get(wanted) or _packaged_text(wanted)
        if text is None:
            raise CommandFailed(f"There is no flow {wanted}. Nothing was changed. See: flowpilot flows list")
        try:
            flow = parse_flow(archived(text), wanted)
        except FlowInvalid as invalid:
            listed_ = " ".join(str(problem) for problem in invalid.problems)
            raise CommandFailed(
                f"{wanted} cannot be read, so it is not offered anyway. {listed_}"
            ) from invalid
        await unit.trees.keep(flow.id, flow.title, flow.state.value, archived(text))
    here.screen.say(f"“{flow.title}” is archived: it is not offered any more; sessions that follow it go on.")
    return 0


def archived(text: str) -> str:
    """The same flow with `state: archived`; its comments and layout stay where the file is laid out as usual."""
    line, count = re.subn(r"(?m)^state:[^\n]*$", "state: archived", text, count=1)
    if not count:
        line = re.sub(r"(?m)^(id:[^\n]*)$", r"\1\nstate: archived", text, count=1)
    try:
        if parse_flow(line, "").state is FlowState.ARCHIVED:
            return line
    except FlowInvalid:
        pass  # laid out unusually: written anew below
    raw = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - the base loader builds texts, lists and maps only
    return yaml.safe_dump({**raw, "state": "archived"}, allow_unicode=True, sort_keys=False)


def _packaged_text(flow_id: str) -> str | None:
    for flow in built_in_flows():
        if flow.id == flow_id:
            return (files("engine") / "flow_library" / flow.source).read_text(encoding="utf-8")
    return None


def _read(here: Here) -> tuple[Flow, str]:
    path = Path(here.given.file)
    try:
        if path.stat().st_size > LARGEST:
            raise CommandFailed(f"{path} is larger than a flow can be.")
        text = path.read_text(encoding="utf-8")
    except OSError as wrong:
        raise CommandFailed(f"{path} cannot be read: {wrong.strerror}.") from wrong
    except UnicodeDecodeError as wrong:
        raise CommandFailed(f"{path} is not text in UTF-8.") from wrong
    try:
        return parse_flow(text, path.name), text
    except FlowInvalid as invalid:
        here.screen.say(*(str(problem) for problem in invalid.problems))
        count = len(invalid.problems)
        raise CommandFailed(
            f"{path.name} cannot be used yet: {count} problem{'s' if count > 1 else ''}. Nothing was changed."
        ) from invalid
