"""Previews: made within bounds, kept by hash within a limit, and none of what is not as it was recorded."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from pathlib import Path

import pytest
from PIL import Image

from stablecog_provider.adapters.disk_previews import DiskPreviews, preview_folder
from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.archive.browsing.picture import File
from stablecog_provider.model.manifest import State


def a_png(width: int, height: int) -> bytes:
    sink = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(sink, "PNG")
    return sink.getvalue()


async def stored(body: bytes) -> tuple[MemoryObjectStore, File]:
    store = MemoryObjectStore()
    await store.put("k", body, content_type="image/png")
    return store, File(State.ARCHIVED, "s3://b/k", "image/png", len(body), hashlib.sha256(body).hexdigest())


async def test_a_preview_has_the_height_and_is_kept_for_this_user_alone(tmp_path: Path) -> None:
    store, file = await stored(a_png(800, 600))
    previews = DiskPreviews(store, tmp_path / "kept")
    body = await previews.of(file, "k", 240)
    assert body is not None
    assert Image.open(io.BytesIO(body)).size == (320, 240)
    before = store.requests
    assert await previews.of(file, "k", 240) == body
    assert store.requests == before
    (folder,) = (tmp_path / "kept").iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in folder.iterdir())


@pytest.mark.parametrize("kind", ["missing", "other bytes", "no image", "too many pixels", "too large"])
async def test_there_is_none_of_what_cannot_be_drawn(kind: str, tmp_path: Path) -> None:
    store, file = await stored(
        b"no image" if kind == "no image" else a_png(8000, 7000 if kind == "too many pixels" else 8)
    )
    if kind == "missing":
        await store.delete("k")
    if kind == "other bytes":
        await store.put("k", a_png(9, 9), content_type="image/png")
    if kind == "too large":
        file = File(State.ARCHIVED, file.uri, file.content_type, 10**9, file.sha256)
    assert await DiskPreviews(store, tmp_path).of(file, "k", 240) is None


async def test_the_least_recently_used_are_deleted_beyond_the_limit(tmp_path: Path) -> None:
    one = await stored(a_png(300, 300))
    size = len(await DiskPreviews(one[0], tmp_path / "size").of(one[1], "k", 240) or b"")
    previews = []
    for number in range(8):
        store, file = await stored(a_png(300 + number, 300))
        await DiskPreviews(store, tmp_path / "kept", kept_bytes=size * 4).of(file, "k", 240)
        (path,) = (tmp_path / "kept").glob(f"*/{file.sha256}.240.jpg")
        os.utime(path, (number, number))
        previews.append(path)
    assert previews[-1].exists()
    assert not previews[0].exists()
    assert sum(path.stat().st_size for path in (tmp_path / "kept").glob("*/*.jpg")) <= size * 5


async def test_a_folder_that_cannot_be_written_costs_the_previews_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store, file = await stored(a_png(30, 30))
    assert await DiskPreviews(store, tmp_path / "file" / "x").of(file, "k", 240)


def test_the_folder_is_the_users() -> None:
    assert preview_folder({"STABLECOG_PREVIEWS": "/p"}) == Path("/p")
    assert preview_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/stablecog-archive/previews")
    assert preview_folder({}) == Path.home() / ".cache/stablecog-archive/previews"
