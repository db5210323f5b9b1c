"""What the sections share: faults, counts, listeners, proxies, a service that lies."""
