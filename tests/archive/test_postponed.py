"""A run that waits elsewhere and is continued: its parts together archive and report what one run would."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from stablecog_provider.archive.committing.tally import Tally
from stablecog_provider.archive.earlier import Earlier, Postponed
from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.archive.resilience.retry import WaitElsewhere
from stablecog_provider.archive.run import ArchiveSettings, archive
from stablecog_provider.errors import ImageRejected, RateLimited
from stablecog_provider.model.failure import Failure
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.model.page import Page, PageQuery
from stablecog_provider.simulator.dialect import PRESETS
from support.scene import LAYOUT, Scene, SimulatedSource
from support.worlds import a_world

LIMITED = RateLimited("429", retry_after=300.0)


class Refusing(SimulatedSource):
    """Refuses one request of each run, the later one the more runs there were; from some run on, none."""

    refuse_at = 1

    async def page(self, query: PageQuery) -> Page:
        if self.requests + 1 == self.refuse_at:
            self.questions.append(query)
            raise WaitElsewhere(LIMITED, seconds=300.0, made=1, left=5, patience=600.0)
        return await super().page(query)


async def whole(scene: Scene, refusals: list[int]) -> tuple[RunReport, int]:
    """Run until a run comes to its end. `refusals`: which request of each part is refused. Returns the number of parts, too."""
    earlier: Earlier | None = None
    for parts, refuse_at in enumerate([*refusals, 0], 1):
        source = Refusing(scene.simulated, scene.dialect, scene.clock)
        source.refuse_at = refuse_at
        try:
            report = await archive(scene.ports(source), ArchiveSettings(layout=LAYOUT, per_page=50), None, earlier)
        except Postponed as postponed:
            earlier = Earlier.from_document(json.loads(json.dumps(postponed.earlier.to_document())))
            scene.clock.advance(timedelta(seconds=300))
        else:
            return report, parts
    raise AssertionError("the last part has no refusal")


def done(report: RunReport) -> dict[str, object]:
    counts = {
        name: getattr(report, name) for name in ("new", "copied", "bytes", "failed", "gone", "tombstoned", "images")
    }
    proof = (report.proof.source, report.proof.manifest) if report.proof else None
    return {**counts, "outcome": report.outcome, "proof": proof, "failures": {*report.failures}}


def a_scene(dialect: str) -> Scene:
    """An account in which one image is broken."""
    scene = Scene(a_world(future=0, outputs=200), PRESETS[dialect])
    scene.clock.advance(timedelta(hours=1))
    broken = scene.simulated.visible(scene.clock.now())[20]
    scene.images.broken = {broken.file_name(Rendition.ORIGINAL): ImageRejected("truncated")}
    return scene


@pytest.mark.parametrize("dialect", PRESETS)
async def test_a_run_of_several_parts_reports_what_one_run_would(dialect: str) -> None:
    one, _ = await whole(a_scene(dialect), [])
    scene = a_scene(dialect)
    parts, number = await whole(scene, [1, 5, 4, 7])
    # With an opaque cursor, the last part needs fewer requests than are to be refused.
    assert number >= 4
    assert done(parts) == done(one)
    assert parts.copied > 150
    assert parts.source_requests > one.source_requests
    assert parts.source_requests <= parts.request_limit
    assert parts.finished_at - parts.started_at == timedelta(seconds=300) * (number - 1)


@pytest.mark.parametrize("at", range(1, 12))
async def test_it_may_be_refused_at_any_request(at: int) -> None:
    one, _ = await whole(a_scene("current"), [])
    scene = a_scene("current")
    parts, _ = await whole(scene, [at])
    assert done(parts) == done(one)


async def test_the_part_before_is_in_the_bucket_as_interrupted() -> None:
    scene = a_scene("current")
    await whole(scene, [5])
    reports = [json.loads(each.body) for key, each in scene.store.objects.items() if key.startswith(LAYOUT.runs)]
    assert sorted(each["outcome"] for each in reports) == ["interrupted", "proven, with failed images"]


def test_an_earlier_part_survives_as_a_document() -> None:
    scene = a_scene("current")
    tally = Tally(read=9, new=8, copied=7, bytes=6, failed=1, failures=(Failure("o1", "original", "truncated"),))
    earlier = Earlier(started_at=scene.clock.now(), tally=tally, source_requests=3, store_requests=4)
    assert Earlier.from_document(json.loads(json.dumps(earlier.to_document()))) == earlier
