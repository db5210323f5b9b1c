"""What Airflow sends elsewhere: metrics to a StatsD server, lineage to a file."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
from referencing import Registry, Resource

from ..local.s3_server import HOST

_EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"


@dataclass(slots=True)
class Metrics:
    """What a StatsD server has received. `values`: the last packet of each metric of ours, as `5|c`, by name."""

    port: int
    values: dict[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def statsd() -> Iterator[Metrics]:
    """Receive packets until the block ends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((HOST, 0))
        metrics = Metrics(server.getsockname()[1])
        thread = threading.Thread(target=_receive, args=(server, metrics.values), daemon=True)
        thread.start()
        yield metrics


def _receive(server: socket.socket, values: dict[str, str]) -> None:
    while True:
        try:
            packet = server.recv(8192).decode(errors="replace")
        except OSError:
            return
        for line in packet.splitlines():
            name, _, value = line.partition(":")
            name = name.partition(",")[0].removeprefix("airflow.")
            if name.startswith("stablecog."):
                values[name] = value


def lineage_faults(log: Path, schemas: Path, task: str) -> tuple[int, list[str]]:
    """Return how many events of `task` the file has, and what is wrong with any event, one sentence each.

    `schemas`: a folder with the published JSON schemas.
    """
    documents = [json.loads(file.read_text()) for file in schemas.glob("*.json")]
    registry: Registry[Any] = Registry().with_resources(
        (each["$id"], Resource.from_contents(each)) for each in documents
    )
    known: dict[str, Any] = {"registry": registry}
    validator = jsonschema.Draft202012Validator({"$ref": _EVENT}, **known)
    events = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    faults = [
        f"an event of {event['job']['name']} is invalid: {error.message[:200]}"
        for event in events
        for error in validator.iter_errors(event)
    ]
    return sum(event["job"]["name"] == task for event in events), faults
