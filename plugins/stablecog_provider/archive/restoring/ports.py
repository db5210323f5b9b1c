"""What a restore needs from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ...model.object_keys import Layout
from ..naming.ports import Registers
from ..ports import Clock, ImageSource, Manifest, ObjectStore
from ..row_filter import RowFilter


class Folder(Protocol):
    """A folder of this machine. Names are relative, with `/`; none leaves the folder, not even through a symbolic link.

    Every method raises FolderUnusable if the disk is full, access is denied or the folder is gone, and NameTaken if a file or a
    link is where a folder should be, or something other than a file is where a file should be.
    """

    address: str

    async def size(self, name: str) -> int | None:
        """Return the bytes of a file, or None if there is none."""

    async def read(self, name: str) -> bytes | None: ...

    async def write(self, name: str, body: bytes, *, replace: bool = False) -> None:
        """Make a file appear, whole and at once. Raises NameTaken if the name has a file and `replace` is false."""


class NameTaken(Exception):
    """The name is in use. `args`: what is there, for the report. Control flow, never shown to a user by itself."""


class Thumbnails(Protocol):
    """Makes small JPEGs of images."""

    async def of(self, body: bytes) -> bytes | None:
        """Return a thumbnail, or None if the image cannot be read or has too many pixels."""


class Bucket(NamedTuple):
    """An archive's objects, and its table of images."""

    store: ObjectStore
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class RestorePorts:
    """What a restore needs from outside. What it may not need is opened when it is used.

    - `store`, `manifest`: the archive. Nothing is written to it.
    - `images`: the image hosts; a drill compares with them.
    - `filter`: makes a RowFilter of an expression. Raises ConfigurationError.
    - `folder`: opens a folder by its path, or a scratch folder if it is None, which is removed afterwards.
    - `free`: returns the free bytes of a folder's disk, or None if they are unknown.
    - `bucket`: opens the place of another archive.
    - `thumbnails`: raises ConfigurationError if images cannot be decoded here.
    - `registers`: of models, for the contact sheet.
    """

    store: ObjectStore
    manifest: Manifest
    images: ImageSource
    clock: Clock
    filter: Callable[[str], RowFilter]
    folder: Callable[[str | None], AbstractAsyncContextManager[Folder]]
    free: Callable[[str], int | None]
    bucket: Callable[[Layout], AbstractAsyncContextManager[Bucket]]
    thumbnails: Callable[[], Thumbnails]
    registers: Registers
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
