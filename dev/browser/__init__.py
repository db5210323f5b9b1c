"""The page as people meet it: in Chromium, on its own and inside a real Airflow."""
