"""The Airflow surface, and the only room that imports Airflow."""
