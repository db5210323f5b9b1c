"""Reports that are written while outputs are forgotten, or that nobody can read."""

from __future__ import annotations

import json
from datetime import timedelta

from stablecog_provider.adapters.memory import Call
from stablecog_provider.errors import ImageRejected, ObjectInArchiveClass
from stablecog_provider.model.row_lifecycle import image_name
from support.archived import rebuilt
from support.forgotten import (
    archived_with_secrets,
    assert_forgotten,
    everything,
    found_in,
    keys_below,
    other_process,
    some,
)
from support.injured import lose
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


async def test_a_verify_that_ends_after_a_forget_reports_nothing_of_what_was_forgotten() -> None:
    scene = await archived_with_secrets(a_world(40, days=3, future=0))
    row, other = [row for row in await some(scene) if row.rendition == "original"][:2]
    lose(scene, row)
    lose(scene, other)
    forgets = other_process("list", LAYOUT.forgotten, lambda: scene.forget(id=(row.output_id,), yes=True))
    scene.store.before = forgets
    report = await scene.verify()
    assert len(report.findings) == 2
    assert {row.output_id, other.output_id} == {finding.output_id for finding in report.findings}
    await assert_forgotten(scene, [row])
    assert found_in(everything(scene.store), [f"SHA-256 {other.sha256}".encode()]), "of the others, it says all"


async def test_nor_does_a_run_of_an_image_that_it_could_not_fetch() -> None:
    scene = await archived_with_secrets(a_world(40, days=3, future=0))
    row = next(row for row in await some(scene) if row.rendition == "original")
    lose(scene, row)
    await rebuilt(scene, check_images=True)
    scene.clock.advance(timedelta(hours=1))
    name = image_name(row.source_url)
    scene.images.broken[name] = ImageRejected(f"https://images.test/{name}: the image host answered 403")
    forgets = other_process("list", LAYOUT.forgotten, lambda: scene.forget(id=(row.output_id,), yes=True))
    scene.store.before = forgets
    assert (await scene.run()).failed == 1
    scene.store.before = None
    await scene.forget(yes=True)
    await assert_forgotten(scene, [row])


async def test_a_report_that_names_no_output_costs_no_request_for_it() -> None:
    scene = await archived_with_secrets(a_world(40, days=3, future=0))
    asked = []
    scene.store.before = lambda call: asked.append((call.operation, call.key))
    assert (await scene.run()).outcome == "proven"
    assert ("list", LAYOUT.forgotten) not in asked
