"""Port `Folder`: in memory and on disk; and what only a disk can do."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stablecog_provider.adapters.local_folder import LocalFolder, free_bytes, open_folder
from stablecog_provider.adapters.memory_folder import MemoryFolder
from stablecog_provider.adapters.scratch_folders import STAGING
from stablecog_provider.archive.restoring.ports import Folder, NameTaken
from stablecog_provider.errors import FolderUnusable


def names(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*"))


@pytest.fixture(params=["memory", "disk"])
async def folder(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Folder]:
    if request.param == "memory":
        yield MemoryFolder()
        return
    async with open_folder(str(tmp_path / "new" / "folder")) as opened:
        yield opened


async def test_a_file_is_written_and_read(folder: Folder) -> None:
    assert await folder.size("a/b.jpeg") is None
    assert await folder.read("a/b.jpeg") is None
    await folder.write("a/b.jpeg", b"bytes")
    assert (await folder.size("a/b.jpeg"), await folder.read("a/b.jpeg")) == (5, b"bytes")


async def test_a_name_that_is_taken_is_replaced_only_on_demand(folder: Folder) -> None:
    await folder.write("a", b"one")
    with pytest.raises(NameTaken):
        await folder.write("a", b"two")
    assert await folder.read("a") == b"one"
    await folder.write("a", b"two", replace=True)
    assert await folder.read("a") == b"two"


async def test_a_file_where_a_folder_should_be_and_the_other_way_round(folder: Folder) -> None:
    await folder.write("a", b"one")
    await folder.write("b/c", b"one")
    for replace in (False, True):
        with pytest.raises(NameTaken):
            await folder.write("a/b", b"two", replace=replace)
        with pytest.raises(NameTaken):
            await folder.write("b", b"two", replace=replace)
    with pytest.raises(NameTaken):
        await folder.size("b")
    assert await folder.read("a") == b"one"


async def test_nothing_is_left_besides_the_files(tmp_path: Path) -> None:
    async with open_folder(str(tmp_path)) as folder:
        await folder.write("a/b", b"x")
        assert (tmp_path / STAGING).is_dir()
    assert names(tmp_path) == ["a", "a/b"]


async def test_no_link_leads_out_of_the_folder(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "secret").write_bytes(b"theirs")
    (inside / "linked").symlink_to(outside)
    (inside / "file").symlink_to(outside / "secret")
    (inside / "loop").symlink_to(inside / "loop")
    async with open_folder(str(inside)) as folder:
        for name in ("linked/new", "file", "loop", "loop/x"):
            with pytest.raises(NameTaken):
                await folder.write(name, b"mine")
        for name in ("linked/secret", "file"):
            with pytest.raises(NameTaken):
                await folder.size(name)
            with pytest.raises(NameTaken):
                await folder.read(name)
        # A link in the place of a file is itself replaced; what it leads to stays.
        await folder.write("file", b"mine", replace=True)
    assert (outside / "secret").read_bytes() == b"theirs"
    assert [each.name for each in outside.iterdir()] == ["secret"]
    assert not (inside / "file").is_symlink()


async def test_a_staging_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "theirs").write_bytes(b"x")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / STAGING).symlink_to(tmp_path / "outside")
    with pytest.raises(FolderUnusable):
        async with open_folder(str(tmp_path / "in")):
            pass
    assert (tmp_path / "outside" / "theirs").exists()


async def test_two_restores_into_one_folder_do_not_meet(tmp_path: Path) -> None:
    async with open_folder(str(tmp_path)) as folder:
        with pytest.raises(FolderUnusable, match="another restore is writing"):
            async with open_folder(str(tmp_path)):
                pass
        await folder.write("a", b"x")
    async with open_folder(str(tmp_path)):
        pass


async def test_a_scratch_folder_is_removed_whatever_happens() -> None:
    places: list[str] = []

    async def fail() -> None:
        async with open_folder(None) as folder:
            await folder.write("a/b", b"x")
            places.append(folder.address)
            assert names(Path(folder.address)) == [STAGING, "a", "a/b"]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert names(Path(places[0])) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_without_permission_the_folder_is_named(tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o500)  # noqa: PTH101
    with pytest.raises(FolderUnusable, match="Permission denied"):
        async with open_folder(str(tmp_path / "new")):
            pass


async def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(FolderUnusable, match="file"):
        async with open_folder(str(tmp_path / "file")):
            pass


async def test_a_full_disk_is_named_with_what_is_free_and_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    async with open_folder(str(tmp_path)) as folder:
        await folder.write("whole", b"x")
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(FolderUnusable, match=r"No space left on device \([\d,]+ bytes free\)") as caught:
            await folder.write("a", b"y")
        assert "goes on where it stopped" in caught.value.hint
        monkeypatch.undo()
    assert names(tmp_path) == ["whole"]


async def test_a_name_that_is_too_long_has_another_next_step(tmp_path: Path) -> None:
    async with open_folder(str(tmp_path)) as folder:
        with pytest.raises(FolderUnusable) as caught:
            await folder.write("x" * 300, b"y")
    assert "--layout" in caught.value.hint


async def test_a_disk_without_links_is_written_to_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "not permitted")

    monkeypatch.setattr(os, "link", no_links)
    async with open_folder(str(tmp_path)) as folder:
        await folder.write("a/b", b"x")
        with pytest.raises(NameTaken):
            await folder.write("a/b", b"y")
        await folder.write("a/b", b"z", replace=True)
    assert (tmp_path / "a" / "b").read_bytes() == b"z"


async def test_many_files_at_once(tmp_path: Path) -> None:
    async with open_folder(str(tmp_path)) as folder:
        names = [f"{number % 7}/{number % 3}/{number}" for number in range(200)]
        await asyncio.gather(*(folder.write(name, name.encode()) for name in names))
    assert all((tmp_path / name).read_bytes() == name.encode() for name in names)


@pytest.mark.slow
def test_what_a_killed_process_leaves_is_removed_by_the_next(tmp_path: Path) -> None:
    program = (
        "import asyncio, os, sys\n"
        "from stablecog_provider.adapters import local_folder\n"
        "def die(*_, **__): os.kill(os.getpid(), 9)\n"
        "local_folder.os.link = die\n"
        "async def main():\n"
        "    async with local_folder.open_folder(sys.argv[1]) as folder:\n"
        "        await folder.write('a', b'x')\n"
        "asyncio.run(main())\n"
    )
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], env=environ, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert [each.name for each in (tmp_path / STAGING).iterdir()] == ["0.part"]

    async def again() -> None:
        async with open_folder(str(tmp_path)) as folder:
            assert isinstance(folder, LocalFolder)
            await folder.write("a", b"x")

    asyncio.run(again())
    assert names(tmp_path) == ["a"]


def test_the_free_bytes_of_a_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    free = free_bytes(str(tmp_path / "a" / "b"))
    assert free is not None
    assert free > 0
