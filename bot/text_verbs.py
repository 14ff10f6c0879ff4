"""The verbs by which a text too long for one window is edited part by part before a form is submitted."""

from __future__ import annotations

import asyncio

from bot import text_drafts
from bot.acts import Acts, form, refused, tell_of
from bot.cards_parts import seen
from bot.inbound import Inbound, number
from bot.opening import shut
from bot.text_drafts import TEXTS, Edited, Kept
from bot.text_parts import Part, changed, digest, joined
from engine.documentation import Documentation
from engine.session import Session

LONGEST = 100_000
"""Characters a posted text may have."""
MARK = 16
"""Characters of a part's digest that its form carries, to know it again."""


async def _edit_text(asked: Inbound, session: Session) -> Acts:
    name, occasion = asked.args.get("text", ""), asked.args.get("of", "")
    if name not in TEXTS.get(occasion, ()):
        return tell_of(asked, session, "form_expired")
    return form(asked, session, f"part:{name}:{number(asked.args.get('part', '')) or 1}:{occasion}")


async def _keep_text(asked: Inbound, session: Session) -> Acts:
    """Keep one part and offer the next; a part that is not there any more is handed back to be looked at."""
    name, occasion = asked.args.get("text", ""), asked.args.get("of", "")
    if name not in TEXTS.get(occasion, ()) or "text" not in asked.fields:
        return tell_of(asked, session, "form_expired")
    why = shut(f"part:{name}:1:{occasion}", session, asked.person, asked.unit.now)
    if why is not None:
        return refused(asked, session, why)
    found = await before(asked, session, occasion)
    if found is None:
        return tell_of(asked, session, "gone")
    kept, composed = found
    parts = kept.parts(name, composed)
    at, typed = number(asked.args.get("part", "")) or 0, asked.fields["text"]
    if not 1 <= at <= len(parts) or mark(parts[at - 1]) != asked.args.get("mark"):
        await _keep(asked, session, Edited(parts, digest(getattr(composed, name)), typed))
        return form(asked, session, f"part:{name}:1:{occasion}:changed")
    after = changed(parts, at, seen(typed.replace("\r\n", "\n").replace("\r", "\n")))
    if len(joined(after)) > LONGEST:
        return tell_of(asked, session, "text_too_long")
    await _keep(asked, session, Edited(after, digest(getattr(composed, name))))
    following = at + 1 + len(after) - len(parts)
    if following <= len(after):
        return form(asked, session, f"part:{name}:{following}:{occasion}")
    return tell_of(asked, session, "text_kept")


def mark(part: Part) -> str:
    return digest(part.text)[:MARK]


async def before(asked: Inbound, session: Session, occasion: str) -> tuple[Kept, Documentation] | None:
    """What he has under way for that form, and the texts it is drawn from; None where the Session is gone."""
    history = await asked.unit.sessions.history(session.id)
    if history is None:
        return None
    kept = await text_drafts.kept(asked.unit, asked.person.id, session.id, occasion)
    return kept, await asyncio.to_thread(text_drafts.composed, history, occasion, kept.secrets)


async def _keep(asked: Inbound, session: Session, edited: Edited) -> None:
    name, occasion = asked.args["text"], asked.args["of"]
    await text_drafts.keep(asked.unit, asked.person.id, session.id, occasion, name, edited)


VERBS = {"edit_text": _edit_text, "keep_text": _keep_text}
