"""Proxies and certificate authorities, read once and handed to each client: API, images, store."""
