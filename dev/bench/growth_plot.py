"""`python -m dev.bench.growth_plot FIGURES SVG`: draws the JSON lines that `dev.bench.growth` printed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt

MIB = 1024 * 1024
WHEN = ("right after", "2 days later", "a day later still")


def main(figures: Path, drawing: Path) -> None:
    lines = [json.loads(line) for line in figures.read_text().splitlines() if line.startswith("{")]
    backfills = [line for line in lines if "resident" in line]
    idles = [line for line in lines if "when" in line]
    # The same figures give the same file: no dates, no random ids.
    mpl.rcParams["svg.hashsalt"] = "growth"
    mpl.rcParams["svg.fonttype"] = "none"
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    _lines(axes[0], "peak memory, MiB", backfills, idles, lambda line: line["peak"] / MIB)
    _lines(axes[1], "idle run: seconds, whole process", [], idles, lambda line: line["seconds"])
    axes[2].set_title("idle run: requests")
    last = [line for line in idles if line["when"] == WHEN[-1]]
    for key, label in (("source_requests", "API"), ("store_requests", "S3")):
        axes[2].plot([line["outputs"] for line in last], [line[key] for line in last], marker="o", label=label)
    for axis in axes:
        axis.set_xscale("log")
        axis.set_xlabel("outputs in the archive")
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.legend(fontsize="small")
    figure.savefig(drawing, metadata={"Date": None})


def _lines(axis: Any, title: str, backfills: list[Any], idles: list[Any], value: Any) -> None:
    axis.set_title(title)
    if backfills:
        axis.plot([line["outputs"] for line in backfills], [value(line) for line in backfills], "s-", label="backfill")
    for when in WHEN:
        some = [line for line in idles if line["when"] == when]
        axis.plot([line["outputs"] for line in some], [value(line) for line in some], "o-", label=f"idle run, {when}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
