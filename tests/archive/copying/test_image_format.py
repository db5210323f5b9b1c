"""Every whole image is recognised as what it is, whatever follows it, and no truncated one is."""

from __future__ import annotations

import io
import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stablecog_provider.archive.copying.image_format import image_type, truncation
from stablecog_provider.errors import ImageRejected
from stablecog_provider.model.object_keys import EXTENSIONS


def image(kind: str, size: tuple[int, int] = (24, 16), frames: int = 1, **settings: Any) -> bytes:
    pictures = [Image.effect_noise(size, 60) for _ in range(frames)]
    if frames > 1:
        settings |= {"save_all": True, "append_images": pictures[1:]}
    buffer = io.BytesIO()
    pictures[0].save(buffer, kind, **settings)
    return buffer.getvalue()


def of_type(content_type: str, *args: Any, **settings: Any) -> bytes:
    return image(content_type.removeprefix("image/").upper(), *args, **settings)


# Metadata that contains a whole JPEG, as cameras write it.
THUMBNAIL = b"Exif\x00\x00" + image("JPEG", (160, 120))

IMAGES = {
    "a JPEG": ("image/jpeg", image("JPEG")),
    "a progressive JPEG": ("image/jpeg", image("JPEG", progressive=True)),
    "a JPEG with restart markers": ("image/jpeg", image("JPEG", (64, 64), restart_marker_blocks=1)),
    "a JPEG with a thumbnail": ("image/jpeg", image("JPEG", exif=THUMBNAIL)),
    "a JPEG with a second picture": ("image/jpeg", image("MPO", frames=2)),
    "a PNG": ("image/png", image("PNG")),
    "an animated PNG": ("image/png", image("PNG", frames=3)),
    "a WebP": ("image/webp", image("WEBP")),
    "a lossless WebP": ("image/webp", image("WEBP", lossless=True)),
    "an animated WebP": ("image/webp", image("WEBP", frames=3)),
    "a GIF": ("image/gif", image("GIF")),
    "an animated GIF": ("image/gif", image("GIF", frames=3)),
    "an AVIF": ("image/avif", image("AVIF")),
    "an animated AVIF": ("image/avif", image("AVIF", frames=3)),
}
KINDS = pytest.mark.parametrize("kind", IMAGES)


@KINDS
def test_whole_images_are_recognised(kind: str) -> None:
    content_type, body = IMAGES[kind]
    assert image_type(body) == content_type
    assert truncation(body) == ""


@given(st.sampled_from(sorted(EXTENSIONS)), st.tuples(st.integers(1, 40), st.integers(1, 40)), st.integers(1, 3))
def test_images_of_every_shape_are_recognised(content_type: str, size: tuple[int, int], frames: int) -> None:
    if content_type == "image/jpeg":
        frames = 1
    assert image_type(of_type(content_type, size, frames)) == content_type


@given(st.sampled_from(sorted(IMAGES)), st.binary(min_size=1, max_size=40))
def test_what_follows_an_image_does_not_matter(kind: str, behind: bytes) -> None:
    content_type, body = IMAGES[kind]
    assert image_type(body + behind) == content_type


@pytest.mark.parametrize("behind", [b"\n", b"\xff" * 9, b"\x00" * 9, b"<!-- cached by a CDN -->", IMAGES["a GIF"][1]])
@KINDS
def test_usual_trailers_do_not_matter(kind: str, behind: bytes) -> None:
    content_type, body = IMAGES[kind]
    assert image_type(body + behind) == content_type


def parts(kind: str) -> bytes:
    """Return an image up to the end of its first picture."""
    body = IMAGES[kind][1]
    return body if kind != "a JPEG with a second picture" else IMAGES["a JPEG"][1]


@KINDS
def test_no_truncated_image_passes(kind: str) -> None:
    body = parts(kind)
    for end in range(len(body)):
        assert truncation(body[:end]), f"{end} of {len(body)} bytes"
        with pytest.raises(ImageRejected):
            image_type(body[:end])


def test_the_end_of_an_embedded_thumbnail_is_not_the_end_of_the_image() -> None:
    body = IMAGES["a JPEG with a thumbnail"][1]
    behind_it = body.index(b"\xff\xd9") + 2
    assert behind_it < len(body)
    assert "image/jpeg without its end" in truncation(body[:behind_it])
    assert truncation(body[:behind_it] + b"\x00" * 50)


STARTS = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x20\0\0\0WEBP", b"GIF89a", b"\0\0\0\x14ftypavif\0\0\0\0avif"]


@given(st.sampled_from([b"", *STARTS]), st.binary(max_size=200))
def test_arbitrary_bytes_raise_no_other_error(start: bytes, rest: bytes) -> None:
    body = start + rest
    with suppress(ImageRejected):
        assert image_type(body) in EXTENSIONS
        assert truncation(body) == ""


@given(st.sampled_from(sorted(IMAGES)), st.data())
def test_an_image_with_damaged_bytes_raises_no_other_error(kind: str, data: st.DataObject) -> None:
    body = bytearray(IMAGES[kind][1])
    for at in data.draw(st.lists(st.integers(0, min(len(body), 400) - 1), max_size=6)):
        body[at] = data.draw(st.integers(0, 255))
    with suppress(ImageRejected):
        assert image_type(bytes(body)) in EXTENSIONS


@given(st.binary(max_size=64))
def test_arbitrary_bytes_are_no_image(body: bytes) -> None:
    with pytest.raises(ImageRejected):
        image_type(body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the body is empty"),
        (b"<!DOCTYPE html><html>Sorry</html>", "an HTML page of 33 bytes"),
        (b"\n <HTML>", "an HTML page"),
        (b"<?xml version='1.0'?><Error/>", "probably an error message"),
        (b'{"error": "gone"}', "probably an error message"),
        (b"GIF88a......", "12 bytes that are neither JPEG, PNG, WebP, GIF nor AVIF"),
        (b"RIFF" + struct.pack("<I", 4) + b"WAVE", "12 bytes that are neither"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "24 bytes that are neither"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "24 bytes that are neither"),
        (b"\xef\xbb\xbf" + IMAGES["a JPEG"][1], "bytes that are neither"),
        (IMAGES["a JPEG"][1][:100], "a truncated image: image/jpeg without its end, 100 bytes"),
    ],
)
def test_the_error_names_what_the_body_is(body: bytes, words: str) -> None:
    with pytest.raises(ImageRejected, match=words):
        image_type(body)


@pytest.mark.parametrize("body", [b"", b"\xff", b"\x89PN", b"RIFF\x10", b"GIF8", b"\0\0\0\x20fty", b"\0"])
def test_the_first_bytes_of_an_image_are_a_truncated_image(body: bytes) -> None:
    assert truncation(body)


@pytest.mark.parametrize("body", [b"Not found", b"<html>", b"{}", b"RIFX", b"\xef\xbb\xbf\xff\xd8\xff"])
def test_another_body_is_not_a_truncated_image(body: bytes) -> None:
    assert truncation(body) == ""
