"""Helpers for tests of several rooms: worlds, documents, rows, servers."""
