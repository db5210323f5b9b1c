"""The guard over tombstones: an empty or wrong source must not mark an archive as deleted. It never switches off detection."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

MASS_DELETION = 100
"""More than this many, and more than half of the archive: a wrong key or a broken source is likelier than deletions."""


@dataclass(slots=True)
class DeletionGuard:
    """`held`: live outputs when the run began. `allowed`: outputs that a person allowed to be marked as deleted. `missing`:
    outputs that the manifest holds beyond the source's count of everything; None until it was asked for. `marked`,
    `held_back`: ids, since the same output may be found missing twice in a run.
    """

    held: int
    allowed: int = 0
    missing: int | None = None
    marked: set[str] = field(default_factory=set)
    held_back: set[str] = field(default_factory=set)

    @property
    def free(self) -> int:
        """Outputs that may be marked without asking."""
        return max(MASS_DELETION, self.held // 2)

    @property
    def used(self) -> int:
        """How much of what was allowed is used up: what was allowed for once must not cover a later mass deletion."""
        return min(self.allowed, len(self.marked))

    def admits(self, outputs: Collection[str]) -> bool:
        """Whether these outputs may be marked, too. Those that may not are remembered."""
        marked = self.marked.union(outputs)
        if max(len(marked), self.missing or 0) <= max(self.free, self.allowed):
            self.marked = marked
            return True
        self.held_back.update(outputs)
        return False

    def claim(self) -> str | None:
        """Return a sentence for the report if outputs were held back, else None."""
        if not self.held_back:
            return None
        number = max(self.missing or 0, len(self.marked | self.held_back))
        return (
            f"The source no longer lists {number} of the {self.held} outputs that the manifest holds: more than half. They were "
            "not marked as deleted. Check that the API key belongs to this account. If they were deleted on purpose, run once "
            f"with --allow-deletions {number}; the images are kept in any case."
        )
