"""One run of the backfill: its own account and prefix, workers that may be killed, and a check at the end."""

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
from .account import DAYS, SETTLING, check_account, requests
from .airflow_api import Try
from .bucket import BUCKET, manifest_of, reports_of, stored_in
from .check import Findings, judge
from .cluster import REQUESTS_PER_SECOND, SLOTS, Cluster, Worker
from .cpu_sampling import CpuSampler, CpuShares
from .disruptions import WINDOWS, Disruption, MessageInHand, TaskKilled, WorkerKilled

Killed = Literal["worker", "task", "message"]
_POLL_SECONDS = 1.0
_FINAL = ("success", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Settings of a run.

    `truth`: every image of the account, a table `TRUTH`. `windows`: number of windows to plan. `concurrency`: images that
    each window copies in parallel. `latency`: seconds per response of the source.
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
    """Result of a run, one line of the table.

    `seconds`: from the start of the first window to the end of the closing proof. `limited`: number of responses 429.
    `faults`: problems other than the findings.
    """

    run: Run
    seconds: float
    windows: int
    retries: int
    limited: int
    cpu: CpuShares
    findings: Findings
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return self.findings.clean and not self.faults


@dataclass(slots=True)
class Course:
    """Progress of a run as Airflow's API reports it."""

    tries: Sequence[Try] = ()
    state: str = "queued"
    began: datetime | None = None
    cpu: CpuShares = CpuShares()

    @property
    def windows(self) -> list[Try]:
        return [each for each in self.tries if each.task == WINDOWS]

    @property
    def seconds(self) -> float:
        ended = next((each.ended for each in self.tries if each.task == "prove"), None)
        return (ended - self.began).total_seconds() if self.began and ended else 0.0


def play(run: Run, airflow: Cluster, store: S3Server, folder: Path) -> Line:
    """Run the backfill once and check the archive. Raises StepFailed if Airflow or a server fails on its own."""
    logs, prefix = folder / "logs" / run.name, run.name
    with simulator(logs / "simulator.log", run.outputs, DAYS, "--latency", str(run.latency)) as source:
        source.advance(SETTLING.total_seconds())
        check_account(run.truth, source)
        extras = {"requests_per_second": REQUESTS_PER_SECOND}
        environ = connections(source.address, source.api_key, source.image_host, store, extras)
        # The windows of a killed worker move to the others, which need slots for them. The pool still limits the total.
        slots = 2 * SLOTS if run.killed in ("worker", "message") else SLOTS
        with airflow.workers(run.workers, environ, logs, slots=slots) as workers:
            disruption = _disruption(run, workers, source, logs / "worker-1.log")
            conf = {"bucket": BUCKET, "prefix": prefix, "pieces": run.windows, "concurrency": run.concurrency}
            course = _follow(airflow, airflow.api.trigger(conf), disruption, 300.0 + run.outputs / 5)
        limited = requests(source)["limited"]
    findings = judge(run.truth, manifest_of(store, prefix, folder / "manifest"), stored_in(store, prefix))
    return Line(
        run=run,
        seconds=course.seconds,
        windows=len(course.windows),
        retries=sum(max(0, each.number - 1) for each in course.tries),
        limited=limited,
        cpu=course.cpu,
        findings=findings,
        notes=[disruption.description()] if disruption and disruption.struck else [],
        faults=faults_of(run, course, disruption, reports_of(store, prefix)),
    )


def _disruption(run: Run, workers: Sequence[Worker], source: Simulator, log: Path) -> Disruption | None:
    if run.killed == "message":
        return MessageInHand(workers[0], log)
    if run.killed == "worker":
        return WorkerKilled(workers)
    if run.killed == "task":
        return TaskKilled(workers, lambda: requests(source)["images"], run.truth.num_rows // 12)
    return None


def _follow(airflow: Cluster, started: str, disruption: Disruption | None, seconds: float) -> Course:
    """Observe the run until it ends. Raises StepFailed if that takes too long, or if Airflow itself ends."""
    course, deadline, sampler = Course(), time.monotonic() + seconds, CpuSampler()
    while course.state not in _FINAL:
        if time.monotonic() > deadline:
            raise StepFailed(f"the run {started}", f"not done after {seconds:.0f} s")
        time.sleep(_POLL_SECONDS)
        airflow.check_alive()
        try:
            course.state = airflow.api.state(started)
            course.tries = airflow.api.tries(started)
        except httpx.TransportError:
            # On a busy machine the api-server is late now and then. It is alive, as checked above, and the deadline holds.
            continue
        # A try that is started again reports a new start.
        begun = [each.began for each in course.windows if each.began]
        if begun and course.began is None:
            course.began, sampler = min(begun), CpuSampler()
        if disruption:
            disruption.observe(course.tries)
    course.cpu = sampler.shares()
    return course


def faults_of(run: Run, course: Course, disruption: Disruption | None, reports: list[dict[str, Any]]) -> list[str]:
    """Return what is wrong with the course of the run or with the archive's last report, one sentence each."""
    faults = [] if course.state == "success" else [f"the run ended as {course.state}"]
    unfinished = [f"{each.task} {each.window}" for each in course.tries if each.state != "success"]
    faults += [f"not done: {', '.join(unfinished)}"] if unfinished else []
    if run.killed and not (disruption and disruption.struck):
        faults.append("nothing was killed: the run ended too soon")
    outputs = len(set(run.truth["output_id"].to_pylist()))
    last = max(reports, key=lambda report: report["finished_at"], default=None)
    if last is None or last["outcome"] != "proven":
        faults.append(f"the outcome of the closing proof is {last['outcome'] if last else 'missing'}")
    elif last["proof"]["source"] != outputs:
        faults.append(f"the closing proof counts {last['proof']['source']} outputs, the account has {outputs}")
    return faults
