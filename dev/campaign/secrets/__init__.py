"""Secrets that must appear nowhere."""
