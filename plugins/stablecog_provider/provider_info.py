"""What the provider declares to Airflow."""

from __future__ import annotations

from typing import Any

from .version import __version__


def get_provider_info() -> dict[str, Any]:
    """Return what Airflow reads from a provider, through the entry point `apache_airflow_provider`. Does not import Airflow.

    The connection form is for Airflow 3.2 and later. 3.1 shows its standard fields with the hook's wording.
    """
    return {
        "package-name": "airflow-provider-stablecog",
        "name": "Stablecog",
        "description": "Archives a Stablecog account's generation outputs to S3, and proves that nothing is missing.",
        "versions": [__version__],
        "integrations": [
            {"integration-name": "Stablecog", "external-doc-url": "https://stablecog.com/docs", "tags": ["service"]}
        ],
        "hooks": [{"integration-name": "Stablecog", "python-modules": ["stablecog_provider.airflow.hooks"]}],
        "operators": [{"integration-name": "Stablecog", "python-modules": ["stablecog_provider.airflow.operators"]}],
        "extra-links": [
            "stablecog_provider.airflow.links.RunReportLink",
            "stablecog_provider.airflow.links.ManifestLink",
            "stablecog_provider.airflow.links.ArchivePageLink",
        ],
        "sensors": [{"integration-name": "Stablecog", "python-modules": ["stablecog_provider.airflow.sensors"]}],
        "triggers": [{"integration-name": "Stablecog", "python-modules": ["stablecog_provider.airflow.triggers"]}],
        "connection-types": [
            {
                "connection-type": "stablecog",
                "hook-class-name": "stablecog_provider.airflow.hooks.StablecogHook",
                "hook-name": "Stablecog",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "login", "port"],
                    "relabeling": {"host": "API address", "password": "API key"},
                    "placeholders": {"host": "https://api.stablecog.com", "password": "sc-..."},
                },
                "conn-fields": _CONNECTION_FIELDS,
            }
        ],
    }


_CONNECTION_FIELDS = {
    "image_hosts": {
        "label": "Further image hosts",
        "description": "HOST or HOST:PORT, separated by commas. Images come from *.stablecog.com over https. A host named here "
        "may serve images too, also over plain http or at a private address, and may serve the API over plain http.",
        "schema": {"type": ["string", "null"]},
    },
    "secret_headers": {
        "label": "Headers for a gateway",
        "description": "Name: value. Sent to the API address alone, with each request. Shown nowhere, like the API key.",
        "schema": {"type": ["string", "null"], "format": "password"},
    },
    "requests_per_second": {
        "label": "API requests per second",
        "description": "Below 10, the service's limit for one client address. Default: 8.",
        "schema": {"type": ["number", "null"], "minimum": 0.1, "maximum": 9.9},
    },
}
