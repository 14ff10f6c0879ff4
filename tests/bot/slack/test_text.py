"""What a person wrote in Slack comes back as he wrote it, line by line, and no link says less than where it leads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.text import mentioned, mentions, plain, speaks_to
from engine.intake import find_tickets, read

LOG = """2026-03-02 09:00:01 ERROR [spooler] <job 4711> failed: a && b
    at Print.Spooler("x" => 'y')
\tcode=0x80070005 &lt; is what the log itself says

2026-03-02 09:00:02 WARN retry <1/3>"""


def escaped(text: str) -> str:
    """As Slack escapes what people type."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@given(st.text())
def test_any_text_escaped_as_slack_does_comes_back(text: str) -> None:
    assert plain(escaped(text), "U0FLOW") == text.replace("```", "").strip() or "```" in text


@given(st.text(alphabet="&<>;|@#!abU0`ltgmp \n"))
def test_text_that_looks_like_slack_markup_comes_back_too(text: str) -> None:
    if "```" not in text:
        assert plain(escaped(text), "U0FLOW") == text.strip()


@pytest.mark.parametrize(
    "sent",
    [
        escaped(LOG),
        f"```{escaped(LOG)}```",
        f"```\n{escaped(LOG)}\n```",
        f"  ```\n{escaped(LOG)}\n  ```",
    ],
)
def test_a_pasted_log_survives_line_by_line_in_a_fence_or_without(sent: str) -> None:
    assert plain(sent, "U0FLOW").split("\n") == LOG.split("\n")
    assert (read(plain(sent)).log or "").strip() == LOG


def test_words_around_a_fence_stay_on_their_own_lines() -> None:
    sent = f"it prints nothing\n```\n{escaped(LOG)}\n```\nany ideas?"
    assert plain(sent).split("\n") == ["it prints nothing", *LOG.split("\n"), "any ideas?"]


def test_a_log_in_the_middle_keeps_its_indentation() -> None:
    assert plain("see\n```  first\n    second```") == "see\n  first\n    second"


@pytest.mark.parametrize(
    ("sent", "means"),
    [
        ("<@U0FLOW> printer down", "printer down"),
        ("<@U0FLOW|flowpilot> printer down", "printer down"),
        ("printer down <@U0FLOW>", "printer down"),
        ("ask <@U0BEN>", "ask @Ben Ortiz"),
        ("ask <@U0BEN|benny>", "ask @Ben Ortiz"),
        ("ask <@U0NEW>", "ask @U0NEW"),
        ("ask <@W0NEW|nina>", "ask @nina"),
        ("see <#C0HELP|helpdesk>", "see #helpdesk"),
        ("see <#C0HELP|>", "see #C0HELP"),
        ("<!here> it is down", "@here it is down"),
        ("<!subteam^S0NET|@network> please", "@network please"),
        ("<!subteam^S0NET> please", "@subteam please"),
        ("<!date^1392734382^{date}^https://a.example/|Feb 18> it began", "Feb 18 it began"),
        ("Mail &lt;prod&gt; &amp; web", "Mail <prod> & web"),
        ("?a=1&copy=2 &nbsp;", "?a=1&copy=2 &nbsp;"),
        ("Server <prod01> is down", "Server <prod01> is down"),
        ("a < b > c", "a < b > c"),
    ],
)
def test_names_channels_and_escapes_are_undone(sent: str, means: str) -> None:
    assert plain(sent, "U0FLOW", {"U0BEN": "Ben Ortiz"}) == means


@pytest.mark.parametrize(
    ("sent", "means"),
    [
        ("<https://a.example/x?b=1&amp;c=2>", "https://a.example/x?b=1&c=2"),
        ("<http://printer01.example.com|printer01.example.com>", "printer01.example.com"),
        ("<https://a.example/|a.example>", "a.example"),
        ("<mailto:ann@a.example|ann@a.example>", "ann@a.example"),
        ("<tel:+4930123|+4930123>", "+4930123"),
        ("the <https://wiki.example/p5|printer in room 5> again", "the printer in room 5 <https://wiki.example/p5> again"),
        ("<ftp://files.example/a|a>", "a <ftp://files.example/a>"),
    ],
)  # fmt: skip
def test_a_link_is_its_address_and_keeps_the_words_it_stands_under(sent: str, means: str) -> None:
    assert plain(sent) == means


@pytest.mark.parametrize(
    ("sent", "leads"),
    [
        ("<https://bank.example.evil.example|bank.example>", "https://bank.example.evil.example"),
        ("<https://evil.example/?bank.example|bank.example>", "https://evil.example/?bank.example"),
        ("<https://evil.example|https://bank.example>", "https://evil.example"),
        ("<https://evil.example|e>", "https://evil.example"),
        ("<mailto:thief@evil.example|boss@bank.example>", "thief@evil.example"),
        ("<tel:+900666|+49 30 123>", "+900666"),
    ],
)
def test_no_label_hides_where_a_link_leads(sent: str, leads: str) -> None:
    assert leads in plain(sent)


def test_a_ticket_under_a_label_is_still_a_ticket_and_nothing_else() -> None:
    link = "https://na.myconnectwise.net/v4_6_release/services/system_io/Service/fv_sr100_request.rails?service_recid=4711"
    said = plain(f"<{link}|#4711>")
    assert [found.number for found in find_tickets(said)] == [4711]
    assert read(said).type == "psa_ticket"


def test_whom_a_message_names() -> None:
    assert mentions("hello <@U0FLOW>", "U0FLOW")
    assert mentions("hello <@U0FLOW|flow>", "U0FLOW")
    assert not mentions("hello <@U0FLOWER>", "U0FLOW")
    assert not mentions("hello &lt;@U0FLOW&gt;", "U0FLOW")
    assert not mentions("<@> hello", "")
    assert speaks_to("  <@U0BEN> look") == "U0BEN"
    assert speaks_to("look <@U0BEN>") == ""
    assert mentioned("<@U0BEN> and <@W1|x> and <@U0BEN>") == ("U0BEN", "W1")
