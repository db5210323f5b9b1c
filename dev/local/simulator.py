"""The simulated account: `stablecog-archive simulate` as a program of its own, its clock moved through its control endpoint."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from .children import started, wait_until


@dataclass(frozen=True, slots=True)
class Simulator:
    """Where it listens; its keys open nothing but simulators."""

    address: str
    api_key: str
    second_api_key: str
    banned_api_key: str
    image_host: str

    def advance(self, seconds: float) -> int:
        """Move its clock; what happens in that time has happened then. Returns how many outputs it lists now."""
        answer = httpx.post(f"{self.address}/_simulator/clock/advance", json={"seconds": seconds}, trust_env=False)
        visible: int = answer.raise_for_status().json()["outputs"]["visible"]
        return visible

    def follow_next(self, per_page: int = 50) -> int:
        """How many outputs a client gets that pages as the service's documentation teaches."""
        seen: set[str] = set()
        query: dict[str, str | int] = {"per_page": per_page}
        with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {self.api_key}"}) as client:
            while True:
                answer = client.get(f"{self.address}/v1/image/generation/outputs", params=query)
                if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                    time.sleep(float(answer.headers["Retry-After"]))
                    continue
                page = answer.raise_for_status().json()
                seen.update(output["id"] for output in page["outputs"])
                if not page.get("next"):
                    return len(seen)
                query["cursor"] = page["next"]


@contextlib.contextmanager
def simulator(log: Path, outputs: int, days: float, *more: str) -> Iterator[Simulator]:
    """Run the simulator until the block ends, with `more` of its options. Raises StepFailed."""
    command = [str(Path(sys.executable).with_name("stablecog-archive")), "simulate", "--json", "--port", "0"]
    command += ["--outputs", str(outputs), "--days", str(days), "--clock-rate", "0", *more]
    with started(command, log, os.environ) as child:
        wait_until("the simulator", lambda: log.read_text().endswith("}\n"), child, log)
        yield Simulator(**json.loads(log.read_text().splitlines()[-1]))
