"""Previews: made once, kept by hash within a limit, readable by this user alone."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from stablecog_provider.adapters.browsed.disk_previews import KEPT_SECONDS, LARGEST, DiskPreviews, preview_folder
from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.adapters.pillow_thumbnails import thumbnail
from stablecog_provider.archive.browsing.picture import File
from stablecog_provider.model.manifest import State

KEY = "images/a.jpeg"


def jpeg(colour: str = "red", size: tuple[int, int] = (64, 48)) -> bytes:
    sink = io.BytesIO()
    Image.new("RGB", size, colour).save(sink, "JPEG")
    return sink.getvalue()


def a_file(body: bytes) -> File:
    return File(State.ARCHIVED, "s3://b/" + KEY, "image/jpeg", len(body), hashlib.sha256(body).hexdigest())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "previews"


@pytest.fixture
def store() -> MemoryObjectStore:
    return MemoryObjectStore()


@pytest.fixture
def previews(store: MemoryObjectStore, folder: Path) -> Iterator[DiskPreviews]:
    made = DiskPreviews(store, folder)
    yield made
    made.close()


def kept_in(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.jpg"))


def size_of(path: Path) -> int:
    return path.stat().st_size


def private(folder: Path) -> bool:
    return not any(path.stat().st_mode & 0o077 for path in [folder, *folder.rglob("*")])


def used(path: Path, seconds_ago: float) -> None:
    """Set when the preview was last used."""
    at = time.time() - seconds_ago
    os.utime(path, (at, at))


def unusable(folder: Path, how: str) -> None:
    if how == "file":
        folder.write_text("")
    elif how == "link":
        (folder.parent / "elsewhere").mkdir(mode=0o700)
        folder.symlink_to(folder.parent / "elsewhere")
    else:
        folder.mkdir()
        folder.chmod(0o755)


async def put(store: MemoryObjectStore, body: bytes, key: str = KEY) -> File:
    await store.put(key, body, content_type="image/jpeg")
    store.requests = 0
    return a_file(body)


async def test_a_preview_has_the_height_and_the_shape(store: MemoryObjectStore, previews: DiskPreviews) -> None:
    file = await put(store, jpeg(size=(800, 600)))
    for height in (384, 240):
        made = await previews.of(file, KEY, height)
        assert made is not None
        with Image.open(io.BytesIO(made)) as image:
            assert (image.format, image.size) == ("JPEG", (height * 4 // 3, height))


async def test_a_wide_image_is_bounded_by_its_width(store: MemoryObjectStore, previews: DiskPreviews) -> None:
    made = await previews.of(await put(store, jpeg(size=(4000, 100))), KEY, 240)
    assert made is not None
    with Image.open(io.BytesIO(made)) as image:
        assert image.size == (960, 24)


async def test_it_is_made_once_also_for_another_process(
    store: MemoryObjectStore, previews: DiskPreviews, folder: Path
) -> None:
    file = await put(store, jpeg())
    made = await previews.of(file, KEY, 240)
    other = DiskPreviews(store, folder)
    assert await other.of(file, KEY, 240) == await previews.of(file, KEY, 240) == made
    other.close()
    assert store.requests == 1


async def test_only_this_user_can_read_it(store: MemoryObjectStore, previews: DiskPreviews, folder: Path) -> None:
    await previews.of(await put(store, jpeg()), KEY, 240)
    assert len(kept_in(folder)) == 1
    assert private(folder)


@pytest.mark.parametrize("unsafe", ["others can read it", "link", "file"])
async def test_a_folder_that_is_not_ours_alone_is_not_used(store: MemoryObjectStore, folder: Path, unsafe: str) -> None:
    unusable(folder, unsafe)
    previews = DiskPreviews(store, folder)
    file = await put(store, jpeg())
    for _ in range(2):
        assert await previews.of(file, KEY, 240) is not None
    previews.close()
    assert store.requests == 2
    assert not kept_in(folder.parent)


def too_many_pixels() -> bytes:
    sink = io.BytesIO()
    Image.new("1", (8000, 7000)).save(sink, "PNG")
    return sink.getvalue()


@pytest.mark.parametrize(
    "body", [b"no image", jpeg()[:200], b"", too_many_pixels()], ids=["text", "cut", "empty", "large"]
)
async def test_what_cannot_be_decoded_has_none_and_is_tried_once(
    store: MemoryObjectStore, previews: DiskPreviews, body: bytes
) -> None:
    file = await put(store, body)
    for _ in range(2):
        assert await previews.of(file, KEY, 240) is None
    assert store.requests == 1


async def test_other_bytes_than_the_archived_ones_have_none(store: MemoryObjectStore, previews: DiskPreviews) -> None:
    await put(store, jpeg("blue"))
    file = a_file(jpeg("red"))
    assert await previews.of(file, KEY, 240) is None
    # As after a repair: that they were other bytes once is no fact about this hash.
    await put(store, jpeg("red"))
    assert await previews.of(file, KEY, 240) is not None


async def test_a_missing_image_has_none_and_is_looked_for_again(
    store: MemoryObjectStore, previews: DiskPreviews
) -> None:
    file = a_file(jpeg())
    assert await previews.of(file, KEY, 240) is None
    await put(store, jpeg())
    assert await previews.of(file, KEY, 240) is not None


@pytest.mark.parametrize(
    "file",
    [
        File(State.ARCHIVED, "s3://b/k", bytes=LARGEST + 1, sha256="a" * 64),
        File(State.ARCHIVED, "s3://b/k", sha256="../" * 20),
    ],
)
async def test_what_is_too_large_or_has_no_hash_is_not_read(
    store: MemoryObjectStore, previews: DiskPreviews, file: File
) -> None:
    assert await previews.of(file, KEY, 240) is None
    assert store.requests == 0


async def test_the_least_recently_used_are_deleted_beyond_the_limit(store: MemoryObjectStore, folder: Path) -> None:
    size = len(thumbnail(jpeg(), (960, 240)) or b"")
    previews = DiskPreviews(store, folder, kept_bytes=size * 4)
    names = []
    for number in range(8):
        body = jpeg(f"#{number * 12:02x}0000")
        names.append(a_file(body).sha256)
        await previews.of(await put(store, body, f"k{number}"), f"k{number}", 240)
        for path in kept_in(folder):
            used(path, 1000 - names.index(path.name.partition(".")[0]))
    previews.close()
    kept = {path.name.partition(".")[0] for path in kept_in(folder)}
    assert sum(map(size_of, kept_in(folder))) <= size * 4
    assert len(set(names)) == 8
    assert names[-1] in kept
    assert names[0] not in kept


async def test_what_nobody_looked_at_for_long_is_deleted(
    store: MemoryObjectStore, previews: DiskPreviews, folder: Path
) -> None:
    await previews.of(await put(store, jpeg()), KEY, 240)
    (old,) = kept_in(folder)
    used(old, KEPT_SECONDS + 60)
    other = DiskPreviews(store, folder)
    await other.of(await put(store, jpeg("blue")), KEY, 240)
    other.close()
    (newer,) = kept_in(folder)
    assert newer != old


async def test_no_more_images_than_allowed_are_in_memory(store: MemoryObjectStore, previews: DiskPreviews) -> None:
    files = {f"k{number}": await put(store, jpeg(f"#{number * 12:02x}0000"), f"k{number}") for number in range(20)}
    fetched = most = 0

    async def wait(_: object) -> None:
        nonlocal fetched, most
        fetched += 1
        most = max(most, fetched)
        await asyncio.sleep(0)
        fetched -= 1

    store.before = wait
    made = await asyncio.gather(*(previews.of(file, key, 240) for key, file in files.items()))
    assert all(made)
    assert 1 < most <= 8


def test_the_folder_is_chosen_by_the_environment() -> None:
    assert preview_folder({"STABLECOG_PREVIEWS": "/a/b"}) == Path("/a/b")
    assert preview_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/stablecog-archive/previews")
    assert preview_folder({}) == Path.home() / ".cache/stablecog-archive/previews"
