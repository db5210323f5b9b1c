"""Kills of a forget, and a search for what it should have removed."""
