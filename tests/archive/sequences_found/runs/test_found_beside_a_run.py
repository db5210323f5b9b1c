"""A check of images in a copied bucket, beside a run that stores a replacement."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace

from dev.local.tiny_jpeg import tiny_jpeg
from stablecog_provider.adapters.memory import Call
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.errors import StoreUnavailable
from stablecog_provider.model.manifest import Row
from support.scene import LAYOUT
from support.stage import NOON, days_of, stage_of


async def test_an_adopted_address_is_put_on_no_row_that_holds_another_image_by_now() -> None:
    """The run commits after the check listed the day's images, and before it writes the day's partition."""
    stage = stage_of(*days_of(5, 2))
    output = stage.simulated.visible(NOON)[-1]
    await stage.run()
    # The archive was copied here: its rows name the bucket that it was in.
    manifest = ParquetManifest(stage.store, LAYOUT)

    def elsewhere(row: Row) -> Row:
        return replace(row, uri=(row.uri or "").replace("s3://archive/", "s3://older/"))

    for day in await manifest.days():
        await manifest.amend(day, elsewhere)
    await stage.ordinary_runs(1)
    output.image_name = "x" + output.image_name[::-1]
    stage.simulated._know([output])
    stage.images.bodies[output.image_name + "." + output.extension] = tiny_jpeg(b"longer" * 9)
    last = LAYOUT.images_of(output.g.date())

    async def meanwhile(call: Call) -> None:
        if call == Call("list", last):
            stage.store.after = None
            await stage.run()

    stage.store.after = meanwhile
    with suppress(StoreUnavailable):
        await stage.rebuild(check_images=True)
    stage.store.after = None
    row = (await stage.rows())[output.id, "original"]
    body = stage.body_of(row.uri)
    assert (row.state, row.bytes, row.sha256) == ("archived", len(body), hashlib.sha256(body).hexdigest())
