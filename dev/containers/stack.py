"""The running stack as a person sees it: Compose, Airflow's API, and the simulation behind it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import httpx

from .engines import Engine, StepFailed

ADDRESS = "http://127.0.0.1:8080"
DAG = "stablecog_archive_daily"
SERVING = ("store", "source", "airflow")
HEALTHY_SECONDS, RUN_SECONDS = 900.0, 900.0


class Stack:
    """`ours`: options of Compose's `up` and `run` that this engine needs."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._build = [] if engine.builds_by_itself else ["--no-build"]
        # podman's API gives Compose no digest to recognise a container by, so it would replace every one.
        self._keep = [] if engine.builds_by_itself else ["--no-recreate"]
        self._alone = [] if engine.builds_by_itself else ["--no-deps"]

    def up(self) -> float:
        """Start everything and return the seconds until everything is healthy and the first run was triggered."""
        began = time.monotonic()
        self.engine.compose("up", "--detach", *self._build, *self._keep, seconds=HEALTHY_SECONDS)
        self.wait_until_healthy()
        self._until("`first-run` ends", self._triggered, 120)
        return time.monotonic() - began

    def wait_until_healthy(self) -> float:
        began = time.monotonic()
        self._until("every service is healthy", self._healthy, HEALTHY_SECONDS)
        return time.monotonic() - began

    def _healthy(self) -> bool:
        states = self.engine.states()
        return all(states.get(name, {}).get("Health") == "healthy" for name in SERVING)

    def _triggered(self) -> bool:
        state = self.engine.states()["first-run"]
        if state["State"] == "exited" and state["ExitCode"]:
            raise StepFailed(f"first-run ended with {state['ExitCode']}: {self.engine.compose('logs', 'first-run')}")
        return bool(state["State"] == "exited")

    def down(self, *options: str) -> None:
        self.engine.compose("down", *options, seconds=180)

    def tomorrow(self) -> str:
        """Let a day pass as the documentation says, and return what is printed."""
        return self.engine.compose("run", "--rm", *self._alone, "tomorrow", seconds=120).strip()

    def clock(self) -> datetime:
        """Return the simulated instant."""
        printed = self.engine.compose("exec", "-T", "source", "stablecog-archive", "simulation", "--json", seconds=60)
        return datetime.fromisoformat(json.loads(printed)["clock"]["now"][:19] + "+00:00")

    def runs(self) -> list[dict[str, Any]]:
        """Return the DAG's runs, oldest first."""
        with self._api() as api:
            answer = api.get(f"/api/v2/dags/{DAG}/dagRuns", params={"order_by": "run_after", "limit": 100})
            found: list[dict[str, Any]] = answer.raise_for_status().json()["dag_runs"]
        return found

    def trigger(self) -> str:
        with self._api() as api:
            answer = api.post(f"/api/v2/dags/{DAG}/dagRuns", json={"logical_date": None})
            started: str = answer.raise_for_status().json()["dag_run_id"]
        return started

    def wait_for_runs(self) -> None:
        """Wait until every run has ended. Raises StepFailed if one failed."""
        self._until("every run of the DAG has ended", self._all_ended, RUN_SECONDS)
        if failed := [run["dag_run_id"] for run in self.runs() if run["state"] != "success"]:
            raise StepFailed(f"these runs failed: {', '.join(failed)}")

    def _all_ended(self) -> bool:
        runs = self.runs()
        return bool(runs) and all(run["state"] in ("success", "failed") for run in runs)

    def tries(self, run: str) -> list[int]:
        """Return the number of tries of each task of a run."""
        with self._api() as api:
            answer = api.get(f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances").raise_for_status().json()
        return [task["try_number"] for task in answer["task_instances"]]

    def log(self, run: str) -> str:
        """Return the log of the last try of a run's only task."""
        with self._api() as api:
            base = f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances"
            (task,) = api.get(base).raise_for_status().json()["task_instances"]
            answer = api.get(
                f"{base}/{task['task_id']}/logs/{task['try_number']}", headers={"Accept": "application/json"}
            )
            return answer.raise_for_status().text

    def summary(self, run: str) -> str:
        """Return the sentence of a run's log that has the proof."""
        found = re.search(r"the source counts [\d,]+ outputs[^\"\\]*", self.log(run))
        if not found:
            raise StepFailed(f"the log of {run} has no proof: {self.log(run)[-2000:]}")
        return found[0]

    @contextmanager
    def _api(self) -> Iterator[httpx.Client]:
        with httpx.Client(base_url=ADDRESS, trust_env=False, timeout=30) as api:
            token = api.get("/auth/token").raise_for_status().json()["access_token"]
            api.headers["Authorization"] = f"Bearer {token}"
            yield api

    def _until(self, what: str, holds: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        trouble: Exception | None = None
        while time.monotonic() < deadline:
            try:
                if holds():
                    return
            except (httpx.HTTPError, KeyError) as error:
                trouble = error
            time.sleep(2)
        raise StepFailed(f"not within {seconds:.0f} s: {what} ({trouble}); {self.engine.states()}")
