"""One call of a Web API method: its arguments, its token, and the lookups every method shares."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from demo.slack_delivery import Delivery
from demo.slack_refusals import Json, Refused
from demo.slack_world import KINDS, Channel, Grant, Team, World


@dataclass(slots=True)
class Call:
    world: World
    delivery: Delivery
    grant: Grant
    method: str
    args: Json
    warnings: list[str] = field(default_factory=list)

    @property
    def team(self) -> Team:
        return self.world.teams[self.grant.team]

    def text(self, name: str) -> str:
        found = self.args.get(name)
        return "" if found is None else str(found)

    def json(self, name: str) -> Any:
        """A structured argument: JSON itself, or a string of it in a form."""
        found = self.args.get(name)
        if not isinstance(found, str):
            return found
        try:
            return json.loads(found) if found.strip() else None
        except json.JSONDecodeError:
            raise Refused(
                f"invalid_{name}" if name in {"blocks", "metadata"} else "invalid_arguments"
            ) from None

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in {"true", "1"}

    def needs(self, *scopes: str) -> None:
        """Any of the scopes will do."""
        if scopes and not set(scopes) & self.grant.scopes:
            raise Refused(
                "missing_scope", needed=",".join(scopes), provided=",".join(sorted(self.grant.scopes))
            )

    def channel(self, name: str = "channel", *, member: bool = False, right: str = "") -> Channel:
        """A channel the app can see. `member`: its bot must be in it. `right`: read or history, as scope."""
        found = self.world.channels.get(self.text(name))
        if found is None or found.team != self.team.id:
            raise Refused("channel_not_found")
        inside = self.team.bot_user in found.members
        if found.kind != "channel" and not inside:
            raise Refused("channel_not_found")
        if right:
            self.needs(f"{KINDS[found.kind]}:{right}")
        if member and not inside:
            raise Refused("not_in_channel")
        return found

    def place(self, name: str = "channel") -> Channel:
        """Where the app may write. A user id means the conversation with that person."""
        person = self.world.people.get(self.text(name))
        if person is not None:
            if person.team != self.team.id or person.bot:
                raise Refused("channel_not_found")
            return self.world.dm(self.team, person.id)
        if not self.text(name):
            raise Refused("channel_not_found")
        found = self.channel(name, member=True)
        if found.archived:
            raise Refused("is_archived")
        return found

    def page(self, rows: list[Json], usual: int) -> tuple[list[Json], Json]:
        """One page of rows, and its response_metadata; cursors are `n:<start>`."""
        limit = self.text("limit") or str(usual)
        cursor = self.text("cursor")
        if not limit.isdigit() or not 1 <= int(limit) <= 1000:
            raise Refused("invalid_limit")
        if cursor and not (cursor.startswith("n:") and cursor[2:].isdigit()):
            raise Refused("invalid_cursor")
        start = int(cursor[2:]) if cursor else 0
        end = start + int(limit)
        return rows[start:end], {"next_cursor": f"n:{end}" if end < len(rows) else ""}
