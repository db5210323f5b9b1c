"""A slice of the killed restores, all hostile conditions, and checks that the section notices damage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from dev.campaign.restores.hostile import CONDITIONS, try_conditions
from dev.campaign.restores.section import SECTION, Kills, Stage, stage
from dev.local.s3_server import S3Server


@pytest.fixture(scope="module")
def running(seaweedfs_server: S3Server) -> Iterator[Stage]:
    with stage(Random("tests"), seaweedfs_server) as started:
        yield started


@pytest.fixture(scope="module")
def kills(running: Stage) -> Kills:
    return Kills.on(running)


def test_a_slice_of_the_kills(kills: Kills) -> None:
    kills.run(Random("tests"), SECTION.slice)
    assert kills.tally.tried >= SECTION.slice
    assert kills.tally.clean, kills.tally.faults


def test_a_slice_of_the_conditions(running: Stage, tmp_path: Path) -> None:
    some = CONDITIONS[::24]
    tally = try_conditions(running.server, running.archive, tmp_path, some)
    assert tally.tried == len(some)
    assert tally.clean, tally.faults


@pytest.mark.long
def test_no_condition_reads_or_writes_anything(running: Stage) -> None:
    tally = try_conditions(running.server, running.archive, running.folder)
    assert tally.tried == len(CONDITIONS) >= 25
    assert tally.clean, tally.faults


@pytest.mark.parametrize("into", [False, True])
def test_a_lost_a_broken_and_a_stray_file_are_noticed(kills: Kills, into: bool) -> None:
    truth = kills.truths[into]
    assert len(truth) >= 120
    name = min(truth)
    kills.truths[into] = {**truth, name: b"other", "one more": b""}
    before = (kills.tally.lost, kills.tally.corrupt)
    kills._judge_end(f"truth-{into}", into=into)
    kills.truths[into] = truth
    assert (kills.tally.lost, kills.tally.corrupt) == (before[0] + 1, before[1] + 1)
    kills.tally.lost, kills.tally.corrupt = before
    kills.tally.faults.clear()
