"""A client of Airflow's public REST API: start a run, and read the state of its tasks."""

from __future__ import annotations

import contextlib
import json
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

    def make_connection(self, name: str, document: str) -> None:
        """`document`: the connection as Airflow reads it from an environment variable."""
        parts = json.loads(document)
        extra = json.dumps(parts.pop("extra"))
        self._request("POST", "/connections", {"connection_id": name, "extra": extra, **parts})

    def unpause(self, dag: str = DAG) -> None:
        self._request("PATCH", f"/dags/{dag}", {"is_paused": False})

    def trigger(self, conf: dict[str, Any], dag: str = DAG) -> str:
        """Start a run and return its id."""
        started: str = self._request("POST", f"/dags/{dag}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"]
        return started

    def state(self, run: str, dag: str = DAG) -> str:
        state: str = self._request("GET", f"/dags/{dag}/dagRuns/{run}")["state"]
        return state

    def runs(self, dag: str) -> list[dict[str, Any]]:
        """Return the runs of a DAG, as the API describes them."""
        found: list[dict[str, Any]] = self._request("GET", f"/dags/{dag}/dagRuns?limit=1000")["dag_runs"]
        return found

    def asset_events(self) -> list[dict[str, Any]]:
        """Return the events of all assets, as the API describes them."""
        found: list[dict[str, Any]] = self._request("GET", "/assets/events?limit=1000")["asset_events"]
        return found

    def links(self, dag: str, run: str, task: str) -> dict[str, str | None]:
        """Return the extra links of a task, by name; None for one that has nothing to show."""
        path = f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/links"
        found: dict[str, str | None] = self._request("GET", path)["extra_links"]
        return found

    def open_page(self, link: str) -> int:
        """Open a page as a browser that is logged in, and return the status of the answer."""
        answer = self._client.get(link, headers={"Cookie": f"_token={self._token}"}, follow_redirects=True)
        return answer.status_code

    def tries(self, run: str, dag: str = DAG) -> list[Try]:
        """Return the newest try of every task instance."""
        found = self._request("GET", f"/dags/{dag}/dagRuns/{run}/taskInstances?limit=1000")["task_instances"]
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
