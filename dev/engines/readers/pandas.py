"""pandas, with the types of pyarrow."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..questions import COMPOSED, DAY, EXACT, FOX, TOWER, UNNAMED, ZONES, Rows
from .arrow_s3 import filesystem
from .place import NEW_COLUMN, Place, Reading, plain
from .pyarrow import tables


def read(place: Place, types: Any = pd.ArrowDtype) -> Reading:
    # `pd.read_parquet` takes the columns from the first file, which lacks the newest ones.
    manifest, models = (each.to_pandas(types_mapper=types) for each in tables(place))
    elsewhere = int((manifest.created_at.dt.strftime("%Y-%m-%d") != manifest["dt"].astype(str)).sum())
    kind = str(manifest["dt"].dtype)
    files = filesystem(place) if place.is_s3 else None
    plainly = pd.read_parquet(place.manifest.removeprefix("s3://"), filesystem=files)
    return Reading(pd.__version__, kind, answers(manifest, models), elsewhere, NEW_COLUMN in plainly.columns)


def answers(manifest: pd.DataFrame, models: pd.DataFrame) -> dict[str, Rows]:
    manifest["dt"] = manifest["dt"].astype(str)
    archived = manifest[manifest.state == "archived"]
    named = manifest.merge(models, left_on="model_id", right_on="id", how="left")
    named["name"] = named["name"].fillna(UNNAMED)
    one, other = (archived[archived.rendition == name] for name in ("original", "upscaled"))
    pairs = one.merge(other, on=["dt", "output_id"], suffixes=("", "_u"))
    pairs["total"] = pairs["bytes"] + pairs.bytes_u
    prompt = manifest.prompt
    odd = prompt.str.contains(FOX, regex=False) | prompt.str.contains(TOWER, regex=False) | (prompt == COMPOSED)
    texts = prompt[odd.fillna(False).astype(bool)].drop_duplicates()
    texts = pd.DataFrame({"prompt": texts, "n": texts.str.len()}).sort_values(["n", "prompt"])
    failed = manifest[(manifest["dt"] == DAY) & (manifest.state != "archived")]
    instants = manifest[manifest.rendition == "original"][["output_id", "created_at"]]
    instants = instants.sort_values(["created_at", "output_id"], ascending=[False, True]).head(5)
    instants["created_at"] = instants.created_at.map(lambda at: at.value // 1000)
    large = manifest[((manifest.seed > EXACT) | (manifest.seed < -EXACT)).fillna(False).astype(bool)]
    by_day = manifest.groupby("dt")
    outputs, images = ("output_id", "nunique"), ("output_id", "count")
    return {
        "days": _rows(archived.groupby("dt").agg(outputs=outputs, images=images, total=("bytes", "sum")).reset_index()),
        "models": _rows(named.groupby("name").agg(outputs=outputs, images=images).reset_index()),
        "pairs": _rows(pairs.groupby("dt").agg(n=("total", "count"), total=("total", "sum")).reset_index()),
        "one_day": _rows(failed.sort_values(["output_id", "rendition"])[["output_id", "rendition", "state"]]),
        "zones": [[zone, int((_days(manifest, zone) != manifest["dt"]).sum())] for zone in ZONES],
        "instants": _rows(instants),
        "nulls": [[
            len(manifest), *(int(manifest[name].count()) for name in ("seed", "prompt", "guidance_scale")),
            int((prompt == "").sum()), *(int(manifest[name].isna().sum()) for name in ("deleted_at", "is_favorited")),
        ]],
        "unicode": _rows(texts),
        "seeds": _rows(large.groupby("seed").agg(n=images).reset_index()),
        "evolution": _rows(by_day.agg(n=images, gone=("gone_since", "count"), earlier=("earlier_images", "count")).reset_index()),
    }  # fmt: skip


def _days(manifest: pd.DataFrame, zone: str) -> pd.Series:
    return manifest.created_at.dt.tz_convert(zone).dt.strftime("%Y-%m-%d")


def _rows(frame: pd.DataFrame) -> Rows:
    return [[plain(_number(value)) for value in row] for row in frame.astype(object).to_numpy().tolist()]


def _number(value: Any) -> Any:
    """Return a whole floating-point number as the integer that it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
