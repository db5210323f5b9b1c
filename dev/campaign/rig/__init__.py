"""Shared by the sections: a bench, tallies, listeners, proxies, a service that lies."""
