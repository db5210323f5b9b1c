"""The checker of `make e2e` finds lost, doubled and corrupt images."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from dev.e2e.check import STORED, TRUTH, Findings, judge
from stablecog_provider.model.manifest import COLUMNS

TYPES = {"bytes": pa.int64(), "deleted_at": pa.timestamp("us", "UTC")}
Rows = list[dict[str, Any]]


@pytest.fixture
def truth() -> Rows:
    return [{"output_id": f"o{n}", "rendition": "original", "sha256": f"{n:064x}"} for n in range(4)]


@pytest.fixture
def manifest(truth: Rows) -> Rows:
    return [{**row, "state": "archived", "uri": uri(row), "bytes": 9, "deleted_at": None} for row in truth]


@pytest.fixture
def stored(truth: Rows) -> Rows:
    return [{"uri": uri(row), "bytes": 9, "sha256": row["sha256"]} for row in truth]


def uri(row: dict[str, Any]) -> str:
    return f"s3://archive/images/{row['output_id']}.{row['rendition']}.jpeg"


def judged(truth: Rows, manifest: Rows, stored: Rows) -> Findings:
    names = ("output_id", "rendition", "state", "uri", "sha256", "bytes", "deleted_at")
    assert set(names) <= {name for name, *_ in COLUMNS}
    schema = pa.schema([(name, TYPES.get(name, pa.string())) for name in names])
    return judge(
        pa.Table.from_pylist(truth, schema=TRUTH),
        pa.Table.from_pylist(manifest, schema=schema),
        pa.Table.from_pylist(stored, schema=STORED),
    )


def test_a_complete_archive_is_clean(truth: Rows, manifest: Rows, stored: Rows) -> None:
    found = judged(truth, manifest, stored)
    assert found == Findings(outputs=4, images=4, lost=[], doubled=[], corrupt=[])
    assert found.clean


@pytest.mark.parametrize("change", [{"state": "failed", "uri": None}, {"uri": "s3://archive/images/nowhere.jpeg"}])
def test_an_image_that_is_not_archived_is_lost(
    truth: Rows, manifest: Rows, stored: Rows, change: dict[str, Any]
) -> None:
    manifest[1] |= change
    assert judged(truth, manifest, stored).lost == ["o1 (original)"]


def test_an_image_without_row_or_object_or_with_a_tombstone_is_lost(truth: Rows, manifest: Rows, stored: Rows) -> None:
    assert judged(truth, manifest[1:], stored[1:]).lost == ["o0 (original)"]
    assert judged(truth, manifest, stored[1:]).lost == ["o0 (original)"]
    manifest[3]["deleted_at"] = 0
    assert judged(truth, manifest, stored).lost == ["o3 (original)"]


def test_a_second_row_a_foreign_row_and_a_foreign_object_are_doubled(truth: Rows, manifest: Rows, stored: Rows) -> None:
    stranger = {"uri": "s3://archive/images/stranger.jpeg", "bytes": 1, "sha256": "0" * 64}
    found = judged(truth[:3], [*manifest, manifest[2]], [*stored, stranger])
    assert sorted(found.doubled) == [
        "o2 (original) has 2 rows",
        "o3 (original) is no image of the account",
        f"{stranger['uri']} belongs to no row",
    ]
    assert not found.clean


@pytest.mark.parametrize(
    ("table", "change"), [("stored", {"sha256": "0"}), ("manifest", {"sha256": "0"}), ("stored", {"bytes": 8})]
)
def test_an_image_with_different_bytes_is_corrupt(
    truth: Rows, manifest: Rows, stored: Rows, table: str, change: dict[str, Any]
) -> None:
    {"stored": stored, "manifest": manifest}[table][2] |= change
    found = judged(truth, manifest, stored)
    assert (found.lost, found.doubled, found.corrupt) == ([], [], ["o2 (original)"])
