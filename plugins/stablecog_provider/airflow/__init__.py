"""The Airflow provider. Only this folder imports Airflow."""
