"""Recognises the account of an archive that another run has just begun, by the outputs that the other run recorded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...errors import AnotherAccount, SourceUnavailable
from ...model.checkpoint import Sample
from ...model.output import identity, instant_on
from ...model.page import PageQuery
from ...model.times import MICROSECOND
from ..ports import Source
from .capabilities import Capabilities
from .failing_pages import raise_if_down
from .listed_at import listed_at


async def check_samples(source: Source, samples: Iterable[Sample], capabilities: Capabilities, archive: str) -> None:
    """Raises AnotherAccount if the source lists fewer than half of the samples that it can show.

    Raises SourceUnavailable if it can show none.
    """
    samples = list(samples)
    if not samples:
        return
    wanted, listed = {sample.output_id for sample in samples}, set[str]()
    try:
        async for outputs in listed_at([sample.at for sample in samples], capabilities, source):
            listed |= wanted & {identity(output) for output in outputs}
            if len(listed) * 2 >= len(wanted):
                return
    except SourceUnavailable as error:
        wanted, listed = await _one_by_one(source, samples, capabilities)
        if not wanted:
            raise error from None
        if len(listed) * 2 >= len(wanted):
            return
    raise AnotherAccount(
        f"another run has started {archive} with another account: the source at {source.address} lists {len(listed)} of the "
        f"{len(wanted)} outputs that the other run recorded"
    )


async def _one_by_one(
    source: Source, samples: Sequence[Sample], capabilities: Capabilities
) -> tuple[set[str], set[str]]:
    """Return the samples at whose place the source serves a small page, and those of them that it lists: one output whose page
    always fails must not hide the others.
    """
    shown, listed = set[str](), set[str]()
    await raise_if_down(source)
    if capabilities.cursor is None:
        return shown, listed
    for sample in samples:
        # A page of one: any other output on it may be the one that fails.
        try:
            page = await source.page(PageQuery(cursor=sample.at + MICROSECOND, per_page=1))
        except SourceUnavailable:
            continue
        if sample.output_id in map(identity, page.outputs):
            listed.add(sample.output_id)
        elif page.next is not None and all(
            instant_on(capabilities.cursor, output) in (None, sample.at) for output in page.outputs
        ):
            # Others of that very instant follow, and the sample may be one of them.
            continue
        shown.add(sample.output_id)
    return shown, listed
