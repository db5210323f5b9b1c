"""Faults of the API and of the image hosts."""
