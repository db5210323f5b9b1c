"""Reads the source: its capabilities, the order-safe walk, its counts, and the account check."""
