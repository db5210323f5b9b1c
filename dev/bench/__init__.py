"""What the archive costs: run by hand, never by the tests. `docs/performance.md` has the figures."""
