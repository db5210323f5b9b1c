"""Conditions on rows, evaluated by DuckDB in a locked-down connection.

An expression is parsed before it is run, and may contain nothing but columns, constants, comparisons, casts and the functions of
`FUNCTIONS`: no subquery, so no table and no file; no setting; nothing that takes memory without bound or answers differently from
one reading of the manifest to the next. Besides, the connection has no access to files or network, and cannot be changed.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa

from ..archive.ports import Partition
from ..errors import ConfigurationError
from ..model.manifest import COLUMNS, Row
from .parquet_partition import SCHEMA, ParquetPartition, table_of
from .redaction import one_line

MAX_LENGTH = 4000
"""Characters of an expression."""
MEMORY = "256MB"
SECONDS = 30.0
"""Per partition."""
TABLE, WRAPPER = "manifest", "the_condition"
_CONFIG: dict[str, Any] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
    "memory_limit": MEMORY,
    "threads": "1",
}
_CLASSES = {"BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "OPERATOR"}
_WORDS = """
    abs ceil ceiling century coalesce concat contains current_date current_timestamp date_add date_diff date_part date_sub
    date_trunc datediff datepart datetrunc day dayname dayofmonth dayofweek dayofyear ends_with epoch floor format_bytes
    get_current_timestamp greatest hour ilike_escape instr isfinite isnan isodow json_exists json_extract json_extract_string
    json_valid last_day lcase least left len length like_escape lower ltrim md5 minute month monthname not_ilike_escape
    not_like_escape now nullif position prefix quarter regexp_full_match regexp_matches right round rtrim second sha256 sign
    starts_with strftime strlen strpos strptime struct_extract substr substring suffix to_days to_hours to_minutes to_months
    to_seconds to_weeks to_years today trim trunc try_strptime ucase upper week weekday year yearweek
    ! != ~~ !~~ ~~* !~~* ~~~ ~ + - * / // % || ->> -> @@
"""
FUNCTIONS = frozenset(_WORDS.split())
"""None of them reads anything but its arguments and the clock, or makes a text that is much longer than its arguments."""
_TYPE_WORDS = """
    bigint blob bool boolean date decimal double float hugeint int int4 int8 integer interval json real smallint string text time
    timestamp timestamptz uuid varchar
"""
_TYPES = frozenset(_TYPE_WORDS.split()) | {"timestamp with time zone"}
_NAMES = frozenset(name for name, _, _ in COLUMNS) | {"current_date", "current_timestamp"}
"""DuckDB parses the last two as columns."""
HINT = (
    "write one condition on the columns, such as \"prompt ILIKE '%fox%' AND created_at >= '2026-01-01'\"; `restore --help` lists "
    "them"
)


class DuckDbFilter:
    """Port `RowFilter`. Making it parses the expression. Raises ConfigurationError, which names what is wrong with it."""

    def __init__(self, expression: str, *, seconds: float = SECONDS) -> None:
        self._expression, self._seconds = expression, seconds
        self._lock = threading.Lock()
        if len(expression) > MAX_LENGTH:
            raise self._refused(f"it has more than {MAX_LENGTH} characters")
        self._connection = duckdb.connect(":memory:", config=_CONFIG)
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute("SET lock_configuration = true")
        self._check_tree(self._parsed())
        self._check_type()

    async def rows(self, partition: Partition) -> Iterable[Row]:
        own = partition if isinstance(partition, ParquetPartition) else None
        table = own.table if own is not None else table_of(partition.rows())
        chosen = await asyncio.to_thread(self._chosen, table)
        return ParquetPartition(partition.day, chosen).rows()

    def _chosen(self, table: pa.Table) -> pa.Table:
        with self._lock:
            mask = self._evaluated(table)
        return table.filter(mask)

    def _evaluated(self, table: pa.Table) -> pa.ChunkedArray:
        try:
            self._connection.register(TABLE, table)
            query = f"SELECT coalesce((\n{self._expression}\n), false) AS chosen FROM {TABLE}"  # noqa: S608 (checked)
            with self._bounded():
                return self._connection.sql(query).to_arrow_table()["chosen"]
        except duckdb.InterruptException:
            failure = self._refused(f"it took more than {self._seconds:.0f} seconds for one day")
        except duckdb.Error as error:
            failure = self._refused(_reason(error))
        finally:
            self._connection.unregister(TABLE)
        raise failure

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        """Interrupt what the block runs if it takes too long."""
        done = threading.Event()

        def watch() -> None:
            wait = self._seconds
            # An interrupt between two steps of a query has no effect, so it is repeated.
            while not done.wait(wait):
                self._connection.interrupt()
                wait = 0.05

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def _parsed(self) -> Any:
        """The one expression that the text is, as DuckDB parses it. Raises ConfigurationError."""
        query = f"SELECT {WRAPPER}(\n{self._expression}\n)"
        try:
            ((serialized,),) = self._connection.execute("SELECT json_serialize_sql(?)", [query]).fetchall()
            tree = json.loads(serialized)
        except (duckdb.Error, ValueError, RecursionError) as error:
            raise self._refused(one_line(str(error))) from None
        if tree.get("error"):
            raise self._refused(one_line(str(tree.get("error_message"))))
        call = _only_call(tree)
        if not self._expression.strip():
            raise self._refused("it is empty")
        if call is None:
            raise self._refused("it is more than one expression")
        return call

    def _check_tree(self, expression: Any) -> None:
        try:
            for kind, node in _nodes(expression):
                if problem := _problem(kind, node):
                    raise self._refused(problem)
        except RecursionError:
            raise self._refused("it is nested too deeply") from None

    def _check_type(self) -> None:
        """Run it on no rows: it must be a condition, on columns that exist, of types that agree."""
        try:
            self._connection.register(TABLE, SCHEMA.empty_table())
            found = self._connection.execute(f"SELECT (\n{self._expression}\n) FROM {TABLE}")  # noqa: S608 (checked)
            kind = str(found.description[0][1]) if found.description else ""
            found.fetchall()
        except duckdb.Error as error:
            raise self._refused(_reason(error)) from None
        finally:
            self._connection.unregister(TABLE)
        if kind.upper() not in ("BOOL", "BOOLEAN"):
            raise self._refused(f"it is a {kind}, not a condition")

    def _refused(self, why: str) -> ConfigurationError:
        shown = one_line(self._expression[:120])
        return ConfigurationError(f"--where {shown!r} cannot be used: {why}", hint=HINT)


def _only_call(tree: Any) -> Any:
    """Return the wrapper's only argument; None if the text broke out of it."""
    statements = tree.get("statements") or []
    node = statements[0].get("node", {}) if len(statements) == 1 else {}
    if node.get("type") != "SELECT_NODE" or node.get("modifiers") or (node.get("cte_map") or {}).get("map"):
        return None
    for name in ("where_clause", "group_expressions", "group_sets", "having", "sample", "qualify"):
        if node.get(name):
            return None
    selected = node.get("select_list") or []
    call = selected[0] if len(selected) == 1 else {}
    is_plain = not (call.get("filter") or call.get("distinct") or (call.get("order_bys") or {}).get("orders"))
    source = (node.get("from_table") or {}).get("type")
    if call.get("class") != "FUNCTION" or call.get("function_name") != WRAPPER or not is_plain or source != "EMPTY":
        return None
    arguments = [each.get("expression", each) for each in call.get("arguments") or call.get("children") or []]
    return arguments[0] if len(arguments) == 1 else None


def _nodes(tree: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Iterate over all expressions in a tree, each with its class."""
    if isinstance(tree, dict):
        if "class" in tree:
            yield str(tree["class"]), tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)


def _problem(kind: str, node: dict[str, Any]) -> str:
    """Why an expression may not contain this; empty if it may."""
    if kind == "FUNCTION":
        name = str(node.get("function_name")).lower()
        if node.get("schema") or node.get("catalog") or name not in FUNCTIONS:
            return f"the function {name} is not allowed"
        return ""
    if kind == "COLUMN_REF":
        names = node.get("column_names") or []
        if len(names) != 1 or str(names[0]).lower() not in _NAMES:
            return f"there is no column {'.'.join(map(str, names))}"
        return ""
    if kind == "TYPE":
        name = str(node.get("type_name")).lower()
        return "" if name in _TYPES and not node.get("schema") else f"there is no type {name}"
    if kind in _CLASSES:
        return ""
    if kind == "SUBQUERY":
        return "it contains a query, and a condition reads nothing but its row"
    return f"{kind.lower().replace('_', ' ')} expressions are not allowed"


def _reason(error: duckdb.Error) -> str:
    """The first paragraph of what DuckDB says."""
    return one_line(str(error).partition("\n\n")[0])[:300]
