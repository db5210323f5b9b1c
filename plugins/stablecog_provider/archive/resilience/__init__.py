"""Retries and rate limits."""
