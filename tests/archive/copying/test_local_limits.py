"""A limit of this machine is no fault of an image or its host."""

from __future__ import annotations

from archive.copying.test_transfer import JPEG, Bench
from stablecog_provider.errors import LocalLimit


async def test_a_limit_of_this_machine_lowers_concurrency_and_is_tried_again() -> None:
    bench = Bench(LocalLimit("no file descriptor left"), JPEG)
    lane = bench.transfer.lane("b.stablecog.com")
    before = lane.concurrency.limit
    assert (await bench.copy()).bytes == len(JPEG)
    assert lane.concurrency.limit < before
    assert len(bench.waits) == 1


async def test_a_limit_of_this_machine_that_stays_is_no_fault_of_the_image_or_its_host() -> None:
    bench = Bench(*[LocalLimit("no file descriptor left", hint="ulimit -n")] * 3, images_in_a_row=1)
    await bench.refused(LocalLimit, "no file descriptor left")
    assert bench.transfer.hosts.down == {}
