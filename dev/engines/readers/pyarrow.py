"""pyarrow's datasets and compute functions."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyarrow.fs import LocalFileSystem

from ..questions import COMPOSED, DAY, EXACT, FOX, TOWER, UNNAMED, ZONES, Rows
from .arrow_s3 import filesystem
from .place import NEW_COLUMN, Place, Reading

FIRST = ("output_id", "rendition")


def tables(place: Place) -> tuple[pa.Table, pa.Table]:
    """Return manifest and models. The schema is that of all files: that of the first one lacks the newest columns."""
    files: Any = filesystem(place) if place.is_s3 else LocalFileSystem()
    root = place.root.removeprefix("s3://")
    factory = ds.FileSystemDatasetFactory(
        files,
        pa.fs.FileSelector(f"{root}/manifest", recursive=True),
        ds.ParquetFileFormat(),
        ds.FileSystemFactoryOptions(partitioning=ds.HivePartitioning.discover()),
    )
    manifest = factory.finish(factory.inspect(fragments=None))
    return manifest.to_table(), ds.dataset(f"{root}/models/models.parquet", filesystem=files).to_table()


def read(place: Place) -> Reading:
    manifest, models = tables(place)
    plain = pc.strftime(manifest["created_at"], "%Y-%m-%d")
    files = filesystem(place) if place.is_s3 else None
    sees = (
        NEW_COLUMN
        in ds.dataset(place.manifest.removeprefix("s3://"), filesystem=files, partitioning="hive").schema.names
    )
    kind = str(manifest.schema.field("dt").type)
    return Reading(pa.__version__, kind, answers(manifest, models), _differ(plain, manifest), sees)


def answers(manifest: pa.Table, models: pa.Table) -> dict[str, Rows]:
    archived = manifest.filter(pc.equal(manifest["state"], "archived"))
    named = manifest.join(models, "model_id", "id")
    named = named.drop_columns("name").append_column("name", pc.fill_null(named["name"], UNNAMED))
    one, other = (archived.filter(pc.equal(archived["rendition"], name)) for name in ("original", "upscaled"))
    keys = ["dt", "output_id"]
    pairs = one.select([*keys, "bytes"]).join(
        other.select([*keys, "bytes"]), keys, join_type="inner", right_suffix="_u"
    )
    pairs = pairs.append_column("total", pc.add(pairs["bytes"], pairs["bytes_u"]))
    prompts, seeds = manifest["prompt"], manifest["seed"]
    odd = pc.or_(
        pc.or_(pc.match_substring(prompts, FOX), pc.match_substring(prompts, TOWER)), pc.equal(prompts, COMPOSED)
    )
    texts = pc.unique(prompts.filter(odd))
    texts = pa.table({"prompt": texts, "n": pc.utf8_length(texts)}).sort_by(
        [("n", "ascending"), ("prompt", "ascending")]
    )
    failed = manifest.filter(pc.and_(pc.equal(manifest["dt"], DAY), pc.not_equal(manifest["state"], "archived")))
    instants = manifest.filter(pc.equal(manifest["rendition"], "original")).select(["output_id", "created_at"])
    instants = instants.set_column(1, "created_at", instants["created_at"].cast(pa.int64()))
    large = manifest.filter(pc.or_(pc.greater(seeds, EXACT), pc.less(seeds, -EXACT)))
    return {
        "days": _grouped(archived, "dt", [("output_id", "count_distinct"), ("output_id", "count"), ("bytes", "sum")]),
        "models": _grouped(named, "name", [("output_id", "count_distinct"), ("output_id", "count")]),
        "pairs": _grouped(pairs, "dt", [("total", "count"), ("total", "sum")]),
        "one_day": _rows(failed.select(["output_id", "rendition", "state"]).sort_by([(each, "ascending") for each in FIRST])),
        "zones": [[zone, _differ(pc.strftime(_local(manifest, zone), "%Y-%m-%d"), manifest)] for zone in ZONES],
        "instants": _rows(instants.sort_by([("created_at", "descending"), ("output_id", "ascending")]).slice(0, 5)),
        "nulls": [[
            len(manifest), *(len(manifest) - manifest[name].null_count for name in ("seed", "prompt", "guidance_scale")),
            pc.sum(pc.equal(prompts, "")).as_py(), *(manifest[name].null_count for name in ("deleted_at", "is_favorited")),
        ]],
        "unicode": _rows(texts),
        "seeds": _grouped(large, "seed", [("output_id", "count")]),
        "evolution": _grouped(manifest, "dt", [("output_id", "count"), ("gone_since", "count"), ("earlier_images", "count")]),
    }  # fmt: skip


def _local(table: pa.Table, zone: str) -> pa.ChunkedArray:
    return pc.local_timestamp(table["created_at"].cast(pa.timestamp("us", zone)))


def _differ(days: pa.ChunkedArray, manifest: pa.Table) -> int:
    return int(pc.sum(pc.not_equal(days, manifest["dt"].cast(pa.string()))).as_py())


def _grouped(table: pa.Table, key: str, sums: list[tuple[str, str]]) -> Rows:
    return _rows(table.group_by(key).aggregate(sums).sort_by(key))


def _rows(table: pa.Table) -> Rows:
    return [list(row) for row in zip(*(column.to_pylist() for column in table.columns), strict=True)]
