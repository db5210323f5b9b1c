"""Runs the snippets of docs/engines.md that are marked `tested: engine NAME`. Each prints the number of images by model name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .asked import NO_S3, PYTHON, missing_java, run
from .questions import UNNAMED, Rows

PAGE = Path(__file__).resolve().parents[2] / "docs/engines.md"
ADDRESS = "s3://my-bucket/stablecog"
CLICKHOUSE = "https://my-bucket.s3.amazonaws.com/stablecog"
FOLDER_ALONE = ("duckdb", *NO_S3)
"""Their S3 support has to be downloaded, so they are shown a folder."""
_BLOCK = re.compile(r"^<!-- tested: engine (\w+) -->\n```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Ran:
    """A snippet. `trouble` is empty if it printed what it should."""

    name: str
    trouble: str = ""


def snippets() -> dict[str, str]:
    """Return the page's snippets by engine."""
    return dict(_BLOCK.findall(PAGE.read_text()))


def program(name: str, folder: Path, bucket: str, endpoint: str) -> str:
    """Return the snippet with the addresses of the test in place of those of the reader."""
    text = snippets()[name].replace(CLICKHOUSE, f"{endpoint}/{bucket}")
    for address in (ADDRESS, ADDRESS.replace("s3:", "s3a:")):
        text = text.replace(address, str(folder) if name in FOLDER_ALONE else f"s3://{bucket}")
    # DataFusion takes the server's address from the environment, but not that it speaks plain http.
    text = text.replace('region="us-east-1")', 'region="us-east-1", allow_http=True)')
    return text.replace("my-bucket", bucket.partition("/")[0])


def wrong(printed: str, right: Mapping[str, Rows]) -> str:
    """Return the first model whose name and number of images are not on one line; empty if all are."""
    for model, _, images in right["models"]:
        # A model without a name is null, which engines print in their own way.
        name = "" if model == UNNAMED else str(model)
        if not any(name in line and re.search(rf"\b{images}\b", line) for line in printed.splitlines()):
            return f"it does not print {images} images of {model}"
    return ""


def run_snippets(
    only: Sequence[str], folder: Path, bucket: str, environ: Mapping[str, str], right: Mapping[str, Rows]
) -> Iterator[Ran]:
    """Run the snippets of these engines."""
    for name in snippets():
        if name not in only or (name == "spark" and missing_java()):
            continue
        done = run([str(PYTHON), "-c", program(name, folder, bucket, environ["AWS_ENDPOINT_URL_S3"])], environ)
        yield Ran(name, done if isinstance(done, str) else wrong(done.stdout, right))
