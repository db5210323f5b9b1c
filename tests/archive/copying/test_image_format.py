"""Every complete image is recognised, and no truncated one is."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stablecog_provider.archive.copying.image_format import image_type
from stablecog_provider.errors import ImageRejected


def image(kind: str, size: tuple[int, int] = (24, 16)) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise(size, 60).save(buffer, kind)
    return buffer.getvalue()


IMAGES = {"image/jpeg": image("JPEG"), "image/png": image("PNG"), "image/webp": image("WEBP")}


@pytest.mark.parametrize("content_type", IMAGES)
def test_whole_images_are_recognised(content_type: str) -> None:
    assert image_type(IMAGES[content_type]) == content_type


@given(st.sampled_from(sorted(IMAGES)), st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_images_of_every_shape_are_recognised(content_type: str, size: tuple[int, int]) -> None:
    assert image_type(image(content_type.removeprefix("image/").upper(), size)) == content_type


@pytest.mark.parametrize("content_type", IMAGES)
def test_no_cut_off_image_passes(content_type: str) -> None:
    body = IMAGES[content_type]
    for end in range(len(body)):
        with pytest.raises(ImageRejected):
            image_type(body[:end])


@pytest.mark.parametrize("content_type", ["image/png", "image/webp"])
def test_what_hangs_on_behind_is_noticed(content_type: str) -> None:
    with pytest.raises(ImageRejected, match="without its end"):
        image_type(IMAGES[content_type] + b"more")


def test_nul_padding_behind_a_jpeg_is_tolerated() -> None:
    assert image_type(IMAGES["image/jpeg"] + b"\x00" * 7) == "image/jpeg"


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
        (b"GIF89a......", "12 bytes that are neither"),
        (b"RIFF" + struct.pack("<I", 4) + b"WAVE", "12 bytes that are neither"),
        (IMAGES["image/jpeg"][:100], "a truncated image: image/jpeg without its end, 100 bytes"),
    ],
)
def test_the_reason_is_said_in_plain_words(body: bytes, words: str) -> None:
    with pytest.raises(ImageRejected, match=words):
        image_type(body)
