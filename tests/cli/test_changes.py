"""`changes`: as a table for people, and as one document for a follower."""

from __future__ import annotations

import asyncio

from stablecog_provider.model.object_keys import Layout
from support.console import TO, type_in
from support.scene import LAYOUT
from support.stage import Stage, days_of, stage_of

AT = str(LAYOUT)


def archived() -> Stage:
    stage = stage_of(*days_of(2, 2))
    asyncio.run(stage.run())
    return stage


def test_a_table_says_what_changed_and_how_to_go_on() -> None:
    stage = archived()
    typed = type_in("changes", "--to", AT, "--since", "@0", store=stage.store)
    assert typed.code == 0
    (record,) = type_in("changes", "--to", AT, "--json", store=stage.store).document["changes"]
    assert all(each["version"] in typed.out for each in record["partitions"])
    assert "2026-11-18" in typed.out
    assert "2 partitions were changed since @0." in typed.out
    assert "Go on with --since @1." in typed.out


def test_a_document_has_the_cursor_and_the_counts() -> None:
    typed = type_in("changes", "--to", AT, "--since", "@0", "--json", store=archived().store)
    found = typed.document
    assert (found["next"], found["complete"], found["more"]) == ("@1", True, False)
    (record,) = found["changes"]
    assert [(each["day"], each["added"], each["marked_deleted"]) for each in record["partitions"]] == [
        ("2026-11-18", 2, 0),
        ("2026-11-19", 2, 0),
    ]
    assert all(each["version"] for each in record["partitions"])


def test_missing_records_are_an_exit_code() -> None:
    stage = archived()
    del stage.store.objects[LAYOUT.change_record(1)]
    typed = type_in("changes", "--to", AT, "--since", "@1", store=stage.store)
    assert typed.code == 3
    assert "read the whole manifest" in typed.out


def test_a_point_that_cannot_be_understood_is_a_bad_setting() -> None:
    typed = type_in("changes", "--to", TO, "--since", "tomorrow")
    assert typed.code == 2
    assert "'tomorrow' is no cursor" in typed.err
    assert Layout.parse(TO).runs in typed.err
