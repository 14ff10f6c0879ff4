"""The least risk a script can have, read from its text, and the commands that stand in ordinary prose.

Patterns may only raise a risk: a script is read-only when every command in it is known to be, and never otherwise.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

READ_ONLY = "read_only"
CHANGES_STATE = "changes_state"
DESTRUCTIVE = "destructive"

LONGEST = 40_000
"""Characters; nobody reads a longer script before he runs it, so it counts as destructive."""


def floor(script: str, language: str = "") -> str:
    """`read_only`, `changes_state` or `destructive`. The language is a hint only: texts may lie about it."""
    if len(script) > LONGEST:
        return DESTRUCTIVE
    looks = _looks(script)
    if any(pattern.search(look) for look in looks for pattern in (*_DESTRUCTIVE, *_DESTRUCTIVE_SCRIPT)):
        return DESTRUCTIVE
    plain = looks[0]
    if not plain.strip():
        return READ_ONLY
    if _CHANGES_ANYWHERE.search(plain) or not all(
        _reads(piece, sql=bool(_SQL.match(plain))) for piece in _pieces(plain, language)
    ):
        return CHANGES_STATE
    return READ_ONLY


def commands_in(prose: str) -> tuple[str, ...]:
    """Commands in ordinary text that change or destroy something, each from its name to the end of its line."""
    found: dict[str, None] = {}
    for line in _looks(prose[:LONGEST])[0].split("\n"):
        starts = [hit.start() for pattern in (*_DESTRUCTIVE, *_CHANGING) for hit in pattern.finditer(line)]
        starts += [hit.start() for hit in _CMDLET.finditer(line) if _is_cmdlet(hit)]
        if starts:
            said = re.split(r"[.;!?](?:\s|$)", line[min(starts) :][:160], maxsplit=1)[0]
            found[said.strip(" `\"'")] = None
    return tuple(found)


# ── What the text says without its disguises ────────────────────────────────────────────────────────────────

_HOMOGLYPHS = str.maketrans(
    "аеіјорсухѕԁһӏԛԝвкмнтАВЕІЈКМНОРСТУХЅοαερτυιкνΑΒΕΖΗΙΚΜΝΟΡΤΥΧ‐‑‒–—―−“”„‘’‚´ \u2028\u2029",
    "aeijopcyxsdhlqwbkmhtABEIJKMHOPCTYXSoaeptuikvABEZHIKMNOPTYX-------\"\"\"'''' \n\n",
)
_UNSEEN = {"Cf", "Cc", "Mn", "Co", "Cs"}


def _looks(text: str) -> tuple[str, str]:
    """The text as a machine reads it: letters that only look alike replaced, escapes and continuations undone;
    and the same without quotes and joined strings, where a command may be cut into pieces.
    """
    plain = unicodedata.normalize("NFKC", text.replace("\r\n", "\n").replace("\r", "\n")).translate(
        _HOMOGLYPHS
    )
    plain = "".join(c for c in plain if c in "\n\t" or unicodedata.category(c) not in _UNSEEN)
    plain = re.sub(r"[`^\\][ \t]{0,20}\n", " ", plain)
    # Undone only before letters: C:\new and a lone ` of Markdown stay what they are.
    plain = re.sub(r"(?<=\w)[`^](?=[\w-])|(?<![\w`])[`^](?=\w[\w`^-]{0,40}[`^]\w)|\^(?=\w)", "", plain)
    bare = re.sub(r"[\"'][ \t]{0,9}\+[ \t]{0,9}[\"']", "", plain)
    return plain, re.sub(r"[\"'`^(\\]", "", bare)


# ── Destructive ─────────────────────────────────────────────────────────────────────────────────────────────


def _compiled(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


_AT = r"(?<![\w./\\-])"
_REST = r"[^\n|;&]{0,300}?"
_FETCH = r"(?:curl|wget|iwr|irm|invoke-webrequest|invoke-restmethod|fetch)"
_SHELLS = r"(?:ba|z|k|da|c)?sh|python\d?|perl|ruby|node|iex|invoke-expression|pwsh|powershell|cmd"

_DESTRUCTIVE = _compiled(
    # disks and volumes
    rf"{_AT}format(?:\.com)?\s{{1,5}}(?:/\w\S{{0,20}}\s{{1,5}}){{0,4}}[a-z]:(?!\w)",
    rf"{_AT}(?:format-volume|clear-disk|initialize-disk|remove-partition|reset-physicaldisk|remove-virtualdisk|remove-storagepool)\b",
    rf"{_AT}(?:mkfs(?:\.\w{{2,6}})?|wipefs|blkdiscard|sdelete(?:64)?|lvremove|vgremove|pvremove|shred)\s{{1,5}}[\w/-]",
    rf"{_AT}dd\s{_REST}\bof=/dev/|>\s{{0,3}}/dev/(?:sd|nvme|vd|hd)|{_AT}(?:zpool|zfs)\s{{1,3}}destroy\b",
    rf"{_AT}cipher(?:\.exe)?\s{_REST}/w\b|{_AT}manage-bde\s{_REST}-delete\b|{_AT}(?:clear-tpm|remove-bitlockerkeyprotector)\b",
    rf"{_AT}eseutil(?:\.exe)?\s(?:{_REST}\s)?[/-]p\b|{_AT}wsl(?:\.exe)?\s(?:{_REST}\s)?--unregister\b",
    # files in bulk
    rf"{_AT}(?:sudo\s{{1,3}})?rm\s{{1,5}}(?:-\S{{1,20}}\s{{1,5}}){{0,5}}(?:-[a-z]{{0,6}}r[a-z]{{0,6}}\b|--recursive)",
    rf"{_AT}(?:ri|rm|rd|rmdir|del|erase|remove-item)\s(?:{_REST}\s)?-r(?:e(?:c(?:u(?:r(?:se?)?)?)?)?)?(?![\w-])",
    rf"{_AT}(?:del|erase|rd|rmdir)\s(?:{_REST}\s)?/s\b|{_AT}(?:del|erase|rd|rmdir)/s\b",
    rf"{_AT}(?:get-childitem|gci|dir|ls)\s[^\n;]{{0,200}}\s-r\w{{0,6}}\b[^\n;]{{0,200}}\|\s{{0,5}}(?:remove-item|ri|rm|del|erase|rd)\b",
    rf"{_AT}(?:remove-item|ri|rm|del|erase)\s{{1,5}}(?:-\w{{1,20}}\s{{1,3}}){{0,3}}[\"']?(?:[a-z]:)?[\\/](?:users|windows|program files)?[\\/]?\*",
    rf"{_AT}robocopy\s{_REST}/(?:mir|purge)\b|{_AT}rsync\s{_REST}--delete|{_AT}find\s{_REST}-delete\b|-exec\s{{1,3}}(?:/bin/)?rm\b|xargs\s{_REST}\brm\b",
    rf"{_AT}git\s{{1,3}}(?:clean\s{{1,3}}-\w{{0,3}}f|reset\s{{1,3}}--hard|push\s{_REST}(?:--force|-f)\b)|{_AT}crontab\s{{1,3}}-r\b",
    r"\[(?:system\.)?io\.(?:directory|file)\]::delete|shutil\.rmtree|os\.(?:remove|unlink|rmdir)\b|\.deletefolder\b|\.deletefile\b",
    rf"{_AT}(?:clear-recyclebin|delprof2?)\b",
    # accounts, mailboxes, machines, zones
    rf"{_AT}remove-ad(?!groupmember|principalgroupmembership)\w{{2,40}}|{_AT}remove-(?:mailbox|mailboxdatabase|mailuser|remotemailbox|publicfolder)\b",
    rf"{_AT}remove-(?:msoluser|msolgroup|azureaduser|azureadgroup|azureaddevice|mguser|mggroup|mgdevice|mgapplication|localuser|localgroup)\b",
    rf"{_AT}remove-(?:distributiongroup|unifiedgroup|sposite|pnpsite|team|az\w{{2,30}}|vm|vmsnapshot|vmharddiskdrive|gpo|dnsserverzone|dhcpserverv4scope)\b",
    rf"{_AT}remove-(?:ciminstance|wmiobject|itemproperty|eventlog|wbbackupset|vbr\w{{2,30}}|computer|windowsfeature)\b",
    rf"{_AT}uninstall-(?:addsdomaincontroller|windowsfeature)\b|{_AT}dcpromo\b|metadata cleanup|{_AT}ntdsutil\b",
    rf"{_AT}net1?\s{{1,3}}(?:user|group|localgroup)\s{_REST}/del(?:ete)?\b|{_AT}(?:userdel|groupdel|deluser|dsrm)\s{{1,3}}\S",
    r"-deletecontent\b|-purgetype\b|new-compliancesearchaction\b[^\n]{0,200}-purge\b|(?:clear|wipe)-mobiledevice|wipemanageddevice|dnscmd\s[^\n]{0,80}/zonedelete",
    rf"{_AT}(?:az|aws|gcloud|kubectl|oc)\s{_REST}\b(?:delete|terminate-instances|purge)\b|{_AT}terraform\s{{1,3}}destroy|{_AT}helm\s{{1,3}}(?:uninstall|delete)",
    rf"{_AT}docker\s{{1,3}}(?:system\s{{1,3}}prune|volume\s{{1,3}}(?:rm|prune)|rm\s)",
    # backups, logs, boot, registry
    rf"{_AT}vssadmin\s{{1,3}}(?:delete|resize)\b|shadowcopy\s{_REST}delete|{_AT}wbadmin\s{{1,3}}delete\b|{_AT}diskshadow\b",
    rf"{_AT}wevtutil\s{{1,3}}(?:cl|clear-log)\b|{_AT}(?:clear|remove)-eventlog\b",
    rf"{_AT}bcdedit(?:\.exe)?\s{{1,3}}/(?!enum|v\b|\?)|{_AT}bootrec(?:\.exe)?\s{{1,3}}/(?!scanos)|{_AT}bootsect\s|{_AT}systemreset\b",
    rf"{_AT}reg(?:\.exe)?\s{{1,3}}delete\b|\[-hk(?:ey|lm|cu|cr|u)",
    # network gear
    rf"{_AT}write\s{{1,3}}erase\b|{_AT}erase\s{{1,3}}(?:startup-config|nvram|flash)|{_AT}delete\s{{1,3}}(?:/\w+\s)?flash:|{_AT}request system zeroize",
    rf"{_AT}(?:execute\s{{1,3}}factoryreset|load\s{{1,3}}factory-default|crypto key zeroize|clear configure all|/system reset-configuration)",
    # what cannot be seen before it runs
    rf"{_AT}{_FETCH}\b[^\n;]{{0,300}}\|\s{{0,5}}(?:sudo\s{{1,3}}(?:-\w\s)?)?(?:{_SHELLS})\b|(?:{_SHELLS})\s{{1,3}}(?:-c\s{{1,3}})?[\"']?[<$]\(\s{{0,3}}{_FETCH}\b",
    r"(?<![\w-])(?:iex|invoke-expression)(?![\w-])|downloadstring|frombase64string|\[scriptblock\]::create|invokescript|\[char\]\s{0,3}(?:0x)?\d|-bxor\b",
    r"\b(?:powershell|pwsh)(?:\.exe)?\s[^\n]{0,200}?[-/](?:e|ec|en|enc|enco\w{0,12})\s{1,3}[\w+/=]{8}|-encodedcommand\b",
    r"\bbase64\s{1,3}(?:-d|-D|--decode)\b[^\n]{0,100}\||\bmshta\s[^\n]{0,60}(?:https?:|javascript:|vbscript:)|regsvr32\s[^\n]{0,80}/i:http",
    r":\(\)\s{0,2}\{|kill\s{1,3}-9\s{1,3}-1\b|\bmv\s[^\n]{1,200}\s/dev/null\b",
)
_DESTRUCTIVE_SCRIPT = _compiled(
    r"\bdrop\s{1,5}(?:table|database|schema|view|index|user|login|column|procedure|function|role)\b|\btruncate\s{1,5}(?:table\b|-s\s{0,3}0)",
    r"\bdelete\s{1,5}(?:top\s\S{1,10}\s)?from\s{1,5}[\w\[\"`]|\bupdate\s{1,5}[\w.\[\]\"`]{1,80}\s{1,5}set\s(?![^;]{0,2000}\bwhere\b)|repair_allow_data_loss|\bxp_cmdshell\b",
    r"\bdiskpart\b(?![^\n]{0,40}\blist\b)|^\s{0,8}clean(?:\s{1,3}all)?\s{0,5}$|\bdelete\s{1,3}(?:partition|volume|disk)\b|\\nclean\b",
    r"\beval\s{1,3}[\"$`]|^\s{0,8}[&.]\s{0,3}\(?\s{0,3}[$(\"']{1,2}\w{0,20}(?:['\"]\s{0,3}\+|\s{0,3}$)|[;|=(]\s{0,3}&\s{0,3}\(?\s{0,3}\$|&\s{0,2}\(\s{0,3}[$\"'(]",
    r"(?:^|[;&|])\s{0,8}\$\([^)\n]{0,300}\)\s{1,8}[-/\w]",
    r"^\s{0,8}factory-?reset\b|iptables\s{1,3}-F\b|\"[^\"\n]{1,200}\"=-\s{0,3}$|chmod\s{1,3}-R\s{1,3}\d{3,4}\s{1,3}/\s{0,3}$",
)
_DESTRUCTIVE_SCRIPT = tuple(re.compile(p.pattern, re.IGNORECASE | re.MULTILINE) for p in _DESTRUCTIVE_SCRIPT)

# ── Commands in prose ───────────────────────────────────────────────────────────────────────────────────────

_CHANGING = _compiled(
    rf"{_AT}net1?\s{{1,3}}(?:stop|start)\s{{1,3}}[\"\w]|{_AT}net1?\s{{1,3}}(?:user|localgroup|group|share|use|accounts)\s{_REST}/(?:add|active|delete|user|grant|persistent)",
    rf"{_AT}net1?\s{{1,3}}user\s{{1,3}}[\w.-]{{1,40}}\s{{1,3}}(?=\S{{0,40}}[\d*!#@$%&])\S{{1,40}}",
    rf"{_AT}sc(?:\.exe)?\s{{1,3}}(?:\\\\\S{{1,40}}\s{{1,3}})?(?:stop|start|config|delete|create|failure)\s{{1,3}}\w",
    rf"{_AT}taskkill\s{{1,3}}/|{_AT}reg(?:\.exe)?\s{{1,3}}(?:add|import|restore|load|unload|copy)\s{{1,3}}\S|{_AT}netsh\s{_REST}\b(?:reset|set|add|delete)\b",
    rf"{_AT}ipconfig\s{{1,3}}/(?:release|renew|flushdns|registerdns)|{_AT}gpupdate\s{{1,3}}/|{_AT}shutdown(?:\.exe)?\s{{1,3}}[/-]\w|{_AT}sfc\s{{1,3}}/scan",
    rf"{_AT}dism\s{_REST}/(?:restorehealth|enable-feature|disable-feature|remove-package|startcomponentcleanup)|{_AT}chkdsk\s{_REST}/[frxb]\b",
    rf"{_AT}msiexec\s{{1,3}}/|{_AT}schtasks\s{{1,3}}/(?:create|delete|change|run|end)|{_AT}wmic\s{_REST}\b(?:call|delete|create)\b",
    rf"{_AT}icacls\s{_REST}/(?:grant|reset|deny|setowner|remove|inheritance)|{_AT}takeown\s{{1,3}}/|{_AT}attrib\s{{1,3}}[+-]\w|{_AT}(?:regsvr32|setx)\s{{1,3}}\S",
    rf"{_AT}(?:del|erase|rd|rmdir|ren)\s{{1,3}}(?:/\w{{1,3}}\s{{1,3}}){{0,4}}[\"']?(?:[a-z]:\\|%\w{{1,30}}%|\\\\|\*\.)",
    rf"{_AT}certutil\s{_REST}-(?:delstore|addstore|importpfx|urlcache)|{_AT}powercfg\s{{1,3}}[/-](?:h|hibernate|setactive|change|import|delete)\b",
    rf"{_AT}w32tm\s{{1,3}}/(?:resync|config|register|unregister)|{_AT}klist\s{{1,3}}purge|{_AT}nltest\s{{1,3}}/sc_(?:reset|change)|{_AT}repadmin\s{{1,3}}/syncall",
    rf"{_AT}(?:winget|choco|apt|apt-get|yum|dnf|snap|brew|pip\d?|npm)\s{{1,3}}(?:-\w\s{{1,3}})?(?:install|uninstall|upgrade|remove|purge|erase)\s{{1,3}}\S",
    rf"{_AT}cmdkey\s{{1,3}}/(?:add|delete|generic)|{_AT}manage-bde\s{{1,3}}-(?:on|off|unlock|pause)|{_AT}(?:dsmod|dsadd|dsmove)\s{{1,3}}\w|{_AT}pnputil\s{{1,3}}[/-](?:add|delete|a|d)",
    rf"{_AT}systemctl\s{{1,3}}(?:start|stop|restart|enable|disable|mask|reload|daemon-reload|isolate)\b|{_AT}sudo\s{{1,3}}(?!-l\b)[\w/.-]{{2,40}}\s{{1,3}}[\w/-]",
    rf"{_AT}chmod\s{{1,3}}(?:-R\s{{1,3}})?(?:[0-7]{{3,4}}|[ugoa]{{0,4}}[+=-][rwxst])|{_AT}chown\s{{1,3}}(?:-R\s{{1,3}})?\w{{1,30}}:|{_AT}kill(?:all)?\s{{1,3}}-\w{{1,8}}\s",
    rf"{_AT}(?:pkill|killall|useradd|usermod|groupadd|visudo|parted|fdisk)\s{{1,3}}[\w/-]|{_AT}iptables\s{{1,3}}-[ADIFXP]\b|{_AT}ufw\s{{1,3}}(?:allow|deny|reset|disable|enable)",
    rf"{_AT}kubectl\s{{1,3}}(?:apply|scale|rollout|edit|patch|drain|cordon)|{_AT}docker\s{{1,3}}(?:stop|restart|run|kill|exec)\s{{1,3}}\S|{_AT}(?:dnscmd|usoclient|wuauclt)\s{{1,3}}[/\w]",
    rf"{_AT}eseutil(?:\.exe)?\s{{1,3}}[/-][dr]\b|{_AT}wsl(?:\.exe)?\s{{1,3}}--(?:shutdown|terminate|install|import|set-default|update|mount|unmount)|{_AT}wusa(?:\.exe)?\s{_REST}(?:/\w|\.msu\b)",
    rf"{_AT}logoff(?:\.exe)?\s{{1,3}}(?:\d|/\w)|\b(?:run|type|enter|execute|use)\s{{1,3}}[\"'`]{{0,1}}logoff\b|`logoff`",
    rf"{_AT}(?-i:rm)\s{{1,5}}[\w./~*\"'$-]|{_AT}(?:connect|disconnect)-(?:iscsitarget|rduser|virtualdisk|vmnetworkadapter)\b",
    rf"{_AT}conf(?:igure)?\s{{1,3}}t(?:erminal)?\b(?! server)|{_AT}(?:write\s{{1,3}}memory|copy\s{{1,3}}run\w{{0,11}}\s{{1,3}}start\w{{0,14}})|{_AT}no\s{{1,3}}shut(?:down)?\s{{0,5}}$",
    r"\b(?:DROP|TRUNCATE)\s{1,3}(?:TABLE|DATABASE)\s{1,3}\w|(?-i:\bDELETE\s{1,3}FROM\s{1,3}\w|\bUPDATE\s{1,3}\w{1,60}\s{1,3}SET\s|\bALTER\s{1,3}(?:TABLE|DATABASE|LOGIN)\s)|^\s{0,5}diskpart\s{0,5}$|\brun(?:ning)?\s{1,3}diskpart\b",
)
_VERBS = (
    "Set|New|Remove|Restart|Start|Stop|Disable|Enable|Add|Clear|Reset|Repair|Update|Install|Uninstall|Unlock|Register|Unregister|Rename|Move|Copy"
    "|Invoke|Grant|Revoke|Suspend|Resume|Initialize|Dismount|Mount|Block|Unblock|Import|Publish|Undo|Optimize|Restore|Revoke|Approve|Deny|Complete"
    "|Wipe|Sync|Send|Push|Switch|Checkpoint|Hide|Debug|Protect|Unprotect|Expand|Merge|Resize|Convert|Out|Export|Write|Enter|Stage|Lock|Confirm"
)
_CMDLET = re.compile(rf"(?i)(?<![\w./\\-])(?P<verb>{_VERBS})-(?P<noun>[a-z][a-z0-9]{{2,50}})\b(?!-)")
_NOUNS = re.compile(
    r"(?i)(?:ad|mg|az|msol|azuread|net|dns|dhcp|wsus|smb|vm|bitlocker|local|ps|wmi|cim|mailbox|printer?|scheduled|item|service|process|computer|disk"
    r"|volume|partition|acl|content|file|expression|command|webrequest|restmethod|eventlog|appx|windows|firewall|mp|module|package|gpo|execution"
    r"|user|inbox|transport|distribution|cs|sp|team|unified|mobile|job|counter|clixml|date|timezone|culture|hotfix|recyclebin|tpm|spooler)\w{0,45}"
)
_HARMLESS_CMDLETS = frozenset(
    """import-module import-csv import-clixml out-string out-host out-null out-gridview write-host write-output write-verbose write-warning
    write-error write-information write-progress set-location push-location new-timespan new-object convert-path start-sleep set-strictmode
    add-type export-csv out-file enter-pssession new-pssession add-member copy-paste set-up set-date-""".split()  # noqa: SIM905
)


def _is_cmdlet(hit: re.Match[str]) -> bool:
    """`Restart-Service` and `Remove-ADUser` are commands; `Start-up` and `Add-ins` are English."""
    if hit[0].casefold() in _HARMLESS_CMDLETS:
        return False
    return bool(_NOUNS.fullmatch(hit["noun"])) or len(re.findall(r"[A-Z]", hit["noun"])) >= 2


# ── Read-only ───────────────────────────────────────────────────────────────────────────────────────────────

_CHANGES_ANYWHERE = re.compile(
    r"(?i)\s-(?:repair|install|acceptall|autoreboot|outfile|delete|remove|flush|reset)\b"
    r"|\$\w{1,60}(?:\.\w{1,60}){1,4}\s{0,3}[+-]?=(?!=)"
    r"|::\s{0,2}(?!(?:new|round|floor|ceiling|min|max|abs|parse|tryparse|isnullor\w{5,15}|join|format|combine|exists|get\w{3,30}|from(?:seconds|minutes|hours|days))\s{0,2}\()\w{1,60}\s{0,2}\("
    r"|\bawk\b[^\n]{0,400}(?:system|getline|print[^\n]{0,100}[>|])|\bsed\s(?!\s{0,5}-n\s{1,5}[\"']?[\d,$]{1,20}p[\"']?(?:\s|$))|(?:^|\|)\s{0,9}(?:%|foreach-object|foreach)\s{1,9}[a-z-]"
    r"|\.\s{0,2}(?!(?:ToString|Trim(?:Start|End)?|Split|Replace|Contains|StartsWith|EndsWith|Substring|ToLower|ToUpper|GetType|Add(?:Days|Hours|Minutes|Seconds)"
    r"|Where|ForEach|Join|Format|IsNullOrEmpty|IsNullOrWhiteSpace|Parse|TryParse|Match|Matches|GetEnumerator|ContainsKey|IndexOf|PadLeft|PadRight|Round|Floor"
    r"|ToUniversalTime|ToLocalTime|GetHostEntry|GetHostAddresses|Subtract|Exists|GetValue|Equals|GetString|GetBytes)\s{0,2}\()[A-Za-z]\w{0,60}\("
)
_REDIRECT = re.compile(r"(?<![-=<&])\d?>{1,2}(?!\s{0,3}(?:\$null|nul\b|/dev/null|&\d|[=&]))|<\(")
_QUOTED = re.compile(r"'[^'\n]{0,1000}'|\"[^\"\n$`]{0,1000}\"")
_SQL = re.compile(r"(?i)\s{0,20}(?:select|with|explain|describe|use|exec|dbcc|print|set\s{1,5}nocount)\b")
_SQL_HEADS = frozenset(
    "select with explain describe desc use print from where order group join on and or inner left having limit".split()  # noqa: SIM905
)
_KEYWORDS = (
    "if|else|elseif|elif|foreach|for|while|until|do|switch|try|catch|finally|return|param|in|begin|process|end|break|continue|then|fi|done|esac|case"
    "|function|default|not|and|or|exit|cls|pause|setlocal|endlocal|goto|true|false|exist|errorlevel|sudo|time|watch|xargs|nohup|doas"
)
_BEFORE = re.compile(
    rf"(?i)(?:\$[\w:]{{1,60}}\s{{0,9}}[+-]?=(?!=)|\[[\w.\[\]]{{1,60}}\]\s{{0,5}}(?=\$)|\w{{1,40}}\s{{0,3}}=(?!=)|for\s{{1,3}}\w{{1,30}}\s{{1,3}}in\s[^\n]{{0,500}}"
    rf"|@(?=[a-z])|!(?=\s)|(?:{_KEYWORDS})(?:\s{{1,5}}-\w{{1,8}}){{0,3}}(?=\s|$))\s{{0,9}}"
)
"""What may stand before a command: an assignment, a keyword, `sudo`."""
_READ_CMDLET = re.compile(
    r"(?:get|test|measure|select|where|sort|group|compare|resolve|find|show|convertfrom|wait|read|join|split|receive|trace)-\w{1,60}"
    r"|(?:connect|disconnect)-(?:exchangeonline|ippssession|mggraph|azaccount|azuread|msolservice|microsoftteams|sposervice|pnponline|viserver)"
    r"|search-(?!mailbox$)\w{1,40}|foreach-object|convertto-(?:json|csv|html|xml|securestring)|format-(?:table|list|wide|custom|hex)"
    r"|write-(?:host|output|verbose|warning|error|information|progress)|out-(?:string|host|null|gridview)|import-(?:module|csv|clixml)"
    r"|(?:set|push|pop)-location|start-sleep|new-timespan|new-object|set-strictmode"
)
_READERS = frozenset(
    """ping tracert pathping nslookup systeminfo whoami hostname netstat tasklist driverquery gpresult quser qwinsta dir type more findstr ver vol
    tree getmac dsquery dsget where cd chdir timeout ls cat grep egrep fgrep zgrep zcat head tail less df du free uptime ps top w who id uname lsblk
    lscpu lsusb lspci lsof ss dig host traceroute tracepath mtr stat file wc uniq cut env printenv which whereis pwd printf test sleep nmap iostat
    vmstat sar last lastlog getent sha256sum md5sum strings tr nl diff cmp readlink basename dirname jq column gci gc gp gi gm gwmi gcim gsv gps
    select ft fl fw measure ? % sls foreach cal lsmod seq date findmnt journalctl dmesg show display ipconfig sort find qprocess
    arp nbtstat dcdiag chkdsk ifconfig route net curl sed awk tcpdump ethtool mount hostnamectl timedatectl echo gal gcm help man get-help
    winver msinfo32 perfmon resmon eventvwr klist set""".split()  # noqa: SIM905
)
_NOT_WHEN = {
    name: re.compile(pattern, re.IGNORECASE)
    for names, pattern in (
        ("ipconfig", r"/(?:release|renew|flushdns|registerdns|setclassid)"),
        ("arp", r"[-/][ds]\b"),
        ("nbtstat", r"[-/]R"),
        ("dcdiag", r"/fix"),
        ("chkdsk", r"/(?:[frxb]\b|spotfix|scan|offline)"),
        ("ifconfig", r"\b(?:up|down|add|del|netmask|mtu)\b"),
        ("route", r"\b(?:add|delete|change|del|flush)\b|-f\b"),
        (
            "net",
            r"/(?!domain\b)|\b(?:start|stop|pause|continue|use|share|session|file)\s{1,3}\S|\buser\s{1,3}\S{1,60}\s{1,3}[^/\s]|\bname\b|\bsend\b",
        ),
        ("hostname", r"\s[\w-]{2,}"),
        (
            "curl",
            r"\s-\w{0,5}[XdToOF]|--(?:request|data\S{0,12}|upload-file|output|remote-name|form)\b",
        ),
        ("sed", r"\s-\w{0,4}i|--in-place|[;'\"\s]w\s"),
        ("awk", r"system|>|print\s{0,3}\|"),
        ("tcpdump", r"\s-w\b"),
        ("ethtool", r"\s-[sSKGAL]\b|--(?:change|set)"),
        ("mount", r"\S+\s{1,3}\S"),
        ("hostnamectl timedatectl", r"\bset-"),
        ("find", r"-(?:exec|execdir|ok|okdir|delete|fprint\w{0,3}|fls)\b"),
        ("date", r"\s-s\b|--set|\s\d"),
        ("journalctl", r"--(?:vacuum|rotate|flush|sync|setup)"),
        ("dmesg", r"\s-\w{0,3}[cC]|--clear|--console"),
        ("sort", r"\s-o\b|/o\b|--output"),
        ("ss", r"\s-K|--kill"),
        ("klist", r"purge|add_bind"),
        ("set", r"=|\s\S{1,40}\s{1,3}\S|\s-"),
        ("env", r"\s[\w/.-]{2,}"),
        ("select", r"\binto\b"),
        ("gpresult", r"/[hx]\b"),
    )
    for name in names.split()
}
_IP_WAYS = r"(?:4|6|s|d|o|br?|c|j|p|br?ief|color|json|pretty|details|stat\w{0,7})"
_IP_THINGS = r"(?:a|ad|add|addr|address|l|li|lin|link|r|ro|route|n|ne|neigh|neighbour|neighbor|ru|rule|maddr|netns|tunnel|mroute)"
_ONLY_WHEN = {
    name: re.compile(pattern, re.IGNORECASE)
    for names, pattern in (
        ("sc sc.exe", r"^sc(?:\.exe)?\s{1,3}(?:\\\\\S{1,60}\s{1,3})?(?:query|queryex|qc|qfailure|qdescription|sdshow)\b"),
        ("wmic", r"\b(?:get|list)\b(?!.{0,300}\b(?:call|delete|create|set)\b)"),
        ("reg reg.exe", r"^reg(?:\.exe)?\s{1,3}query\b"),
        ("dsregcmd", r"/status"),
        ("nltest", r"/(?:dsgetdc|sc_query|sc_verify|dclist|domain_trusts|dsgetsite|trusted_domains)\b"),
        ("query", r"^query\s{1,3}(?:user|session|process|termserver)"),
        ("fsutil", r"\b(?:query|diskfree|fsinfo|queryextents|drives)\b"),
        ("bcdedit", r"^bcdedit\s{0,3}(?:/(?:enum|v)\b.{0,40})?$"),
        ("manage-bde", r"-(?:status|protectors\s{1,3}-get)\b"),
        ("schtasks", r"/query"),
        ("wevtutil", r"^wevtutil\s{1,3}(?:qe|el|gl|gli|ep|gp|query-events|enum-logs|get-log)\b"),
        ("certutil", r"-(?:store|viewstore|dump|hashfile|ping|verify|verifystore)\b"),
        ("powercfg", r"[/-](?:a|availablesleepstates|batteryreport|energy|list|l|query|q|requests|lastwake|devicequery|sleepstudy|waketimers)\b"),
        ("sfc", r"/verifyonly"),
        ("dism dism.exe", r"/(?:checkhealth|scanhealth|get-\w{1,30})\b(?!.{0,200}/(?:restorehealth|enable|disable|remove|add))"),
        ("vssadmin", r"^vssadmin\s{1,3}list"),
        ("w32tm", r"/(?:query|stripchart|monitor|tz)\b"),
        ("repadmin", r"/(?:show\w{1,20}|replsummary|replsum|queue|bind)\b"),
        ("netdom", r"^netdom\s{1,3}query"),
        ("dfsrdiag", r"^dfsrdiag\s{1,3}(?:backlog|replicationstate)"),
        ("wbadmin", r"^wbadmin\s{1,3}get"),
        ("cmdkey", r"/list"),
        ("netsh", r"\bshow\b(?!.{0,200}\b(?:set|add|delete|reset)\b)"),
        ("pnputil", r"[/-](?:enum|e\b)"),
        ("openfiles", r"/query"),
        ("systemctl", r"^systemctl\s{1,3}(?:--\S{1,30}\s{1,3}){0,3}(?:status|list-\w{1,20}|is-\w{1,12}|show|cat|--failed)|^systemctl\s{1,3}--failed"),
        ("service", r"\bstatus\s{0,3}$"),
        ("docker podman", r"^\w{1,8}\s{1,3}(?:ps|logs|inspect|images|stats|info|version|top|port)\b"),
        ("kubectl oc", r"^\w{1,8}\s{1,3}(?:get|describe|logs|top|version|explain)\b"),
        ("git", r"^git\s{1,3}(?:status|log|diff|show|remote\s{1,3}-v|blame)\b"),
        ("openssl", r"^openssl\s{1,3}(?:s_client|x509|version|ciphers|verify)\b(?!.{0,200}\s-out\b)"),
        ("rpm", r"\s-q"),
        ("dpkg", r"\s(?:-l|-s|-L|--list|--status)\b"),
        ("apt apt-cache yum dnf", r"^\S{2,9}\s{1,3}(?:list|show|policy|info|search)\b"),
        # “ip” takes any beginning of a word: “ip l s” is “ip link set”, “ip a s” is “ip address show”.
        ("ip", rf"^ip(?:\s{{1,3}}-{_IP_WAYS})*\s{{1,3}}(?:{_IP_THINGS}(?:\s{{1,3}}(?:sho|show|li|lis|list|lst|ls|get)(?:\s.{{0,200}})?)?|a(?:ddr(?:ess)?)?\s{{1,3}}s)$"),
        ("nmcli", r"\b(?:show|status|list)\b"),
        ("smartctl", r"\s-(?:a|H|i|x|l)\b"),
        ("crontab", r"\s-l\b"),
        ("iptables ip6tables", r"\s-(?:L|S|n?v?L\w{0,3})\b(?!.{0,100}\s-[ADIFXPZ]\b)"),
        ("ufw", r"\bstatus\b"),
        ("exec execute", r"\bsp_(?:who2?|help\w{0,20}|lock|spaceused|readerrorlog)\b"),
        ("dbcc", r"^dbcc\s{1,3}(?:checkdb|opentran|sqlperf|showcontig|checktable)\b(?!.{0,200}repair)"),
        ("get", r"^get\s{1,3}(?:system|router|hardware|vpn|firewall)\b"),
        ("terminal", r"^terminal\s{1,3}(?:length|pager)\b"),
    )
    for name in names.split()
}  # fmt: skip


_INNER = re.compile(
    r"\s{0,40}(?:(?:powershell|pwsh)(?:\.exe)?\s{1,5}(?:-(?:noprofile|nop|nologo|noninteractive)\s{1,5}|-(?:executionpolicy|ep)\s{1,5}\w{1,20}\s{1,5}){0,5}"
    r"-c(?:ommand)?|cmd(?:\.exe)?\s{1,5}/c|(?:ba)?sh\s{1,5}-c)\s{1,5}(?P<quote>[\"']?)(?P<inner>.{1,4000}?)(?P=quote)\s{0,20}$",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"\s{0,40}(?:#(?!\{)|rem\s|::|//|--\s)", re.IGNORECASE)
_EXPRESSION = re.compile(r"[$'\"@\[\]%,.:!*=+<>?-]|[\d.]{1,20}(?:[kmgt]b)?(?:[,)\]/*+-]|$)")
_PROGRAM = re.compile(
    r"(?i)(?:^|[;&|(){}]|\belse\b|\bdo\b)\s{0,20}[\"'][^\"'\n]{0,300}\.(?:exe|cmd|bat|com|ps1|sh|msi|vbs)[\"']"
)
_COMPARES = re.compile(
    r"(?i)(?:[,+*/%=\]\[<>!?.:)]|in\s|-\s|-[ci]?(?:eq|ne|like|notlike|match|notmatch|in|notin|contains|notcontains|gt|lt|ge|le|is|as|and|or|replace|split"
    r"|join|band)\b|\||$)"
)


def _pieces(text: str, language: str) -> Iterator[str]:
    """The single commands of a script; what stands in plain quotes is no command."""
    for line in text.split("\n"):
        if inner := _INNER.fullmatch(line[:5_000]):
            yield from _pieces(inner["inner"], language)
            continue
        if comment := _COMMENT.match(line):
            ends = "&|" if "#" in comment[0] else ";&|"
            if not any(c in line for c in ends):
                continue
        bare = _QUOTED.sub("'x'", line)
        # A query may compare with “>”; every other command writes a file with it.
        query = re.match(r"\s{0,40}(?:select|with|where|and|or|having|from)\b", bare, re.IGNORECASE)
        if (_REDIRECT.search(bare) and not query) or _PROGRAM.search(line):
            yield "> file"
        yield from re.split(r"[;|&{}()`]|\$\(", bare)


def _reads(piece: str, *, sql: bool = False) -> bool:
    """Whether one command is known to change nothing."""
    said = piece.strip().lstrip(", ")
    for _ in range(9):
        said = said[before.end() :] if (before := _BEFORE.match(said)) else said
    head = said.split(maxsplit=1)[0].casefold() if said else ""
    if not head or (sql and said.casefold() == "go"):
        return True
    if head not in ("%", "?", ".") and _EXPRESSION.match(head):
        parameter = bool(re.match(r"-[a-z]", head))
        started = re.match(r"\.{1,2}[/\\]|> file|%\w{1,40}%\S", said)
        return not started and (parameter or bool(_COMPARES.match(said[len(head) :].strip())))
    head = head.removesuffix(".exe")
    if head in _ONLY_WHEN:
        plain = re.sub(r"^(\S{1,40}?)\.exe\b", r"\1", said, flags=re.IGNORECASE)
        return bool(_ONLY_WHEN[head].search(plain))
    if head in _READERS or (sql and head in _SQL_HEADS):
        return not (head in _NOT_WHEN and _NOT_WHEN[head].search(said))
    return bool(_READ_CMDLET.fullmatch(head))
