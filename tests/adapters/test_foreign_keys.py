"""Objects of other tools whose keys obstore cannot represent; on a real server, as the fakes take any key."""

from __future__ import annotations

import pytest

from adapters.conftest import s3_store
from dev.local.s3_server import S3Server
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.model.object_keys import Layout

KEYS = (
    "p/manifest//_SUCCESS", "p/manifest/", "p/manifest/./x", "p/manifest/../x", "p/manifest/%2F%zz", "p/manifest/\u00fc x",
    "p/manifest/dt=2026-01-01//manifest.parquet", "p/manifest//", "p/manifest/dt=2026-11-20//x",
)  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
async def test_a_foreign_key_is_ignored(moto_server: S3Server, key: str) -> None:
    client = moto_server.client()
    days = [f"2026-11-{day}" for day in (19, 20, 21)]
    keys = [f"p/manifest/dt={day}/manifest.parquet" for day in days]
    for each in (*keys, key):
        client.put_object(Bucket="archive", Key=each, Body=b"x")
    try:
        assert [str(day) for day in await ParquetManifest(s3_store(moto_server), Layout("archive", "p")).days()] == days
    finally:
        for each in (*keys, key):
            client.delete_object(Bucket="archive", Key=each)


@pytest.mark.long
async def test_a_listing_of_many_pages_is_complete_beside_a_foreign_key(moto_server: S3Server) -> None:
    client = moto_server.client()
    keys = [f"q/images/{number:05}" for number in range(1_050)]
    for each in (*keys, "q/images/00500//x"):
        client.put_object(Bucket="archive", Key=each, Body=b"x")
    store = s3_store(moto_server)
    found = [item.key async for item in store.list("q/images/")]
    assert sorted(set(found) - {"q/images/00500//x"}) == keys
    assert len(found) == len(set(found))
