"""`make e2e`: the backfill on a distributed Airflow, on this machine."""
