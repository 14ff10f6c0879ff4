"""Ends this process when the one that started it is gone, however that one died."""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

GRACE_SECONDS = 3.0


def watch(fd: int, grace: float = GRACE_SECONDS) -> None:
    """Watch the reading end of a pipe whose writing end only the parent holds; below 0 there is none.

    At its end this process gets SIGTERM, and is ended for good `grace` seconds later.
    """
    if fd >= 0:
        threading.Thread(target=_wait, args=(fd, grace), name="orphan", daemon=True).start()


def _wait(fd: int, grace: float) -> None:
    try:
        while os.read(fd, 64):
            pass
    except OSError:
        return  # no pipe was given, so there is no parent to watch
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace)
    os._exit(1)


def main(arguments: list[str]) -> None:
    """`python -m bot.orphan FD MODULE ARGUMENTS…` runs a module that knows nothing of its parent."""
    watch(int(arguments[0]))
    sys.argv = arguments[1:]
    runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
