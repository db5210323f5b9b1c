"""Whether an archive is whole, asked of three tables by SQL: what the source has, what the manifest says, what lies in the
bucket. Nothing of the archive's own code takes part.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

TRUTH = pa.schema([("output_id", pa.string()), ("rendition", pa.string()), ("sha256", pa.string())])
"""One row an image that the source has; the digest is of the source's bytes, hexadecimal."""
STORED = pa.schema([("uri", pa.string()), ("bytes", pa.int64()), ("sha256", pa.string())])
"""One row an object below `images/`; the digest is of the bytes as they lie in the bucket."""

_QUERIES = {
    # What the manifest does not claim to have, and what it claims and the bucket does not have.
    "lost": """
        select t.output_id || ' (' || t.rendition || ')' from truth t
        where not exists (
            select 1 from manifest m join stored s on s.uri = m.uri
            where m.output_id = t.output_id and m.rendition = t.rendition and m.state = 'archived' and m.deleted_at is null)""",
    # Two rows for one image, rows of nothing, and objects that no row names.
    "doubled": """
        select output_id || ' (' || rendition || ') has ' || count(*) || ' rows' from manifest
        group by output_id, rendition having count(*) > 1
        union all
        select m.output_id || ' (' || m.rendition || ') is no image of the account' from manifest m
        anti join truth t on t.output_id = m.output_id and t.rendition = m.rendition
        union all
        select s.uri || ' belongs to no row' from stored s anti join manifest m on m.uri = s.uri""",
    # Three digests of the same image: the source's, the manifest's, and that of the object.
    "corrupt": """
        select distinct m.output_id || ' (' || m.rendition || ')' from manifest m
        join stored s on s.uri = m.uri
        join truth t on t.output_id = m.output_id and t.rendition = m.rendition
        where m.sha256 is distinct from t.sha256 or s.sha256 is distinct from t.sha256
            or m.bytes is distinct from s.bytes""",
}


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong, a sentence each; `outputs` and `images` are what the manifest holds as archived."""

    outputs: int
    images: int
    lost: list[str]
    doubled: list[str]
    corrupt: list[str]

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.corrupt)


def judge(truth: pa.Table, manifest: pa.Table, stored: pa.Table) -> Findings:
    """`truth` and `stored` as above; `manifest` has the archive's columns, all partitions together, as they stand."""
    with duckdb.connect() as connection:
        for name, table in (("truth", truth), ("manifest", manifest), ("stored", stored)):
            connection.register(name, table)
        counted = connection.execute(
            "select count(distinct output_id), count(*) from manifest where state = 'archived'"
        ).fetchone()
        outputs, images = counted or (0, 0)
        wrong = {name: [row[0] for row in connection.execute(query).fetchall()] for name, query in _QUERIES.items()}
    return Findings(outputs, images, **wrong)
