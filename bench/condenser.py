"""Measures the log condenser in MB/s on generated logs, beside the least one could do: read, split, count."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

from engine.logs import condense, decode

Maker = Callable[[random.Random, int], str]

_WORDS = [
    "alpha",
    "bravo",
    "charlie",
    "delta",
    "echo",
    "foxtrot",
    "golf",
    "hotel",
    "india",
    "juliet",
    "kilo",
    "lima",
    "mike",
    "november",
]


def _syslog(rng: random.Random, n: int) -> str:
    clock = f"Jun {n // 86400 % 28 + 1:2} {n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}"
    address = f"{rng.randrange(1, 255)}.{rng.randrange(255)}.{rng.randrange(255)}.{rng.randrange(255)}"
    return rng.choice((
        f"{clock} combo sshd(pam_unix)[{rng.randrange(32768)}]: authentication failure; rhost={address}",
        f"{clock} combo ftpd[{rng.randrange(32768)}]: connection from {address} ({rng.choice(_WORDS)})",
        f"{clock} combo su(pam_unix)[{rng.randrange(32768)}]: session opened for user {rng.choice(_WORDS)}",
        f"{clock} combo kernel: usb 1-{rng.randrange(9)}: new full speed device number {rng.randrange(120)}",
    ))  # fmt: skip


def _hadoop(rng: random.Random, n: int) -> str:
    head = f"2015-10-18 {n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02},{rng.randrange(1000):03}"
    block = f"blk_{rng.randrange(10**9)}_{rng.randrange(10**6)}"
    return rng.choice((
        f"{head} INFO [main] org.apache.hadoop.DFSClient: Created {block} for attempt_{n}_m_{n % 99}",
        f"{head} WARN [LeaseRenewer:msrabi@msra-sa-41:9000] org.apache.ipc.Client: Address change detected",
        f"{head} ERROR [main] org.apache.ipc.Client: Call failed\n\tat org.apache.A.b(A.java:{n % 900})"
        f"\n\tat org.apache.C.d(C.java:{n % 70})",
    ))  # fmt: skip


def _unique(rng: random.Random, n: int) -> str:
    return (
        " ".join(rng.choice(_WORDS) + rng.choice(_WORDS) + rng.choice(_WORDS) for _ in range(5))
        + f" item {n}"
    )


def _unique_hex(rng: random.Random, n: int) -> str:
    first, second, third = rng.randbytes(16).hex(), rng.randbytes(8).hex(), rng.randbytes(4).hex()
    return f"{first} request {second} served from {third} in {n} ms"


def _one_line(rng: random.Random, n: int) -> str:
    return f"segment {n} of one line without end; error {rng.randrange(9)}; "


KINDS: dict[str, tuple[Maker, str]] = {
    "syslog": (_syslog, "\n"),
    "hadoop with traces": (_hadoop, "\n"),
    "all-unique words": (_unique, "\n"),
    "all-unique hex": (_unique_hex, "\n"),
    "one single line": (_one_line, ""),
}


def generate(kind: str, size: int, seed: int = 7) -> bytes:
    """About `size` bytes of one kind; the same for the same seed."""
    make, end = KINDS[kind]
    rng = random.Random(seed)
    parts: list[str] = []
    made = n = 0
    while made < size:
        parts.append(make(rng, n) + end)
        made += len(parts[-1])
        n += 1
    return "".join(parts).encode()


def _best(work: Callable[[], object]) -> float:
    """Best of three in CPU seconds, so that a busy machine does not count."""
    times = []
    for _ in range(3):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def run() -> list[dict[str, object]]:
    """One row per kind and size: MB/s of decode + condense, of the bare count, and the digest's length."""
    rows: list[dict[str, object]] = []
    for kind in KINDS:
        for megabytes in (1, 10):
            raw = generate(kind, megabytes * 1_000_000)
            ours = _best(lambda raw=raw: condense(decode(raw)))  # type: ignore[misc]
            bare = _best(lambda raw=raw: Counter(raw.decode().splitlines()))  # type: ignore[misc]
            rows.append({
                "log": kind,
                "mb": megabytes,
                "condense_s": round(ours, 3),
                "condense_mb_per_s": round(len(raw) / 1e6 / ours, 1),
                "bare_count_mb_per_s": round(len(raw) / 1e6 / max(bare, 1e-9), 1),
                "digest_chars": len(condense(decode(raw)).as_text()),
            })  # fmt: skip
    return rows


if __name__ == "__main__":
    for row in run():
        print(row)
