"""A slice of the kills of a forget, and that the search would see what is left."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from dev.campaign.forgets.section import SECTION, Forgets, found, kill, traces_of
from dev.campaign.forgets.stage import staged
from dev.local.s3_server import S3Server


async def test_a_slice_of_the_kills(seaweedfs_server: S3Server, tmp_path: Path) -> None:
    (tally,) = await kill(Random("tests"), SECTION.slice, seaweedfs_server, tmp_path)
    assert tally.tried >= SECTION.slice
    assert tally.clean, tally.faults


async def test_what_is_left_would_be_seen(
    seaweedfs_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgets = Forgets(await staged(seaweedfs_server, tmp_path))
    monkeypatch.setattr(type(forgets.stage), "forget", lambda *_: (0, ""))
    await forgets.play(0, Random(1), 0)
    assert forgets.tally.leaked > 10
    assert any("states" in fault for fault in forgets.tally.faults)
    archived = await forgets.stage.archived(1, seed=1)
    row = next(iter((await archived.rows()).values()))
    places = {key.split("/")[2] for key in (leak.partition(":")[0] for leak in found(archived, traces_of([row])))}
    assert places == {"images", "manifest"}
