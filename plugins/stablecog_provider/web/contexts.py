"""What templates render: frozen values, in words. A template computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """A button that triggers a DAG. `conf`: its settings as JSON."""

    label: str
    main: bool
    dag_id: str
    conf: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The answer to three questions. `tone`: ok, warn, bad or none. `command`: what to type, where the page is read-only."""

    tone: str
    icon: str
    word: str
    safe: Sequence[str]
    to_do: str
    to_do_more: str = ""
    command: str = ""
    actions: Sequence[Action] = ()
    fresh_label: str = "How fresh"
    fresh: str = ""
    fresh_more: str = ""
    fresh_second: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    value: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle in the units of its drawing: `x`, `width`, and for charts `y`, `height` of 100."""

    x: float
    width: float
    y: float = 0.0
    height: float = 100.0


@dataclass(frozen=True, slots=True)
class Gap:
    """`x`, `width` in days since the first one."""

    x: float
    width: float
    text: str
    days: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Coverage and counts per day, from `first` (a day) on. `outputs`, `bytes`: per day, as the script reads them."""

    first: str
    days: int
    outputs: str
    bytes: str
    never: str
    covered: Sequence[Bar]
    gaps: Sequence[Gap]
    history: Sequence[Bar]
    output_bars: Sequence[Bar]
    byte_bars: Sequence[Bar]
    shown_days: int
    years: Sequence[tuple[str, float]]
    ticks: Sequence[str]
    sentence: str
    most_outputs: str
    most_bytes: str
    table: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Absence:
    """Images that are not stored. `state`: as the filter of the gallery names it; empty if it repeats the line above."""

    state: str
    title: str
    reason: str
    images: str
    next: str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Shares:
    """What was checked again, in per cent within 7, 30 and 90 days."""

    name: str
    within: Sequence[int]
    oldest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    started: str
    started_at: str
    kind: str
    tone: str
    icon: str
    outcome: str
    took: str
    share: int
    images: str
    bytes: str
    failed: str
    link: str


@dataclass(frozen=True, slots=True)
class Link:
    """`outside`: it leads out of the frame that Airflow shows the page in; its address is below Airflow's path."""

    text: str
    address: str
    outside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    band: Band
    figures: Sequence[Figure] = ()
    timeline: Timeline | None = None
    absences: Sequence[Absence] = ()
    shares: Sequence[Shares] = ()
    check_note: str = ""
    runs: Sequence[RunLine] = ()
    links: Sequence[Link] = ()
    manifest: str = ""
    explanation: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLine:
    """A line of the first page if there are several archives."""

    name: str
    link: str
    tone: str
    icon: str
    word: str
    to_do: str
    lag: str
    outputs: str
    stored: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    band: Band
    sentences: Sequence[str]
    figures: Sequence[Figure]
    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A page that says what is the matter, and what to do. `command`: to type, if that helps."""

    title: str
    text: str
    command: str = ""
    icon: str = "i-none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What every page has around it. `here`: overview, gallery, or empty. `back`: to all archives, if there are several.

    `outer`: the path under which the application that mounts the page is served, Airflow's.
    """

    title: str
    name: str = ""
    address: str = ""
    root: str = ""
    outer: str = ""
    base: str = ""
    here: str = ""
    back: str = ""
    as_of: str = ""
    as_of_at: str = ""
    bare: bool = False
