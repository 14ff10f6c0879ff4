"""Long texts are edited in parts and never cut: what is kept part by part is what is posted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import text_drafts, verbs
from bot.card import Card, Form
from bot.forms import Forms
from bot.psa_door import Doors
from bot.text_parts import PART, changed, joined, split
from engine import posts
from engine.effects import ShowForm, Tell
from engine.events import EscalationRequested, NoteAdded, Rated, Resolved
from engine.lifecycle import advance
from engine.ports import Act
from engine.psa_settings import PsaSettings
from engine.session import Manner, Outcome, Person, Step, StepKind
from tests.bot.card_views import words
from tests.bot.saying_scene import inbound
from tests.conftest import Database
from tests.fakes import Office, office

LINES = st.lists(st.text(max_size=400), max_size=60).map("\n".join)
NONE: Mapping[str, str] = {}
FIRST = {"text": "technical", "part": "1", "of": "resolution"}
ANY = st.one_of(st.text(max_size=9_000), LINES, st.text("ab \n", max_size=9_000))


@given(ANY, st.integers(1, 50) | st.just(PART))
def test_the_parts_of_any_text_are_the_text(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert joined(parts) == text
    assert parts
    assert all(len(part.text) <= limit for part in parts)


@given(LINES, st.integers(0, 100), st.text(max_size=6_000))
def test_a_part_that_changes_leaves_the_others_as_they_were(text: str, at: int, new: str) -> None:
    parts = split(text, 200)
    number = at % len(parts) + 1
    after = changed(parts, number, new)
    before, behind = joined(parts[: number - 1]), joined(parts[number:])
    whole = joined(after)
    assert whole.startswith(before)
    assert whole.endswith(behind)
    same = new.strip() == parts[number - 1].text.strip()
    assert (whole == text) if same else (new in whole)


@given(LINES, st.integers(0, 100))
def test_a_form_that_strips_the_ends_of_a_part_changes_nothing(text: str, at: int) -> None:
    parts = split(text, 200)
    number = at % len(parts) + 1
    assert changed(parts, number, parts[number - 1].text.strip()) == parts


# ── Through the forms and the verbs ─────────────────────────────────────────────────────────────────────────


@dataclass
class Desk:
    """One office with a Session whose record is long, and its forms."""

    place: Office
    forms: Forms
    session: UUID

    async def does(
        self,
        verb: str,
        fields: dict[str, str] | None = None,
        args: Mapping[str, str] = NONE,
        by: Person | None = None,
    ) -> list[Act]:
        async with self.place.store.transaction(self.place.account) as unit:
            at = await unit.sessions.get(self.session, lock=True)
            kind: Any = "click" if fields is None else "submit"
            asked = await inbound(
                unit, by or self.place.anna, at, kind, verb=verb, fields=fields or {}, args=dict(args)
            )
            return list(await verbs.acts(asked))

    async def opens(
        self,
        verb: str,
        fields: dict[str, str] | None = None,
        args: Mapping[str, str] = NONE,
        by: Person | None = None,
    ) -> Card:
        """The form that follows, as it is drawn."""
        (shown,) = [
            e for a in await self.does(verb, fields, args, by) for e in a.effects if isinstance(e, ShowForm)
        ]
        card = await self.forms.draw(shown.form, self.place.account, self.session, shown.to)
        assert card is not None
        assert card.form is not None
        return card

    async def rewrites(self, text: str, occasion: str, edits: dict[int, str]) -> str:
        """All parts from the first to the last, some rewritten; gives the whole as it must be then."""
        async with self.place.store.transaction(self.place.account) as unit:
            history = await unit.sessions.history(self.session)
        assert history is not None
        parts = split(getattr(text_drafts.composed(history, occasion), text))
        card = await self.opens("edit_text", args={"text": text, "part": "1", "of": occasion})
        for number, part in enumerate(parts, 1):
            form = form_of(card)
            assert form.fields[0].value == part.text
            typed = edits.get(number, part.text).strip()
            acts = await self.does("keep_text", {"text": typed}, form.args)
            (effect,) = [e for a in acts for e in a.effects]
            if number == len(parts):
                assert isinstance(effect, Tell)
                assert effect.what == "text_kept"
                break
            assert isinstance(effect, ShowForm)
            found = await self.forms.draw(effect.form, self.place.account, self.session, effect.to)
            assert found is not None
            card = found
        return "".join(edits.get(number, part.text) + part.after for number, part in enumerate(parts, 1))

    async def goes_on(self, said: str) -> None:
        """Another Step is answered, so the record is another one."""
        async with self.place.store.transaction(self.place.account) as unit:
            before = await unit.sessions.get(self.session, lock=True)
            assert before is not None
            step = done(before.step_count + 1, said, before)
            await unit.sessions.save(
                before, replace(before, step_count=step.number, current=step, touched=(step,))
            )

    async def kinds(self) -> list[str]:
        return [row.kind for row in await self.place.rows("select kind from drafts")]


def done(number: int, said: str, session: Any) -> Step:
    outcome = Outcome(Manner.ANSWERED, said, session.owner_id, session.created_at)
    return Step(
        number, StepKind.ACTION, f"Step {number}: look at it closely.", session.created_at, outcome=outcome
    )


def technical(happened: Resolved | EscalationRequested) -> str:
    return str((happened.documentation or {})["technical"])


def form_of(card: Card) -> Form:
    assert card.form is not None
    return card.form


def values(card: Card) -> dict[str, str]:
    return {field.name: field.value for field in form_of(card).fields}


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    async with office(database.app_url) as place:
        given = uuid4()
        async with place.store.transaction(place.account) as unit:
            blank = place.blank(given, unit.now)
            steps = tuple(done(n, f"result {n} " + "and so on " * 15, blank) for n in range(1, 41))
            long = replace(blank, step_count=40, current=steps[-1], touched=steps)
            await unit.sessions.save(None, long)
        doors = Doors(place.store, lambda _: pytest.fail("there is no connection"))
        yield Desk(place, Forms(place.store, doors), given)


async def test_sixty_thousand_characters_edited_in_parts_are_posted_to_the_last_one(desk: Desk) -> None:
    card = await desk.opens("resolve")
    assert "technical" not in values(card)
    assert [c.verb for c in card.choices] == ["edit_text"]
    long = "\n".join(f"line {n:05}: what was seen there and what was done about it" for n in range(960))
    whole = await desk.rewrites("technical", "resolution", {1: long})
    assert len(whole) > 60_000
    again = await desk.opens("resolve")
    assert "Your changes are in it" in words(again)
    assert f"{len(whole):,} characters" in words(again)
    filled = {**values(again), "fix": "New driver", "rating": "4"}
    resolved, rated = [a.event for a in await desk.does("resolve", filled)]
    assert isinstance(resolved, Resolved)
    assert rated == Rated(desk.place.anna, 4)
    assert resolved.documentation is not None
    assert resolved.documentation["technical"] == whole.strip()
    async with desk.place.store.transaction(desk.place.account) as unit:
        history = await unit.sessions.history(desk.session)
        assert history is not None
        after, _ = advance(history.session, resolved, unit.now)
        assert after is not None
        owed = posts.owed(
            replace(history, session=after), "resolution", desk.place.anna.id, PsaSettings(), None, False, {}, (),
            ZoneInfo("UTC"), after.documentation, (),
        )  # fmt: skip
    note = next(draft for draft in owed if draft.kind == "note")
    assert note.content["text"] == whole.strip()
    assert await desk.kinds() == []


async def test_what_the_form_itself_says_counts_before_an_edited_part(desk: Desk) -> None:
    await desk.rewrites("technical", "resolution", {1: "What was kept before."})
    filled = {"summary": "Offline", "fix": "New driver", "technical": "What the form says."}
    (resolved,) = [a.event for a in await desk.does("resolve", filled)]
    assert isinstance(resolved, Resolved)
    assert technical(resolved) == "What the form says."


async def test_a_request_for_help_takes_the_texts_edited_for_it_and_no_others(desk: Desk) -> None:
    await desk.rewrites("technical", "resolution", {1: "Written for the end."})
    whole = await desk.rewrites("technical", "escalation", {1: "Written for Ben."})
    card = await desk.opens("escalate")
    (asked,) = [a.event for a in await desk.does("escalate", {**values(card), "reason": "Stuck"})]
    assert isinstance(asked, EscalationRequested)
    assert technical(asked).strip() == whole.strip()
    assert "Written for Ben." in whole
    assert await desk.kinds() == [f"text:{desk.session}:resolution:technical"]


async def test_edits_are_only_for_the_one_who_made_them(desk: Desk) -> None:
    await desk.rewrites("technical", "resolution", {1: "Anna's words."})
    lead = desk.place.lea
    card = await desk.opens("resolve", by=lead)
    assert "Your changes are in it" not in words(card)
    (resolved,) = [a.event for a in await desk.does("resolve", {**values(card), "fix": "Driver"}, by=lead)]
    assert isinstance(resolved, Resolved)
    assert "Anna's words." not in technical(resolved)


async def test_a_record_that_went_on_under_an_edit_is_said_before_anything_is_posted(desk: Desk) -> None:
    await desk.rewrites("technical", "resolution", {1: "Written too early."})
    await desk.goes_on("now it prints")
    filled = {"summary": "Offline since noon", "fix": "New driver", "rating": "5"}
    card = await desk.opens("resolve", filled)
    assert "went on since you edited the technical text" in words(card)
    assert {name: values(card)[name] for name in filled} == filled
    first = await desk.opens("edit_text", args=FIRST)
    assert "went on since" in words(first)
    assert "Written too early" not in values(first)["text"]
    (resolved, _) = [a.event for a in await desk.does("resolve", filled)]
    assert isinstance(resolved, Resolved)
    assert "Written too early." not in technical(resolved)
    assert "now it prints" in technical(resolved)
    assert await desk.kinds() == []


async def test_a_part_that_is_not_there_any_more_is_handed_back_with_what_was_typed(desk: Desk) -> None:
    card = await desk.opens("edit_text", args={**FIRST, "part": "2"})
    await desk.goes_on("now it prints " * 30)
    stale = {**form_of(card).args, "mark": "0" * 16}
    again = await desk.opens("keep_text", {"text": "my careful words"}, stale)
    assert form_of(again).args["part"] == "1"
    assert "my careful words" in words(again)
    assert "went on since" in words(again)
    assert "my careful words" not in values(again)["text"]


async def test_a_text_edited_down_to_what_a_form_holds_stands_in_the_form(desk: Desk) -> None:
    whole = await desk.rewrites("technical", "resolution", dict.fromkeys(range(1, 9), "short"))
    card = await desk.opens("resolve")
    assert values(card)["technical"] == whole
    assert card.choices == ()


async def test_more_than_a_note_can_hold_is_refused_and_nothing_is_kept(desk: Desk) -> None:
    card = await desk.opens("edit_text", args=FIRST)
    (act,) = await desk.does("keep_text", {"text": "word " * 21_000}, form_of(card).args)
    assert [e.what for e in act.effects if isinstance(e, Tell)] == ["text_too_long"]
    assert await desk.kinds() == []


@pytest.mark.parametrize(
    "args",
    [{}, {"text": "technical"}, {"text": "summary", "of": "escalation"}, {"text": "x", "of": "resolution"}],
    ids=str,
)
@pytest.mark.parametrize("verb", ["edit_text", "keep_text"])
async def test_a_part_of_no_text_is_answered(desk: Desk, verb: str, args: dict[str, str]) -> None:
    (act,) = await desk.does(verb, {"text": "words"}, args)
    assert [e.what for e in act.effects if isinstance(e, Tell)] == ["form_expired"]


async def test_a_time_nobody_can_read_brings_the_form_back_with_everything_in_it(desk: Desk) -> None:
    filled = {"summary": "Offline since noon", "fix": "New driver", "started_earlier": "half past ten-ish"}
    acts = await desk.does("resolve", filled)
    assert [e.what for a in acts for e in a.effects if isinstance(e, Tell)] == ["time_unclear"]
    card = await desk.forms.draw("resolve", desk.place.account, desk.session, desk.place.anna.id)
    assert card is not None
    assert values(card)["summary"] == "Offline since noon"


async def test_a_colleague_may_not_edit_a_text_of_a_session_that_is_not_his(desk: Desk) -> None:
    for verb, fields in (("edit_text", None), ("keep_text", {"text": "mine"})):
        (act,) = await desk.does(verb, fields, FIRST, desk.place.ben)
        assert [e.what for e in act.effects if isinstance(e, Tell)] == ["refused.not_owner"]
    assert await desk.kinds() == []


async def test_a_text_nobody_touched_is_drawn_anew_where_the_record_went_on_meanwhile(
    database: Database,
) -> None:
    async with office(database.app_url, pool_size=2) as place:
        desk = Desk(
            place, Forms(place.store, Doors(place.store, lambda _: pytest.fail("none"))), await place.start()
        )
        card = await desk.opens("resolve")
        filled = {**values(card), "summary": "Offline", "fix": "New driver"}
        assert filled["technical"]
        # Slack and the console send the text as it was drawn; before it arrives a colleague notes something.
        async with place.store.transaction(place.account) as unit:
            before = await unit.sessions.get(desk.session, lock=True)
            after, _ = advance(before, NoteAdded(place.ben, "The driver was from 2019."), unit.now)
            assert after is not None
            await unit.sessions.save(before, after)
        (resolved,) = [a.event for a in await desk.does("resolve", filled, form_of(card).args)]
        assert isinstance(resolved, Resolved)
        assert "The driver was from 2019." in technical(resolved)
        assert "New driver" in technical(resolved)
        edited = {**filled, "technical": "As I say."}
        (own,) = [a.event for a in await desk.does("resolve", edited, form_of(card).args)]
        assert isinstance(own, Resolved)
        assert technical(own) == "As I say."
