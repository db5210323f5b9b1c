"""Lists a bucket with boto3, which passes every key on as it is.

obstore rejects a whole listing if one key in it has an empty segment, `.` or `..`. Other tools leave such keys behind (a folder
joined with one slash too many), and S3 accepts them. obstore is several times faster, so only such a listing is repeated
here. So are the folders of a prefix, because obstore reads all of them, however many there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ..archive.ports import Listed
from ..errors import StoreUnavailable
from .network.store_network import StoreRoute
from .redaction import drop_debug_records
from .store_address import StoreAddress
from .store_credentials import Keys, StoreCredentials

SIGNERS = ("botocore.auth", "botocore.endpoint")
"""Loggers that print signed headers at DEBUG: the access key, and the token of temporary credentials."""
UNLISTABLE = "Encountered object with invalid path"
"""How obstore begins the error; it raises no type of its own for it."""


@dataclass(frozen=True, slots=True)
class PlainListing:
    """One bucket's. `timeout`: seconds. `route`: the proxy and the authorities of the store."""

    credentials: StoreCredentials
    session: boto3.session.Session
    bucket: str
    where: StoreAddress
    route: StoreRoute
    timeout: float

    async def pages(self, prefix: str, after: str) -> AsyncIterator[list[Listed]]:
        """Yield the keys below `prefix` that follow `after`, in the server's order. Raises StoreUnavailable."""
        asked: dict[str, Any] = {"Prefix": prefix}
        if after:
            asked["StartAfter"] = after
        async for page in self._answers(asked):
            yield [
                Listed(item["Key"], item["Size"], item["ETag"], item["LastModified"])
                for item in page.get("Contents", [])
            ]

    async def folders(self, prefix: str) -> list[str]:
        """Return the first folders directly below `prefix`, at most 1,000, by one request. Raises StoreUnavailable."""
        async with aclosing(self._answers({"Prefix": prefix, "Delimiter": "/"})) as answers:
            page = await anext(answers)
        return [item["Prefix"] for item in page.get("CommonPrefixes", [])]

    async def _answers(self, asked: dict[str, Any]) -> AsyncGenerator[Any]:
        prefix = asked["Prefix"]
        client: Any = None
        signed_with: Keys | None = None
        try:
            more = True
            while more:
                await self.credentials.ready()
                if signed_with != self.credentials.current:
                    signed_with = self.credentials.current
                    client = await asyncio.to_thread(self.client, signed_with)
                page = await asyncio.to_thread(client.list_objects_v2, Bucket=self.bucket, **asked)
                yield page
                more = page["IsTruncated"]
                asked["ContinuationToken"] = page.get("NextContinuationToken")
        except (BotoCoreError, ClientError) as error:
            subject = f"s3://{self.bucket}/{prefix}"
            code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
            failure = self.route.failure(error, subject) or StoreUnavailable(
                f"{subject}: {code or type(error).__name__}"
            )
        else:
            return
        # Outside the `except`: the text of the cause may quote the signed request.
        raise failure

    def client(self, keys: Keys) -> Any:
        """Return a boto3 client for the store that signs with these keys."""
        drop_debug_records(*SIGNERS)
        config = Config(
            s3={"addressing_style": "path" if self.where.path_style else "virtual"},
            connect_timeout=10,
            read_timeout=self.timeout,
            proxies=self.route.boto3_proxies(),
        )
        return self.session.client(
            "s3",
            region_name=self.where.region,
            endpoint_url=self.where.endpoint,
            config=config,
            verify=self.route.boto3_verify(),
            aws_access_key_id=keys.access_key,
            aws_secret_access_key=keys.secret_key,
            aws_session_token=keys.token,
        )
