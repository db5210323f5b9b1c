"""The backfill on a real Airflow of several workers, on this machine alone: `make e2e`."""
