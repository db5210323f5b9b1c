"""Archives that were damaged."""
