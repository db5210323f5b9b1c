"""The ten questions, as SQL with a few words per dialect. Readers run them without the package, in an environment of their own.

An answer is a list of rows of plain values: days as `2026-11-21`, instants as microseconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass

Rows = list[list[object]]

ZONES = ("UTC", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Auckland")
SESSION = "Pacific/Auckland"
"""The time zone of the readers' processes. None of the ten answers may depend on it."""
DAY = "2026-11-21"
UNNAMED = "(no listing named it)"
EXACT = 2**53
"""Integers beyond it are not exact as floating-point numbers."""
FOX, TOWER = "🦊", "灯台"
COMPOSED = "\u00e9clair"

TITLES = {
    "days": "counts per day",
    "models": "by model name",
    "pairs": "join of both images",
    "one_day": "one day",
    "zones": "days in time zones",
    "instants": "microseconds",
    "nulls": "nulls",
    "unicode": "Unicode",
    "seeds": "64-bit seeds",
    "evolution": "schema evolution",
}


@dataclass(frozen=True)
class Dialect:
    """Expressions that engines spell differently. `local_day` has `{zone}`; `day` and `today` are of the type of `dt`."""

    day: str
    local_day: str
    micros: str
    length: str = "length(prompt)"
    text: str = "cast({} as varchar)"


def statements(dialect: Dialect) -> dict[str, str]:
    """Return the SQL of each question; that of `zones` has one statement per zone, separated by semicolons."""
    day = dialect.text.format("i.dt")
    return {
        "days": f"""
            select {day} as day, count(distinct output_id) as outputs, count(*) as images, sum(bytes) as total
            from manifest i where state = 'archived' group by i.dt order by day""",
        "models": f"""
            select coalesce(m.name, '{UNNAMED}') as model, count(distinct i.output_id) as outputs, count(*) as images
            from manifest i left join models m on i.model_id = m.id
            group by coalesce(m.name, '{UNNAMED}') order by model""",
        "pairs": f"""
            select {day} as day, count(*) as both_images, sum(i.bytes + u.bytes) as total
            from manifest i join manifest u on i.output_id = u.output_id and i.dt = u.dt
            where i.rendition = 'original' and u.rendition = 'upscaled' and i.state = 'archived' and u.state = 'archived'
            group by i.dt order by day""",
        "one_day": f"""
            select output_id, rendition, state from manifest
            where dt = {dialect.day.format(DAY)} and state <> 'archived' order by output_id, rendition""",
        "zones": ";".join(
            f"""
            select '{zone}' as zone, count(*) as elsewhere from manifest i
            where {dialect.text.format(dialect.local_day.format(zone=zone))} <> {day}"""
            for zone in ZONES
        ),
        "instants": f"""
            select output_id, {dialect.micros} as micros from manifest
            where rendition = 'original' order by micros desc, output_id limit 5""",
        "nulls": """
            select count(*) as n, count(seed) as seeds, count(prompt) as prompts, count(guidance_scale) as guided,
                   sum(case when prompt = '' then 1 else 0 end) as blank,
                   sum(case when deleted_at is null then 1 else 0 end) as live,
                   sum(case when is_favorited is null then 1 else 0 end) as unknown
            from manifest""",
        "unicode": f"""
            select distinct prompt, {dialect.length} as characters from manifest
            where prompt like '%{FOX}%' or prompt like '%{TOWER}%' or prompt = '{COMPOSED}' order by characters, prompt""",
        "seeds": f"""
            select seed, count(*) as n from manifest where seed > {EXACT} or seed < -{EXACT} group by seed order by seed""",
        "evolution": f"""
            select {day} as day, count(*) as images, count(gone_since) as gone, count(earlier_images) as replaced
            from manifest i group by i.dt order by day""",
    }  # fmt: skip
