"""Stored bytes against what the manifest records of them."""
