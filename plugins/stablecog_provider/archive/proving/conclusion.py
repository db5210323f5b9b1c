"""What a run concludes: the proof, and the verdict that others read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from ...model.checkpoint import Checkpoint, Verdict
from ...model.counts import Difference, Proof
from ...model.coverage import MAX_LATENCY, Axis, Coverage, Window
from ...model.times import BEGINNING, FAR_FUTURE
from ...model.verdict import Outcome, outcome_of, worst
from ..committing.commit import Committer
from ..listing.sweep import Slice
from .proof import RunProof
from .remembered import MAX_DIFFERENCES
from .sweep import advanced

NOTHING = Coverage()


async def conclude(
    committer: Committer,
    proof: RunProof,
    run_id: str,
    settled: datetime | None,
    read_at: datetime,
    now: datetime,
    read_again: Callable[[Checkpoint], Checkpoint],
) -> tuple[Checkpoint, Outcome]:
    """Save what the proof found, and the verdict; returns what was saved.

    `settled`: up to where the run could have read; None if it read nothing new. `read_at`: not after it began to read.
    `read_again`: adds how far the second reading has come.
    """
    limit = Outcome.PROVEN if proof.proof is not None and proof.proof.agrees else Outcome.NOT_PROVEN

    def change(found: Checkpoint) -> Checkpoint:
        at = proof.proof.checked_at if proof.proof else now
        # A run that was taken for dead, and ended late, does not overrule a later one where that one has compared.
        later = found.proof.compared if found.proof is not None and at < found.proof.checked_at <= now else NOTHING
        proven = replace(
            found,
            proof=_better(found.proof, proof.proof, now),
            proofs=found.proofs + 1,
            settled=found.settled if later or settled is None else settled,
            differences=_joined(
                _with_others(
                    _beyond(later, proof.differences), _beyond(later, proof.known.differences), found.differences
                )
            ),
            # A hole that is not remembered is a gap of coverage, which the next run reads.
            holes=found.holes if later else _with_others(proof.holes, proof.known.holes, found.holes)[:MAX_DIFFERENCES],
        )
        proven = read_again(proven)
        if proof.read_whole:
            proven = advanced(proven, Slice(Window(BEGINNING, FAR_FUTURE), (), last=True), read_at)
        if proven.proof is not None and proven.proof.agrees and not proven.differences and _is_of_all_covered(proven):
            # Nothing is left to be marked: what was allowed must not wait for a later mass deletion.
            proven = replace(proven, deletions_allowed=0)
        late = found.verdict is not None and at < found.verdict.at <= now
        overruled = late and not (proof.proof and proof.proof.compared.subtract(later))
        verdict = found.verdict if overruled else Verdict(worst(outcome_of(proven), limit), run_id, at)
        return replace(proven, verdict=verdict)

    saved = await committer.amend(change)
    return saved, worst(outcome_of(saved), limit)


def _better(old: Proof | None, new: Proof | None, now: datetime) -> Proof | None:
    """A proof of the whole is not given up for one of a part that agrees, nor a later one for an earlier one. One in our future
    was stamped by a clock that was ahead.
    """
    if new is None or old is None:
        return new or old
    if new.checked_at < old.checked_at <= now:
        # The earlier of two overrules the later only if it compared more.
        more = not old.compared.subtract(new.compared) and old.compared != new.compared
        return new if more else old
    is_part = old.start <= BEGINNING < new.start or (old.start <= new.start and new.end < old.end)
    return old if old.agrees and new.agrees and is_part else new


def _beyond(later: Coverage, found: tuple[Difference, ...]) -> tuple[Difference, ...]:
    """The places that a later comparison did not reach."""
    return tuple(each for each in found if Coverage((each.window,)).subtract(later))


def _is_of_all_covered(checkpoint: Checkpoint) -> bool:
    proof, covered = checkpoint.proof, checkpoint.coverage.windows
    if proof is None or not covered:
        return False
    left_out = checkpoint.coverage.on(Axis.REQUESTED, checkpoint.axis).intersect(proof.left_out)
    return not left_out and proof.start <= covered[0].start and proof.end >= covered[-1].end - MAX_LATENCY


def _with_others(
    mine: tuple[Difference, ...], before: tuple[Difference, ...], found: tuple[Difference, ...]
) -> tuple[Difference, ...]:
    """What this run leaves, and what another run has found in the meantime."""
    others = [each for each in found if each not in before and not any(_meet(each, own) for own in mine)]
    return tuple(sorted((*mine, *others), key=lambda each: each.start))


def _joined(places: tuple[Difference, ...]) -> tuple[Difference, ...]:
    """The places, rising; the nearest neighbours together if there are too many. What lies between two is in neither count, so
    that the next run takes the counts for changed and looks at the place.
    """
    kept = list(places)
    while len(kept) > MAX_DIFFERENCES:
        apart = [later.start - earlier.end for earlier, later in pairwise(kept)]
        at = apart.index(min(apart))
        one, other = kept[at : at + 2]
        kept[at : at + 2] = [
            replace(
                one,
                end=max(one.end, other.end),
                source=one.source + other.source,
                manifest=one.manifest + other.manifest,
                looks=min(one.looks, other.looks),
            )
        ]
    return tuple(kept)


def _meet(one: Difference, other: Difference) -> bool:
    return one.start < other.end and other.start < one.end
