"""The bytes of images: real JPEG, PNG and WebP files, all different and cheap to create. The only module that needs Pillow.

A few textures are encoded once per format and size. Each image is one of them with the output's id in its metadata. So every
file decodes, no two are equal, and an output always has the same bytes. A 768 x 768 JPEG has about 70 to 170 kB, an upscaled
one 1 to 8 MB.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from random import Random
from zlib import crc32

from PIL import Image

from ..model.object_keys import Rendition
from .outputs import UPSCALE_FACTOR, SimulatedOutput

CONTENT_TYPES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
VARIANTS = 4
"""Number of textures per format and size."""
_SIDE = 1024
_OCTAVES = ((24, 0.4), (96, 0.3), (400, 0.2))
"""Cells per side of each layer of noise, and its share in the blend. The last one decides how well the texture compresses."""
_QUALITY = (70, 80, 85, 88)
_PLACE_OF_THE_ID = b"00000000-0000-4000-8000-000000000000"


def image_of(output: SimulatedOutput, rendition: Rendition) -> bytes:
    """Return the file. Its size in pixels is that of the generation, or 4 times that if upscaled.

    The first image of a format and size takes about 0.1 s, each further one microseconds.
    """
    upscaled = rendition is Rendition.UPSCALED
    factor = UPSCALE_FACTOR if upscaled else 1
    variant = crc32(output.id.encode()) % VARIANTS
    extension = "jpeg" if upscaled else output.extension
    base = _encoded(extension, output.generation.width, output.generation.height, factor, variant)
    return _MARKED[extension](base, output.id.encode())


@cache
def _texture(variant: int) -> Image.Image:
    random = Random(variant)

    def noise(cells: int) -> Image.Image:
        pixels = Image.frombytes("RGB", (cells, cells), random.randbytes(3 * cells * cells))
        return pixels.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)

    texture = noise(5)
    for cells, share in _OCTAVES:
        texture = Image.blend(texture, noise(cells), share)
    return texture


@cache
def _encoded(extension: str, width: int, height: int, factor: int, variant: int) -> bytes:
    picture = _texture(variant).crop((0, 0, width, height))
    if factor > 1:
        picture = picture.resize((width * factor, height * factor), Image.Resampling.BICUBIC)
    body = BytesIO()
    match extension:
        case "jpeg":
            picture.save(body, "JPEG", quality=95 if factor > 1 else _QUALITY[variant])
        case "png":
            picture.save(body, "PNG", compress_level=1)
        case _:
            # Pillow writes the extended container only if there is metadata.
            picture.save(body, "WEBP", quality=_QUALITY[variant], method=2, xmp=_PLACE_OF_THE_ID)
    return body.getvalue()


def _marked_jpeg(base: bytes, mark: bytes) -> bytes:
    """Insert a comment segment after the start-of-image marker."""
    return base[:2] + b"\xff\xfe" + (len(mark) + 2).to_bytes(2) + mark + base[2:]


def _marked_png(base: bytes, mark: bytes) -> bytes:
    """Insert a `tEXt` chunk after the header chunk, which ends at byte 33."""
    chunk = b"tEXtComment\0" + mark
    return base[:33] + (len(chunk) - 4).to_bytes(4) + chunk + crc32(chunk).to_bytes(4) + base[33:]


def _marked_webp(base: bytes, mark: bytes) -> bytes:
    """Replace the placeholder in the metadata chunk, which has no checksum."""
    return base.replace(_PLACE_OF_THE_ID, mark.ljust(len(_PLACE_OF_THE_ID))[: len(_PLACE_OF_THE_ID)])


_MARKED = {"jpeg": _marked_jpeg, "png": _marked_png, "webp": _marked_webp}
