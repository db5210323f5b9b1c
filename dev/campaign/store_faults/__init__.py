"""Faults of the store."""
