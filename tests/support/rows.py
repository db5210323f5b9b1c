"""Rows for tests: a minimal row, and a hypothesis strategy for rows that collide, tie and contradict each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from stablecog_provider.model.manifest import Row, State
from stablecog_provider.model.row_lifecycle import Copy, forgotten, normalized, stored

DAY = datetime(2026, 11, 21, tzinfo=UTC)


def minute(number: int) -> datetime:
    return DAY + timedelta(minutes=number)


def a_row(output_id: str = "a", **columns: Any) -> Row:
    """Return a live, archived original of `DAY`, with `columns` replaced."""
    required: dict[str, Any] = {
        "rendition": "original",
        "created_at": DAY,
        "state": State.ARCHIVED,
        "uri": f"s3://bucket/images/dt=2026-11-21/{output_id}.original.0123456789abcdef.jpeg",
        "source_url": f"https://b.stablecog.com/{output_id}.jpeg",
        "archived_url": f"https://b.stablecog.com/{output_id}.jpeg",
        "archived_at": minute(0),
        "sha256": "0123456789abcdef" * 4,
        "bytes": 3,
        "first_seen_at": minute(0),
        "last_seen_at": minute(0),
        "run_id": "r",
        "raw": "{}",
    }
    if columns.get("state") in (State.FAILED, State.GONE):
        required |= dict.fromkeys(("uri", "archived_url", "archived_at", "sha256", "bytes"))
    return Row(output_id=output_id, **(required | columns))


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


IDS = st.sampled_from(["a", "b", "A"])
minutes = st.integers(0, 5).map(minute)
few_words = st.sampled_from(["", "x", "None", "é\0😀"])


names = st.sampled_from(["https://h/a.jpeg", "https://h/b.jpeg", "https://other/a.jpeg"])


@st.composite
def copies(draw: st.DrawFn) -> Copy:
    """A stored image; of equal hashes, so that the same image is stored twice."""
    digest = draw(st.sampled_from(["aa", "bb", "cc"]))
    return Copy(draw(minutes), digest, f"s3://b/{digest}", "image/jpeg", draw(st.sampled_from([9, 10])), draw(names))


@st.composite
def rows(draw: st.DrawFn, ids: st.SearchStrategy[str] = IDS) -> Row:
    """Draw any row of `DAY` that its life can lead to, from small ranges so that times and values often tie."""
    last_seen_at = draw(minutes)
    row = Row(
        output_id=draw(ids),
        rendition=draw(st.sampled_from(["original", "upscaled"])),
        generation_id=draw(optional(st.just("g"))),
        created_at=draw(minutes),
        output_created_at=draw(optional(minutes)),
        state=draw(st.sampled_from([State.FAILED, State.GONE])),
        source_url=draw(optional(names)),
        error=draw(optional(few_words)),
        attempts=draw(st.integers(0, 3)),
        first_seen_at=draw(minutes),
        last_seen_at=last_seen_at,
        verified_at=draw(optional(minutes)),
        deleted_at=draw(optional(minutes.filter(lambda at: at >= last_seen_at))),
        missing_at=draw(optional(minutes)),
        found_at=draw(optional(minutes)),
        prompt=draw(optional(few_words)),
        seed=draw(optional(st.sampled_from([-(2**63), -1, 0, 2**63 - 1]))),
        guidance_scale=draw(optional(st.sampled_from([0.1, 7.0, -1.5e300]))),
        is_public=draw(optional(st.booleans())),
        run_id=draw(st.sampled_from(["r", "s"])),
        raw=draw(few_words),
        attempted_at=draw(optional(minutes)),
        attempted_url=draw(optional(names)),
        gone_since=draw(optional(minutes)),
    )
    for copy in draw(st.lists(copies(), max_size=3)):
        row = stored(row, copy)
    # Few, so that rows that are not forgotten are merged with each other, too.
    return forgotten(normalized(row)) if draw(st.integers(0, 7)) == 0 else normalized(row)
