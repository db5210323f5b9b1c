"""What a restore has done so far, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...model.manifest import Row
from ..ports import Progress, ProgressListener
from ..reports.restore import Problem
from .stored_image import NotWhole

KEPT_PROBLEMS = 1000
REFUSED_IN_A_ROW = 16
"""Number of refused images in a row that ends the restore: the store probably refuses all of them."""


@dataclass(slots=True)
class Tally:
    """`restored`: images written, `size` bytes in all. `skipped`: images that were there already. `failed`: images that could not
    be restored. `problems`: the first of all `found` problems.
    """

    planned: int
    notify: ProgressListener
    restored: int = 0
    skipped: int = 0
    failed: int = 0
    size: int = 0
    found: int = 0
    problems: list[Problem] = field(default_factory=list)
    stage: str = "restoring"
    _refused: int = 0

    def wrote(self, size: int) -> None:
        self._refused = 0
        self.restored += 1
        self.size += size
        self._progress()

    def had(self) -> None:
        self.skipped += 1
        self._progress()

    def failed_for(self, row: Row, error: NotWhole) -> None:
        """Note an image that could not be restored. Raises the store's refusal if there were too many in a row."""
        self._refused = self._refused + 1 if error.refusal else 0
        if error.refusal and self._refused >= REFUSED_IN_A_ROW:
            raise error.refusal
        self.failed += 1
        self.note(Problem(error.kind, error.key, row.output_id, row.rendition, error.detail))
        self._progress()

    def note(self, problem: Problem) -> None:
        self.found += 1
        if len(self.problems) < KEPT_PROBLEMS:
            self.problems.append(problem)

    @property
    def done(self) -> int:
        return self.restored + self.skipped + self.failed

    def _progress(self) -> None:
        self.notify(
            Progress(done=self.done, planned=self.planned, failed=self.failed, bytes=self.size, stage=self.stage)
        )
