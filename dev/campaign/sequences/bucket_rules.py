"""What happens to the bucket, and what its administrator does to it."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from stablecog_provider.adapters.memory import MemoryObject
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.model.row_lifecycle import copies_of

from .bucket import Bucket
from .source_rules import HOUR, PICKS
from .world import World


class BucketRules:
    """A part of the machine."""

    world: World

    def tell(self, line: str) -> None:
        raise NotImplementedError

    @precondition(lambda self: self.world.partitions)
    @rule(pick=PICKS, back=st.integers(1, 3), lagging=st.booleans())
    def a_partition_is_restored(self, pick: int, back: int, lagging: bool) -> None:
        """To an earlier version; the listing may show the later one for a while."""
        world = self.world
        key = world.partitions[pick % len(world.partitions)]
        history = world.bucket.history[key]
        self.tell(f"{key} is restored to {min(back, len(history) - 1)} versions before, listed late: {lagging}")
        if lagging:
            world.bucket.list_late()
        world.bucket.write(key, history[max(0, len(history) - 1 - back)].body)
        self._forget(key)

    @precondition(lambda self: self.world.partitions)
    @rule(pick=PICKS, damaged=st.booleans(), lagging=st.booleans())
    def a_partition_is_lost(self, pick: int, damaged: bool, lagging: bool) -> None:
        world = self.world
        key = world.partitions[pick % len(world.partitions)]
        self.tell(f"{key} is {'damaged' if damaged else 'removed'}, listed late: {lagging}")
        if lagging:
            world.bucket.list_late()
        if damaged:
            world.bucket.write(key, b"PAR1 no more")
        else:
            del world.bucket.objects[key]
        self._forget(key)

    @precondition(lambda self: self.world.layout.checkpoint in self.world.bucket.objects)
    @rule(back=st.integers(0, 4), how=st.sampled_from(["restored", "restored", "removed", "damaged"]))
    def the_checkpoint_is_tampered_with(self, back: int, how: str) -> None:
        world = self.world
        key = world.layout.checkpoint
        history = world.bucket.history[key]
        self.tell(f"the checkpoint is {how}" + (f" to {back} versions before" if how == "restored" else ""))
        if how == "restored":
            world.bucket.write(key, history[max(0, len(history) - 1 - back)].body)
        elif how == "damaged":
            world.bucket.write(key, b'{"version": 3}')
        else:
            del world.bucket.objects[key]
        world.bucket.unseen = world.bucket.listing is not None
        world.disturb()

    @rule(lagging=st.booleans())
    def the_listing_lags(self, lagging: bool) -> None:
        self.tell("the store lists what is there now, and no more" if lagging else "the store lists all again")
        if lagging:
            self.world.bucket.list_late()
        else:
            self.world.bucket.list_all()

    @rule(spelling=st.sampled_from(["{}", '"{}"', "W-{}"]))
    def etags_are_spelt_otherwise(self, spelling: str) -> None:
        self.tell(f"the listing spells an ETag {spelling!r}")
        self.world.bucket.spelling = spelling

    @rule(pick=PICKS, how=st.sampled_from(["deleted", "cut", "all deleted"]))
    def images_are_spoilt(self, pick: int, how: str) -> None:
        """By the administrator."""
        bucket = self.world.bucket
        keys = [key for key in bucket.keys(self.world.layout.images) if key not in bucket.tampered]
        if how != "all deleted":
            keys = keys[pick % len(keys) :][:1] if keys else []
        self.tell(f"{len(keys)} images in the bucket are {how}")
        for key in keys:
            bucket.tampered[key] = item = bucket.objects.pop(key)
            if how == "cut":
                bucket.objects[key] = MemoryObject(item.body[:3], "cut", "", {})

    @precondition(lambda self: self.world.bucket.tampered)
    @rule()
    def images_are_restored(self) -> None:
        bucket = self.world.bucket
        self.tell(f"{len(bucket.tampered)} images in the bucket are restored")
        bucket.objects |= bucket.tampered
        bucket.tampered.clear()

    @rule(half=st.booleans())
    def the_bucket_is_copied(self, half: bool) -> None:
        """To another name, where the archive goes on; perhaps half of the images are not copied."""
        world, old = self.world, self.world.bucket
        number = int("0" + world.layout.bucket.removeprefix("archive")) + 1
        self.tell(f"the bucket is copied to archive{number}, {'half' if half else 'all'} of its images")
        new = Bucket(history=old.history, tampered=dict(old.tampered), spelling=old.spelling, versions=old.versions)
        for turn, (key, item) in enumerate(list(old.objects.items())):
            if half and turn % 2 and key.startswith(world.layout.images):
                new.tampered.setdefault(key, item)
            else:
                new.write(key, item.body, item.content_type, item.metadata)
        world.bucket, world.layout = new, Layout(f"archive{number}", world.layout.prefix)
        world.disturb()

    @rule()
    def reports_expire(self) -> None:
        self.tell("a lifecycle rule deletes runs/")
        for key in self.world.bucket.keys(self.world.layout.runs):
            del self.world.bucket.objects[key]

    @rule(hours=st.sampled_from([1, 1, 3, 12, 30, 24 * 5, 24 * 40]))
    def time_passes(self, hours: int) -> None:
        self.tell(f"{hours} h pass")
        self.world.pass_time(hours * HOUR)

    @rule(skew=st.sampled_from([0, -30, -2, 1, 48, 24 * 365]))
    def our_clock_jumps(self, skew: int) -> None:
        self.world.account.lies.skew = timedelta(0)
        self.tell(f"our clock is {skew} h ahead; the source's Date is right")
        self.world.skew = skew * HOUR

    def _forget(self, key: str) -> None:
        """What the administrator takes away is not lost by us."""
        world = self.world
        world.bucket.unseen = world.bucket.listing is not None
        rows = world.rows_of(key) if key in world.bucket.objects else []
        world.copies[key] = {(row.key, copy.sha256 or "") for row in rows for copy in copies_of(row)}
        day = world.layout.parse_partition(key)
        world.mislead(output.id for output in world.account.made if output.g.date() == day)
