"""The two forms after which something is posted: Resolve and Escalate, with who reads each part."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from bot.card import Block, Card, Choice, Field
from bot.cards_forms import form_card, long_text, rating_field, tick
from bot.cards_parts import EDITABLE, Shortener, bullets, local, texts
from bot.cards_posts import held
from bot.cards_texts import NOTHING, UnderWay, changes, refilled, too_long
from bot.cards_verbs import updates
from bot.text_parts import DRAWN, MARK, mark
from bot.views import SessionView
from bot.words import named, say
from engine.documentation import Documentation, readers
from engine.posts import ForecastLine
from engine.session import Person

TIMES = 6
TARGETS = 95
_ROOM = 5_500
"""Characters of prefilled text a form may hold; what does not fit is edited in parts."""
_TICKED = frozenset({"closing_unconfirmed", "over_4h", "time_draft", "review", "gap"})
"""What the form itself asks for; other reasons are told beside the part."""


def resolve_form(
    view: SessionView,
    draft: Documentation,
    forecast: Sequence[ForecastLine] = (),
    under_way: UnderWay = NOTHING,
) -> Card:
    """Everything prefilled. Field names: those of Documentation, `status_confirmed`, `long_time_confirmed`,
    `post_time`, `started_earlier`, `rating` last, and per time its key: minutes for `time:…`, count, drop or
    later for `gap:…`. A text too long for an input has a button instead, that opens it in parts.
    """
    short = Shortener()
    told, inputs, choices = _texts(view, draft, forecast, under_way, short)
    rating = rating_field(hint=say("resolve.rating_hint"))
    inputs += [*_time_fields(view, forecast, short), *_ticks(forecast, short), rating]
    blocks = (
        *changes(under_way),
        *_where(view, "resolve", forecast, short),
        *_others(view, "resolve", forecast, short),
        *_remarks(forecast, short),
        *told,
    )
    ticket = view.session.ticket_id
    title = say("resolve.title_ticket", ticket=ticket) if ticket else say("resolve.title")
    submit = say("resolve.submit_post" if updates(view, "resolve") else "resolve.submit")
    card = form_card(
        title,
        "resolve",
        view.session,
        submit,
        inputs,
        blocks,
        choices=choices,
        cut=short.cut,
        **_marks(inputs),
    )
    return refilled(card, under_way.fields)


def _marks(inputs: Sequence[Field]) -> dict[str, str]:
    """By which a text that nobody touched is known again: the record may go on while the form is open."""
    return {f"{MARK}{each.name}": mark(each.value) for each in inputs if each.name in DRAWN}


def escalate_form(
    view: SessionView,
    forecast: Sequence[ForecastLine] = (),
    *,
    teams: Sequence[tuple[UUID, str]] = (),
    people: Sequence[Person] = (),
    by: Person | None = None,
    draft: Documentation | None = None,
    under_way: UnderWay = NOTHING,
) -> Card:
    """`technical` and `customer` are prefilled from `draft` and edited as in the resolve form. `to` is `anyone`, `team:<id>` or `user:<id>`; never the one who asks or the owner."""
    short, session = Shortener(), view.session
    options = _targets(view, teams, people, by)
    more = say("escalate.more") if len(options) > TARGETS else ""
    optional = say("form.optional")
    told, edited, choices = _request_texts(view, draft, forecast, under_way, short) if draft else ((), [], ())
    inputs = [
        long_text("reason", say("escalate.reason"), required=True, hint=say("escalate.reason_hint")),
        Field("to", say("escalate.to"), "choice", "anyone", options[:TARGETS], required=True, hint=more),
        long_text("blockers", say("escalate.blockers"), hint=optional),
        Field("promised", say("escalate.promised"), hint=say("escalate.promised_hint")),
        *edited,
        *_time_fields(view, forecast, short),
        *_ticks(forecast, short),
    ]
    no_lead = "" if view.has_lead else say("session.no_lead")
    blocks = (
        *changes(under_way),
        *texts(say("escalate.package"), tone="muted"),
        *texts(no_lead, tone="warning"),
        *_where(view, "escalate", forecast, short),
        *(() if draft else _notes(forecast, short)),
        *_others(view, "escalate", forecast, short),
        *_remarks(forecast, short),
        *told,
    )
    ticket = session.ticket_id
    title = say("escalate.title_ticket", ticket=ticket) if ticket else say("escalate.title")
    submit = say("escalate.submit_post" if updates(view, "escalate") else "escalate.submit")
    card = form_card(
        title, "escalate", session, submit, inputs, blocks, choices=choices, cut=short.cut, **_marks(inputs)
    )
    return refilled(card, under_way.fields)


def _targets(
    view: SessionView, teams: Sequence[tuple[UUID, str]], people: Sequence[Person], by: Person | None
) -> tuple[tuple[str, str], ...]:
    already = {view.session.owner_id, by.id if by else view.session.owner_id}
    short = Shortener()
    return (
        ("anyone", say("escalate.anyone")),
        *((f"team:{team}", say("escalate.team", name=short.line(name, 55))) for team, name in teams),
        *(
            (f"user:{each.id}", say("escalate.person", name=short.line(each.name, 60)))
            for each in people
            if each.id not in already
        ),
    )


# ── What will be posted, and who reads it ───────────────────────────────────────────────────────────────────


def _where(
    view: SessionView, verb: str, forecast: Sequence[ForecastLine], short: Shortener
) -> tuple[Block, ...]:
    """Where it goes, or why it does not; and what must be known about the owner before it is posted."""
    if view.session.ticket_id is None:
        return texts(say("form.no_ticket"), tone="warning")
    if not view.psa_connected:
        return texts(say("form.no_connection"), tone="warning")
    unmapped = ""
    if not view.owner_mapped:
        owner = short.line(view.history.names.get(view.session.owner_id, ""), 60)
        unmapped = say("session.unmapped", owner=owner or say("escalation.somebody"))
    if not updates(view, verb):
        return texts(say("form.auto_push_off"), unmapped, tone="warning")
    return (
        *bullets(say("form.posted_to", ticket=view.session.ticket_id), _posted(forecast, short)),
        *texts(unmapped, tone="warning"),
    )


def _posted(forecast: Sequence[ForecastLine], short: Shortener) -> list[str]:
    """Each part that goes out with the form, and who reads it; several time entries are one line."""
    found = []
    for line in forecast:
        if line.held_because == "gap" or (line.held_because and line.held_because not in _TICKED):
            continue
        part, reads = named("part", line.kind), short.sentence(_who(line.readers), 200)
        said = say("form.posted_line", part=part, readers=reads)
        if line.kind == "status":
            said = say("form.posted_as", part=part, text=short.line(line.text, 60), readers=reads)
        ticked = line.held_because in ("closing_unconfirmed", "over_4h")
        found.append(say("form.if_ticked", line=said) if ticked else said)
    return list(dict.fromkeys(found))


def _reader(forecast: Sequence[ForecastLine], kind: str, otherwise: str = "") -> str:
    return next((line.readers for line in forecast if line.kind == kind), otherwise)


def _who(reads: str) -> str:
    """Who reads it, without the name of what is read: that stands before it."""
    what, colon, who = reads.partition(": ")
    return who if colon and what in (say("form.named_time"), say("form.named_note")) else reads


def _notes(forecast: Sequence[ForecastLine], short: Shortener) -> tuple[Block, ...]:
    said = []
    for line in forecast:
        if line.kind not in ("note", "customer_note"):
            continue
        text = say("form.part", part=named("part", line.kind), text=short.lines(line.text, 700))
        reads = say("form.reads", readers=short.sentence(line.readers, 200))
        said.append(say("form.part_reads", line=text, readers=reads))
    return texts(*said)


def _others(
    view: SessionView, verb: str, forecast: Sequence[ForecastLine], short: Shortener
) -> tuple[Block, ...]:
    """What keeps a part back that the form cannot settle; status and owner, where no list of parts names them."""
    listed = updates(view, verb)
    said = []
    for line in forecast:
        part = named("part", line.kind)
        if line.held_because and line.held_because not in _TICKED:
            said.append(
                say("form.part_held", part=part, text=_brief(line, short), why=held(line.held_because))
            )
        elif not listed and line.kind in ("status", "owner") and line.held_because != "closing_unconfirmed":
            text, reads = short.line(line.text, 120), short.sentence(line.readers, 200)
            said.append(say("form.part_reads", line=say("form.part", part=part, text=text), readers=reads))
    return texts(*dict.fromkeys(said[:8]))


def _brief(line: ForecastLine, short: Shortener) -> str:
    return "" if line.kind in ("note", "customer_note") else f"{short.line(line.text, 120).rstrip('.')}."


def _remarks(forecast: Sequence[ForecastLine], short: Shortener) -> tuple[Block, ...]:
    """Concerns about a text, pointed out to the person who decides."""
    said = [
        say("form.remark", part=named("part", line.kind), remark=short.sentence(remark, 160))
        for line in forecast
        for remark in line.remarks
    ]
    return texts(*dict.fromkeys(said[:6]), tone="warning")


# ── The fields ──────────────────────────────────────────────────────────────────────────────────────────────


_Texts = tuple[tuple[Block, ...], list[Field], tuple[Choice, ...]]


def _texts(
    view: SessionView,
    draft: Documentation,
    forecast: Sequence[ForecastLine],
    under_way: UnderWay,
    short: Shortener,
) -> _Texts:
    """The texts to edit; one that is too long for a form is shown from its start, with a button to its parts."""
    technical = say(
        "form.reads", readers=_who(_reader(forecast, "note", readers("note", view.settings, view.ticket)))
    )
    reads = _reader(forecast, "customer_note", readers("customer_note", view.settings, view.ticket))
    bill = _reader(forecast, "time")
    customer = say("resolve.customer_hint", readers=" ".join(part for part in (reads, bill) if part))
    wanted = (
        ("summary", say("resolve.summary"), draft.summary, ""),
        ("fix", say("resolve.fix"), draft.fix, say("resolve.fix_hint")),
        ("verification", say("resolve.verification"), draft.verification, say("resolve.verification_hint")),
        ("customer", say("resolve.customer"), draft.customer, customer),
        ("technical", say("resolve.technical"), draft.technical, technical),
    )
    return _editable(view, wanted, "resolution", under_way, short)


def _request_texts(
    view: SessionView,
    draft: Documentation,
    forecast: Sequence[ForecastLine],
    under_way: UnderWay,
    short: Shortener,
) -> _Texts:
    """The two texts of a request for help. No customer note is posted then; his text stands on the time entry."""
    note = _reader(forecast, "note", readers("note", view.settings, view.ticket))
    reads = say("form.reads", readers=_who(note))
    bill = _reader(forecast, "time", readers("time", view.settings, view.ticket))
    technical = say("escalate.technical_hint", readers=reads)
    customer = say("resolve.customer_hint", readers=bill)
    wanted = (
        ("customer", say("resolve.customer"), draft.customer, customer),
        ("technical", say("escalate.technical"), draft.technical, technical),
    )
    return _editable(view, wanted, "escalation", under_way, short)


def _editable(
    view: SessionView,
    wanted: Sequence[tuple[str, str, str, str]],
    occasion: str,
    under_way: UnderWay,
    short: Shortener,
) -> _Texts:
    """Name, label, value and hint of each text as a field; where it is too long its start is shown instead."""
    left, told, inputs, choices = _ROOM, list[Block](), list[Field](), list[Choice]()
    for name, label, value, hint in wanted:
        if len(value) > min(EDITABLE, left):
            start, button = too_long(view, name, label, value, hint, occasion, under_way, short)
            told += start
            choices.append(button)
            continue
        left -= len(value)
        required = name in ("summary", "fix")
        inputs.append(long_text(name, label, value=value, hint=hint, required=required))
    return tuple(told), inputs, tuple(choices)


def _time_fields(view: SessionView, forecast: Sequence[ForecastLine], short: Shortener) -> list[Field]:
    """Minutes per entry, undecided gaps to count or drop, and an earlier start."""
    times = [line for line in forecast if line.kind == "time"]
    if not times:
        return []
    found = [
        _gap(line, short) if line.held_because == "gap" else _minutes(line, short) for line in times[:TIMES]
    ]
    if len(times) > TIMES:
        last = found[-1]
        more = say("resolve.more_times", count=len(times) - TIMES)
        found[-1] = Field(
            last.name, last.label, last.kind, last.value, last.options, hint=f"{last.hint} {more}"
        )
    at = local(view.session.created_at, view.zone, view.now)
    hint = say("resolve.started_hint", at=at)
    return [*found, Field("started_earlier", say("resolve.started_earlier"), "time", hint=hint)]


def _minutes(line: ForecastLine, short: Shortener) -> Field:
    """The length stands in the label with its rounding (`23 → 30 min`); an empty field leaves it so."""
    when_and_how_long = short.line(line.text.partition(". ")[0], 90)
    readers_of = short.sentence(line.readers, 150)
    key = "resolve.time_hint"
    why = ""
    if line.held_because and line.held_because not in _TICKED:
        key, why = "resolve.time_held", held(line.held_because)
    return Field(
        line.key, say("resolve.time", what=when_and_how_long), hint=say(key, readers=readers_of, why=why)
    )


def _gap(line: ForecastLine, short: Shortener) -> Field:
    options = (
        ("later", say("resolve.gap_later")),
        ("count", say("resolve.gap_count")),
        ("drop", say("resolve.gap_drop")),
    )
    return Field(line.key, say("resolve.gap", what=short.line(line.text, 120)), "choice", "later", options)


def _ticks(forecast: Sequence[ForecastLine], short: Shortener) -> list[Field]:
    """What only a person may say yes to."""
    found = []
    entries = [line for line in forecast if line.kind == "time" and line.held_because != "gap"]
    if any(line.held_because in (None, "time_draft", "review", "over_4h") for line in entries):
        found.append(tick("post_time", say("resolve.post_time"), on=True))
    if any(line.held_because == "over_4h" for line in entries):
        found.append(tick("long_time_confirmed", say("resolve.long_time")))
    closing = [line for line in forecast if line.held_because == "closing_unconfirmed"]
    if closing:
        label = say("resolve.status", status=short.line(closing[0].text, 50))
        found.append(tick("status_confirmed", label, hint=short.sentence(closing[0].readers, 200)))
    return found
