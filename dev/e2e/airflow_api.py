"""A client of Airflow's public REST API: start a run, and read the state of its tasks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

DAG = "stablecog_backfill"
COMPONENTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")


@dataclass(frozen=True, slots=True)
class Try:
    """State of a task instance. `id` changes with every try; `number` is 0 before the first one."""

    id: str
    task: str
    window: int
    state: str | None
    number: int
    began: datetime | None
    ended: datetime | None


class AirflowApi:
    """One connection to the api-server. Raises httpx.HTTPError."""

    def __init__(self, address: str, client: httpx.Client) -> None:
        self.address = address
        self._client = client
        self._token = ""

    def healthy(self) -> bool:
        """Return whether every component reports healthy and the DAG has been parsed."""
        try:
            health = self._client.get("/api/v2/monitor/health").raise_for_status().json()
            self._token = self._token or self._client.get("/auth/token").raise_for_status().json()["access_token"]
            if any(health[name]["status"] != "healthy" for name in COMPONENTS):
                return False
            return self._client.get(f"/api/v2/dags/{DAG}", headers=self._headers).is_success
        except httpx.HTTPError:
            return False

    def make_pool(self, name: str, slots: int, description: str) -> None:
        self._request("POST", "/pools", {"name": name, "slots": slots, "description": description})

    def unpause(self) -> None:
        self._request("PATCH", f"/dags/{DAG}", {"is_paused": False})

    def trigger(self, conf: dict[str, Any]) -> str:
        """Start a run and return its id."""
        started: str = self._request("POST", f"/dags/{DAG}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"]
        return started

    def state(self, run: str) -> str:
        state: str = self._request("GET", f"/dags/{DAG}/dagRuns/{run}")["state"]
        return state

    def tries(self, run: str) -> list[Try]:
        """Return the newest try of every task instance."""
        found = self._request("GET", f"/dags/{DAG}/dagRuns/{run}/taskInstances?limit=1000")["task_instances"]
        return [
            Try(
                id=each["id"],
                task=each["task_id"],
                window=each["map_index"],
                state=each["state"],
                number=each["try_number"],
                began=_instant(each["start_date"]),
                ended=_instant(each["end_date"]),
            )
            for each in found
        ]

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return (
            self._client.request(method, f"/api/v2{path}", json=body, headers=self._headers).raise_for_status().json()
        )


@contextlib.contextmanager
def airflow_api(address: str) -> Iterator[AirflowApi]:
    with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
        yield AirflowApi(address, client)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
