"""Every answer of the practice ConnectWise, held against the vendor's own OpenAPI description."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData
from jsonschema import Draft202012Validator, FormatChecker

from demo.psa import practice_psa
from demo.psa_caller import Caller, Heard, caller

SCHEMA = Path(__file__).parents[2].parent / "shared/schemas/connectwise-openapi-min.json"
pytestmark = pytest.mark.skipif(not SCHEMA.exists(), reason="the vendor's OpenAPI description is not here")

NOTE = {"text": "Checked.", "internalAnalysisFlag": True}
TIME = {
    "timeStart": "2026-08-20T08:00:00Z",
    "timeEnd": "2026-08-20T08:30:00Z",
    "notes": "x",
    "addToResolutionFlag": True,
}
OWNER = [{"op": "replace", "path": "owner", "value": {"id": 103}}]
STATUS = [{"op": "replace", "path": "status", "value": {"id": 6}}]

# method, path, body: asked in this order, so that lists are filled before they are read
CALLS: list[tuple[str, str, Any]] = [
    ("POST", "/service/tickets", {"summary": "New", "company": {"id": 250}, "contact": {"id": 601}}),
    ("POST", "/service/tickets/4711/notes", NOTE),
    ("POST", "/project/tickets/4650/notes", NOTE),
    ("POST", "/time/entries", {**TIME, "chargeToId": 4711, "chargeToType": "ServiceTicket"}),
    ("POST", "/time/entries", {**TIME, "chargeToId": 4650, "chargeToType": "ProjectTicket"}),
    ("POST", "/schedule/entries", {"objectId": 4711, "type": {"id": 4}, "member": {"id": 101}}),
    (
        "POST",
        "/system/callbacks",
        {"url": "https://b.example/", "objectId": 1, "type": "ticket", "level": "owner"},
    ),
    ("POST", "/service/tickets/search", {"conditions": "closedFlag = False"}),
    ("PATCH", "/service/tickets/4711", OWNER),
    ("PATCH", "/service/tickets/4711", STATUS),
    ("PATCH", "/project/tickets/4650", OWNER),
    ("GET", "/service/tickets", None),
    ("GET", "/service/tickets/count", None),
    ("GET", "/service/boards", None),
    ("GET", "/service/boards/1", None),
    ("GET", "/time/entries", None),
    ("GET", "/time/workTypes", None),
    ("GET", "/time/workRoles", None),
    ("GET", "/schedule/entries", None),
    ("GET", "/schedule/types", None),
    ("GET", "/system/info", None),
    ("GET", "/system/members", None),
    ("GET", "/system/members/101", None),
    ("GET", "/system/info/members", None),
    ("GET", "/system/callbacks", None),
    ("GET", "/system/documents", None),
]
PER_KIND = {  # the kinds of records whose every member is read one by one
    "tickets": ("/service/tickets/{}", "/service/tickets/{}/notes", "/service/tickets/{}/allNotes",
                "/service/tickets/{}/configurations"),
    "companies": ("/company/companies/{}",),
    "contacts": ("/company/contacts/{}",),
    "configurations": ("/company/configurations/{}",),
    "boards": ("/service/boards/{}/statuses",),
    "timeEntries": ("/time/entries/{}",),
    "scheduleEntries": ("/schedule/entries/{}",),
    "callbacks": ("/system/callbacks/{}",),
}  # fmt: skip


@lru_cache(maxsize=1)
def description() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return loaded


def plain(schema: Any, seen: tuple[str, ...] = ()) -> Any:
    """The schema without references and with OpenAPI's `nullable` said in JSON Schema's way."""
    if isinstance(schema, list):
        return [plain(one, seen) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return {} if name in seen else plain(description()["components"]["schemas"][name], (*seen, name))
    copy = {key: plain(one, seen) for key, one in schema.items() if key not in ("nullable", "description")}
    if schema.get("nullable"):
        copy["type"] = [copy["type"], "null"]
        if "enum" in copy:
            copy["enum"] = [*copy["enum"], None]
    return copy


def promised(method: str, path: str) -> tuple[int, Any]:
    """The status and schema the description promises for a call."""
    for template, operations in sorted(description()["paths"].items(), key=lambda one: one[0].count("{")):
        pattern = re.sub(r"\{[^}]+\}", r"[^/]+", template)
        if re.fullmatch(pattern, path) and method.lower() in operations:
            status, reply = next(iter(operations[method.lower()]["responses"].items()))
            return int(status), plain(reply["content"]["application/json"]["schema"])
    raise AssertionError(f"the description has no {method} {path}")


FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time")
def is_an_instant(value: object) -> bool:
    """UTC without milliseconds, as ConnectWise writes it."""
    return not isinstance(value, str) or bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value))


@FORMATS.checks("int32")
def is_an_int32(value: object) -> bool:
    return not isinstance(value, int) or -(2**31) <= value < 2**31


def complaints(schema: Any, value: Any) -> list[str]:
    checker = Draft202012Validator(schema, format_checker=FORMATS)
    return [f"{'/'.join(map(str, one.absolute_path))}: {one.message}" for one in checker.iter_errors(value)]


def strangers(schema: Any, value: Any, path: str = "") -> Iterator[str]:
    """Names in an answer that the description does not know, at any depth."""
    if isinstance(value, list):
        for one in value:
            yield from strangers(schema.get("items", {}), one, path)
    elif isinstance(value, dict) and "properties" in schema:
        for name, one in value.items():
            if name not in schema["properties"]:
                yield f"{path}/{name}"
            else:
                yield from strangers(schema["properties"][name], one, f"{path}/{name}")


def check(method: str, path: str, heard: Heard) -> None:
    status, schema = promised(method, path)
    assert heard.status == status, heard.text
    assert complaints(schema, heard.body) == []
    assert sorted(set(strangers(schema, heard.body))) == []


async def ask_all(ask: Caller) -> None:
    form = FormData()
    for name, value in (("recordType", "Ticket"), ("recordId", "4711"), ("title", "Log")):
        form.add_field(name, value)
    form.add_field("file", b"log", filename="a.log")
    check("POST", "/system/documents", await ask("POST", "system/documents", form=form))
    for method, path, body in CALLS:
        query = {"pageSize": "1000"} if method == "GET" else None
        if path == "/system/documents":
            query = {"recordType": "Ticket", "recordId": "4711"}
        heard = await ask(method, path.lstrip("/"), body=body, query=query)
        check(method, path, heard)
        if path in ("/time/entries", "/schedule/entries", "/system/callbacks", "/system/documents"):
            assert heard.body, path


async def test_every_answer_has_the_shape_the_vendor_describes() -> None:
    async with practice_psa() as psa, caller(psa) as ask:
        await ask_all(ask)


async def test_every_sample_record_has_the_shape_the_vendor_describes() -> None:
    async with practice_psa() as psa, caller(psa) as ask:
        await ask_all(ask)
        for kind, paths in PER_KIND.items():
            for record in psa.records(kind):
                for path in (one.format(record["id"]) for one in paths):
                    check("GET", path, await ask("GET", path.lstrip("/")))
        for ticket in psa.records("tickets"):
            if ticket["recordType"] == "ProjectTicket":
                for rest in ("", "/notes", "/allNotes"):
                    path = f"/project/tickets/{ticket['id']}{rest}"
                    check("GET", path, await ask("GET", path.lstrip("/")))


async def test_every_refusal_has_the_shape_of_an_error_message() -> None:
    schema = plain({"$ref": "#/components/schemas/ErrorResponseMessage"})
    calls: list[tuple[str, str, Any]] = [
        ("GET", "service/tickets/1", None),
        ("GET", "service/tickets?conditions=x", None),
        ("GET", "service/tickets?pageSize=0", None),
        ("POST", "service/tickets", {}),
        ("POST", "service/tickets/4711/notes", {"text": "x"}),
        ("POST", "service/tickets/4711/notes", []),
        ("POST", "time/entries", {}),
        ("PATCH", "service/tickets/4711", {}),
        ("PATCH", "service/tickets/4711", [{"op": "replace", "path": "status", "value": {"id": 16}}]),
        ("POST", "system/documents", {}),
        ("DELETE", "service/tickets/4711", None),
        ("GET", "nothing/here", None),
    ]
    async with practice_psa() as psa, caller(psa) as ask:
        for method, path, body in calls:
            heard = await ask(method, path, body=body)
            assert heard.status >= 400, path
            assert complaints({**schema, "required": ["code", "message"]}, heard.body) == []
            assert sorted(set(strangers(schema, heard.body))) == []


async def test_the_check_itself_can_fail() -> None:
    _, schema = promised("GET", "/service/tickets/4711")
    assert complaints(schema, {"summary": "x", "company": {"id": "250"}})
    assert complaints(schema, {"summary": "x", "company": {}, "requiredDate": "2026-08-20T08:00:00.000Z"})
    assert list(strangers(schema, {"sumary": "x"})) == ["/sumary"]
