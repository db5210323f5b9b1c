"""Finds whose bytes an object holds that are not its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from ...errors import ArchiveDamaged, ConfigurationError
from ...model.finding import Finding, Kind
from ..ports import Manifest


async def name_swapped(
    manifest: Manifest, days: Iterable[date], findings: list[Finding], hashes: dict[int, str]
) -> list[Finding]:
    """Return the findings, those as `swapped` whose object holds the image of another row. `hashes`: SHA-256 of what was read, by
    the number of the finding. Reads every partition if there are any.
    """
    by_hash: dict[str, list[int]] = {}
    for number, sha256 in hashes.items():
        by_hash.setdefault(sha256, []).append(number)
    named = list(findings)
    for day in days if by_hash else ():
        try:
            partition = await manifest.load(day)
        except (ArchiveDamaged, ConfigurationError):
            continue
        for row in partition.rows_with({*by_hash}):
            for number in by_hash[row.sha256 or ""]:
                finding = named[number]
                if finding.kind is not Kind.SWAPPED and row.key != (finding.output_id, finding.rendition):
                    owner = f"; these are the bytes of {row.output_id} ({row.rendition})"
                    named[number] = replace(finding, kind=Kind.SWAPPED, detail=finding.detail + owner)
    return named
