"""What a Session's card says of its screenshots: how many there are, where they are, who reads them, what was read."""

from __future__ import annotations

from collections.abc import Sequence

from bot.card import Block
from bot.cards_parts import Shortener, bullets, fields, safe_url, texts
from bot.views import SessionView
from bot.words import say
from engine.session import Fact
from storage.pictures import PictureState, Shot

NAMED = 6
READ = 3


def picture_blocks(view: SessionView, facts: Sequence[Fact]) -> tuple[Block, ...]:
    """`facts` stand on the card already: what was read in a screenshot is not told twice."""
    count = len(view.pictures) or len(view.session.intake.image_urls)
    if not count:
        return ()
    came = say("session.pictures" if count > 1 else "session.picture", count=count)
    told = [shot.saw for shot in view.pictures if not any(shot.saw in fact.text for fact in facts)]
    read = [Shortener().line(saw, 160) for saw in dict.fromkeys(told)]
    return (
        *texts(f"{came} {_whose(view)}".strip(), tone="muted"),
        *_places(view.pictures),
        *bullets(say("session.picture_saw"), read[-READ:]),
    )


def _whose(view: SessionView) -> str:
    """Who gets to see them. Nothing where the model does, for what it reads is asked back."""
    states = {shot.state for shot in view.pictures}
    if not states or PictureState.AGREED in states:
        return ""
    if PictureState.HELD_BACK in states:
        return say("session.picture_held_back")
    if view.reads_pictures:
        return say("session.picture_kept")
    return say("session.picture_unread" if len(view.pictures) == 1 else "session.pictures_unread")


def _places(shots: Sequence[Shot]) -> tuple[Block, ...]:
    """Their names, each the way to the original where there is one. Slack calls most of them image.png, so they count."""
    one = len(shots) == 1
    shown: dict[str, str] = {}
    for number, shot in enumerate(shots[:NAMED], 1):
        name = Shortener().line(shot.name, 40)
        shown[name if one else f"{number} {name}"] = safe_url(shot.link)
    more = [say("session.shots_more", count=len(shots) - NAMED)] if len(shots) > NAMED else []
    label = say("session.shot" if one else "session.shots")
    return fields(((label, " · ".join((*shown, *more))),), shown)
