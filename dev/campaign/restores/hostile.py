"""Conditions that try to read, write, connect, or take the machine down. Each must be refused, and must leave no trace."""

from __future__ import annotations

import io
import json
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from stablecog_provider.cli import main
from stablecog_provider.cli.context import CliContext
from stablecog_provider.cli.exits import Exit
from stablecog_provider.model.object_keys import Layout

from ...local.s3_server import S3Server
from ..rig.tally import Tally

SECRET = "bait-5e1f"
CONDITIONS = (
    "1=1; COPY manifest TO '{folder}/out.csv'",
    "1=1; DROP TABLE manifest",
    "true) ; COPY (SELECT 1) TO '{folder}/out.csv' --",
    "(SELECT content FROM read_text('{bait}')) IS NOT NULL",
    "prompt = (SELECT content FROM read_text('{bait}'))",
    "prompt IN (SELECT content FROM read_text('{bait}'))",
    "EXISTS (SELECT * FROM read_text('/etc/passwd'))",
    "EXISTS (FROM read_csv('{bait}'))",
    "EXISTS (FROM '{bait}')",
    "EXISTS (FROM glob('{folder}/*'))",
    "EXISTS (FROM parquet_scan('{folder}/*.parquet'))",
    "EXISTS (FROM sqlite_scan('{bait}', 'x'))",
    "EXISTS (FROM duckdb_secrets())",
    "EXISTS (FROM duckdb_settings())",
    "EXISTS (WITH x AS (FROM read_blob('{bait}')) FROM x)",
    "1 = ANY (SELECT size FROM read_blob('{bait}'))",
    "read_text('{bait}') IS NOT NULL",
    "getenv('AWS_SECRET_ACCESS_KEY') LIKE 'x%'",
    "current_setting('secret_directory') IS NOT NULL",
    "getvariable('x') IS NULL",
    "query('SELECT 1') IS NOT NULL",
    "error(prompt) IS NULL",
    "write_log('x') IS NULL",
    "nextval('s') = 1",
    "sleep_ms(100000000) IS NULL",
    "ATTACH '{folder}/new.db'",
    "ATTACH 'http://127.0.0.1:{port}/x.db' AS x",
    "EXISTS (FROM read_csv('http://127.0.0.1:{port}/x'))",
    "EXISTS (FROM 's3://127.0.0.1:{port}/x.parquet')",
    "INSTALL httpfs",
    "INSTALL httpfs FROM 'http://127.0.0.1:{port}'",
    "LOAD '{bait}'",
    "SET enable_external_access = true",
    "RESET lock_configuration",
    "PRAGMA database_list",
    "PRAGMA import_database('{folder}')",
    "EXPORT DATABASE '{folder}/all'",
    "IMPORT DATABASE '{folder}'",
    "CALL pragma_version()",
    "CREATE TABLE x AS SELECT 1",
    "CREATE SECRET x (TYPE s3)",
    "VACUUM",
    "CHECKPOINT",
    "true UNION SELECT true FROM read_text('{bait}')",
    "true) FROM manifest UNION (SELECT true FROM read_text('{bait}')",
    "true) OR (EXISTS (FROM read_text('{bait}'))",
    "true), (SELECT content FROM read_text('{bait}')",
    "true) OVER (ORDER BY (SELECT content FROM read_text('{bait}'))",
    "true /* ",
    "true) FILTER (WHERE EXISTS (FROM read_text('{bait}'))",
    'prompt::"{folder}/x" IS NULL',
    "len(repeat('x', 100000000000)) > 0",
    "len(rpad(prompt, 2000000000, 'x')) > 0",
    "range(100000000000) IS NOT NULL",
    "list_aggregate(range(1000000000), 'sum') > 0",
    "replace(replace(prompt, 'a', repeat(prompt, 1000)), 'b', prompt) = ''",
    "regexp_replace(raw, '.', raw, 'g') = ''",
    "COLUMNS(*) IS NOT NULL",
    "count(*) > 0",
    "row_number() OVER () = 1",
    "random() < 0.5",
    "prompt = ?",
    "prompt = $secret",
    "\x00",
    "((((((((((" * 390,
)


def try_conditions(server: S3Server, archive: Layout, folder: Path, conditions: Sequence[str] = CONDITIONS) -> Tally:
    """Run `restore --where` with each condition."""
    tally = Tally("restores: conditions", "hostile conditions")
    place, out = folder / "place", folder / "restored"
    place.mkdir()
    bait = place / "bait.csv"
    bait.write_text(f"column\n{SECRET}\n")
    before = _seen(place)
    with _listening() as (port, connections):
        for condition in conditions:
            where = condition.replace("{folder}", str(place)).replace("{bait}", str(bait)).replace("{port}", str(port))
            code, printed = _restore(server, archive, out, where)
            tally.tried += 1
            fault = _fault(code, printed, before == _seen(place) and not out.exists())
            if connections:
                fault = f"it connected {len(connections)} times"
                connections.clear()
            if fault:
                tally.leaked += 1
                tally.faults.append(f"{condition[:100]!r}: {fault}")
    return tally


def _restore(server: S3Server, archive: Layout, out: Path, where: str) -> tuple[int, str]:
    printed, errors = io.StringIO(), io.StringIO()
    keys = {
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_REGION": "us-east-1",
    }
    arguments = ["restore", "--from", str(archive), "--to-folder", str(out), "--where", where, "--json", "--debug"]
    with patch.dict(os.environ, keys):
        context = CliContext(environ=dict(os.environ), out=printed, err=errors)
        code = main([*arguments, "--endpoint-url", server.endpoint], context)
    return code, printed.getvalue() + errors.getvalue()


def _fault(code: int, printed: str, untouched: bool) -> str:
    if SECRET in printed or "root:x:" in printed:
        return "it read a file"
    if not untouched:
        return "it wrote a file"
    document = json.loads(printed.splitlines()[0])
    if code != Exit.SETTINGS or document.get("kind") != "ConfigurationError":
        return f"it ended with {code}: {printed[:200]}"
    return "" if "--where" in document["error"] and document["hint"] else f"its error is unclear: {document}"


def _seen(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in place.rglob("*") if path.is_file()}


@contextmanager
def _listening() -> Iterator[tuple[int, list[object]]]:
    """Listen on a port, and note every connection."""
    connections: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, address = listener.accept()
                except OSError:
                    return
                connections.append(address)
                connection.close()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1], connections
        listener.shutdown(socket.SHUT_RDWR)
