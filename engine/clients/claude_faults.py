"""Turns everything that can go wrong between here and Claude into one Fault; no word of prompt or answer stays in it."""

from __future__ import annotations

import email.utils
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine.model import Failure

if TYPE_CHECKING:
    import anthropic

Now = Callable[[], datetime]
MOST_ID = 100
# These two are refused with the status of "slow down", and no waiting pays a bill.
_UNPAID_CODES = frozenset({"contract_spend_limit_reached", "enforced_spend_limit_reached"})
_BY_STATUS = {
    401: Failure.KEY_REFUSED,
    402: Failure.UNPAID,
    403: Failure.FORBIDDEN,
    407: Failure.CONNECTION,  # a proxy on the way wants a password
    408: Failure.OVERLOADED,
    409: Failure.OVERLOADED,  # somebody else holds what the call needs; the vendor's own client repeats it
    413: Failure.TOO_LARGE,
    429: Failure.BUSY,
}
_BY_TYPE = {
    "authentication_error": Failure.KEY_REFUSED,
    "billing_error": Failure.UNPAID,
    "permission_error": Failure.FORBIDDEN,
    "request_too_large": Failure.TOO_LARGE,
    "rate_limit_error": Failure.BUSY,
    "invalid_request_error": Failure.REJECTED,
    "not_found_error": Failure.REJECTED,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong. `status` 0: no answer had come; `retry_after`: seconds."""

    failure: Failure
    status: int = 0
    retry_after: float | None = None
    request_id: str = ""


class Broke(Exception):
    """Carries a Fault out of the stream."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.failure.value)
        self.fault = fault


class TooMuch(Exception):
    """More came than a call may bring."""


def fault_of(error: Exception, now: Now) -> Fault | None:
    """None for what is a mistake of ours and must be seen as one."""
    import anthropic  # noqa: PLC0415 - only after the client was opened, so it is loaded
    import httpx2  # noqa: PLC0415

    match error:
        case Broke():
            return error.fault
        case TooMuch():
            return Fault(Failure.REJECTED, 200)
        case anthropic.APIStatusError():
            return _of_status(error, now)
        case json.JSONDecodeError() | UnicodeDecodeError() | RecursionError():
            return Fault(Failure.CONNECTION, 200)  # an answer, and none that can be read
        case UnicodeEncodeError():
            return Fault(Failure.REJECTED)  # half a character in the prompt: no repeat mends it
        case TimeoutError():
            return Fault(Failure.SILENT)
        case anthropic.AnthropicError() | httpx2.HTTPError() | httpx2.InvalidURL() | OSError():
            return Fault(Failure.CONNECTION)
    return None


def fault_of_event(event: Mapping[str, Any], request_id: str) -> Fault:
    """For an error in the middle of a stream whose status was 200."""
    told = event.get("error")
    kind, code = _told(told if isinstance(told, dict) else {})
    failure = Failure.UNPAID if code in _UNPAID_CODES else _BY_TYPE.get(kind, Failure.OVERLOADED)
    return Fault(failure, 200, None, request_id)


def identity(given: object) -> str:
    """An id that may stand in a log: printable and short."""
    text = given if isinstance(given, str) else ""
    return "".join(each for each in text[:MOST_ID] if each.isascii() and each.isprintable())


def retry_after(headers: Mapping[str, str], now: Now) -> float | None:
    """Seconds, from milliseconds, seconds or a date; None where nothing usable is said."""
    if (exact := _number(headers.get("retry-after-ms"))) is not None:
        return exact / 1000
    said = headers.get("retry-after")
    if (seconds := _number(said)) is not None:
        return seconds
    try:
        until = email.utils.parsedate_to_datetime(said or "")
    except (TypeError, ValueError):
        return None
    # A date without a zone is in UTC, as HTTP has it.
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max((until - now()).total_seconds(), 0.0)


def _number(said: str | None) -> float | None:
    try:
        found = float(said or "")
    except ValueError:
        return None
    return found if math.isfinite(found) and found >= 0 else None


def _of_status(error: anthropic.APIStatusError, now: Now) -> Fault:
    status = error.status_code
    body = error.body if isinstance(error.body, dict) else {}
    told = body.get("error")
    kind, code = _told(told if isinstance(told, dict) else {})
    if code in _UNPAID_CODES or kind == "billing_error":
        failure = Failure.UNPAID
    elif status in _BY_STATUS:
        failure = _BY_STATUS[status]
    elif 200 <= status < 300:
        failure = _BY_TYPE.get(kind, Failure.OVERLOADED)
    else:
        failure = Failure.OVERLOADED if status >= 500 else Failure.REJECTED
    headers = error.response.headers
    return Fault(failure, status, retry_after(headers, now), identity(headers.get("request-id")))


def _told(error: Mapping[str, Any]) -> tuple[str, str]:
    """Type and stable code of the vendor's error."""
    details = error.get("details")
    code = details.get("error_code") if isinstance(details, dict) else None
    kind = error.get("type")
    return (kind if isinstance(kind, str) else "", code if isinstance(code, str) else "")
