"""Checks an archive by SQL over three tables: images of the source, rows of the manifest, objects in the bucket.

It uses none of the archive's own code.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

TRUTH = pa.schema([("output_id", pa.string()), ("rendition", pa.string()), ("sha256", pa.string())])
"""One row per image of the source. The digest is of the source's bytes, in hexadecimal."""
STORED = pa.schema([("uri", pa.string()), ("bytes", pa.int64()), ("sha256", pa.string())])
"""One row per object below `images/`. The digest is of the stored bytes."""

_QUERIES = {
    # Images that the manifest does not claim, and images that it claims but the bucket does not hold.
    "lost": """
        select t.output_id || ' (' || t.rendition || ')' from truth t
        where not exists (
            select 1 from manifest m join stored s on s.uri = m.uri
            where m.output_id = t.output_id and m.rendition = t.rendition and m.state = 'archived' and m.deleted_at is null)""",
    # Images with several rows, rows without an image, and objects without a row.
    "doubled": """
        select output_id || ' (' || rendition || ') has ' || count(*) || ' rows' from manifest
        group by output_id, rendition having count(*) > 1
        union all
        select m.output_id || ' (' || m.rendition || ') is no image of the account' from manifest m
        anti join truth t on t.output_id = m.output_id and t.rendition = m.rendition
        union all
        select s.uri || ' belongs to no row' from stored s anti join manifest m on m.uri = s.uri""",
    # Images whose digests differ between source, manifest and object.
    "corrupt": """
        select distinct m.output_id || ' (' || m.rendition || ')' from manifest m
        join stored s on s.uri = m.uri
        join truth t on t.output_id = m.output_id and t.rendition = m.rendition
        where m.sha256 is distinct from t.sha256 or s.sha256 is distinct from t.sha256
            or m.bytes is distinct from s.bytes""",
}


@dataclass(frozen=True, slots=True)
class Findings:
    """`lost`, `doubled`, `corrupt`: one sentence per problem. `outputs`, `images`: what the manifest claims as archived."""

    outputs: int
    images: int
    lost: list[str]
    doubled: list[str]
    corrupt: list[str]

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.corrupt)


def judge(truth: pa.Table, manifest: pa.Table, stored: pa.Table) -> Findings:
    """Compare the three tables. `truth` is a `TRUTH`, `stored` a `STORED`; `manifest` holds all partitions as they are stored."""
    with duckdb.connect() as connection:
        for name, table in (("truth", truth), ("manifest", manifest), ("stored", stored)):
            connection.register(name, table)
        counted = connection.execute(
            "select count(distinct output_id), count(*) from manifest where state = 'archived'"
        ).fetchone()
        outputs, images = counted or (0, 0)
        wrong = {name: [row[0] for row in connection.execute(query).fetchall()] for name, query in _QUERIES.items()}
    return Findings(outputs, images, **wrong)
