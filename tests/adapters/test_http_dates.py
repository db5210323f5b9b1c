"""The dates and waits of HTTP headers, whatever a server sends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.adapters.http_dates import http_date, retry_after_seconds

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("12", 12.0),
        (" 0 ", 0.0),
        ("Sat, 21 Nov 2026 08:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 07:00:00 GMT", 0.0),
        ("Sat, 21 Nov 2026 08:01:00 -0000", 60.0),
        ("9" * 400, 999999999.0),
    ],
)
def test_the_retry_after_header(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW) == seconds


@given(st.text())
def test_no_header_raises(header: str) -> None:
    assert (retry_after_seconds(header, NOW) or 0.0) >= 0.0
    instant = http_date(header)
    assert instant is None or instant.tzinfo is UTC
