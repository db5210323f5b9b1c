"""The usual way, 32 threads of httpx and boto3: `threads.py JOBS SINK`. JOBS has one line `URL,KEY` per image.

All threads share one client of each kind, with as many connections as threads. No hash, no checks.
"""

from __future__ import annotations

import os
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import httpx
from botocore.config import Config

BUCKET, AT_ONCE = "bench", 32


def main(jobs: list[tuple[str, str]], sink: str) -> None:
    # Otherwise, a body over https is sent in pieces with a checksum, which the sink stores as they are.
    config = Config(
        max_pool_connections=AT_ONCE, s3={"addressing_style": "path"}, request_checksum_calculation="when_required"
    )
    session = boto3.session.Session("access-key", "secret-key", region_name="us-east-1")
    s3 = session.client("s3", endpoint_url=sink, config=config)
    authority = os.environ.get("SSL_CERT_FILE")
    verify = ssl.create_default_context(cafile=authority) if authority else True
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
    with (
        httpx.Client(limits=limits, timeout=60, trust_env=False, verify=verify) as http,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):

        def copy(job: tuple[str, str]) -> None:
            url, key = job
            answer = http.get(url).raise_for_status()
            s3.put_object(Bucket=BUCKET, Key=key, Body=answer.content, ContentType="image/jpeg")

        for _ in pool.map(copy, jobs):
            pass


if __name__ == "__main__":
    lines = Path(sys.argv[1]).read_text().splitlines()
    main([(url, key) for url, _, key in (line.partition(",") for line in lines)], sys.argv[2])
