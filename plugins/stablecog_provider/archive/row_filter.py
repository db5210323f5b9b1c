"""Port `RowFilter`: which rows a person has chosen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ..model.manifest import Row
from .ports import Partition


class RowFilter(Protocol):
    """A condition on the manifest's columns, checked when it was made."""

    async def rows(self, partition: Partition) -> Iterable[Row]:
        """Return the rows for which it is true, in the partition's order. Raises ConfigurationError."""
