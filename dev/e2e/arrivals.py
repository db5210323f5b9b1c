"""Outputs arrive while a sensor waits in the triggerer, which is killed. Then: what other DAGs, people and monitors see of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..local.airflow_home import connections
from ..local.children import StepFailed
from ..local.s3_server import S3Server
from ..local.simulator import simulator
from .account import SETTLING
from .bucket import reports_of
from .cluster import Cluster, Worker
from .signals import Metrics, lineage_faults

PREFIX = "arrivals"
FIRST, CONSUMER, WAITING, WATCHED = (
    "e2e_archive", "stablecog_changed_days", "e2e_waiting", "e2e_watched"
)  # fmt: skip
OUTPUTS, DAYS = 400, 20
"""An account that makes outputs on each of the two days after its present."""
A_DAY = 86_400.0
LOOKS = 5
"""How often the worker is found idle while the sensor waits."""
_SECONDS = 300.0
METRICS = {f"stablecog.{name}" for name in ("outputs", "bytes", "failed", "seconds", "proven", "lag_seconds")}


@dataclass(slots=True)
class Arrivals:
    """`seen`: what was observed, one sentence each. `faults`: what was not as it should be."""

    seen: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def note(self, holds: bool, sentence: str) -> None:
        (self.seen if holds else self.faults).append(sentence if holds else f"not so: {sentence}")


def play_arrivals(
    airflow: Cluster, store: S3Server, logs: Path, metrics: Metrics, lineage: Path, schemas: Path
) -> Arrivals:
    """Play it once. Raises StepFailed if a step does not come to its end."""
    found = Arrivals()
    with simulator(logs / PREFIX / "simulator.log", OUTPUTS, DAYS) as source:
        source.advance(SETTLING.total_seconds())
        for variable, document in connections(source.address, source.api_key, source.image_host, store).items():
            airflow.api.make_connection(variable.removeprefix("AIRFLOW_CONN_").lower(), document)
        with airflow.workers(1, {}, logs / PREFIX) as (worker,):
            for dag in (FIRST, CONSUMER, WAITING):
                airflow.api.unpause(dag)
            _finish(airflow, FIRST, airflow.api.trigger({}, FIRST))
            _check_consumer(airflow, store, found)
            _wait_in_the_triggerer(airflow, worker, lambda: source.advance(A_DAY), found)
            _check_consumer(airflow, store, found)
            airflow.api.unpause(WATCHED)
            # The watcher starts when the file is parsed the next time.
            (airflow.home.folder / "dags" / "e2e_arrivals.py").touch()
            source.advance(A_DAY)
            run = _until("a run that the watcher starts", airflow, lambda: airflow.api.runs(WATCHED))[0]
            _finish(airflow, WATCHED, run["dag_run_id"])
            found.note(run["run_type"] == "asset_triggered", "the watcher in the triggerer started a run")
            _check_consumer(airflow, store, found)
            _check_events_and_links(airflow, run["dag_run_id"], found)
    _check_signals(metrics, lineage, schemas, found)
    return found


def _wait_in_the_triggerer(airflow: Cluster, worker: Worker, arrive: Callable[[], object], found: Arrivals) -> None:
    run = airflow.api.trigger({}, WAITING)

    def state() -> str | None:
        return next((each.state for each in airflow.api.tries(run, WAITING) if each.task == "wait"), None)

    _until("a deferred sensor", airflow, lambda: state() == "deferred")
    idle = 0
    for _ in range(LOOKS):
        time.sleep(1)
        idle += state() == "deferred" and not worker.tasks()
    found.note(idle == LOOKS, f"the sensor was deferred, and no worker slot was used, in {idle} of {LOOKS} looks")
    airflow.kill("triggerer")
    time.sleep(2)
    found.note(state() == "deferred", "the sensor stays deferred while the triggerer is dead (SIGKILL)")
    arrive()
    airflow.start("triggerer")
    _finish(airflow, WAITING, run)
    found.seen.append(
        "after the triggerer was started again, the sensor saw what had arrived, and the run was archived"
    )


def _check_consumer(airflow: Cluster, store: S3Server, found: Arrivals) -> None:
    """Every report's changed days have had one run of the consumer each, and no other day has. Runs that overlap would share one:
    Airflow collects the events of a day until its run begins.
    """
    reports = [each for each in reports_of(store, PREFIX) if each.get("kind") == "run"]
    expected = Counter(day for each in reports for day in each["changed_days"])

    def runs() -> list[dict[str, Any]]:
        return [each for each in airflow.api.runs(CONSUMER) if each["run_type"] != "manual"]

    def all_done() -> bool:
        states = [each["state"] for each in runs()]
        return len(states) >= expected.total() and {*states} == {"success"}

    days = ", ".join(f"{day} {count}" for day, count in sorted(expected.items()))
    _until(f"runs of {CONSUMER} by day: {days}", airflow, all_done)
    by_day = Counter(str(each.get("partition_key")) for each in runs())
    found.note(
        by_day == expected,
        f"{CONSUMER} ran once for each changed day of {len(reports)} runs ({expected.total()} days), and for no other",
    )
    outcomes = {each["outcome"] for each in reports}
    found.note(outcomes == {"proven"}, f"the archive is proven after each of {len(reports)} runs")


def _check_events_and_links(airflow: Cluster, run: str, found: Arrivals) -> None:
    events = airflow.api.asset_events()
    summaries = [each for each in events if each["source_run_id"] == run and "outcome" in each["extra"]]
    found.note(
        [each["extra"]["outcome"] for each in summaries] == ["proven"] and bool(summaries[0]["extra"]["changed_days"]),
        "the event of the archive's asset has the report's outcome and its changed days",
    )
    for name, link in airflow.api.links(WATCHED, run, "archive").items():
        if link is None:
            found.seen.append(f"the link {name} is not there: the store has no console")
        else:
            status = airflow.api.open_page(link)
            found.note(status == 200, f"the link {name} answers with status {status}")


def _check_signals(metrics: Metrics, lineage: Path, schemas: Path, found: Arrivals) -> None:
    received = metrics.values.keys() & METRICS
    found.note(received == METRICS, f"a StatsD server received {', '.join(sorted(received))}")
    events, faults = lineage_faults(lineage, schemas, f"{WATCHED}.archive")
    found.note(events >= 2, f"OpenLineage: {events} events of the task, all events valid by the published schemas")
    found.faults += faults


def _finish(airflow: Cluster, dag: str, run: str) -> None:
    def state() -> str | None:
        found = airflow.api.state(run, dag)
        return found if found in ("success", "failed") else None

    if _until(f"the run of {dag}", airflow, state) != "success":
        raise StepFailed(f"the run of {dag}", "failed")


def _until(what: str, airflow: Cluster, look: Callable[[], Any]) -> Any:
    """Look once a second until there is something. Raises StepFailed."""
    deadline = time.monotonic() + _SECONDS
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise StepFailed(what, f"not seen within {_SECONDS:.0f} s")
        airflow.check_alive()
        time.sleep(1)
    return seen
