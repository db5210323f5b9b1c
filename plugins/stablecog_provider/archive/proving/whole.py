"""The proof that ends a run: of what was read now, then of all that is covered, then of the holes in the listing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...model.checkpoint import Proof
from ...model.coverage import Axis, Coverage, Window
from ...model.times import BEGINNING
from ..committing.tally import Tally
from ..listing.capabilities import WalkKind
from .proof import Prover


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProof:
    """The end of a run's proof: of all that is claimed, less the holes that stay."""

    proof: Proof | None
    differences: tuple[Proof, ...]
    holes: Coverage
    claims: tuple[str, ...]
    tally: Tally


async def prove_run(prover: Prover, asked_for: Window, walked: Coverage, holes: Coverage) -> RunProof:
    """Prove what was read now on its own, so that two differences cannot cancel out, and then all that is covered."""
    capabilities, claims = prover.capabilities, list[str]()
    asked = Coverage((asked_for,))
    claimed = prover.committer.coverage.merge(holes).on(Axis.REQUESTED, capabilities.axis).intersect(asked)
    recent = walked.on(Axis.REQUESTED, capabilities.axis).intersect(claimed)
    if not capabilities.counts_by_date:
        # Only the whole can be compared with a total, and only if the whole is claimed.
        whole = [window for window in claimed if window.start <= BEGINNING][:1]
        claimed, recent = Coverage(tuple(whole)), Coverage()
        claims.append("The source's counts do not honour dates: completeness rests on its grand total.")
    if capabilities.walk is WalkKind.DOCUMENTED and not capabilities.single:
        claims.append("The source's cursor is opaque: outputs lost between two of its pages show in the total only.")
    if recent != claimed:
        await prover.prove(recent)
    result = await prover.prove(claimed)
    proof = _together(result.proofs)
    proven = proof is not None and proof.agrees and not result.differences
    filled = await _filled_holes(prover, holes, claimed, proven and not result.tally.tombstoned)
    last = await prover.prove(())
    await prover.committer.save(filled, {})
    return RunProof(
        proof=proof,
        differences=last.differences,
        holes=holes.subtract(filled),
        claims=(*claims, *last.claims),
        tally=last.tally,
    )


async def _filled_holes(prover: Prover, holes: Coverage, claimed: Coverage, whole_proven: bool) -> Coverage:
    """The holes that a count of that very place proves complete, though the listing could not show them. One sum over more
    could not: there a loss may hide behind a deletion.
    """
    axis, filled = prover.capabilities.axis, Coverage()
    for hole in holes:
        around = Coverage((hole,)).around(Axis.REQUESTED, axis)
        agrees = whole_proven
        if prover.capabilities.counts_by_date:
            inside = not around.subtract(claimed)
            agrees = inside and all(proof.agrees for proof in (await prover.prove(around)).proofs)
        if agrees:
            filled = filled.merge(Coverage((hole,)))
    return filled


def _together(proofs: Sequence[Proof]) -> Proof | None:
    if not proofs:
        return None
    return Proof(
        proofs[0].start,
        proofs[-1].end,
        sum(proof.source for proof in proofs),
        sum(proof.manifest for proof in proofs),
        proofs[-1].checked_at,
    )
