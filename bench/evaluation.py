"""`./dev eval`: plays the written cases with the guide that is configured, and says what came of them and what it cost."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

RUNS = 5
AT_ONCE = 4
STOPPED = "Stopped before the end. Nothing was written; what Claude answered so far is paid for."


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev eval",
        description="Plays written cases: Claude where ANTHROPIC_API_KEY is set, else the offline guide.",
    )
    parser.add_argument(
        "--runs", type=int, default=RUNS, metavar="N", help=f"how often each case is played ({RUNS})"
    )
    parser.add_argument(
        "--cases", nargs="+", default=[], metavar="NAME", help="only these cases or files of cases"
    )
    parser.add_argument(
        "--limit-cost", type=float, default=0.0, metavar="USD", help="stop at this cost in dollars"
    )
    parser.add_argument(
        "--at-once", type=int, default=AT_ONCE, metavar="N", help=f"cases at once ({AT_ONCE})"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every outcome to this file")
    parser.add_argument(
        "--scripted",
        action="store_true",
        help="the scripted model: tries the plumbing, proves nothing of Claude",
    )
    parser.add_argument(
        "--write", action="store_true", help="write docs/evaluation.md and docs/evaluation.svg"
    )
    given = parser.parse_args(argv)
    if given.runs < 1 or given.at_once < 1 or given.limit_cost < 0:
        parser.error("--runs and --at-once are at least 1, --limit-cost is not negative")
    return given


def evaluate(given: argparse.Namespace) -> int:
    """Loads the whole product, so that a Ctrl-C meanwhile ends as quietly as later. Raises KeyboardInterrupt."""
    from bench.evaluation_pages import kept  # noqa: PLC0415 - see above
    from bench.evaluation_report import told  # noqa: PLC0415
    from bench.evaluation_run import NOT_PLAYED, run  # noqa: PLC0415

    try:
        result = run(
            given.cases,
            given.runs,
            scripted=given.scripted,
            limit=given.limit_cost,
            at_once=given.at_once,
        )
    except NOT_PLAYED as why:
        print(why, file=sys.stderr)
        return 2
    if not result.outcomes:
        print(
            "The cost limit was reached before a case came to its end. Nothing was written.", file=sys.stderr
        )
        return 1
    print(told(result))
    kept(result, given.json, pages=given.write)
    return 0


def main(argv: Sequence[str]) -> int:
    given = arguments(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return evaluate(given)
    except KeyboardInterrupt:
        print(f"\n{STOPPED}", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
