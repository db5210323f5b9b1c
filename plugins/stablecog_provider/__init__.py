"""An archive of a Stablecog account's generation outputs: every image in S3, one Parquet manifest, proven complete."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def get_provider_info() -> dict[str, Any]:
    """What Airflow asks of a provider, through the entry point `apache_airflow_provider`. Needs no Airflow to import.

    The connection form is declared here for Airflow 3.2 and later; 3.1 shows its standard fields as the hook words them.
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
        "description": "Comma-separated host or host:port. Images come over https from *.stablecog.com; a host named here "
        "may also serve them, even over plain http or at a private address, and may be the API's own address over http.",
        "schema": {"type": ["string", "null"]},
    },
    "requests_per_second": {
        "label": "API requests per second",
        "description": "Below 10, the service's limit for one client address. 8 if empty.",
        "schema": {"type": ["number", "null"], "minimum": 0.1, "maximum": 9.9},
    },
}
