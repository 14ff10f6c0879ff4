"""The log condenser: the line that matters stays in a few thousand characters."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.log_groups import KEY_LIMIT, group_lines
from engine.log_lines import LINE_LIMIT
from engine.logs import condense

# ---- ten one-off incidents in four kinds of noisy logs -----------------------------------------------------

LINES = 12_000
USERS = ["amoore", "bchan", "cdiaz", "dfox", "eroth", "fkhan", "glee", "hvoss", "iberg", "jtan"]
HARMLESS_TEXT = (
    "archive batch cache calendar catalog checkpoint cleanup client cluster collector config cycle "
    "daemon digest"
    " directory driver feed filter folder gateway heartbeat index inventory job journal label ledger "
    "library listener"
    " mailbox manifest metric mirror module monitor namespace node package parser partition planner "
    "plugin policy pool"
    " probe profile queue reader record refresh region registry replica report resource role rotation "
    "router sampler"
    " scan schedule schema segment shard sink snapshot source spool stage stream subscriber summary sync "
    "table task"
    " tenant ticker topic tracker transfer unit update vault view volume watcher worker zone"
)
HARMLESS = HARMLESS_TEXT.split()
NOISE = [
    "retry of {0} {1} succeeded",
    "{0} warning: {1} {2} is old",
    "no error in {0} {1} {2}",
    "{0} {1} error count 0",
]


def _address(rng: random.Random) -> str:
    return ".".join(str(rng.randrange(1, 255)) for _ in range(4))


def _linux(rng: random.Random) -> str:
    pid = rng.randrange(300, 32_000)
    return rng.choice((
        f"combo sshd(pam_unix)[{pid}]: authentication failure; logname= uid=0 tty=NODEVssh "
        f"rhost={_address(rng)}",
        f"combo sshd(pam_unix)[{pid}]: check pass; user unknown",
        f"combo ftpd[{pid}]: connection from {_address(rng)} () at Sat Jul {rng.randrange(1, 29)}",
        f"combo su(pam_unix)[{pid}]: session opened for user {rng.choice(USERS)} by (uid=0)",
        f"combo snmpd[{pid}]: error on subcontainer 'ia_addr' insert (-1)",
        f"combo named[{pid}]: network unreachable resolving '{rng.choice(USERS)}.example.net/A/IN'",
    ))  # fmt: skip


def _windows(rng: random.Random) -> str:
    number = rng.randrange(10**6)
    return rng.choice((
        f"Info                  CBS    Read out cached package applicability for package: "
        f"KB{number}~31bf{number:x}",
        f"Info                  CSI    {number:08x} [SR] Verifying {rng.randrange(1, 100)} components",
        f"Info                  CBS    Session: 30{number}_{number * 7} initialized by client "
        f"WindowsUpdateAgent.",
        "Info                  CBS    Failed to internally open package. [HRESULT = 0x800f0805 - "
        "CBS_E_INVALID]",
        f"Error                 CBS    Failed to get next element {number} [HRESULT = 0x80070057 - "
        f"E_INVALIDARG]",
        f"Info                  CBS    Warning: Unrecognized packageExtended attribute {rng.choice(USERS)}.",
    ))  # fmt: skip


def _openssh(rng: random.Random) -> str:
    head, port = f"LabSZ sshd[{rng.randrange(300, 32_000)}]:", rng.randrange(1024, 65_000)
    return head + " " + rng.choice((
        f"Failed password for invalid user {rng.choice(USERS)} from {_address(rng)} port {port} ssh2",
        f"Failed password for root from {_address(rng)} port {port} ssh2",
        f"pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= "
        f"rhost={_address(rng)}",
        f"Received disconnect from {_address(rng)}: 11: Bye Bye [preauth]",
        f"error: Received disconnect from {_address(rng)}: 3: com.jcraft.jsch.JSchException: Auth fail "
        f"[preauth]",
        f"Connection closed by {_address(rng)} [preauth]",
    ))  # fmt: skip


def _hadoop(rng: random.Random) -> str:
    attempt = f"attempt_14451{rng.randrange(10**8):08}_0001_m_{rng.randrange(99):06}_0"
    return rng.choice((
        f"INFO [IPC Server 30 on 62270] org.apache.hadoop.mapred.TaskAttemptListenerImpl: Progress of "
        f"{attempt} is 0.1",
        "WARN [LeaseRenewer:msrabi@msra-sa-41:9000] org.apache.hadoop.ipc.Client: Address change "
        "detected. Old: msra",
        "ERROR [RMCommunicator Allocator] org.apache.hadoop.mapreduce.v2.app.rm.RMContainerAllocator: "
        "ERROR IN"
        " CONTACTING RM.",
        f"INFO [AsyncDispatcher event] org.apache.hadoop.mapreduce.v2.app.job.impl.TaskAttemptImpl: "
        f"{attempt} RUNNING",
        f"INFO [fetcher#{rng.randrange(9)}] org.apache.hadoop.mapreduce.task.reduce.Fetcher: shuffled "
        f"{attempt}",
    ))  # fmt: skip


INCIDENTS = {
    "linux": (_linux, [
        "combo kernel: Out of memory: Killed process 2211 (mysqld).",
        "combo kernel: EXT3-fs error (device hda2): ext3_readdir: bad entry in directory #31",
        "combo kernel: hda: dma_intr: status=0x51 DriveReady SeekComplete Error",
        "combo smartd[1840]: Device: /dev/hda, 8 Currently unreadable pending sectors",
        "combo cups: cupsd shutdown succeeded",
        "combo ntpd[2011]: time reset -1380.442 s",
        "combo kernel: eth0: link down",
        "combo syslogd 1.4.1: restart.",
        "combo named[2306]: zone corp.example/IN: expired",
        "combo kernel: nfs: server filer1 not responding, still trying",
    ]),
    "windows": (_windows, [
        "Info                  CBS    Store corruption, manifest missing for package: Package_for_KB4056892",
        "Info                  CBS    Failed to internally open package. [HRESULT = 0x80073712 - ERROR_SXS]",
        "Info                  CSI    00000201 [SR] Cannot repair member file [l:18]'tcpip.sys' of TCPIP",
        "Error                 CSI    00000012 (F) STATUS_OBJECT_NAME_NOT_FOUND #47# from Windows::Rtl",
        "Info                  CBS    Doqe: Failed to uninstall driver updates [HRESULT = 0x80070490]",
        "Info                  CBS    Startup: Rolling back KTM, because drivers and AI failed",
        "Info                  CBS    Exec: Processing stalled, watchdog fired after 900 seconds",
        "Info                  CBS    Reboot mark refs: 1, pending operation blocks servicing",
        "Info                  CBS    Disk space too low to stage update, need 4212 MB",
        "Info                  CBS    Trust provider lost its anchor certificate",
    ]),
    "openssh": (_openssh, [
        "LabSZ sshd[24206]: fatal: Write failed: Connection reset by peer [preauth]",
        "LabSZ sshd[24207]: Accepted password for jtan from 119.137.62.142 port 49116 ssh2",
        "LabSZ sshd[24208]: error: Could not load host key: /etc/ssh/ssh_host_ecdsa_key",
        "LabSZ sshd[24209]: fatal: no hostkeys available -- exiting.",
        "LabSZ sshd[24210]: reverse mapping checking getaddrinfo for a.b.net failed - POSSIBLE BREAK-IN "
        "ATTEMPT!",
        "LabSZ sshd[24211]: error: connect_to 10.0.0.9 port 3389: failed.",
        "LabSZ sshd[24212]: User backup not allowed because account is locked",
        "LabSZ sshd[24213]: Bad protocol version identification 'GET / HTTP/1.1' from 5.188.10.180",
        "LabSZ sshd[24214]: error: accept: Too many open files in system",
        "LabSZ sshd[24215]: Authentication refused: bad ownership or modes for directory /home/amoore",
    ]),
    "hadoop": (_hadoop, [
        "FATAL [main] org.apache.hadoop.mapred.YarnChild: Error running child : "
        "java.lang.OutOfMemoryError: heap",
        "WARN [DataStreamer] org.apache.hadoop.hdfs.DFSClient: Slow ReadProcessor read fields took 65135ms",
        "INFO [Thread-51] org.apache.hadoop.hdfs.DFSClient: Excluding datanode DatanodeInfoWithStorage",
        "ERROR [main] org.apache.hadoop.hdfs.server.namenode.NameNode: Failed to start namenode, "
        "inconsistent fs",
        "INFO [main] org.apache.hadoop.mapreduce.v2.app.MRAppMaster: We are finishing early, signal 15 "
        "received",
        "WARN [main] org.apache.hadoop.conf.Configuration: Could not deserialize token from job.xml",
        "INFO [node monitor] org.apache.hadoop.yarn.server.nodemanager.DirectoryCollection: 1/1 "
        "local-dirs turned bad",
        "ERROR [main] org.apache.hadoop.security.UserGroupInformation: GSS initiate failed, no Kerberos tgt",
        "WARN [fs check] org.apache.hadoop.hdfs.server.datanode.BlockPoolSlice: dfsUsed cache is from "
        "the future",
        "INFO [main] org.apache.hadoop.ha.ActiveStandbyElector: Session expired. Entering neutral mode",
    ]),
}  # fmt: skip
STARTS = {
    "linux": "combo crond[412]:",
    "windows": "Info                  CBS   ",
    "openssh": "LabSZ sshd[901]:",
    "hadoop": "INFO [main] org.apache.hadoop.mapreduce.v2.app.MRAppMaster:",
}
# At least so many of ten must be kept in 6,000 characters, on each of three seeds.
FLOOR = {"linux": 9, "windows": 9, "openssh": 10, "hadoop": 9}


def plant(kind: str, seed: int) -> tuple[str, list[str]]:
    """12,000 lines with ten incidents anywhere, and 190 harmless lines that also stand there only once.

    40 of the harmless lines use the words of trouble, so neither rarity nor severity alone finds the ten.
    """
    rng = random.Random(seed)
    make, incidents = INCIDENTS[kind]
    head = {"linux": "Jun {d:2} {t}", "openssh": "Dec {d:2} {t}", "windows": "2016-09-{d:02} {t},"}.get(
        kind, "2015-10-{d:02} {t},{ms:03}"
    )
    lines = [make(rng) for _ in range(LINES)]
    start = STARTS[kind]
    once = [f"{start} {' '.join(rng.sample(HARMLESS, rng.randrange(4, 9)))}" for _ in range(150)]
    once += [f"{start} {rng.choice(NOISE).format(*rng.sample(HARMLESS, 3))}" for _ in range(40)]
    places = rng.sample(range(LINES), len(incidents) + len(once))
    for place, line in zip(places, incidents + once, strict=True):
        lines[place] = line
    stamped = []
    for n, line in enumerate(lines):
        clock = f"{n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}"
        stamped.append(f"{head.format(d=14 + n // 86_400, t=clock, ms=rng.randrange(1000))} {line}")
    return "\n".join(stamped), incidents


def kept(text: str, incidents: list[str]) -> int:
    """How many incidents stand in a text, by their last 25 characters as displayed."""
    flat = " ".join(text.split())
    return sum(1 for incident in incidents if " ".join(incident.split())[-25:] in flat)


def tail_only(log: str) -> str:
    return log[-6000:]


def severity_grep(log: str) -> str:
    words = ("error", "fail", "fatal", "warn", "critical")
    return "\n".join(line for line in log.split("\n") if any(w in line.lower() for w in words))[-6000:]


@pytest.mark.parametrize("kind", INCIDENTS)
def test_one_off_incidents_survive_where_a_tail_and_a_grep_lose_them(kind: str) -> None:
    for seed in (1, 2, 3):
        log, incidents = plant(kind, seed)
        text = condense(log).as_text()
        assert len(text) <= 6000
        found = kept(text, incidents)
        assert found >= FLOOR[kind], [i for i in incidents if not kept(text, [i])]
        assert max(kept(tail_only(log), incidents), kept(severity_grep(log), incidents)) < found / 2


# ---- what a digest holds -----------------------------------------------------------------------------------


def test_counts_line_ranges_and_the_span_are_read_back() -> None:
    lines = [
        f"2024-01-15 {8 + n // 3600:02}:{n // 60 % 60:02}:{n % 60:02} INFO poll {n} ok" for n in range(5000)
    ]
    lines[211] = "2024-01-15 08:03:31 ERROR spooler stopped: access denied"
    digest = condense("\n".join(lines))
    assert digest.summary() == (
        "5,000 lines, 08:00–09:23. First error L212: 2024-01-15 08:03:31 ERROR spooler stopped: access "
        "denied. "
        "1 kind of error."
    )
    assert "[info] ×4,999 L1–5000 INFO poll * ok" in digest.as_text()
    assert "[error] L212 2024-01-15 08:03:31 ERROR spooler stopped: access denied" in digest.as_text()
    assert digest.kind == "application" and not digest.truncated
    assert digest.tail[-1] == lines[-1] and len(digest.tail) == 15


def test_a_java_trace_keeps_its_head_its_cause_and_its_count() -> None:
    trace = "\n".join([
        "java.lang.IllegalStateException: pool 7 closed",
        *[f"\tat com.acme.Pool.m{n}(Pool.java:{n})" for n in range(9)],
        "Caused by: java.net.ConnectException: refused", "\tat java.net.Socket.connect(Socket.java:1)",
    ])  # fmt: skip
    digest = condense(
        "\n".join(["10:00:00 INFO start", trace, "10:00:01 INFO next", trace.replace("7", "8")])
    )
    (found,) = digest.stack_traces
    assert (found.head, found.first_line, found.count) == (
        "java.lang.IllegalStateException: pool 7 closed",
        2,
        2,
    )
    assert found.frames[0] == "at com.acme.Pool.m0(Pool.java:0)"
    assert "Caused by: java.net.ConnectException: refused" in found.frames
    assert not any("Pool.java" in template.text for template in digest.templates)


def test_a_python_trace_is_headed_by_its_error_and_keeps_the_innermost_frames() -> None:
    frames = [f'  File "app.py", line {n}, in f{n}' for n in range(20)]
    digest = condense("\n".join(["Traceback (most recent call last):", *frames, "KeyError: 'host'", "done"]))
    assert digest.stack_traces[0].head == "KeyError: 'host'"
    assert digest.stack_traces[0].frames[-1] == 'File "app.py", line 19, in f19'
    assert digest.first_error == (22, "KeyError: 'host'")


def test_error_codes_and_statuses_are_not_folded_together() -> None:
    lines = ["update failed, error 5"] * 50 + ["update failed, error 1326"] + ["update failed, error 5"] * 50
    assert {t.count for t in condense("\n".join(lines)).templates} == {100, 1}


def test_one_server_error_among_served_requests_is_found() -> None:
    line = '10.0.0.{0} - - [15/Jan/2024:10:{1:02}:00 +0000] "GET /p/{0} HTTP/1.1" {2} 512'
    digest = condense("\n".join(line.format(n, n // 10, 500 if n == 77 else 200) for n in range(250)))
    assert digest.kind == "web_access"
    assert digest.first_error is not None
    assert digest.first_error[0] == 78
    assert digest.summary().startswith("250 lines, 10:00–10:24. ")


EVENT = """Log Name:      System
Source:        Microsoft-Windows-DistributedCOM
Date:          1/15/2024 9:12:01 AM
Event ID:      10016
Task Category: None
Level:         {level}
Keywords:      Classic
User:          SYSTEM
Computer:      PC-7.corp.example
Description:
The permission settings do not grant Local Activation.
See the component for details.
Event Xml:
<Event><System/></Event>
"""


def test_event_viewer_text_is_read_into_its_fields() -> None:
    digest = condense(EVENT.format(level="Error") + "\n" + EVENT.format(level="Warning"))
    event = digest.events[0]
    assert digest.kind == "windows_event" and len(digest.events) == 2
    assert (event.source, event.event_id, event.level) == (
        "Microsoft-Windows-DistributedCOM",
        "10016",
        "Error",
    )
    assert event.description.endswith("See the component for details.")
    assert digest.first_error is not None and digest.first_error[1].startswith(
        "Error · Microsoft-Windows-Dist"
    )


@pytest.mark.parametrize("mark", [",", "\t"])
def test_an_event_viewer_export_keeps_event_ids_apart(mark: str) -> None:
    rows = ["Level,Date and Time,Source,Event ID,Task Category"]
    rows += ["Information,1/15/2024 9:00:00 AM,Security,4624,Logon,Logged on"] * 30
    rows.insert(9, 'Error,1/15/2024 9:05:00 AM,Disk,7,None,"The device has a bad block.\nSecond line"')
    digest = condense("\n".join(rows).replace(",", mark))
    assert {(t.text.split(" · ")[1], t.count) for t in digest.templates} == {
        ("Security 4624", 30),
        ("Disk 7", 1),
    }
    assert digest.first_error is not None and digest.first_error[0] == 10


# ---- traps -------------------------------------------------------------------------------------------------


def test_unique_lines_are_compared_only_up_to_the_limit_and_the_odd_one_is_kept() -> None:
    rng = random.Random(5)
    lines = [
        " ".join("".join(rng.choices("abcdefghij", k=7)) for _ in range(6)) for _ in range(3 * KEY_LIMIT)
    ]
    lines[4321] = "disk controller failed on bay seven"
    grouping = group_lines(lines)
    assert grouping.capped and grouping.first_error == 4322
    assert sum(group.count for group in grouping.groups) == len(lines)
    digest = condense("\n".join(lines))
    assert "disk controller failed on bay seven" in digest.as_text() and digest.truncated


def test_one_line_without_end_is_cut_with_a_mark() -> None:
    digest = condense("x" * 1_000_000)
    assert digest.line_count == 1 and digest.truncated and digest.size_chars == 1_000_000
    assert f"({1_000_000 - LINE_LIMIT:,} more characters)" in digest.templates[0].example


@pytest.mark.parametrize(("text", "kind", "words"), [
    ("", "empty", "The log is empty."),
    ("\n\0\r\n", "empty", "The log is empty."),
    (random.Random(1).randbytes(4000).decode("latin-1"), "not_text", "This is not text"),
])  # fmt: skip
def test_nothing_and_rubbish_are_called_so(text: str, kind: str, words: str) -> None:
    digest = condense(text)
    assert digest.kind == kind and digest.as_text().startswith(words)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_line_ends_of_all_systems_count_the_same(ends: str) -> None:
    assert condense(ends.join(["one", "two", "error three"])).first_error == (3, "error three")


# ---- anything at all ---------------------------------------------------------------------------------------

CHUNKS = st.lists(
    st.sampled_from([
        "Log Name: System\n", "Event ID: 1\n", "Level,Date and Time,Source,Event ID\n", '"', ",",
        "\tat a.b(c)\n",
        "Traceback (most recent call last):\n", '  File "x"\n', "goroutine 1 [\n", "2024-01-15 10:00:00 ",
        "error 5\n",
        "\r", "\n", "\x1b[", "\x1b]", "99:99:99 ", "0x80070005 ", "Jun 31 25:61:61 ", " ", "é", "\ud800",
        "\ue031",
    ]),
    max_size=60,
).map("".join)  # fmt: skip


def _bounds_hold(text: str, limit: int) -> None:
    digest = condense(text, limit)
    assert len(digest.as_text()) <= limit
    assert min(digest.left_out) >= 0
    for template in digest.templates:
        assert 1 <= template.first_line <= template.last_line <= digest.line_count
        assert template.count <= digest.line_count
    if digest.first_error:
        assert 1 <= digest.first_error[0] <= digest.line_count


@settings(max_examples=80, deadline=None)
@given(st.one_of(st.text(), CHUNKS), st.integers(0, 8000))
def test_any_text_condenses_within_its_bounds(text: str, limit: int) -> None:
    _bounds_hold(text, limit)
