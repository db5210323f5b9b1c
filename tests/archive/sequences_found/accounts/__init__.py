"""Whose account it is, deletions, and what a person consents to."""
