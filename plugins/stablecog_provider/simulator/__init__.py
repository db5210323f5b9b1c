"""A faithful stand-in for the Stablecog service, for tests, demo and benchmarks.

`world` decides what exists and when, `listing` how the server pages (and loses rows), `documents` how it formats responses,
`images` the bytes of images. `server` puts them behind HTTP. Only `images` needs Pillow.
"""
