"""`make engines`: asks ten questions to the manifest with every engine, in a folder and on an S3 server, and prints one table.

Exit codes: 0 if every engine gives the expected answers, apart from the differences that are named; 1 if not, or if an engine
could not be asked.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from stablecog_provider.model.object_keys import Layout

from ..local.children import raise_on_signals
from ..local.s3_server import ServerFailed, seaweedfs
from . import expected, iceberg, lake
from .asked import ENGINES, ICEBERG, Asked, ask
from .show import show, show_snippets
from .snippets import Ran, run_snippets

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".engines"
BUCKET, PREFIX = "archive", "lake"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.engines", description=__doc__)
    every = (*ENGINES, *ICEBERG)
    parser.add_argument("--only", choices=every, action="append", help="this engine alone; repeatable")
    only = parser.parse_args().only or every
    console = Console(highlight=False)
    console.width = max(console.width, 210)
    raise_on_signals()
    shutil.rmtree(FOLDER, ignore_errors=True)
    lake.write(FOLDER / PREFIX)
    right = expected.answers(lake.rows(), lake.MODELS)
    try:
        with seaweedfs(FOLDER / "s3", bucket=BUCKET) as server:
            client = server.client()
            for key, body in lake.objects().items():
                client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}", Body=body)
            environ = {
                "AWS_ENDPOINT_URL_S3": server.endpoint,
                "AWS_ENDPOINT_URL": server.endpoint,
                "AWS_ENDPOINT": server.endpoint,
                "AWS_ACCESS_KEY_ID": server.access_key,
                "AWS_SECRET_ACCESS_KEY": server.secret_key,
                "AWS_REGION": "us-east-1",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ALLOW_HTTP": "true",
                "AWS_EC2_METADATA_DISABLED": "true",
            }
            environ["ICEBERG_METADATA"] = iceberg.published(server, Layout(BUCKET, PREFIX), FOLDER)
            asked = list(_asked(console, only, environ))
            snippets = list(run_snippets(only, FOLDER / PREFIX, f"{BUCKET}/{PREFIX}", environ, right))
    except ServerFailed as failure:
        console.print(f"error: {failure}", markup=False)
        return 1
    show(console, asked, right)
    show_snippets(console, snippets)
    return 0 if all(each.holds(right) for each in asked) and all(map(_ran, snippets)) else 1


def _asked(console: Console, only: list[str] | tuple[str, ...], environ: dict[str, str]) -> Iterator[Asked]:
    for name in only:
        for root in (str(FOLDER / PREFIX), f"s3://{BUCKET}/{PREFIX}")[name in ICEBERG :]:
            console.print(f"[dim]asking {name} in {'the bucket' if root.startswith('s3') else 'the folder'} ...[/]")
            yield ask(name, root, environ)


def _ran(snippet: Ran) -> bool:
    return not snippet.trouble


if __name__ == "__main__":
    sys.exit(main())
