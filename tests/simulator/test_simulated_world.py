"""The same arguments generate the same world, and the world contains what breaks careless clients."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.simulator.history import Pace, light_rows
from stablecog_provider.simulator.images import image_of
from stablecog_provider.simulator.outputs import SimulatedOutput
from stablecog_provider.simulator.world import DEFAULT_KEY, OTHER_KEY, START, World

SECOND = timedelta(seconds=1)
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return World.generate()


def everything(world: World, key: str = DEFAULT_KEY) -> list[SimulatedOutput]:
    return list(world.account(key).listing.visible(datetime.max.replace(tzinfo=UTC)))


def test_the_same_seed_is_the_same_world_to_the_byte(world: World) -> None:
    again = World.generate()
    assert again.present == world.present
    assert again.visible() == world.visible()
    assert image_of(again.visible()[7], Rendition.ORIGINAL) == image_of(world.visible()[7], Rendition.ORIGINAL)


def test_another_seed_is_another_world(world: World) -> None:
    ids = {output.id for output in world.visible()}
    assert ids.isdisjoint(output.id for output in World.generate(seed=1).visible())


def test_it_has_the_requested_outputs_by_its_present_and_a_future() -> None:
    world = World.generate(outputs=700, days=10, quiet=True)
    by_now = len(world.visible())
    assert 700 <= by_now < 704, "no fewer, and no more than the ties of one generation"
    assert len(everything(world)) >= 770
    assert timedelta(days=8) < world.present - START < timedelta(days=12)
    assert len({output.g.date() for output in world.visible()}) >= 8


def test_an_empty_past_is_a_world_too() -> None:
    world = World.generate(outputs=0, days=0, future=5)
    assert world.visible() == []
    assert len(world.visible(world.present + timedelta(hours=1))) >= 5


def test_every_output_completes_within_the_servers_limit(world: World) -> None:
    latencies = [(output.o - output.g).total_seconds() for output in everything(world)]
    assert min(latencies) >= 2
    assert max(latencies) <= 240
    slow = sum(latency >= 60 for latency in latencies) / len(latencies)
    assert 0.06 < slow < 0.14
    assert not any(8.2 < latency < 60 for latency in latencies)


def test_even_the_slowest_outputs_keep_to_the_limit() -> None:
    rows = light_rows(1, 200, start=START, pace=Pace(slow_share=1, slow=(240, 240), tied_outputs=0))
    assert {row.o - row.g for row in rows} == {timedelta(seconds=240)}


def test_every_is_the_mean_distance_of_generations() -> None:
    spans = [everything(World.generate(outputs=400, days=0, every=every, pace=Pace(bursts=0))) for every in (None, 2.0)]
    usual, hasty = (outputs[-1].g - outputs[0].g for outputs in spans)
    assert 5 < usual / hasty < 20


def test_instants_tie_on_purpose(world: World) -> None:
    outputs = everything(world)
    by_request = Counter(output.g for output in outputs)
    assert max(by_request.values()) > 4, "several generations share an instant of request"
    assert any(len({o.o for o in outputs if o.generation is first.generation}) > 1 for first in outputs[:50])
    both = Counter((output.g, output.o) for output in outputs)
    assert max(both.values()) == 4


def test_some_generations_overtake_others(world: World) -> None:
    assert any(later.o < earlier.o for earlier, later in pairwise(everything(world)))


def test_prompts_are_of_every_kind(world: World) -> None:
    generations = [output.generation for output in everything(world)]
    texts = {generation.prompt.text for generation in generations}
    assert any("<script>" in text for text in texts)
    assert any(text.startswith("=") for text in texts)
    assert any(len(text) > 10_000 for text in texts)
    assert any(not text.isascii() for text in texts)
    assert any(generation.seed > 2**53 for generation in generations)
    assert all(0 <= generation.seed < 2**63 for generation in generations)
    assert {output.extension for output in everything(world)} == {"jpeg", "png", "webp"}
    assert {1, 2, 3, 4} == {generation.num_outputs for generation in generations}
    for optional in ("negative_prompt", "init_image", "user"):
        assert {True, False} == {getattr(generation, optional) is None for generation in generations}


def test_accounts_share_nothing(world: World) -> None:
    mine, other = ({output.id for output in everything(world, key)} for key in (DEFAULT_KEY, OTHER_KEY))
    assert mine
    assert other
    assert mine.isdisjoint(other)


def test_the_future_holds_late_arrivals_deletions_and_upscales(world: World) -> None:
    outputs = everything(world)
    dense = World.generate(days=0, every=0.25)
    assert any(output.g <= dense.present < output.o for output in everything(dense))
    assert any(output.upscaled_at and output.o <= world.present < output.upscaled_at for output in outputs)
    assert any(output.deleted_at and output.o <= world.present < output.deleted_at for output in world.visible())
    statuses = {output.gallery_status(world.present) for output in outputs}
    assert statuses == {"not_submitted", "submitted", "waiting_for_approval", "approved", "rejected"}


def test_an_output_is_visible_from_its_completion_until_its_deletion() -> None:
    world = World.empty(NOW)
    (output,) = world.add(NOW, NOW + 9 * SECOND)
    world.delete(output.id, NOW + 20 * SECOND)
    seen = [second for second in range(30) if world.visible(NOW + second * SECOND)]
    assert seen == list(range(9, 20))


def test_things_happen_on_cue() -> None:
    world = World.empty(NOW)
    (output,) = world.add(NOW, extension="png")
    world.upscale(output.id, NOW + 60 * SECOND)
    world.favourite(output.id, NOW + 20 * SECOND)
    world.favourite(output.id, NOW + 30 * SECOND, False)
    world.show(output.id, NOW + 40 * SECOND, "approved")

    def at(seconds: int) -> tuple[bool, bool, str, float]:
        now = NOW + seconds * SECOND
        changed = (output.updated_at(now) - NOW).total_seconds()
        return output.is_upscaled(now), output.is_favourite(now), output.gallery_status(now), changed

    assert [at(5), at(20), at(30), at(40), at(60)] == [
        (False, False, "not_submitted", 5),
        (False, True, "not_submitted", 20),
        (False, False, "not_submitted", 30),
        (False, False, "approved", 40),
        (True, False, "approved", 60),
    ]
    assert world.image(output.file_name(Rendition.ORIGINAL)) == (output, Rendition.ORIGINAL)
    assert output.file_name(Rendition.ORIGINAL).endswith(".png")
    assert output.file_name(Rendition.UPSCALED).endswith(".jpeg")


def test_images_exist_from_completion_on_and_may_outlive_a_deletion() -> None:
    world = World.empty(NOW)
    kept, lost = world.add(NOW, NOW + SECOND, NOW + SECOND)
    world.delete(kept.id, NOW + 9 * SECOND)
    world.delete(lost.id, NOW + 9 * SECOND, image_too=True)
    world.upscale(kept.id, NOW + 5 * SECOND)
    for seconds, expected in ((0, (False, False, False)), (1, (True, True, False)), (9, (True, False, True))):
        now = NOW + seconds * SECOND
        originals = kept.has_image(Rendition.ORIGINAL, now), lost.has_image(Rendition.ORIGINAL, now)
        assert (*originals, kept.has_image(Rendition.UPSCALED, now)) == expected


def test_a_slower_pace_takes_longer() -> None:
    dense = light_rows(1, 500, start=START, pace=Pace(every=0.25))
    human = light_rows(1, 500, start=START)
    assert dense[-1].g - dense[0].g < timedelta(minutes=2)
    assert human[-1].g - human[0].g > timedelta(minutes=40)
    assert len({row.id for row in human}) == len(human) == 500
