"""Reports that are written while outputs are forgotten, or that nobody can read."""

from __future__ import annotations

import json

from stablecog_provider.adapters.memory import Call
from stablecog_provider.errors import ObjectInArchiveClass
from support.forgotten import archived_with_secrets, assert_forgotten, keys_below, other_process, some
from support.scene import LAYOUT
from support.worlds import a_world


async def test_a_report_that_is_replaced_during_a_forget_is_looked_through_again() -> None:
    scene = await archived_with_secrets(a_world(40, days=3, future=0))
    row = (await some(scene))[0]
    report = keys_below(scene, "runs/")[0]

    async def ends() -> None:
        finding = {"output_id": row.output_id, "detail": f"recorded with SHA-256 {row.sha256}"}
        await scene.store.put(report, json.dumps({"findings": [finding]}).encode(), content_type="application/json")

    scene.store.before = other_process("put", LAYOUT.manifest, ends)
    await scene.forget(id=(row.output_id,), yes=True)
    await assert_forgotten(scene, [row])


async def test_a_report_that_nobody_can_read_is_deleted_with_what_it_says() -> None:
    scene = await archived_with_secrets(a_world(40, days=3, future=0))
    row = (await some(scene))[0]
    old, *others = keys_below(scene, "runs/")

    def refuse(call: Call) -> None:
        if (call.operation, call.key) == ("get", old):
            raise ObjectInArchiveClass(f"{old} is in GLACIER")

    scene.store.before = refuse
    report = await scene.forget(id=(row.output_id,), yes=True)
    assert report.erased["reports"] >= 1
    assert old not in scene.store.objects
    assert {*others} < {*keys_below(scene, "runs/")}
    await assert_forgotten(scene, [row])
