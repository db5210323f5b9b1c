"""Servers and programs on this machine: an S3 server, the simulator, an Airflow home, child processes. All waits are bounded."""
