"""The images are real: they decode, have the right sizes and trailers, and are all different."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import pytest
from PIL import Image

from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.simulator.images import image_of
from stablecog_provider.simulator.outputs import SIZES, SimulatedOutput
from stablecog_provider.simulator.world import World

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def made(extension: str, count: int, size: tuple[int, int] = (768, 768)) -> list[SimulatedOutput]:
    world = World.empty(NOW)
    outputs = [output for _ in range(count) for output in world.add(NOW, extension=extension)]
    for output in outputs:
        output.generation = replace(output.generation, width=size[0], height=size[1])
    return outputs


@pytest.mark.parametrize("extension", ["jpeg", "png", "webp"])
@pytest.mark.parametrize("size", sorted(set(SIZES)))
def test_an_original_decodes_to_the_size_of_its_generation(extension: str, size: tuple[int, int]) -> None:
    (output,) = made(extension, 1, size)
    with Image.open(BytesIO(image_of(output, Rendition.ORIGINAL))) as picture:
        picture.load()
        assert picture.format == extension.upper()
        assert picture.size == size


def test_an_upscaled_image_is_four_times_as_wide_and_high() -> None:
    (output,) = made("png", 1, (512, 768))
    body = image_of(output, Rendition.UPSCALED)
    with Image.open(BytesIO(body)) as picture:
        picture.load()
        assert (picture.format, picture.size) == ("JPEG", (2048, 3072))
    assert 1_000_000 < len(body) < 8_000_000


def test_files_end_as_their_formats_do() -> None:
    jpeg, png, webp = (image_of(made(extension, 1)[0], Rendition.ORIGINAL) for extension in ("jpeg", "png", "webp"))
    assert (jpeg[:3], jpeg[-2:]) == (b"\xff\xd8\xff", b"\xff\xd9")
    assert (png[:8], png[-12:]) == (b"\x89PNG\r\n\x1a\n", b"\0\0\0\0IEND\xaeB`\x82")
    assert (webp[:4], webp[8:12]) == (b"RIFF", b"WEBP")
    assert int.from_bytes(webp[4:8], "little") + 8 == len(webp)


@pytest.mark.parametrize("extension", ["jpeg", "png", "webp"])
def test_each_output_has_a_different_file_that_contains_its_id(extension: str) -> None:
    outputs = made(extension, 40)
    files = {image_of(output, Rendition.ORIGINAL) for output in outputs}
    assert len(files) == 40
    for output in outputs:
        body = image_of(output, Rendition.ORIGINAL)
        assert output.id.encode() in body
        assert body == image_of(output, Rendition.ORIGINAL)
        with Image.open(BytesIO(body)) as picture:
            assert output.id in str([picture.info.get(place) for place in ("comment", "Comment", "xmp")])
            picture.verify()


def test_a_jpeg_is_its_texture_plus_a_comment() -> None:
    (output,) = made("jpeg", 1)
    body = image_of(output, Rendition.ORIGINAL)
    length = int.from_bytes(body[4:6])
    assert body[2:4] == b"\xff\xfe"
    assert body[6 : 4 + length] == output.id.encode()
    assert body[4 + length : 6 + length] == b"\xff\xe0", "the next segment follows at once"


def test_a_usual_jpeg_has_a_usual_size() -> None:
    sizes = [len(image_of(output, Rendition.ORIGINAL)) for output in made("jpeg", 40)]
    assert 70_000 <= min(sizes) < max(sizes) <= 170_000
