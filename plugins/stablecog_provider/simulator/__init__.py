"""A faithful stand-in for the Stablecog service, for tests, demo and benchmarks.

`world` knows what exists and when, `listing` how the server pages (and so how it loses rows), `documents` how it writes,
`images` what the images' bytes are, `server` puts them behind HTTP. Only `images` needs Pillow.
"""
