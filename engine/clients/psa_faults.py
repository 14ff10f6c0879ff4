"""Turns every answer that is no success, and every broken connection, into one PsaFailure: the only place."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from engine.clients.public_hosts import PrivateAddress
from engine.psa import (
    Outcome,
    PsaBroken,
    PsaBusy,
    PsaFailure,
    PsaForbidden,
    PsaKeysRefused,
    PsaNotFound,
    PsaRefused,
    PsaUnreachable,
    PsaWrongHost,
)

DEFAULT_WAIT = 30.0
# A refusal with one of these was read and turned down; after any other answer a write may have happened.
_SURELY_NOT_DONE = frozenset({400, 401, 403, 404, 405, 409, 413, 415, 422})
_KEY_CODES = frozenset({"unauthorized", "usernotauthenticated"})
_NOT_THE_API = "This address answers, but not as the ConnectWise API. Cloud hosts start with api-."
_RIGHTS = (
    ("POST", "/time/", "Time & Expense: Time Entry (add)"),
    ("GET", "/time/", "Time & Expense: Time Entry (inquire)"),
    ("GET", "/system/members", "System: Member Maintenance (inquire)"),
    ("GET", "/service/boards", "System: Table Setup for Service Boards (inquire)"),
    ("GET", "/company/configurations", "Companies: Configurations (inquire)"),
    ("GET", "/company/contacts", "Companies: Contacts (inquire)"),
    ("PATCH", "/service/tickets", "Service Desk: Service Tickets (edit); to close, Close Service Tickets"),
    ("POST", "/service/tickets", "Service Desk: Service Tickets (add, edit)"),
    ("GET", "/service/tickets", "Service Desk: Service Tickets (inquire)"),
    ("PATCH", "/project/tickets", "Project: Project Tickets (edit)"),
    ("POST", "/project/tickets", "Project: Project Tickets (add, edit)"),
    ("GET", "/project/tickets", "Project: Project Tickets (inquire)"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `body` is complete and bounded."""

    status: int
    content_type: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_page(self) -> bool:
        return "html" in self.content_type or self.body.lstrip()[:1] == b"<"


def failure_of(answer: Answer, method: str, path: str, *, writes: bool) -> PsaFailure:
    """The failure an answer other than 200 or 201 means; `path` is the template, for naming a right."""
    code, message, fields = _told(answer)
    words = f"{code} {message}".casefold()
    outcome: Outcome = "unknown" if writes and answer.status not in _SURELY_NOT_DONE else "not_done"
    status = answer.status
    failure: PsaFailure
    if "ssl is required" in words or 300 <= status < 400:
        failure = PsaWrongHost(_NOT_THE_API, status=status, outcome=outcome)
    elif status == 401 or code.casefold() in _KEY_CODES or "cannot route" in words:
        failure = PsaKeysRefused(keys_sentence(message), status=status, outcome=outcome)
    elif status == 403:
        failure = _forbidden(message, method, path)
    elif status in (404, 405):
        failure = PsaNotFound(message or "ConnectWise does not have this record.", status=status)
    elif status == 409:
        failure = PsaBusy(message or "Somebody is editing this record in ConnectWise.", status=status)
    elif status == 429:
        wait = retry_after(answer, message)
        failure = PsaBusy(f"ConnectWise asks for a pause of {wait:.0f} s: too many requests.", status=status)
        failure.outcome, failure.retry_after = outcome, wait
    elif status == 408:
        failure = PsaUnreachable("ConnectWise took too long.", status=status, outcome=outcome)
    elif 400 <= status < 500:
        failure = PsaRefused(message or f"ConnectWise refused this (code {status}).", status=status)
        failure.fields, failure.outcome = fields, outcome
    else:
        said = message or f"ConnectWise has trouble (code {status})."
        failure = PsaBroken(said, status=status, outcome=outcome)
        failure.retry_after = retry_after(answer, "") if "retry-after" in answer.headers else None
    return failure


def keys_sentence(message: str = "") -> str:
    said = f' It said: "{message}"' if message else ""
    return f"ConnectWise does not accept the company, the keys or the clientId.{said}"


def not_an_answer(answer: Answer, *, writes: bool) -> PsaFailure:
    """A success status with a page or with broken JSON: never success."""
    outcome: Outcome = "unknown" if writes else "not_done"
    if answer.is_page:
        # Retried all the same: a page for maintenance looks like the wrong host.
        return PsaWrongHost(_NOT_THE_API, status=answer.status, outcome=outcome, retryable=True)
    return PsaBroken("ConnectWise sent an answer that cannot be read.", status=answer.status, outcome=outcome)


def connection_failure(error: Exception, *, writes: bool) -> PsaFailure:
    """A connection that never stood means not done; one that broke means unknown for a write."""
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, PrivateAddress):
        return PsaWrongHost(str(error.os_error))
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return PsaWrongHost("The secure connection to ConnectWise failed: its certificate is not trusted.")
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return PsaUnreachable("ConnectWise cannot be reached.")
    return PsaUnreachable("The connection to ConnectWise broke.", outcome="unknown" if writes else "not_done")


def retry_after(answer: Answer, message: str) -> float:
    """Seconds from the header, else from the sentence, else 30; never over an hour."""
    header = answer.headers.get("retry-after", "")
    said = re.search(r"\bin (\d{1,5}) seconds?\b", message)
    seconds = header if re.fullmatch(r"\d{1,5}", header) else said.group(1) if said else str(DEFAULT_WAIT)
    return min(max(float(seconds), 1.0), 3600.0)


def _forbidden(message: str, method: str, path: str) -> PsaForbidden:
    right = next((name for verb, start, name in _RIGHTS if verb == method and path.startswith(start)), None)
    said = message or "ConnectWise does not permit this."
    failure = PsaForbidden(f"{said} The API member's role needs: {right}." if right else said, status=403)
    failure.right = right
    return failure


def _told(answer: Answer) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Code, sentence and (field, message) pairs; also from the odd rate-limit body and from plain text."""
    if answer.is_page:
        return "", "", ()
    try:
        told: Any = json.loads(answer.body)
    except (ValueError, RecursionError):
        return "", _sentence(answer.body.decode("utf-8", "replace")), ()
    if not isinstance(told, dict):
        return "", _sentence(told) if isinstance(told, str) else "", ()
    errors = told.get("errors")
    listed = [each for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
    fields = tuple((_sentence(each.get("field")), _sentence(each.get("message"))) for each in listed)
    # The message above the list only says "ticket object is invalid"; what to do stands in the list.
    sentences = dict.fromkeys(text for _, text in fields if text)
    return _sentence(told.get("code")), " ".join(sentences) or _sentence(told.get("message")), fields


def _sentence(value: Any) -> str:
    text = value if isinstance(value, str) else ""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]
