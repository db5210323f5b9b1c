"""Rows as they are in another place: their images are named there."""

from __future__ import annotations

import json
from dataclasses import replace

from ...model.manifest import Row
from ...model.object_keys import Layout


def moved_to(place: Layout, row: Row) -> Row:
    """The row with the addresses that its images have at the place."""

    def at_place(uri: str) -> str:
        key = place.own_image(uri)
        return place.uri(key) if key else uri

    earlier = row.earlier_images
    if earlier:
        listed = [{**each, "uri": at_place(each["uri"])} for each in json.loads(earlier)]
        earlier = json.dumps(listed, sort_keys=True, separators=(",", ":"))
    return replace(row, uri=at_place(row.uri) if row.uri else None, earlier_images=earlier)
