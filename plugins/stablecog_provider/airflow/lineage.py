"""What an operator reads and writes, for OpenLineage and for the readers of hook lineage.

Facets are made from the settings and from the report alone: OpenLineage asks in a process of its own, where no connection can be
looked up. Images are one dataset, never one per image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..archive.reports.verify import VerifyReport
from ..model.counts import Proof
from ..model.manifest import COLUMNS
from ..model.object_keys import Layout
from ..model.verdict import Outcome

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage


class RunFacts(Protocol):
    """What reports of `run` and `refresh` share."""

    @property
    def source(self) -> str: ...
    @property
    def outcome(self) -> Outcome: ...
    @property
    def proof(self) -> Proof | None: ...
    @property
    def copied(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def refreshed(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def gone(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was checked: `expected` and `actual` as numbers. `blocks`: whether the task fails if it fails."""

    kind: str
    name: str
    passed: bool
    expected: int
    actual: int
    blocks: bool = True


def lineage_of_run(layout: Layout, stablecog_conn_id: str, report: RunFacts | None) -> OperatorLineage[Any, Any]:
    """Return what a task that archives reads and writes; without a report, what it is going to."""
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.facet_v2 import datasource_dataset, output_statistics_output_dataset

    account = _input(f"stablecog://{stablecog_conn_id}", "outputs")
    images, manifest = _output(layout, "images"), _output(layout, "manifest")
    manifest.facets["schema"] = _schema()
    inputs = [account]
    if report is not None:
        account.facets["dataSource"] = datasource_dataset.DatasourceDatasetFacet(stablecog_conn_id, report.source)
        statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
        images.outputFacets["outputStatistics"] = statistics(size=report.bytes, fileCount=report.copied)
        rows = report.copied + report.refreshed + report.failed + report.gone
        manifest.outputFacets["outputStatistics"] = statistics(rowCount=rows)
        inputs.append(_checked(layout, "manifest", checks_of_run(report)))
    return OperatorLineage(inputs=inputs, outputs=[images, manifest])


def lineage_of_verify(layout: Layout, report: VerifyReport | None) -> OperatorLineage[Any, Any]:
    """Return what a task that verifies reads."""
    from airflow.providers.openlineage.extractors import OperatorLineage

    return OperatorLineage(
        inputs=[
            _checked(layout, "images", checks_of_verify(report) if report else []),
            _checked(layout, "manifest", []),
        ]
    )


def lineage_of_rebuild(layout: Layout, stablecog_conn_id: str) -> OperatorLineage[Any, Any]:
    """Return what a task that rebuilds reads. What it writes, the checkpoint, is no dataset."""
    from airflow.providers.openlineage.extractors import OperatorLineage

    account = _input(f"stablecog://{stablecog_conn_id}", "outputs")
    return OperatorLineage(inputs=[account, _checked(layout, "manifest", [])])


def lineage_of_forget(layout: Layout) -> OperatorLineage[Any, Any]:
    """Return what a task that forgets changes."""
    from airflow.providers.openlineage.extractors import OperatorLineage

    return OperatorLineage(inputs=[_checked(layout, "manifest", [])], outputs=_parts(layout))


def lineage_of_restore(layout: Layout, to_folder: str, into: Layout | None) -> OperatorLineage[Any, Any]:
    """Return what a task that restores reads and writes. A drill (neither `to_folder` nor `into`) leaves nothing."""
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import OutputDataset

    written = _parts(into) if into else [OutputDataset(namespace="file", name=to_folder)] if to_folder else []
    return OperatorLineage(inputs=[_checked(layout, "images", []), _checked(layout, "manifest", [])], outputs=written)


def lineage_of_publish(layout: Layout, catalog: str, table: str) -> OperatorLineage[Any, Any]:
    """Return what a task that publishes reads and writes."""
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import OutputDataset

    lake = OutputDataset(namespace=f"iceberg://{catalog}", name=table)
    return OperatorLineage(inputs=[_checked(layout, "manifest", [])], outputs=[lake])


def checks_of_run(report: RunFacts) -> list[Check]:
    """The proof, if there is one, and whether images failed."""
    checks = [Check("images_stored", "no image failed in this run", not report.failed, 0, report.failed, blocks=False)]
    if report.proof is not None:
        agrees = report.outcome is not Outcome.NOT_PROVEN
        name = "the manifest holds as many outputs as the source counts"
        checks.insert(0, Check("row_count", name, agrees, report.proof.source, report.proof.manifest))
    return checks


def checks_of_verify(report: VerifyReport) -> list[Check]:
    """Whether what was checked is whole."""
    name = f"no stored image is missing or damaged ({report.level})"
    return [Check("images_whole", name, not report.unrepaired, 0, report.unrepaired)]


def _checked(layout: Layout, part: str, checks: list[Check]) -> Any:
    from openlineage.client.facet_v2 import data_quality_assertions_dataset as assertions

    dataset = _input(f"s3://{layout.bucket}", layout.key(part))
    if part == "manifest":
        dataset.facets["schema"] = _schema()
    if checks:
        # Older clients know fewer fields.
        known = {each.name for each in assertions.Assertion.__attrs_attrs__}
        made = [
            assertions.Assertion(**{name: value for name, value in _assertion(check).items() if name in known})
            for check in checks
        ]
        facet = assertions.DataQualityAssertionsDatasetFacet(assertions=made)
        dataset.inputFacets["dataQualityAssertions"] = facet
    return dataset


def _assertion(check: Check) -> dict[str, Any]:
    return {
        "assertion": check.kind,
        "success": check.passed,
        "name": check.name,
        "severity": "error" if check.blocks else "warn",
        "expected": str(check.expected),
        "actual": str(check.actual),
    }


def _input(namespace: str, name: str) -> Any:
    from openlineage.client.event_v2 import InputDataset

    return InputDataset(namespace=namespace, name=name)


def _parts(layout: Layout) -> list[Any]:
    return [_output(layout, "images"), _output(layout, "manifest")]


def _output(layout: Layout, part: str) -> Any:
    from openlineage.client.event_v2 import OutputDataset

    return OutputDataset(namespace=f"s3://{layout.bucket}", name=layout.key(part))


def _schema() -> Any:
    from openlineage.client.facet_v2 import schema_dataset

    fields = [schema_dataset.SchemaDatasetFacetFields(name=name, type=kind) for name, kind, _ in COLUMNS]
    return schema_dataset.SchemaDatasetFacet(fields=fields)
