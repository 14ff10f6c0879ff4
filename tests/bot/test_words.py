"""The words: every key the engine names has a sentence, none is unused, and all of them keep to the house's tone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from bot import cards
from bot.words import WORDS, named, say
from bot.words_cards import CARDS
from bot.words_forms import FORMS
from bot.words_guide import GUIDE
from bot.words_lists import LISTS
from bot.words_model import MODEL
from bot.words_notices import NOTICES
from bot.words_pictures import PICTURES
from bot.words_slack import SLACK
from bot.words_slack_said import SLACK_SAID
from bot.words_teams import TEAMS
from engine.session import OPEN, Status
from tests.bot.card_views import view
from tests.bot.card_views import words as words_of

ROOT = Path(__file__).parents[2]
BANNED = ("manager", "helper", "util", "utils", "service", "handler", "processor", "common", "data", "info")
REMINDERS = {"unclaimed", "unclaimed_mention", "paused_reminder", "idle_owner", "idle_lead", "unposted"}


def trees(pattern: str) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(ROOT.glob(pattern)):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def texts_in(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def told_by_the_engine() -> set[str]:
    """Every key that a Tell or an Announce may carry, wherever it is written down."""
    found: set[str] = set()
    for _, tree in trees("engine/*.py"):
        named_here: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Tell", "Announce"):
                what = next(k.value for k in node.keywords if k.arg == "what")
                found |= set(texts_in(what))
                if isinstance(what, ast.Name):
                    named_here.add(what.id)
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and any(getattr(t, "id", "") in named_here for t in node.targets):
                found |= set(texts_in(node.value))
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {node.value} if node.value.startswith("refused.") else set()
    found.discard("refused.while_")
    return found | {f"refused.while_{status.value}" for status in OPEN}


def told_by_the_bot() -> set[str]:
    """Keys written out where this room itself tells or shows a sentence."""
    found: set[str] = set()
    for _, tree in trees("bot/*.py"):
        for node in ast.walk(tree):
            name = (
                getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
            )
            if isinstance(node, ast.Call) and name in ("Tell", "Announce"):
                found |= {key for k in node.keywords if k.arg == "what" for key in texts_in(k.value)}
            elif isinstance(node, ast.Call) and name == "notice" and node.args:
                found |= {
                    a.value for a in node.args[:1] if isinstance(a, ast.Constant) and isinstance(a.value, str)
                }
            elif (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node.value.startswith("notice:")
            ):
                found.add(node.value.removeprefix("notice:"))
            elif isinstance(node, ast.Call) and name == "tell" and len(node.args) > 1:
                found |= set(texts_in(node.args[1]))
    return {key for key in found if key and not key.endswith(":")}


def forms_of_the_engine() -> set[str]:
    found: set[str] = set()
    for _, tree in trees("engine/*.py"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ShowForm":
                found |= set(texts_in(next(k.value for k in node.keywords if k.arg == "form")))
    return found


def test_the_search_finds_keys_in_every_way_they_are_written() -> None:
    found = told_by_the_engine()
    assert {"note_kept", "more_needed", "time_dropped", "refused.leads_only", "refused.while_paused"} <= found


def test_everything_the_engine_tells_has_a_sentence() -> None:
    for what in sorted(told_by_the_engine() | REMINDERS):
        status = {"abandoned": Status.ABANDONED, "resolved": Status.RESOLVED}.get(
            what, Status.REQUESTING_ESCALATION
        )
        drawn = cards.notice(what, view(status), "Ben Carter", lines=("Problem: Printer offline.",))
        said = " ".join([drawn.title, *(b.text for b in drawn.blocks if b.block == "text")])
        assert len(said) > 20, what
        assert "{" not in said, what


def test_everything_this_room_tells_has_a_sentence() -> None:
    told = sorted(told_by_the_bot())
    assert told
    for what in told:
        said = cards.notice(what, view(), "Ben Carter", text="A sentence of ConnectWise.")
        assert "{" not in words_of(said), what


@pytest.mark.parametrize(
    "what", ["gone", "no_session_here", "not_understood", "asked_owner", "time_unclear", "no_such_person",
             "no_connection", "unmapped_tickets", "admin_only", "form_expired", "not_linked", "guest"],
)  # fmt: skip
def test_what_is_said_outside_a_session_needs_none(what: str) -> None:
    assert cards.notice(what).blocks


def test_a_key_without_a_sentence_is_an_error() -> None:
    with pytest.raises(KeyError):
        cards.notice("never_heard_of", view())
    with pytest.raises(KeyError):
        cards.notice("refused.never_heard_of", view())


def test_every_form_the_engine_asks_for_can_be_drawn() -> None:
    assert forms_of_the_engine() >= {"escalate", "resolve", "rate"}
    for form in forms_of_the_engine():
        assert callable(getattr(cards, f"{form}_form"))


@pytest.mark.parametrize(
    "why",
    [
        "no_ticket", "review", "auto_push_off", "unmapped", "time_draft", "over_4h", "gap", "no_connection",
        "owner_unmapped", "closing_unconfirmed", "time_first",
    ],
)  # fmt: skip
def test_every_reason_to_hold_a_post_has_words(why: str) -> None:
    assert f"held.{why}" in WORDS


def test_no_key_stands_in_two_tables() -> None:
    tables = (CARDS, FORMS, GUIDE, LISTS, MODEL, NOTICES, PICTURES, SLACK, SLACK_SAID, TEAMS)
    assert len(WORDS) == sum(len(table) for table in tables)


def is_calm_and_plain(key: str) -> bool:
    words = WORDS[key]
    banned = set(re.findall(r"[a-z]+", words.lower().replace("myconnectwise.net", ""))) & set(BANNED)
    stray = words != words.strip() and key != "said.error_id"
    return not (banned or stray or "!" in words or "  " in words)


def test_a_sentence_is_calm_and_plain() -> None:
    assert {key: WORDS[key] for key in WORDS if not is_calm_and_plain(key)} == {}


def test_what_is_said_in_full_ends_like_a_sentence() -> None:
    in_full = [k for k in NOTICES if k.startswith(("notice.", "refused.")) and k != "notice.catch_up"]
    assert in_full
    assert {k: WORDS[k] for k in in_full if not WORDS[k].endswith((".", "?", "}"))} == {}


def test_a_refusal_gives_its_reason_or_what_to_do_instead() -> None:
    reasons = ("because", "so ", "only ", "can ", "nothing", "has to", "may have", "choose")
    refusals = [k for k in NOTICES if k.startswith("refused.")]
    assert refusals
    assert {k: WORDS[k] for k in refusals if not any(r in WORDS[k].lower() for r in reasons)} == {}
    assert {k: WORDS[k] for k in refusals if len(WORDS[k].split()) < 8} == {}


def keys_used() -> tuple[set[str], set[str]]:
    """Keys written out in the files that draw, and the beginnings of keys that are put together."""
    whole: set[str] = set()
    begun: set[str] = set()
    files = (
        *("bot/cards*.py", "bot/picture*.py", "bot/form_checks.py"),
        *("bot/slack/*.py", "bot/teams/*.py", "bot/claude/*.py"),
    )
    for _, tree in (each for pattern in files for each in trees(pattern)):
        docs = {
            id(n.body[0].value)
            for n in ast.walk(tree)
            if isinstance(n, ast.Module) and n.body and isinstance(n.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                begun.add(str(node.values[0].value))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                whole.add(node.value)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "named":
                begun.add(f"{next(texts_in(node))}.")
    return whole, {b for b in begun if "." in b}


# Said by the parts that listen and install, and button names for verbs that are only typed.
SAID_ELSEWHERE = ("notice.", "refused.", "verb.")


def test_no_words_are_kept_that_nothing_shows() -> None:
    whole, begun = keys_used()
    begun |= set(SAID_ELSEWHERE)
    # A title and its text go by one key.
    whole |= {
        f"{key}.{part}" for key in whole for part in ("title", "text") if key.startswith(("slack.", "teams."))
    }
    unused = [k for k in WORDS if k not in whole and not any(k.startswith(b) for b in begun)]
    assert unused == []


def test_every_key_that_is_written_out_exists() -> None:
    wanted: set[str] = set()
    for _, tree in trees("bot/cards*.py"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    wanted.add(str(first.value))
                elif isinstance(first, ast.IfExp):
                    wanted |= {
                        str(b.value) for b in (first.body, first.orelse) if isinstance(b, ast.Constant)
                    }
    assert len(wanted) > 150
    assert wanted - set(WORDS) == set()


def test_cards_hold_no_sentences_of_their_own() -> None:
    """A literal with two words or more in a file that draws is a sentence outside the words files."""
    found = []
    for path, tree in trees("bot/cards*.py"):
        docs = {
            id(n.value)
            for n in ast.walk(tree)
            if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)
        }
        for node in ast.walk(tree):
            literal = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
            if literal and re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", str(node.value)):  # type: ignore[attr-defined]
                found.append((path.name, node.value))  # type: ignore[attr-defined]
    assert found == []


def test_a_missing_value_is_an_error_and_not_a_gap_in_a_sentence() -> None:
    for words in WORDS.values():
        if any(name for _, name, _, _ in Formatter().parse(words)):
            with pytest.raises(KeyError):
                words.format()


def test_braces_in_what_people_wrote_are_only_text() -> None:
    assert say("session.from_start", text="{step} {0}") == "{step} {0} (from the start)"


def test_a_value_without_a_name_is_shown_in_its_own_letters() -> None:
    assert named("status", Status.REQUESTING_ESCALATION) == "Asking for help"
    assert named("part", "never_seen") == "never seen"
