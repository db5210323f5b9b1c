"""The keys of the bucket: built and parsed here only, from validated parts.

::

    {prefix}/images/dt=2026-11-21/{output_id}.original.{16 hex of its SHA-256}.jpeg   its bytes never change
    {prefix}/manifest/dt=2026-11-21/manifest.parquet
    {prefix}/checkpoint.json
    {prefix}/models/models.parquet                             names of models; schedulers.parquet beside it
    {prefix}/runs/{started}-{run_id}.json
    {prefix}/changes/000000/000000041.json                     what one commit changed, numbered without gaps
    {prefix}/forgotten/{started}-{run_id}.json                 what a person asked to forget: keys and dates
    {prefix}/damaged/{run_id}/manifest/dt=2026-11-21/...       set aside by a rebuild, unchanged
    {prefix}/restored-from.json                                what a restore --into copied here
    {prefix}/.probe-{run_id}                                   exists only during the test for conditional writes
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from .times import BEGINNING, FAR_FUTURE

EXTENSIONS = {
    "image/jpeg": "jpeg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/avif": "avif",
}
"""By content type."""

_ID = r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}"
_SAFE_ID = re.compile(_ID, re.ASCII)
_REPORT = re.compile(rf"runs/\d{{8}}T\d{{6}}Z-{_ID}\.json", re.ASCII)
_CHANGE = re.compile(r"changes/(\d{6})/(\d{9})\.json", re.ASCII)
CHANGES_IN_A_FOLDER = 1000
"""So that the end of the log is found by two requests."""
_PREFIX = re.compile(r"[0-9A-Za-z!_.*'()=-]+(/[0-9A-Za-z!_.*'()=-]+)*", re.ASCII)
_BUCKET = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{1,61}[0-9A-Za-z]", re.ASCII)
_IMAGE = re.compile(
    rf"images/dt=(\d{{4}}-\d\d-\d\d)/({_ID})\.(original|upscaled)\.([0-9a-f]{{16}})\.({'|'.join(EXTENSIONS.values())})",
    re.ASCII,
)
_IMAGE_AT_END = re.compile(rf"(?:^|/)({_IMAGE.pattern})$", re.ASCII)
DIGEST_DIGITS = 16
_DIGEST = re.compile(r"[0-9a-f]{16}", re.ASCII)
_MANIFEST = re.compile(r"manifest/dt=(\d{4}-\d\d-\d\d)/manifest\.parquet", re.ASCII)


class Rendition(StrEnum):
    """The images of an output."""

    ORIGINAL = "original"
    UPSCALED = "upscaled"


def is_safe_id(text: str) -> bool:
    """Whether an id may be part of a key: at most 128 letters, digits, `-` and `_`. Case distinguishes ids and keys."""
    return _SAFE_ID.fullmatch(text) is not None


def day_of(created_at: datetime) -> date:
    """Return an output's partition: the UTC day of its request. Raises ValueError for a naive datetime."""
    if created_at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return created_at.astimezone(UTC).date()


@dataclass(frozen=True, slots=True)
class ImageKey:
    """The parts of an image's key. `digest`: the first 16 hexadecimal digits of the SHA-256 of its bytes, so that the bytes
    under a key never change.
    """

    day: date
    output_id: str
    rendition: Rendition
    digest: str
    extension: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The location of an archive: `bucket`, and `prefix` without slashes at its ends (may be empty)."""

    bucket: str
    prefix: str = ""

    def __post_init__(self) -> None:
        if not _BUCKET.fullmatch(self.bucket) or ".." in self.bucket:
            raise ValueError(f"not a bucket name: {self.bucket!r}")
        if self.prefix and (
            not _PREFIX.fullmatch(self.prefix)
            or len(self.prefix) > 512
            or any(part in (".", "..") for part in self.prefix.split("/"))
        ):
            raise ValueError(f"not a key prefix (letters, digits, -_.!*'()= and single slashes): {self.prefix!r}")

    @classmethod
    def parse(cls, uri: str) -> Layout:
        """Parse `s3://bucket/prefix`, with or without a slash at its end. Raises ValueError."""
        if not uri.startswith("s3://"):
            raise ValueError(f"not an s3:// address: {uri!r}")
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        return cls(bucket, prefix.removesuffix("/"))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def key(self, relative: str) -> str:
        return f"{self.prefix}/{relative}" if self.prefix else relative

    def uri(self, key: str) -> str:
        """Return the s3:// address of a full key."""
        return f"s3://{self.bucket}/{key}"

    @property
    def checkpoint(self) -> str:
        return self.key("checkpoint.json")

    @property
    def manifest(self) -> str:
        """The folder of all partitions, with its closing slash."""
        return self.key("manifest/")

    @property
    def restored_from(self) -> str:
        """What a restore into this archive has copied, and from where."""
        return self.key("restored-from.json")

    @property
    def runs(self) -> str:
        return self.key("runs/")

    def partition(self, day: date) -> str:
        return self.key(f"manifest/dt={day.isoformat()}/manifest.parquet")

    def image(self, key: ImageKey) -> str:
        if key.extension not in EXTENSIONS.values() or not _DIGEST.fullmatch(key.digest):
            raise ValueError(f"not a part of a key: {key.digest!r}, {key.extension!r}")
        name = f"{_checked(key.output_id)}.{key.rendition}.{key.digest}.{key.extension}"
        return self.key(f"images/dt={key.day.isoformat()}/{name}")

    def own_image(self, uri: str) -> str | None:
        """The full key, in this archive, of the image that a row's `uri` names; None if it names no image of an archive. The
        uri may name another bucket or prefix: an archive that was copied elsewhere is read where it is.
        """
        found = _IMAGE_AT_END.search(uri)
        return self.key(found[1]) if found else None

    def run_report(self, started: datetime, run_id: str) -> str:
        return self.key(f"runs/{started.astimezone(UTC):%Y%m%dT%H%M%SZ}-{_checked(run_id)}.json")

    def all_findings(self, started: datetime, run_id: str) -> str:
        """The list of all that a verify found, beside its report, if that does not have all."""
        return self.run_report(started, run_id).removesuffix(".json") + ".findings.json"

    @property
    def models(self) -> str:
        """The folder of the registers of models and schedulers, with its closing slash."""
        return self.key("models/")

    def register(self, kind: str) -> str:
        """The register of `models` or of `schedulers`."""
        return self.key(f"models/{_checked(kind)}.parquet")

    @property
    def changes(self) -> str:
        """The folder of the change records, with its closing slash."""
        return self.key("changes/")

    def change_record(self, number: int) -> str:
        return self.key(f"changes/{number // CHANGES_IN_A_FOLDER:06}/{number:09}.json")

    def parse_change_record(self, key: str) -> int | None:
        """Return the number of a change record's key, or None if it is not one."""
        found = _CHANGE.fullmatch(self._relative(key))
        number = int(found[2]) if found else 0
        return number if number and key == self.change_record(number) else None

    @property
    def forgotten(self) -> str:
        """The folder of the records of what was forgotten, with its closing slash."""
        return self.key("forgotten/")

    def forget_record(self, started: datetime, run_id: str) -> str:
        return self.key(f"forgotten/{started.astimezone(UTC):%Y%m%dT%H%M%SZ}-{_checked(run_id)}.json")

    @property
    def images(self) -> str:
        """The folder of all images, with its closing slash."""
        return self.key("images/")

    def images_of(self, day: date) -> str:
        """The folder of a day's images, with its closing slash."""
        return self.key(f"images/dt={day.isoformat()}/")

    def set_aside(self, key: str, run_id: str) -> str:
        """Return the key to which a rebuild moves the damaged object at `key`."""
        return self.key(f"damaged/{_checked(run_id)}/{self._relative(key)}")

    @property
    def damaged(self) -> str:
        """The folder of what rebuilds have set aside, with its closing slash."""
        return self.key("damaged/")

    def parse_set_aside(self, key: str) -> date | None:
        """Return the day of a partition that was set aside at this key, or None if it is none."""
        name, _, kept = self._relative(key).partition("damaged/")[2].partition("/")
        return self.parse_partition(self.key(kept)) if name else None

    def is_run_report(self, key: str) -> bool:
        return _REPORT.fullmatch(self._relative(key)) is not None

    def probe(self, run_id: str) -> str:
        return self.key(f".probe-{_checked(run_id)}")

    def _relative(self, key: str) -> str:
        """Return the key without the prefix, or an empty text if it is outside the prefix."""
        root = self.key("")
        return key[len(root) :] if key.startswith(root) else ""

    def parse_image(self, key: str) -> ImageKey | None:
        """Return the parts of an image's key, or None if it is not one."""
        found = _IMAGE.fullmatch(self._relative(key))
        day = _day(found[1]) if found else None
        return ImageKey(day, found[2], Rendition(found[3]), found[4], found[5]) if found and day else None

    def parse_partition(self, key: str) -> date | None:
        """Return the day of a partition's key, or None if it is not one."""
        found = _MANIFEST.fullmatch(self._relative(key))
        return _day(found[1]) if found else None


def _checked(part: str) -> str:
    if not is_safe_id(part):
        raise ValueError(f"not a part of a key: {part!r}")
    return part


def _day(text: str) -> date | None:
    """Return the day, or None if no output can have been requested on it."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if BEGINNING.date() <= day < FAR_FUTURE.date() else None
