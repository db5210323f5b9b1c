"""The folders of a prefix: by one request, on every store, whatever the keys are."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from aiohttp import web

from adapters.conftest import NO_RETRIES, StoreUnderTest, http_server, no_sleep
from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.errors import ArchiveError


async def test_the_folders_below_a_prefix_with_their_slash(bucket: StoreUnderTest) -> None:
    for name in ("a/x", "a/y/z", "b c/x", "ü/x", "file"):
        await bucket.store.put(bucket.key(name), b"1", content_type="text/plain")
    before = bucket.store.requests
    assert await bucket.store.folders(f"{bucket.folder}/") == [bucket.key("a/"), bucket.key("b c/"), bucket.key("ü/")]
    assert await bucket.store.folders(bucket.key("nothing/")) == []
    assert bucket.store.requests - before == 2


async def test_one_request_however_many_there_are_and_a_refusal_is_an_error_of_ours() -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.query_string)
        if "prefix=secret" in request.query_string:
            return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>")
        entry = "<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>"
        more = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
        text = f"<ListBucketResult>{more}{entry}</ListBucketResult>"
        return web.Response(text=text, content_type="application/xml")

    session = boto3.session.Session("key", "secret", region_name="us-east-1")
    async with http_server(answer) as address:
        options: dict[str, Any] = {"retries": NO_RETRIES, "sleep": no_sleep}
        store = S3ObjectStore("bucket", session=session, endpoint_url=f"http://{address}", **options)
        assert await store.folders("") == ["p/"]
        assert len(asked) == 1
        assert "delimiter=/" in asked[0]
        with pytest.raises(ArchiveError, match="AccessDenied"):
            await store.folders("secret/")
