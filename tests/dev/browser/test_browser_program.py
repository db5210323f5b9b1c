"""What `make browser` does around its checks."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from dev.browser.findings import chromium, run


def test_without_chromium_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="chromium"):
        chromium()


def test_what_does_not_appear_is_a_finding_like_the_others() -> None:
    def absent() -> list[str]:
        raise TimeoutError("it did not appear")

    found = run(Console(quiet=True), "alone", [("a", absent), ("b", list), ("c", lambda: ["wrong"])])
    assert [len(wrong) for _, wrong in found] == [1, 0, 1]
