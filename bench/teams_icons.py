"""Draws the icons of the Teams app anew: `./dev python -m bench.teams_icons`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

FOLDER = Path(__file__).resolve().parents[1] / "bot" / "teams"
FINE = 8
"""Drawn this much larger and made smaller, so that edges are smooth."""
BLUE, SHADE, WHITE = (31, 58, 77, 255), (190, 208, 220, 255), (255, 255, 255, 255)
CLEAR = (255, 255, 255, 0)
# A paper plane on its way up, in a square of 1 by 1: tip, left wing, fold, right wing.
TIP, LEFT, FOLD, RIGHT = (0.97, 0.03), (0.03, 0.42), (0.42, 0.58), (0.58, 0.97)
TRAIL = ((0.06, 0.94, 0.075), (0.25, 0.75, 0.055))
"""The steps behind it: across, down, radius."""
Point = tuple[float, float]
Ink = tuple[int, int, int, int] | int


def color() -> Image.Image:
    """192 × 192: the sign in the middle 96, which no mask of Teams cuts."""
    size, side = 192 * FINE, 96 * FINE
    picture = Image.new("RGBA", (size, size), BLUE)
    pen = ImageDraw.Draw(picture)
    corner = (size - side) / 2

    def at(point: Point) -> Point:
        return corner + point[0] * side, corner + point[1] * side

    pen.polygon([at(TIP), at(LEFT), at(FOLD)], fill=WHITE)
    pen.polygon([at(TIP), at(FOLD), at(RIGHT)], fill=SHADE)
    _trail(pen, at, side, WHITE)
    return picture.resize((192, 192), Image.Resampling.LANCZOS)


def outline() -> Image.Image:
    """32 × 32: white lines; how white is said by the transparency alone, as Microsoft asks for."""
    size = 32 * FINE
    mask = Image.new("L", (size, size), 0)
    pen = ImageDraw.Draw(mask)
    side, corner = 27 * FINE, 2.5 * FINE

    def at(point: Point) -> Point:
        return corner + point[0] * side, corner + point[1] * side

    shape = [at(TIP), at(LEFT), at(FOLD), at(RIGHT), at(TIP), at(FOLD)]
    pen.line(shape, fill=255, width=2 * FINE, joint="curve")
    for point in shape:
        _dot(pen, point, FINE, 255)
    _trail(pen, at, side, 255)
    picture = Image.new("RGBA", (32, 32), CLEAR)
    picture.putalpha(mask.resize((32, 32), Image.Resampling.BOX))
    return picture


def _trail(pen: ImageDraw.ImageDraw, at: Callable[[Point], Point], side: float, fill: Ink) -> None:
    for across, down, radius in TRAIL:
        _dot(pen, at((across, down)), radius * side, fill)


def _dot(pen: ImageDraw.ImageDraw, middle: Point, radius: float, fill: Ink) -> None:
    across, down = middle
    pen.ellipse((across - radius, down - radius, across + radius, down + radius), fill=fill)


if __name__ == "__main__":
    for name, drawn in (("color.png", color()), ("outline.png", outline())):
        drawn.save(FOLDER / name, optimize=True)
        print(FOLDER / name)
