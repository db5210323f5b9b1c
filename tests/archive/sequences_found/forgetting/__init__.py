"""Sequences around a forget."""
