"""Headers of image hosts: codings, long lines, many lines, and heads that are not HTTP."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from adapters.test_image_http import BODY, Answering, failure, host, read
from dev.local.s3_server import HOST
from stablecog_provider.adapters.image_http import HttpImages
from stablecog_provider.adapters.transport.curl_errors import MAX_HEAD_BYTES, MAX_LINE_BYTES
from stablecog_provider.adapters.transport.response_head import MAX_HEADERS
from stablecog_provider.errors import ImageRejected


def answer(body: bytes, *headers: tuple[str, str]) -> Answering:
    async def answered(request: web.Request) -> web.Response:
        response = web.Response(body=body)
        for name, value in headers:
            response.headers.add(name, value)
        return response

    return answered


@pytest.mark.parametrize(
    "codings",
    [
        [""], [" "], [","], ["identity"], ["Identity"], ["identity, identity"], ["identity", "identity"], ["aws-chunked"],
        ["aws-chunked,"], ["identity,aws-chunked"], ["none"], ["UTF-8"], ["binary"], ["image/jpeg"],
    ],
)  # fmt: skip
async def test_a_coding_that_codes_nothing_means_the_bytes_as_they_are(codings: list[str]) -> None:
    headers = [("Content-Encoding", coding) for coding in codings]
    async with host(answer(BODY, *headers)) as (images, base):
        assert await read(images, f"{base}/x.jpeg") == (BODY, len(BODY))


@pytest.mark.parametrize(
    ("codings", "named"),
    [
        (["gzip"], "gzip"), (["GZIP"], "gzip"), (["x-gzip"], "x-gzip"), (["br"], "br"), (["zstd"], "zstd"),
        (["deflate"], "deflate"), (["compress"], "compress"), (["aws-chunked,gzip"], "gzip"), (["identity", "gzip"], "gzip"),
        (["gzip, br"], "br, gzip"),
    ],
)  # fmt: skip
async def test_a_content_coding_that_was_not_requested(codings: list[str], named: str) -> None:
    headers = [("Content-Encoding", coding) for coding in codings]
    raised = await failure(answer(gzip.compress(BODY), *headers), ImageRejected)
    assert raised.message.endswith(f"/i/x.jpeg: the response has a content coding that was not requested: {named}")


@pytest.mark.parametrize("size", [9_000, 65_000, MAX_LINE_BYTES - 100])
async def test_a_long_header_is_read(size: int) -> None:
    async with host(answer(BODY, ("Content-Security-Policy", "img-src " + "a" * (size - 8)))) as (images, base):
        assert await read(images, f"{base}/x.jpeg") == (BODY, len(BODY))


@pytest.mark.parametrize(("lines", "size"), [(MAX_HEADERS - 20, 20), (3, 85_000), (256, 1_000)])
async def test_many_headers_are_read(lines: int, size: int) -> None:
    """256 kB together is what browsers allow."""
    many = [(f"X-Header-{number}", "a" * size) for number in range(lines)]
    async with host(answer(BODY, *many)) as (images, base):
        assert await read(images, f"{base}/x.jpeg") == (BODY, len(BODY))


@asynccontextmanager
async def raw_host(head: bytes) -> AsyncIterator[tuple[HttpImages, str]]:
    """Answers every request with these bytes, and closes the connection."""

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answered, HOST, 0)
    address = f"{HOST}:{server.sockets[0].getsockname()[1]}"
    async with server, HttpImages([address]) as images:
        yield images, f"http://{address}"


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (
            OK + b"X-A: " + b"a" * (MAX_LINE_BYTES + 1) + b"\r\n\r\n",
            "a line of its headers is longer than 102400 bytes",
        ),
        (OK + (b"X-A: " + b"a" * 60_000 + b"\r\n") * 6 + b"\r\n", "or all of them than 307200"),
        (b"HTTP/1.1 200 " + b"K" * (MAX_HEAD_BYTES + 1) + b"\r\n\r\n", "is longer than 102400 bytes"),
        (OK + b"X-A: a\r\n" * (MAX_HEADERS + 1) + b"\r\n", "it has more than 1000 header lines"),
        (OK + b"X-A: a\r\n" * 6_000 + b"\r\n", "it has more than 1000 header lines"),
        (b"\x16\x03\x01\x02\x00" * 9, "its status line or headers are not valid HTTP"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "its status line or headers are not valid HTTP"),
        (OK + b"Content-Length: many\r\n\r\n", "its status line or headers are not valid HTTP"),
        (OK + b"Location: x?sig=geheim\x00\r\n\r\n", "its status line or headers are not valid HTTP"),
    ],
)
async def test_a_head_that_cannot_be_parsed_is_a_failure_of_the_image_and_not_of_its_host(
    head: bytes, words: str
) -> None:
    async with raw_host(head) as (images, base):
        with pytest.raises(ImageRejected) as raised:
            await read(images, f"{base}/x.jpeg?sig=geheim")
    assert raised.value.message.startswith(f"{base}/x.jpeg: the response cannot be read: ")
    assert words in raised.value.message
    assert "geheim" not in str(raised.value)
