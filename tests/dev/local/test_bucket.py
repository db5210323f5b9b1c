"""`python -m dev.local.bucket` damages objects of a local server, and of no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from dev.local import bucket


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(address: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in (
        ("AWS_ENDPOINT_URL_S3", address),
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "b"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    client = boto3.Session().client("s3", endpoint_url=address)
    client.create_bucket(Bucket="keeper")
    # All moto servers of a process share their buckets, so this one has a name of its own.
    for item in client.list_objects_v2(Bucket="keeper").get("Contents", []):
        client.delete_object(Bucket="keeper", Key=item["Key"])
    for key in ("a/1", "a/2", "b/1"):
        client.put_object(Bucket="keeper", Key=key, Body=b"whole")
    return client


def keys(s3: Any) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket="keeper").get("Contents", [])]


def test_it_lists_removes_and_damages_what_begins_so(s3: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert bucket.main(["list", "s3://keeper/a/"]) == 0
    assert capsys.readouterr().out == "s3://keeper/a/1\ns3://keeper/a/2\n"
    assert bucket.main(["remove", "s3://keeper/a/", "--first", "1"]) == 0
    assert keys(s3) == ["a/2", "b/1"]
    assert bucket.main(["damage", "s3://keeper/b/"]) == 0
    assert s3.get_object(Bucket="keeper", Key="b/1")["Body"].read() == b"wh"


@pytest.mark.parametrize("typed", ["s3://keeper/none", "keeper/a", "s3://", "s3://other/x"])
def test_what_is_not_there_is_named(s3: Any, typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert bucket.main(["remove", typed]) == 1
    assert "error: " in capsys.readouterr().err
    assert keys(s3) == ["a/1", "a/2", "b/1"]


@pytest.mark.parametrize("endpoint", ["", "https://s3.eu-central-1.amazonaws.com", "http://10.0.0.1:9000", "junk"])
def test_a_server_that_is_not_local_is_refused(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    assert bucket.main(["remove", "s3://keeper/a"]) == 1
    assert "loopback" in capsys.readouterr().err
