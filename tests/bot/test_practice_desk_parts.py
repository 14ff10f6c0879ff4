"""Parts of the practice desk: ports nobody else gets meanwhile, and children that come back whatever happened."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from bot.practice import Desk, attach, host_file
from bot.practice_children import Children, Program
from bot.practice_memory import PORTS, free_port
from tests.bot.waiting import until

PATIENCE = 20.0


def test_ports_lie_where_no_outgoing_connection_and_no_other_server_takes_them() -> None:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        assert any_port.getsockname()[1] not in PORTS
    web = free_port(0)
    psa = free_port(0, web)
    assert web in PORTS
    assert psa in PORTS
    assert psa != web


def test_a_port_that_was_used_is_used_again_unless_somebody_has_it() -> None:
    known = free_port(0)
    assert free_port(known) == known
    with socket.socket() as other:
        other.bind(("127.0.0.1", known))
        other.listen()
        assert free_port(known) != known


async def test_a_child_that_could_not_be_started_is_started_once_it_can_be(tmp_path: Path) -> None:
    folder = tmp_path / "not-there-yet"
    children = Children(folder, os.environ)  # noqa: TID251 - a child's environment
    children.keep(Program("one", ["-c", "print('it runs', flush=True); import time; time.sleep(60)"]))
    try:
        await asyncio.sleep(0)
        assert not children.log_of("one").exists()
        folder.mkdir()
        words = children.log_of("one")
        await until(lambda: words.exists() and "it runs" in words.read_text(), "the child runs")
    finally:
        await children.stop()


async def test_half_a_line_of_a_host_that_died_is_no_line_and_the_next_host_is_attached_to(
    tmp_path: Path,
) -> None:
    ready: dict[str, Any] = {"url": "http://here", "psa": "http://there", "account": "a", "tokens": {}}
    line = json.dumps({"ready": ready}).encode() + b"\n"
    answers = [line[:20], line]

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answers.pop(0))
        await writer.drain()
        writer.close()

    path = tmp_path / "s"
    host_file(tmp_path).write_text(json.dumps({"pid": os.getpid(), "socket": str(path)}))
    starting = await asyncio.to_thread(
        subprocess.Popen, [sys.executable, "-c", "import time; time.sleep(60)"]
    )
    try:
        async with await asyncio.start_unix_server(answer, path=path), asyncio.timeout(PATIENCE):
            attached = await attach(tmp_path, host=starting)
            attached.close()
    finally:
        starting.kill()
        starting.wait()
    assert attached.desk == Desk(**ready)
