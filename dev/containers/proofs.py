"""The proofs, in order. Each returns what it saw, or raises StepFailed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .engines import Engine, StepFailed
from .stack import Stack

IMAGES = {
    "cli": "stablecog-archive:check",
    "airflow": "airflow-provider-stablecog:check",
    "demo": "airflow-provider-stablecog:demo",
}
"""The tag of each target. That of `demo` is the one in compose.yaml."""
_DRIVERS = "import asyncpg, celery, kubernetes, psycopg2, redis, statsd, stablecog_provider.airflow.operators"
_HARDENED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")  # noqa: S108


@dataclass(slots=True)
class Proofs:
    """`bases`: base images by build argument."""

    engine: Engine
    stack: Stack
    bases: Mapping[str, str]
    seen: dict[str, str] = field(default_factory=dict)
    """Ids of images before a day passed, and the run whose log has to survive."""

    def builds(self) -> list[tuple[str, Callable[[], str]]]:
        """Return the proofs that need the network of the machine."""
        return [(f"build the image {target}", lambda target=target: self._build(target)) for target in IMAGES]  # type: ignore[misc]

    def runs(self) -> list[tuple[str, Callable[[], str]]]:
        return [
            ("cli: `stablecog-archive` with and without its name", self._cli_by_itself),
            ("airflow: `stablecog-archive` as itself, drivers of production", self._airflow_by_itself),
            ("`up` from nothing", self._up),
            ("the DAG's runs succeed at their first try", self._first_runs),
            ("`run --rm tomorrow`, without a build", self._tomorrow),
            ("kill -9 of store and source", self._killed),
            ("kill -9 of Airflow", self._airflow_killed),
            ("`down` and `up` keep everything", self._down_and_up),
            ("`down --volumes` removes everything", self._removed),
        ]

    def _build(self, target: str) -> str:
        began = time.monotonic()
        self.engine.build(target, IMAGES[target], self.bases)
        size = int(self.engine.inspect(IMAGES[target], "{{.Size}}"))
        return f"{size / 1e6:,.0f} MB in {time.monotonic() - began:.0f} s"

    def _cli_by_itself(self) -> str:
        printed = {
            self.engine.run(IMAGES["cli"], *typed, "--version", options=_HARDENED)
            for typed in ([], ["stablecog-archive"])
        }
        return self._same(printed)

    def _airflow_by_itself(self) -> str:
        image = IMAGES["airflow"]
        printed = {
            self.engine.run(image, "stablecog-archive", "--version"),
            self.engine.run(image, "--version", options=["--entrypoint", "stablecog-archive"]),
        }
        self.engine.run(image, "python", "-c", _DRIVERS)
        return self._same(printed) + f", Airflow {self.engine.run(image, 'version').split()[-1]}"

    @staticmethod
    def _same(printed: set[str]) -> str:
        if len(printed) != 1:
            raise StepFailed(f"these should be the same: {printed}")
        return printed.pop().strip()

    def _up(self) -> str:
        self.stack.down("--volumes")
        return f"healthy after {self.stack.up():.0f} s"

    def _first_runs(self) -> str:
        self.stack.wait_for_runs()
        runs = [run["dag_run_id"] for run in self.stack.runs()]
        tries = [number for run in runs for number in self.stack.tries(run)]
        if set(tries) != {1}:
            raise StepFailed(f"tries of {runs}: {tries}")
        self.seen["run"] = runs[0]
        return f"{len(runs)} runs; {self.stack.summary(runs[0])}"

    def _tomorrow(self) -> str:
        before, image = self.stack.clock(), self.engine.inspect(IMAGES["demo"], "{{.Id}}")
        self.stack.tomorrow()
        if (passed := (self.stack.clock() - before).total_seconds()) < 86400:
            raise StepFailed(f"only {passed:.0f} s have passed")
        if self.engine.inspect(IMAGES["demo"], "{{.Id}}") != image:
            raise StepFailed("the image was built again")
        return self._next_run()

    def _next_run(self) -> str:
        run = self.stack.trigger()
        self.stack.wait_for_runs()
        return self.stack.summary(run)

    def _killed(self) -> str:
        before = self.stack.clock()
        for service in ("store", "source"):
            self._kill(service)
        seconds = self.stack.wait_until_healthy()
        if self.stack.clock() < before:
            raise StepFailed("the simulated clock was lost")
        return f"healthy again after {seconds:.0f} s; {self._next_run()}"

    def _airflow_killed(self) -> str:
        self._kill("airflow")
        seconds = self.stack.wait_until_healthy()
        return f"healthy again after {seconds:.0f} s; {self._next_run()}"

    def _kill(self, service: str) -> None:
        """Kill a service's first process from outside, as the kernel does if memory runs out.

        The `kill` of an engine would count as a stop.
        """
        container = self.engine.container(service)
        process = int(self.engine.inspect(container, "{{.State.Pid}}"))
        try:
            os.kill(process, signal.SIGKILL)
        except (PermissionError, ProcessLookupError) as error:
            raise StepFailed(f"process {process} of {service} cannot be killed from here: {error}") from None
        deadline = time.monotonic() + 60
        while self.engine.inspect(container, "{{.State.Pid}}") == str(process):
            if time.monotonic() > deadline:
                raise StepFailed(f"{service} was killed, but the engine did not notice")
            time.sleep(0.5)

    def _down_and_up(self) -> str:
        before, clock = {run["dag_run_id"] for run in self.stack.runs()}, self.stack.clock()
        self.stack.down()
        seconds = self.stack.up()
        self.stack.wait_for_runs()
        after = {run["dag_run_id"] for run in self.stack.runs()}
        if not before < after:
            raise StepFailed(f"runs before: {before}, after: {after}")
        if self.stack.clock() < clock:
            raise StepFailed("the simulated clock was lost")
        self.stack.summary(self.seen["run"])
        return f"healthy after {seconds:.0f} s; {len(after)} runs, the first one's log, clock and archive are there"

    def _removed(self) -> str:
        self.stack.down("--volumes")
        left = self.engine.call(*self.engine.command, "volume", "ls", "--quiet").split()
        if ours := [name for name in left if name.startswith("stablecog-archive-demo")]:
            raise StepFailed(f"volumes are left: {ours}")
        return "no volume is left"
