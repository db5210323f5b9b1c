"""`python -m dev.engines.readers ENGINE ROOT`: prints the engine's answers as JSON."""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import asdict

from .place import Place

if __name__ == "__main__":
    _, name, root = sys.argv
    reading = importlib.import_module(f".{name}", __package__).read(Place(root))
    sys.stdout.write(json.dumps(asdict(reading)) + "\n")
