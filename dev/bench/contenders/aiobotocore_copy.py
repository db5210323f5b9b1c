"""aiohttp and aiobotocore, 32 in parallel: `aiobotocore_copy.py JOBS SINK`. JOBS has one line `URL,KEY` per image.

It has its own environment, because aiobotocore pins a botocore that conflicts with Airflow's boto3. No hash, no checks.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import aiohttp
from aiobotocore.config import AioConfig  # type: ignore[import-not-found]
from aiobotocore.session import get_session  # type: ignore[import-not-found]

BUCKET, AT_ONCE = "bench", 32


async def main(jobs: list[tuple[str, str]], sink: str) -> None:
    slots = asyncio.Semaphore(AT_ONCE)
    # Otherwise, a body over https is sent in pieces with a checksum, which the sink stores as they are.
    config = AioConfig(
        max_pool_connections=AT_ONCE, s3={"addressing_style": "path"}, request_checksum_calculation="when_required"
    )
    client = get_session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=sink,
        aws_access_key_id="access-key",
        aws_secret_access_key="secret-key",  # noqa: S106 - the sink accepts every key
        config=config,
    )
    async with client as s3, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:

        async def copy(url: str, key: str) -> None:
            async with slots:
                async with http.get(url) as answer:
                    answer.raise_for_status()
                    body = await answer.read()
                await s3.put_object(Bucket=BUCKET, Key=key, Body=body, ContentType="image/jpeg")

        async with asyncio.TaskGroup() as group:
            for url, key in jobs:
                group.create_task(copy(url, key))


if __name__ == "__main__":
    lines = Path(sys.argv[1]).read_text().splitlines()
    asyncio.run(main([(url, key) for url, _, key in (line.partition(",") for line in lines)], sys.argv[2]))
