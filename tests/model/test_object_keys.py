from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.model.object_keys import EXTENSIONS, ImageKey, Layout, Rendition, day_of, is_safe_id
from stablecog_provider.model.times import BEGINNING, FAR_FUTURE

ids = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}", fullmatch=True)
prefixes = st.lists(st.text("abzXZ019-_.*'()=!", min_size=1, max_size=8), max_size=4).map("/".join)
layouts = st.builds(
    Layout,
    st.sampled_from(["bucket", "My.old_Bucket"]),
    prefixes.filter(lambda text: not {".", ".."} & set(text.split("/"))),
)
DIGEST = "0123456789abcdef"
days = st.dates(BEGINNING.date(), FAR_FUTURE.date() - timedelta(days=1))
keys = st.builds(
    ImageKey,
    day=days,
    output_id=ids,
    rendition=st.sampled_from(Rendition),
    digest=st.sampled_from(["0123456789abcdef", "f" * 16]),
    extension=st.sampled_from(sorted(EXTENSIONS.values())),
)


@given(layouts, keys)
def test_an_image_key_is_read_back_as_built(layout: Layout, key: ImageKey) -> None:
    assert layout.parse_image(layout.image(key)) == key
    assert layout.parse_partition(layout.image(key)) is None


@given(layouts, days)
def test_a_partition_key_is_read_back_as_built(layout: Layout, day: date) -> None:
    key = layout.partition(day)
    assert layout.parse_partition(key) == day
    assert key.startswith(layout.manifest)
    assert layout.parse_image(key) is None


@given(layouts, keys, keys)
def test_two_images_never_share_a_key(layout: Layout, one: ImageKey, other: ImageKey) -> None:
    assert (layout.image(one) == layout.image(other)) == (one == other)


@pytest.mark.parametrize("extension", ["jpeg", "png", "webp", "gif", "avif"])
def test_each_extension_is_known(extension: str) -> None:
    key = f"p/images/dt=2026-11-21/a.original.0123456789abcdef.{extension}"
    parsed = Layout("bucket", "p").parse_image(key)
    assert parsed is not None
    assert parsed.extension == extension
    assert Layout("bucket", "p").own_image(f"s3://other/q/{key}") == key


def test_ids_that_differ_by_case_are_two_keys() -> None:
    layout, day = Layout("bucket"), date(2026, 11, 21)
    lower, upper = (ImageKey(day, text, Rendition.ORIGINAL, DIGEST, "png") for text in ("abc", "ABC"))
    assert layout.image(lower) != layout.image(upper)
    assert layout.parse_image(layout.image(upper)) == upper


@given(layouts)
def test_an_address_is_read_back_as_shown(layout: Layout) -> None:
    assert Layout.parse(str(layout)) == layout
    assert Layout.parse(f"{layout}/") == layout


@given(layouts, st.text(max_size=30))
def test_parsing_any_key_raises_nothing(layout: Layout, key: str) -> None:
    for parsed in (layout.parse_image(key), layout.parse_image(layout.key(key))):
        assert parsed is None or layout.image(parsed).endswith(key)
    assert layout.parse_partition(key) is None or layout.partition(layout.parse_partition(key) or date.min) == key


@pytest.mark.parametrize(
    "key",
    [
        "images/dt=2026-11-21/a.original.0123456789abcdef.jpeg",
        "other/images/dt=2026-11-21/a.original.0123456789abcdef.jpeg",
        "pimages/dt=2026-11-21/a.original.0123456789abcdef.jpeg",
        "p/images/dt=2026-02-30/a.original.0123456789abcdef.jpeg",
        "p/images/dt=2026-11-21/-a.original.0123456789abcdef.jpeg",
        f"p/images/dt=2026-11-21/{'a' * 129}.original.0123456789abcdef.jpeg",
        "p/images/dt=2026-11-21/a.thumbnail.0123456789abcdef.jpeg",
        "p/images/dt=2026-11-21/a.original.0123456789abcdef.svg",
        "p/images/dt=2026-11-21/../a.original.0123456789abcdef.jpeg",
        "p/images/dt=2026-11-21/a.original.0123456789abcdef.jpeg\n",
    ],
)
def test_a_key_of_another_form_or_place_is_not_an_image(key: str) -> None:
    assert Layout("bucket", "p").parse_image(key) is None


@pytest.mark.parametrize(
    "key", ["manifest/dt=2026-11-21/manifest.parquet", "p/manifest/dt=2026-02-30/manifest.parquet", "p/manifest/x"]
)
def test_a_key_of_another_form_or_place_is_not_a_partition(key: str) -> None:
    assert Layout("bucket", "p").parse_partition(key) is None


HOSTILE = ["", ".", "..", "../x", "a/b", "a\\b", "a b", "a\n", "a.b", "-a", "_a", "é", "a\0", "a" * 129, "%2e", "١"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_ids_are_refused_as_keys(text: str) -> None:
    layout = Layout("bucket")
    assert not is_safe_id(text)
    builders: list[Callable[[], str]] = [
        lambda: layout.image(ImageKey(date(2026, 11, 21), text, Rendition.ORIGINAL, DIGEST, "png")),
        lambda: layout.run_report(datetime(2026, 11, 21, tzinfo=UTC), text),
        lambda: layout.probe(text),
    ]
    for build in builders:
        with pytest.raises(ValueError, match="not a part of a key"):
            build()


def test_an_extension_of_another_type_is_refused() -> None:
    with pytest.raises(ValueError, match="not a part of a key"):
        Layout("bucket").image(ImageKey(date(2026, 11, 21), "a", Rendition.ORIGINAL, DIGEST, "html"))


@pytest.mark.parametrize(
    "prefix", ["/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a b", "a?b", "é", "a\n", "a" * 513, "a\\b", "a%2fb"]
)
def test_hostile_prefixes_are_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="not a key prefix"):
        Layout("bucket", prefix)


@pytest.mark.parametrize("bucket", ["", "a", "ab", "-abc", "abc-", "a/b", "a..b", "a b c", "a" * 64, "abc\n"])
def test_an_invalid_bucket_name_is_refused(bucket: str) -> None:
    with pytest.raises(ValueError, match="not a bucket name"):
        Layout(bucket)


@pytest.mark.parametrize("uri", ["", "bucket/prefix", "https://bucket/prefix", "s3:/bucket", "s3://", "s3://bucket//a"])
def test_other_addresses_are_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        Layout.parse(uri)


def test_each_document_of_an_archive_has_its_key() -> None:
    layout = Layout("bucket", "a/b")
    started = datetime(2026, 11, 21, 9, 30, tzinfo=timezone(timedelta(hours=1)))
    assert layout.checkpoint == "a/b/checkpoint.json"
    assert layout.runs == "a/b/runs/"
    assert layout.run_report(started, "r1") == "a/b/runs/20261121T083000Z-r1.json"
    assert layout.probe("r1") == "a/b/.probe-r1"
    assert layout.uri(layout.checkpoint) == "s3://bucket/a/b/checkpoint.json"
    assert Layout("bucket").checkpoint == "checkpoint.json"


def test_a_partition_is_the_utc_day() -> None:
    assert day_of(datetime(2026, 11, 21, 0, 30, tzinfo=timezone(timedelta(hours=1)))) == date(2026, 11, 20)
    with pytest.raises(ValueError, match="time zone"):
        day_of(datetime(2026, 11, 21))  # noqa: DTZ001
