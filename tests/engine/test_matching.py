"""Finding the flow for a text: how often it is right, what must never match, and odd input."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from engine.flows import Flow, FlowState
from engine.matching import OFFER, SUGGEST, MatchIndex, build_index, match
from storage.library import built_in_decoys, built_in_flows

# Written the way users and dispatchers write, not taken from the flows' own symptoms. The flows are not adapted to
# these sentences: whoever changes a flow because of one moves that sentence out and writes a new one.
SYMPTOMS = {
    "outlook-password-prompts": """
        since this morning Outlook asks me for my password again and again, I type it and the box comes right back
        Hi, my Outlook says Need Password at the bottom right and no new mails come in. Webmail is fine.
        user changed his pw yesterday, now outlook prompts for credentials nonstop
        The little Microsoft sign in window pops up every couple of minutes in Outlook and it drives me crazy
        Outlook won't take my password any more
    """,
    "account-lockout": """
        Jane can't get into Windows, it says the account is locked
        I've unlocked him three times today in AD and ten minutes later he's locked out again
        getting message that the referenced account is currently locked out
        typed my password wrong too many times and now I'm locked out of my account, can you unlock me
        lots of 4740 events on the DC for user mmiller, need to find what locks the account
    """,
    "vpn-connection": """
        working from home today and the VPN just won't connect
        VPN gives error 809 on the new laptop
        I'm connected to the VPN but can't open anything on the office server
        L2TP connection attempt failed because the security layer encountered a processing error 789
        my vpn drops every five minutes when I am at the hotel
    """,
    "printer-offline": """
        The printer on the second floor says offline and nobody can print
        I sent a document to the printer and nothing comes out, it's still sitting in the queue
        print spooler keeps crashing on the print server
        I can't print invoices, the jobs are stuck
        error 0x0000011b when adding the shared printer
    """,
    "dns-resolution": """
        Chrome shows DNS_PROBE_FINISHED_NXDOMAIN on every page
        we can reach the server by IP but not by its name
        websites don't open, it says the DNS server isn't responding
        name resolution for the file server fails on three PCs, ping to the address works
        server IP address could not be found when opening our intranet
    """,
    "disk-full": """
        My C drive is full, I can't save anything
        RMM alert: low disk space on SRV-FILE01 C: 2% free
        not enough space on the disk when I try to save my spreadsheet
        hard drive of the SQL server has run out of space
        the red bar under drive C, only 300 MB free space left
    """,
    "remote-desktop": """
        I can't remote into my work computer, remote desktop says it can't connect
        RDP to the terminal server gives a black screen after I log in
        An authentication error has occurred, this could be due to CredSSP encryption oracle remediation
        user gets 'not authorized for remote login' on the RDS host
        no remote desktop license servers available, all users are kicked
    """,
    "mfa-device-lost": """
        I got a new phone and now the authenticator app doesn't show my work account
        my phone was stolen on holiday and I can't approve the login request
        please reset the MFA for Tom, he has a new mobile
        the six digit code from Microsoft Authenticator is always wrong
        I dropped my phone in a lake and need the approval to sign in
    """,
    "onedrive-sync": """
        OneDrive has been stuck on processing changes since Monday
        files on my desktop have a red cross and don't sync to OneDrive
        the SharePoint folder in my Explorer isn't updating any more, colleague's new files don't show up
        One Drive not syncing on Karen's laptop
        onedrive error 0x8004de40 after changing network
    """,
    "teams-audio": """
        in Teams meetings people can't hear me
        I hear nothing when I join a Teams call
        My headset isn't recognised by Teams, microphone stays silent
        everyone says I sound like a robot in Teams
        the mic doesn't work in teams since the update
    """,
    "slow-pc": """
        my laptop is so slow it takes 15 minutes to boot
        computer freezes all the time, I have to wait for every click
        task manager shows disk at 100% and everything crawls
        PC very slow since last week, opening Word takes minutes
        the fan of my notebook is roaring and the machine is sluggish
    """,
    "bitlocker-recovery": """
        my laptop asks for a BitLocker key when I turn it on
        blue screen that wants a recovery key with 48 digits
        after the BIOS update the PC wants the recovery key at every boot
        User needs bit locker recovery, key ID starts with 7F3A
        It says enter the recovery key to get going again
    """,
    "mailbox-full": """
        I can't send emails because my mailbox is full
        customers get a bounce saying my mailbox quota is exceeded
        I get the warning that my mailbox has almost reached its size limit
        please give me more space for my mails, Outlook says mailbox is too big
        5.2.2 mailbox full when mailing to info@
    """,
    "phishing-report": """
        I think I clicked on a bad link in an email
        got a weird email from the CEO asking for gift cards, is this a scam?
        I typed my password on a page that looked like Microsoft but I think it was fake
        this mail looks suspicious, it has an invoice attached that I didn't order
        my contacts tell me they get spam mails from me
    """,
    "wifi-connection": """
        my laptop doesn't connect to the wifi in the office
        WiFi drops out all the time in the conference room
        I'm connected to the wireless but have no internet
        the Wi-Fi symbol is gone and I can't see any networks
        wireless keeps asking for the network password and refuses it
    """,
}

UNRELATED = """
    Could you order me a new keyboard and a mouse?
    Excel crashes whenever I filter a column
    Please create an account for our trainee starting Monday
    The projector in room 4 shows no picture
    How do I put a table of contents into Word?
    I need access to the marketing folder
    QuickBooks says the company file is already open
    our website shows error 502 since lunch
    can someone come by and move my desk phone to the other office
    The scanner doesn't send PDFs to my email
    toner is low on the big copier
    AutoCAD license has expired
    Where can I see my holiday balance?
    laptop battery only lasts forty minutes
    Veeam job failed last night on the accounting VM
    Need a quote for five monitors
    ok thanks
    good morning, how are you
    brb
    My second screen stays black when I dock
    Adobe wants me to sign in to edit a PDF
    Windows update has been at 30 percent for two hours
    the door badge of our new colleague doesn't open the garage
    SQL job that loads the warehouse did not run
    Please add anna@ to the sales distribution list
    My calendar invitations arrive with the wrong time
    I deleted a folder by accident, can you restore it
    voicemail light blinks but there are no messages
    The cash register doesn't talk to the card terminal
    camera in Teams is black
    I want to change the greeting on my phone
    the coffee machine is broken again
    Is there a meeting about the office move next week?
    Outlook can't find mails when I search for them
    laptop screen is cracked after I dropped it
    SAP is asking for a transport number
    The UPS in the server room beeps
    Can you make the fonts on my screen bigger
    Power BI dashboard shows last month's figures
    Please set an out of office for Martin, he's ill
    My signature has a broken logo
    the blue light on the NAS is blinking
    Salesforce import created every contact twice
    Which version of Windows do we use?
    keyboard types z instead of y
    I can't open the Visio drawing from the supplier
    Spilled coffee over my laptop
    we need a firewall rule for the new camera supplier
    Chrome lost all my bookmarks
    ransom note on the desktop and all files have a strange ending
"""

# Close to a flow by its words, and still not its problem.
NEAR_MISSES = """
    Teams chat messages from my boss do not arrive
    Outlook closes by itself when I open an attachment
    I forgot my password for the tax portal
    the printer needs a new drum and toner
    my phone has a broken screen, can I get a new one
    please unlock the door to the server room for the electrician
    delete the old laptop from Intune
    I need VPN access for a new contractor
    where can I download Teams on my private computer
    our internet is slow for everybody in the afternoon
    please set up email on my new iPhone
    the hard disk on the camera recorder makes noises
    can you raise the file size limit on our web form
    can I get Wi-Fi vouchers for our visitors tomorrow
    move our domain name to another registrar
    please install the printer at Lisa's new desk
    the USB headset's ear pad is torn, please order one
    give Tom's mailbox to his successor
    turn BitLocker on for the five new laptops
    which cloud storage may I use for customers' files
"""


@pytest.fixture(scope="module")
def index() -> MatchIndex:
    return build_index(built_in_flows(), built_in_decoys())


def lines(block: str) -> list[str]:
    return [line.strip() for line in block.splitlines() if line.strip()]


def expected() -> list[tuple[str, str]]:
    return [(flow, line) for flow, block in SYMPTOMS.items() for line in lines(block)]


def best(index: MatchIndex, text: str) -> tuple[str, float]:
    found = match(index, text)
    return (found[0].flow_id, found[0].score) if found else ("", 0.0)


def flow(name: str) -> Flow:
    return next(one for one in built_in_flows() if one.id == name)


def test_the_evaluation_is_large_enough_and_copies_no_symptom() -> None:
    assert len(expected()) >= 60
    assert len(lines(UNRELATED)) >= 40
    own = {symptom.casefold() for one in built_in_flows() for symptom in one.symptoms}
    assert not [line for _, line in expected() if line.casefold() in own]


def test_every_packaged_flow_is_asked_for_in_several_ways() -> None:
    asked = [name for name, _ in expected()]
    assert {name for name in asked if asked.count(name) >= 3} == {one.id for one in built_in_flows()}


def test_users_words_find_the_right_flow_first(index: MatchIndex) -> None:
    """Measured: 72 of 75."""
    right = [name for name, line in expected() if best(index, line)[0] == name]
    assert len(right) / len(expected()) >= 0.92


def test_most_users_words_are_sure_enough_to_suggest_and_nearly_all_to_offer(index: MatchIndex) -> None:
    """Measured: 52 of 75 at or above SUGGEST, 65 of 75 at or above OFFER."""
    scores = [best(index, line)[1] for name, line in expected() if best(index, line)[0] == name]
    assert sum(score >= SUGGEST for score in scores) / len(expected()) >= 0.65
    assert sum(score >= OFFER for score in scores) / len(expected()) >= 0.82


def test_what_is_suggested_is_the_right_flow(index: MatchIndex) -> None:
    wrong = [
        line
        for name, line in expected()
        for found in [best(index, line)]
        if found[1] >= SUGGEST and found[0] != name
    ]
    assert wrong == []


def test_other_problems_and_chatter_are_never_suggested(index: MatchIndex) -> None:
    assert [line for line in lines(UNRELATED) if best(index, line)[1] >= SUGGEST] == []


def test_near_misses_are_never_suggested(index: MatchIndex) -> None:
    assert [line for line in lines(NEAR_MISSES) if best(index, line)[1] >= SUGGEST] == []


def test_a_symptom_its_flow_does_not_list_still_finds_the_flow() -> None:
    """Each symptom is taken out of its flow and asked for. Measured: 91 of 120 first, 32 at or above SUGGEST."""
    flows = list(built_in_flows())
    first = asked = 0
    for place, one in enumerate(flows):
        for symptom in one.symptoms:
            shorter = replace(one, symptoms=tuple(other for other in one.symptoms if other != symptom))
            index = build_index([*flows[:place], shorter, *flows[place + 1 :]], built_in_decoys())
            first += best(index, symptom)[0] == one.id
            asked += 1
    assert first / asked >= 0.7


def test_an_ordinary_problem_no_decoy_describes_is_hardly_ever_suggested() -> None:
    """Each decoy is taken out and asked for. Measured: 1 of 230 at or above SUGGEST, 5 at or above OFFER."""
    decoys = list(built_in_decoys())
    scores = [
        best(build_index(built_in_flows(), decoys[:place] + decoys[place + 1 :]), decoy)[1]
        for place, decoy in enumerate(decoys)
    ]
    assert sum(score >= SUGGEST for score in scores) / len(decoys) <= 0.01
    assert sum(score >= OFFER for score in scores) / len(decoys) <= 0.04


def test_scores_are_probabilities_and_fall(index: MatchIndex) -> None:
    for _, line in expected():
        scores = [found.score for found in match(index, line, k=5)]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)


def test_a_tiny_library_does_not_match_everything() -> None:
    alone = build_index([flow("printer-offline")], built_in_decoys())
    assert [line for line in lines(UNRELATED) if best(alone, line)[1] >= OFFER] == []
    assert best(alone, "the print jobs are stuck in the queue")[1] >= SUGGEST


def test_a_decoy_that_fits_best_means_no_match() -> None:
    decoys = ["The coffee machine prints an offline message"]
    assert match(build_index(built_in_flows(), decoys), "coffee machine prints an offline message") == ()


def test_only_flows_that_may_be_offered_match() -> None:
    printer = flow("printer-offline")
    for state, offered in [("wip", False), ("archived", False), ("not_validated", True), ("validated", True)]:
        index = build_index([replace(printer, state=FlowState(state))], built_in_decoys())
        assert bool(match(index, "printer is offline, print jobs stuck in the queue")) is offered


@pytest.mark.parametrize(
    "text", ["", "   \n\t", "the of and it is", "!!! ??? …", "¯\\_(ツ)_/¯", "🖨️", "\x00\x00", "zzqx"]
)
def test_a_text_that_says_nothing_matches_nothing(index: MatchIndex, text: str) -> None:
    assert match(index, text) == ()


def test_a_very_long_text_is_read_from_its_beginning(index: MatchIndex) -> None:
    filler = " ".join(f"word{number}" for number in range(10_000))
    assert match(index, filler) == ()
    assert best(index, "Printer offline, jobs stuck in the print queue. " + filler)[0] == "printer-offline"
    assert match(index, "x" * 1_000_000) == ()


def test_spelling_and_script_do_not_matter(index: MatchIndex) -> None:
    assert best(index, "ＯＮＥＤＲＩＶＥ is not syncing") == best(index, "one drive isn't Syncing")
    assert match(index, "принтер не печатает") == ()


def test_an_index_without_flows_or_texts_matches_nothing() -> None:
    assert match(build_index([], []), "printer offline") == ()
    assert match(build_index([], built_in_decoys()), "printer offline") == ()
    assert match(build_index([], ["", "the"]), "printer offline") == ()


def test_at_most_k_flows_come_back(index: MatchIndex) -> None:
    text = "cannot connect, password refused"
    assert [len(match(index, text, k)) for k in (0, 1, 2, 3)] == [0, 1, 2, 3]


def test_one_flow_needs_no_rival() -> None:
    assert best(build_index([flow("slow-pc")], []), "computer is slow")[0] == "slow-pc"


def test_threads_share_one_index(index: MatchIndex) -> None:
    texts = [line for _, line in expected()]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda text: match(index, text), texts)) == [
            match(index, text) for text in texts
        ]


def test_building_and_matching_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    match(build_index(built_in_flows(), built_in_decoys()), "printer offline")
    printed = capfd.readouterr()
    assert printed.out + printed.err == ""
