"""A process that has no file descriptor left: the message names the limit, not the host."""

from __future__ import annotations

import gc
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import web

from adapters.conftest import http_server
from dev.local.authority import Authority
from dev.local.tiny_jpeg import tiny_jpeg
from stablecog_provider.adapters.image_http import HttpImages
from stablecog_provider.adapters.local_limits import exhausted
from stablecog_provider.adapters.network.network import Network
from stablecog_provider.errors import LocalLimit, SourceUnavailable

BODY = tiny_jpeg(b"one more")


@pytest.fixture(autouse=True)
def nothing_left_behind() -> None:
    """Close what other tests left to the garbage collector: it would be closed in the middle of these."""
    gc.collect()


def descriptors() -> set[int]:
    """Return the descriptors of this process, and that of the folder that is read for it."""
    return {int(each.name) for each in Path("/dev/fd").iterdir()}


@contextmanager
def descriptors_left(count: int) -> Iterator[None]:
    """Leave this process that many descriptors."""
    held: list[int] = []
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(descriptors()) + 32, limits[1]))
    try:
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        for descriptor in [held.pop() for _ in range(count)]:
            os.close(descriptor)
    try:
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


async def answer(_: web.Request) -> web.Response:
    return web.Response(body=BODY)


async def fetch(images: HttpImages, url: str) -> bytes:
    async with images.open(url) as body:
        return b"".join([chunk async for chunk in body.chunks()])


async def test_without_a_socket_the_limit_is_named_and_later_the_image_is_fetched() -> None:
    async with http_server(answer) as place, HttpImages([place]) as images:
        with descriptors_left(0), pytest.raises(LocalLimit, match="no file descriptor left") as raised:
            await fetch(images, f"http://{place}/x")
        assert "ulimit -n" in raised.value.hint
        assert await fetch(images, f"http://{place}/x") == BODY


async def test_without_a_socket_to_resolve_a_name() -> None:
    async with HttpImages(["nowhere.test"]) as images:
        with descriptors_left(0), pytest.raises(LocalLimit, match="no file descriptor left"):
            await fetch(images, "http://nowhere.test/x")


async def test_without_a_descriptor_for_the_certificates(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    network = Network.of({"SSL_CERT_FILE": str(authority.file)})
    async with (
        http_server(answer, authority.server("127.0.0.1")) as place,
        HttpImages([place], network=network) as images,
    ):
        with descriptors_left(1), pytest.raises(LocalLimit, match="no file descriptor left"):
            await fetch(images, f"https://{place}/x")
        assert await fetch(images, f"https://{place}/x") == BODY


async def test_a_host_that_is_down_is_not_taken_for_a_limit() -> None:
    async with HttpImages(["127.0.0.1:1"]) as images:
        with pytest.raises(SourceUnavailable, match="Connection refused"):
            await fetch(images, "http://127.0.0.1:1/x")


def test_exhausted_names_the_limit_and_leaves_nothing_open() -> None:
    before = descriptors()
    assert exhausted() == 0
    with descriptors_left(2):
        assert os.strerror(exhausted()) == "Too many open files"
    assert descriptors() == before
