"""A publish that is killed at any step loses no row and doubles none: the next one continues."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import uuid
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from pyiceberg.catalog import load_catalog

from dev.local.s3_server import S3Server
from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.model.row_lifecycle import forgotten
from support.published import Keys, an_archive, keys_of, rows_of
from support.rows import DAY
from support.servers import BUCKET
from support.tree import ROOT

KILLS, DAYS = 20, 6


@pytest.mark.long
async def test_twenty_kills_lose_and_double_nothing(seaweedfs_server: S3Server, tmp_path: Path) -> None:
    chance = random.Random(14)
    layout = Layout(BUCKET, f"killed-{uuid.uuid4().hex[:8]}")
    store = S3ObjectStore(BUCKET, session=seaweedfs_server.session(), endpoint_url=seaweedfs_server.endpoint)
    manifest = await an_archive(store, layout, DAYS)
    catalog = {
        "type": "sql", "uri": f"sqlite:///{tmp_path}/catalog.db", "warehouse": f"s3://{BUCKET}/{layout.prefix}-warehouse",
        "s3.endpoint": seaweedfs_server.endpoint, "s3.access-key-id": seaweedfs_server.access_key,
        "s3.secret-access-key": seaweedfs_server.secret_key, "s3.region": "us-east-1",
    }  # fmt: skip
    server = (seaweedfs_server.endpoint, seaweedfs_server.access_key, seaweedfs_server.secret_key)
    place = json.dumps({"server": server, "layout": (BUCKET, layout.prefix), "catalog": catalog})

    def published(last: int) -> int:
        """Publish in another process. Returns the number of its steps; 0 if it was killed."""
        command = [sys.executable, "-m", "support.killed_publish", place, str(last)]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("plugins", "", "tests"))}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return int(done.stdout) if done.returncode == 0 else 0

    def table() -> Keys:
        found = load_catalog("test", **catalog).load_table("db.outputs").scan().to_arrow()
        columns = (found[name].to_pylist() for name in ("dt", "output_id", "rendition", "state"))
        return sorted((str(day), *rest) for day, *rest in zip(*columns, strict=True))

    steps = published(0)
    assert steps > KILLS
    assert table() == await keys_of(manifest)
    killed = 0
    while killed < KILLS:
        day = chance.randrange(DAYS)
        await manifest.merge((DAY + timedelta(days=day)).date(), rows_of(day, 5 + killed))
        if killed % 5 == 4:
            await manifest.amend(DAY.date(), lambda row: forgotten(row) if row.output_id == "0-1" else row)
        killed += published(1 + chance.randrange(steps // 3)) == 0
        assert max(Counter(row[:3] for row in table()).values()) == 1, "a row is doubled"
        assert {row[:3] for row in table()} <= {row[:3] for row in await keys_of(manifest)}
    published(0)
    assert table() == await keys_of(manifest)
    store.close()
