"""The source: counts, dialects, dates and instants."""
