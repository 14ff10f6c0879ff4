"""How the practice Messages API says no: statuses, types and the JSON around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
MESSAGES: Mapping[int, str] = {
    401: "Invalid bearer token",
    402: "Your credit balance is too low to access the API.",
    403: "Your key does not have permission to use this model.",
    404: "Not found",
    413: "Request exceeds the maximum size",
    429: "This request would exceed your rate limit.",
    500: "Internal server error",
    503: "Service temporarily unavailable",
    529: "Overloaded",
}


class Refused(Exception):
    """The request is wrong. `status` and `message` are what the caller is told."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def wrong(message: str) -> Refused:
    return Refused(400, message)


def error_body(status: int, message: str = "", request_id: str = "", kind: str = "") -> Json:
    """The JSON of an error, as it is a whole body or the payload of an `event: error`."""
    return {
        "type": "error",
        "error": {
            "type": kind or TYPES.get(status, "api_error"),
            "message": message or MESSAGES.get(status, "The request failed."),
        },
        "request_id": request_id or None,
    }


def html_page(status: int) -> str:
    """What a gateway in front of the real one shows."""
    return (
        f"<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center>"
        "<hr><center>gateway</center></body></html>"
    )
