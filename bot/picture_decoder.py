"""The process of its own that decodes one foreign picture and writes it anew: its first frame, upright, small, and
nothing but pixels.

A foreign file in a binary format is decoded here, so that neither a crash, nor a flood of memory reaches the bot. It
runs isolated: nothing but the standard library and the decoder is imported.
"""

from __future__ import annotations

import contextlib
import resource
import sys
import warnings
from io import BytesIO

from PIL import Image, ImageOps, WebPImagePlugin

MOST_BYTES = 20 * 1024 * 1024
MOST_PIXELS = 50_000_000
LONGEST_EDGE = 1_568
"""Pixels; more of them the model scales down itself."""
LARGEST = 1_000_000
"""Bytes of what is written: twenty of them fit into one request."""
QUALITIES = (85, 75, 60, 45, 30)
MEMORY = 1024 * 1024 * 1024
"""Bytes of address space; a picture at its largest needs about half."""
CPU_SECONDS = 12
FORMATS = ("PNG", "JPEG", "GIF", WebPImagePlugin.WebPImageFile.format)


def main() -> int:
    _bounded()
    head, content = made(sys.stdin.buffer.read(MOST_BYTES + 1))
    sys.stdout.buffer.write(head.encode() + b"\n" + content)
    return 0


def made(content: bytes) -> tuple[str, bytes]:
    """Media type, width and height in a line, and the new picture; or `too_many_pixels` or `damaged`, and nothing."""
    warnings.simplefilter("ignore")
    # The limit of pixels is kept here, by what the file says of itself and before anything of it is decoded.
    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return "too_many_pixels", b""
            return _written(_small(picture), photo=picture.format in ("JPEG", "MPO"))
    except Exception:  # noqa: BLE001 - decoders fail in every way a hostile file can think of
        return "damaged", b""


def _small(picture: Image.Image) -> Image.Image:
    """Upright and within the longest edge, on white where it is transparent, in a picture that knows nothing else."""
    upright = picture.getexif().get(_ORIENTATION, 1)
    picture.draft(None, (LONGEST_EDGE, LONGEST_EDGE))
    plain = _plain(picture)
    plain.thumbnail((LONGEST_EDGE, LONGEST_EDGE), reducing_gap=3.0)
    exif = Image.Exif()
    exif[_ORIENTATION] = upright
    plain.info = {"exif": exif.tobytes()}
    turned = ImageOps.exif_transpose(plain)
    bare = Image.new("RGB", turned.size, "white")
    bare.paste(turned, mask=turned.getchannel("A") if turned.mode == "RGBA" else None)
    return bare


_ORIENTATION = 0x0112


def _plain(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith(("I", "F")):
        return picture.convert("L").convert("RGB")
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _written(picture: Image.Image, *, photo: bool) -> tuple[str, bytes]:
    """Without loss where that is small enough, for text stays sharp in it."""
    width, height = picture.size
    if not photo:
        content = _saved(picture, "PNG")
        if len(content) <= LARGEST:
            return f"image/png {width} {height}", content
    tries = (_saved(picture, "JPEG", quality=quality) for quality in QUALITIES)
    content = next((each for each in tries if len(each) <= LARGEST), b"")
    return f"image/jpeg {width} {height}", content


def _saved(picture: Image.Image, kind: str, **how: int) -> bytes:
    out = BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


def _bounded() -> None:
    """Asked of the system too. macOS does not know every one of these limits; the parent's time limit stands there."""
    for limit, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, CPU_SECONDS)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (most, most))


if __name__ == "__main__":
    sys.exit(main())
