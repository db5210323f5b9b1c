"""Kills the process of the daily DAG, and runs the DAG again as Airflow does.

`python -m dev.campaign.kills.airflow_task ORDER` is the child: it runs the DAG once, and kills itself at the order's step.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from stablecog_provider.model.object_keys import Layout

from ...local.airflow_home import DAG, AirflowHome, connections
from ...local.children import started
from ..rig.tally import Tally
from .account import Moment
from .child import Step, When, ports_with_step, speed_up
from .inspection import Seen, judge_claims, judge_end
from .stage import Stage

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 180.0
STEPS = (
    Step("put", "image", 10, When.AFTER),
    Step("put", "partition", 1, When.BEFORE),
    Step("put", "partition", 2, When.AFTER),
    Step("put", "checkpoint", 2, When.DURING, 0.002),
    Step("put", "checkpoint", 2, When.AFTER),
)


@dataclass(frozen=True, slots=True)
class DagRuns:
    """Runs the DAG in separate processes."""

    stage: Stage
    home: AirflowHome

    def run(self, layout: Layout, step: Step | None) -> int:
        """Run the DAG once. Return 0 if it succeeded, a negative number if a signal ended the process."""
        account, server = self.stage.account, self.stage.server
        environ = connections(account.address, account.api_key, account.image_host, server)
        environ["PYTHONPATH"] = f"{ROOT}:{ROOT / 'plugins'}"
        order = json.dumps({"bucket": layout.bucket, "prefix": layout.prefix, "step": step and asdict(step)})
        command = [sys.executable, "-m", __spec__.name, order]
        with started(command, self.log, self.home.environ(environ)) as child:
            try:
                return child.wait(SECONDS)
            except subprocess.TimeoutExpired:
                return 1

    @property
    def log(self) -> Path:
        return self.home.logs / "dag.log"


@contextlib.contextmanager
def dag_runs(stage: Stage) -> Iterator[DagRuns]:
    folder = stage.folder / "airflow"
    home = AirflowHome(folder / "home", ROOT, folder / "kept", folder / "logs")
    with home.prepared() as migration:
        home.ready(migration)
        yield DagRuns(stage, home)


def kill_tasks(stage: Stage, truth: Seen, size: int) -> Tally:
    """Kill the process of the DAG `size` times, each time with a new archive, and run the DAG again."""
    stage.account.go_to(Moment.GROWN)
    tally = Tally("kills of the Airflow task", "SIGKILLs")
    with dag_runs(stage) as dag:
        for number in range(size):
            step, layout = STEPS[number % len(STEPS)], stage.layout(f"airflow-{number}")
            case = f"Airflow case {number} ({step})"
            code = dag.run(layout, step)
            tally.tried += code == -signal.SIGKILL
            judge_claims(stage.look(layout), truth).add(tally, case)
            again = dag.run(layout, None)
            if code != -signal.SIGKILL or again:
                end = " ".join(dag.log.read_text(errors="replace").split())[-1500:]
                tally.faults.append(f"{case}: ended with {code}, the second run with {again}: {end}")
            asyncio.run(judge_end(stage.look(layout), truth, stage.store)).add(tally, case)
    return tally


def run_dag(order: dict[str, Any]) -> int:
    """Run in the child. Airflow is imported only here: the import takes seconds and reads its settings."""
    from airflow.dag_processing.dagbag import DagBag

    from stablecog_provider.airflow.operators import StablecogToS3Operator

    step = Step(**{**order["step"], "when": When(order["step"]["when"])}) if order["step"] else None
    speed_up()
    StablecogToS3Operator.open_ports = staticmethod(ports_with_step(step, signal.SIGKILL, timedelta(0)))
    dag: Any = DagBag(str(ROOT / "dags")).dags[DAG]
    run = dag.test(run_conf={"bucket": order["bucket"], "prefix": order["prefix"]})
    return 0 if run.state == "success" else 1


if __name__ == "__main__":
    sys.exit(run_dag(json.loads(sys.argv[1])))
