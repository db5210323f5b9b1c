"""docker/helm-values.yaml fits the image, the DAG and the steps of docs/containers.md. No chart and no cluster are here."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml
from airflow.models.connection import Connection

from stablecog_provider import __version__
from support.readme import page
from support.tree import ROOT

VALUES: dict[str, Any] = yaml.safe_load((ROOT / "docker/helm-values.yaml").read_text())
DOCUMENT = page("containers")


def created() -> dict[str, str]:
    """Name and key of each Secret that the page creates."""
    found = re.findall(r"create secret generic (\S+)\s+(?:\\\s+)?--from-literal=([\w-]+)=", DOCUMENT)
    return dict(found)


def test_versions_are_those_of_the_image() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert f"AIRFLOW_VERSION := {VALUES['airflowVersion']}\n" in makefile
    assert VALUES["images"]["airflow"]["tag"] == __version__


def test_every_secret_is_created_by_the_page_with_the_key_that_is_read() -> None:
    """The keys of the chart's own secrets are those of its documentation."""
    needed = {
        VALUES["fernetKeySecretName"]: "fernet-key",
        VALUES["apiSecretKeySecretName"]: "api-secret-key",
        VALUES["jwtSecretName"]: "jwt-secret",
        VALUES["data"]["metadataSecretName"]: "connection",
        **{each["secretName"]: each["secretKey"] for each in VALUES["secret"]},
    }
    assert created() == needed


def test_the_dag_finds_its_bucket_and_both_connections() -> None:
    environ = {each["name"]: each["value"] for each in VALUES["env"]}
    dag = (ROOT / "dags/stablecog_archive_daily.py").read_text()
    for name in ("STABLECOG_ARCHIVE_BUCKET", "STABLECOG_ARCHIVE_PREFIX"):
        assert name in environ
        assert f'"{name}"' in dag
    aws = Connection.from_json(environ["AIRFLOW_CONN_AWS_DEFAULT"])
    assert (aws.conn_type, aws.extra_dejson) == ("aws", {"region_name": "eu-central-1"})
    assert [each["envName"] for each in VALUES["secret"]] == ["AIRFLOW_CONN_STABLECOG_DEFAULT"]
    (text,) = re.findall(r"--from-literal=connection='(\{.+?\})'", DOCUMENT)
    assert Connection.from_json(json.dumps(json.loads(text))).conn_type == "stablecog"


def test_no_secret_is_written_down() -> None:
    text = (ROOT / "docker/helm-values.yaml").read_text().lower()
    assert "password" not in text
    assert "postgresql://" not in text


def test_the_image_holds_the_executor_and_dags() -> None:
    assert VALUES["executor"] == "KubernetesExecutor"
    assert "apache-airflow-providers-cncf-kubernetes==" in (ROOT / "docker/requirements-airflow.lock").read_text()
    assert "COPY --chown=50000:0 dags /opt/airflow/dags" in (ROOT / "docker/Dockerfile").read_text()
    assert VALUES["dags"] == {"persistence": {"enabled": False}, "gitSync": {"enabled": False}}
