"""`forget`: options, output and exit codes."""

from __future__ import annotations

import pytest

from stablecog_provider.adapters.memory import Call
from support.console import TO, Typed, type_in
from support.forgotten import archived_with_secrets, everything, found_in, secret_of, traces_of
from support.scene import Scene
from support.worlds import a_world


@pytest.fixture
async def scene() -> Scene:
    return await archived_with_secrets(a_world(40, days=2, future=0))


def an_id(scene: Scene) -> str:
    return min(output.id for output in scene.simulated.visible(scene.clock.now()))


def typed(scene: Scene, *options: str, **others: bool) -> Typed:
    return type_in("forget", "--to", TO, *options, erasable=scene.forget_ports(), environ={}, **others)  # type: ignore[arg-type]


def listed_count(scene: Scene) -> str:
    return str(typed(scene, "--where", "true", "--json").document["count"])


def words(typed: Typed) -> str:
    return " ".join(typed.out.split())


def test_a_dry_run_lists_and_needs_no_api_key(scene: Scene) -> None:
    before, output_id = dict(scene.store.objects), an_id(scene)
    listed = typed(scene, "--id", output_id)
    assert (listed.code, listed.err) == (0, "")
    assert listed.out.startswith("WOULD FORGET")
    assert output_id in words(listed)
    assert "repeat the command with --yes." in words(listed)
    assert scene.store.objects == before


async def rows_of(scene: Scene, output_id: str) -> list[bytes]:
    return traces_of(row for row in (await scene.rows()).values() if row.output_id == output_id)


@pytest.fixture
async def traces(scene: Scene) -> list[bytes]:
    return await rows_of(scene, an_id(scene))


def test_with_yes_it_forgets_and_status_counts_it(scene: Scene, traces: list[bytes]) -> None:
    done = typed(scene, "--id", an_id(scene), "--yes", "--reason", "ticket 17", "--json")
    assert (done.code, done.err) == (0, "")
    document = done.document
    assert (document["outcome"], document["count"], document["reason"]) == ("forgotten", 1, "ticket 17")
    assert document["erased"]["images"] >= 1
    assert secret_of(an_id(scene)) not in done.out
    assert found_in(everything(scene.store), traces) == []
    status = type_in("status", "--to", TO, store=scene.store)
    assert status.code == 0
    assert "2 rows are forgotten" in " ".join(status.out.split())


def test_a_tenth_wants_its_number(scene: Scene) -> None:
    listed = typed(scene, "--where", "created_at IS NOT NULL")
    count = listed_count(scene)
    assert f"repeat the command with --yes-really {count}." in words(listed)
    refused = typed(scene, "--where", "created_at IS NOT NULL", "--yes")
    assert refused.code == 2
    assert f"--yes-really {count}" in " ".join(refused.err.split())
    assert typed(scene, "--where", "created_at IS NOT NULL", "--yes-really", count).code == 0


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--id", "a", "--where", "true"), "id and where"),
        (("--deleted-at-source",), "older-than"),
        (("--older-than", "90d"), "deleted-at-source"),
        (("--deleted-at-source", "--older-than", "soon"), "soon"),
        (("--where", " "), "where is empty"),
    ],
)
def test_options_that_do_not_fit_are_named(options: tuple[str, ...], named: str) -> None:
    refused = type_in("forget", "--to", TO, *options)
    assert refused.code == 2
    assert named in " ".join(refused.err.split())


def test_a_condition_that_is_none_is_refused(scene: Scene) -> None:
    refused = typed(scene, "--where", "read_text('/etc/passwd')", "--yes")
    assert refused.code == 2
    assert "--where" in refused.err


def test_status_says_that_a_forget_was_killed(scene: Scene) -> None:
    def die(call: Call) -> None:
        if call.operation == "erase" and call.key.endswith(".jpeg"):
            raise KeyboardInterrupt

    scene.store.before = die
    typed(scene, "--id", an_id(scene), "--yes")
    scene.store.before = None
    status = type_in("status", "--to", TO, store=scene.store)
    assert "a forget has not come to its end" in " ".join(status.out.split())
    assert "An earlier forget has not come to its end" in words(typed(scene))
    assert typed(scene, "--yes").out.startswith("FORGOTTEN")
    assert "a forget has not" not in type_in("status", "--to", TO, store=scene.store).out
