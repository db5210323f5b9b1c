"""What must hold of the bucket and of every claim, looked at from outside."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta

from stablecog_provider.archive.listing.settled import CLOCK_TOLERANCE
from stablecog_provider.archive.proving import guard
from stablecog_provider.model.counts import Proof
from stablecog_provider.model.coverage import Axis
from stablecog_provider.model.manifest import Row, State
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.model.row_attempts import is_settled
from stablecog_provider.model.row_lifecycle import copies_of, image_name, is_live, is_replaced
from stablecog_provider.simulator.outputs import SimulatedOutput

from .hosts import picture
from .scenario import Ended, Scenario

MAX_SUMMARY = 8_000


class Violation(AssertionError):
    """With the story that led there, and the world as it was then."""

    def __init__(self, scenario: Scenario, what: str) -> None:
        self.scenario = scenario
        super().__init__("\n".join([*scenario.story, f"=> {what}"]))


class Lost(Violation):
    """Something that was archived, or should have been, is not."""


class FalseClaim(Violation):
    """A run or the status claims what is not so."""


class DeadEnd(Violation):
    """A way out that was named leads nowhere."""


class TooCostly(Violation):
    """More requests, or a larger summary, than was promised."""


def check_bucket(scenario: Scenario) -> None:
    """What holds at any instant, also after a kill: nothing archived is lost, changed or misnamed."""
    bucket = scenario.bucket
    if bucket.rewritten:
        raise Lost(scenario, f"the bytes of {bucket.rewritten[0]} were changed")
    held: dict[str, set[tuple[tuple[str, str], str]]] = {}
    foreign = {output.id for output in scenario.account.foreign}
    for partition in scenario.partitions:
        copies = held[partition] = set()
        for row in scenario.rows_of(partition):
            if row.output_id in foreign:
                raise FalseClaim(scenario, f"output {row.output_id} is another account's")
            for copy in copies_of(row):
                copies.add((row.key, copy.sha256 or ""))
                _check_copy(scenario, row, copy.uri, copy.sha256 or "", copy.archived_url or "")
    for partition, before in scenario.copies.items():
        if lost := before - held.get(partition, set()):
            raise Lost(scenario, f"{partition} no longer knows the image {min(lost)}")
    scenario.copies = held


def _check_copy(scenario: Scenario, row: Row, uri: str, sha256: str, url: str) -> None:
    if sha256 != hashlib.sha256(picture(image_name(url))).hexdigest():
        raise Lost(scenario, f"the row {row.key} names another hash than that of {url}")
    key = scenario.layout.own_image(uri) or ""
    if scenario.bucket.sha256(key) != sha256 and key not in scenario.bucket.tampered:
        raise Lost(scenario, f"the object of {row.key} at {uri} is not there whole, and nobody has touched it")


def check_knowledge(scenario: Scenario) -> None:
    """What the checkpoint covers has its rows, and nobody is marked as deleted who is not."""
    checkpoint, rows = scenario.checkpoint, scenario.rows()
    if checkpoint is None:
        return
    end = checkpoint.coverage.windows[-1].end if checkpoint.coverage else None
    if end is not None and end > scenario.account.now + CLOCK_TOLERANCE:
        raise FalseClaim(scenario, f"coverage ends at {end}, and it is {scenario.account.now}")
    for output in scenario.account.live:
        row = rows.get((output.id, Rendition.ORIGINAL))
        if row is not None and row.deleted_at is None:
            continue
        excused = output.id in scenario.misled and not scenario.patience_is_over
        if row is not None and not excused:
            raise FalseClaim(scenario, f"{output.id} is marked as deleted, and it is not")
        at = _instant(output, checkpoint.axis)
        if row is None and not excused and at in checkpoint.coverage:
            raise FalseClaim(scenario, f"{output.id} lies in what is covered ({at}), without a row")


def check_run(scenario: Scenario, ended: Ended) -> None:
    """The claims of a run that came to its end, while nothing else happened."""
    report, checkpoint = ended.report, scenario.checkpoint
    if report is None:
        return
    if report.source_requests > report.request_limit:
        raise TooCostly(scenario, f"{report.source_requests} requests, and the limit is {report.request_limit}")
    if (length := len(json.dumps(report.summary()))) > MAX_SUMMARY:
        raise TooCostly(scenario, f"the summary has {length} characters")
    if not ended.alone or checkpoint is None or scenario.bucket.unseen:
        return
    rows = [row for key in scenario.partitions for row in scenario.rows_of(key)]
    _check_sums(scenario, ended)
    _check_tombstones(scenario, ended)
    if report.exit_code == 0:
        _check_proven(scenario, ended, rows, report.proof)


def _check_sums(scenario: Scenario, ended: Ended) -> None:
    """The counts are those of the rows. Of a partition that nobody can read, which the report names, they are what the checkpoint
    said, and that may be an earlier version.
    """
    report, checkpoint = ended.report, scenario.checkpoint
    assert report
    assert checkpoint
    hidden = [key for key in scenario.partitions if scenario.bucket.hides(key)]
    days = [day for key in hidden if (day := scenario.layout.parse_partition(key)) in checkpoint.partitions and day]
    kept = [checkpoint.partitions[day] for day in days]
    rows = [row for key in scenario.partitions if key not in hidden for row in scenario.rows_of(key)]
    live, claimed = sum(map(is_live, rows)), checkpoint.live - sum(each.live for each in kept)
    if claimed != live:
        raise FalseClaim(scenario, f"the checkpoint counts {claimed} live outputs, the manifest holds {live}")
    counted = [row for row in rows if row.source_url is not None or row.deleted_at is None]
    for state in State:
        found = sum(row.state == state for row in counted)
        claimed = getattr(report.images, state.value) - sum(getattr(each.images, state.value) for each in kept)
        if found != claimed:
            raise FalseClaim(scenario, f"the report counts {claimed} images as {state}, the manifest has {found}")


def _check_tombstones(scenario: Scenario, ended: Ended) -> None:
    """More than half of the archive is never marked as deleted without consent, and nothing that the source still counts."""
    before = [row for row in ended.before.values() if is_live(row)]
    after = scenario.rows()
    gone = [row.output_id for row in before if row.key in after and after[row.key].deleted_at is not None]
    marked, live = len(gone), {output.id for output in scenario.account.live}
    if not scenario.account.lies.outdated and (wrong := live.intersection(gone)):
        raise FalseClaim(scenario, f"{min(wrong)} was marked as deleted, and the source still counts it")
    allowed = max(
        ended.settings.get("allow_deletions", 0), ended.checkpoint.deletions_allowed if ended.checkpoint else 0
    )
    if marked > max(guard.MASS_DELETION, len(before) // 2, allowed):
        raise FalseClaim(
            scenario, f"{marked} of {len(before)} outputs were marked as deleted, and {allowed} were allowed"
        )


def _check_proven(scenario: Scenario, ended: Ended, rows: list[Row], proof: Proof | None) -> None:
    """Exit code 0: every live output before the proof's end has its row, and every image is stored or counted as gone."""
    for row in rows:
        unread = row.source_url is None and row.deleted_at is not None
        stored = row.state == State.ARCHIVED and not is_replaced(row)
        if not (stored or is_settled(row) or unread):
            raise FalseClaim(scenario, f"proven, and the image of {row.key} is {row.state} ({row.error})")
    if proof is None:
        raise FalseClaim(scenario, "proven without a proof")
    if not ended.honest:
        return
    start, end = proof.start, min(proof.end, scenario.account.now)
    truth = {output.id for output in scenario.account.live if start <= output.g < end}
    held = {row.output_id for row in rows if is_live(row) and start <= row.created_at < end}
    missing, stale = truth - held, held - truth
    ghosts = sum(start <= at < end for at in scenario.account.lies.ghosts)
    if len(missing) + ghosts != len(stale):
        raise FalseClaim(
            scenario, f"proven, and {len(missing)} outputs are missing, {len(stale)} are deleted, {ghosts} ghosts"
        )
    if missing and (scenario.patience_is_over or not missing <= scenario.misled):
        raise FalseClaim(scenario, f"proven, and {min(missing)} is missing while {min(stale)} is deleted")


def check_status(scenario: Scenario) -> None:
    """The status is no better than the truth."""
    found = scenario.play(scenario.status())
    if found.exit_code != 0 or scenario.bucket.unseen:
        return
    rows = [row for key in scenario.partitions for row in scenario.rows_of(key)]
    for row in rows:
        if row.state != State.ARCHIVED and not is_settled(row) and (row.source_url or row.deleted_at is None):
            raise FalseClaim(scenario, f"status says proven, and the image of {row.key} is {row.state}")
    if found.live != sum(map(is_live, rows)):
        raise FalseClaim(
            scenario, f"status says proven with {found.live} outputs, the manifest holds {sum(map(is_live, rows))}"
        )


def check_peace(scenario: Scenario, ended: Ended) -> str:
    """What is still missing though everything has been well for long; an empty text if nothing is."""
    rows = scenario.rows()
    live = {
        output.id: output for output in scenario.account.live if output.o < scenario.account.now - timedelta(minutes=6)
    }
    for output in live.values():
        for rendition, url in scenario.account.images(output):
            row = rows.get((output.id, rendition))
            if row is None or row.deleted_at is not None:
                return f"{rendition} of {output.id}, listed since {output.o}, has {'no row' if row is None else 'a tombstone'}"
            stored = row.state == State.ARCHIVED and image_name(row.archived_url) == image_name(url)
            if not stored and scenario.account.hosts.serves(url):
                return f"the {rendition} image of {output.id} is {row.state} ({row.error}), and {url} serves it"
    for row in rows.values():
        if is_live(row) and row.output_id not in live:
            return f"output {row.output_id} was deleted, and its row is live"
    report = ended.report
    if report is None:
        return f"the run ended in {ended}"
    well = report.exit_code == 0 or (scenario.account.hosts.vanished and report.outcome == "proven, with failed images")
    return "" if well else f"the run says: {' '.join(report.explain())}"


def _instant(output: SimulatedOutput, axis: Axis) -> datetime:
    return output.o if axis is Axis.COMPLETED else output.g
