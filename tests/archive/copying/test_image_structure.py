"""Images part by part: what each format allows, and lengths that lie."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from stablecog_provider.archive.copying.image_format import image_type, truncation
from stablecog_provider.archive.copying.image_walk import MOST_PARTS
from stablecog_provider.errors import ImageRejected
from stablecog_provider.model.object_keys import EXTENSIONS

SCAN = b"\xff\xda\x00\x02"
COMMENT = b"\xff\xfe\x00\x04hi"
IEND = b"\x00\x00\x00\x00IEND\xae\x42\x60\x82"
PNG = b"\x89PNG\r\n\x1a\n"
GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00"
PICTURE = b"," + bytes(9) + b"\x02\x01x\x00"
TABLE = b"GIF89a\x01\x00\x01\x00\x81\x00\x00" + b";" * 12


def jpeg(*parts: bytes) -> bytes:
    return b"\xff\xd8" + b"".join(parts)


def box(kind: bytes, content: bytes, size: int | None = None) -> bytes:
    return (len(content) + 8 if size is None else size).to_bytes(4) + kind + content


def ftyp(*brands: bytes) -> bytes:
    return box(b"ftyp", brands[0] + bytes(4) + b"".join(brands[1:]))


def iloc(*extents: tuple[int, int], version: int = 0, method: int = 0, reference: int = 0) -> bytes:
    """Item locations of one item, with offsets and lengths of 4 bytes."""
    chosen = method.to_bytes(2) if version else b""
    entries = b"".join(offset.to_bytes(4) + length.to_bytes(4) for offset, length in extents)
    item = b"\x00\x01" + chosen + reference.to_bytes(2) + len(extents).to_bytes(2) + entries
    return box(b"iloc", bytes([version, 0, 0, 0]) + b"\x44\x00\x00\x01" + item)


def meta(*children: bytes) -> bytes:
    return box(b"meta", bytes(4) + b"".join(children))


STILL = ftyp(b"avif", b"mif1")
LARGE = (1).to_bytes(4) + b"mdat" + (24).to_bytes(8) + bytes(8)
MDAT = box(b"mdat", bytes(8))

WHOLE = {
    "no scan": jpeg(COMMENT, b"\xff\xd9"),
    "stuffed bytes and restarts": jpeg(SCAN, b"a\xff\x00\xff\xd0\xff\xd7b\xff\xd9"),
    "several scans": jpeg(SCAN, b"a\xff\x00", COMMENT, SCAN, b"b", b"\xff\xd9"),
    "fill bytes": jpeg(b"\xff\xff\xff", COMMENT, b"\xff\xff", SCAN, b"\xff\xff\xd9"),
    "an end inside a segment": jpeg(b"\xff\xe1\x00\x04\xff\xd9", SCAN, b"\xff\xd9"),
    "stray bytes between segments": jpeg(COMMENT, b"\x00\x00", COMMENT, b"\xff\xd9"),
    "stand-alone markers": jpeg(b"\xff\x01\xff\xd0", COMMENT, b"\xff\xd9"),
    "a PNG of an unknown chunk": PNG + b"\x00\x00\x00\x01abCdx1234" + IEND,
    "IEND inside a chunk": PNG + b"\x00\x00\x00\x0ctEXt" + IEND + b"1234" + IEND,
    "a WebP of odd length": b"RIFF\x0d\x00\x00\x00WEBPVP8 \x01\x00\x00\x00x",
    "a WebP of odd length, padded": b"RIFF\x0d\x00\x00\x00WEBPVP8 \x01\x00\x00\x00x\x00",
    "GIF87a": b"GIF87a" + GIF[6:] + PICTURE + b";",
    "a trailer in a color table": TABLE + PICTURE + b";",
    "a trailer in a local color table": GIF + b"," + bytes(8) + b"\x80;;;;;;\x02\x01;\x00;",
    "extensions": GIF + b"!\xfe\x02;;\x01;\x00" + b"!\xf9\x04\x00\x00\x00\x00\x00" + PICTURE + b";",
    "stray bytes between blocks": GIF + PICTURE + b"\x00\x00" + PICTURE + b";",
    "an AVIF in idat": STILL + meta(iloc((0, 500), version=1, method=1), box(b"idat", b"x")),
    "an AVIF in another file": STILL + meta(iloc((0, 500), reference=1)),
    "an AVIF without locations": STILL + meta() + MDAT,
    "an AVIF with mdat first": STILL + MDAT + meta(iloc((32, 8))),
    "a compatible brand": ftyp(b"mif1", b"heic", b"avif") + meta() + MDAT,
    "an AVIF with a large mdat": STILL + meta() + LARGE,
    "an AVIF with mdat to the end": STILL + meta(iloc((80, 8))) + box(b"mdat", bytes(40), 0),
    "a sequence": ftyp(b"avis", b"avif") + meta(iloc((24, 8))) + box(b"moov", b"x") + MDAT,
    "an unknown box": STILL + meta() + box(b"abcd", b"x") + MDAT,
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_structure_is_accepted(name: str) -> None:
    assert image_type(WHOLE[name]) in EXTENSIONS
    assert truncation(WHOLE[name]) == ""


CUT = {
    "no end behind a scan": jpeg(SCAN, b"a\xff\x00\xff\xd0"),
    "only the end of a thumbnail": jpeg(b"\xff\xe1\x00\x06\xff\xd8\xff\xd9", SCAN, b"abc"),
    "a segment longer than the body": jpeg(b"\xff\xe1\xff\xff\xff\xd9"),
    "fill bytes at the end": jpeg(COMMENT, b"\xff\xff"),
    "half of a length": jpeg(b"\xff\xe1\x00"),
    "a chunk longer than the body": PNG + b"\x7f\xff\xff\xffIDAT" + IEND,
    "an end inside a chunk only": PNG + b"\x00\x00\x00\x0ctEXt" + IEND + b"1234",
    "half of IEND": PNG + IEND[:-1],
    "a WebP of 4 GB": b"RIFF\xff\xff\xff\xffWEBPVP8 ",
    "a GIF without trailer": GIF + PICTURE,
    "a GIF with a trailer in its data only": GIF + b"," + bytes(9) + b"\x02\x05;;;",
    "a GIF cut in its color table": TABLE[:-1],
    "an AVIF without meta": STILL + MDAT,
    "an AVIF without mdat": STILL + meta(),
    "an AVIF cut behind meta": STILL + meta(iloc((100, 8))),
    "an AVIF cut in mdat to the end": STILL + meta(iloc((80, 48))) + box(b"mdat", bytes(40), 0),
    "an AVIF cut in a second mdat": STILL + meta(iloc((72, 8), (88, 8))) + MDAT,
    "an AVIF cut in moov": STILL + meta(iloc((72, 8))) + MDAT + box(b"moov", b"x", 500),
    "a sequence without moov": ftyp(b"avis", b"avif") + meta() + MDAT,
    "a sequence without mdat": ftyp(b"avis") + meta(iloc((24, 8))) + box(b"moov", b"x"),
    "an AVIF cut in ftyp": STILL[:16],
    "an AVIF cut in ftyp before its brand": ftyp(b"mif1", b"heic", b"avif")[:20],
}


@pytest.mark.parametrize("name", CUT)
def test_a_structure_that_is_cut_off_is_truncated(name: str) -> None:
    assert "without its end" in truncation(CUT[name])
    with pytest.raises(ImageRejected, match="a truncated image"):
        image_type(CUT[name])


DAMAGED = {
    "the start of another image": jpeg(SCAN, b"abc", jpeg(COMMENT, b"\xff\xd9")),
    "a segment of an impossible length": jpeg(b"\xff\xe1\x00\x01", b"\xff\xd9"),
    "an impossible chunk": PNG + b"\x80\x00\x00\x00IDAT" + IEND,
    "impossible chunk": PNG + b"\x00\x00\x00\x00<!--1234" + IEND,
    "an invalid IEND chunk": PNG + b"\x00\x00\x00\x00IEND1234",
    "an impossible length": b"RIFF\x04\x00\x00\x00WEBP",
}


@pytest.mark.parametrize("words", DAMAGED)
def test_a_structure_that_cannot_be_followed_is_named(words: str) -> None:
    assert truncation(DAMAGED[words]) == ""
    with pytest.raises(ImageRejected, match=re.escape(words)):
        image_type(DAMAGED[words])


def test_the_second_picture_of_a_gif_counts() -> None:
    assert truncation(GIF + PICTURE + PICTURE[:-1] + b"\x30;") != ""


@contextmanager
def few_steps(limit: int) -> Iterator[None]:
    """Fails if more lines than that are executed: a count, since a duration would depend on the machine."""
    left = limit

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise AssertionError(f"more than {limit} steps")
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        yield
    finally:
        sys.settrace(before)


MIB = 1024 * 1024
LONG = {
    "noise in a scan": jpeg(SCAN, bytes(range(255)) * (MIB // 255), b"\xff\xd9"),
    "stuffed bytes": jpeg(SCAN, b"\xff\x00" * (MIB // 2), b"\xff\xd9"),
    "fill bytes": jpeg(SCAN, b"\xff" * MIB, b"\xd9"),
    "one chunk": PNG + MIB.to_bytes(4) + b"IDAT" + bytes(MIB + 4) + IEND,
    "stray bytes in a GIF": GIF + bytes(MIB) + PICTURE + b";",
    "locations of no length": STILL + meta(box(b"iloc", bytes(6) + b"\xff\xff" + b"\0\1\0\0\xff\xff" * 65535)) + MDAT,
}


@pytest.mark.parametrize(
    "name", ["noise in a scan", "stuffed bytes", "fill bytes", "one chunk", "stray bytes in a GIF"]
)
def test_a_long_body_takes_few_steps(name: str) -> None:
    with few_steps(500):
        assert image_type(LONG[name]) in EXTENSIONS


def test_item_locations_without_lengths_take_no_step_per_extent() -> None:
    # 65,535 items of 65,535 extents each.
    assert image_type(LONG["locations of no length"]) == "image/avif"


@pytest.mark.parametrize(
    "body",
    [
        jpeg(b"\xff\xfe\x00\x02" * MOST_PARTS),
        PNG + b"\x00\x00\x00\x00abcd1234" * MOST_PARTS,
        GIF + b"," + bytes(10) + b"\x01x" * MOST_PARTS,
        STILL + b"\x00\x00\x00\x08free" * MOST_PARTS,
    ],
    ids=["jpeg", "png", "gif", "avif"],
)
def test_a_body_of_a_million_tiny_parts_is_refused(body: bytes) -> None:
    with pytest.raises(ImageRejected, match="more than 1000000 parts"):
        image_type(body)
