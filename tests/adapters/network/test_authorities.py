"""Files and folders with certificate authorities, and what cannot be used."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import boto3
import pytest

from dev.local.authority import Authority
from stablecog_provider.adapters.network.authorities import Authorities, client_context
from stablecog_provider.adapters.network.network import DIRECT, Network
from stablecog_provider.adapters.network.store_network import aws_network, store_network
from stablecog_provider.errors import ConfigurationError
from support.aws_services import Aws


def trusted(authorities: Authorities) -> set[str]:
    """The names of the trusted authorities."""
    names: set[str] = set()
    for certificate in client_context(authorities).get_ca_certs():
        subject: Any = certificate["subject"]
        names |= {value for part in subject for key, value in part if key == "commonName"}
    return names


def test_a_named_file_replaces_the_machines_authorities(tmp_path: Path) -> None:
    file = Authority.create(tmp_path).file
    authorities = Authorities.of({"SSL_CERT_FILE": str(file), "REQUESTS_CA_BUNDLE": "/not/read"})
    assert trusted(authorities) == {"corp"}
    assert authorities.named_by == "SSL_CERT_FILE"


def test_file_and_folders_are_taken_together(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        Authority.create(tmp_path / name, name)
    variables = {"SSL_CERT_FILE": str(tmp_path / "one/one.pem"), "SSL_CERT_DIR": f"{tmp_path}/two:{tmp_path}/three"}
    authorities = Authorities.of(variables)
    assert trusted(authorities) == {"one", "two", "three"}
    assert authorities.named_by == "SSL_CERT_FILE and SSL_CERT_DIR"


def test_the_bundle_of_requests_counts_if_nothing_else_is_named(tmp_path: Path) -> None:
    authorities = Authorities.of({"REQUESTS_CA_BUNDLE": str(Authority.create(tmp_path).file), "SSL_CERT_FILE": " "})
    assert trusted(authorities) == {"corp"}
    assert authorities.named_by == "REQUESTS_CA_BUNDLE"


def test_without_a_variable_public_authorities_are_trusted() -> None:
    assert len(trusted(Authorities.of({}))) > 50
    assert client_context(Authorities.of({})).verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        ("", "contains no certificate"),
        ("geheim", "contains no certificate"),
        ("-----BEGIN CERTIFICATE-----\ngeheim\n-----END CERTIFICATE-----\n", "cannot be read"),
    ],
)
def test_what_holds_no_authority_is_refused_by_name(
    variable: str, content: str | None, reason: str, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match=rf"^{variable} cannot be used: .*ca\.pem.*{reason}") as raised:
        Network.of({variable: str(file)})
    assert "geheim" not in str(raised.value)


def test_a_folder_without_certificates_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="contains no certificate"):
        Authorities.in_path(str(tmp_path), "SSL_CERT_DIR")


@pytest.mark.parametrize("value", ["", "/no/such/file"])
def test_aws_ca_bundle(value: str, aws: Aws) -> None:
    aws.configure("", AWS_CA_BUNDLE=value)
    if not value:
        assert aws_network(DIRECT, boto3.Session()) is DIRECT
        return
    with pytest.raises(ConfigurationError, match=r"^AWS_CA_BUNDLE cannot be used: /no/such/file"):
        aws_network(DIRECT, boto3.Session())


def test_the_bundle_of_the_profile_is_named_as_such(aws: Aws) -> None:
    aws.configure("[default]\nca_bundle = /no/such/file\n")
    with pytest.raises(ConfigurationError, match=r"^ca_bundle of the AWS profile cannot be used"):
        aws_network(DIRECT, boto3.Session())


@pytest.mark.parametrize("verify", [None, True, ""])
def test_verify_that_changes_nothing(verify: bool | str | None) -> None:
    assert store_network(DIRECT, verify) is DIRECT


def test_verify_as_a_path(tmp_path: Path) -> None:
    found = store_network(DIRECT, str(Authority.create(tmp_path).file))
    assert trusted(found.authorities) == {"corp"}


def test_verify_that_is_false_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="always checked"):
        store_network(DIRECT, False)
