"""Damaged archives."""
