"""Gives the tests an Airflow of their own: a fresh home and database, set before anything imports Airflow."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from dev.local.s3_server import S3Server
from stablecog_provider.simulator.clock import SimulatedClock
from stablecog_provider.simulator.server import Simulator
from stablecog_provider.simulator.world import DEFAULT_KEY, World
from support.airflow_canary import AWS_SECRET, OUTPUTS, Connect, settings

if "airflow" in sys.modules:
    raise RuntimeError("Airflow was imported before its home was set: it would use the user's own")

HOME = Path(tempfile.mkdtemp(prefix="airflow-home-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ.update(settings(HOME))


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """Creates the database once per session: about 10 s."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Defines a connection in the environment for one test."""

    def define(conn_id: str, **parts: object) -> None:
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(parts))

    return define


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A small account over HTTP. Its loop is in a thread of its own, as the operator starts another."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    world = World.generate(outputs=OUTPUTS, days=2)
    # An hour later, so that the newest outputs have settled.
    running = Simulator(world, clock=SimulatedClock(world.present + timedelta(hours=1)))
    try:
        asyncio.run_coroutine_threadsafe(running.start(), loop).result(timeout=20)
        yield running
        asyncio.run_coroutine_threadsafe(running.stop(), loop).result(timeout=20)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=20)
        loop.close()


@pytest.fixture
def connected(connect: Connect, simulator: Simulator, moto_server: S3Server) -> Callable[..., None]:
    """Defines both connections. The canaries are the account's key and an AWS secret, which the server does not check."""

    def define(key: str = DEFAULT_KEY) -> None:
        extra = {"image_hosts": simulator.address.removeprefix("http://")}
        connect("stablecog_default", conn_type="stablecog", host=simulator.address, password=key, extra=extra)
        extra = {"endpoint_url": moto_server.endpoint, "region_name": "us-east-1"}
        connect("aws_default", conn_type="aws", login=moto_server.access_key, password=AWS_SECRET, extra=extra)

    return define
