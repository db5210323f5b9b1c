"""Which archive a DAG writes to, and which report a DAG run left: from the XComs of its tasks."""

from __future__ import annotations

import json
from typing import Any

from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import select

NEWEST = 40
"""XComs that are looked through: those of the last runs of a DAG."""


def summaries(dag_id: str, run_id: str | None = None) -> list[dict[str, Any]]:
    """Return what tasks of the DAG have returned that names an archive, newest first. `run_id`: of one DAG run alone."""
    query = select(XComModel.value).where(XComModel.dag_id == dag_id, XComModel.key == "return_value")
    if run_id is not None:
        query = query.where(XComModel.run_id == run_id)
    with create_session() as session:
        values = session.scalars(query.order_by(XComModel.timestamp.desc()).limit(NEWEST)).all()
    found = [_document(value) for value in values]
    return [each for each in found if isinstance(each.get("archive"), str)]


def _document(value: Any) -> dict[str, Any]:
    """The value as Airflow stores it: JSON, or JSON as text."""
    try:
        document = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
