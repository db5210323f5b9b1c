"""The page: one application that shows archives, on its own (`stablecog-archive browse`) and inside Airflow."""
