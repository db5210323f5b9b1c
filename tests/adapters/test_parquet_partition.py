"""A partition compared with the model's own functions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.adapters.parquet_partition import BLOCK, KEPT_BLOCKS, ParquetPartition, read_partition
from stablecog_provider.model.coverage import Window
from stablecog_provider.model.manifest import Row, RowKey
from stablecog_provider.model.row_lifecycle import is_live
from support.manifests import TODAY, by_key, together
from support.rows import a_row, minute, rows


@given(st.lists(rows(st.sampled_from("abcdefgh")), max_size=12).map(together), st.integers(0, 6), st.integers(0, 6))
def test_a_partitions_answers_are_those_of_its_rows(found: dict[RowKey, Row], one: int, other: int) -> None:
    partition = ParquetPartition(TODAY).merged(found)
    assert by_key(partition) == found
    live = [row for row in found.values() if is_live(row)]
    assert partition.live_count() == len(live)
    assert partition.live_ids() == {row.output_id for row in live}
    within = Window(minute(min(one, other)), minute(max(one, other) + 1))
    inside = [row for row in live if row.created_at in within]
    assert partition.live_count(within) == len(inside)
    assert partition.live_ids(within) == {row.output_id for row in inside}


@given(st.lists(rows(st.sampled_from("abcdefgh")), max_size=12).map(together))
def test_a_partition_survives_its_file(found: dict[RowKey, Row]) -> None:
    partition = ParquetPartition(TODAY).merged(found)
    again = read_partition(TODAY, partition.to_parquet(), "it")
    assert again.table.equals(partition.table)
    assert again.to_parquet() == partition.to_parquet()


def test_every_row_of_a_long_partition_is_found() -> None:
    many = [a_row(f"id-{number}", created_at=minute(number % 1_000)) for number in range(BLOCK * (KEPT_BLOCKS + 2) + 1)]
    partition = ParquetPartition(TODAY).merged({row.key: row for row in many})
    assert all(partition.get(row.key) == row for row in many)
    assert sorted(partition.rows(), key=lambda row: row.key) == sorted(many, key=lambda row: row.key)
