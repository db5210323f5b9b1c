"""Status and headers of a response, from the lines that libcurl passes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_HEADERS = 1_000
"""Header lines of a response. libcurl itself allows 5,000."""


class TooManyHeaders(Exception):
    """A response has more than `MAX_HEADERS` header lines."""


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """`headers`: names in lower case, and values."""

    status: int
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, lines: Sequence[bytes]) -> ResponseHead:
        """Parse the last head among the lines: a proxy's answer to CONNECT, and 100 (Continue), come before it."""
        starts = [number for number, line in enumerate(lines) if line.startswith(b"HTTP/")]
        if not starts:
            return cls(0, ())
        status, headers = lines[starts[-1]].split(None, 2)[1], []
        for line in lines[starts[-1] + 1 :]:
            if line in (b"\r\n", b"\n"):
                break
            name, _, value = line.decode("utf-8", "surrogateescape").partition(":")
            headers.append((name.strip().lower(), value.strip()))
        if len(headers) > MAX_HEADERS:
            raise TooManyHeaders
        return cls(int(status), tuple(headers))

    def all(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known == name]

    def get(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)

    @property
    def declared_length(self) -> int | None:
        """The body's bytes, or None if the response does not say. libcurl has checked the number."""
        if self.all("transfer-encoding"):
            return None
        length = self.get("content-length") or ""
        return int(length) if length.isdecimal() else None
