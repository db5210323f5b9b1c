"""`run`: the whole command, over a simulated account and a bucket in memory."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from rich.console import Console

from stablecog_provider.adapters.memory import Call, MemoryObjectStore
from stablecog_provider.archive.ports import Progress
from stablecog_provider.archive.run import ArchiveSettings, archive
from stablecog_provider.cli.progress import progress_listener
from stablecog_provider.errors import CredentialsRejected, ImageRejected, SourceUnavailable
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.simulator.world import World as SimulatedWorld
from support.console import KEY, TO, Terminal, type_in
from support.scene import LAYOUT, Scene, SimulatedSource


@pytest.fixture
def scene() -> Scene:
    made = Scene(SimulatedWorld.generate(outputs=40, days=2))
    made.clock.instant += timedelta(hours=1)
    return made


def test_an_account_is_archived_and_proven(scene: Scene) -> None:
    typed = type_in("run", "--to", TO, ports=scene.ports())
    assert typed.code == 0, typed.err
    assert "PROVEN" in typed.out
    assert "(the watermark)" in typed.out
    assert typed.err == ""
    assert type_in("status", "--to", TO, store=scene.store).code == 0


def test_with_json_only_the_report_is_printed(scene: Scene) -> None:
    typed = type_in("run", "--to", TO, "--json", ports=scene.ports(), terminal=True)
    assert typed.code == 0
    assert typed.err == ""
    assert typed.document["outcome"] == "proven"
    assert typed.document["copied"] == len(scene.images.asked)
    assert KEY not in typed.out


def test_a_failed_image_is_named_with_exit_code_3(scene: Scene) -> None:
    broken = scene.simulated.visible(scene.clock.now())[0]
    scene.images.broken[broken.file_name(Rendition.ORIGINAL)] = ImageRejected("it is a web page")
    typed = type_in("run", "--to", TO, ports=scene.ports())
    assert typed.code == 3
    assert f"{broken.id} (original): it is a web page" in " ".join(typed.out.split())
    assert type_in("status", "--to", TO, store=scene.store).code == 3


def test_bounds_reach_the_archive(scene: Scene) -> None:
    cut = scene.simulated.visible(scene.clock.now())[20].g
    bounds = ("--start", (cut - timedelta(days=30)).isoformat(), "--end", cut.isoformat())
    typed = type_in("run", "--to", TO, *bounds, "--json", ports=scene.ports())
    # A part of the account is no more than a part, though everything in it agrees.
    assert (typed.code, typed.document["outcome"], typed.document["proven"]) == (3, "proven, in part", True)
    assert 0 < typed.document["copied"] < 40
    assert len(typed.document["coverage"]) == 1
    assert type_in("run", "--to", TO, "--json", ports=scene.ports()).document["outcome"] == "proven"


def test_an_unsafe_store_is_refused_unless_allowed(scene: Scene) -> None:
    scene.store = MemoryObjectStore(ignores_conditions=True)
    refused = type_in("run", "--to", TO, "--json", ports=scene.ports())
    assert (refused.code, refused.document["kind"]) == (2, "UnsafeStore")
    assert type_in("run", "--to", TO, "--allow-unsafe-store", ports=scene.ports()).code == 0


def test_page_size_and_concurrency_reach_the_archive(scene: Scene) -> None:
    seen = scene.ports()
    typed = type_in("run", "--to", TO, "--per-page", "7", "--concurrency", "1", "--lookback", "0", "--json", ports=seen)
    assert typed.code == 0
    assert isinstance(seen.source, SimulatedSource)
    assert 7 in {question.per_page for question in seen.source.questions}


def test_on_a_terminal_a_progress_bar_is_drawn_on_stderr(scene: Scene) -> None:
    typed = type_in("run", "--to", TO, ports=scene.ports(), terminal=True)
    assert "images" in typed.err
    assert "images" not in typed.out.splitlines()[0]


def test_the_progress_bar_shows_counts_bytes_and_failures() -> None:
    screen = Terminal()
    with progress_listener(Console(file=screen, width=160, force_terminal=True)) as on_progress:
        assert on_progress
        on_progress(Progress(done=3, planned=12, failed=1, bytes=4_500_000, read=9, total=1200, stage="copying"))
    shown = screen.getvalue()
    for words in ("copying (9 of 1,200 outputs read)", "3/12", "4.5 MB", "1 failed", "ETA"):
        assert words in shown


def test_in_a_log_progress_is_a_line_every_15_seconds() -> None:
    log, now = io.StringIO(), [0.0]
    with progress_listener(Console(file=log), monotonic=lambda: now[0]) as on_progress:
        assert on_progress
        for now[0] in (1.0, 60.0, 61.0):
            on_progress(Progress(done=3, planned=12, read=9, stage="copying"))
    assert log.getvalue() == "copying: 3 of 12 images, 0 failed, 0.0 MB; 9 outputs read\n"


def test_a_log_that_cannot_be_written_does_not_stop_the_run() -> None:
    log, now = io.StringIO(), [0.0]
    with progress_listener(Console(file=log), monotonic=lambda: now[0]) as on_progress:
        assert on_progress
        log.close()
        now[0] = 60.0
        on_progress(Progress(done=3, planned=12))


def test_the_bar_leads_to_what_the_source_counts_until_more_is_known() -> None:
    cases = ((0, 0, 1200, "0/1200"), (300, 12, 1200, "0/912"), (1250, 1300, 1200, "0/1300"), (0, 7, None, "0/7"))
    for read, planned, total, shown in cases:
        screen = Terminal()
        with progress_listener(Console(file=screen, width=160, force_terminal=True)) as on_progress:
            assert on_progress
            on_progress(Progress(read=read, planned=planned, total=total))
        assert shown in screen.getvalue()


async def test_a_first_run_knows_the_number_of_outputs_at_once(scene: Scene) -> None:
    seen: list[Progress] = []

    def note(progress: Progress) -> None:
        seen.append(progress)

    await archive(scene.ports(), ArchiveSettings(layout=LAYOUT), note)
    outputs = len(scene.simulated.visible(scene.clock.now()))
    assert (seen[0].read, seen[0].total) == (0, outputs)


def test_quiet_prints_nothing_if_there_is_nothing_to_do(scene: Scene) -> None:
    typed = type_in("run", "--to", TO, "--quiet", ports=scene.ports(), terminal=True)
    assert (typed.code, typed.out, typed.err) == (0, "", "")


def test_quiet_prints_the_report_if_there_is_something_to_do(scene: Scene) -> None:
    loud = type_in("run", "--to", TO, "--end", "2026-10-01", "--quiet", ports=scene.ports())
    assert loud.code == 3
    assert loud.out


def test_quiet_prints_errors() -> None:
    typed = type_in("run", "--to", TO, "--quiet", raises=SourceUnavailable("503"))
    assert (typed.code, "503" in typed.err) == (1, True)


def test_with_json_no_progress_is_printed() -> None:
    quiet = io.StringIO()
    with progress_listener(Console(file=quiet, quiet=True)) as on_progress:
        assert on_progress is None
    assert quiet.getvalue() == ""


def test_a_dry_run_prints_what_a_run_would_do_and_writes_nothing(scene: Scene) -> None:
    typed = type_in("run", "--to", TO, "--dry-run", ports=scene.ports())
    assert (typed.code, scene.store.objects) == (0, {})
    outputs = len(scene.simulated.visible(scene.clock.now()))
    assert "Dry run: nothing was written to s3://archive/stablecog." in typed.out
    assert f"A first run would archive about {outputs} outputs" in typed.out
    for words in ("Requests to the source: about", "Requests to the store: at least", "Time: about"):
        assert words in typed.out
    assert type_in("status", "--to", TO, store=scene.store).code == 2


def test_a_dry_run_as_json_is_one_document_and_quiet_does_not_hide_the_result(scene: Scene) -> None:
    typed = type_in("run", "--to", TO, "--dry-run", "--json", ports=scene.ports(), terminal=True)
    assert (typed.code, typed.err, typed.document["dry_run"], typed.document["is_new"]) == (0, "", True, True)
    quiet = type_in("run", "--to", TO, "--dry-run", "--quiet", ports=scene.ports(), terminal=True)
    assert "would archive" in quiet.out
    assert quiet.err == ""


def test_a_dry_run_needs_no_right_to_write(scene: Scene) -> None:
    scene.store.before = forbid_writing
    assert type_in("run", "--to", TO, "--dry-run", ports=scene.ports()).code == 0
    assert type_in("run", "--to", TO, ports=scene.ports()).code == 2


def forbid_writing(call: Call) -> None:
    if call.operation in ("put", "delete"):
        raise CredentialsRejected("403 AccessDenied")


def test_a_warning_of_another_archive_is_printed_before_the_copying_and_in_the_report(scene: Scene) -> None:
    assert type_in("run", "--to", TO, ports=scene.ports()).code == 0
    moved = {key.replace("stablecog/", "old/", 1): item for key, item in scene.store.objects.items()}
    scene.store.objects = dict(moved)
    typed = type_in("run", "--to", TO, "--dry-run", ports=scene.ports())
    assert "s3://archive/old already holds an archive of this account" in " ".join(typed.out.split())
    typed = type_in("run", "--to", TO, ports=scene.ports())
    assert "warning: s3://archive/old already holds an archive of this account" in typed.err
    assert "s3://archive/old already holds" in " ".join(typed.out.split())
    scene.store.objects = dict(moved)
    quiet = type_in("run", "--to", TO, "--json", ports=scene.ports())
    assert quiet.err == ""
    assert any("s3://archive/old already" in line for line in quiet.document["notes"])
