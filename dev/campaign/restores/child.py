"""A restore in a process of its own, to be killed."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from stablecog_provider.cli import main
from stablecog_provider.cli.context import CliContext

from ...local.s3_server import S3Server

PATIENCE_SECONDS = 120
"""A restore that takes longer ends itself by SIGALRM."""


@dataclass(frozen=True, slots=True)
class Order:
    """One restore. `arguments`: after `restore`. `log`: the file for its output."""

    arguments: tuple[str, ...]
    server: S3Server
    log: Path


def enter(order: Order) -> None:
    """Entry point of a forked process: restore, and exit with the command's exit code."""
    signal.alarm(PATIENCE_SECONDS)
    keys = {"AWS_ACCESS_KEY_ID": order.server.access_key, "AWS_SECRET_ACCESS_KEY": order.server.secret_key}
    os.environ.update(keys | {"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"})
    with order.log.open("w") as log:
        context = CliContext(environ={}, out=log, err=log)
        arguments = ("restore", *order.arguments, "--json", "--debug", "--endpoint-url", order.server.endpoint)
        code = main(arguments, context)
    sys.exit(code)
