"""`./dev bench`: runs the measurements by name and shows them as tables, or as JSON with --json."""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any

NAMES = ("condenser", "matching", "desk", "ack", "slack_ack", "teams_ack", "memory", "turns", "caching")


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Columns in the order in which they first appear."""
    heads = list(dict.fromkeys(name for row in rows for name in row))
    cells = [heads, *([_shown(row.get(name)) for name in heads] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(heads))]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def main(argv: Sequence[str]) -> int:
    """Runs one after another: two at once would measure each other."""
    parser = argparse.ArgumentParser(
        prog="./dev bench", description="Measures speed and memory on this machine."
    )
    parser.add_argument("names", nargs="*", help=f"any of {', '.join(NAMES)}; all without")
    parser.add_argument("--json", action="store_true", help="one JSON object of all rows")
    given = parser.parse_args(argv)
    unknown = [name for name in given.names if name not in NAMES]
    if unknown:
        parser.error(f"there is no {unknown[0]}; there are {', '.join(NAMES)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what was started, as Ctrl-C does
    found: dict[str, Any] = {}
    for name in given.names or NAMES:
        found[name] = importlib.import_module(f"bench.{name}").run()
        if not given.json:
            print(f"── {name}\n{table(found[name])}\n", flush=True)
    if given.json:
        print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
