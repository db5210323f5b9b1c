"""`stablecog-archive browse`: a page on loopback, for whoever has the address that is printed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from dev.local.s3_server import S3Server
from stablecog_provider.cli.browse import _bound
from stablecog_provider.errors import ConfigurationError
from support.tree import ROOT


def test_a_port_that_is_taken_is_named() -> None:
    with _bound(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=str(port)):
            _bound(port)


@pytest.mark.slow
def test_it_serves_until_ctrl_c(moto_server: S3Server, tmp_path: Path) -> None:
    environ = {
        "PYTHONPATH": str(ROOT / "plugins"),
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": moto_server.access_key,
        "AWS_SECRET_ACCESS_KEY": moto_server.secret_key,
        "AWS_REGION": "us-east-1",
    }
    program = "from stablecog_provider.cli import script; script()"
    command = ["browse", "--from", "s3://archive/none", "--endpoint-url", moto_server.endpoint, "--no-open", "--json"]
    with subprocess.Popen(
        [sys.executable, "-c", program, *command],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout
        address = json.loads(child.stdout.readline())["address"]
        with httpx.Client(follow_redirects=True, trust_env=False) as visitor:
            assert "No archive here yet" in visitor.get(address).text
        assert httpx.get(address, trust_env=False).status_code == 401
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == 130
        assert child.stderr
        assert child.stderr.read() == "The page is stopped.\n"
