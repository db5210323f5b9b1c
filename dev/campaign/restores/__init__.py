"""Restores: processes that are killed at any instant, and hostile conditions."""
