"""A folder of this machine. Files appear whole and at once, and nothing is written outside of it.

A file is written in full in `.stablecog-restore/`, flushed to the disk, and then linked to its name, which fails if the name is
taken. A process that is killed leaves only what is in that folder; the next restore removes it, once it has locked the folder.
Each part of a path is opened by itself, without following links, so that none leads out of the folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import itertools
import os
import shutil
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from ..archive.restoring.ports import NameTaken
from ..errors import FolderUnusable
from .scratch_folders import STAGING, new_scratch_folder

THREADS = 8
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS}
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL}
_FULL = {errno.ENOSPC, errno.EDQUOT}

T = TypeVar("T")


@asynccontextmanager
async def open_folder(path: str | None) -> AsyncIterator[LocalFolder]:
    """Open a folder, and create it if it does not exist. None is a scratch folder, removed at the end.

    Raises FolderUnusable, also if another restore is at work in it.
    """
    scratch = await asyncio.to_thread(new_scratch_folder) if path is None else None
    folder = LocalFolder(Path(scratch or path or ""))
    try:
        await folder.run(folder.open)
        yield folder
    finally:
        await folder.close()
        if scratch:
            await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)


def free_bytes(path: str) -> int | None:
    """Return the free bytes of the disk that a folder is on, or will be on."""
    place = Path(path).absolute()
    for each in (place, *place.parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(each).free
    return None


class LocalFolder:
    """Port `Folder`."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self._path = path
        self._threads = ThreadPoolExecutor(THREADS, "restore")
        self._numbers = itertools.count()
        self._root = self._staging = -1
        self._is_ours = False
        self._touched: set[str] = set()

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Call a function that blocks, and turn what the disk says into FolderUnusable."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *arguments))
        except OSError as error:
            failure = self._unusable(error)
        raise failure

    async def size(self, name: str) -> int | None:
        return await self.run(self._size, name)

    async def read(self, name: str) -> bytes | None:
        return await self.run(self._read, name)

    async def write(self, name: str, body: bytes, *, replace: bool = False) -> None:
        await self.run(self._write, name, body, replace)

    def open(self) -> None:
        """Create and lock the folder. Raises OSError, FolderUnusable."""
        self._path.mkdir(parents=True, exist_ok=True)
        self._root = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        while not self._lock():
            os.close(self._staging)
        self._is_ours = True
        self._clear()

    def _lock(self) -> bool:
        """Lock the folder for files that are not whole. Return False if another restore has just removed it."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(STAGING, 0o700, dir_fd=self._root)
        self._staging = os.open(STAGING, _FOLDER, dir_fd=self._root)
        try:
            fcntl.flock(self._staging, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderUnusable(
                f"another restore is writing to {self.address}", hint="wait until it has ended, or name another folder"
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        with contextlib.suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(self._staging), os.stat(STAGING, dir_fd=self._root, follow_symlinks=False))
        return False

    async def close(self) -> None:
        """Flush the folders, and remove what was not finished. Waits for the threads."""
        await asyncio.to_thread(self._threads.shutdown, wait=True)
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        # What another restore has locked is not ours to clear.
        if self._is_ours:
            with contextlib.suppress(OSError, NameTaken):
                self._flush()
            with contextlib.suppress(OSError):
                self._clear()
                os.rmdir(STAGING, dir_fd=self._root)
        for number in (self._staging, self._root):
            if number >= 0:
                os.close(number)

    def _flush(self) -> None:
        """Make the names of the new files durable."""
        for folder in sorted(self._touched):
            with self._opened(folder) as opened:
                os.fsync(opened)

    def _clear(self) -> None:
        """Remove what is not finished."""
        for name in os.listdir(self._staging):  # noqa: PTH208 (pathlib knows no open folders)
            os.unlink(name, dir_fd=self._staging)

    def _size(self, name: str) -> int | None:
        folder, _, base = name.rpartition("/")
        try:
            with self._opened(folder) as opened:
                found = os.stat(base, dir_fd=opened, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found.st_mode):
            raise NameTaken(f"{self._path / name} is not a file; it was not changed")
        return found.st_size

    def _read(self, name: str) -> bytes | None:
        if self._size(name) is None:
            return None
        folder, _, base = name.rpartition("/")
        with self._opened(folder) as opened:
            number = os.open(base, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=opened)
            with os.fdopen(number, "rb") as file:
                return file.read()

    def _write(self, name: str, body: bytes, replace: bool) -> None:
        folder, _, base = name.rpartition("/")
        unfinished = f"{next(self._numbers)}.part"
        with self._opened(folder, create=True) as opened:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            number = os.open(unfinished, flags, 0o666, dir_fd=self._staging)
            try:
                with os.fdopen(number, "wb") as file:
                    file.write(body)
                    file.flush()
                    os.fsync(file.fileno())
                self._appear(unfinished, base, opened, replace=replace)
            except (FileExistsError, IsADirectoryError):
                raise NameTaken(f"{self._path / name} exists; it was not changed") from None
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(unfinished, dir_fd=self._staging)
        self._touched.add(folder)

    def _appear(self, unfinished: str, base: str, folder: int, *, replace: bool) -> None:
        if not replace:
            try:
                os.link(unfinished, base, src_dir_fd=self._staging, dst_dir_fd=folder, follow_symlinks=False)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
            else:
                return
            # A disk without links, such as exFAT. Only a program that does not know the lock could create the file in between.
            with contextlib.suppress(FileNotFoundError):
                os.stat(base, dir_fd=folder, follow_symlinks=False)
                raise FileExistsError(base)
        os.replace(unfinished, base, src_dir_fd=self._staging, dst_dir_fd=folder)

    @contextlib.contextmanager
    def _opened(self, folder: str, *, create: bool = False) -> Iterator[int]:
        """Open a folder below the root, part by part. Raises NameTaken if a part is a link or a file."""
        opened = os.dup(self._root)
        try:
            for part in filter(None, folder.split("/")):
                if create:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, dir_fd=opened)
                        self._touched.add(folder.rpartition("/")[0])
                try:
                    inner = os.open(part, _FOLDER, dir_fd=opened)
                except OSError as error:
                    if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                        raise
                    raise NameTaken(f"{self._path / folder}: {part} is a link or a file, not a folder") from None
                os.close(opened)
                opened = inner
            yield opened
        finally:
            os.close(opened)

    def _unusable(self, error: OSError) -> FolderUnusable:
        reason = os.strerror(error.errno) if error.errno else str(error)
        free = free_bytes(self.address) if error.errno in _FULL else None
        left = "" if free is None else f" ({free:,} bytes free)"
        hint = "choose a shorter --layout" if error.errno == errno.ENAMETOOLONG else None
        return FolderUnusable(f"{self.address}: {reason}{left}; every file in it is whole", hint=hint)
