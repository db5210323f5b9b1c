"""`make look`: what the last demo archived, in the browser, until Ctrl-C."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stablecog_provider.cli import main as command_line
from stablecog_provider.cli.context import CliContext

from ..local.children import raise_on_signals
from ..local.s3_server import ServerFailed, seaweedfs
from .story import BUCKET, PREFIX, Folders

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """`arguments`: further options of `browse`, such as `--port 8080`."""
    folders = Folders(ROOT, ROOT / ".demo")
    if not folders.store.exists():
        sys.stderr.write("There is nothing to look at yet. Run `make demo` first.\n")
        return 1
    raise_on_signals()
    try:
        with seaweedfs(folders.store, bucket=BUCKET) as store:
            keys = {
                "AWS_ACCESS_KEY_ID": store.access_key,
                "AWS_SECRET_ACCESS_KEY": store.secret_key,
                "AWS_REGION": "us-east-1",
                "STABLECOG_PREVIEWS": str(folders.kept / "previews"),
            }
            os.environ.update(keys)
            address = f"s3://{BUCKET}/{PREFIX}"
            context = CliContext(environ=dict(os.environ))
            return command_line(["browse", "--from", address, "--endpoint-url", store.endpoint, *arguments], context)
    except ServerFailed as failure:
        sys.stderr.write(f"error: {failure}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
