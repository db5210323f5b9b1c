"""What happens to the bucket, and what its administrator does to it."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from stablecog_provider.adapters.memory import MemoryObject
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.model.row_lifecycle import copies_of

from .bucket import DAMAGE, Bucket
from .scenario import Scenario
from .source_rules import HOUR, PICKS


class BucketRules:
    """A part of the machine."""

    scenario: Scenario

    def tell(self, line: str) -> None:
        raise NotImplementedError

    @precondition(lambda self: self.scenario.partitions)
    @rule(pick=PICKS, back=st.integers(1, 3), lagging=st.booleans())
    def a_partition_is_restored(self, pick: int, back: int, lagging: bool) -> None:
        """To an earlier version; the listing may show the later one for a while."""
        scenario = self.scenario
        key = scenario.partitions[pick % len(scenario.partitions)]
        history = scenario.bucket.history[key]
        self.tell(f"{key} is restored to {min(back, len(history) - 1)} versions before, listed late: {lagging}")
        if lagging:
            scenario.bucket.list_late()
        scenario.bucket.write(key, history[max(0, len(history) - 1 - back)].body)
        self._forget(key)

    @precondition(lambda self: self.scenario.partitions)
    @rule(pick=PICKS, damaged=st.booleans(), lagging=st.booleans())
    def a_partition_is_lost(self, pick: int, damaged: bool, lagging: bool) -> None:
        scenario = self.scenario
        key = scenario.partitions[pick % len(scenario.partitions)]
        self.tell(f"{key} is {'damaged' if damaged else 'removed'}, listed late: {lagging}")
        if lagging:
            scenario.bucket.list_late()
        if damaged:
            scenario.bucket.write(key, DAMAGE)
        else:
            del scenario.bucket.objects[key]
        self._forget(key)

    @precondition(lambda self: self.scenario.layout.checkpoint in self.scenario.bucket.objects)
    @rule(back=st.integers(0, 4), how=st.sampled_from(["restored", "restored", "removed", "damaged"]))
    def the_checkpoint_is_tampered_with(self, back: int, how: str) -> None:
        scenario = self.scenario
        key = scenario.layout.checkpoint
        history = scenario.bucket.history[key]
        self.tell(f"the checkpoint is {how}" + (f" to {back} versions before" if how == "restored" else ""))
        if how == "restored":
            scenario.bucket.write(key, history[max(0, len(history) - 1 - back)].body)
        elif how == "damaged":
            scenario.bucket.write(key, b'{"version": 3}')
        else:
            del scenario.bucket.objects[key]
        scenario.bucket.unseen = scenario.bucket.listing is not None
        scenario.disturb()

    @rule(lagging=st.booleans())
    def the_listing_lags(self, lagging: bool) -> None:
        self.tell("the store lists what is there now, and no more" if lagging else "the store lists all again")
        if lagging:
            self.scenario.bucket.list_late()
        else:
            self.scenario.bucket.list_all()

    @rule(spelling=st.sampled_from(["{}", '"{}"', "W-{}"]))
    def etags_are_spelt_otherwise(self, spelling: str) -> None:
        self.tell(f"the listing spells an ETag {spelling!r}")
        self.scenario.bucket.spelling = spelling

    @rule(pick=PICKS, how=st.sampled_from(["deleted", "cut", "all deleted"]))
    def images_are_spoilt(self, pick: int, how: str) -> None:
        """By the administrator."""
        bucket = self.scenario.bucket
        keys = [key for key in bucket.keys(self.scenario.layout.images) if key not in bucket.tampered]
        if how != "all deleted":
            keys = keys[pick % len(keys) :][:1] if keys else []
        self.tell(f"{len(keys)} images in the bucket are {how}")
        for key in keys:
            bucket.tampered[key] = item = bucket.objects.pop(key)
            if how == "cut":
                bucket.objects[key] = MemoryObject(item.body[:3], "cut", "", {})

    @precondition(lambda self: self.scenario.bucket.tampered)
    @rule()
    def images_are_restored(self) -> None:
        bucket = self.scenario.bucket
        self.tell(f"{len(bucket.tampered)} images in the bucket are restored")
        bucket.objects |= bucket.tampered
        bucket.tampered.clear()

    @precondition(lambda self: self.scenario.partitions)
    @rule(pick=PICKS, all_of_them=st.booleans())
    def partitions_are_moved_to_an_archive_class(self, pick: int, all_of_them: bool) -> None:
        scenario = self.scenario
        keys = scenario.partitions if all_of_them else [scenario.partitions[pick % len(scenario.partitions)]]
        self.tell(f"{', '.join(keys)} moved to an archive class")
        for key in keys:
            scenario.bucket.frozen.add(key)
            self._mislead_about(key)

    @precondition(lambda self: self.scenario.bucket.frozen)
    @rule()
    def partitions_can_be_read_again(self) -> None:
        self.tell("what was in an archive class can be read again")
        self.scenario.thaw()

    @rule(share=st.sampled_from(["all", "half", "none"]))
    def the_bucket_is_copied(self, share: str) -> None:
        """To another name, where the archive goes on; perhaps without half of the images, or without any."""
        scenario, old = self.scenario, self.scenario.bucket
        number = int("0" + scenario.layout.bucket.removeprefix("archive")) + 1
        self.tell(f"the bucket is copied to archive{number}, {share} of its images")
        new = Bucket(history=old.history, tampered=dict(old.tampered), spelling=old.spelling, versions=old.versions)
        for turn, (key, item) in enumerate(list(old.objects.items())):
            left = share == "none" or (share == "half" and turn % 2)
            if left and key.startswith(scenario.layout.images):
                new.tampered.setdefault(key, item)
            else:
                new.write(key, item.body, item.content_type, item.metadata)
        scenario.bucket, scenario.layout = new, Layout(f"archive{number}", scenario.layout.prefix)
        scenario.disturb()

    @rule()
    def reports_expire(self) -> None:
        self.tell("a lifecycle rule deletes runs/")
        for key in self.scenario.bucket.keys(self.scenario.layout.runs):
            del self.scenario.bucket.objects[key]

    @rule(hours=st.sampled_from([1, 1, 3, 12, 30, 24 * 5, 24 * 40]))
    def time_passes(self, hours: int) -> None:
        self.tell(f"{hours} h pass")
        self.scenario.pass_time(hours * HOUR)

    @rule(skew=st.sampled_from([0, -30, -2, 1, 48, 24 * 365]))
    def our_clock_jumps(self, skew: int) -> None:
        self.scenario.account.lies.skew = timedelta(0)
        self.tell(f"our clock is {skew} h ahead; the source's Date is right")
        self.scenario.skew = skew * HOUR

    def _forget(self, key: str) -> None:
        """What the administrator takes away is not lost by us."""
        scenario = self.scenario
        scenario.bucket.unseen = scenario.bucket.listing is not None
        rows = scenario.rows_of(key) if key in scenario.bucket.objects else []
        scenario.copies[key] = {(row.key, copy.sha256 or "") for row in rows for copy in copies_of(row)}
        self._mislead_about(key)

    def _mislead_about(self, key: str) -> None:
        scenario = self.scenario
        day = scenario.layout.parse_partition(key)
        scenario.mislead(output.id for output in scenario.account.made if output.g.date() == day)
