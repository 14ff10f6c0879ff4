"""The control addresses under /_practice: faults, scripts, settings, the clock, the journal and its totals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from demo.model_faults import Faults
from demo.model_refusals import Json
from demo.model_room import Room, Settings
from demo.model_script import Scripts


class Control:
    def __init__(self, room: Room, faults: Faults, scripts: Scripts) -> None:
        self._room = room
        self._faults = faults
        self._scripts = scripts

    def answer(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        """(status, JSON). Wrong words are 400, unknown addresses 404."""
        try:
            sent = json.loads(body) if body.strip() else {}
            match method, path.strip("/").split("/")[1:]:
                case _, ["faults", *rest]:
                    return self._change_faults(method, rest, sent)
                case "GET", ["settings"]:
                    return 200, asdict(self._room.settings)
                case "PUT", ["settings"]:
                    return 200, asdict(self.change_settings(sent))
                case "GET", ["journal"]:
                    return 200, self.journal(query)
                case "DELETE", ["journal"]:
                    self._room.forget()
                    return 200, {}
                case "GET", ["totals"]:
                    return 200, {"requests": self._room.requests, "usage": self._room.totals.as_json()}
                case "PUT", ["clock"]:
                    return 200, {"now": self._move_clock(sent)}
                case "DELETE", ["cache"]:
                    self._room.cache.clear()
                    return 200, {}
                case "DELETE", ["scripts"]:
                    self._scripts.clear()
                    return 200, {}
                case "POST", ["scripts"]:
                    self._scripts.add(
                        sent["turns"], when=sent.get("when", ""), purpose=sent.get("purpose", "turn")
                    )
                    return 201, {}
                case _:
                    return 404, {"error": "no such control address"}
        except (TypeError, ValueError, KeyError) as error:
            return 400, {"error": f"{type(error).__name__}: {error}"}

    def journal(self, query: Mapping[str, str]) -> list[Json]:
        """Requests, oldest first; `after=N` leaves older ones out, `body=0` their bodies."""
        after, body = int(query.get("after", "0")), query.get("body", "1") != "0"
        return [entry.as_json(body=body) for entry in self._room.journal if entry.number > after]

    def change_settings(self, sent: Any) -> Settings:
        if not isinstance(sent, dict):
            raise TypeError("Send an object with the settings to change.")
        for name, value in sent.items():
            kind = type(getattr(self._room.settings, name, None))
            if kind is type(None) or not (type(value) is kind or (kind is float and type(value) is int)):
                raise TypeError(f"{name} is no setting, or has the wrong type.")
        self._room.settings = replace(self._room.settings, **sent)
        return self._room.settings

    def _move_clock(self, sent: Json) -> float:
        if "at" in sent:
            self._room.clock.set(float(sent["at"]))
        self._room.clock.forward(float(sent.get("forward", 0)))
        return self._room.clock()

    def _change_faults(self, method: str, rest: list[str], sent: Any) -> tuple[int, Any]:
        match method, rest:
            case "POST", []:
                return 201, self._faults.add(**sent).as_json()
            case "PUT", []:
                self._faults.replace(sent if isinstance(sent, list) else [sent])
            case "DELETE", []:
                self._faults.clear()
            case "DELETE", [number]:
                if not self._faults.remove(int(number)):
                    return 404, {"error": "no such fault"}
            case _ if method != "GET":
                return 405, {"error": "use GET, PUT, POST or DELETE"}
        return 200, self._faults.as_json()
