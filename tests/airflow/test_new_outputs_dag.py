"""The Dag that new outputs start, and a deferred sensor, run by Airflow against the simulator and an S3 server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.local.s3_server import S3Server
from stablecog_provider.airflow.triggers import StablecogNewOutputsWatcher
from stablecog_provider.simulator.faults import Fault, Faults
from stablecog_provider.simulator.server import Simulator
from support.airflow_canary import OUTPUTS
from support.tree import ROOT

# Warnings of Airflow's own, as in test_dag.py.
pytestmark = [
    pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`"),
]


@pytest.fixture(scope="module")
def on_arrival(airflow_database: None) -> Any:
    from support.airflow_versions import DagBag

    bag = DagBag(str(ROOT / "dags"))
    assert bag.import_errors == {}
    return bag.dags["stablecog_new_outputs"]


def test_it_is_scheduled_on_an_asset_that_the_triggerer_watches(on_arrival: Any) -> None:
    (asset,) = on_arrival.timetable.asset_condition.objects
    (watcher,) = asset.watchers
    assert isinstance(watcher.trigger, StablecogNewOutputsWatcher)
    assert (on_arrival.max_active_runs, on_arrival.catchup) == (1, False)


def test_a_run_archives_what_is_new(on_arrival: Any, connected: Callable[..., None], moto_server: S3Server) -> None:
    connected()
    run = on_arrival.test(run_conf={"bucket": "archive", "prefix": "arrival"})
    assert run.state == "success"
    summary = run.get_task_instance("archive").xcom_pull("archive")
    assert summary["proven"] is True
    assert summary["copied"] >= OUTPUTS


class Arriving(Faults):
    """Adds an output that has settled, with the third request from now on. The request before is refused for a moment."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__()
        self.simulator, self.seen = simulator, 0
        self.on_api(Fault(status=429, after=1))

    def strike_api(self) -> Fault | None:
        self.seen += 1
        if self.seen == 3:
            now = self.simulator.clock.now()
            self.simulator.world.add(now, now + timedelta(seconds=9))
            self.simulator.clock.advance(600)
        return super().strike_api()


WAITING = """
from airflow.sdk import DAG
from stablecog_provider.airflow.operators import StablecogToS3Operator
from stablecog_provider.airflow.sensors import StablecogNewOutputsSensor

place = {"bucket": "archive", "prefix": "deferred"}
with DAG("wait_and_archive", schedule=None):
    wait = StablecogNewOutputsSensor(task_id="wait", deferrable=True, poke_interval=0, timeout=600, **place)
    wait >> StablecogToS3Operator(task_id="archive", **place)
"""


@pytest.fixture
def waiting(airflow_database: None, tmp_path: Path) -> Any:
    """A Dag of a folder of its own, known to the database as `dag.test` wants it."""
    from support.airflow_versions import bag_in_database

    (tmp_path / "waiting.py").write_text(WAITING)
    return bag_in_database(tmp_path).dags["wait_and_archive"]


def test_a_deferred_sensor_ends_when_new_outputs_have_settled(
    on_arrival: Any, waiting: Any, connected: Callable[..., None], simulator: Simulator, moto_server: S3Server
) -> None:
    connected()
    assert on_arrival.test(run_conf={"bucket": "archive", "prefix": "deferred"}).state == "success"
    simulator.scene.faults = arriving = Arriving(simulator)
    run = waiting.test()
    assert run.state == "success"
    assert arriving.seen > 3
    found = run.get_task_instance("wait").xcom_pull("wait")
    assert (found["archive"], found["seen"]) == ("s3://archive/deferred", 1)
    assert run.get_task_instance("archive").xcom_pull("archive")["copied"] == 1
