"""Failures in the log: one line with the id that the person sees, the place in the code, and nothing of the content."""

from __future__ import annotations

import logging
import secrets
import traceback

log = logging.getLogger("flowpilot")


class LoggedTrouble:
    """Logs where a failure came from, never its message: that may hold what a ticket or a person said."""

    def note(self, what: str, failure: BaseException) -> str:
        error_id = f"E-{secrets.token_hex(4).upper()}"
        frames = traceback.extract_tb(failure.__traceback__)[-4:]
        where = " < ".join(f"{f.filename.rsplit('/', 1)[-1]}:{f.lineno} {f.name}" for f in reversed(frames))
        sentence = getattr(failure, "log_safe", "")
        log.error("%s %s: %s %s at %s", error_id, what, type(failure).__name__, sentence, where)
        return error_id


def start_logging(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True
    )
    # It sets its own level when it is first imported, which may be later than this; a filter stays.
    logging.getLogger("bm25s").addFilter(_only_warnings)
    for noisy in ("rq.worker", "aiohttp.access", "alembic", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _only_warnings(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING
