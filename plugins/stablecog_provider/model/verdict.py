"""The verdict on an archive: the one rule, for the run that ends and for whoever asks later."""

from __future__ import annotations

from enum import StrEnum

from .checkpoint import Checkpoint
from .coverage import MAX_LATENCY
from .times import BEGINNING


class Outcome(StrEnum):
    """Verdicts, worst first."""

    NOT_PROVEN = "not proven"
    """The counts differ, or nothing was compared."""
    IN_PART = "proven, in part"
    """The counts agree, but not all of the account is covered and compared, or not all stored images were looked for since the
    archive was moved or its partitions were changed by something else.
    """
    WITH_FAILED = "proven, with failed images"
    """The counts agree for the whole account; some images are not stored yet, or a verify found damage that nothing has repaired
    or marked since.
    """
    OUT_OF_DATE = "proven, but out of date"
    """The counts agreed for the whole account, longer ago than the schedule of the runs, or the limit of a monitor, allows. Only
    `status` says so: a run has just compared.
    """
    PROVEN = "proven"
    """The counts agree for the whole account, and every image is stored or long gone at the source."""

    @property
    def exit_code(self) -> int:
        """0 done and proven, 3 done with something left."""
        return 0 if self is Outcome.PROVEN else 3


def worst(*outcomes: Outcome) -> Outcome:
    """The first of them in the order of the enum."""
    return min(outcomes, key=list(Outcome).index)


def outcome_of(checkpoint: Checkpoint) -> Outcome:
    """What the checkpoint claims."""
    proof = checkpoint.proof
    if proof is None or not proof.agrees or checkpoint.differences:
        return Outcome.NOT_PROVEN
    if not is_whole(checkpoint) or checkpoint.unchecked:
        return Outcome.IN_PART
    return Outcome.WITH_FAILED if checkpoint.images.unresolved or checkpoint.damage else Outcome.PROVEN


def is_whole(checkpoint: Checkpoint) -> bool:
    """Whether everything from the first output to the end of coverage is covered, and the last proof is of all of it but what a
    count by request cannot show yet.
    """
    proof, windows = checkpoint.proof, checkpoint.coverage.windows
    if proof is None or proof.left_out or len(windows) != 1 or checkpoint.holes or checkpoint.reread:
        return False
    (covered,) = windows
    if checkpoint.settled is not None and covered.end < checkpoint.settled:
        return False
    return covered.start <= BEGINNING and proof.start <= covered.start and proof.end >= covered.end - MAX_LATENCY
