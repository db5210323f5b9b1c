"""Fuzzed documents."""
