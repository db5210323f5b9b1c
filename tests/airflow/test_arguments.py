"""What a user or a template writes, as values. Airflow renders a template to text, whatever the param was."""

from __future__ import annotations

import runpy
from datetime import UTC, datetime
from typing import Any

import pytest

from stablecog_provider.airflow.arguments import count_of, flag_of, instant_of, layout_of
from stablecog_provider.errors import ConfigurationError
from support.tree import ROOT

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize("nothing", [None, "", " ", "None", "none"])
def test_an_empty_template_is_no_value(nothing: Any) -> None:
    assert instant_of("start", nothing) is None
    assert flag_of("retry_failed", nothing) is False
    assert count_of("allow_deletions", nothing) == 0


@pytest.mark.parametrize(
    "text", ["2026-11-21T12:00:00Z", "2026-11-21 14:00:00+02:00", " 2026-11-21T12:00:00.000Z ", NOON]
)
def test_an_instant_may_have_any_form_that_templates_render(text: Any) -> None:
    assert instant_of("end", text) == NOON


def test_a_day_is_its_midnight_in_utc() -> None:
    assert instant_of("start", "2026-11-21") == datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize("wrong", ["yesterday", "2026-11-21T12:00:00", datetime(2026, 11, 21), "2026-13-21"])  # noqa: DTZ001
def test_a_wrong_instant_is_refused_by_its_name(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="`start`"):
        instant_of("start", wrong)


@pytest.mark.parametrize(
    ("rendered", "flag"),
    [(True, True), ("True", True), ("true", True), (" 1 ", True), ("yes", True), (False, False), ("False", False)],
)
def test_a_flag_may_have_any_form_that_templates_render(rendered: Any, flag: bool) -> None:
    assert flag_of("retry_failed", rendered) is flag


@pytest.mark.parametrize("wrong", ["perhaps", 2, "{{ params.x }}", "truetrue"])
def test_a_wrong_flag_is_refused_by_its_name(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="`retry_failed`"):
        flag_of("retry_failed", wrong)


@pytest.mark.parametrize(("rendered", "count"), [(0, 0), (7, 7), ("260", 260), (" 7 ", 7), (10**9, 10**9)])
def test_a_count_may_have_any_form_that_templates_render(rendered: Any, count: int) -> None:
    assert count_of("allow_deletions", rendered) == count


@pytest.mark.parametrize("wrong", [-1, "all", 1.5, True, "²", "1e3", "9" * 5_000])
def test_a_wrong_count_is_refused_by_its_name(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="`allow_deletions`"):
        count_of("allow_deletions", wrong)


@pytest.mark.parametrize("dag", ["stablecog_archive_daily", "stablecog_backfill"])
@pytest.mark.parametrize("value", [None, ""])
def test_an_unset_bucket_says_which_variable_to_set(
    monkeypatch: pytest.MonkeyPatch, dag: str, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv("STABLECOG_ARCHIVE_BUCKET", raising=False)
    else:
        monkeypatch.setenv("STABLECOG_ARCHIVE_BUCKET", value)
    bucket = runpy.run_path(str(ROOT / "dags" / f"{dag}.py"))["BUCKET"]
    with pytest.raises(ConfigurationError, match="variable STABLECOG_ARCHIVE_BUCKET is not set") as raised:
        layout_of(bucket, "stablecog")
    assert "param `bucket`" in raised.value.hint


def test_a_bucket_that_is_set_is_taken() -> None:
    assert str(layout_of("is-not-set.example", "/a/")) == "s3://is-not-set.example/a"
