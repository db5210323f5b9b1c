"""infra/: both templates are well-formed, and grant, store and describe the same as the documentation and the code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

from dev.engines import ddl
from support.readme import block
from support.tree import ROOT

CLOUDFORMATION = ROOT / "infra/cloudformation.yaml"
TERRAFORM = sorted((ROOT / "infra/terraform").glob("*.tf"))
DOCUMENTED = {"daily": "policy", "verify": "verify-policy", "forget": "forget-policy"}
"""The policies of the templates, and the blocks of the documentation."""
PLACES = {"bucket": "my-bucket", "prefix": "stablecog", "partition": "aws"}

Grants = set[tuple[str, str]]


def grants(statements: list[dict[str, Any]]) -> Grants:
    """Return each allowed action with each of its resources, as of the documentation's bucket and prefix."""
    found: Grants = set()
    for statement in statements:
        assert statement["Effect"] == "Allow"
        assert statement.keys() == {"Sid", "Effect", "Action", "Resource"}
        actions, resources = (_many(statement[name]) for name in ("Action", "Resource"))
        found |= {(action, resource) for action in actions for resource in resources}
    return found


def _many(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


class _Template(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
    """Reads CloudFormation, with `!Sub` and `!Ref` as of the documentation's bucket and prefix."""


def _sub(_loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    text = node.value.replace("${AWS::Partition}", "aws").replace("${BucketName}", PLACES["bucket"])
    return str(text.replace("${Prefix}", PLACES["prefix"]).replace("${!", "${"))


_Template.add_constructor("!Sub", _sub)
_Template.add_constructor("!Ref", lambda _loader, node: f"ref {node.value}")


@cache
def cloudformation() -> dict[str, Any]:
    document = yaml.load(CLOUDFORMATION.read_text(), _Template)  # noqa: S506 (a safe loader)
    found: dict[str, Any] = document["Resources"]
    return found


def _plain(value: Any) -> Any:
    """Return what hcl2 read, without its quotes and marks, as of the documentation's bucket and prefix."""
    if isinstance(value, dict):
        return {_plain(name): _plain(each) for name, each in value.items() if not name.startswith("__")}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, str):
        return value
    text = value[1:-1] if value.startswith('"') and value.endswith('"') else value
    text = text.replace("${local.bucket_arn}", "arn:aws:s3:::my-bucket").replace("${var.bucket}", "my-bucket")
    return text.replace("${var.prefix}", PLACES["prefix"]).replace("$${", "${")


@cache
def terraform() -> dict[str, dict[str, Any]]:
    """Return the resources by kind and name."""
    found: dict[str, dict[str, Any]] = {}
    for path in TERRAFORM:
        with path.open() as file:
            for each in _plain(hcl2.load(file)).get("resource", []):
                for kind, named in each.items():
                    found.setdefault(kind, {}).update(named)
    return found


def _terraform_policy(name: str) -> list[dict[str, Any]]:
    (text,) = re.findall(r"^\$\{jsonencode\((.*)\)\}$", terraform()["aws_iam_policy"][name]["policy"], re.DOTALL)
    document = json.loads(re.sub(r"(\w+) = ", r'"\1": ', text))
    statements: list[dict[str, Any]] = document["Statement"]
    return statements


def _terraform_columns() -> list[dict[str, str]]:
    with (ROOT / "infra/terraform/table.tf").open() as file:
        (found,) = (each["columns"] for each in _plain(hcl2.load(file))["locals"])
    return [{"Name": each["name"], "Type": each["type"]} for each in found]


def _documented(name: str) -> list[dict[str, Any]]:
    document = json.loads(block(DOCUMENTED[name]))
    statements: list[dict[str, Any]] = document.get("Statement", [document])
    return statements


@pytest.mark.parametrize("name", DOCUMENTED)
def test_both_templates_grant_what_is_documented_and_nothing_else(name: str) -> None:
    documented = grants(_documented(name))
    policy = cloudformation()[f"{name.capitalize()}Policy"]["Properties"]["PolicyDocument"]
    assert documented
    assert grants(policy["Statement"]) == documented
    assert grants(_terraform_policy(name)) == documented


def test_no_other_policy_is_made() -> None:
    kinds = [each["Type"] for each in cloudformation().values()]
    assert kinds.count("AWS::IAM::ManagedPolicy") == len(DOCUMENTED)
    assert [kind for kind in kinds if "IAM" in kind or "Policy" in kind] == ["AWS::IAM::ManagedPolicy"] * len(
        DOCUMENTED
    )
    assert terraform()["aws_iam_policy"].keys() == DOCUMENTED.keys()
    assert [kind for kind in terraform() if "iam" in kind or "policy" in kind] == ["aws_iam_policy"]


def test_cloudformation_is_valid() -> None:
    command = [
        str(Path(sys.executable).with_name("cfn-lint")),
        "--non-zero-exit-code",
        "informational",
        str(CLOUDFORMATION),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_bucket_is_private_versioned_and_kept() -> None:
    bucket = cloudformation()["Bucket"]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
    properties, made = bucket["Properties"], terraform()
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert made["aws_s3_bucket_versioning"]["archive"]["versioning_configuration"] == [{"status": "Enabled"}]
    blocked = properties["PublicAccessBlockConfiguration"]
    assert sorted(blocked) == sorted(re.findall(r'"(Block\w+|Ignore\w+|Restrict\w+)"', block("bucket")))
    assert all(blocked.values())
    of_terraform = made["aws_s3_bucket_public_access_block"]["archive"]
    assert {name for name, value in of_terraform.items() if value is True} == {
        re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in blocked
    }
    assert made["aws_s3_bucket"]["archive"]["lifecycle"] == [{"prevent_destroy": True}]
    (rule,) = properties["LifecycleConfiguration"]["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": "ref NoncurrentDays"}
    (rule,) = made["aws_s3_bucket_lifecycle_configuration"]["archive"]["rule"]
    assert rule["noncurrent_version_expiration"] == [{"noncurrent_days": "${var.noncurrent_days}"}]


def test_the_table_has_the_columns_and_the_properties_of_the_statement_for_athena() -> None:
    of_cloudformation = cloudformation()["Table"]["Properties"]["TableInput"]
    of_terraform = terraform()["aws_glue_catalog_table"]["images"]
    assert of_cloudformation["StorageDescriptor"]["Columns"] == ddl.glue_columns()
    assert _terraform_columns() == ddl.glue_columns()
    assert of_cloudformation["PartitionKeys"] == [{"Name": "dt", "Type": "string"}]
    assert of_terraform["partition_keys"] == [{"name": "dt", "type": "string"}]
    for parameters in (of_cloudformation["Parameters"], of_terraform["parameters"]):
        own = {name: value for name, value in parameters.items() if name.startswith(("projection", "storage"))}
        assert own == ddl.PROJECTION | {"storage.location.template": f"{ddl.ADDRESS}/dt=${{dt}}/"}
    (storage,) = of_terraform["storage_descriptor"]
    assert of_cloudformation["StorageDescriptor"]["Location"] == storage["location"] == f"{ddl.ADDRESS}/"
    assert of_cloudformation["StorageDescriptor"]["InputFormat"] == storage["input_format"]
    assert (
        of_cloudformation["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"]
        == (storage["ser_de_info"][0]["serialization_library"])
    )


def test_both_templates_take_the_same_settings() -> None:
    parameters = yaml.load(CLOUDFORMATION.read_text(), _Template)["Parameters"]  # noqa: S506 (a safe loader)
    with (ROOT / "infra/terraform/variables.tf").open() as file:
        variables = {name: each for found in _plain(hcl2.load(file))["variable"] for name, each in found.items()}
    names = {
        "BucketName": "bucket",
        "Prefix": "prefix",
        "NoncurrentDays": "noncurrent_days",
        "DatabaseName": "database",
    }
    assert {names[name] for name in parameters} == variables.keys()
    for name, parameter in parameters.items():
        assert parameter.get("Default") == variables[names[name]].get("default"), name
