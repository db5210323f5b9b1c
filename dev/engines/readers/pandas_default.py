"""pandas with its own types, as most people use it: a column of integers with a null becomes floating point."""

from __future__ import annotations

from . import pandas
from .place import Place, Reading


def read(place: Place) -> Reading:
    return pandas.read(place, None)
