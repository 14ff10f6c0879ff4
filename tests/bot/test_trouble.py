"""The log: what a library says to its own makers does not come up among what operators read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CLONE = Path(__file__).resolve().parents[2]
# In a process of its own: the library sets its level when it is first imported, here after logging has begun.
SAYS = """
import logging
from bot.trouble import start_logging
start_logging("INFO")
import bm25s
index = bm25s.BM25(backend="numpy", auto_compile=False)
index.index([["printer", "offline"], ["slow", "network"]], show_progress=False)
logging.getLogger("bm25s").warning("a warning of the index")
logging.getLogger("flowpilot").info("a line of ours")
"""


def test_building_an_index_is_not_logged_and_warnings_are() -> None:
    done = subprocess.run([sys.executable, "-c", SAYS], cwd=CLONE, capture_output=True, text=True, check=True)
    lines = [line.split(" ", 2)[2] for line in done.stderr.splitlines()]
    assert lines == ["WARNING bm25s a warning of the index", "INFO flowpilot a line of ours"]
