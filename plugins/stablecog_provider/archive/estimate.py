"""The use case `estimate`, for `run --dry-run`: what a run would copy, and about what it costs. Writes nothing."""

from __future__ import annotations

import asyncio
import math
import uuid
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

from ..errors import ItemError, TransientError
from ..model.checkpoint import Checkpoint
from ..model.coverage import Axis, Coverage
from ..model.output import Output, instant_on
from ..model.page import MAX_PER_PAGE, Order, PageQuery
from ..model.times import MICROSECOND
from .committing.inventory import day_window
from .listing.budget import MeasuredSource, request_limit
from .listing.counts import count_window
from .listing.gaps import due_days, gaps, windows_to_read
from .opening import Opening, open_run
from .ports import Ports, Progress, ProgressListener
from .reports.estimate import EstimateReport
from .run_settings import ArchiveSettings

SAMPLE = 24
"""Images that are looked at."""
AT_ONCE = 8
READ_AT_MOST = 1024 * 1024
"""Bytes of one image: enough to measure the rate, and a host mostly declares the length of the rest."""
COUNTED_ONE_BY_ONE = 20
"""Gaps, a request each. If there are more, all that the source counts is compared with what the manifest holds."""
FIXED_REQUESTS = 7
"""About what a run asks besides the pages of the listing."""
PAGES_OVERLAP = 1.2


@dataclass(frozen=True, slots=True)
class _Image:
    """`size`: None if the host did not declare it and the image is longer than what was read. `read`: bytes."""

    size: int | None
    read: int


@dataclass(slots=True)
class _Sample:
    """The images that were served, why others were not, and the seconds that all took together."""

    images: list[_Image] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def images_per_second(self) -> float | None:
        return round(len(self.images) / self.seconds, 1) if self.images and self.seconds else None

    def bytes_for(self, images: int | None) -> int | None:
        sizes = [each.size for each in self.images if each.size is not None]
        if images is None or (images and not sizes):
            return None
        return round(sum(sizes) / len(sizes) * images) if images else 0

    def seconds_for(self, images: int | None) -> float | None:
        """At the rate of the sample, of which large images were read in part."""
        if images is None or (images and not self.images):
            return None
        if not images:
            return 0.0
        read = sum(each.read for each in self.images)
        return max(images / len(self.images), (self.bytes_for(images) or 0) / max(1, read)) * self.seconds


async def estimate(
    ports: Ports, settings: ArchiveSettings, on_progress: ProgressListener | None = None
) -> EstimateReport:
    """Estimate what `archive` would do with these settings.

    Raises the ArchiveError that `archive` would raise before its first write.
    """
    started, began = ports.clock.now(), ports.monotonic()
    measured = MeasuredSource(ports.source)
    ports = replace(ports, source=measured)
    opened = await open_run(ports, settings, started, uuid.uuid4().hex[:12])
    axis = opened.asked.capabilities.axis
    known = (opened.file.current or Checkpoint(source=ports.source.address, axis=axis)).on(axis)
    windows = gaps(known, replace(settings, lookback=timedelta(0)), opened.settled, started)
    outputs = await _new_outputs(ports, settings, opened, known, windows)
    listed = await _listed(ports, opened, windows) if outputs != 0 else ()
    per_request = (ports.monotonic() - began) / max(1, ports.source.requests)
    urls = [url for output in listed for url in (output.image_url, output.upscaled_image_url) if url]
    sample = await _sampled(ports, _spread(urls, SAMPLE), on_progress or (lambda _: None))
    images = None if outputs is None else round(outputs * (len(urls) / len(listed) if listed else 1.0))
    page_size = measured.served(settings.per_page)
    requests = FIXED_REQUESTS + math.ceil((outputs or 0) * PAGES_OVERLAP / page_size)
    copying = sample.seconds_for(images)
    due = due_days(known, started, everything=settings.retry_failed)
    retries = sum(known.partitions[day].images.unresolved for day in due)
    again = windows_to_read(known, settings, opened.settled, started)
    reread = _held(known, again.subtract(windows))
    limit = None if outputs is None else request_limit(outputs, len(again.windows) + retries, reread, page_size)
    return EstimateReport(
        archive=str(settings.layout),
        source=ports.source.address,
        is_new=opened.file.current is None,
        outputs=outputs,
        images=images,
        bytes=sample.bytes_for(images),
        retries=retries,
        sampled=len(sample.images),
        failures=tuple(sample.failures),
        source_requests=requests,
        request_limit=limit,
        seconds=None if copying is None else round(max(copying, requests * per_request), 1),
        images_per_second=sample.images_per_second,
        warnings=(*opened.warnings, *((f"{opened.doubted}.",) if opened.doubted else ())),
    )


def _held(known: Checkpoint, windows: Coverage) -> int:
    """At most how many known outputs lie in the windows: those of each day that they touch."""
    touched = windows.around(Axis.REQUESTED, known.axis)
    return sum(
        summary.live for day, summary in known.partitions.items() if touched.intersect(Coverage((day_window(day),)))
    )


async def _new_outputs(
    ports: Ports, settings: ArchiveSettings, opened: Opening, known: Checkpoint, windows: Coverage
) -> int | None:
    """About how many outputs the windows hold; None if the source cannot tell."""
    if not windows or opened.asked.capabilities.empty:
        return 0
    bounded = bool(settings.start or settings.end)
    if opened.asked.capabilities.counts_by_date and len(windows.windows) <= COUNTED_ONE_BY_ONE:
        # The counts are on the requested axis. For an estimate, an output in flight at an edge may be on either side.
        counts = [await count_window(ports.source, window) for window in windows]
        return None if None in counts else sum(count or 0 for count in counts)
    total = (await ports.source.page(PageQuery(per_page=1))).total
    return None if total is None or bounded else max(0, total - known.live)


async def _listed(ports: Ports, opened: Opening, windows: Coverage) -> Sequence[Output]:
    """Outputs that the windows hold: the newest page of them, and the oldest if the source can list it."""
    capabilities, found = opened.asked.capabilities, dict[str, Output]()
    newest = windows.windows[-1].end if capabilities.cursor is not None and windows else None
    queries = [PageQuery(cursor=newest, per_page=MAX_PER_PAGE)]
    if capabilities.ascending and capabilities.cursor is Axis.COMPLETED and windows:
        oldest = windows.windows[0].start - MICROSECOND
        queries.append(PageQuery(cursor=oldest, order=Order.ASCENDING, per_page=MAX_PER_PAGE))
    for query in queries:
        # Another page may show some; without any, the report says that sizes are unknown.
        with suppress(TransientError):
            for output in (await ports.source.page(query)).readable:
                at = instant_on(capabilities.axis, output)
                if at is not None and at in windows:
                    found[output.id] = output
    return tuple(found.values())


def _spread(urls: Sequence[str], most: int) -> Sequence[str]:
    if len(urls) <= most:
        return urls
    return [urls[number * len(urls) // most] for number in range(most)]


async def _sampled(ports: Ports, urls: Collection[str], on_progress: ProgressListener) -> _Sample:
    """Look at the images, a few at a time."""
    free, sample, began = asyncio.Semaphore(AT_ONCE), _Sample(), ports.monotonic()

    async def look(url: str) -> None:
        async with free:
            try:
                sample.images.append(await _image(ports, url))
            except (ItemError, TransientError) as error:
                sample.failures.append(str(error))
        done, failed = len(sample.images) + len(sample.failures), len(sample.failures)
        on_progress(Progress(done=done, planned=len(urls), failed=failed, stage="looking at a sample"))

    await asyncio.gather(*(look(url) for url in urls))
    sample.seconds = ports.monotonic() - began
    return sample


async def _image(ports: Ports, url: str) -> _Image:
    async with ports.images.open(url) as image:
        read = 0
        async for chunk in image.chunks():
            read += len(chunk)
            if read >= READ_AT_MOST:
                return _Image(image.declared_length, read)
        return _Image(read, read)
