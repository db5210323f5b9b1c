"""`python -m dev.local.s3 FOLDER`: an S3 server to try things without AWS. It runs until Ctrl-C and keeps its data in FOLDER.

Prints the shell commands that point S3 clients to it. It listens on 127.0.0.1 only, its bucket is `archive`, and its key is
no secret.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from .children import raise_on_signals
from .s3_server import ServerFailed, seaweedfs

BUCKET = "archive"


def main() -> int:
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m dev.local.s3 FOLDER\n")
        return 2
    raise_on_signals()
    try:
        with seaweedfs(Path(sys.argv[1]).resolve(), bucket=BUCKET) as server:
            sys.stdout.write(
                f"export AWS_ENDPOINT_URL_S3={server.endpoint} AWS_REGION=us-east-1\n"
                f"export AWS_ACCESS_KEY_ID={server.access_key} AWS_SECRET_ACCESS_KEY={server.secret_key}\n"
                f"# the bucket is s3://{BUCKET}; this server runs until Ctrl-C\n"
            )
            sys.stdout.flush()
            while True:
                signal.pause()
    except ServerFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
