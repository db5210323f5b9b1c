"""Port `Previews`: made with Pillow from stored images, and kept on this machine's disk by the image's hash."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import stat
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from ...archive.browsing.latest import BROWSE_RETRIES
from ...archive.browsing.picture import File
from ...archive.ports import ObjectStore
from ...errors import ObjectInArchiveClass
from ..pillow_thumbnails import WIDEST, thumbnail

VARIABLE = "STABLECOG_PREVIEWS"
KEPT_BYTES = 500_000_000
"""About 20,000 previews. The least recently used ones are deleted beyond it."""
KEPT_SECONDS = 30 * 86400
"""A preview that nobody looked at for so long is deleted: it may be of an image that was forgotten since."""
LARGEST = 60_000_000
"""Bytes of an image that is read into memory for a preview."""
DECODERS = 2
"""Images that are decoded at the same time, each of at most 150 MB."""
FETCHED = 8
"""Images in memory at the same time, decoded or not yet."""
MOST_HOPELESS = 10_000
_HASH = re.compile(r"[0-9a-f]{64}")


def preview_folder(environ: Mapping[str, str]) -> Path:
    """The folder for previews: `STABLECOG_PREVIEWS`, or one in the user's cache folder (`XDG_CACHE_HOME`)."""
    if chosen := environ.get(VARIABLE):
        return Path(chosen)
    cache = environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "stablecog-archive" / "previews"


class DiskPreviews:
    """Only this user can read the folder. If it cannot be used, previews are made again each time."""

    def __init__(self, store: ObjectStore, folder: Path, kept_bytes: int = KEPT_BYTES) -> None:
        self._store, self._folder, self._limit = store, folder, kept_bytes
        self._turn = asyncio.Semaphore(FETCHED)
        self._decoders = ThreadPoolExecutor(DECODERS, "preview")
        self._hopeless: dict[str, None] = {}
        """Hashes of images that cannot be decoded, so that each is tried once: the same bytes never can."""
        self._usable: bool | None = None
        self._unmeasured = kept_bytes
        """Bytes written since the folder was last measured. At first: measure with the first preview."""

    async def of(self, file: File, key: str, height: int) -> bytes | None:
        if file.bytes > LARGEST or not _HASH.fullmatch(file.sha256) or file.sha256 in self._hopeless:
            return None
        path = self._folder / file.sha256[:2] / f"{file.sha256}.{height}.jpg"
        if (kept := await asyncio.to_thread(self._read, path)) is not None:
            return kept
        async with self._turn:
            body = await self._fetched(key)
            # Other bytes than those that were archived are not shown as if they were. A repair may bring the right ones back.
            if body is None or await asyncio.to_thread(_sha256, body) != file.sha256:
                return None
            bounds, loop = (height * WIDEST, height), asyncio.get_running_loop()
            made = await loop.run_in_executor(self._decoders, thumbnail, body, bounds)
        if made is None:
            self._hopeless[file.sha256] = None
            if len(self._hopeless) > MOST_HOPELESS:
                del self._hopeless[next(iter(self._hopeless))]
            return None
        await asyncio.to_thread(self._keep, path, made)
        return made

    def close(self) -> None:
        self._decoders.shutdown(wait=False, cancel_futures=True)

    async def _fetched(self, key: str) -> bytes | None:
        try:
            stored = await BROWSE_RETRIES.call(partial(self._store.get, key), asyncio.sleep)
        except ObjectInArchiveClass:
            return None
        return stored.body if stored else None

    def _read(self, path: Path) -> bytes | None:
        with suppress(OSError):
            if self._is_usable():
                body = path.read_bytes()
                # `_trim` deletes by the time of the last use.
                os.utime(path)
                return body
        return None

    def _keep(self, path: Path, made: bytes) -> None:
        with suppress(OSError):
            if not self._is_usable():
                return
            path.parent.mkdir(mode=0o700, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as sink:
                sink.write(made)
            Path(sink.name).replace(path)
            self._unmeasured += len(made)
            if self._unmeasured > self._limit // 10:
                self._unmeasured = 0
                _trim(self._folder, self._limit, time.time() - KEPT_SECONDS)

    def _is_usable(self) -> bool:
        """Whether the folder is ours alone. It is created if it does not exist."""
        if self._usable is None:
            self._usable = False
            with suppress(OSError):
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                seen = self._folder.lstat()
                self._usable = stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid() and not seen.st_mode & 0o077
        return self._usable


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _trim(folder: Path, limit: int, oldest: float) -> None:
    """Delete what was last used before `oldest`, then the least recently used until nine tenths of the limit are left."""
    files = sorted(((each, each.stat()) for each in folder.glob("*/*")), key=lambda pair: pair[1].st_mtime)
    total = sum(seen.st_size for _, seen in files)
    for path, seen in files:
        if total <= limit * 9 // 10 and seen.st_mtime >= oldest:
            return
        path.unlink(missing_ok=True)
        total -= seen.st_size
