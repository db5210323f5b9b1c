"""The images that are copied: valid JPEGs of any length, with incompressible content."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_COMMENT = b"\xff\xfe"
_LONGEST_COMMENT = 65_533
"""Bytes. The length field of a segment has 16 bits and includes its own two bytes (ITU T.81, B.1.1.4)."""
# A complete JPEG of 8 x 8 grey pixels: SOI and JFIF header, then tables, one scan and EOI.
_PICTURE = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb00430050373c463c32504641465a55505f78c882786e6e78f5afb991c8ffffffffffff"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc0000b080008000801011100ffc40014000100000000"
    "000000000000000000000000ffc40014100100000000000000000000000000000000ffda0008010100003f003fffd9"
)
_HEADER = 20


@dataclass(frozen=True, slots=True)
class ImageSet:
    """`count` images of `mean` bytes on average. `spread`: standard deviation as a share of `mean`."""

    name: str
    count: int
    mean: int
    spread: float = 0.35

    def write(self, folder: Path) -> dict[str, int]:
        """Write the files below `folder`, the same ones every time, and return their lengths by name."""
        (folder / self.name).mkdir(parents=True, exist_ok=True)
        dice = random.Random(self.name)  # noqa: S311 - no secret
        written = {}
        for number in range(self.count):
            name = f"{self.name}/{number:05}.jpeg"
            size = max(5_000, round(dice.gauss(self.mean, self.spread * self.mean)))
            written[name] = (folder / name).write_bytes(b"".join(_jpeg(size, dice)))
        return written


def _jpeg(size: int, dice: random.Random) -> Iterator[bytes]:
    """Yield about `size` bytes: a header, then comments filled with noise."""
    yield _PICTURE[:_HEADER]
    left = size - len(_PICTURE)
    while left > 0:
        length = min(left, _LONGEST_COMMENT)
        yield _COMMENT + (length + 2).to_bytes(2, "big") + dice.randbytes(length)
        left -= length + len(_COMMENT) + 2
    yield _PICTURE[_HEADER:]
