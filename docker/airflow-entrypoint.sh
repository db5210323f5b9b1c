#!/bin/sh
# Runs `stablecog-archive` as itself. The entrypoint of the Airflow image would pass it to `airflow` as an unknown command.
set -eu
if [ "${1:-}" = stablecog-archive ]; then
    exec "$@"
fi
exec /entrypoint "$@"
