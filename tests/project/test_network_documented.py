"""The shell lines and tables of docs/network.md."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from dev.local.authority import Authority
from stablecog_provider.adapters.network.network import DIRECT
from stablecog_provider.adapters.network.proxies import Proxies
from stablecog_provider.adapters.network.proxy_bypass import ProxyBypass
from stablecog_provider.adapters.network.store_network import aws_network
from stablecog_provider.cli.settings import SOURCE_HEADERS, source_headers
from support.aws_services import Aws
from support.tree import ROOT

TEXT = (ROOT / "docs/network.md").read_text()


def exported(mark: str) -> dict[str, str]:
    """The variables that the block marked `mark` exports."""
    (block,) = re.findall(rf"<!-- tested: {mark} -->\n```sh\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    words = (shlex.split(line) for line in block.splitlines())
    return dict(word.split("=", 1) for export, word in words if export == "export")


@pytest.mark.parametrize(
    ("scheme", "host", "port", "proxied"),
    [
        ("https", "api.stablecog.com", 443, True), ("https", "s3.corp.example", 443, False),
        ("https", "10.9.9.9", 443, False), ("https", "fd00::1", 9000, False), ("https", "fd00::1", 443, True),
        ("http", "api.stablecog.com", 80, False),
    ],
)  # fmt: skip
def test_the_proxy_of_the_page(scheme: str, host: str, port: int, proxied: bool) -> None:
    found = Proxies.of(exported("proxy")).choose(scheme, host, port)
    assert (found is not None) is proxied
    assert found is None or (found.user, found.password) == ("user", "p@ss")


def test_every_entry_of_the_table_can_be_read() -> None:
    rows = re.search(r"\| entry \| covers \|\n\|---\|---\|\n(.*?)\n\n", TEXT, re.DOTALL)
    assert rows
    entries = [entry for row in rows[1].splitlines() for entry in re.findall(r"`([^`]+)`", row.split("|")[1])]
    assert len(entries) == 12
    assert len(ProxyBypass.parse(",".join(entries)).entries) == 12


def test_the_bundle_of_the_page(aws: Aws, tmp_path: Path) -> None:
    (name,) = exported("authorities")
    aws.configure("", **{name: str(Authority.create(tmp_path).file)})
    assert aws_network(DIRECT, aws.session()).authorities.named_by == name


def test_the_gateway_of_the_page(tmp_path: Path) -> None:
    """The two lines, run by `sh` with a program that prints what it was given."""
    (tmp_path / "gateway-key").write_text("s3cret\n")
    program = tmp_path / "stablecog-archive"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$STABLECOG_SOURCE_HEADERS" "$@"\n')
    program.chmod(0o700)
    mark = "gateway"
    (block,) = re.findall(rf"<!-- tested: {mark} -->\n```sh\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    env = {"PATH": f"{tmp_path}:/bin:/usr/bin"}
    done = subprocess.run(["/bin/sh", "-ec", block], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    header, command, *arguments = done.stdout.splitlines()
    assert (source_headers({SOURCE_HEADERS: header}, []), command) == ((("X-Gateway-Key", "s3cret"),), "run")
    assert arguments[:2] == ["--source", "https://gateway.corp.example/stablecog"]
