"""Small pictures made on the spot, as people's machines and phones make them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from PIL import Image

from engine.intake import Attachment

ORIENTATION, MAKER, GPS = 0x0112, 0x010F, 0x8825
PLACE = "N"


def picture(kind: str = "PNG", size: tuple[int, int] = (80, 40), *, colour: str = "red", **how: Any) -> bytes:
    return saved(Image.new("RGB", size, colour), kind, **how)


def saved(image: Image.Image, kind: str = "PNG", **how: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def half_and_half(size: tuple[int, int] = (80, 40)) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, *size))
    return image


def exif(orientation: int = 1) -> Image.Exif:
    """What a phone writes into a picture: who made it, how it was held, and where."""
    made = Image.Exif()
    made[ORIENTATION], made[MAKER] = orientation, "Secretphone"
    made.get_ifd(GPS)[1] = PLACE
    return made


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def shots(count: int, **more: Any) -> Sequence[Attachment]:
    """So many different ones."""
    return [Attachment(f"shot{n}.png", "image/png", picture(size=(20 + n, 10)), **more) for n in range(count)]


SHOT = Attachment("screen.png", "image/png", picture())
