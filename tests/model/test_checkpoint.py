from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.test_output import documents
from stablecog_provider.errors import ArchiveDamaged, ArchiveTooNew
from stablecog_provider.model.checkpoint import VERSION, Checkpoint, Consent, Sample, Sweep, Verdict, signed
from stablecog_provider.model.counts import Difference, Proof
from stablecog_provider.model.coverage import MAX_LATENCY, Axis, Coverage, Window
from stablecog_provider.model.partition_summary import ImageCounts, PartitionSummary
from stablecog_provider.model.verdict import Outcome

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
instants = st.datetimes(datetime(1, 1, 2), timezones=st.just(UTC))  # noqa: DTZ001
counts = st.integers(0, 10**9)
coverages = st.lists(
    st.tuples(instants, instants).filter(lambda pair: pair[0] < pair[1]).map(lambda pair: Window(*pair)), max_size=5
).map(Coverage.of)
image_counts = st.builds(ImageCounts, counts, counts, counts, counts, counts, counts)
summaries = st.builds(PartitionSummary, st.text(), st.text(), counts, image_counts, counts, st.none() | instants)
differences = st.lists(
    st.builds(Difference, instants, instants, counts, counts, instants, instants, st.integers(0, 9)), max_size=3
).map(tuple)
checkpoints = st.builds(
    Checkpoint,
    source=st.text(),
    axis=st.sampled_from(Axis),
    coverage=coverages,
    partitions=st.dictionaries(st.dates(), summaries, max_size=4),
    account=st.lists(st.builds(Sample, st.text(), instants), max_size=2).map(tuple),
    proof=st.none() | st.builds(Proof, instants, instants, counts, counts, instants, st.integers(1, 5)),
    proofs=counts,
    differences=differences,
    holes=differences,
    reread=coverages,
    sweep=st.builds(Sweep, instants, st.none() | instants, st.none() | instants, counts),
    verdict=st.none() | st.builds(Verdict, st.sampled_from(Outcome).map(str), st.text(), instants),
    deletions_allowed=counts,
    consents=st.lists(st.builds(Consent, st.text(), counts, st.text(), instants), max_size=2).map(tuple),
    store_probed=st.text(),
    store_probed_at=st.none() | instants,
    run_id=st.text(),
    saved_at=st.none() | instants,
)
CHECKPOINT = Checkpoint(
    source="https://api.stablecog.com",
    axis=Axis.COMPLETED,
    coverage=Coverage.of(
        [Window(NOON, NOON + timedelta(hours=1)), Window(NOON + timedelta(hours=2), NOON + timedelta(hours=3))]
    ),
    partitions={
        date(2026, 11, 21): PartitionSummary(version="v", live=3, images=ImageCounts(archived=3)),
        date(2026, 11, 20): PartitionSummary(version="w", live=4, images=ImageCounts(archived=3, failed=1), due=NOON),
    },
    proof=Proof(NOON, NOON, 3, 3, NOON),
    saved_at=NOON,
)


def changed(**members: Any) -> bytes:
    return signed(json.loads(CHECKPOINT.to_json()) | members)


@given(checkpoints)
def test_what_is_saved_is_read_back(checkpoint: Checkpoint) -> None:
    assert Checkpoint.from_json(checkpoint.to_json()) == checkpoint


@given(checkpoints)
def test_the_same_checkpoint_is_the_same_bytes(checkpoint: Checkpoint) -> None:
    again = Checkpoint.from_json(checkpoint.to_json())
    assert again.to_json() == checkpoint.to_json()


def test_days_in_any_order_are_the_same_bytes() -> None:
    days = json.loads(CHECKPOINT.to_json())["partitions"]
    other = Checkpoint.from_json(changed(partitions=dict(reversed(days.items()))))
    assert other.to_json() == CHECKPOINT.to_json()


def test_watermark_and_live_are_derived() -> None:
    assert CHECKPOINT.watermark == NOON + timedelta(hours=1)
    assert CHECKPOINT.live == 7
    assert Checkpoint.from_json(changed(watermark="2099-01-01T00:00:00Z")) == CHECKPOINT


def test_proof_agrees_where_the_counts_do() -> None:
    assert Proof(NOON, NOON, 3, 3, NOON).agrees
    assert not Proof(NOON, NOON, 3, 4, NOON).agrees


def test_a_change_of_axis_carries_the_coverage_over() -> None:
    requested = CHECKPOINT.on(Axis.REQUESTED)
    assert requested.axis is Axis.REQUESTED
    assert requested.watermark == NOON + timedelta(hours=1) - MAX_LATENCY
    assert CHECKPOINT.on(Axis.COMPLETED) == CHECKPOINT


def test_a_checkpoint_does_not_change_with_the_mapping_it_was_made_of() -> None:
    partitions = {date(2026, 11, 21): PartitionSummary(live=1)}
    checkpoint = Checkpoint(source="s", axis=Axis.COMPLETED, partitions=partitions)
    partitions[date(2026, 11, 21)] = PartitionSummary(live=2)
    assert checkpoint.live == 1
    with pytest.raises(TypeError):
        checkpoint.partitions[date(2026, 11, 21)] = PartitionSummary()  # type: ignore[index]


def test_a_newer_version_asks_for_an_upgrade() -> None:
    with pytest.raises(ArchiveTooNew, match=r"version 4, .* upgrade"):
        Checkpoint.from_json(changed(version=VERSION + 1))


def test_an_older_version_is_migrated_step_by_step() -> None:
    old = json.loads(CHECKPOINT.to_json())
    old |= {"version": -1, "origin": old.pop("source")}
    migrations = {
        -1: lambda document: {**document, "address": document["origin"]},
        0: lambda document: {**document, "source": document["address"], "version": 0},
        1: lambda document: document,
        2: lambda document: document,
    }
    assert Checkpoint.from_json(signed(old), migrations) == CHECKPOINT


@given(st.integers(0, len(CHECKPOINT.to_json()) * 8 - 1))
def test_a_flipped_bit_is_noticed_or_changes_nothing(bit: int) -> None:
    body = bytearray(CHECKPOINT.to_json())
    body[bit // 8] ^= 1 << bit % 8
    noticed: ArchiveDamaged | None = None
    try:
        found = Checkpoint.from_json(bytes(body))
    except ArchiveDamaged as error:
        noticed = error
    if noticed is None:
        assert found == CHECKPOINT
    else:
        assert not isinstance(noticed, ArchiveTooNew)
        assert "rebuild" in noticed.hint


@pytest.mark.parametrize("change", [{"sha256": None}, {"sha256": "0" * 64}, {"proofs": 4}], ids=str)
def test_a_document_whose_checksum_differs_is_damaged(change: dict[str, Any]) -> None:
    document = json.loads(CHECKPOINT.to_json()) | change
    with pytest.raises(ArchiveDamaged, match="checksum"):
        Checkpoint.from_json(json.dumps(document).encode())


def test_a_migration_that_meets_damage_says_so() -> None:
    with pytest.raises(ArchiveDamaged, match="KeyError: 'origin'"):
        Checkpoint.from_json(changed(version=0), {0: lambda document: {"source": document["origin"]}})
    with pytest.raises(ArchiveDamaged, match="there is no migration"):
        Checkpoint.from_json(changed(version=0))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe\xff",
        b"[" * 100_000,
        b'{"version":' + b"9" * 5_000 + b"}",
        CHECKPOINT.to_json()[:-20],
    ],
    ids=range(8),
)
def test_what_is_no_document_is_damaged(body: bytes) -> None:
    with pytest.raises(ArchiveDamaged, match=r"checkpoint.json cannot be read.* -> restore"):
        Checkpoint.from_json(body)


@pytest.mark.parametrize(
    "members",
    [
        {"version": None},
        {"version": "1"},
        {"version": True},
        {"version": 1.0},
        {"source": None},
        {"axis": "sideways"},
        {"axis": []},
        {"coverage": None},
        {"coverage": [["2026-11-21T00:00:00Z"]]},
        {"coverage": [["2026-11-21T00:00:00Z", "2026-11-21T00:00:00Z"]]},
        {"coverage": [[1, 2]]},
        {"coverage": 5},
        {"partitions": []},
        {"partitions": {"2026-11-21": {"live": -1}}},
        {"partitions": {"2026-11-21": {"live": True}}},
        {"partitions": {"2026-11-21": {"live": float("inf")}}},
        {"partitions": {"2026-02-30": {}}},
        {"partitions": {"20261121": {}}},
        {"partitions": {"2026-11-21": {"version": 5}}},
        {"partitions": {"2026-11-21": {"due": "soon"}}},
        {"partitions": {"2026-11-21": None}},
        {"proof": {}},
        {"proof": []},
        {"proof": "proven"},
        {"store_probed": 5},
        {"run_id": {}},
        {"saved_at": 0},
    ],
    ids=str,
)
def test_a_document_with_wrong_members_is_damaged(members: dict[str, Any]) -> None:
    with pytest.raises(ArchiveDamaged, match=r"checkpoint.json cannot be read"):
        Checkpoint.from_json(changed(**members))


@pytest.mark.parametrize("member", ["source", "axis"])
def test_a_document_that_lacks_a_member_is_damaged(member: str) -> None:
    document = json.loads(CHECKPOINT.to_json())
    del document[member]
    with pytest.raises(ArchiveDamaged, match=member):
        Checkpoint.from_json(signed(document))


names = st.sampled_from(sorted(json.loads(CHECKPOINT.to_json())))


@given(st.dictionaries(names, documents, max_size=3))
def test_any_member_may_be_anything(members: dict[str, Any]) -> None:
    try:
        body = changed(**members)
    except ValueError:  # an integer that Python will not write
        return
    try:
        Checkpoint.from_json(body)
    except ArchiveDamaged:
        return


@given(st.binary())
def test_any_bytes_are_a_checkpoint_or_damaged(body: bytes) -> None:
    with pytest.raises(ArchiveDamaged):
        Checkpoint.from_json(body)
