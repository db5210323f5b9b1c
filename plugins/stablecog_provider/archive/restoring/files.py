"""Images as files of a folder: verified, skipped if they are there, and never in the place of another file unless asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

from ...model.manifest import Row
from ..copying.byte_budget import ByteBudget
from ..reports.restore import Problem
from .names import FileNames
from .ports import Folder, NameTaken, Thumbnails
from .selection import Archived, Choice, Selected
from .sidecars import sidecar
from .stored_image import NotWhole, current, has_hash, sha256_of, verified
from .tally import Tally
from .thumbnails import thumbnail_name
from .workers import for_each

MIB = 1024 * 1024
BYTES_IN_MEMORY = 64 * MIB


@dataclass(slots=True)
class Files:
    """Writes rows as files. `thumbnails`: if given, one is made of each image. `overwrite`: replace other files."""

    archived: Archived
    folder: Folder
    names: FileNames
    tally: Tally
    sidecars: bool = False
    thumbnails: Thumbnails | None = None
    overwrite: bool = False
    budget: ByteBudget = field(default_factory=lambda: ByteBudget(BYTES_IN_MEMORY))

    async def restore(self, selected: Selected, choice: Choice, at_once: int) -> None:
        """Restore what was selected. Raises FolderUnusable and StoreUnavailable; what is in the folder by then is whole."""
        await for_each(rows_of(self.archived, selected, choice), self.restore_one, at_once)

    async def restore_one(self, row: Row) -> None:
        name = self.names.name(row)
        try:
            async with self.budget.reserved(row.bytes or MIB):
                await self._image(row, name)
        except NotWhole as error:
            self.tally.failed_for(row, error)
        except NameTaken as error:
            self.tally.failed_for(row, NotWhole("name_taken", name, str(error)))
        else:
            if self.sidecars:
                await self._sidecar(row, f"{name}.json")

    async def _image(self, row: Row, name: str) -> None:
        size = await self.folder.size(name)
        there = await self.folder.read(name) if size is not None and size == row.bytes else None
        copy = current(row)
        if there is not None and has_hash(self.archived.layout, copy, await asyncio.to_thread(sha256_of, there)):
            await self._thumbnail(row, there)
            return self.tally.had()
        if size is not None and not self.overwrite:
            raise NameTaken("another file has this name; it was not changed")
        stored = await verified(self.archived.store, self.archived.layout, copy, self.archived.sleep)
        await self.folder.write(name, stored.body, replace=self.overwrite)
        await self._thumbnail(row, stored.body)
        return self.tally.wrote(len(stored.body))

    async def _thumbnail(self, row: Row, body: bytes) -> None:
        name = thumbnail_name(row)
        # A page without one of its thumbnails is still a page.
        with suppress(NameTaken):
            if self.thumbnails and await self.folder.size(name) is None and (small := await self.thumbnails.of(body)):
                await self.folder.write(name, small, replace=True)

    async def _sidecar(self, row: Row, name: str) -> None:
        body = sidecar(row)
        try:
            size = await self.folder.size(name)
            if size is not None and size == len(body) and await self.folder.read(name) == body:
                return
            if size is not None and not self.overwrite:
                raise NameTaken("another text has this name; it was not changed")
            await self.folder.write(name, body, replace=self.overwrite)
        except NameTaken as error:
            self.tally.note(Problem("sidecar_differs", name, row.output_id, row.rendition, str(error)))


async def rows_of(archived: Archived, selected: Selected, choice: Choice) -> AsyncIterator[Row]:
    """Iterate over the selected rows whose image is stored. What cannot be read meanwhile is added to `selected.unreadable`."""
    async for partition in archived.partitions(selected.days, selected.unreadable):
        for row in await choice.rows(partition):
            if selected.has(row):
                yield row
