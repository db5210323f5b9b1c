"""`python -m dev.local.bucket`: looks at and damages objects of a local S3 server, to rehearse what an archive does then.

Takes address and key from the environment, as `python -m dev.local.s3` prints them. Refuses a server that is not on loopback.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


class Refused(Exception):
    """Nothing was done. The message says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        for line in act(options):
            sys.stdout.write(f"{line}\n")
    except (Refused, BotoCoreError, ClientError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dev.local.bucket", description="Look at and damage objects of a local S3 server."
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, told in (
        ("list", "print the addresses of objects"),
        ("remove", "remove objects"),
        ("damage", "keep only the first half of objects"),
    ):
        action = actions.add_parser(name, help=told, description=f"{told.capitalize()}.")
        action.add_argument("address", metavar="s3://BUCKET/PREFIX", help="all objects whose address begins so")
        action.add_argument("--first", type=int, default=None, metavar="N", help="only the first N of them")
    return parser


def act(options: argparse.Namespace) -> Iterator[str]:
    """Carry out the action and yield a line per object. Raises Refused, BotoCoreError, ClientError."""
    client, (bucket, prefix) = _local_client(), _parts(options.address)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", ())][: options.first]
    if not keys:
        raise Refused(f"no object begins with {options.address}")
    for key in keys:
        place = {"Bucket": bucket, "Key": key}
        if options.action == "remove":
            client.delete_object(**place)
        elif options.action == "damage":
            body = client.get_object(**place)["Body"].read()
            client.put_object(**place, Body=body[: len(body) // 2])
        yield f"s3://{bucket}/{key}"


def _parts(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    if parts.scheme != "s3" or not parts.netloc:
        raise Refused(f"{address!r} is not an address such as s3://bucket/prefix")
    return parts.netloc, parts.path.removeprefix("/")


def _local_client() -> Any:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3", "")
    host = urlsplit(endpoint).hostname or ""
    if not _is_loopback(host):
        raise Refused(
            "AWS_ENDPOINT_URL_S3 does not name a server on loopback; paste what `python -m dev.local.s3` prints"
        )
    config = Config(s3={"addressing_style": "path"}, proxies={}, retries={"total_max_attempts": 1})
    return boto3.Session().client("s3", endpoint_url=endpoint, config=config)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    sys.exit(main())
