"""A position in the bytes of an image that moves from part to part by the lengths that the image contains."""

from __future__ import annotations

import re

MOST_PARTS = 1_000_000
"""Segments, chunks, blocks or boxes per image. Without a limit, tiny parts would take seconds, during which nothing else runs."""


class Truncated(Exception):
    """The body begins like an image, and ends before the image does."""


class Unreadable(Exception):
    """The body is no image, or its parts cannot be followed."""


class Walk:
    """Each step raises Truncated if the body ends within it, and Unreadable after `MOST_PARTS` steps."""

    def __init__(self, body: bytes, content_type: str, at: int = 0) -> None:
        self.body, self.content_type, self.at = body, content_type, at
        self._steps = 0

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes, and move behind them."""
        begin = self.at
        self.skip(count)
        return self.body[begin : self.at]

    def number(self, size: int) -> int:
        """Return the next `size` bytes as a big-endian number, and move behind them."""
        return int.from_bytes(self.take(size))

    def skip(self, count: int) -> None:
        self._count(1)
        if count > len(self.body) - self.at:
            raise self.truncated()
        self.at += count

    def find(self, pattern: re.Pattern[bytes]) -> int:
        """Move behind the next match, and return its last byte."""
        self._count(1)
        found = pattern.search(self.body, self.at)
        if found is None:
            raise self.truncated()
        self.at = found.end()
        return self.body[self.at - 1]

    def skip_sub_blocks(self) -> None:
        """Move behind blocks of a length byte and so many bytes each, up to one of length 0. A loop without calls: there may be
        hundreds of thousands.
        """
        body, at, end, steps = self.body, self.at, len(self.body), 1
        while at < end and steps <= MOST_PARTS and (size := body[at]):
            at += size + 1
            steps += 1
        self.at = at
        self._count(steps)
        self.skip(1)

    def truncated(self) -> Truncated:
        return Truncated(f"a truncated image: {self.content_type} without its end, {len(self.body)} bytes")

    def unreadable(self, what: str) -> Unreadable:
        return Unreadable(f"a damaged image: {self.content_type} with {what} before byte {self.at}")

    def _count(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MOST_PARTS:
            raise self.unreadable(f"more than {MOST_PARTS} parts")
