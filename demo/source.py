"""The simulated account: `stablecog-archive simulate` as a program of its own, its clock moved through its control endpoint."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from .children import started, wait_until


@dataclass(frozen=True, slots=True)
class Simulator:
    """Where it listens; its key opens nothing but simulators."""

    address: str
    api_key: str
    image_host: str

    def advance(self, seconds: float) -> None:
        """Move its clock; what happens in that time has happened then."""
        answer = httpx.post(f"{self.address}/_simulator/clock/advance", json={"seconds": seconds}, trust_env=False)
        answer.raise_for_status()


@contextlib.contextmanager
def simulator(log: Path, outputs: int, days: float) -> Iterator[Simulator]:
    """Run the simulator until the block ends. Raises StepFailed."""
    command = [str(Path(sys.executable).with_name("stablecog-archive")), "simulate", "--json", "--port", "0"]
    command += ["--outputs", str(outputs), "--days", str(days), "--clock-rate", "0"]
    with started(command, log, os.environ) as child:
        wait_until("the simulator", lambda: log.read_text().endswith("}\n"), child, log)
        yield Simulator(**json.loads(log.read_text().splitlines()[-1]))
