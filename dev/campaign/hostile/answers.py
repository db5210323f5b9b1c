"""Responses made to break, fill or deceive the reader: raw ones for the listing and for images, and spoiled documents."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import Any

from stablecog_provider.adapters.memory import FixedClock

from ..rig.listeners import HOST, served
from ..rig.lying_service import Outcome, Spoil, run_against, run_spoiled
from .documents import SPOILS

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
KIB, MIB = 1024, 1024 * 1024
OUTPUTS = 12


@dataclass(frozen=True, slots=True)
class Answer:
    """`run` returns what is wrong with the result, or "" if nothing is. It raises unexpected exceptions."""

    name: str
    run: Callable[[], Awaitable[str]]


def head_of(*lines: str, status: str = "200 OK", kind: str = "application/json") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", f"Content-Type: {kind}", *lines, "", "")).encode("latin-1")


def _chunked(pieces: Iterable[bytes]) -> Iterable[bytes]:
    for piece in pieces:
        yield f"{len(piece):x}\r\n".encode() + piece + b"\r\n"


def _zeros() -> Iterable[bytes]:
    """Yield an endless gzip of blanks. A piece that ends at a byte boundary can be repeated for ever."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    yield packer.compress(b" " * MIB) + packer.flush(zlib.Z_SYNC_FLUSH)
    piece = packer.compress(b" " * 16 * MIB) + packer.flush(zlib.Z_FULL_FLUSH)
    yield from repeat(piece)


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()


def _sized(body: bytes, *lines: str) -> list[bytes]:
    return [head_of(f"Content-Length: {len(body)}", *lines), body]


def _page_of(item: bytes, count: int) -> list[bytes]:
    return _sized(b'{"outputs":[' + b",".join(repeat(item, count)) + b"]}")


_CHUNKS = "Transfer-Encoding: chunked"
_EMPTY = b'{"outputs":[]}'
# Built for each request, because some never end.
_LISTINGS: dict[str, Callable[[], Iterable[bytes]]] = {
    "a body without end": lambda: chain([head_of(_CHUNKS)], _chunked(repeat(b" " * 64 * KIB))),
    "a page of 200 MB": lambda: chain([head_of(f"Content-Length: {200 * MIB}"), b'{"x":"'], repeat(b"a" * MIB, 199)),
    "a body without length, never closed": lambda: chain([head_of()], repeat(b'{"a":' * 8 * KIB)),
    "a compressed bomb": lambda: chain([head_of("Content-Encoding: gzip", _CHUNKS)], _chunked(_zeros())),
    "a bomb in a bomb": lambda: _sized(_gzip(_gzip(b" " * 32 * MIB)), "Content-Encoding: gzip, gzip"),
    "a coding nobody asked for": lambda: _sized(_EMPTY, "Content-Encoding: br"),
    "a coding that is a lie": lambda: _sized(_EMPTY, "Content-Encoding: gzip"),
    "10^6 empty outputs": lambda: _page_of(b"{}", 10**6),
    "10^6 nulls for outputs": lambda: _page_of(b"null", 10**6),
    "a page full of empty lists": lambda: _page_of(b"[]", 5_500_000),
    "a page full of small objects": lambda: _page_of(b'{"":0}', 2_300_000),
    "a page full of keys": lambda: _sized(
        b"{" + b",".join(b'"%x":0' % number for number in range(1_500_000)) + b',"outputs":[]}'
    ),
    "10,000 outputs, none readable": lambda: _page_of(b'{"id":"x","generation":{"created_at":[]}}', 10_000),
    "deep lists": lambda: _sized(b'{"outputs":' + b"[" * 200_000),
    "deep objects": lambda: _sized(b'{"a":' * 200_000),
    "outputs nested just so deep": lambda: _sized(b'{"outputs":[' + b"[" * 900 + b"]" * 900 + b"]}"),
    "a number of a million digits": lambda: _sized(b'{"outputs":[],"total":' + b"9" * 10**6 + b"}"),
    "a total of 10^400": lambda: _sized(b'{"outputs":[],"total":1' + b"0" * 400 + b"}"),
    "a negative total": lambda: _sized(b'{"outputs":[],"total":-1}'),
    "next with line breaks": lambda: _sized(b'{"outputs":[],"next":"a\\r\\nHost: evil"}'),
    "next of a megabyte": lambda: _sized(b'{"outputs":[],"next":"' + b"a" * MIB + b'"}'),
    "next that is an object": lambda: _sized(b'{"outputs":[],"next":{"a":1}}'),
    "next that never changes": lambda: _sized(b'{"outputs":[],"next":"2026-11-20T00:00:00Z","total":1}'),
    "keys twice": lambda: _sized(b'{"outputs":[{}],"outputs":[],"total":1,"total":0}'),
    "not UTF-8": lambda: _sized(b'{"outputs":["\xff\xfe\xed\xa0\x80"]}'),
    "UTF-16": lambda: _sized('{"outputs":[]}'.encode("utf-16")),
    "half a surrogate": lambda: _sized(b'{"outputs":["\\ud800"],"next":"\\udfff"}'),
    "a header of a megabyte": lambda: [head_of("X-A: " + "a" * MIB, "Content-Length: 14"), _EMPTY],
    "a million headers": lambda: [head_of(*repeat("X-A: a", 10**6), "Content-Length: 14"), _EMPTY],
    "headers without end": lambda: chain([b"HTTP/1.1 200 OK\r\n"], repeat(b"X-A: aaaaaaaaaa\r\n" * KIB)),
    "a status line without end": lambda: chain([b"HTTP/1.1 200 "], repeat(b"OK" * 32 * KIB)),
    "interim answers without end": lambda: repeat(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * KIB),
    "a negative length": lambda: [head_of("Content-Length: -1"), _EMPTY],
    "a length in words": lambda: [head_of("Content-Length: many"), _EMPTY],
    "two lengths": lambda: [head_of("Content-Length: 14", "Content-Length: 3"), _EMPTY],
    "a length too short": lambda: [head_of("Content-Length: 3"), _EMPTY],
    "a length too long": lambda: [head_of("Content-Length: 99999"), _EMPTY],
    "a length of 10^30": lambda: [head_of(f"Content-Length: {10**30}"), _EMPTY],
    "a chunk of 2^64": lambda: [head_of(_CHUNKS), b"ffffffffffffffff\r\n" + _EMPTY],
    "chunks of no number": lambda: [head_of(_CHUNKS), b"zz\r\n" + _EMPTY + b"\r\n0\r\n\r\n"],
    "trailers without end": lambda: chain([head_of(_CHUNKS), b"0\r\n"], repeat(b"X-A: a\r\n" * KIB)),
    "trailers that change the answer": lambda: [
        head_of(_CHUNKS, "Trailer: Content-Encoding"),
        b"e\r\n" + _EMPTY + b"\r\n0\r\nContent-Encoding: gzip\r\nX-A: \x00\r\n\r\n",
    ],
    "no HTTP at all": lambda: [b"\x16\x03\x01\x02\x00" * 100],
    "nothing": list,
    "control characters in headers": lambda: [head_of("X-A: \x1b[31m\x00", "Content-Length: 14"), _EMPTY],
    "a date of the year 9999": lambda: _sized(_EMPTY, "Date: Fri, 31 Dec 9999 23:59:59 -2359"),
    "a wait of 10^300 seconds": lambda: [head_of(f"Retry-After: {10**300}", "Content-Length: 0", status="429 No")],
    "a redirect with the key": lambda: [
        head_of("Location: http://evil.test/", "Content-Length: 0", status="302 Found")
    ],
    "an error that paints the terminal": lambda: [
        head_of("Content-Length: 42", status="400 Bad"),
        b'{"error":"\\u001b[2J\\u202e\\u0007 all is well"}',
    ],
}
_IMAGES: dict[str, Callable[[], Iterable[bytes]]] = {
    "an image without end": lambda: chain([head_of(kind="image/jpeg")], [b"\xff\xd8\xff"], repeat(b"a" * MIB)),
    "an image of endless chunks": lambda: chain([head_of(_CHUNKS)], _chunked(repeat(b"\xff" * MIB))),
    "an image of 10^15 bytes": lambda: [head_of(f"Content-Length: {10**15}"), b"\xff\xd8\xff"],
    "an image of 63 MB without its end": lambda: chain(
        [head_of(f"Content-Length: {63 * MIB + 3}"), b"\xff\xd8\xff"], repeat(bytes(MIB), 63)
    ),
    "a bomb for an image": lambda: chain([head_of("Content-Encoding: gzip", _CHUNKS)], _chunked(_zeros())),
    "an image with a negative length": lambda: [head_of("Content-Length: -5"), b"\xff\xd8\xff"],
    "an image longer than declared": lambda: [head_of("Content-Length: 3"), b"\xff\xd8\xff" * 1000],
    "an image with a header of a megabyte": lambda: [head_of("X-A: " + "a" * MIB), b"\xff\xd8\xff"],
    "an image with a million headers": lambda: [head_of(*repeat("X-A: a", 10**6))],
    "an image behind interim answers": lambda: repeat(b"HTTP/1.1 103 Early Hints\r\n\r\n" * KIB, 10_000),
    "an image with endless trailers": lambda: chain([head_of(_CHUNKS), b"0\r\n"], repeat(b"X-A: a\r\n" * KIB, 10_000)),
    "an image with a chunk of 2^64": lambda: [head_of(_CHUNKS), b"ffffffffffffffff\r\nabc"],
    "an image that redirects to itself": lambda: [head_of("Location: ?", "Content-Length: 0", status="302 Found")],
    "a redirect to no address": lambda: [head_of("Location: http://[", "Content-Length: 0", status="302 Found")],
    "a redirect to bytes": lambda: [head_of("Location: \xff\xfe\x80", "Content-Length: 0", status="302 Found")],
    "a coding that paints the terminal": lambda: [
        head_of("Content-Encoding: \x1b[2J\xe2\x80\xae", "Content-Length: 0")
    ],
    "an image of another kind": lambda: _sized(b"<html>\x1b[2J</html>"),
    "no image and no HTTP": lambda: [b"\x00" * 1000],
}


def _raw_listing(made: Callable[[], Iterable[bytes]]) -> Callable[[], Awaitable[str]]:
    async def run() -> str:
        async with served(writing(lambda _: made())) as port:
            outcome = await run_against(f"http://{HOST}:{port}", FixedClock(NOW), request_timeout=8.0)
        return problem_with(outcome)

    return run


def _raw_image(made: Callable[[], Iterable[bytes]]) -> Callable[[], Awaitable[str]]:
    async def run() -> str:
        async with served(writing(lambda _: made())) as port:

            def spoil(document: dict[str, Any]) -> None:
                for output in document["outputs"]:
                    output["image_url"] = f"http://{HOST}:{port}/{output['id']}"

            outcome = await run_spoiled(2, spoil, image_hosts=[f"{HOST}:{port}"])
        wrong = problem_with(outcome)
        archived = [row for row in outcome.rows if row.state == "archived"]
        return wrong or (f"{len(archived)} images were archived from it" if archived else "")

    return run


def _spoilt(spoil: Spoil) -> Callable[[], Awaitable[str]]:
    async def run() -> str:
        outcome = await run_spoiled(OUTPUTS, spoil, image_hosts=[])
        return problem_with(outcome) or ("it has no rows" if outcome.report and not outcome.rows else "")

    return run


def writing(made: Callable[[str], Iterable[bytes]]) -> Callable[[str, asyncio.StreamWriter], Awaitable[None]]:
    async def write(head: str, writer: asyncio.StreamWriter) -> None:
        for piece in made(head):
            writer.write(piece)
            await writer.drain()

    return write


def problem_with(outcome: Outcome) -> str:
    """Return what is wrong with the messages of a run, or ""."""
    messages = [str(outcome.error)] if outcome.error else outcome.report.explain() if outcome.report else []
    messages += [row.error for row in outcome.rows if row.error]
    if not messages:
        return "there is no message about it"
    return next((f"a message is unprintable: {message!a}" for message in messages if not message.isprintable()), "")


ANSWERS: list[Answer] = [
    *(Answer(f"listing: {name}", _raw_listing(made)) for name, made in _LISTINGS.items()),
    *(Answer(f"document: {name}", _spoilt(spoil)) for name, spoil in SPOILS.items()),
    *(Answer(f"image: {name}", _raw_image(made)) for name, made in _IMAGES.items()),
]
