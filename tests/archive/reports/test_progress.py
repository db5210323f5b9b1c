"""Progress for a log is told now and then, not at every image."""

from __future__ import annotations

from stablecog_provider.archive.ports import Progress
from stablecog_provider.archive.reports.progress import EVERY, LoggedProgress


def test_progress_is_told_now_and_then() -> None:
    lines: list[str] = []
    now = [0.0]
    on_progress = LoggedProgress(lambda text, *values: lines.append(text % values), monotonic=lambda: now[0])
    for _ in range(int(EVERY * 4)):
        now[0] += 1
        on_progress(Progress(done=3, planned=9, failed=1, bytes=2_500_000, read=12, total=40, stage="copying"))
    assert lines == ["copying: 3 of 9 images, 1 failed, 2.5 MB; 12 outputs read of 40"] * 4
