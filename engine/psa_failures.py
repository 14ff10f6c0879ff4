"""What can go wrong with the PSA: one tree of failures; `retryable` and `outcome` say what to do next.

PsaFailure
├── PsaUnreachable   no answer in time, or no connection           retryable
├── PsaBusy          too many requests, or the record is in use    retryable, often with retry_after
├── PsaBroken        an answer nobody can trust (5xx, bad JSON)    retryable, a write may have happened
├── PsaWrongHost     something answers, but not the API            an Admin must look
├── PsaKeysRefused   company, keys or clientId are wrong           an Admin must look
├── PsaForbidden     the API member lacks a right (`right`)        an Admin must look
├── PsaNotFound      the ticket or record does not exist           will not heal
└── PsaRefused       a rule of the PSA says no (`fields`)          will not heal
"""

from __future__ import annotations

from typing import Literal

Outcome = Literal["not_done", "unknown"]


class PsaFailure(Exception):
    """`outcome` is about a write: `not_done` surely did not happen, `unknown` must be looked up first.

    `sentence` says what happened, in ConnectWise's own words where it gave any; `retry_after` is in seconds.
    """

    retryable = False

    def __init__(
        self,
        sentence: str,
        *,
        outcome: Outcome = "not_done",
        retryable: bool | None = None,
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.outcome: Outcome = outcome
        self.retryable = type(self).retryable if retryable is None else retryable
        self.retry_after = retry_after
        self.status = status


class PsaUnreachable(PsaFailure):
    """Nothing came back in time, or no connection could be made."""

    retryable = True


class PsaBusy(PsaFailure):
    """Too many requests, or somebody else is editing the record."""

    retryable = True


class PsaBroken(PsaFailure):
    """An answer nobody can trust; a write may have happened."""

    retryable = True


class PsaWrongHost(PsaFailure):
    """Something answers at this address, but it is not the ConnectWise API."""


class PsaKeysRefused(PsaFailure):
    """Company, keys or clientId are not accepted."""


class PsaForbidden(PsaFailure):
    """The API member's role lacks a right; `right` names it as the role editor does, where we know it."""

    right: str | None = None


class PsaNotFound(PsaFailure):
    """The ticket or record does not exist."""


class PsaRefused(PsaFailure):
    """A rule of the PSA says no, for example a closed period; `fields` holds (field, message) pairs."""

    fields: tuple[tuple[str, str], ...] = ()
