"""Thumbnails: small, without metadata, and bounded in what they decode."""

from __future__ import annotations

import io
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from stablecog_provider.adapters.pillow_thumbnails import SIDE, PillowThumbnails, thumbnail


def image(form: str, size: tuple[int, int] = (1024, 512), mode: str = "RGB", **saved: object) -> bytes:
    sink = io.BytesIO()
    Image.new(mode, size, 120).save(sink, form, **saved)
    return sink.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A PNG that declares these pixels and has none."""
    header = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    body = b"".join(
        len(each[4:]).to_bytes(4, "big") + each + zlib.crc32(each).to_bytes(4, "big")
        for each in (header, b"IDAT" + zlib.compress(b"\0" * 1000), b"IEND")
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
def test_each_format_becomes_a_small_jpeg(form: str) -> None:
    made = thumbnail(image(form))
    assert made is not None
    with Image.open(io.BytesIO(made)) as small:
        assert (small.format, small.size) == ("JPEG", (SIDE, SIDE // 2))


def test_transparency_becomes_white() -> None:
    sink = io.BytesIO()
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(sink, "PNG")
    made = thumbnail(sink.getvalue())
    assert made is not None
    with Image.open(io.BytesIO(made)) as small:
        assert small.getpixel((32, 32)) == (255, 255, 255)


def test_metadata_is_left_out() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a secret description"
    made = thumbnail(image("JPEG", exif=exif))
    assert made is not None
    assert b"secret" not in made


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not an image",
        image("JPEG")[:200],
        png_of(100_000, 100_000),
        png_of(8_000, 8_000),
        image("BMP"),
        image("TIFF"),
    ],
    ids=["empty", "text", "cut", "bomb", "large", "bmp", "tiff"],
)
async def test_what_cannot_be_shown_has_no_thumbnail(body: bytes) -> None:
    assert await PillowThumbnails().of(body) is None


def test_many_at_once_leave_the_warnings_of_the_process_alone() -> None:
    """Airflow's API server answered every request with 500 when a filter of warnings was left behind."""
    body = image("JPEG")
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(thumbnail, [body] * 64))
    assert warnings.filters == before
