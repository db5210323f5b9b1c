"""The scratch folder of a drill that was killed is removed by the next drill; that of one at work is not."""

import tempfile
from pathlib import Path

import pytest

from stablecog_provider.adapters.local_folder import open_folder
from stablecog_provider.adapters.scratch_folders import PREFIX, STAGING


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def contents(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def left_by_a_killed_drill(tmp_path: Path) -> Path:
    folder = tmp_path / f"{PREFIX}killed"
    (folder / STAGING).mkdir(parents=True)
    (folder / "2026").mkdir()
    (folder / "2026" / "image.png").write_bytes(b"x")
    return folder


async def test_a_folder_that_nobody_has_locked_is_removed(tmp_path: Path) -> None:
    killed = left_by_a_killed_drill(tmp_path)
    async with open_folder(None) as folder:
        await folder.write("one.png", b"1")
        assert not killed.exists()
    assert contents(tmp_path) == []


async def test_the_folder_of_a_drill_at_work_stays(tmp_path: Path) -> None:
    async with open_folder(None) as first:
        await first.write("one.png", b"1")
        async with open_folder(None) as second:
            assert second.address != first.address
        assert await first.read("one.png") == b"1"


async def test_what_is_not_a_drills_folder_stays(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / STAGING).mkdir(parents=True)
    (tmp_path / f"{PREFIX}just-created").mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to(outside)
    (tmp_path / f"{PREFIX}file").write_bytes(b"")
    before = contents(tmp_path)
    async with open_folder(None):
        pass
    assert contents(tmp_path) == before
    assert (outside / STAGING).is_dir()
