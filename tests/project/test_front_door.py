"""The library's front door: what it promises, and that a promise costs nothing until it is used."""

from __future__ import annotations

import gc
import subprocess
import sys
from datetime import timedelta

import boto3
import pytest

import stablecog_provider
from dev.local.s3_server import S3Server
from stablecog_provider import ArchiveSettings, ConfigurationError, Layout, archive, open_archive, status
from stablecog_provider.cli.commands import NAMES
from stablecog_provider.simulator.clock import SimulatedClock
from stablecog_provider.simulator.server import Simulator
from stablecog_provider.simulator.world import DEFAULT_KEY, World

HEAVY = (
    "airflow",
    "aiohttp",
    "asyncio",
    "PIL",
    "boto3",
    "botocore",
    "duckdb",
    "httpx",
    "obstore",
    "pyarrow",
    "rich",
    "tenacity",
    "typer",
)
FEW = 60
"""Modules, the standard library's included, besides those of a bare Python."""


def imported(code: str) -> set[str]:
    """The modules that `code` imports in a fresh Python."""
    script = f"import sys; bare = set(sys.modules); {code}; print('FOUND', *sorted(set(sys.modules) - bare))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.partition("FOUND")[2].split())


def test_every_promised_name_exists() -> None:
    assert sorted(stablecog_provider.__all__) == stablecog_provider.__all__
    for name in stablecog_provider.__all__:
        assert getattr(stablecog_provider, name) is not None
    assert set(stablecog_provider.__all__) <= set(dir(stablecog_provider))
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        _ = stablecog_provider.colour


@pytest.mark.parametrize(
    "code",
    [
        "import stablecog_provider",
        "from stablecog_provider import get_provider_info; get_provider_info()",
        "from stablecog_provider import ConfigurationError, errors",
        "from stablecog_provider.cli import main; main(['--version'])",
    ],
)
def test_what_needs_no_library_imports_none(code: str) -> None:
    found = imported(code)
    assert sorted(found.intersection(HEAVY)) == []
    assert len(found) < FEW


@pytest.mark.parametrize("command", NAMES)
def test_the_help_of_a_command_imports_no_client(command: str) -> None:
    found = imported(f"from stablecog_provider.cli import main; main(['{command}', '--help'])")
    assert sorted(found.intersection(HEAVY) - {"asyncio", "typer"}) == []
    others = {*NAMES} - {command}
    assert not [name for name in others if f"stablecog_provider.cli.{name}" in found]


OPENED = """
import asyncio, boto3
from stablecog_provider import open_archive
async def main():
    session = boto3.Session('access', 'secret', region_name='eu-west-1')
    async with open_archive('s3://bucket', api_key='key', session=session, endpoint_url='http://127.0.0.1:9'): pass
asyncio.run(main())
"""


def test_an_open_archive_has_not_imported_the_image_client() -> None:
    found = imported(f"exec({OPENED!r})")
    assert {"httpx", "obstore", "pyarrow"} <= found
    assert "aiohttp" not in found


def test_the_state_of_an_archive_needs_the_store_alone() -> None:
    code = "from stablecog_provider.cli import main; main(['status', '--to', 's3://bucket', '--endpoint-url', 'none'])"
    found = imported(code)
    assert "obstore" in found
    assert sorted(found & {"aiohttp", "httpx", "pyarrow"}) == []


@pytest.mark.parametrize(
    "first",
    [
        "import stablecog_provider.archive.run",
        "import stablecog_provider.adapters.assembly",
        "from stablecog_provider import ArchiveSettings",
        "pass",
    ],
)
def test_archive_is_the_use_case_whatever_was_imported_before(first: str) -> None:
    imported(
        f"{first}; from stablecog_provider import archive; assert callable(archive); import stablecog_provider as s"
    )


async def test_an_account_is_archived_by_the_library_alone(moto_server: S3Server) -> None:
    world = World.generate(outputs=12, days=2)
    clock = SimulatedClock(world.present + timedelta(hours=1))
    before = gc.get_threshold(), gc.get_freeze_count()
    async with (
        Simulator(world, clock=clock) as simulator,
        open_archive(
            "s3://archive/library",
            api_key=DEFAULT_KEY,
            address=simulator.address,
            image_hosts=[simulator.address.removeprefix("http://")],
            requests_per_second=9.9,
            session=moto_server.session(),
            endpoint_url=moto_server.endpoint,
        ) as (ports, layout),
    ):
        report = await archive(ports, ArchiveSettings(layout))
        state = await status(ports.store, layout)
        assert (gc.get_threshold(), gc.get_freeze_count()) == before
    assert (report.outcome, state.outcome) == ("proven", "proven")
    assert report.copied >= 12


async def test_a_layout_is_taken_as_it_is() -> None:
    session = boto3.Session("access", "secret", region_name="eu-west-1")
    asked = Layout("bucket", "prefix")
    async with open_archive(asked, api_key="key", session=session, endpoint_url="http://127.0.0.1:9") as opened:
        assert opened.layout == asked
        assert opened.ports.store.requests == opened.ports.source.requests == 0


@pytest.mark.parametrize(
    ("to", "settings"),
    [
        ("bucket/prefix", {}),
        ("s3://b", {}),
        ("s3://bucket", {"address": "http://a.example"}),
        ("s3://bucket", {"api_key": ""}),
    ],
)
async def test_a_wrong_value_is_a_configuration_error(to: str, settings: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        async with open_archive(to, **{"api_key": "key", **settings}):  # type: ignore[arg-type]
            pytest.fail("it was opened")
