"""A copy of an archive in which a verify has found damage."""

from __future__ import annotations

from dataclasses import replace

from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.archive.status import status
from stablecog_provider.archive.verify import VerifySettings, verify
from support.restores import ELSEWHERE, restores
from support.scene import LAYOUT


async def test_damage_that_a_verify_found_here_is_not_there_and_what_one_finds_there_stays() -> None:
    work = await restores()
    key, held = next((key, held) for key, held in work.scene.store.objects.items() if LAYOUT.parse_image(key))
    del work.scene.store.objects[key]
    await work.scene.verify()
    work.scene.store.objects[key] = held
    await work.into()
    there = await status(work.elsewhere, ELSEWHERE, work.scene.clock.now())
    assert (there.outcome, there.damage) == ("proven", ())
    del work.elsewhere.objects[next(key for key in work.elsewhere.objects if ELSEWHERE.parse_image(key))]
    ports = replace(
        work.scene.bucket_ports(), store=work.elsewhere, manifest=ParquetManifest(work.elsewhere, ELSEWHERE)
    )
    await verify(ports, VerifySettings(ELSEWHERE))
    await work.into()
    assert (await status(work.elsewhere, ELSEWHERE, work.scene.clock.now())).damage
