"""One module per engine, each with `read(place)`. They run in `.venv-engines`, and import nothing else of this repository."""
