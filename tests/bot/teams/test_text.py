"""What a person wrote in Teams: the bot's mention cut and nothing else, and plain lines where only HTML came."""

from __future__ import annotations

from typing import Any

import pytest

from bot.teams.text import plain, without_mention, words

BOT = {"id": "28:app", "name": "FlowPilot"}
NAMESAKE = {"id": "29:ben", "name": "FlowPilot"}


def mention(who: dict[str, str] = BOT, text: str = "") -> dict[str, Any]:
    return {"type": "mention", "text": text or f"<at>{who['name']}</at>", "mentioned": who}


def said(text: str, *entities: Any, html: str = "") -> dict[str, Any]:
    attachments = [{"contentType": "text/html", "content": html}] if html else []
    return {"text": text, "recipient": BOT, "entities": list(entities), "attachments": attachments}


@pytest.mark.parametrize(
    ("text", "entities", "left"),
    [
        ("<at>FlowPilot</at> VPN is down", [mention()], "VPN is down"),
        ("<at>FlowPilot</at>&nbsp;VPN\xa0is down\n", [mention()], "VPN is down"),
        ("VPN <at>FlowPilot</at> is down", [mention()], "VPN is down"),
        ("VPN is down <at>FlowPilot</at>", [mention()], "VPN is down"),
        ("<at>FlowPilot</at> <at>FlowPilot</at> help", [mention(), mention()], "help"),
        ("<at>FlowPilot</at> the FlowPilot app hangs", [mention()], "the FlowPilot app hangs"),
        ("<at>Flow</at> <at>Pilot</at> hi", [mention(text="<at>Flow</at>"), mention(text="<at>Pilot</at>")], "hi"),
        ("<at>FlowPilot</at> ask <at>Ben B.</at>", [mention(), mention({"id": "29:b", "name": "Ben B."})], "ask @Ben B."),
        ("<at>FlowPilot</at> <at>FlowPilot</at>", [mention(NAMESAKE), mention()], "@FlowPilot"),
        ("<at>FlowPilot</at> <at>FlowPilot</at>", [mention(), mention(NAMESAKE)], "@FlowPilot"),
        ("no mention at all", [], "no mention at all"),
        ("<at>FlowPilot</at> typed, not mentioned", [], "<at>FlowPilot</at> typed, not mentioned"),
        ("error:\r\n\r\n    indented   code\r\n", [], "error:\n\n    indented   code"),
        ("<at>FlowPilot</at> a.*b", [mention(text="<at>.*</at>")], "<at>FlowPilot</at> a.*b"),
        ("text <data> & more", [], "text <data> & more"),
    ],
)  # fmt: skip
def test_the_mention_of_the_bot_is_cut_and_nothing_else(text: str, entities: list[Any], left: str) -> None:
    assert without_mention(said(text, *entities)) == left


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": None},
        {"text": 7},
        {"text": [], "entities": {}, "attachments": "?"},
        {"text": "", "entities": [None, 7, {"type": "mention"}, {"type": "mention", "mentioned": []}]},
        {
            "text": "",
            "recipient": [],
            "entities": [{"type": "mention", "text": 7, "mentioned": {"id": None}}],
        },
        {"text": "", "attachments": [None, {"contentType": 7}, {"contentType": "text/html", "content": 7}]},
    ],
)
def test_whatever_else_is_sent_is_no_text(body: dict[str, Any]) -> None:
    assert without_mention(body) == ""
    assert words(body) == ""


def test_nobody_is_the_bot_where_nobody_is_named_as_the_recipient() -> None:
    entity = {"type": "mention", "text": "<at>X</at>", "mentioned": {"name": "X"}}
    assert without_mention({"text": "<at>X</at> hi", "entities": [entity]}) == "@X hi"


# ── HTML ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("html", "lines"),
    [
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("<div>one<br>two<br/>three</div>", "one\ntwo\nthree"),
        ("<ul><li>one</li><li>two</li></ul>after", "one\ntwo\nafter"),
        ("a &lt;b&gt; &amp; c&nbsp;d &#228; &quot;", 'a <b> & c d ä "'),
        ("<p>much \n   white\tspace</p>", "much white space"),
        ("<b>bold</b> and <i>italic</i>", "bold and italic"),
        ("<pre>if x:\n    y  =  1\n</pre><p>done</p>", "if x:\n    y  =  1\ndone"),
        ("<codeblock><code>a<br>  b   c</code></codeblock>", "a\n  b   c"),
        ("see <code>Get-Item  -Path</code> now", "see Get-Item  -Path now"),
        ("a<script>alert('x')</script>b<style>p{}</style>c", "abc"),
        ("<head><title>t</title></head><p>body</p>", "body"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a\tb\nc"),
        ("<blockquote>what I quote myself</blockquote><p>mine</p>", "what I quote myself\nmine"),
        ("<p>one<p>two<div>three", "one\ntwo\nthree"),
        ("</p></div>still here", "still here"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<p>one</p><p>&nbsp;</p><p>&nbsp;</p><p>&nbsp;</p><p>two</p>", "one\n\ntwo"),
        ("<p>error</p><p>&nbsp;&nbsp;at line 1</p>", "error\n  at line 1"),
        ("<img src='x' onerror='y'>picture", "picture"),
        ("<!-- a remark -->text", "text"),
        ("", ""),
    ],
)
def test_html_becomes_the_lines_one_sees(html: str, lines: str) -> None:
    assert plain(html) == lines
    assert words(said("", html=html)) == lines


def test_the_text_is_preferred_to_the_html_beside_it() -> None:
    assert words(said("<at>FlowPilot</at> text", mention(), html="<p>html</p>")) == "text"


def test_a_mention_in_html_is_cut_where_it_is_the_bots_and_named_where_it_is_not() -> None:
    span = '<span itemscope="" itemtype="http://schema.skype.com/Mention" itemid="{}">{}</span>'
    html = f"<div>{span.format(0, 'FlowPilot')}&nbsp;ask {span.format(1, 'Ben')} please</div>"
    assert words(said("", mention(), mention({"id": "29:b", "name": "Ben"}), html=html)) == "ask @Ben please"


def test_a_quoted_message_is_not_what_he_wrote_himself() -> None:
    quote = (
        '<blockquote itemscope itemtype="http://schema.skype.com/Reply" itemid="17"><strong itemprop="mri">Ben</strong>'
        '<span itemprop="time"></span><p itemprop="preview">old words</p></blockquote>'
    )
    body = said("Ben\r\nold words\r\n\r\nit still fails", html=f"{quote}<p>it still fails</p>")
    assert words(body) == "it still fails"
    assert words(said("only the text", html=quote)) == "only the text"


def test_deep_and_broken_html_ends() -> None:
    assert plain("<div>" * 20_000 + "deep") == "deep"
    assert plain("<" * 2_000) == "<" * 2_000


def test_a_text_that_a_client_wrote_as_html_does_is_read_as_it_was_meant() -> None:
    assert words({"text": "&lt;Access &amp; denied&gt; on C:"}) == "<Access & denied> on C:"
    # Somebody who writes about HTML meant what he wrote.
    assert words({"text": "it shows &lt; instead of <"}) == "it shows &lt; instead of <"
    assert words({"text": "A & B read &amp;"}) == "A & B read &amp;"
