from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.model.times import BEGINNING, FAR_FUTURE, format_instant, parse_instant, parse_rfc3339

instants = st.datetimes(datetime(2000, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59)


@given(instants)
def test_what_is_written_is_read_back(instant: datetime) -> None:
    assert parse_instant(format_instant(instant)) == instant


@given(instants, instants)
def test_written_instants_sort_as_they_compare(one: datetime, other: datetime) -> None:
    assert (format_instant(one) < format_instant(other)) == (one < other)


@given(instants.map(lambda at: at.replace(microsecond=0)), st.text("0123456789", max_size=9))
def test_fractions_of_any_length_are_cut_to_microseconds(second: datetime, digits: str) -> None:
    text = second.strftime("%Y-%m-%dT%H:%M:%S") + (f".{digits}" if digits else "") + "Z"
    assert parse_instant(text) == second + timedelta(microseconds=int((digits + "000000")[:6]))


@given(instants.filter(lambda at: BEGINNING + timedelta(days=2) < at < FAR_FUTURE - timedelta(days=2)), offsets)
def test_an_offset_names_the_same_instant_in_utc(instant: datetime, minutes: int) -> None:
    local = instant.astimezone(timezone(timedelta(minutes=minutes)))
    parsed = parse_instant(local.isoformat())
    assert parsed == instant
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize("text", ["2026-11-21t08:00:00z", "2026-11-21 08:00:00Z", "2026-11-21T08:00:00-00:00"])
def test_the_optional_forms_of_rfc_3339_are_read(text: str) -> None:
    assert parse_instant(text) == datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-21",
        "2026-11-21T08:00:00",
        "2026-11-21T08:00:00.Z",
        "2026-11-21T08:00:00.1234567890Z",
        "2026-11-21T08:00:00,5Z",
        "2026-11-21T08:00Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T08:60:00Z",
        "2026-11-21T08:00:60Z",
        "2026-11-21T08:00:00+01:60",
        "2026-11-21T08:00:00+24:00",
        "2026-11-21T08:00:00+0100",
        "2026-W47-6T08:00:00Z",
        "20261121T080000Z",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "1999-12-31T23:59:59.999999Z",
        "2200-01-01T00:00:00Z",
        "２026-11-21T08:00:00Z",
        "2026-11-21T08:00:00Z\n",
        " 2026-11-21T08:00:00Z",
        "-2026-11-21T08:00:00Z",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_instant(text)


@given(st.text())
def test_garbage_raises_nothing_but_value_error(text: str) -> None:
    try:
        instant = parse_rfc3339(text)
    except ValueError:
        return
    assert instant.tzinfo is UTC


def test_our_own_documents_may_have_instants_that_the_source_may_not() -> None:
    assert parse_rfc3339("1970-01-01T00:00:00Z") == datetime(1970, 1, 1, tzinfo=UTC)
    assert format_instant(datetime(3, 1, 1, tzinfo=UTC)) == "0003-01-01T00:00:00.000000Z"


def test_an_instant_without_a_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match="time zone"):
        format_instant(datetime(2026, 11, 21))  # noqa: DTZ001
