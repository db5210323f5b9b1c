"""Servers that live for the whole session. tests/conftest.py loads this module as a pytest plugin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from dev.local.s3_server import HOST, S3Server, seaweedfs

BUCKET = "archive"


@pytest.fixture(scope="session")
def seaweedfs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server with the bucket `archive`. It checks keys, conditions and checksums, and takes 3 s to start."""
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs"), bucket=BUCKET) as server:
        yield server


@pytest.fixture(scope="session")
def moto_server() -> Iterator[S3Server]:
    """moto, AWS's API in memory, with the bucket `archive`. It accepts every key and ignores checksums."""
    moto = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    moto.start()
    try:
        _, port = moto.get_host_and_port()
        server = S3Server(f"http://{HOST}:{port}", "test-access-key", "test-secret-key")
        server.client().create_bucket(Bucket=BUCKET)
        yield server
    finally:
        moto.stop()
