"""Starts the desk's processes by forking from one that has imported everything, so that a killed one is back at once.

What runs in each is `python -m bot.cli …` with its own environment and pid; only the seconds of importing are saved.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import select
import signal
import sys
import traceback
from contextlib import suppress
from typing import Any, NoReturn

from storage.library import built_in_flows

PRELOADED = (
    *("bot.cli_serve", "bot.wiring", "bot.web", "bot.jobs", "bot.clock", "bot.bells", "bot.settings"),
    *("storage.library", "storage.migrate", "sqlalchemy.dialects.postgresql.psycopg"),
    *("bot.cli_failures", "bot.cli_parser", "numpy", "bm25s"),
)
CLI = "bot.cli"


def main() -> None:
    """Lines of JSON: {"name", "arguments", "environment", "log"} come in; {"started"} and {"ended"} go out.

    The modules named as arguments are imported too.
    """
    for name in (*PRELOADED, *sys.argv[1:]):
        importlib.import_module(name)
    built_in_flows()  # read once here, and remembered in every child
    gc.freeze()  # or each child would copy all of it at its first collection
    _tell({"ready": True})
    running: dict[int, str] = {}
    left = b""
    while True:
        readable, _, _ = select.select([0], [], [], 0.02)
        if readable:
            given = os.read(0, 65536)
            if not given:
                break
            *lines, left = (left + given).split(b"\n")
            for line in lines:
                order = json.loads(line)
                pid = _fork(order)
                running[pid] = order["name"]
                _tell({"started": order["name"], "pid": pid})
        _reap(running)
    for pid in running:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _reap(running: dict[int, str]) -> None:
    for pid in list(running):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            _tell({"ended": running.pop(pid), "pid": pid, "status": os.waitstatus_to_exitcode(status)})


def _fork(order: dict[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        _become(order)
    return pid


def _become(order: dict[str, Any]) -> NoReturn:
    """Never returns: the child ends here, whatever happens in it."""
    status = 1
    try:
        os.setsid()
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.update(order["environment"])  # noqa: TID251 - this builds a process's environment
        sys.argv = [CLI, *order["arguments"]]
        runpy.run_module(CLI, run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - the edge of the process: its log tells
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _tell(word: dict[str, Any]) -> None:
    os.write(1, json.dumps(word).encode() + b"\n")


if __name__ == "__main__":
    main()
