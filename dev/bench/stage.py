"""The set-up for measuring the whole archive: an account of any size, an S3 server, our command."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from ..local.children import started
from ..local.s3_server import S3Server
from .growth_source import KEY
from .ports import HOST, free_port, wait_for

BUCKET = "archive"
COMMAND = Path(sys.executable).with_name("stablecog-archive")
MIB = 1024 * 1024


@contextmanager
def account(log: Path, *images: str) -> Iterator[str]:
    """Run `growth_source` until the block ends, and yield its address. `images`: its arguments IMAGES and COUNT."""
    port = free_port()
    with started([sys.executable, "-m", "dev.bench.growth_source", str(port), *images], log, os.environ) as child:
        wait_for(port, child)
        yield f"http://{HOST}:{port}"


def set_account(address: str, path: str, value: int) -> None:
    """Set the number of `outputs` of the account, or let a number of `idle` days pass."""
    httpx.post(f"{address}/{path}", content=str(value), timeout=10, trust_env=False).raise_for_status()


def run_command(to: str, server: S3Server, address: str, *image_hosts: str) -> list[str]:
    command = [str(COMMAND), "run", "--json", "--to", to, "--endpoint-url", server.endpoint, "--source", address]
    return command + [part for host in image_hosts for part in ("--image-host", host)]


def environ(server: S3Server) -> dict[str, str]:
    return {
        **os.environ,
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "STABLECOG_API_KEY": KEY,
    }
