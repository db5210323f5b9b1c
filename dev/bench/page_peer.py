"""A peer of the archive's page: `rclone serve http` over the same bucket. It lists folders, without thumbnails or search."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

import httpx

from stablecog_provider.model.object_keys import Layout

from ..local.children import started
from ..local.s3_server import S3Server
from .exit_codes import log
from .page_archive import NEWEST
from .ports import HOST, free_port, wait_for
from .verify import program_beside


def measured(server: S3Server, layout: Layout, root: Path, rounds: int) -> dict[str, float]:
    """The milliseconds by question; nothing without rclone."""
    program = program_beside("rclone")
    if program is None:
        log("rclone is not installed; continuing without it ...")
        return {}
    port = free_port()
    remote = {
        "TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": server.endpoint, "REGION": "us-east-1",
        "ACCESS_KEY_ID": server.access_key, "SECRET_ACCESS_KEY": server.secret_key,
    }  # fmt: skip
    environ = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(root), "RCLONE_CONFIG": "/dev/null"}
    environ |= {f"RCLONE_CONFIG_SINK_{name}": each for name, each in remote.items()}
    # As a page does, it looks at the bucket again after two seconds.
    command = [
        program,
        "serve",
        "http",
        f"sink:{layout.bucket}/{layout.prefix}",
        "--addr",
        f"{HOST}:{port}",
        "--read-only",
    ]
    with started([*command, "--dir-cache-time", "2s"], root / "rclone.log", environ) as child:
        wait_for(port, child)
        with httpx.Client(trust_env=False, timeout=60, base_url=f"http://{HOST}:{port}") as client:
            day = f"/images/dt={NEWEST:%Y-%m-%d}/"
            return {
                "the list of all days, cold": _milliseconds(client, "/manifest/"),
                "the list of one day's pictures, cold": _milliseconds(client, day),
                "the same, warm, p95": statistics.quantiles([_milliseconds(client, day) for _ in range(rounds)], n=20)[
                    -1
                ],
            }


def _milliseconds(client: httpx.Client, path: str) -> float:
    began = time.perf_counter()
    client.get(path).raise_for_status()
    return 1000 * (time.perf_counter() - began)
