"""`python -m dev.local.s3`: its options, and the commands that it prints, in the hands of the real Airflow."""

from __future__ import annotations

import json
import shlex
import socket
from pathlib import Path
from typing import Any

import pytest
from airflow.cli.cli_parser import get_parser
from airflow.models.connection import Connection

from dev.local import s3
from dev.local.s3_server import GRPC_OFFSET, S3Server
from stablecog_provider.cli.simulate import connection_command

AWKWARD = S3Server("http://127.0.0.1:8333", "an access key", """it's "$HOME" `x` \\ & é""")


def lines(server: S3Server = AWKWARD, bucket: str = s3.BUCKET) -> list[str]:
    return s3.commands(server, bucket).splitlines()


def connection(line: str) -> Connection:
    """Return the connection that Airflow makes of a line, as its `connections add` does."""
    words = shlex.split(line)
    assert words[0] == "airflow"
    typed: Any = get_parser().parse_args(words[1:])
    return Connection(
        conn_id=typed.conn_id,
        conn_type=typed.conn_type,
        host=typed.conn_host,
        login=typed.conn_login,
        password=typed.conn_password,
        extra=typed.conn_extra,
    )


def connections(printed: list[str]) -> dict[str, Connection]:
    found = [connection(line) for line in printed if line.startswith("airflow ")]
    return {str(each.conn_id): each for each in found}


def test_airflow_understands_both_connections_whatever_the_values() -> None:
    found = connections(lines())
    assert set(found) == {"aws_default", "stablecog_default"}
    aws, stablecog = found["aws_default"], found["stablecog_default"]
    assert (aws.conn_type, aws.login, aws.password) == ("aws", AWKWARD.access_key, AWKWARD.secret_key)
    assert aws.extra_dejson["endpoint_url"] == AWKWARD.endpoint
    assert aws.extra_dejson["config_kwargs"] == {"s3": {"addressing_style": "path"}}
    assert (stablecog.conn_type, stablecog.host) == ("stablecog", s3.SIMULATOR)
    assert stablecog.extra_dejson == {"image_hosts": ["127.0.0.1:8787"]}


def test_a_shell_understands_the_exports_whatever_the_values() -> None:
    (exported,) = (line for line in lines() if line.startswith("export AWS"))
    values = dict(word.split("=", 1) for word in shlex.split(exported)[1:])
    assert values == {
        "AWS_ENDPOINT_URL_S3": AWKWARD.endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": AWKWARD.access_key,
        "AWS_SECRET_ACCESS_KEY": AWKWARD.secret_key,
    }


def test_what_is_no_command_is_a_comment() -> None:
    others = [line for line in lines() if not line.startswith(("export ", "airflow "))]
    assert others
    assert all(line.startswith("# ") for line in others)


def test_a_simulation_elsewhere_prints_its_own_connection() -> None:
    made = connection(connection_command("http://[::1]:9", "a key"))
    assert (made.host, made.password) == ("http://[::1]:9", "a key")
    assert json.loads(made.extra) == {"image_hosts": ["[::1]:9"]}


@pytest.mark.parametrize("above", [0, GRPC_OFFSET])
def test_a_port_in_use_is_named_before_anything_starts(
    above: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "raise_on_signals", lambda: None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1] - above
        assert s3.main([str(tmp_path / "data"), "--port", str(port)]) == 1
    printed = capsys.readouterr()
    assert f"port {port + above} of 127.0.0.1" in printed.err
    assert "--port" in printed.err
    assert printed.out == ""
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("typed", [[], ["data", "--port", "0"], ["data", "--port", "60000"], ["data", "--odd"]])
def test_wrong_options_are_refused(typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        s3.main(typed)
    assert left.value.code == 2
    assert "usage: python -m dev.local.s3" in capsys.readouterr().err


def test_the_help_names_every_option_and_the_default_port(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        s3.main(["--help"])
    assert left.value.code == 0
    told = capsys.readouterr().out
    for name in ("FOLDER", "--port", "--bucket", str(s3.PORT)):
        assert name in told
