"""Runs side by side, of a part, and what they cost."""
