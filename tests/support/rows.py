"""Rows for tests: a minimal row, and a hypothesis strategy for rows that collide, tie and contradict each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from stablecog_provider.model.manifest import Row, State

DAY = datetime(2026, 11, 21, tzinfo=UTC)


def minute(number: int) -> datetime:
    return DAY + timedelta(minutes=number)


def a_row(output_id: str = "a", **columns: Any) -> Row:
    """Return a live, archived original of `DAY`, with `columns` replaced."""
    required: dict[str, Any] = {
        "rendition": "original",
        "created_at": DAY,
        "state": State.ARCHIVED,
        "first_seen_at": minute(0),
        "last_seen_at": minute(0),
        "run_id": "r",
        "raw": "{}",
    }
    return Row(output_id=output_id, **(required | columns))


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


IDS = st.sampled_from(["a", "b", "A"])
minutes = st.integers(0, 5).map(minute)
few_words = st.sampled_from(["", "x", "None", "é\0😀"])


@st.composite
def rows(draw: st.DrawFn, ids: st.SearchStrategy[str] = IDS) -> Row:
    """Draw any row of `DAY`, from small ranges so that times and values often tie."""
    last_seen_at = draw(minutes)
    return a_row(
        draw(ids),
        rendition=draw(st.sampled_from(["original", "upscaled"])),
        generation_id=draw(optional(st.just("g"))),
        created_at=draw(minutes),
        output_created_at=draw(optional(minutes)),
        state=draw(st.sampled_from([state.value for state in State])),
        uri=draw(optional(few_words)),
        source_url=draw(optional(few_words)),
        error=draw(optional(few_words)),
        bytes=draw(optional(st.sampled_from([0, 9, 10, 2**63 - 1]))),
        attempts=draw(st.integers(0, 3)),
        archived_at=draw(optional(minutes)),
        first_seen_at=draw(minutes),
        last_seen_at=last_seen_at,
        verified_at=draw(optional(minutes)),
        deleted_at=draw(optional(minutes.filter(lambda at: at >= last_seen_at))),
        prompt=draw(optional(few_words)),
        seed=draw(optional(st.sampled_from([-(2**63), -1, 0, 2**63 - 1]))),
        guidance_scale=draw(optional(st.sampled_from([0.1, 7.0, -1.5e300]))),
        is_public=draw(optional(st.booleans())),
        run_id=draw(st.sampled_from(["r", "s"])),
        raw=draw(few_words),
        attempted_at=draw(optional(minutes)),
    )
