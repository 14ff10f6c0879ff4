"""Every request our client sends has a path, query names and a body that the vendor's OpenAPI file knows."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from demo.psa import PracticePsa, practice_psa
from engine.psa import OwnerWrite, StatusWrite
from tests.contracts.answering import client_of
from tests.contracts.psa_contract import ANNA, BEN, HELP_DESK, NINE, PROJECT, TICKET, note, time

FILE = Path(__file__).resolve().parents[2].parent / "shared" / "schemas" / "connectwise-openapi-min.json"
API = re.compile(r"/v2025_1/apis/3\.0(/.*)")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the vendor's OpenAPI file is not here")


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(FILE.read_text())
    return loaded


@pytest.fixture
async def practice() -> AsyncIterator[PracticePsa]:
    async with practice_psa() as running:
        yield running


async def say_everything(practice: PracticePsa) -> None:
    """Each method of the port, in each of its forms."""
    async with client_of(practice.url) as client:
        await client.check()
        for number in (TICKET, PROJECT):
            await client.ticket(number)
        await client.search("outlook password", member_id=ANNA)
        await client.search(str(TICKET))
        await client.search(" ".join(f"{'ж' * 55}{each}" for each in "abcdef"))
        await client.my_open(ANNA)
        await client.members()
        await client.boards()
        await client.statuses(HELP_DESK)
        for number, kind in ((TICKET, "ServiceTicket"), (PROJECT, "ProjectTicket")):
            await client.notes(number, kind)
            await client.set_owner(OwnerWrite(number, kind, BEN))
            for visibility in ("internal", "discussion", "resolution"):
                written = note(number, record_type=kind, visibility=visibility)
                await client.add_note(written)
                await client.find_note(written)
            for place, shown in enumerate(("nowhere", "internal", "discussion", "resolution")):
                start = NINE + timedelta(hours=place, microseconds=123_456)
                end = start + timedelta(minutes=20)
                entry = time(number, record_type=kind, show_on=shown, start=start, end=end)
                await client.add_time(entry)
                await client.find_time(entry)
        await client.set_status(StatusWrite(TICKET, "ServiceTicket", 3))
        await client.set_status(StatusWrite(PROJECT, "ProjectTicket", 41))
        practice.faults.add(kind="refuse", status=405, path="/allNotes$")
        await client.notes(TICKET)


def sent(practice: PracticePsa) -> list[dict[str, Any]]:
    return [
        {**entry, "path": match.group(1)}
        for entry in practice.journal()
        if (match := API.fullmatch(entry["path"])) is not None
    ]


def operation(spec: dict[str, Any], method: str, path: str) -> dict[str, Any] | None:
    fitting = [
        methods[method.lower()]
        for template, methods in spec["paths"].items()
        if method.lower() in methods
        and re.fullmatch(
            "".join("[0-9]+" if p[0] == "{" else re.escape(p) for p in re.split(r"(\{\w+\})", template) if p),
            path,
        )
    ]
    assert len(fitting) <= 1
    return fitting[0] if fitting else None


def faults_of(spec: dict[str, Any], entry: dict[str, Any]) -> list[str]:
    """What the vendor's file would say against one request."""
    known = operation(spec, entry["method"], entry["path"])
    if known is None:
        return ["no such operation"]
    names = {each["name"] for each in known.get("parameters", []) if each["in"] == "query"}
    faults = [f"query {name} is unknown" for name in entry["query"] if name not in names]
    wanted = known.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if wanted is None:
        return faults if entry["body"] is None else [*faults, "a body nobody asked for"]
    validator = Draft202012Validator({**wanted, "components": spec["components"]})
    faults += [each.message for each in validator.iter_errors(entry["body"])]
    if "$ref" in wanted:
        properties = spec["components"]["schemas"][wanted["$ref"].rsplit("/", 1)[1]]["properties"]
        faults += [f"field {name} is unknown" for name in entry["body"] if name not in properties]
        for name, rules in properties.items():
            if rules.get("format") == "date-time" and name in entry["body"]:
                faults += [] if MOMENT.fullmatch(entry["body"][name]) else [f"{name} is not UTC in seconds"]
    return faults


async def test_every_request_is_one_the_vendor_describes(practice: PracticePsa, spec: dict[str, Any]) -> None:
    await say_everything(practice)
    requests = sent(practice)
    wrong = {
        f"{each['method']} {each['path']}": faults for each in requests if (faults := faults_of(spec, each))
    }
    assert wrong == {}
    kinds = {(each["method"], re.sub(r"[0-9]+", "{id}", each["path"])) for each in requests}
    assert {
        ("GET", "/service/tickets/{id}"),
        ("GET", "/service/tickets"),
        ("POST", "/service/tickets/search"),
        ("GET", "/service/tickets/{id}/allNotes"),
        ("GET", "/service/tickets/{id}/configurations"),
        ("GET", "/company/configurations/{id}"),
        ("POST", "/service/tickets/{id}/notes"),
        ("POST", "/project/tickets/{id}/notes"),
        ("PATCH", "/service/tickets/{id}"),
        ("PATCH", "/project/tickets/{id}"),
        ("POST", "/time/entries"),
        ("GET", "/time/entries"),
        ("GET", "/system/members"),
        ("GET", "/system/info"),
        ("GET", "/service/boards/{id}/statuses"),
    } <= kinds


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("DELETE", "/service/tickets/1", {}, None),
        ("GET", "/service/tickets", {"filter": "x"}, None),
        ("POST", "/service/tickets/1/notes", {}, {"text": "x", "emailContactFlag": True}),
        ("POST", "/time/entries", {}, {"chargeToType": "Ticket", "timeStart": "2026-08-20T09:00:00Z"}),
        ("POST", "/time/entries", {}, {"timeStart": "2026-08-20T09:00:00.123Z"}),
        ("PATCH", "/service/tickets/1", {}, {"op": "replace", "path": "status"}),
    ],
)
def test_a_wrong_request_would_be_seen(
    spec: dict[str, Any], method: str, path: str, query: dict[str, str], body: Any
) -> None:
    assert faults_of(spec, {"method": method, "path": path, "query": query, "body": body})
