"""Port `Previews`: made with Pillow from stored images, and kept on this machine's disk by the image's hash."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from ..archive.browsing.picture import File
from ..archive.ports import StoredObjects
from ..archive.resilience.retry import STORE_RETRIES
from ..errors import ObjectInArchiveClass
from .pillow_thumbnails import WIDEST, thumbnail

KEPT_BYTES = 500_000_000
"""About 20,000 previews. The least recently used ones are deleted beyond it."""
LARGEST = 60_000_000
"""Bytes of an image that is read into memory for a preview."""
AT_ONCE = 2
"""Images that are decoded at the same time, each of at most 150 MB."""
_HASH = re.compile(r"[0-9a-f]{64}")


def preview_folder(environ: Mapping[str, str]) -> Path:
    """The folder for previews: STABLECOG_PREVIEWS, or one in the user's cache folder (XDG_CACHE_HOME)."""
    if chosen := environ.get("STABLECOG_PREVIEWS"):
        return Path(chosen)
    cache = environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "stablecog-archive" / "previews"


class DiskPreviews:
    """Only this user may read the folder. If it cannot be written, previews are made anew each time."""

    def __init__(self, store: StoredObjects, folder: Path, kept_bytes: int = KEPT_BYTES) -> None:
        self._store, self._folder, self._limit = store, folder, kept_bytes
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._written = kept_bytes
        """Since the folder was last measured; at first, it is measured with the first preview."""

    async def of(self, file: File, key: str, height: int) -> bytes | None:
        if file.bytes > LARGEST:
            return None
        path = self._folder / file.sha256[:2] / f"{file.sha256}.{height}.jpg" if _HASH.fullmatch(file.sha256) else None
        if path is not None and (kept := await asyncio.to_thread(_read, path)) is not None:
            return kept
        async with self._turn:
            try:
                stored = await STORE_RETRIES.call(partial(self._store.get, key), asyncio.sleep)
            except ObjectInArchiveClass:
                return None
            if stored is None:
                return None
            made = await asyncio.to_thread(_made, stored.body, file.sha256, height)
            if made is not None and path is not None:
                await asyncio.to_thread(self._keep, path, made)
        return made

    def _keep(self, path: Path, made: bytes) -> None:
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as sink:
                sink.write(made)
            Path(sink.name).replace(path)
            self._written += len(made)
            if self._written > self._limit // 10:
                self._written = 0
                _trim(self._folder, self._limit)


def _read(path: Path) -> bytes | None:
    with suppress(OSError):
        body = path.read_bytes()
        # When it was last used, which `_trim` goes by.
        os.utime(path)
        return body
    return None


def _made(body: bytes, sha256: str, height: int) -> bytes | None:
    if sha256 and hashlib.sha256(body).hexdigest() != sha256:
        return None
    return thumbnail(body, (height * WIDEST, height))


def _trim(folder: Path, limit: int) -> None:
    """Delete the least recently used previews until nine tenths of the limit are left."""
    files = sorted(((each, each.stat()) for each in folder.glob("*/*.jpg")), key=lambda pair: pair[1].st_mtime)
    total = sum(seen.st_size for _, seen in files)
    for path, seen in files:
        if total <= limit * 9 // 10:
            return
        path.unlink(missing_ok=True)
        total -= seen.st_size
