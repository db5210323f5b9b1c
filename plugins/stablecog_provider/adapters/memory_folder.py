"""An in-memory folder, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..archive.restoring.ports import NameTaken


class MemoryFolder:
    """A Folder. `files`: by name. `before`: runs before a file is written, and may raise."""

    def __init__(self, before: Callable[[str], None] | None = None) -> None:
        self.address = "memory"
        self.files: dict[str, bytes] = {}
        self.before = before

    async def size(self, name: str) -> int | None:
        await asyncio.sleep(0)
        self._check(name)
        return len(self.files[name]) if name in self.files else None

    async def read(self, name: str) -> bytes | None:
        await asyncio.sleep(0)
        return self.files.get(name)

    async def write(self, name: str, body: bytes, *, replace: bool = False) -> None:
        await asyncio.sleep(0)
        self._check(name)
        if name in self.files and not replace:
            raise NameTaken(f"{name} exists; it was not changed")
        if self.before:
            self.before(name)
        self.files[name] = body

    def _check(self, name: str) -> None:
        """Raises NameTaken if a part of the name is a file, or the name is a folder."""
        parts = name.split("/")
        above = {"/".join(parts[:number]) for number in range(1, len(parts))}
        if above & self.files.keys() or any(each.startswith(f"{name}/") for each in self.files):
            raise NameTaken(f"{name}: a file is where a folder should be, or a folder where the file should be")
