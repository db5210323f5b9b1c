"""A slice of the faults of the store, on SeaweedFS and on moto."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from dev.campaign.rig import ceph, proxies
from dev.campaign.rig.proxies import Altered, Asked, Plan, Refusal, Reset, Verdict
from dev.campaign.rig.tally import Tally
from dev.campaign.store_faults import full_disk
from dev.campaign.store_faults import section as store_faults
from dev.campaign.store_faults.case import SEEN
from dev.campaign.store_faults.cases import SIGNED, UNSIGNED
from dev.campaign.store_faults.section import SECTION, tried
from dev.campaign.store_faults.stage import Stage
from dev.local.s3_server import S3Server
from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.archive.ports import Absent, Conflict
from stablecog_provider.errors import StoreUnavailable


async def test_a_slice_on_a_real_server_is_clean(seaweedfs_server: S3Server) -> None:
    tally = await tried("SeaweedFS", seaweedfs_server, SIGNED, Random("a slice"), SECTION.slice)
    assert tally.faults == []
    assert tally.clean
    assert tally.tried == SECTION.slice


@pytest.mark.parametrize("name", UNSIGNED)
async def test_a_case_for_servers_that_check_no_signatures(name: str, moto_server: S3Server) -> None:
    tally = await tried("moto", moto_server, {name: UNSIGNED[name]}, Random(name), 1)
    assert tally.faults == []
    assert tally.clean


async def test_every_message_of_a_slice_has_a_hint(moto_server: S3Server) -> None:
    await tried("moto", moto_server, {name: SIGNED[name] for name in ("a bucket that does not exist",)}, Random(1), 1)
    assert SEEN
    assert [message for message in SEEN if " -> " not in message] == []


async def test_a_missing_failure_is_a_fault(moto_server: S3Server) -> None:
    async def expects_a_failure(stage: Stage, random: Random) -> None:
        await stage.fails(StoreUnavailable)

    tally = await tried("moto", moto_server, {"nothing fails": expects_a_failure}, Random(1), 1)
    assert len(tally.faults) == 1


def always(verdict: Verdict) -> Plan:
    def decide(_: Asked) -> Verdict:
        return verdict

    return decide


async def test_the_proxy_keeps_signatures_valid_and_fails_on_cue(seaweedfs_server: S3Server) -> None:
    async with proxies.proxied(seaweedfs_server.endpoint) as (proxy, address):
        store = S3ObjectStore(
            "archive", session=seaweedfs_server.session(), endpoint_url=address, retries={"max_retries": 0}
        )
        key = "proxied/ä b+c"
        await store.put(key, b"body", content_type="text/plain")
        found = await store.get(key)
        assert found is not None
        assert found.body == b"body"
        for verdict in (Refusal(503, "SlowDown"), Reset(late=False)):
            proxy.plan = always(verdict)
            with pytest.raises(StoreUnavailable):
                await store.get(key)
        assert proxy.struck == {"Refusal": 1, "Reset": 1}


async def test_a_late_reset_comes_after_the_write(moto_server: S3Server) -> None:
    async with proxies.proxied(moto_server.endpoint) as (proxy, address):
        store = S3ObjectStore("archive", session=moto_server.session(), endpoint_url=address)
        proxy.plan = lambda asked: Reset(late=True) if asked.writes else None
        with pytest.raises(StoreUnavailable):
            await store.put("late", b"body", content_type="text/plain", condition=Absent())
        assert await store.get("late") is not None


async def test_the_proxy_can_remove_headers(moto_server: S3Server) -> None:
    async with proxies.proxied(moto_server.endpoint) as (proxy, address):
        store = S3ObjectStore("archive", session=moto_server.session(), endpoint_url=address)
        await store.put("twice", b"one", content_type="text/plain")
        with pytest.raises(Conflict):
            await store.put("twice", b"two", content_type="text/plain", condition=Absent())
        proxy.plan = lambda _: Altered({"if-none-match": None})
        await store.put("twice", b"two", content_type="text/plain", condition=Absent())


async def test_a_missing_program_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    server = S3Server("http://127.0.0.1:1", "key", "secret")
    behind = await store_faults._behind_haproxy(tmp_path, server, Random(1), 1)
    on_ceph = await store_faults._on_ceph(tmp_path, Random(1), 1)
    assert "not run here: haproxy is not installed" in behind.notes[0]
    assert on_ceph.notes == [f"not run here: {', '.join(ceph.PROGRAMS)} not installed"]
    assert (behind.tried, on_ceph.tried) == (0, 0)


async def test_a_full_disk_is_survived(tmp_path: Path) -> None:
    tally: Tally = await full_disk.tried(tmp_path, Random(1), 1)
    assert tally.faults == []
    assert tally.clean
    assert tally.tried == 1
