"""A body of unknown length that ends before its image does is a broken connection."""

from __future__ import annotations

import hashlib

import pytest

from archive.copying.test_transfer import AVIF, GIF, JPEG, PNG, WEBP, Bench
from stablecog_provider.adapters.memory import MemoryImage
from stablecog_provider.errors import ImageRejected


@pytest.mark.parametrize("whole", [JPEG, PNG, WEBP, GIF, AVIF])
@pytest.mark.parametrize("left", [0, 0.01, 0.5, 0.99])
async def test_a_body_of_unknown_length_that_ends_too_early_is_retried(whole: bytes, left: float) -> None:
    cut = MemoryImage(whole[: int(len(whole) * left)], declares=False)
    bench = Bench(cut, cut, MemoryImage(whole, declares=False))
    assert (await bench.copy()).sha256 == hashlib.sha256(whole).hexdigest()
    assert len(bench.waits) == 2


@pytest.mark.parametrize(
    "answer",
    [
        MemoryImage(JPEG[:70_000]),  # its length was declared and met
        MemoryImage(b"<html>Sorry", declares=False),
        MemoryImage(b"no", declares=False),
    ],
)
async def test_a_body_that_is_as_long_as_it_should_be_is_not_retried(answer: MemoryImage) -> None:
    bench = Bench(answer, JPEG)
    await bench.refused(ImageRejected, "image")
    assert (len(bench.images.asked), bench.waits) == (1, [])


async def test_a_body_of_unknown_length_that_is_always_cut_off_counts_as_a_failure_of_its_host() -> None:
    bench = Bench(MemoryImage(JPEG[:70_000], declares=False), images_in_a_row=1)
    await bench.refused(
        ImageRejected, "given up after retries: a truncated image: image/jpeg without its end, 70000 bytes"
    )
    assert list(bench.transfer.hosts.down) == ["b.stablecog.com"]
