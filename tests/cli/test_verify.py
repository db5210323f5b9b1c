"""`verify`: options, output and exit codes."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from stablecog_provider.simulator.world import World as SimulatedWorld
from support.console import TO, type_in
from support.scene import LAYOUT, Scene

ISSUE = {"outcome", "level", "checked", "bytes", "seconds", "findings", "coverage"}


@pytest.fixture
def scene() -> Scene:
    """An archived account."""
    made = Scene(SimulatedWorld.generate(outputs=40, days=2, future=0))
    made.clock.advance(timedelta(hours=1))
    assert type_in("run", "--to", TO, ports=made.ports()).code == 0
    made.clock.advance(timedelta(hours=1))
    return made


def an_image(scene: Scene) -> str:
    return min(key for key in scene.store.objects if key.startswith(LAYOUT.images))


def test_an_intact_archive_needs_no_api_key(scene: Scene) -> None:
    typed = type_in("verify", "--to", TO, bucket=scene.bucket_ports(), environ={})
    assert (typed.code, typed.err) == (0, "")
    assert typed.out.startswith("INTACT")
    assert "Bytes last verified: 100%" in " ".join(typed.out.split())
    status = type_in("status", "--to", TO, store=scene.store)
    assert "Bytes last verified: 100%" in " ".join(status.out.split())


def test_status_says_that_bytes_were_never_verified(scene: Scene) -> None:
    status = type_in("status", "--to", TO, store=scene.store)
    assert "Stored bytes were never verified since they were copied." in " ".join(status.out.split())


def test_the_document_has_the_promised_members(scene: Scene) -> None:
    del scene.store.objects[key := an_image(scene)]
    typed = type_in("verify", "--to", TO, "--json", bucket=scene.bucket_ports(), terminal=True)
    assert (typed.code, typed.err) == (3, "")
    document = typed.document
    assert set(document) >= ISSUE
    assert (document["outcome"], document["level"]) == ("damaged", "content")
    (finding,) = document["findings"]
    assert set(finding) == {"kind", "key", "output_id", "rendition", "detail", "repaired", "known"}
    assert (finding["kind"], finding["key"], finding["repaired"]) == ("missing", key, False)
    coverage = document["coverage"]
    assert set(coverage) == {"images", "never", "oldest", "within_days"}
    assert coverage["never"] == 1
    assert set(coverage["within_days"]) == {"1", "7", "30", "90"}


def test_repair_ends_with_0(scene: Scene) -> None:
    del scene.store.objects[an_image(scene)]
    typed = type_in("verify", "--to", TO, "--repair", bucket=scene.bucket_ports())
    assert (typed.code, typed.out.split()[0]) == (0, "REPAIRED")


def test_findings_are_capped_and_the_whole_list_is_in_the_bucket(scene: Scene) -> None:
    key = an_image(scene)
    for number in range(130):
        scene.store.objects[key.replace(".original.", f"{number}.original.")] = scene.store.objects[key]
    typed = type_in("verify", "--to", TO, "--level", "listing", "--json", bucket=scene.bucket_ports())
    document = typed.document
    assert (len(document["findings"]), document["more_findings"]) == (100, 30)
    assert document["run_id"] in document["all_findings"]
    assert len(json.loads(scene.store.objects[document["all_findings"]].body)["findings"]) == 130


def test_a_quiet_verify_prints_only_what_is_wrong(scene: Scene) -> None:
    assert type_in("verify", "--to", TO, "--quiet", bucket=scene.bucket_ports()).out == ""
    del scene.store.objects[an_image(scene)]
    assert "DAMAGED" in type_in("verify", "--to", TO, "--quiet", bucket=scene.bucket_ports()).out


@pytest.mark.parametrize(
    "typed", [("--level", "deep"), ("--budget", "much"), ("--budget", "-1"), ("--concurrency", "0")]
)
def test_wrong_options_are_named(typed: tuple[str, str]) -> None:
    refused = type_in("verify", "--to", TO, *typed)
    assert refused.code == 2
    assert typed[0] in refused.err


def test_a_budget_says_how_long_a_round_takes(scene: Scene) -> None:
    typed = type_in("verify", "--to", TO, "--budget", "10", bucket=scene.bucket_ports())
    assert typed.code == 0
    assert "One slice like this per day verifies everything every" in " ".join(typed.out.split())
