"""`python -m dev.local.s3 FOLDER`: an S3 server to try things without AWS. It runs until Ctrl-C and keeps its data in FOLDER.

Prints the commands that point a shell and an Airflow to it. It listens on 127.0.0.1 only, and its key is no secret.
"""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from .children import raise_on_signals
from .s3_server import GRPC_OFFSET, S3Server, ServerFailed, seaweedfs

BUCKET, PORT = "archive", 8333
HIGHEST_PORT = 65535 - GRPC_OFFSET
SIMULATOR = "http://127.0.0.1:8787"
"""Where `stablecog-archive simulate` listens by default."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    raise_on_signals()
    sys.stderr.write(f"Starting SeaweedFS with its data in {options.folder} ...\n")
    try:
        with seaweedfs(options.folder.resolve(), bucket=options.bucket, port=options.port) as server:
            sys.stdout.write(commands(server, options.bucket))
            sys.stdout.flush()
            while True:
                signal.pause()
    except (ServerFailed, OSError) as failure:
        sys.stderr.write(f"error: {failure}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dev.local.s3",
        description="Run an S3 server (SeaweedFS) on 127.0.0.1 until Ctrl-C, to try things without AWS. "
        "Prints the commands that point a shell and an Airflow to it.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where it keeps its data, for example s3-data")
    parser.add_argument(
        "--port",
        type=_port,
        default=PORT,
        help=f"port to listen on; {GRPC_OFFSET} above it is used too (default {PORT})",
    )
    parser.add_argument("--bucket", default=BUCKET, help=f"bucket to create unless it exists (default {BUCKET})")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to {HIGHEST_PORT}")
    return int(text)


def commands(server: S3Server, bucket: str) -> str:
    """Return what to paste into a shell: exports, and both connections of Airflow."""
    # SeaweedFS starts while these are imported.
    from stablecog_provider.cli.simulate import connection_command
    from stablecog_provider.simulator.world import DEFAULT_KEY

    exports = (
        ("AWS_ENDPOINT_URL_S3", server.endpoint),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", server.access_key),
        ("AWS_SECRET_ACCESS_KEY", server.secret_key),
    )
    return (
        f"# The S3 server is ready at {server.endpoint}, with the bucket {bucket}, until Ctrl-C. For a shell:\n"
        f"export {' '.join(f'{name}={shlex.quote(value)}' for name, value in exports)}\n"
        f"# For Airflow, with the account of `stablecog-archive simulate`:\n"
        f"{aws_connection_command(server)}\n"
        f"{connection_command(SIMULATOR, DEFAULT_KEY)}\n"
        f"export STABLECOG_ARCHIVE_BUCKET={shlex.quote(bucket)}\n"
    )


def aws_connection_command(server: S3Server) -> str:
    """Return the `airflow connections add` of the server, quoted for a shell."""
    extra = {
        "endpoint_url": server.endpoint,
        "region_name": "us-east-1",
        "config_kwargs": {"s3": {"addressing_style": "path"}},
    }
    command = ["airflow", "connections", "add", "aws_default", "--conn-type", "aws"]
    command += ["--conn-login", server.access_key, "--conn-password", server.secret_key]
    return shlex.join([*command, "--conn-extra", json.dumps(extra)])


if __name__ == "__main__":
    sys.exit(main())
