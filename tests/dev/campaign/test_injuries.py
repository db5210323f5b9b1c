"""A slice of the injuries and of the kills, and that the campaign would see what a verify misses."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest

from dev.campaign.injuries.injury import KINDS, Injury
from dev.campaign.injuries.kills import kill_verifies
from dev.campaign.injuries.section import SECTION, Judge, archived, hurt
from dev.campaign.rig.tally import Tally
from dev.local.s3_server import S3Server
from stablecog_provider.archive.reports.verify import VerifyReport
from stablecog_provider.model.finding import Finding, Kind

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def test_a_slice_of_the_injuries(seaweedfs_server: S3Server) -> None:
    assert SECTION.slice == len(KINDS)
    tally = hurt(seaweedfs_server, Random("tests"), SECTION.slice)
    assert tally.clean, tally.faults
    assert tally.notes[2].startswith(f"content: {SECTION.slice} of {SECTION.slice} injuries found")


@pytest.mark.long
def test_a_slice_of_the_kills_of_verify(seaweedfs_server: S3Server) -> None:
    tally = kill_verifies(seaweedfs_server, Random("tests"), 1, archived)
    assert tally.clean, tally.faults
    assert tally.tried >= 1


def faults(*findings: tuple[str, Kind]) -> list[str]:
    """What the campaign says of a report with these findings, if `a` is missing and `b` can be seen by content alone."""
    injuries = [
        Injury("lost", "a", {"listing": Kind.MISSING, "content": Kind.MISSING}, repairable=False),
        Injury("flipped", "b", {"content": Kind.CHANGED}, repairable=True),
    ]
    report = VerifyReport(
        run_id="r",
        archive="s3://b/p",
        started_at=NOW,
        finished_at=NOW,
        seconds=1.0,
        level="content",
        findings=tuple(Finding(kind, key, None, None, "") for key, kind in findings),
    )
    tally = Tally("t", "injuries")
    Judge(injuries, tally).found(report, "content")
    return tally.faults


def test_what_is_missed_misnamed_invented_or_doubled_is_a_fault() -> None:
    both = (("a", Kind.MISSING), ("b", Kind.CHANGED))
    assert faults(*both) == []
    assert "flipped at b: expected changed, found None" in faults(both[0])[0]
    assert "expected missing, found truncated" in faults(("a", Kind.TRUNCATED), both[1])[0]
    assert "no injury at c" in faults(*both, ("c", Kind.ORPHAN))[0]
    assert "names an object twice" in faults(*both, both[0])[0]
