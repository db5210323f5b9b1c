"""What a run's own summaries of partitions say beside those that the checkpoint has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from ...model.checkpoint import Checkpoint
from ...model.partition_summary import PartitionSummary
from ..ports import Base
from .intent import is_announced


def replaced_by_something_else(
    others: Checkpoint, now: Mapping[date, PartitionSummary], bases: Mapping[date, Base]
) -> list[date]:
    """The days whose partition was neither as the checkpoint has it, nor written by a run that had announced it, when this run
    wrote on top of it: something else changed it after this run's inventory. `others`: without this run's intent.
    """
    found = []
    for day, base in bases.items():
        known = others.partitions.get(day, PartitionSummary())
        if (
            not is_announced(others, day, base.run_id)
            and base.version != known.version
            and not known.is_version(base.version)
            and now[day].version != known.version
        ):
            found.append(day)
    return found


def listed_as(found: Checkpoint, summaries: Mapping[date, PartitionSummary]) -> dict[date, PartitionSummary]:
    """The summaries, each with the listing's spelling of its version if that is known already."""
    kept = {}
    for day, summary in summaries.items():
        before = found.partitions.get(day)
        same = before is not None and before.version == summary.version and not summary.listed
        kept[day] = replace(summary, listed=before.listed) if same and before else summary
    return kept
