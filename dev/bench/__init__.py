"""Benchmarks, run by hand (`make bench`), never by the tests. `docs/performance.md` has the figures."""
