"""The refusals ConnectWise gives, in its own words and shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: a JSON value in `body`, or `text` for everything that is not JSON."""

    status: int
    body: Any = None
    text: str | None = None
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class Refusal(Exception):
    """A request ConnectWise would not do; `reply` is the whole answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.status} {reply.body}")
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Complaint:
    """One row of the `errors` list: what is wrong with which field."""

    code: str
    message: str
    field: str
    resource: str = ""


def refusal(status: int, code: str, message: str, errors: list[Json] | None = None) -> Refusal:
    """A refusal in the usual shape `{code, message, errors}`."""
    return Refusal(Reply(status, {"code": code, "message": message, "errors": errors}))


def invalid(resource: str, *complaints: Complaint) -> Refusal:
    """400 InvalidObject with its list of field errors."""
    rows = [
        {"code": one.code, "message": one.message, "resource": one.resource or resource, "field": one.field}
        for one in complaints
    ]
    return refusal(400, "InvalidObject", f"{resource} object is invalid", rows)


def not_found(what: str, number: int) -> Refusal:
    return refusal(404, "NotFound", f"{what} {number} not found")


def bad_condition(message: str) -> Refusal:
    return refusal(400, "ApiFindCondition", message)


def bad_boolean() -> Refusal:
    """The 500 a permanently wrong body earns."""
    return refusal(500, "InternalServerError", "String was not recognized as a valid Boolean.")


HTML_LOGIN = """<!DOCTYPE html>
<html><head><title>ConnectWise PSA</title><meta http-equiv="X-UA-Compatible" content="IE=edge"></head>
<body><div id="login"><h1>ConnectWise PSA</h1><p>Loading, please wait.</p></div></body></html>
"""

GATEWAY_TITLES = {
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}


def html_page(status: int) -> Reply:
    """What a gateway, or the wrong host, answers: HTML, even with status 200."""
    title = GATEWAY_TITLES.get(status)
    if title is None:
        return Reply(status, text=HTML_LOGIN, content_type="text/html")
    body = f"<body>\r\n<center><h1>{title}</h1></center>\r\n</body>"
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n{body}\r\n</html>\r\n"
    return Reply(status, text=page, content_type="text/html")


def too_many_requests(retry_after: int) -> Reply:
    """The 429 with its odd body; `retry_after` in seconds."""
    message = f"Too many requests. Please try again in {retry_after} seconds."
    body = {"error": "ConnectWiseAPI", "message": message}
    return Reply(429, body, headers=(("Retry-After", str(retry_after)),))
