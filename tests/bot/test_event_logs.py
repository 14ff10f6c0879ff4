"""Windows event logs: turned into lines that the condenser understands, and refused kindly where they are damaged."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from bot import event_logs, event_records
from bot.event_logs import opened, read
from engine.intake import SIZE_LIMIT, Attachment
from engine.log_lines import Severity, find_stamp, severity
from tests.bot.event_log_file import CHUNK, Logged, event_log

TEN = datetime(2024, 1, 15, 10, 0, tzinfo=UTC)


def logged(number: int, level: int = 2, audit: str = "", **values: str) -> Logged:
    when = TEN + timedelta(minutes=number)
    return Logged(number, "Service Control Manager", 7031, level, when, tuple(values.items()), audit)


def file(content: bytes, name: str = "System.evtx") -> Attachment:
    return Attachment(name, "application/octet-stream", content)


def lines(content: bytes) -> list[str]:
    [made] = opened([file(content)])
    assert made.name == "System.evtx"
    return made.content.decode().split("\n")


def test_an_event_becomes_a_line_with_time_level_source_number_and_values() -> None:
    [line] = lines(event_log([logged(1, param1="Print\r\nSpooler\x1b[0m", param2="3")]))
    assert (
        line == "2024-01-15 10:01:00Z [Error] Service Control Manager 7031: param1=Print Spooler [0m param2=3"
    )
    stamp = find_stamp(line)
    assert stamp is not None
    assert stamp.when == datetime(2024, 1, 15, 10, 1, tzinfo=UTC)


def test_levels_and_audits_are_words_that_the_condenser_judges() -> None:
    content = event_log(
        [
            *(logged(level, level) for level in range(1, 6)),
            logged(6, 0, "failure"),
            logged(7, 0, "success"),
            logged(8, 0),
        ]
    )
    words = [line.partition("[")[2].partition("]")[0] for line in lines(content)]
    assert words == [
        "Critical", "Error", "Warning", "Information", "Verbose", "Audit Failure", "Audit Success", "Information",
    ]  # fmt: skip
    judged = [severity(line) for line in lines(content)]
    assert judged[:4] == [Severity.CRITICAL, Severity.ERROR, Severity.WARNING, Severity.INFO]
    assert judged[5] is Severity.ERROR


def test_values_without_names_stand_one_after_the_other() -> None:
    event = Logged(1, "MsiInstaller", 1033, 4, TEN, (("", "Office"), ("", "16.0")))
    assert lines(event_log([event])) == ["2024-01-15 10:00:00Z [Information] MsiInstaller 1033: Office 16.0"]


def test_what_an_application_nests_is_written_flat_and_attributes_are_left_out() -> None:
    data = json.loads(
        '{"Event": {"System": {"EventID": {"#text": 1000, "#attributes": {"Qualifiers": 0}}, "Level": 2},'
        ' "UserData": {"Change": {"#attributes": {"xmlns": "x"}, "Old": "a", "More": [{"New": "b"}, null]}}}}'
    )
    line = event_records.line_of(data, "2024-01-15T10:00:00Z UTC")
    assert line == "2024-01-15 10:00:00Z [Error] 1000: Old=a New=b"


def test_a_log_that_went_round_is_read_in_the_order_of_time() -> None:
    content = event_log([logged(3), logged(4)], [logged(1), logged(2)])
    assert [line[:16] for line in lines(content)] == [f"2024-01-15 10:0{n}" for n in (1, 2, 3, 4)]


def test_a_damaged_chunk_costs_no_other() -> None:
    content = bytearray(event_log([logged(1)], [logged(2)], [logged(3)]))
    middle = 4096 + CHUNK
    content[middle + 540 : middle + CHUNK] = b"\xff" * (CHUNK - 540)
    assert [line[11:16] for line in lines(bytes(content))] == ["10:01", "10:03"]
    content[middle : middle + 8] = bytes(8)
    assert [line[11:16] for line in lines(bytes(content))] == ["10:01", "10:03"]
    assert lines(bytes(content)[: middle + CHUNK + 600])[0][11:16] == "10:01"


def test_a_damaged_chunk_comes_after_all_others_and_still_gives_what_can_be_read() -> None:
    content = bytearray(event_log([logged(1)], [logged(2)], [logged(3), logged(4)]))
    content[4096 + 2 * CHUNK + 100] = 1  # reserved: only the checksum minds
    parts: list[bytes] = []
    event_records.report(bytes(content), float("inf"), parts.append)
    assert [part.partition(b"\t")[0] for part in parts] == [b"2", b"1", b"3", b"end\n"]
    assert [line[11:16] for line in lines(bytes(content))] == ["10:01", "10:02", "10:03", "10:04"]


def test_what_was_read_in_time_is_reported_newest_first_and_all_of_it_with_an_end() -> None:
    content = event_log(*([logged(100 * row + n) for n in range(60)] for row in range(4)))
    parts: list[bytes] = []
    event_records.report(content, float("inf"), parts.append)
    assert [part.count(b"\n") for part in parts] == [60, 60, 60, 60, 1]
    assert [part.partition(b"\t")[0] for part in parts] == [b"300", b"200", b"100", b"0", b"end\n"]
    event_records.report(content, float("-inf"), parts.append)
    assert len(parts) == 5


def test_a_message_with_an_event_log_and_a_text_reads_both() -> None:
    reading = read(
        "the spooler stops", [file(event_log([logged(1, param1="Print Spooler")])), file(b"ERROR x", "a.log")]
    )
    assert reading.refused == ()
    assert reading.type == "combined"
    assert "==> System.evtx <==" in (reading.log or "")
    assert reading.digest is not None
    assert "Print Spooler" in reading.digest.as_text()


@pytest.mark.parametrize(
    "content",
    [
        b"ElfFile\0",
        b"ElfFile\0" + b"\xff" * 200_000,
        event_log(),
        bytes(4096) + event_log([logged(1)])[4096:],
    ],
)
def test_a_file_without_readable_events_is_refused_with_a_sentence_and_kept_apart(content: bytes) -> None:
    reading = read("look", [file(content)])
    assert [name for name, _ in reading.refused] == ["System.evtx"]
    assert "text or CSV" in reading.refused[0][1]
    assert reading.log is None


def test_a_text_that_is_named_evtx_is_read_as_text() -> None:
    reading = read("", [file(b"2024-01-15 10:00:00 ERROR disk\n2024-01-15 10:00:01 ERROR disk")])
    assert reading.refused == ()
    assert "ERROR disk" in (reading.log or "")


def test_a_file_that_is_too_large_is_told_so_and_one_out_of_time_is_refused() -> None:
    reading = read("", [file(b"ElfFile\0" + bytes(SIZE_LIMIT))])
    assert "up to 20 MB" in reading.refused[0][1]
    late = file(event_log([logged(1)]))
    assert event_logs.opened([late], seconds=-1.0) == (late,)


def test_random_damage_never_raises() -> None:
    content = event_log([logged(n, param1="x" * n) for n in range(1, 40)])
    parts: list[bytes] = []
    for seed in range(200):
        broken = bytearray(content)
        for place in range(4096 + 512 + seed, 4096 + 30_000, 977):
            broken[place] ^= 1 + seed % 255
        event_records.report(bytes(broken), float("inf"), parts.append)
