"""One run of the backfill: an account and a prefix of its own, workers that may be struck, and an inspection at its end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import httpx
import pyarrow as pa

from ..local.airflow_home import connections
from ..local.children import StepFailed
from ..local.s3_server import S3Server
from ..local.simulator import Simulator, simulator
from .account import DAYS, SETTLING, assure_same, requests
from .airflow_api import Try
from .bucket import BUCKET, manifest_of, reports_of, stored_in
from .check import Findings, judge
from .cluster import REQUESTS_PER_SECOND, SLOTS, Cluster, Worker
from .cpu_sampling import Busy, Cores
from .disruptions import WINDOWS, Blow, TaskKilled, WorkerKilled

Killed = Literal["worker", "task"]
_LOOK_EVERY = 1.0
_OVER = ("success", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is run. `truth`: every image of the account (`TRUTH`); `windows`: how many are asked for; `concurrency`: images
    that each of them copies at a time; `latency`: seconds of each answer.
    """

    name: str
    workers: int
    outputs: int
    windows: int
    concurrency: int
    latency: float
    truth: pa.Table
    killed: Killed | None = None


@dataclass(slots=True)
class Line:
    """What came of it. `seconds`: from the first window's start to the closing proof. `limited`: answers 429; `faults`:
    what is wrong besides the findings.
    """

    run: Run
    seconds: float
    windows: int
    retries: int
    limited: int
    busy: Busy
    findings: Findings
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return self.findings.clean and not self.faults


@dataclass(slots=True)
class Course:
    """How a run went, as Airflow's API tells it."""

    tries: Sequence[Try] = ()
    state: str = "queued"
    began: datetime | None = None
    busy: Busy = Busy()

    @property
    def windows(self) -> list[Try]:
        return [each for each in self.tries if each.task == WINDOWS]

    @property
    def seconds(self) -> float:
        ended = next((each.ended for each in self.tries if each.task == "prove"), None)
        return (ended - self.began).total_seconds() if self.began and ended else 0.0


def play(run: Run, airflow: Cluster, store: S3Server, folder: Path) -> Line:
    """Raises StepFailed where something ended or hung that this is not about."""
    logs, prefix = folder / "logs" / run.name, run.name
    with simulator(logs / "simulator.log", run.outputs, DAYS, "--latency", str(run.latency)) as source:
        source.advance(SETTLING.total_seconds())
        assure_same(run.truth, source)
        extras = {"requests_per_second": REQUESTS_PER_SECOND}
        environ = connections(source.address, source.api_key, source.image_host, store, extras)
        # One that is killed leaves windows to the others: they need room for them, and the pool still bounds them all.
        slots = 2 * SLOTS if run.killed == "worker" else SLOTS
        with airflow.workers(run.workers, environ, logs, slots=slots) as workers:
            blow = _blow(run, workers, source)
            asked = {"bucket": BUCKET, "prefix": prefix, "pieces": run.windows, "concurrency": run.concurrency}
            course = _follow(airflow, airflow.api.trigger(asked), blow, 300.0 + run.outputs / 5)
        limited = requests(source)["limited"]
    findings = judge(run.truth, manifest_of(store, prefix, folder / "manifest"), stored_in(store, prefix))
    return Line(
        run=run,
        seconds=course.seconds,
        windows=len(course.windows),
        retries=sum(max(0, each.number - 1) for each in course.tries),
        limited=limited,
        busy=course.busy,
        findings=findings,
        notes=[blow.told()] if blow and blow.struck else [],
        faults=faults_of(run, course, blow, reports_of(store, prefix)),
    )


def _blow(run: Run, workers: Sequence[Worker], source: Simulator) -> Blow | None:
    if run.killed == "worker":
        return WorkerKilled(workers)
    if run.killed == "task":
        return TaskKilled(workers, lambda: requests(source)["images"], run.truth.num_rows // 12)
    return None


def _follow(airflow: Cluster, started: str, blow: Blow | None, seconds: float) -> Course:
    """Look at the run until it is over. Raises StepFailed where that takes too long, or Airflow itself has ended."""
    course, deadline, cores = Course(), time.monotonic() + seconds, Cores()
    while course.state not in _OVER:
        if time.monotonic() > deadline:
            raise StepFailed(f"the run {started}", f"not done after {seconds:.0f} s")
        time.sleep(_LOOK_EVERY)
        airflow.assure_alive()
        try:
            course.state = airflow.api.state(started)
            course.tries = airflow.api.tries(started)
        except httpx.TransportError:
            # On full cores the api-server is late now and then. Whether it lives was asked above, and the deadline stands.
            continue
        # A try that is started again tells when it began anew.
        begun = [each.began for each in course.windows if each.began]
        if begun and course.began is None:
            course.began, cores = min(begun), Cores()
        if blow:
            blow.look(course.tries)
    course.busy = cores.busy()
    return course


def faults_of(run: Run, course: Course, blow: Blow | None, reports: list[dict[str, Any]]) -> list[str]:
    """What is wrong with how it went, or with the last of the archive's own reports: a sentence each."""
    faults = [] if course.state == "success" else [f"the run ended as {course.state}"]
    unfinished = [f"{each.task} {each.window}" for each in course.tries if each.state != "success"]
    faults += [f"not done: {', '.join(unfinished)}"] if unfinished else []
    if run.killed and not (blow and blow.struck):
        faults.append("nothing was killed: it was over too soon")
    outputs = len(set(run.truth["output_id"].to_pylist()))
    last = max(reports, key=lambda report: report["finished_at"], default=None)
    if last is None or last["outcome"] != "proven":
        faults.append(f"the closing proof says {last['outcome'] if last else 'nothing'}")
    elif last["proof"]["source"] != outputs:
        faults.append(f"the closing proof counts {last['proof']['source']} outputs, the account has {outputs}")
    return faults
