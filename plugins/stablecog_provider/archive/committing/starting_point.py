"""Where a run starts from: the checkpoint, once the store is known to be safe and the account to be the one that began it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from ...model.checkpoint import MAX_SAMPLES, Checkpoint, Sample
from ...model.object_keys import Layout
from ...model.output import identity, instant_on
from ..listing.capabilities import Probe
from ..listing.samples import check_samples
from ..ports import Ports
from .checkpoint_file import CheckpointFile
from .moves import place_of
from .store_probe import probe_store

PROBE_AGAIN = timedelta(days=30)
"""A store may be replaced while its address stays the same."""


@dataclass(frozen=True, slots=True)
class Start:
    """`checkpoint`: on the axis of this run's walk. `notes`: sentences about it for the report."""

    checkpoint: Checkpoint
    notes: tuple[str, ...] = ()


async def starting_point(
    ports: Ports, layout: Layout, file: CheckpointFile, asked: Probe, run_id: str, *, unsafe: bool
) -> Start:
    """The checkpoint to go on from. A new archive's is saved before its first row: a manifest without a checkpoint is then
    always a loss, never a beginning. Raises UnsafeStore, and AnotherAccount if another run began it at the same time.
    """
    axis, now, address = asked.capabilities.axis, ports.clock.now(), ports.source.address
    store = "unsafe, allowed" if unsafe else f"{ports.store.address}/{layout.bucket}"
    is_new = file.current is None
    samples = _samples(asked) if is_new else ()
    start = file.current or Checkpoint(
        source=address, axis=axis, account=samples, places=(place_of(ports.store, layout),)
    )
    probed = start.store_probed == store and (
        unsafe or (start.store_probed_at is not None and now - start.store_probed_at < PROBE_AGAIN)
    )
    if not probed and not unsafe:
        await probe_store(ports.store, layout, run_id, ports.sleep)
    notes = [f"The API's address changed from {start.source} to {address}."] if start.source != address else []
    if not probed or start.source != address:
        start = await file.update(
            lambda found: replace(
                found,
                source=address,
                store_probed=store if not probed else found.store_probed,
                store_probed_at=now if not probed else found.store_probed_at,
            ),
            start,
        )
    if is_new and start.account != samples:
        await check_samples(ports.source, start.account, asked.capabilities, str(layout))
    return Start(start.on(axis), tuple(notes))


def _samples(asked: Probe) -> tuple[Sample, ...]:
    axis, now = asked.capabilities.axis, asked.page.source_time
    # If nothing of a page can be read, its outputs tell the account all the same. One without a date is looked for at the top.
    found = {identity(output): instant_on(axis, output) or now for output in (*asked.page.outputs, *asked.seen)}
    return tuple(Sample(output_id, at) for output_id, at in sorted(found.items())[:MAX_SAMPLES])
