"""Thumbnails with Pillow. Images come from outside, so formats, pixels and parallel decoding are bounded."""

from __future__ import annotations

import asyncio
import io

from PIL import Image, ImageOps

SIDE = 360
"""Pixels of the longer side: sharp at 220 CSS pixels on most screens."""
WIDEST = 4
"""Times its height: what is wider is scaled by its width."""
MAX_PIXELS = 50_000_000
"""Of the image itself. Decoded, they take 150 MB."""
QUALITY = 80
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")


class PillowThumbnails:
    """Port `Thumbnails`. One image is decoded at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def of(self, body: bytes) -> bytes | None:
        async with self._turn:
            return await asyncio.to_thread(thumbnail, body)


def thumbnail(body: bytes, bounds: tuple[int, int] = (SIDE, SIDE)) -> bytes | None:
    """Return a JPEG without metadata that fits into `bounds` (width, height in pixels), or None if the image cannot be decoded
    within the bounds of this module.
    """
    try:
        # No `warnings.catch_warnings` here: it changes the whole process, and two threads may leave it changed.
        with Image.open(io.BytesIO(body), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                return None
            # A JPEG is decoded at a fraction of its size.
            image.draft("RGB", bounds)
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail(bounds)
            return _jpeg(upright)
    # Decoders raise nearly anything for a damaged image.
    except Exception:
        return None


def _jpeg(image: Image.Image) -> bytes:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        image = Image.new("RGB", layered.size, "white")
        image.paste(layered, mask=layered.getchannel("A"))
    sink = io.BytesIO()
    image.convert("RGB").save(sink, "JPEG", quality=QUALITY, optimize=True)
    return sink.getvalue()
