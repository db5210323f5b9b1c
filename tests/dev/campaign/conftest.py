"""The stage for the slices of kills and races, started once for both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dev.campaign.kills.inspection import Seen
from dev.campaign.kills.stage import Stage, Story, stage
from dev.local.s3_server import S3Server

Truths = dict[Story, Seen]


@pytest.fixture(scope="session")
def running_stage(seaweedfs_server: S3Server) -> Iterator[Stage]:
    with stage(seaweedfs_server) as running:
        yield running


@pytest.fixture(scope="session")
def truths(running_stage: Stage) -> Truths:
    return running_stage.truths((Story.FRESH, Story.GROWN))
