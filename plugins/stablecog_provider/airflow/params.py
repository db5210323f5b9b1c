"""Params of Dags, one per setting of an operator, so that each can be set in Airflow's form when a Dag is triggered by hand."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

from ..archive.refresh import RefreshSettings
from ..archive.restore import RestoreSettings
from ..archive.run_settings import ArchiveSettings
from ..archive.verify import VerifySettings
from .hooks import StablecogHook

SPAN = r"^([0-9]{1,6}(\.[0-9]{1,3})?[smhdw]|0|)$"
"""A duration, as the command line writes it."""
BUCKET = r"^[0-9A-Za-z][0-9A-Za-z._-]{1,61}[0-9A-Za-z]$"
PREFIX = r"^([0-9A-Za-z!_.*'()=-]+(/[0-9A-Za-z!_.*'()=-]+)*)?$"
_SELDOM = "Seldom needed"


def place_params(bucket: str, prefix: str) -> dict[str, Param]:
    """Where the archive is, and the connections to the account and to the bucket."""
    return {
        "bucket": Param(bucket, type="string", pattern=BUCKET, description="Bucket of the archive"),
        "prefix": Param(
            prefix,
            type="string",
            maxLength=512,
            pattern=PREFIX,
            description="Prefix of the archive, without a slash at either end",
        ),
        "stablecog_conn_id": _seldom(
            StablecogHook.default_conn_name, type="string", description="Connection to the account"
        ),
        "aws_conn_id": _seldom(
            "aws_default", type="string", description="Connection to the store; None for the worker's own credentials"
        ),
    }


def run_params(*, lookback: str = "1d", refresh_within: str = "") -> dict[str, Param]:
    """The settings of `StablecogToS3Operator`."""
    return {
        "retry_failed": Param(False, type="boolean", description="Retry all failed images now"),
        "allow_account_mismatch": Param(
            False, type="boolean", description="Continue even if the source does not look like the archived account"
        ),
        "allow_deletions": _number(
            0, ArchiveSettings, "allow_deletions", "Allow this many outputs to be marked as deleted at the source"
        ),
        "start": Param("", type="string", description="Archive from this UTC day or instant on; empty: no bound"),
        "end": Param("", type="string", description="Archive what is before this UTC day or instant; empty: no bound"),
        "lookback": span_param(lookback, "How far before the watermark the listing is read again"),
        "refresh_within": span_param(
            refresh_within, "Read so much again that everything was read within this time; empty: a slice per run"
        ),
        "per_page": _number(ArchiveSettings.per_page, ArchiveSettings, "per_page", "Outputs per request", seldom=True),
        "concurrency": concurrency_param(ArchiveSettings, "Upper limit on parallel copies"),
        "allow_unsafe_store": _seldom(
            False,
            type="boolean",
            description="Continue if the store ignores conditional writes: let no two runs overlap",
        ),
    }


def verify_params(budget: str) -> dict[str, Param]:
    """The settings of `StablecogVerifyOperator`, `budget` as `verify_budget`."""
    return {
        "verify_budget": Param(
            budget, type="string", description="How much to verify: bytes (50GB), a time (2h), images, or empty for all"
        ),
        "level": Param(
            VerifySettings.level,
            enum=["listing", "checksum", "content"],
            description="Compare sizes of the listing, the store's checksums, or every byte",
        ),
        "repair": Param(False, type="boolean", description="Repair what verify finds"),
    }


def restore_params() -> dict[str, Param]:
    """What a restore selects and how, without the place that it writes to."""
    return {
        "where": Param(
            "", type="string", description="A DuckDB condition on the columns of the manifest; empty for everything"
        ),
        "rendition": Param(
            RestoreSettings.rendition, enum=["original", "upscaled", "both"], description="Which images of an output"
        ),
        "sample": _number(0, RestoreSettings, "sample", "Restore this many images, drawn at random; 0 for all"),
        "seed": _seldom(
            None, type=["null", "integer"], minimum=0, description="Seed of the drawing; empty: another one each time"
        ),
        "dry_run": Param(False, type="boolean", description="Count what would be restored, and write nothing"),
        "concurrency": concurrency_param(RestoreSettings, "Upper limit on images at the same time"),
    }


def span_param(default: str, description: str) -> Param:
    """A duration: `36h`, `30d`, `0`, or empty."""
    return Param(default, type="string", pattern=SPAN, description=description)


def concurrency_param(
    settings: type[ArchiveSettings | RefreshSettings | RestoreSettings | VerifySettings], description: str
) -> Param:
    """An upper limit, with the default and the bounds of the settings."""
    return _number(settings.concurrency, settings, "concurrency", description, seldom=True)


def templates(*params: str) -> dict[str, str]:
    """Arguments of an operator, each with the value of the param of its name."""
    return {name: f"{{{{ params.{name} }}}}" for name in params}


def _number(default: int, settings: Any, name: str, description: str, *, seldom: bool = False) -> Param:
    least, greatest = settings.BOUNDS[name]
    kind = _seldom if seldom else Param
    return kind(default, type="integer", minimum=least, maximum=greatest, description=description)


def _seldom(default: Any, **schema: Any) -> Param:
    """One in a section that is folded in the form."""
    return Param(default, section=_SELDOM, **schema)
