"""Reading the source: what it can do, the order-safe walk, its counts, and whose account it is."""
